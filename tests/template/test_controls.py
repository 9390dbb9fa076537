"""The page about controls says what is in the template and pinned by a test, and promises nothing."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from docs.reference.controls import PAGE, described, page
from tests.template.stack import EVERYTHING, ROOT, deployed

CONTROLS = described()["control"]
SHOWN = [one for one in CONTROLS if one["standing"] != "not met"]


def found(resource: str, path: str) -> Any:
    value: Any = deployed(**EVERYTHING, FleetRequireEncryption="true")[resource].properties
    for name in path.split("."):
        value = value[int(name)] if name.isdecimal() else value[name]
    return value


@pytest.mark.parametrize("control", SHOWN, ids=lambda one: one["rule"])
def test_a_resource_is_as_the_table_says(control: dict[str, Any]) -> None:
    for resource in control["resources"]:
        value = found(resource, control["property"])
        assert value == control["value"] if "value" in control else value


@cache
def functions_of(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("control", SHOWN, ids=lambda one: one["rule"])
def test_a_control_names_a_test_that_there_is(control: dict[str, Any]) -> None:
    path, _, name = control["test"].partition("::")
    assert name in functions_of(ROOT / path)


def test_what_is_not_so_says_why_and_names_nothing_that_would_show_it() -> None:
    for one in CONTROLS:
        assert one["standing"] in {"met", "option", "otherwise", "not met"}
        assert one["text"].endswith(".")
        assert ("resources" in one) == (one["standing"] != "not met")


def test_a_rule_stands_in_the_table_once() -> None:
    rules = [one["rule"] for one in CONTROLS]
    assert len(rules) == len(set(rules))


def test_the_page_is_written_from_its_data() -> None:
    assert PAGE.read_text() == page()


PROMISE = re.compile(rf"(?i)\b{'compl' + 'iant'}\b")


def test_nothing_promises_what_no_template_can() -> None:
    kept = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True, cwd=ROOT).stdout
    texts = {".py", ".md", ".yaml", ".toml", ".html", ".json", ""}
    paths = [ROOT / name for name in kept.split("\0") if name and (ROOT / name).suffix in texts]
    assert [path for path in paths if path.exists() and PROMISE.search(path.read_text("utf-8", "replace"))] == []
