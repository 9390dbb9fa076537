"""Who may import what: decisions stay pure, AWS stays in the adapters, and nothing shipped knows of the laptop."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.template.stack import LAYER, ROOT

SDK = ("boto3", "botocore", "mypy_boto3")
IMPURE = ("boto3", "botocore", "time", "random", "secrets", "uuid", "os", "io", "pathlib", "socket", "subprocess")
NOW = {"now", "utcnow", "today", "time", "monotonic", "perf_counter"}
LAPTOP = ("ministack", "moto", "localstack", "localhost", "127.0.0.1", "AWS_ENDPOINT_URL", "local engine")

SHIPPED = sorted([*LAYER.rglob("*.py"), *(ROOT / "functions").rglob("*.py")])
PURE = sorted(path for path in LAYER.rglob("*.py") if path.name in {"plan.py", "model.py", "item.py"})
ENVELOPES = ("holdfast.events",)
"""What comes in, as it was parsed: plans may decide by it."""

DATA = ("holdfast.prices",)
"""A file that is shipped with the package."""


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{path}:{node.lineno} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, packages: tuple[str, ...]) -> bool:
    return name.startswith(tuple(f"{package}." for package in packages)) or name in packages


def called(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) | ast.Call(func=ast.Name(id=name)):
                yield name
            case _:
                pass


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SHIPPED, ids=relative)
def test_only_adapters_and_wiring_import_the_sdk(path: Path) -> None:
    may = path.is_relative_to(LAYER / "adapters") or path == LAYER / "wiring.py"
    assert may or [name for name in imported(path) if within(name, SDK)] == []


@pytest.mark.parametrize("path", SHIPPED, ids=relative)
def test_only_wiring_imports_the_adapters(path: Path) -> None:
    may = path.is_relative_to(LAYER / "adapters") or path == LAYER / "wiring.py" or path.is_relative_to(LAYER / "cli")
    assert may or [name for name in imported(path) if within(name, ("holdfast.adapters",))] == []


@pytest.mark.parametrize("path", SHIPPED, ids=relative)
def test_what_is_shipped_knows_nothing_of_the_local_engine(path: Path) -> None:
    text = path.read_text().lower()
    assert [word for word in LAPTOP if word.lower() in text] == []


@pytest.mark.parametrize("path", PURE, ids=relative)
def test_a_plan_imports_nothing_that_reaches_outside(path: Path) -> None:
    assert [name for name in imported(path) if within(name, IMPURE)] == []


@pytest.mark.parametrize("path", PURE, ids=relative)
def test_a_plan_builds_on_models_and_plans_only(path: Path) -> None:
    ours = [name for name in imported(path) if within(name, ("holdfast",)) and not within(name, (*ENVELOPES, *DATA))]
    assert [name for name in ours if not {"model", "plan", "item"} & set(name.split("."))] == []


@pytest.mark.parametrize("path", PURE, ids=relative)
def test_a_plan_is_handed_the_time(path: Path) -> None:
    assert NOW & set(called(path)) == set()
