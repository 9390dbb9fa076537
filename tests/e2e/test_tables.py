"""The tables system as it is deployed: a real stream, its functions with their own permissions, and the commands."""

import json
import re
import time
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from holdfast.tables import item
from holdfast.tables.model import Image
from local.cloud import Cloud
from local.demo import tables as demo
from tests.e2e.archived import ArchivedTable, a_quiet_second
from tests.e2e.protected import holdfast
from tests.e2e.test_capacity import eventually

EVERY_TYPE: Image = {
    "pk": {"S": "every \"type' \u2028 é 中文 /../"},
    "sk": {"S": "\\ \x7f"},
    "longest": {"N": "-0.00012345678901234567890123456789012345678"},
    "binary": {"B": "AP/+"},
    "yes": {"BOOL": True},
    "nothing": {"NULL": True},
    "empty": {"S": ""},
    "texts": {"SS": ["b", "a", "é"]},
    "numbers": {"NS": ["1", "2.5", "12345678901234567890123456789012345678"]},
    "binaries": {"BS": ["YQ==", "AA=="]},
    "nested": {"M": {"": {"L": [{"M": {}}, {"L": []}, {"N": "0"}, {"B": ""}]}}},
}


@pytest.fixture
def sample_table(stack: Cloud) -> ArchivedTable:
    """The table that the stack made."""
    return ArchivedTable(stack, stack.outputs["TablesSampleTableName"])


def a_row(pk: str, sk: str, value: str = "") -> Image:
    return {"pk": {"S": pk}, "sk": {"S": sk}, "value": {"S": value}}


def stamp(at: float | None = None) -> str:
    """A moment as the command takes it; the present one by default."""
    return f"{datetime.fromtimestamp(time.time() if at is None else at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def keys(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def test_the_demo_tells_what_is_so(stack: Cloud) -> None:
    shown = StringIO()
    story = demo.tell(stack, Console(file=shown, width=200))
    assert story.as_expected, f"{shown.getvalue()}\n{json.dumps(story.seen, indent=1)}"


def test_every_type_comes_through_stream_archive_and_restore_unharmed(sample_table: ArchivedTable) -> None:
    sample_table.put(EVERY_TYPE)
    sample_table.settle(EVERY_TYPE)
    to = f"{sample_table.name}-types"
    said = holdfast(sample_table.stack, "tables", "restore", sample_table.name, "--at", stamp(), "--to", to, "--apply")
    assert "verified" in said.lower()
    restored = sample_table.items(to)[item.item_id(item.keys_of(EVERY_TYPE, ("pk", "sk")))]
    assert item.canonical(restored) == item.canonical(EVERY_TYPE)


def test_a_table_is_rewound_in_place_and_that_is_undone(sample_table: ArchivedTable) -> None:
    name = sample_table.name
    before = [a_row("rewind", "changed", "1"), a_row("rewind", "removed", "1")]
    sample_table.put(*before)
    sample_table.settle(*before)
    at = a_quiet_second()
    after = [a_row("rewind", "changed", "2"), a_row("rewind", "added", "2")]
    sample_table.put(*after)
    sample_table.delete(keys("rewind", "removed"))
    sample_table.settle(*after, gone=(keys("rewind", "removed"),))

    def there() -> list[Image]:
        mine = [image for image in sample_table.items().values() if image["pk"]["S"] == "rewind"]
        return sorted(mine, key=lambda image: str(image["sk"]["S"]))

    left, runs = there(), []
    rewind = ["tables", "restore", name, "--at", stamp(at), "--in-place"]
    for sk in ("changed", "removed", "added"):
        told = json.dumps({"pk": "rewind", "sk": sk})
        said = holdfast(sample_table.stack, *rewind, "--item", told, "--apply")
        runs += re.findall(r"tables undo (\S+)", said)[:1]
    assert there() == before
    for run in runs:
        holdfast(sample_table.stack, "tables", "undo", run, "--apply")
    assert there() == left


def test_a_history_tells_what_became_of_an_item(sample_table: ArchivedTable) -> None:
    for value in ("1", "2"):
        sample_table.put(a_row("history", "a", value))
        sample_table.settle(a_row("history", "a", value))
    sample_table.delete(keys("history", "a"))
    sample_table.settle(gone=(keys("history", "a"),))
    said = holdfast(
        sample_table.stack, "tables", "history", sample_table.name, "--item", '{"pk": "history", "sk": "a"}'
    )
    assert [word in said for word in ("put", "changed", "removed")] == [True] * 3, said


def test_table_and_archive_are_the_same(sample_table: ArchivedTable) -> None:
    sample_table.put(a_row("check", "a"))
    sample_table.settle(a_row("check", "a"))
    name = sample_table.stack.outputs["TablesCheckFunctionName"]
    answer = sample_table.stack.engine.client("lambda").invoke(FunctionName=name)
    told = json.load(answer["Payload"])[sample_table.name]
    assert (told["differences"], told["gaps"], told["failure"]) == (0, 0, None), told
    assert told["compared"] > 0
    said = holdfast(sample_table.stack, "tables", "check", sample_table.name)
    assert "The archive holds what the table holds." in said


def test_a_large_restore_is_done_by_the_workflow(sample_table: ArchivedTable) -> None:
    rows = [a_row("large", str(number)) for number in range(60)]
    for some in (rows[:25], rows[25:50], rows[50:]):
        sample_table.put(*some)
    sample_table.settle(*rows[-3:])
    eventually("all archived", lambda: sample_table.archived(keys("large", "30")), bool)
    at, to = a_quiet_second(), f"{sample_table.name}-large"
    live = sample_table.items()
    command = ["tables", "restore", sample_table.name, "--at", stamp(at), "--to", to, "--large", "--apply"]
    holdfast(sample_table.stack, *command)
    assert {one: item.canonical(image) for one, image in sample_table.items(to).items()} == {
        one: item.canonical(image) for one, image in live.items()
    }
