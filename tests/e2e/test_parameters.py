"""Stacks with other parameters than the demo's, each in a cloud of its own."""

import json
import subprocess
import sys
from pathlib import Path

from local import cloud
from tests.e2e.test_capacity import Watched

OWN_BUCKET = "there-before-the-stack"


def test_a_stack_with_every_system_off_deploys() -> None:
    with cloud.temporary(
        {f"Enable{system}": "false" for system in ("Capacity", "Fleet", "Objects", "Tables", "Warehouse")}
    ) as stack:
        assert set(stack.outputs) == {"BreakerTableName", "AlertTopicArn"}


def test_a_bucket_of_ones_own_is_watched_and_counted_with_what_it_held_before() -> None:
    with cloud.temporary({"CapacityBucketName": OWN_BUCKET}) as stack:
        engine = stack.engine
        s3 = engine.client("s3")
        region = engine.variables()["AWS_REGION"]
        s3.create_bucket(Bucket=OWN_BUCKET, CreateBucketConfiguration={"LocationConstraint": region})
        watched = Watched(stack, s3, engine.client("dynamodb"))
        assert watched.name == OWN_BUCKET

        watched.put("before", 7)
        command = [str(Path(sys.executable).with_name("holdfast")), "capacity", "watch", OWN_BUCKET, "--apply"]
        subprocess.run(command, env=engine.environment(), check=True, capture_output=True)
        watched.put("behind", 5)
        watched.settle(5)
        answer = engine.client("lambda").invoke(FunctionName=stack.outputs["CapacityReconcileFunctionName"])
        assert json.load(answer["Payload"])["repaired"] == 1
        assert watched.total() == 12
