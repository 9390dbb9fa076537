"""What `sam build` and `sam package` make of the template."""

import yaml
from samcli.yamlhelper import yaml_dump, yaml_parse

from tests.template.stack import TEMPLATE


def aliases(text: str) -> list[str]:
    return [token.value for token in yaml.scan(text) if isinstance(token, yaml.AliasToken | yaml.AnchorToken)]


def test_the_aliases_that_save_repetition_here_are_gone_from_what_cloudformation_gets() -> None:
    written = TEMPLATE.read_text()
    assert aliases(written)
    assert aliases(yaml_dump(yaml_parse(written))) == []
