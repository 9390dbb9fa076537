"""The steps of a large restore, done once, twice, and in an order that faults make."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from holdfast.adapters.memory_tables import MemoryTable
from holdfast.adapters.memory_workflow import MemoryWorkflow
from holdfast.tables import item
from holdfast.tables.model import Image
from holdfast.tables.restore import plan, steps
from holdfast.tables.restore.run import Differs, Occupied
from holdfast.tables.restore.steps import NotAStep, PartsMissing
from holdfast.workflow import Execution, Status
from tests.unit.tables.domain import T0, a_base, a_change, an_item, id_of, keys
from tests.unit.tables.restorable import Restorable, values
from tests.unit.tables.test_restore_in_place import LAYOUTS, a_story

ORDER = {"table": "orders", "at": "2026-01-01T00:00:05Z", "to": "restored", "run": "run"}
OLD = {"a": "old", "gone": "old", "same": "old"}


def step(table: Restorable, name: str, **more: Any) -> dict[str, Any]:
    return table.steps({**ORDER, "step": name, **more})


def all_parts(table: Restorable) -> list[dict[str, Any]]:
    return [step(table, "partition", prefix=prefix) for prefix in step(table, "prepare")["prefixes"]]


@LAYOUTS
def test_a_table_is_restored_step_by_step(layout: str) -> None:
    table = a_story(layout)
    prepared = step(table, "prepare")
    assert prepared == {**ORDER, "prefixes": list("0123456789abcdef"), "items": 3}
    parts = all_parts(table)
    assert sum(part["items"] for part in parts) == 3
    done = step(table, "verify", partitions=parts)
    assert (done["items"], done["verified"]) == (3, True)
    assert values(table.other()) == OLD
    assert table.new().load("run").ended == T0 + 1000


def test_a_part_holds_the_items_whose_ids_begin_so() -> None:
    table = a_story()
    step(table, "prepare")
    step(table, "partition", prefix=id_of("gone")[0])
    assert "gone" in values(table.other())
    assert all(one[0] == id_of("gone")[0] for one in table.other().items)


def test_every_step_may_be_done_again() -> None:
    table = a_story()
    first = all_parts(table)
    assert all_parts(table) == first
    done = step(table, "verify")
    table.other().items[item.item_id(keys("a"))] = an_item("a", "written since")
    assert step(table, "verify") == done
    assert step(table, "partition", prefix=id_of("a")[0])["items"] >= 1
    assert values(table.other())["a"] == "written since"


def test_another_run_of_the_same_restore_goes_on_with_the_first() -> None:
    table = a_story()
    all_parts(table)
    prepared = table.steps({**ORDER, "step": "prepare", "run": "second"})
    assert prepared["run"] == "run"
    assert step(table, "verify")["verified"]
    with pytest.raises(Occupied):
        table.steps({**ORDER, "step": "prepare", "run": "third"})


def test_a_part_that_is_not_restored_yet_is_missed() -> None:
    table = a_story()
    step(table, "prepare")
    with pytest.raises(PartsMissing, match="part '0' of 'restored' is not restored yet"):
        step(table, "verify")


def test_an_item_too_many_is_no_success() -> None:
    table = a_story()
    all_parts(table)
    table.other().items[item.item_id(keys("stray"))] = an_item("stray")
    answer = step(table, "verify")
    assert answer["verified"] is False
    assert "holds 4 items" in answer["why"]
    assert table.new().load("run").ended is None


def test_a_part_reads_again_what_it_has_written(monkeypatch: pytest.MonkeyPatch) -> None:
    table = a_story()
    step(table, "prepare")
    monkeypatch.setattr(MemoryTable, "put_all", lambda *_: [])
    with pytest.raises(Differs, match="does not hold what was just written to it"):
        step(table, "partition", prefix=id_of("a")[0])


def test_what_is_noted_of_a_part_is_not_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function was out of time before the part was done."""
    table = Restorable()
    for number in range(40):
        table.put(str(number), "old", at=1)
    monkeypatch.setattr(steps, "NOTED_ITEMS", 1)
    step(table, "prepare")
    ids = sorted(one for one in table.table.items if one.startswith("c"))
    assert len(ids) > 1
    puts: list[str] = []
    put_all, late = MemoryTable.put_all, [ids[-1]]

    def put_unless_it_is_late(self: MemoryTable, images: Sequence[Image]) -> Sequence[Image]:
        if late and late[0] in {item.item_id(keys(image["pk"]["S"])) for image in images}:
            raise TimeoutError
        puts.extend(image["pk"]["S"] for image in images)
        return put_all(self, images)

    monkeypatch.setattr(MemoryTable, "put_all", put_unless_it_is_late)
    with pytest.raises(TimeoutError):
        step(table, "partition", prefix="c")
    assert 0 < len(puts) < len(ids)
    late.clear()
    assert step(table, "partition", prefix="c")["items"] == len(ids)
    assert len(puts) == len(ids)


def test_a_very_large_table_is_not_read_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    table = a_story()
    all_parts(table)
    monkeypatch.setattr(steps, "SCANNED_ITEMS", 2)
    monkeypatch.setattr(MemoryTable, "scan", lambda *_: pytest.fail("it was scanned"))
    assert step(table, "verify")["verified"]


def test_a_moment_may_be_told_in_seconds() -> None:
    table = a_story()
    assert step(table, "prepare", at=T0 + 5)["at"] == ORDER["at"]
    assert step(table, "prepare", at="2026-01-01T00:00:05")["at"] == ORDER["at"]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({}, "None is no step of a restore"),
        ({"step": "delete"}, "'delete' is no step of a restore: prepare, partition, verify"),
        ({"step": "prepare"}, "the event tells no table, at, to and run of a restore"),
        ({**ORDER, "step": "partition"}, "the event tells no prefix of a partition"),
        ({**ORDER, "step": "verify", "at": "noon"}, "the event tells no table, at, to and run of a restore"),
    ],
)
def test_what_is_no_step_is_an_error(event: dict[str, Any], words: str) -> None:
    with pytest.raises(NotAStep, match=words):
        Restorable().steps(event)


# How large


def test_a_few_changes_are_counted_and_many_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Restorable()
    table.archived.archive.save_base(a_base(2, 3))
    table.archived.archive.write([a_change(str(n), at=2, sequence=0) for n in range(2000)], base="run")
    table.put("a", at=4)
    assert steps.estimate(table.view, T0 + 5) == (2001, False)
    monkeypatch.setattr(plan, "PARTITION_ITEMS", 100)
    items, is_about = steps.estimate(table.view, T0 + 5)
    assert is_about
    assert 1000 < items < 4000


# The workflow in memory


def test_the_workflow_does_all_steps() -> None:
    table = a_story()
    workflow = MemoryWorkflow(table.steps)
    execution = workflow.start("run", ORDER)
    assert workflow.look(execution).status is Status.SUCCEEDED
    assert values(table.other()) == OLD


def failing(table: Restorable) -> None:
    table.others["restored"] = MemoryTable("restored", table.description, lambda: T0)


def differing(table: Restorable) -> None:
    table.other().items[item.item_id(keys("stray"))] = an_item("stray")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (failing, "Occupied: there is a table 'restored' already: a restore writes to new tables only"),
        (differing, "TablesRestoreDiffers"),
    ],
)
def test_the_workflow_tells_what_went_wrong(spoil: Callable[[Restorable], None], why: str) -> None:
    table = a_story()
    spoil(table)
    workflow = MemoryWorkflow(table.steps)
    assert workflow.look(workflow.start("run", ORDER)) == Execution(Status.FAILED, why=why)
