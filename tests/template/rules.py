"""The template's rules, evaluated as CloudFormation does before a deploy.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-rules.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

from local.template import parameter_values
from tests.template.stack import SOURCE


def refusals(**parameters: str) -> Iterator[str]:
    """What a deploy with these parameters is refused for."""
    values = parameter_values(SOURCE["Parameters"], parameters)
    for rule in SOURCE["Rules"].values():
        if _value(rule.get("RuleCondition", True), values):
            for assertion in rule["Assertions"]:
                if not _value(assertion["Assert"], values):
                    yield assertion["AssertDescription"]


def _value(stated: Any, values: Mapping[str, Any]) -> Any:
    """A reference's or a function's value. All parameters are text, and lists of it."""
    match stated:
        case {"Ref": str(name)}:
            return values[name] if isinstance(values[name], list) else str(values[name])
        case {"Fn::Equals": [left, right]}:
            return _value(left, values) == _value(right, values)
        case {"Fn::Not": [part]}:
            return not _value(part, values)
        case {"Fn::And": parts}:
            return all(_value(part, values) for part in parts)
        case {"Fn::Or": parts}:
            return any(_value(part, values) for part in parts)
        case {"Fn::Contains": [members, one]}:
            return _value(one, values) in _value(members, values)
        case {"Fn::EachMemberEquals": [members, one]}:
            return all(member == _value(one, values) for member in _value(members, values))
        case bool() | str() | list():
            return stated
        case _:
            raise ValueError(f"not a function of rules, or none that is known here: {stated}")
