"""The reference says what template and command say: `make reference` writes it."""

import re

import pytest

from docs.reference.generate import COMMAND, PAGES, command_page, page
from local.cloudwatch.extract import emf_samples
from tests.template.cases import played
from tests.template.stack import EVERYTHING, FUNCTIONS

pytestmark = pytest.mark.xdist_group("played")  # what the functions do is played once for all of these

MEASURING = ("Objects", "Tables", "Warehouse")


@pytest.mark.parametrize("system", PAGES)
def test_parameters_and_permissions_are_those_of_the_template(system: str) -> None:
    assert PAGES[system].read_text() == page(system)


def test_the_command_is_described_as_it_describes_itself() -> None:
    assert COMMAND.read_text() == command_page()


def of_system(system: str) -> list[str]:
    return [name for name in FUNCTIONS if name.startswith(f"{system.lower()}_")]


def column(system: str, heading: str, number: int) -> set[str]:
    """The words in code of one column of a section's first table, on the page of a system."""
    rows = PAGES[system].read_text().partition(f"# {heading}\n\n")[2].partition("|---")[2].partition("\n\n")[0]
    cells = [row.split("|")[number] for row in rows.splitlines()[1:]]
    return {word for cell in cells for word in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize("system", MEASURING)
def test_the_metrics_of_a_system_are_those_that_its_functions_measure(system: str) -> None:
    lines = [line for name in of_system(system) for line in played(name).logged[name]]
    assert column(system, "Metrics", 1) == {sample.metric.name for line in lines for sample in emf_samples(line, 0)}


def test_the_attributes_of_rows_are_those_that_functions_write() -> None:
    written = {it for name in of_system("Objects") for it in played(name, **EVERYTHING).written[name, "CopyTable"]}
    assert column("Objects", "Rows", 3) | {"original_key", "copy_key"} == written
