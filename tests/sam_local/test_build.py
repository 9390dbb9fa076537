"""What `sam build` makes of the source: this goes to AWS."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from samtranslator.yaml_helper import yaml_parse

from local.cloud import ROOT
from local.invoke import logical_id

FUNCTIONS = sorted(app.parent.name for app in ROOT.glob("functions/*/app.py"))
UNZIPPED_LIMIT = 250 * 1024 * 1024
MACHINES = {"arm64": 183, "x86_64": 62}
"""A processor's number in an ELF header."""


@pytest.fixture(scope="module", params=MACHINES)
def architecture(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="module")
def built(architecture: str, build: Callable[[str], Path]) -> Path:
    return build(architecture)


@pytest.fixture(scope="module")
def layer(built: Path) -> Path:
    return built / "HoldfastLayer" / "python"


def files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def packages(folder: Path) -> set[str]:
    """Third-party packages with their versions, as a requirements file names them."""
    names = (path.name.removesuffix(".dist-info").rpartition("-") for path in folder.glob("*.dist-info"))
    return {f"{name.replace('_', '-').lower()}=={version}" for name, _, version in names}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_has_its_handler_and_what_it_alone_requires(built: Path, function: str) -> None:
    source, folder = ROOT / "functions" / function, built / logical_id(function)
    assert (folder / "app.py").read_bytes() == (source / "app.py").read_bytes()
    required = source / "requirements.txt"
    if required.exists():
        assert packages(folder) == set(required.read_text().split())
    else:
        assert files(folder) == {Path("app.py")}


def test_the_layer_has_the_package_and_what_it_requires(layer: Path) -> None:
    source = ROOT / "layers" / "holdfast"
    written = {path for path in files(source / "holdfast") if path.suffix != ".pyc"}
    assert files(layer / "holdfast") == written
    assert set((source / "requirements.txt").read_text().split()) <= packages(layer)


def test_the_sdk_is_left_to_the_runtime(built: Path) -> None:
    assert [path for sdk in ("boto3", "botocore", "s3transfer") for path in built.rglob(sdk)] == []


def test_libraries_are_for_the_processor(built: Path, architecture: str) -> None:
    libraries = [path for path in built.rglob("*.so*") if path.is_file()]
    machines = {struct.unpack_from("<H", path.read_bytes(), 18)[0] for path in libraries}
    assert machines == {MACHINES[architecture]}


def test_the_database_has_a_layer_of_its_own(built: Path) -> None:
    source = (ROOT / "layers" / "duckdb" / "requirements.txt").read_text().split()
    assert packages(built / "DuckdbLayer" / "python") == set(source)


def test_the_layer_runs_on_either_processor(layer: Path) -> None:
    assert list(layer.rglob("*.so")) == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_and_layer_fit_into_lambda(built: Path, function: str) -> None:
    layers = ("HoldfastLayer", "DuckdbLayer") if function.startswith("warehouse_") else ("HoldfastLayer",)
    unzipped = size(built / logical_id(function)) + sum(size(built / layer) for layer in layers)
    print(f"{unzipped:,} bytes")
    assert unzipped < UNZIPPED_LIMIT


def test_the_template_has_no_aliases(built: Path) -> None:
    written = (built / "template.yaml").read_text()
    assert [token for token in yaml.scan(written) if isinstance(token, yaml.AliasToken | yaml.AnchorToken)] == []


def test_the_template_points_to_what_was_built(built: Path) -> None:
    resources = yaml_parse((built / "template.yaml").read_text())["Resources"]
    assert {name: resources[name]["Properties"]["CodeUri"] for name in map(logical_id, FUNCTIONS)} == {
        name: name for name in map(logical_id, FUNCTIONS)
    }
    assert resources["HoldfastLayer"]["Properties"]["ContentUri"] == "HoldfastLayer"
