"""One word per step: a function's folder, its resource, its sample events and its service name are the same word."""

import ast
import re

import pytest

from tests.template.machine import MACHINES, Machine
from tests.template.stack import FUNCTIONS, ROOT, SOURCE, environment, function, logical_id

LINES_OF_A_HANDLER = 25


def test_each_folder_of_a_function_has_its_resource_and_each_resource_its_folder() -> None:
    resources = {name for name, it in SOURCE["Resources"].items() if it["Type"] == "AWS::Serverless::Function"}
    assert resources == {logical_id(name) for name in FUNCTIONS}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_built_from_the_folder_of_its_name(name: str) -> None:
    assert SOURCE["Resources"][logical_id(name)]["Properties"]["CodeUri"] == f"functions/{name}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_calls_itself_what_its_folder_is_called(name: str) -> None:
    assert environment(name)["POWERTOOLS_SERVICE_NAME"] == name


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_sample_events(name: str) -> None:
    assert list((ROOT / "events" / name).glob("*.json")) != []


def test_no_sample_events_are_left_behind() -> None:
    assert {folder.name for folder in (ROOT / "events").iterdir()} <= set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_handler_fits_on_a_screen(name: str) -> None:
    app = ast.parse((ROOT / "functions" / name / "app.py").read_text())
    [handler] = [node for node in app.body if isinstance(node, ast.FunctionDef) and node.name == "lambda_handler"]
    assert handler.end_lineno is not None
    assert handler.end_lineno - handler.lineno < LINES_OF_A_HANDLER


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_a_state_that_calls_a_function_begins_with_its_word(machine: Machine) -> None:
    for name, called in machine.calls():
        assert called in set(map(logical_id, FUNCTIONS))
        assert name.startswith(called.removesuffix("Function"))


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_state_begins_with_the_words_of_its_system(machine: Machine) -> None:
    """Or, if one function does all of a machine's steps, with those of the function."""
    called = {called.removesuffix("Function") for _, called in machine.calls()}
    words = tuple(called if len(called) == 1 else {re.split("(?<=[a-z])(?=[A-Z])", one)[0] for one in called})
    assert len(words) == 1
    assert [name for name, _ in machine.states() if not name.startswith(words)] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_runs_the_handler_of_its_folder(name: str) -> None:
    assert function(name)["Handler"] == "app.lambda_handler"
    assert function(name)["Runtime"] == "python3.13"
