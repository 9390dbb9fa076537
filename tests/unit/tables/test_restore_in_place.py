"""A table is restored over itself: what the table holds afterwards, and what is left as it is."""

from dataclasses import replace
from typing import Any

import pytest

from holdfast.adapters.memory_tables import MemoryTable
from holdfast.tables import item
from holdfast.tables.model import Image
from holdfast.tables.ports import TableMissing
from holdfast.tables.restore import journal
from holdfast.tables.restore.in_place import CHUNK, OtherKeys
from holdfast.tables.restore.model import Difference, Done, Entry, Kind, Refused, Wanted, Why
from tests.unit.tables.domain import DESCRIPTION, LARGE, T0, a_base, a_change, an_item, keys
from tests.unit.tables.restorable import RUN, Restorable, incomplete, of, told, values

LAYOUTS = pytest.mark.parametrize("layout", ["segment", "item"])


def a_story(layout: str = "segment") -> Restorable:
    """At second 5: a is "old", gone and same are there, later is not."""
    table = Restorable(layout)
    for name in ("a", "gone", "same"):
        table.put(name, "old", at=1)
    table.put("a", "new", at=6)
    table.remove("gone", at=6)
    table.put("later", "x", at=7)
    return table


@LAYOUTS
def test_a_table_becomes_what_it_was(layout: str) -> None:
    table = a_story(layout)
    outcomes = table.rewind(5)
    assert values(table.table) == {"a": "old", "gone": "old", "same": "old"}
    assert {type(one) for one in outcomes} == {Done}
    assert table.in_place.verify(table.preview(5), outcomes).differing == ()


@LAYOUTS
def test_a_preview_says_why_and_changes_nothing(layout: str) -> None:
    table = a_story(layout)
    before = values(table.table)
    preview = table.preview(5)
    assert [(one.kind, one.keys["pk"]["S"]) for one in preview.differences] == [
        (Kind.ADD, "gone"),
        (Kind.CHANGE, "a"),
        (Kind.REMOVE, "later"),
    ]
    assert told(preview.differences) == {
        "gone": "it is not there now",
        "a": "it differs in 'value'",
        "later": "it was not there then",
    }
    assert (preview.same, preview.left) == (1, ())
    assert values(table.table) == before
    assert not [name for name in table.archived.store.files if name.startswith("undo/")]


def test_a_second_time_there_is_nothing_to_do() -> None:
    table = a_story()
    table.rewind(5)
    assert table.preview(5).differences == ()


def test_every_second_of_a_history_can_be_gone_back_to() -> None:
    table = Restorable()
    states = []
    for second in range(1, 8):
        table.put("a", str(second), at=second)
        if second % 2:
            table.put("b", str(second), at=second)
        else:
            table.remove("b", at=second)
        states.append(values(table.table))
    last = dict(table.table.items)
    for second, state in enumerate(states, start=1):
        table.table.items = dict(last)
        table.rewind(second)
        assert values(table.table) == state


def test_numbers_written_otherwise_are_no_difference() -> None:
    table = Restorable()
    table.write("a", {**keys("a"), "value": {"N": "1.0"}}, at=1)
    table.table.items[item.item_id(keys("a"))] = {**keys("a"), "value": {"N": "1"}}
    assert table.preview(1).same == 1


def test_many_attributes_that_differ_are_counted() -> None:
    table = Restorable()
    table.put("a", at=1)
    table.put("a", at=2, p={"N": "1"}, q={"N": "1"}, r={"N": "1"}, s={"N": "1"})
    assert told(table.preview(1).differences) == {"a": "it differs in 'p', 'q', 'r' and 1 more"}


# What is wanted of it


def test_one_item_is_restored_and_no_other_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    table = a_story()
    monkeypatch.setattr(MemoryTable, "scan", lambda *_: pytest.fail("the table was scanned"))
    table.rewind(5, Wanted(item=keys("gone")))
    assert values(table.table) == {"a": "new", "gone": "old", "later": "x", "same": "old"}
    table.rewind(5, Wanted(item=keys("later")))
    assert values(table.table) == {"a": "new", "gone": "old", "same": "old"}


