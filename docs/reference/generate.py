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
CAPACITY = ROOT / "docs/reference/capacity.md"
COMMAND = ROOT / "docs/reference/command.md"


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


def parameters(template: Mapping[str, Any]) -> str:
    rows = [
        (f"`{name}`", f"`{of['Default']}`" if of["Default"] != "" else "empty", accepted(of), of["Description"])
        for name, of in template["Parameters"].items()
    ]
    return table(("parameter", "default", "takes", "what it is"), *rows)


def resource(value: Any) -> str:
    """A policy's resource as a reader knows it: by its logical ID."""
    match value:
        case {"Fn::GetAtt": [name, *_]} | {"Ref": name}:
            return str(name)
        case {"Fn::Sub": [str(pattern), _]} | {"Fn::Sub": str(pattern)}:
            return re.sub(r"^arn:\$\{AWS::Partition\}:\w[\w-]*:(\$\{AWS::\w+\}|):(\$\{AWS::\w+\}|):", "", pattern)
        case _:
            return str(value)


def _statements(template: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, of in template["Resources"].items():
        for policy in of["Properties"].get("Policies", []) if of["Type"] == "AWS::Serverless::Function" else []:
            for statement in policy["Statement"]:
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                verbs = ", ".join(f"`{action}`" for action in actions)
                yield f"`{name}`", verbs, f"`{resource(statement['Resource'])}`", statement["Sid"]


def permissions(template: Mapping[str, Any]) -> str:
    return table(("function", "may", "on", "in order to"), *_statements(template))


def fill(text: str, name: str, content: str) -> str:
    """Put the content between the marks of that name."""
    marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    return marked.sub(lambda found: f"{found[1]}\n{content}\n\n{found[2]}", text)


def capacity_page() -> str:
    template = yaml_parse((ROOT / "template.yaml").read_text())
    text = fill(CAPACITY.read_text(), "parameters", parameters(template))
    return fill(text, "permissions", permissions(template))


def command_page() -> str:
    command = [sys.executable, "-m", "typer", "holdfast.cli", "utils", "docs", "--name", "holdfast"]
    written = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 our own command
    return unescape(written).strip() + "\n"


if __name__ == "__main__":
    CAPACITY.write_text(capacity_page())
    COMMAND.write_text(command_page())
