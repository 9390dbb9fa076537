"""Every sample event is a test, and is in the shape in which AWS would send it."""

import ast
import json
import re
from functools import cache
from hashlib import md5
from pathlib import Path

import pytest

EVENTS = sorted(Path("events").glob("*/*.json"))
FUNCTIONS = sorted(path.parent.name for path in Path("functions").glob("*/app.py"))


@cache
def words_of_tests() -> dict[Path, set[str]]:
    """The strings in each test module that runs without containers."""
    modules = [*Path("tests/unit").rglob("test_*.py"), *Path("tests/integration").rglob("test_*.py")]
    return {module: words(module) for module in modules if module.name != Path(__file__).name}


def words(module: Path) -> set[str]:
    nodes = ast.walk(ast.parse(module.read_text()))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: f"{event.parent.name}/{event.stem}")
def test_every_sample_event_is_tried_by_a_test(event: Path) -> None:
    """A test names it `<function>/<case>`; a module that is all about `events/<function>` names the case alone."""
    function, case = event.parent.name, event.stem
    assert [
        module
        for module, said in words_of_tests().items()
        if f"{function}/{case}" in said or {f"events/{function}", case} <= said
    ], f"no test tries {event}"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_sample_events(function: str) -> None:
    assert [event for event in EVENTS if event.parent.name == function], f"events/{function} holds no sample event"


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: f"{event.parent.name}/{event.stem}")
def test_a_sample_event_names_no_account_but_the_one_of_examples(event: Path) -> None:
    assert set(re.findall(r"arn:aws:[\w-]+:[\w-]*:(\d+):", event.read_text())) <= {"123456789012"}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: f"{event.parent.name}/{event.stem}")
def test_a_message_of_a_queue_is_what_its_digest_says(event: Path) -> None:
    records = json.loads(event.read_text()).get("Records", [])
    messages = [record for record in records if "md5OfBody" in record]
    digests = {record["md5OfBody"]: md5(record["body"].encode(), usedforsecurity=False) for record in messages}
    assert {stated: digest.hexdigest() for stated, digest in digests.items()} == {stated: stated for stated in digests}