@LAYOUTS
def test_one_tenant_is_rewound_and_the_others_stay(layout: str) -> None:
    table = Restorable(layout, tenant_column="owner")
    for tenant in ("A", "B"):
        table.put(f"{tenant}1", "old", at=1, **of(tenant))
        table.put(f"{tenant}2", "old", at=1, **of(tenant))
        table.put(f"{tenant}1", "new", at=6, **of(tenant))
        table.remove(f"{tenant}2", at=6)
        table.put(f"{tenant}3", "x", at=6, **of(tenant))
    table.put("nobody's", "x", at=6)
    table.rewind(5, Wanted(tenant="A"))
    assert values(table.table) == {"A1": "old", "A2": "old", "B1": "new", "B3": "x", "nobody's": "x"}


def test_what_changed_hands_stays_with_whose_it_is_now() -> None:
    table = Restorable(tenant_column="owner")
    table.put("came", "1", at=1, **of("B"))
    table.put("went", "1", at=1, **of("A"))
    table.put("came-from-nobody", "1", at=1)
    table.put("came", "2", at=6, **of("A"))
    table.put("went", "2", at=6, **of("B"))
    table.put("came-from-nobody", "2", at=6, **of("A"))
    preview = table.preview(5, Wanted(tenant="A"))
    assert preview.differences == ()
    assert told(preview.left) == {
        "came": "it was of tenant 'B' then",
        "came-from-nobody": "it named no tenant then",
        "went": "it is of tenant 'B' now",
    }
    assert {one.why for one in preview.left} == {Why.OTHERS_NOW, Why.OTHERS_THEN}


def test_what_lost_its_tenant_comes_back() -> None:
    table = Restorable(tenant_column="owner")
    table.put("a", "1", at=1, **of("A"))
    table.put("a", "2", at=6)
    table.rewind(5, Wanted(tenant="A"))
    assert table.table.get(keys("a")) == an_item("a", "1", **of("A"))


def test_what_another_tenant_has_is_not_fetched() -> None:
    table = Restorable("item", tenant_column="owner")
    table.put("b", "1", at=1, **of("B"))
    table.put("b", "2", at=6, **of("B"))
    table.archived.objects.versions.clear()
    assert table.preview(5, Wanted(tenant="A")).differences == ()


def test_an_object_is_not_fetched_of_what_is_stored_as_the_same_bytes() -> None:
    table = Restorable("item")
    table.put("a", LARGE, at=1)
    table.archived.objects.versions.clear()
    assert table.preview(5).same == 1


def test_an_object_is_fetched_of_what_differs() -> None:
    table = Restorable("item")
    table.put("a", LARGE, at=1)
    table.put("a", "small", at=6)
    table.rewind(5)
    assert values(table.table) == {"a": LARGE}


# What the archive does not know


def test_nothing_is_removed_that_may_have_been_there() -> None:
    """The archive has never seen it put: it may be older than the stream."""
    table = Restorable(description=incomplete())
    table.put("a", "old", at=1)
    table.put("a", "new", at=6)
    table.put("b", "x", at=6)
    preview = table.preview(5)
    assert told(preview.differences) == {"a": "it differs in 'value'"}
    assert told(preview.left) == {"b": "the archive is not complete then: nobody knows whether it was there"}


def test_nothing_is_removed_that_was_there_before_the_archive() -> None:
    """The table has had its stream from the first, but was protected only a week later."""
    table = Restorable(description=replace(DESCRIPTION, taken_at=T0 + 7 * 86_400))
    table.put("a", "older than the archive", archived=False)
    table.archived.archive.save_base(a_base(7 * 86_400, 7 * 86_400 + 9))
    table.archived.archive.write([a_change("a", "older than the archive", at=7 * 86_400, sequence=0)], base="run")
    assert told(table.preview(5).left) == {"a": "the archive is not complete then: nobody knows whether it was there"}


def test_a_backfill_makes_it_known() -> None:
    table = Restorable(description=incomplete())
    table.archived.archive.save_base(a_base(2, 3))
    table.put("b", "x", at=6)
    assert told(table.preview(5).differences) == {"b": "it was not there then"}


