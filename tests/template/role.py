"""What a function's role allows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.engine import ACCOUNT, REGION
from tests.template.stack import deployed, function

_CALLED = {
    "holdfast-capacity-0123456789ab": "CapacityBucket",
    "holdfast-fleet-0123456789ab": "FleetBackupBucket",
    "holdfast-objects-0123456789ab": "ObjectsSourceBucket",
}
"""Buckets that have names in the template, by their logical IDs."""


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """An action on a resource. Both may hold wildcards where a role grants, and hold none where a call needs."""

    resource: str
    action: str

    def covers(self, needed: "Grant") -> bool:
        return _matches(self.resource, needed.resource) and _matches(self.action, needed.action)

    @property
    def short(self) -> tuple[str, str]:
        """The resource as a table shows it, without what is the same for all, and the action."""
        resource = re.sub(rf"^arn:aws:[\w-]+:({REGION}|):({ACCOUNT}|):", "", self.resource)
        bucket, *key = resource.split("/", 1)
        return "/".join([_CALLED.get(bucket, bucket), *key]), self.action


def role(name: str, **parameters: str) -> dict[str, Any]:
    return dict(deployed(**parameters)[function(name)["Role"].rpartition("/")[2]].properties)


def machine_statements(machine: str, **parameters: str) -> list[dict[str, Any]]:
    """The statements of a state machine's own policies."""
    made = deployed(**parameters)
    role = made[made[machine].properties["RoleArn"].rpartition("/")[2]].properties
    return [statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]


def statements(name: str, **parameters: str) -> Iterator[dict[str, Any]]:
    """The statements of a function's own policies, those that SAM adds for it included."""
    for policy in role(name, **parameters).get("Policies", []):
        yield from policy["PolicyDocument"]["Statement"]


def grants(name: str, **parameters: str) -> set[Grant]:
    return {
        Grant(resource, action)
        for statement in statements(name, **parameters)
        for resource in _each(statement["Resource"])
        for action in _each(statement["Action"])
    }


def _each(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _matches(pattern: str, text: str) -> bool:
    regex = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(regex, text, re.DOTALL) is not None
