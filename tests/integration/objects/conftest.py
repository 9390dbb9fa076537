"""The objects system of the template in an account in memory. It protects the bucket of the sample events."""

from collections.abc import Callable

import pytest

from holdfast import wiring
from tests import aws
from tests.integration.clock import Clock
from tests.integration.objects.deployed import BEGINNING, Deployed
from tests.invocation import Functions

type Deploy = Callable[..., Deployed]


@pytest.fixture
def deploy(account: None, monkeypatch: pytest.MonkeyPatch) -> Deploy:
    """Deploys the stack with these parameters onto a bucket that was there before."""

    def deploy(*, versioned: bool = False, **parameters: str) -> Deployed:
        clock = Clock(BEGINNING)
        monkeypatch.setattr(wiring, "now", clock.now)
        s3 = wiring.client("s3")
        s3.create_bucket(Bucket=aws.SAMPLE_BUCKET)
        if versioned:
            s3.put_bucket_versioning(Bucket=aws.SAMPLE_BUCKET, VersioningConfiguration={"Status": "Enabled"})
        return Deployed(Functions(aws.deploy(**{"ProtectedBuckets": aws.SAMPLE_BUCKET} | parameters)), clock)

    return deploy


@pytest.fixture
def deployed(deploy: Deploy) -> Deployed:
    """As a deploy makes it, whoever asks for nothing else."""
    return deploy()
