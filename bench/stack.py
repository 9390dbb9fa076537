"""What the template says of a function, for running it outside of Lambda: names of resources are their logical IDs."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from local.cloud import ROOT, TEMPLATE
from local.invoke import logical_id
from local.template import resources

FUNCTIONS = sorted(app.parent.name for app in (ROOT / "functions").glob("*/app.py"))


@cache
def _properties() -> Mapping[str, tuple[str, Mapping[str, Any]]]:
    return {resource.name: (resource.type, resource.properties) for resource in resources(TEMPLATE, {})}


def tables() -> dict[str, Mapping[str, Any]]:
    """The properties of the template's tables."""
    return {name: stated for name, (kind, stated) in _properties().items() if kind == "AWS::DynamoDB::Table"}


def buckets() -> list[str]:
    """The names of the template's buckets."""
    return [name.lower() for name, (kind, _) in _properties().items() if kind == "AWS::S3::Bucket"]


def environment(function: str) -> dict[str, str]:
    """A function's variables. What only a deploy can tell (an ARN, a URL) is some text."""
    variables = _properties()[logical_id(function)][1]["Environment"]["Variables"]
    return {name: _value(value) for name, value in variables.items()}


def memory(function: str) -> int:
    """Megabytes."""
    return int(_properties()[logical_id(function)][1]["MemorySize"])


def batch_size(function: str) -> int:
    """The most messages of its queue that a function is given at once."""
    queued = [stated for kind, stated in _properties().values() if kind == "AWS::Lambda::EventSourceMapping"]
    [mapping] = [stated for stated in queued if stated["FunctionName"] == {"Ref": logical_id(function)}]
    return int(mapping["BatchSize"])


def _value(value: Any) -> str:
    match value:
        case {"Ref": str(name)}:
            return name.lower() if name.endswith("Bucket") else name
        case dict():
            return "https://example.com"
        case _:
            return str(value)
