"""The reference says what template and command say: `make reference` writes it."""

import re

import pytest

from docs.reference.generate import COMMAND, PAGES, command_page, page
from local.cloudwatch.extract import emf_samples
from tests.template.cases import played
from tests.template.stack import EVERYTHING, FUNCTIONS

OBJECTS = [name for name in FUNCTIONS if name.startswith("objects_")]


@pytest.mark.parametrize("system", PAGES)
def test_parameters_and_permissions_are_those_of_the_template(system: str) -> None:
    assert PAGES[system].read_text() == page(system)


def test_the_command_is_described_as_it_describes_itself() -> None:
    assert COMMAND.read_text() == command_page()


def column(heading: str, number: int) -> set[str]:
    """The words in code of one column of a section's first table, on the page of objects."""
    rows = PAGES["Objects"].read_text().partition(f"# {heading}\n\n")[2].partition("|---")[2].partition("\n\n")[0]
    cells = [row.split("|")[number] for row in rows.splitlines()[1:]]
    return {word for cell in cells for word in re.findall(r"`(\w+)`", cell)}


def test_the_metrics_of_objects_are_those_that_its_functions_measure() -> None:
    lines = [line for name in OBJECTS for line in played(name).logged[name]]
    assert column("Metrics", 1) == {sample.metric.name for line in lines for sample in emf_samples(line, 0)}


def test_the_attributes_of_rows_are_those_that_functions_write() -> None:
    written = {it for name in OBJECTS for it in played(name, **EVERYTHING).written[name, "CopyTable"]}
    assert column("Rows", 3) | {"original_key", "copy_key"} == written
