"""Parameters explain themselves, refuse nonsense, and each of them does something."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.template.stack import SOURCE

PARAMETERS = SOURCE["Parameters"]
INTERFACE = SOURCE["Metadata"]["AWS::CloudFormation::Interface"]

LIMITS = {
    "String": ({"AllowedValues"}, {"AllowedPattern", "ConstraintDescription"}),
    "Number": ({"AllowedValues"}, {"MinValue"}),
}


def references(value: Any) -> Iterator[str]:
    """All that `Ref` and `Fn::Sub` name, as text that a name can be looked for in."""
    match value:
        case {"Ref": str(name)}:
            yield f"${{{name}}}"
        case {"Fn::Sub": filled}:
            yield json.dumps(filled)
        case _:
            pass
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from references(part)


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_says_what_it_is_for(name: str) -> None:
    assert PARAMETERS[name]["Description"].endswith(".")


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_has_a_default(name: str) -> None:
    assert "Default" in PARAMETERS[name]


@pytest.mark.parametrize("name", [name for name, stated in PARAMETERS.items() if stated["Type"] in LIMITS])
def test_a_parameter_refuses_what_cannot_be_meant(name: str) -> None:
    stated = PARAMETERS[name]
    assert any(limits <= stated.keys() for limits in LIMITS[stated["Type"]])


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_is_used(name: str) -> None:
    used = "\n".join(references([SOURCE["Conditions"], SOURCE["Globals"], SOURCE["Resources"], SOURCE["Outputs"]]))
    assert f"${{{name}}}" in used


def test_the_guided_deploy_asks_for_every_parameter_once_under_a_heading() -> None:
    asked = [name for group in INTERFACE["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(asked) == sorted(PARAMETERS)


def test_each_system_can_be_left_out() -> None:
    systems = {name: stated for name, stated in PARAMETERS.items() if name.startswith("Enable")}
    assert systems
    for stated in systems.values():
        assert (stated["Default"], stated["AllowedValues"]) == ("true", ["true", "false"])
