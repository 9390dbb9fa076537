"""What it takes to protect a bucket that was there before the stack. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ProtectPlan:
    """`configuration` is the bucket's whole notification configuration, as it is to be: S3 replaces it as one."""

    is_on: bool
    kept: int
    configuration: dict[str, Any]


def plan_protect(current: Mapping[str, Any]) -> ProtectPlan:
    """Switch EventBridge on, and keep all other notifications as they are."""
    configuration = {name: value for name, value in current.items() if name != "ResponseMetadata"}
    is_on = "EventBridgeConfiguration" in configuration
    kept = sum(len(value) for value in configuration.values() if isinstance(value, list))
    return ProtectPlan(is_on, kept, configuration | {"EventBridgeConfiguration": {}})


def deploy_line(stack: str, protected: Sequence[str], bucket: str) -> str:
    """The command that adds a bucket to those that a stack protects, and leaves its other parameters as they are."""
    names = ",".join([*protected, bucket])
    return (
        f"sam deploy --stack-name {stack} --capabilities CAPABILITY_IAM --resolve-s3 "
        f"--parameter-overrides ProtectedBuckets={names}"
    )