def test_what_differs_without_an_archived_change_stays() -> None:
    """A change is on its way to the archive, and may be older than the moment."""
    table = a_story()
    table.put("a", "newest", at=9, archived=False)
    table.put("same", "changed", at=9, archived=False)
    table.remove("gone", at=9, archived=False)
    table.put("later still", "x", at=9, archived=False)
    preview = table.preview(5)
    unseen = (
        "the archive has no change of it since then: what made it differ is not archived yet, or never will be: then "
        "--unarchived restores it"
    )
    assert told(preview.left) == {"same": unseen, "later still": unseen}
    assert told(preview.differences) == {
        "gone": "it is not there now",
        "a": "it differs in 'value'",
        "later": "it was not there then",
    }


def test_where_the_stream_is_broken_it_is_restored_if_asked_for() -> None:
    table = a_story()
    table.put("same", "changed", at=9, archived=False)
    table.put("later still", "x", at=9, archived=False)
    table.apply(table.in_place.preview(table.then(5), unarchived=True))
    assert values(table.table) == {"a": "old", "gone": "old", "same": "old"}


def test_what_a_later_backfill_did_not_find_was_removed_since() -> None:
    table = Restorable()
    table.put("a", "old", at=1)
    table.remove("a", at=6, archived=False)
    assert table.preview(5).differences == ()
    table.archived.archive.save_base(a_base(10, 11))
    assert told(table.preview(5).differences) == {"a": "it is not there now"}


# What happens meanwhile


def test_what_is_written_after_the_preview_stays_and_is_named() -> None:
    table = a_story()
    preview = table.preview(5)
    table.put("a", "newest", at=8)
    table.put("gone", "again", at=8)
    table.remove("later", at=8)
    outcomes = table.apply(preview)
    changed = "it was changed since it was looked at"
    assert told([one for one in outcomes if isinstance(one, Refused)]) == {"a": changed, "gone": changed}
    assert values(table.table) == {"a": "newest", "gone": "again", "same": "old"}


def test_a_write_whose_answer_was_lost_is_done() -> None:
    table = a_story()
    preview = table.preview(5)
    table.apply(preview)
    assert {type(one) for one in table.apply(preview)} == {Done}


def test_an_item_that_cannot_be_written_does_not_keep_the_others_back(monkeypatch: pytest.MonkeyPatch) -> None:
    table = a_story()
    change = MemoryTable.change

    def denied(self: MemoryTable, keys: Image, before: Image | None, after: Image | None) -> None:
        if keys["pk"] == {"S": "a"}:
            raise PermissionError("no")
        change(self, keys, before, after)

    monkeypatch.setattr(MemoryTable, "change", denied)
    outcomes = table.rewind(5)
    assert told([one for one in outcomes if isinstance(one, Refused)]) == {"a": "PermissionError: no"}
    assert values(table.table) == {"a": "new", "gone": "old", "same": "old"}


def test_what_is_changed_again_is_told_when_verifying() -> None:
    table = a_story()
    preview = table.preview(5)
    outcomes = table.apply(preview)
    table.put("a", "newest", at=9)
    found = table.in_place.verify(preview, outcomes)
    assert (found.items, found.differing) == (3, (keys("a"),))
    assert found.wanted != found.found


def test_what_was_left_alone_is_not_verified() -> None:
    table = a_story()
    preview = table.preview(5)
    table.put("a", "newest", at=8)
    found = table.in_place.verify(preview, table.apply(preview))
    assert (found.items, found.differing) == (2, ())


