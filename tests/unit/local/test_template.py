"""What a deploy will ask for, as read from a SAM template."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from local.template import Resource, resources

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Extra: {Type: String, Default: "false"}
  Days: {Type: Number, Default: 7}
  Names: {Type: CommaDelimitedList, Default: ""}
Conditions:
  HasExtra: !Equals [!Ref Extra, "true"]
  HasNone: !Not [!Condition HasExtra]
  HasBoth: !And [!Condition HasExtra, !Condition HasNone]
  HasEither: !Or [!Condition HasExtra, !Condition HasNone]
  HasNames: !Not [!Equals [!Join ["", !Ref Names], ""]]
Resources:
"""


@pytest.fixture
def expand(tmp_path: Path) -> Callable[..., dict[str, Resource]]:
    def expand(stated: str, parameters: Mapping[str, str] | None = None) -> dict[str, Resource]:
        template = tmp_path / "template.yaml"
        template.write_text(TEMPLATE + stated)
        return {resource.name: resource for resource in resources(template, parameters or {})}

    return expand


@pytest.mark.parametrize(
    ("condition", "extra", "there"),
    [
        ("HasExtra", "true", True),
        ("HasExtra", "false", False),
        ("HasNone", "true", False),
        ("HasNone", "false", True),
        ("HasBoth", "true", False),
        ("HasEither", "false", True),
    ],
)
def test_a_resource_is_there_if_its_condition_holds(
    condition: str, extra: str, there: bool, expand: Callable[..., dict[str, Resource]]
) -> None:
    found = expand(f"  Topic: {{Type: AWS::SNS::Topic, Condition: {condition}}}", {"Extra": extra})
    assert ("Topic" in found) is there


@pytest.mark.parametrize(("names", "there"), [("", False), ("one", True), ("one,two", True)])
def test_a_condition_may_ask_whether_a_list_is_empty(
    names: str, there: bool, expand: Callable[..., dict[str, Resource]]
) -> None:
    found = expand("  Topic: {Type: AWS::SNS::Topic, Condition: HasNames}", {"Names": names})
    assert ("Topic" in found) is there


def test_a_parameter_is_its_default_unless_overridden(expand: Callable[..., dict[str, Resource]]) -> None:
    stated = "  Group: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: !Ref Days}}"
    assert expand(stated)["Group"].properties == {"RetentionInDays": 7}
    assert expand(stated, {"Days": "30"})["Group"].properties == {"RetentionInDays": "30"}


def test_a_list_is_its_members(expand: Callable[..., dict[str, Resource]]) -> None:
    stated = """
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {detail: {bucket: {name: !Ref Names}}}
      Description: !Join [" and ", [all of, !Join [" or ", !Ref Names]]]
"""
    assert expand(stated, {"Names": "one, two"})["Rule"].properties == {
        "EventPattern": {"detail": {"bucket": {"name": ["one", "two"]}}},
        "Description": "all of and one or two",
    }


def test_a_list_is_its_members_in_what_sam_expands(expand: Callable[..., dict[str, Resource]]) -> None:
    stated = """
  EchoFunction:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.lambda_handler
      CodeUri: functions/echo
      Policies:
        - Statement: [{Effect: Allow, Action: "kms:Decrypt", Resource: !Ref Names}]
"""
    [policy] = expand(stated, {"Names": "one,two"})["EchoFunctionRole"].properties["Policies"]
    assert policy["PolicyDocument"]["Statement"][0]["Resource"] == ["one", "two"]


def test_a_property_without_value_is_not_there(expand: Callable[..., dict[str, Resource]]) -> None:
    stated = """
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: !If [HasExtra, Extra, !Ref AWS::NoValue]
      TopicName: !If [HasExtra, extra, plain]
"""
    assert expand(stated)["Topic"].properties == {"TopicName": "plain"}
    assert expand(stated, {"Extra": "true"})["Topic"].properties == {"DisplayName": "Extra", "TopicName": "extra"}


def test_a_reference_to_another_resource_stays(expand: Callable[..., dict[str, Resource]]) -> None:
    stated = "  Policy: {Type: AWS::SNS::TopicPolicy, Properties: {Topics: [!Ref Topic]}}"
    assert expand(stated)["Policy"].properties == {"Topics": [{"Ref": "Topic"}]}


def test_sam_is_expanded(expand: Callable[..., dict[str, Resource]]) -> None:
    stated = """
  EchoFunction:
    Type: AWS::Serverless::Function
    Condition: HasExtra
    Properties:
      Runtime: python3.13
      Handler: app.lambda_handler
      CodeUri: functions/echo
      Events:
        Tick: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}
"""
    types = {name: resource.type for name, resource in expand(stated, {"Extra": "true"}).items()}
    assert types == {
        "EchoFunction": "AWS::Lambda::Function",
        "EchoFunctionRole": "AWS::IAM::Role",
        "EchoFunctionTick": "AWS::Events::Rule",
        "EchoFunctionTickPermission": "AWS::Lambda::Permission",
    }
    assert expand(stated) == {}
