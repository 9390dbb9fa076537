"""Writes the tables of the reference that the template and the command know best: `make reference`.

Each table stands between `<!-- name -->` and `<!-- /name -->`.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).parents[2]
SYSTEMS = ("Objects", "Tables", "Warehouse", "Fleet", "Capacity")
PAGES = {system: ROOT / f"docs/reference/{system.lower()}.md" for system in SYSTEMS}
COMMAND = ROOT / "docs/reference/command.md"

type Template = Mapping[str, Any]


def table(*rows: tuple[str, ...]) -> str:
    head, *body = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


def accepted(parameter: Mapping[str, Any]) -> str:
    """What a parameter takes, in a few words."""
    if values := parameter.get("AllowedValues"):
        return ", ".join(map(str, values))
    if "MinValue" in parameter:
        return f"{parameter['MinValue']} to {parameter['MaxValue']}" if "MaxValue" in parameter else "1 and more"
    return str(parameter.get("ConstraintDescription", parameter["Type"])).removeprefix("must be ")


def parameters(template: Template, system: str) -> str:
    """Those of a system, and of all systems."""
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    named = {group["Label"]["default"]: group["Parameters"] for group in groups}
    shown = {f"Enable{system}", *named["All systems"], *named[system]}
    rows = [
        (f"`{name}`", f"`{of['Default']}`" if of["Default"] != "" else "empty", accepted(of), of["Description"])
        for name, of in template["Parameters"].items()
        if name in shown
    ]
    return table(("parameter", "default", "takes", "what it is"), *rows)


def resource(value: Any, template: Template) -> str:
    """A policy's resource as a reader knows it: by its logical ID, or by the parameter that names it."""
    named = [name for name, of in template["Resources"].items() if of["Properties"].get("BucketName") == value]
    match value:
        case list():
            return ", ".join(resource(part, template) for part in value)
        case _ if named:
            text = named[0]
        case {"Fn::GetAtt": [name, *_]} | {"Ref": name}:
            text = name
        case {"Fn::If": [_, then, _]}:
            text = resource(then, template)
        case {"Fn::Sub": [str(pattern), dict(filled)]}:
            text = bare(pattern)
            for name, part in filled.items():
                text = text.replace(f"${{{name}}}", resource(part, template))
        case {"Fn::Sub": str(pattern)}:
            text = bare(pattern)
        case {"Fn::Split": [_, {"Fn::Join": ["", [str(first), {"Fn::Join": [_, each]}, *rest]]}]}:
            text = "".join([first.rpartition(":")[2], resource(each, template), *rest])
        case _:
            text = value
    return str(text)


def bare(pattern: str) -> str:
    """An ARN without what is the same for all."""
    return re.sub(r"^arn:\$\{AWS::Partition\}:\w[\w-]*:(\$\{AWS::\w+\}|):(\$\{AWS::\w+\}|):", "", pattern)


def action(value: Any) -> str:
    match value:
        case {"Fn::If": [condition, then, {"Ref": "AWS::NoValue"}]}:
            return f"`{then}` if `{condition}`"
        case {"Fn::If": [condition, then, otherwise]}:
            return f"`{then}` if `{condition}`, else `{otherwise}`"
        case _:
            return f"`{value}`"


_ACTING = {"AWS::Serverless::Function", "AWS::Serverless::StateMachine"}


def _statements(template: Template, system: str) -> Iterator[tuple[str, ...]]:
    for name, of in template["Resources"].items():
        if of["Type"] in _ACTING and name.startswith(system):
            for policy in of["Properties"]["Policies"]:
                for statement in policy["Statement"]:
                    yield f"`{name}`", *_statement(statement, template)


def _statement(stated: Any, template: Template) -> tuple[str, str, str]:
    if "Fn::If" in stated:
        condition, then, _ = stated["Fn::If"]
        verbs, on, purpose = _statement(then, template)
        return verbs, on, f"{purpose}, if `{condition}`"
    actions = stated["Action"] if isinstance(stated["Action"], list) else [stated["Action"]]
    return ", ".join(map(action, actions)), f"`{resource(stated['Resource'], template)}`", stated["Sid"]


def permissions(template: Template, system: str) -> str:
    return table(("function", "may", "on", "in order to"), *_statements(template, system))


def _keys(template: Template, system: str) -> Iterator[tuple[str, ...]]:
    for name, of in template["Resources"].items():
        if of["Type"] == "AWS::DynamoDB::Table" and of.get("Condition", "").startswith(system):
            kinds = {it["AttributeName"]: it["AttributeType"] for it in of["Properties"]["AttributeDefinitions"]}
            yield f"`{name}`", *_key(of["Properties"], kinds), "everything"
            for index in of["Properties"].get("GlobalSecondaryIndexes", []):
                more = [f"`{attribute}`" for attribute in index["Projection"].get("NonKeyAttributes", [])]
                yield f"its index `{index['IndexName']}`", *_key(index, kinds), " and ".join(["keys", *more])


def _key(keyed: Mapping[str, Any], kinds: Mapping[str, str]) -> tuple[str, str]:
    partition, sort = (f"`{key['AttributeName']}` ({kinds[key['AttributeName']]})" for key in keyed["KeySchema"])
    return partition, sort


def keys(template: Template, system: str) -> str:
    return table(("", "partition key", "sort key", "holds"), *_keys(template, system))


_SIGNS = {"GreaterThanThreshold": ">", "GreaterThanOrEqualToThreshold": ">=", "LessThanThreshold": "<"}


def _alarms(template: Template, system: str) -> Iterator[tuple[str, ...]]:
    for name, of in template["Resources"].items():
        if of["Type"] == "AWS::CloudWatch::Alarm" and name.startswith(system):
            stated = of["Properties"]
            sign = _SIGNS[stated["ComparisonOperator"]]
            measured = f"{stated['Statistic']} of `{stated['MetricName']}`"
            times = f"{stated['EvaluationPeriods']} times " if stated["EvaluationPeriods"] > 1 else ""
            yield (
                f"`{name}`",
                f"{measured} {sign} {stated['Threshold']} in {times}{stated['Period']} s",
                stated["AlarmDescription"],
            )


def alarms(template: Template, system: str) -> str:
    return table(("alarm", "on when", "what it means"), *_alarms(template, system))


def fill(text: str, name: str, content: str) -> str:
    """Put the content between the marks of that name."""
    marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    return marked.sub(lambda found: f"{found[1]}\n{content}\n\n{found[2]}", text)


GENERATED = {"parameters": parameters, "permissions": permissions, "keys": keys, "alarms": alarms}


def page(system: str) -> str:
    """The page of a system, with what stands between its marks made anew."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    text = PAGES[system].read_text()
    for name, make in GENERATED.items():
        text = fill(text, name, make(template, system))
    return text


def command_page() -> str:
    command = [sys.executable, "-m", "typer", "holdfast.cli", "utils", "docs", "--name", "holdfast"]
    written = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 our own command
    return unescape(written).strip() + "\n"


if __name__ == "__main__":
    for system, path in PAGES.items():
        path.write_text(page(system))
    COMMAND.write_text(command_page())
