"""The capacity system of the template in an account in memory, with the bucket of the sample events."""

from collections.abc import Callable

import pytest

from holdfast import wiring
from tests import aws
from tests.integration.capacity.deployed import Deployed
from tests.invocation import Functions

type Deploy = Callable[..., Deployed]


@pytest.fixture
def deploy(account: None) -> Deploy:
    """Deploys the stack with these parameters onto a bucket that was there before."""

    def deploy(*, versioned: bool = False, **parameters: str) -> Deployed:
        s3 = wiring.client("s3")
        s3.create_bucket(Bucket=aws.SAMPLE_BUCKET)
        if versioned:
            s3.put_bucket_versioning(Bucket=aws.SAMPLE_BUCKET, VersioningConfiguration={"Status": "Enabled"})
        stack = aws.deploy(**{"CapacityBucketName": aws.SAMPLE_BUCKET, "CapacityLimitBytes": "20"} | parameters)
        return Deployed(Functions(stack))

    return deploy


@pytest.fixture
def deployed(deploy: Deploy) -> Deployed:
    """With a limit of 20 bytes."""
    return deploy()