def test_the_journal_is_written_before_each_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever it ends, what was written is in the journal."""
    table = a_story()
    change, seen = MemoryTable.change, []

    def change_and_look(self: MemoryTable, key: Image, before: Image | None, after: Image | None) -> None:
        entries = list(journal.Pages(table.archived.store, RUN).entries())
        seen.append(Entry(key, before, after) in entries)
        change(self, key, before, after)

    monkeypatch.setattr(MemoryTable, "change", change_and_look)
    table.rewind(5)
    assert seen == [True] * 3


def test_a_long_journal_has_pages() -> None:
    table = Restorable()
    for number in range(CHUNK + 1):
        table.table.items[item.item_id(keys(str(number)))] = an_item(str(number))
    preview = table.preview(5)
    assert len(preview.left) == CHUNK + 1  # nothing tells when these came
    differences = tuple(
        Difference(Kind.REMOVE, one.keys, an_item(one.keys["pk"]["S"]), None, "") for one in preview.left
    )
    table.apply(type(preview)(differences, (), 0))
    assert [name for name in table.archived.store.files if name.startswith("undo/")] == [
        f"undo/{RUN}/run.json",
        f"undo/{RUN}/000000.jsonl.gz",
        f"undo/{RUN}/000001.jsonl.gz",
    ]
    assert table.table.items == {}


# Taking it back


def entries(table: Restorable) -> list[Entry]:
    return list(journal.Pages(table.archived.store, RUN).entries())


def test_a_restore_is_taken_back() -> None:
    table = a_story()
    before = values(table.table)
    table.rewind(5)
    assert {type(one) for one in table.undo_all(entries(table))} == {Done}
    assert values(table.table) == before


def test_taking_back_again_does_nothing() -> None:
    table = a_story()
    table.rewind(5)
    table.undo_all(entries(table))
    assert table.undo_all(entries(table)) == []


def test_what_was_changed_since_the_restore_is_not_taken_back() -> None:
    table = a_story()
    table.rewind(5)
    table.put("a", "newest", at=9)
    looks = {look.entry.keys["pk"]["S"]: look.back for look in table.undo.look(entries(table))}
    assert looks == {"a": "conflict", "gone": "undo", "later": "undo"}
    table.undo_all(entries(table))
    assert values(table.table) == {"a": "newest", "later": "x", "same": "old"}


def test_what_is_changed_while_it_is_taken_back_stays() -> None:
    table = a_story()
    table.rewind(5)
    looks = list(table.undo.look(entries(table)))
    table.put("a", "newest", at=9)
    assert [type(one) for one in table.undo.apply(looks)].count(Refused) == 1
    assert values(table.table)["a"] == "newest"


def test_an_interrupted_restore_is_taken_back_as_far_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    table = a_story()
    before = values(table.table)
    preview = table.preview(5)
    change = MemoryTable.change

    def dies(self: MemoryTable, key: Image, *how: Any) -> None:
        if key["pk"] == {"S": "later"}:
            raise KeyboardInterrupt
        change(self, key, *how)

    with monkeypatch.context() as patched:
        patched.setattr(MemoryTable, "change", dies)
        with pytest.raises(KeyboardInterrupt):
            table.apply(preview)
    assert values(table.table) == {"a": "old", "gone": "old", "later": "x", "same": "old"}
    table.undo_all(entries(table))
    assert values(table.table) == before


def test_a_run_names_its_table() -> None:
    table = a_story()
    table.rewind(5)
    assert journal.table_of(RUN) == "orders"
    assert journal.load(table.archived.archive, RUN).items == 3


@pytest.mark.parametrize("run", ["orders", "@1", ""])
def test_what_names_no_run_is_an_error(run: str) -> None:
    with pytest.raises(journal.NoSuchRun, match="names no run of a restore in place"):
        journal.table_of(run)


def test_a_run_that_never_was_is_an_error() -> None:
    with pytest.raises(journal.NoSuchRun, match="there was no restore in place 'orders@2' of table 'orders'"):
        journal.load(Restorable().archived.archive, "orders@2")


# Tables that are not what they were


def test_a_table_that_is_gone_cannot_be_restored_in_place() -> None:
    table = a_story()
    table.table.description = None
    with pytest.raises(TableMissing):
        table.preview(5)
    with pytest.raises(TableMissing):
        list(table.undo.look([]))


def test_a_table_of_the_same_name_with_other_keys_is_left_alone() -> None:
    table = a_story()
    other = {**DESCRIPTION.table, "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "N"}]}
    table.table.description = type(DESCRIPTION)(T0, other, {})
    with pytest.raises(OtherKeys, match="restore it with --to NEW_TABLE"):
        table.preview(5)
