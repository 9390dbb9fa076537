"""The reference says what template and command say: `make reference` writes it."""

from docs.reference.generate import CAPACITY, COMMAND, capacity_page, command_page


def test_parameters_and_permissions_are_those_of_the_template() -> None:
    assert CAPACITY.read_text() == capacity_page()


def test_the_command_is_described_as_it_describes_itself() -> None:
    assert COMMAND.read_text() == command_page()
