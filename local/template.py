"""The resources that a deploy of a SAM template will ask for: SAM expanded, conditions and parameters resolved."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import intrinsics_multi_constructor

from local.engine import sdk

_NO_VALUE = {"Ref": "AWS::NoValue"}
_PLACES = {  # SAM expands only what lies in S3 already
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
}


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as CloudFormation gets it. References to other resources are left as they stand."""

    name: str
    type: str
    properties: Mapping[str, Any]


class _Loader(yaml.CSafeLoader):
    """SAM's own, in C: it takes a tenth of the time."""


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


def read(text: str) -> dict[str, Any]:
    """A template as SAM reads it."""
    parsed: dict[str, Any] = yaml.load(text, _Loader)  # noqa: S506 a safe one
    return parsed


def resources(template: Path, parameters: Mapping[str, str]) -> list[Resource]:
    """Expand the template. `parameters` override its defaults; resources whose condition is false are not there."""
    source = read(template.read_text())
    for resource in source["Resources"].values():
        if place := _PLACES.get(resource["Type"]):
            resource["Properties"][place] = "s3://local/source"
    values = parameter_values(source.get("Parameters", {}), parameters)
    expanded = Translator(None, Parser(), boto_session=sdk()).translate(source, dict(values))
    resolver = _Resolver(values, expanded.get("Conditions", {}))
    return [
        Resource(name, stated["Type"], resolver.resolve(stated.get("Properties", {})))
        for name, stated in expanded["Resources"].items()
        if "Condition" not in stated or resolver.holds({"Condition": stated["Condition"]})
    ]


def parameter_values(stated: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """What a reference to each parameter is: its default unless it is given; of a list, its members."""
    values = {name: of.get("Default") for name, of in stated.items()} | dict(given)
    lists = {name for name, of in stated.items() if of["Type"] == "CommaDelimitedList"}
    return {name: _members(value) if name in lists else value for name, value in values.items()}


def _members(value: str) -> list[str]:
    return [member.strip() for member in value.split(",")]


@dataclass(frozen=True, slots=True)
class _Resolver:
    parameters: Mapping[str, Any]
    conditions: Mapping[str, Any]

    def resolve(self, value: Any) -> Any:
        match value:
            case {"Ref": str(name)} if name in self.parameters:
                return self.parameters[name]
            case {"Fn::If": [condition, then, otherwise]}:
                return self.resolve(then if self.holds({"Condition": condition}) else otherwise)
            case {"Fn::Join": [str(separator), parts]} if _is_text(parts := self.resolve(parts)):
                return separator.join(parts)
            case dict():
                resolved = {key: self.resolve(part) for key, part in value.items()}
                return {key: part for key, part in resolved.items() if part != _NO_VALUE}
            case list():
                return [part for part in map(self.resolve, value) if part != _NO_VALUE]
            case _:
                return value

    def compared(self, value: Any) -> str:
        """What a condition compares."""
        match value:
            case {"Fn::Select": [int(number), parts]}:
                return str(self.resolve(parts)[number])
            case _:
                return str(self.resolve(value))

    def holds(self, condition: Any) -> bool:
        match condition:
            case {"Condition": name}:
                return self.holds(self.conditions[name])
            case {"Fn::Equals": [left, right]}:
                return self.compared(left) == self.compared(right)
            case {"Fn::Not": [part]}:
                return not self.holds(part)
            case {"Fn::And": parts}:
                return all(map(self.holds, parts))
            case {"Fn::Or": parts}:
                return any(map(self.holds, parts))
            case _:
                raise ValueError(f"a condition that only CloudFormation can tell: {condition}")


def _is_text(parts: Any) -> bool:
    return isinstance(parts, list) and all(isinstance(part, str) for part in parts)
