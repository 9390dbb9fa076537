"""A table is restored into a new one: what that holds, how it is written, and how it is proved."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from holdfast.adapters.memory_tables import MemoryTable
from holdfast.tables import item
from holdfast.tables.item import Digest
from holdfast.tables.model import Image
from holdfast.tables.ports import NotStored, TableExists
from holdfast.tables.restore import run
from holdfast.tables.restore.model import Wanted, Written
from holdfast.tables.restore.write import TRIES, TooBusy
from tests.unit.tables.domain import DESCRIPTION, LARGE, T0, an_item, keys
from tests.unit.tables.restorable import Restorable, of, values
from tests.unit.tables.test_restore_in_place import LAYOUTS, a_story

EXPIRING = replace(
    DESCRIPTION,
    time_to_live={"TimeToLiveStatus": "ENABLED", "AttributeName": "until"},
    tags=({"Key": "team", "Value": "shop"},),
)


@LAYOUTS
def test_a_new_table_holds_what_there_was(layout: str) -> None:
    table = a_story(layout)
    assert table.restore(5) == {"a": "old", "gone": "old", "same": "old"}
    assert values(table.table) == {"a": "new", "later": "x", "same": "old"}


@pytest.mark.parametrize(
    ("at", "items"), [(0, {}), (1, {"a": "1"}), (2, {"a": "3"}), (3, {}), (4, {"a": "4"}), (9, {"a": "4"})]
)
def test_a_moment_is_a_whole_second_with_all_of_its_changes(at: int, items: dict[str, str]) -> None:
    table = Restorable()
    table.put("a", "1", at=1)
    table.put("a", "2", at=2)
    table.put("a", "3", at=2)
    table.put("a", "x", at=3)
    table.remove("a", at=3)
    table.put("a", "4", at=4)
    assert table.restore(at) == items


def test_one_tenant_or_one_item_is_restored_beside_the_table() -> None:
    table = Restorable(tenant_column="owner")
    table.put("a", "1", at=1, **of("A"))
    table.put("b", "1", at=1, **of("B"))
    table.put("c", "1", at=1)
    assert table.restore(5, Wanted(tenant="A")) == {"a": "1"}
    table.others.clear()
    assert table.restore(5, Wanted(item=keys("c")), name="other") == {"c": "1"}


def test_a_table_that_is_gone_is_restored_under_its_own_name() -> None:
    table = a_story()
    table.table.description = None
    assert table.restore(5) == {"a": "old", "gone": "old", "same": "old"}


def test_the_new_table_is_like_the_old_one_was_then() -> None:
    table = Restorable(description=EXPIRING)
    table.archived.archive.save_description(replace(EXPIRING, taken_at=T0 + 100, time_to_live={}))
    table.put("a", at=1)
    table.restore(5)
    made = table.other().description
    assert made
    assert made.key_types == DESCRIPTION.key_types
    assert made.time_to_live["AttributeName"] == "until"
    assert {tag["Key"]: tag["Value"] for tag in made.tags} == {
        "team": "shop",
        "holdfast:restored-from": "orders@2026-01-01T00:00:05Z",
        "holdfast:restore-run": "run",
    }


def test_items_do_not_expire_before_they_are_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Restorable(description=EXPIRING)
    table.put("a", at=1)
    monkeypatch.setattr(MemoryTable, "scan", lambda *_: (_ for _ in ()).throw(PermissionError))
    with pytest.raises(PermissionError):
        table.restore(5)
    made = table.other().description
    assert made
    assert "AttributeName" not in made.time_to_live


def test_nothing_archived_is_an_error() -> None:
    table = Restorable()
    table.archived.store.files.clear()
    with pytest.raises(run.NothingArchived, match="nothing is archived of a table 'orders'"):
        table.then(5)
    with pytest.raises(run.NothingArchived):
        table.new().begin(table.a_run(5))


def test_what_the_archive_has_lost_is_an_error() -> None:
    table = a_story("item")
    table.put("large", LARGE, at=1)
    table.archived.objects.versions.clear()
    with pytest.raises(NotStored):
        table.restore(5)


# Tables that are there already


def test_a_table_that_is_there_is_never_written_to() -> None:
    table = a_story()
    table.others["restored"] = MemoryTable("restored", DESCRIPTION, lambda: T0)
    with pytest.raises(run.Occupied, match="there is a table 'restored' already: a restore writes to new tables only"):
        table.restore(5)
    assert table.other().items == {}


def test_an_interrupted_restore_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    table = a_story()
    with monkeypatch.context() as patched:
        patched.setattr(MemoryTable, "put_all", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            table.restore(5)
    assert table.other().items == {}
    assert table.restore(5, name="again") == {"a": "old", "gone": "old", "same": "old"}
    assert table.new().load("run").ended == T0 + 1000


def test_one_that_ended_between_table_and_note_goes_on() -> None:
    table = a_story()
    table.new().begin(table.a_run(5))
    del table.archived.store.files["restores/run/run.json"]
    assert table.restore(5, name="again") == {"a": "old", "gone": "old", "same": "old"}


def test_a_table_that_was_made_and_cannot_be_used_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    table, waited = a_story(), list[str]()
    table.new().begin(table.a_run(5))
    monkeypatch.setattr(MemoryTable, "wait", lambda self: waited.append(self.name))
    table.restore(5, name="again")
    assert waited == ["restored"]


def test_a_table_that_is_being_deleted_is_not_gone_on_with() -> None:
    table = a_story()
    table.new().begin(table.a_run(5))
    there = table.other().description
    assert there
    table.other().description = replace(there, table={**there.table, "TableStatus": "DELETING"})
    with pytest.raises(run.Occupied, match="table 'restored' is being deleted: restore once it is gone"):
        table.restore(5)


@pytest.mark.parametrize(("at", "wanted"), [(6, None), (5, Wanted(item=keys("a"))), (5, Wanted(tenant="a"))])
def test_what_another_restore_has_begun_is_left_to_it(at: int, wanted: Wanted | None) -> None:
    table = a_story()
    table.new().begin(table.a_run(5))
    with pytest.raises(run.Occupied, match="there is a table 'restored' already"):
        table.restore(at, wanted, name="other")


def test_a_restore_that_was_finished_is_its_users_table() -> None:
    """What they have written since stays."""
    table = a_story()
    table.restore(5)
    table.other().items[item.item_id(keys("a"))] = an_item("a", "written since")
    with pytest.raises(run.Occupied, match="is this very restore, and was finished at 2026-01-01T00:16:40Z"):
        table.restore(5, name="again")
    assert values(table.other())["a"] == "written since"


def test_a_table_that_was_deleted_can_be_restored_again() -> None:
    table = a_story()
    table.restore(5)
    table.others.clear()
    assert table.restore(5, name="again") == {"a": "old", "gone": "old", "same": "old"}


def test_a_table_that_somebody_makes_at_the_same_time_is_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    table = a_story()

    def faster(*_: object) -> None:
        raise TableExists

    monkeypatch.setattr(MemoryTable, "create", faster)
    with pytest.raises(run.Occupied, match="somebody else has just made a table 'restored'"):
        table.restore(5)


def test_a_restored_table_that_is_restored_in_its_turn_has_its_own_marks() -> None:
    marked = replace(DESCRIPTION, tags=({"Key": "holdfast:restore-run", "Value": "old"},))
    table = Restorable(description=marked)
    table.put("a", at=1)
    table.restore(5)
    made = table.other().description
    assert made
    assert [tag["Value"] for tag in made.tags if tag["Key"] == "holdfast:restore-run"] == ["run"]


# Proof


def test_an_item_too_many_is_found() -> None:
    table = a_story()
    table.other().items[item.item_id(keys("stray"))] = an_item("stray")
    with pytest.raises(run.Differs, match=r"holds 4 items with the digest .*, the archive 3 with"):
        table.restore(5)
    assert table.new().load("run").ended is None


def test_what_was_written_is_summed_up() -> None:
    table = a_story()
    digest = Digest()
    for name in ("a", "gone", "same"):
        digest.add(an_item(name, "old"))
    table.new().begin(table.a_run(5))
    assert table.writer().write(run.changes(table.then(5))) == Written(3, digest.hex)
    assert sum(table.progress) == 3


# A table that takes no more


class Busy(MemoryTable):
    """Takes one item of every call, or none."""

    takes = 1

    def put_all(self, images: Sequence[Image]) -> Sequence[Image]:
        super().put_all(images[: self.takes])
        return images[self.takes :]


def a_busy(table: Restorable, takes: int) -> Restorable:
    table.others["restored"] = Busy("restored", None, lambda: T0)
    Busy.takes = takes
    return table


def test_what_was_not_taken_is_tried_again_after_a_pause() -> None:
    table = a_busy(a_story(), 1)
    assert table.restore(5) == {"a": "old", "gone": "old", "same": "old"}
    assert table.slept == [0.1, 0.1]


def test_pauses_grow_to_a_limit_and_then_it_is_given_up() -> None:
    table = a_busy(a_story(), 0)
    with pytest.raises(TooBusy, match="restored takes no more writes: raise its capacity, or write slower"):
        table.restore(5)
    assert table.slept[:4] == [0.1 * 2**n for n in range(1, 5)]
    assert (len(table.slept), max(table.slept)) == (TRIES - 1, 20.0)


def test_a_rate_is_kept_to() -> None:
    table = a_story()
    writer = table.writer()
    table.restore(0)
    paced = replace(writer, pace=type(table.pace)(2.0, lambda: 0.0, table.slept.append))
    paced.write(run.changes(table.then(5)))
    assert table.slept == [1.5]
