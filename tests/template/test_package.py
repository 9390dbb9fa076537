"""What `sam build` and `sam package` make of the template."""

import re
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml
from samcli.yamlhelper import yaml_dump, yaml_parse

from tests.template.stack import TEMPLATE

PACKED = [path for folder in ("functions", "layers") for path in TEMPLATE.parent.glob(f"{folder}/*/requirements.txt")]


def aliases(text: str) -> list[str]:
    return [token.value for token in yaml.scan(text) if isinstance(token, yaml.AliasToken | yaml.AnchorToken)]


def test_the_aliases_that_save_repetition_here_are_gone_from_what_cloudformation_gets() -> None:
    written = TEMPLATE.read_text()
    assert aliases(written)
    assert aliases(yaml_dump(yaml_parse(written))) == []


def versions(text: str) -> dict[str, str]:
    """The packages that a requirements file pins. Their names are the same in capitals."""
    return {name.lower(): version for name, version in re.findall(r"^([\w.-]+)==([^\s\\]+)", text, re.MULTILINE)}


@pytest.mark.parametrize("path", PACKED, ids=lambda path: path.parent.name)
def test_what_is_packed_is_what_was_tested_with_all_that_it_needs(path: Path) -> None:
    tested = versions((TEMPLATE.parent / "requirements.lock").read_text())
    packed = versions(path.read_text())
    assert packed == {name: tested[name] for name in packed}
    needed = {
        re.split(r"[^\w.-]", line)[0].lower() for name in packed for line in requires(name) or () if "extra" not in line
    }
    assert needed <= packed.keys()
