"""Restores of real Delta tables in memory: what comes back, what is refused, and what a crash leaves behind."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from deltalake import DeltaTable

from holdfast.warehouse.model import Retirement, Source, State, Tally
from holdfast.warehouse.restore import opened
from holdfast.warehouse.restore.model import (
    BadDestination,
    CopyFailed,
    Differs,
    KeyTooLong,
    NotRestorable,
    Occupied,
    Thaw,
    TierMissing,
)
from holdfast.warehouse.restore.opened import CannotOpen
from holdfast.warehouse.retire import record
from holdfast.warehouse.runs import DatabaseUnknown
from tests.delta_tables import HOSTILE, VECTORS, Table, actions_of, commit, live
from tests.unit.warehouse.restore.lake import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def orders(desk: Desk, commits: int = 2) -> Table:
    table = desk.lake.table()
    for number in range(commits):
        table.append(2 * number, 2 * number + 1)
    return table


def lose_all(desk: Desk) -> None:
    for path in desk.lake.folder.rglob("*"):
        if path.is_file():
            path.unlink()
    desk.lake.sync()


# What comes back


@pytest.mark.parametrize("kind", ["plain", "vectors", "checkpoint", "parts", "sidecars", "vacuumed"])
def test_a_lost_table_comes_back_as_it_was(desk: Desk, kind: str) -> None:
    table = desk.lake.table(partitioned=True, configuration=VECTORS if kind == "vectors" else {})
    table.append(*range(16), parts=HOSTILE)
    table.append(*range(16, 24), parts=HOSTILE)
    match kind:
        case "vectors":
            table.delete_by_vector(1, 2, 12)
        case "checkpoint":
            table.checkpoint()
            table.append(30)
        case "parts":
            table.checkpoint_in_parts(2)
        case "sidecars":
            table.checkpoint_with_sidecars()
        case "vacuumed":
            table.delete("id < 4")
            table.vacuum()
        case _:
            pass
    rows = table.rows()
    desk.lake.back_up()
    lose_all(desk)
    (proof,) = desk.restore()
    assert proof.problems == ()
    assert proof.found == proof.expected
    assert (proof.rows, proof.version) == (len(rows), Table(desk.reader.dump("again")).opened().version())
    assert desk.rows() == rows


def test_a_commit_between_inventory_and_copies_does_no_harm(desk: Desk) -> None:
    table = orders(desk)
    rows = table.rows()

    def meanwhile() -> None:
        table.delete("id = 0")
        table.vacuum()

    table.append(10)
    rows = table.rows()
    desk.lake.back_up()
    desk.lake.back_up(meanwhile)
    lose_all(desk)
    (proof,) = desk.restore()
    assert proof.problems == ()
    assert desk.rows() == rows


def test_a_database_comes_back_with_all_its_tables_each_as_the_last_run_knew_it(desk: Desk) -> None:
    orders(desk)
    people, deep = desk.lake.table("shop/people"), desk.lake.table("shop/eu/items")
    people.append(7)
    deep.append(8, 9)
    rows = people.rows()
    desk.lake.back_up()
    people.drop()
    desk.lake.back_up()
    with desk.planned("shop") as (plan, _):
        assert [(one.root, one.dropped, one.candidate.item.run) for one in plan.tables] == [
            ("shop/eu/items/", False, desk.lake.runs[1]),
            ("shop/orders/", False, desk.lake.runs[1]),
            ("shop/people/", True, desk.lake.runs[0]),
        ]
    assert [proof.problems for proof in desk.restore("lake/shop")] == [(), (), ()]
    assert desk.rows("again/people") == rows
    assert desk.rows("again/eu/items") == deep.rows()


def test_a_bucket_that_is_one_database_has_its_name(desk: Desk) -> None:
    desk.lake.sources = [Source("lake", "")]
    rows = orders(desk).rows()
    desk.lake.back_up()
    desk.restore("lake")
    assert desk.rows("again/shop/orders") == rows


def test_an_empty_table_comes_back(desk: Desk) -> None:
    table = orders(desk)
    table.delete("id >= 0")
    desk.lake.back_up()
    (proof,) = desk.restore()
    assert (proof.files, proof.rows, proof.problems) == (0, 0, ())


# Which version


def test_any_version_can_be_asked_for_that_a_run_can_tell(desk: Desk) -> None:
    table = orders(desk)
    rows = table.rows(0)
    desk.lake.back_up()
    assert desk.restore(wanted=0)[0].version == 0
    assert desk.rows() == rows


def test_an_older_run_is_asked_for_what_the_newest_has_forgotten(desk: Desk) -> None:
    table = orders(desk, 3)
    rows = table.rows(1)
    desk.lake.back_up()
    table.checkpoint()
    for version in range(2):
        desk.lake.lose(f"shop/orders/_delta_log/{version:020}.json")
    desk.lake.back_up()
    with desk.planned(wanted=1) as (plan, _):
        assert [one.candidate.item.run for one in plan.tables] == [desk.lake.runs[0]]
    desk.restore(wanted=1)
    assert desk.rows() == rows


def test_a_version_that_no_run_knows_is_told_with_those_that_could_be_had(desk: Desk) -> None:
    orders(desk)
    desk.lake.back_up()
    orders(desk)
    desk.lake.back_up()
    with pytest.raises(NotRestorable) as raised:
        desk.restore(wanted=9)
    assert str(raised.value) == (
        f"'shop/orders': the log that run {desk.lake.runs[1]} has copied names no version 9."
        " Runs found these versions to be restorable: 1, 3"
    )


def test_a_version_that_lacks_files_is_told_with_what_it_lacks(desk: Desk) -> None:
    table = orders(desk)
    (name,) = [add["path"] for add in live(table.folder) if add["path"] not in str(actions_of(table.folder, 0))]
    desk.lake.lose(f"shop/orders/{name}")
    run = desk.lake.back_up()
    with pytest.raises(NotRestorable) as raised:
        desk.restore(wanted=1)
    assert str(raised.value) == (
        f"'shop/orders': version 1, as run {run} found it, lacks 1 object: 'shop/orders/{name}'; version 0 can be"
        " restored. Runs found these versions to be restorable: 0"
    )
    with desk.planned() as (plan, _):
        (chosen,) = plan.tables
        assert (chosen.snapshot.version, chosen.newest, chosen.missing) == (0, 1, (f"shop/orders/{name}",))


def test_where_a_newer_run_does_not_serve_its_reason_is_told(desk: Desk) -> None:
    table = orders(desk)
    rows = table.rows()
    first = desk.lake.back_up()
    table.overwrite(5)
    for version in (0, 1):
        desk.lake.lose(f"shop/orders/_delta_log/{version:020}.json")
    newest = desk.lake.back_up()
    with desk.planned() as (plan, _):
        (chosen,) = plan.tables
        assert chosen.candidate.item.run == first
        assert chosen.newer.startswith(f"version 2, as run {newest} found it, lacks 2 objects: ")
    desk.restore()
    assert desk.rows() == rows


def test_a_version_belongs_to_one_table(desk: Desk) -> None:
    orders(desk)
    desk.lake.table("shop/people").append(1)
    desk.lake.back_up()
    with pytest.raises(NotRestorable, match="'shop' has 2 tables, each with versions of its own: name one of them"):
        desk.restore("shop", wanted=0)


def october(day: int) -> datetime:
    return datetime(2026, 10, day, tzinfo=UTC)


def date_commits(table: Table, *days: int) -> None:
    """Have the commits' own times be these days of October 2026."""
    for version, day in enumerate(days):
        lines = actions_of(table.folder, version)
        for line in lines:
            if "commitInfo" in line:
                line["commitInfo"]["timestamp"] = int(october(day).timestamp() * 1000)
        commit(table.folder, version, *lines)


def test_the_version_of_a_moment_is_the_newest_that_was_there(desk: Desk) -> None:
    table = orders(desk, 3)
    date_commits(table, 1, 5, 9)
    rows = table.rows(1)
    run = desk.lake.back_up()
    then = october(7)
    with desk.planned(wanted=then) as (plan, _):
        assert [(one.snapshot.version, one.unknown, one.candidate.item.run) for one in plan.tables] == [(1, None, run)]
    desk.restore(wanted=then)
    assert desk.rows() == rows


def test_what_nobody_knows_of_a_moment_is_told(desk: Desk) -> None:
    table = orders(desk, 2)
    date_commits(table, 1, 5)
    desk.lake.back_up()
    table.append(5)
    table.append(6)
    table.append(7)
    date_commits(table, 1, 5, 6, 20, 21)
    table.checkpoint()
    for version in range(3):
        desk.lake.lose(f"shop/orders/_delta_log/{version:020}.json")
    desk.lake.back_up()
    with desk.planned(wanted=october(10)) as (plan, _):
        (chosen,) = plan.tables
        assert (chosen.snapshot.version, chosen.unknown) == (1, (2, 2))


def test_of_a_moment_no_older_version_is_taken_for_one_that_cannot_be_restored(desk: Desk) -> None:
    table = orders(desk, 1)
    date_commits(table, 1)
    desk.lake.back_up()
    table.append(5)
    date_commits(table, 1, 5)
    (path,) = {add["path"] for add in live(table.folder)} - {
        line["add"]["path"] for line in actions_of(table.folder, 0) if "add" in line
    }
    desk.lake.lose(f"shop/orders/{path}")
    desk.lake.back_up()
    with pytest.raises(NotRestorable, match=r"version 1, as run .* lacks 1 object"):
        desk.restore(wanted=october(10))


def test_a_table_that_was_not_there_then_is_skipped(desk: Desk) -> None:
    date_commits(orders(desk, 1), 1)
    people = desk.lake.table("shop/people")
    people.append(1)
    date_commits(people, 9)
    desk.lake.back_up()
    with desk.planned("shop", october(5)) as (plan, _):
        assert [one.root for one in plan.tables] == ["shop/orders/"]
        assert [(one.root, one.existed) for one in plan.left_out] == [("shop/people/", False)]
    with pytest.raises(NotRestorable, match="it did not exist then, or the backups know no version as old"):
        desk.restore("shop/people", october(5))


def test_a_table_that_cannot_be_restored_does_not_keep_others_back(desk: Desk) -> None:
    rows = orders(desk).rows()
    broken = desk.lake.table("shop/broken")
    broken.append(1)
    desk.lake.lose(f"shop/broken/{live(broken.folder)[0]['path']}")
    desk.lake.back_up()
    with desk.planned("shop") as (plan, _):
        assert [(one.root, one.existed) for one in plan.left_out] == [("shop/broken/", True)]
    desk.restore("shop")
    assert desk.rows("again/orders") == rows


def a_clone(desk: Desk, source: Table) -> None:
    """A table whose one commit names the files of another by their whole paths."""
    about = [action for action in actions_of(source.folder, 0) if "add" not in action]
    adds = [{"add": {**add, "path": f"s3://lake/shop/orders/{add['path']}"}} for add in live(source.folder)]
    commit(desk.lake.folder / "shop/clone", 0, *about, *adds)


def test_a_table_that_needs_what_is_not_part_of_the_restore_is_left_out(desk: Desk) -> None:
    a_clone(desk, orders(desk))
    desk.lake.back_up()
    with pytest.raises(NotRestorable, match="the restore needs 2 objects that are not part of it"):
        desk.restore("shop/clone")


def test_with_what_it_needs_it_points_to_the_new_place(desk: Desk) -> None:
    a_clone(desk, orders(desk))
    desk.lake.back_up()
    with desk.planned("shop", to="s3://new/a b") as (plan, restoring):
        assert plan.left_out == []
        assert (plan.copies.objects, plan.rewritten) == (5, 1)
        restoring.copy()
    log = desk.new.find("a b/clone/_delta_log/00000000000000000000.json").body or b""
    assert log.count(b"s3://new/a%20b/orders/part-") == 2
    assert b"s3://lake" not in log
    with desk.planned("shop", to="s3://new/a b") as (plan, _):
        assert (plan.copies.objects, plan.rewritten, plan.there.objects) == (0, 0, 5)


# What is frozen


def test_what_is_frozen_is_thawed_first_and_waited_for(desk: Desk) -> None:
    rows = desk.back_up_two_commits("GLACIER")
    with desk.planned(thaw=Thaw("Standard", 3)) as (plan, restoring):
        (archived,) = plan.archived
        assert (archived.storage_class, archived.all.objects, archived.asked.objects) == ("GLACIER", 2, 2)
        restoring.ask()
        assert restoring.unreadable.objects == 2
        assert desk.new.keys == {}
        restoring.wait(desk.sleep)
        restoring.copy()
        assert [proof.problems for proof in restoring.verify()] == [()]
    assert desk.slept[:7] == [10, 20, 40, 80, 160, 300, 300]
    assert desk.rows() == rows
    assert {written.storage_class for [written] in desk.new.keys.values()} == {"STANDARD"}


def test_who_does_not_wait_goes_on_later(desk: Desk) -> None:
    desk.back_up_two_commits("DEEP_ARCHIVE")
    with desk.planned() as (_, restoring):
        restoring.ask()
    desk.forward(timedelta(hours=1))
    with desk.planned() as (plan, restoring):
        assert [(one.asked.objects, one.thawing and one.thawing.objects) for one in plan.archived] == [(0, 2)]
    desk.forward(timedelta(hours=4))
    with desk.planned() as (plan, restoring):
        assert [(one.asked.objects, one.thawing and one.thawing.objects) for one in plan.archived] == [(0, 0)]
        restoring.ask()
        assert restoring.unreadable.objects == 0
        restoring.copy()
        assert [proof.problems for proof in restoring.verify()] == [()]


def test_what_froze_again_meanwhile_is_asked_for_anew(desk: Desk) -> None:
    desk.back_up_two_commits("GLACIER")
    with desk.planned(thaw=Thaw(days=1)) as (_, restoring):
        restoring.ask()
        desk.forward(timedelta(days=3))
        restoring.wait(desk.sleep)
        assert sum(desk.slept) > 4 * 3600
        restoring.copy()


def test_of_many_only_those_that_were_asked_for_first_are_looked_at(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.back_up_two_commits("GLACIER")
    monkeypatch.setattr("holdfast.warehouse.restore.run.LOOKED_AT", 1)
    monkeypatch.setattr("holdfast.warehouse.restore.run.ASKED", 1)
    looked: list[str] = []
    desk.account.before = lambda call, *_: looked.append(call) if call == "access" else None
    with desk.planned() as (plan, restoring):
        (archived,) = plan.archived
        assert (archived.frozen, archived.thawing, archived.asked.objects, len(looked)) == (None, None, 2, 0)
        restoring.ask()
        assert len(looked) == 2
        restoring.wait(desk.sleep)
    assert len(looked) == 2 + len(desk.slept) + 2


def test_a_tier_that_a_class_does_not_have_is_told_before_anything_is_done(desk: Desk) -> None:
    desk.back_up_two_commits("DEEP_ARCHIVE")
    with pytest.raises(TierMissing, match="DEEP_ARCHIVE does not thaw in tier Expedited: give --tier Standard"):
        desk.restore(thaw=Thaw("Expedited"))


# Where to


def test_what_is_not_of_this_restore_is_in_the_way(desk: Desk) -> None:
    desk.back_up_two_commits()
    for number in range(7):
        desk.new.put(f"again/{number}", b"mine")
    with pytest.raises(Occupied) as raised:
        desk.restore()
    assert str(raised.value) == (
        "s3://new/again holds 7 objects that are not of this restore: 'again/0', 'again/1', 'again/2', 'again/3',"
        " 'again/4' and 2 more. Restore to an empty prefix"
    )
    assert len(desk.new.keys) == 7


def test_nor_may_anything_else_lie_under_a_key_of_it(desk: Desk) -> None:
    desk.back_up_two_commits()
    desk.restore()
    key = "again/_delta_log/00000000000000000001.json"
    desk.new.put(key, bytes(desk.new.find(key).size))
    with pytest.raises(Occupied, match="holds 1 object that is not of this restore: 'again/_delta_log/0"):
        desk.restore()


def test_where_etags_tell_nothing_sizes_do(desk: Desk) -> None:
    desk.back_up_two_commits()
    desk.md5 = False
    desk.restore()
    key = "again/_delta_log/00000000000000000001.json"
    desk.new.change(desk.new.find(key), key, etag="encrypted")
    assert desk.restore()[0].problems == ()
    desk.new.change(desk.new.find(key), key, size=1)
    with pytest.raises(Occupied):
        desk.restore()


def test_folders_of_consoles_and_neighbours_are_in_nobodys_way(desk: Desk) -> None:
    desk.back_up_two_commits()
    desk.new.put("again/", b"")
    desk.new.put("again2/x", b"mine")
    assert desk.restore()[0].problems == ()


def test_what_is_done_is_not_done_again(desk: Desk) -> None:
    desk.back_up_two_commits()
    desk.restore()
    calls: list[str] = []
    desk.account.before = lambda call, *_: calls.append(call)
    with desk.planned() as (plan, restoring):
        assert (plan.copies, plan.there.objects) == (Tally(), 4)
        restoring.copy()
    assert "copy" not in calls


@pytest.mark.parametrize("to", ["s3://backup/warehouse", "s3://backup/warehouse/copies/x", "s3://backup"])
def test_the_backup_is_no_place_to_restore_to(desk: Desk, to: str) -> None:
    desk.back_up_two_commits()
    with pytest.raises(BadDestination, match="is where the backup itself lies"):
        desk.restore(to=to)


def test_a_place_in_a_source_is_told(desk: Desk) -> None:
    desk.back_up_two_commits()
    with desk.planned(to="s3://lake/shop/again") as (plan, _):
        assert plan.within == Source("lake", "shop/")


def test_a_table_may_come_back_to_where_it_was(desk: Desk) -> None:
    desk.back_up_two_commits()
    desk.account.bucket("lake").keys.clear()
    desk.restore(to="s3://lake/shop/orders")
    assert desk.destination("s3://lake/x").reader.open("shop/orders").version == 1


def test_a_key_that_would_be_too_long_is_told_before_anything_is_done(desk: Desk) -> None:
    desk.back_up_two_commits()
    with pytest.raises(KeyTooLong, match="the keys of 4 objects have more than 1,024 bytes, such as"):
        desk.restore(to="s3://new/" + 500 * "ü")


def test_a_name_that_nobody_knows_is_told(desk: Desk) -> None:
    desk.back_up_two_commits()
    with pytest.raises(DatabaseUnknown):
        desk.restore("shop/order")


# Which copy


def test_a_copy_that_the_lifecycle_may_take_is_not_counted_on(desk: Desk) -> None:
    desk.back_up_two_commits()
    (path, *_) = [key for key in desk.backup.keys if "/copies/" in key and key.endswith(".parquet")]
    run, key = path.split("/", 4)[2], path.split("/", 4)[4]
    copy = Retirement(run, key, desk.backup.find(path).etag, State.EXPIRING, desk.now)
    record(desk.lake.warehouse, desk.lake.sources[0], [copy], "expiring")
    with pytest.raises(NotRestorable, match=r"version 1, as run .* lacks 1 object"):
        desk.restore(wanted=1)


def forget(desk: Desk, table: Table, *versions: int) -> None:
    """A checkpoint, and these commits are no more."""
    table.checkpoint()
    for version in versions:
        desk.lake.lose(f"shop/orders/_delta_log/{version:020}.json")


def test_of_two_copies_the_one_is_restored_that_stays(desk: Desk) -> None:
    """The run whose log is asked made the one that the lifecycle takes; the one beside it came later."""
    table = orders(desk)
    rows = table.rows(0)
    first = desk.lake.back_up()
    path = next(line["add"]["path"] for line in actions_of(table.folder, 0) if "add" in line)
    copy = f"warehouse/copies/{first}/lake/shop/orders/{path}"
    expiring = Retirement(first, f"shop/orders/{path}", desk.backup.find(copy).etag, State.EXPIRING, desk.now)
    record(desk.lake.warehouse, desk.lake.sources[0], [expiring], "expiring")
    forget(desk, table, 0, 1)
    desk.lake.back_up()
    desk.backup.remove(copy)
    desk.restore(wanted=0)
    assert desk.rows() == rows


def test_of_several_reasons_the_one_is_told_that_says_most(desk: Desk) -> None:
    table = orders(desk)
    added = {line["add"]["path"] for line in actions_of(table.folder, 1) if "add" in line}
    desk.lake.lose(f"shop/orders/{added.pop()}")
    first = desk.lake.back_up()
    table.append(9)
    forget(desk, table, 0, 1)
    desk.lake.back_up()
    with pytest.raises(NotRestorable, match=f"version 1, as run {first} found it, lacks 1 object"):
        desk.restore(wanted=1)


def test_a_copy_that_is_another_object_now_is_not_restored(desk: Desk) -> None:
    desk.back_up_two_commits()
    (key, *_) = [key for key in desk.backup.keys if "/copies/" in key and key.endswith(".parquet")]
    desk.backup.put(key, bytes(desk.backup.find(key).size))
    with pytest.raises(CopyFailed) as raised:
        desk.restore()
    assert str(raised.value).startswith(f"1 object could not be copied: {key!r} is another object now. The logs of")
    assert not [key for key in desk.new.keys if "_delta_log" in key]


# Crashes


class Crash(Exception):
    pass


def crashing_at(call_number: int) -> Callable[[str, str, str], None]:
    calls = iter(range(call_number))

    def before(*_: str) -> None:
        if next(calls, None) is None:
            raise Crash

    return before


def opens(desk: Desk) -> bool:
    try:
        desk.reader.open("again")
    except CannotOpen:
        return False
    return True


@pytest.mark.parametrize("checkpoint", [False, True])
def test_whatever_call_it_dies_at_the_table_is_whole_or_none_and_the_same_command_goes_on(
    desk: Desk, *, checkpoint: bool
) -> None:
    table = orders(desk)
    if checkpoint:
        table.checkpoint()
        table.append(9)
    rows = table.rows()
    desk.lake.back_up()
    left = set[int]()
    for number in count():
        with desk.planned() as (plan, restoring):
            desk.account.before = crashing_at(number)
            try:
                restoring.copy()
            except Crash:
                desk.account.before = lambda *_: None
            else:
                break
        assert not opens(desk)
        left.add(len(desk.new.keys))
        if number % 3:
            desk.new.keys.clear()
        else:
            assert desk.restore()[0].problems == ()
            assert desk.rows() == rows
            desk.new.keys.clear()
    assert left == set(range(plan.copies.objects))


# The proof


def test_what_is_not_there_afterwards_is_told(desk: Desk) -> None:
    desk.back_up_two_commits()
    with desk.planned() as (_, restoring):
        restoring.copy()
        (key, *_) = sorted(desk.new.keys)
        desk.new.remove(key)
        with pytest.raises(Differs, match=f"1 object are not as they were written: '{key}'"):
            list(restoring.verify())


def test_a_table_that_opens_as_another_is_told(desk: Desk) -> None:
    table = orders(desk)
    desk.lake.back_up()
    with desk.planned() as (_, restoring):
        restoring.copy()
        table.append(8)
        for path in table.paths():
            desk.new.put(f"again/{path.relative_to(table.folder)}", path.read_bytes())
        (proof,) = restoring.verify()
    assert len(proof.problems) == 2
    assert proof.problems[0] == "it opens as version 2, and not 1"
    assert proof.problems[1].startswith("its 3 files have the digest ")


def test_rows_are_counted_and_not_believed(desk: Desk) -> None:
    table = orders(desk, 1)
    lines = actions_of(table.folder, 0)
    for line in lines:
        if "add" in line:
            line["add"]["stats"] = line["add"]["stats"].replace('"numRecords":2', '"numRecords":3')
    commit(table.folder, 0, *lines)
    desk.lake.back_up()
    assert desk.restore()[0].problems == ("it has 2 rows, and not 3",)


@pytest.mark.parametrize("vectors", [False, True])
def test_what_deltalake_cannot_open_is_proved_without_it(desk: Desk, *, vectors: bool) -> None:
    table = desk.lake.table(configuration=VECTORS if vectors else {})
    table.append(1, 2)
    lines = actions_of(table.folder, 0)
    for line in lines:
        if "protocol" in line:
            features = [*line["protocol"].get("readerFeatures", []), "timeTravel"]
            line["protocol"] = {
                "minReaderVersion": 3,
                "minWriterVersion": 7,
                "readerFeatures": features,
                "writerFeatures": features,
            }
    commit(table.folder, 0, *lines)
    desk.lake.back_up()
    (proof,) = desk.restore()
    assert "timeTravel" in proof.unopened
    assert (proof.problems, proof.version, proof.found) == ((), None, None)
    assert proof.rows == (None if vectors else 2)


def test_vectors_that_cannot_be_read_leave_rows_uncounted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    table = desk.lake.table(configuration=VECTORS)
    table.append(*range(8))
    table.delete_by_vector(1, 2)
    desk.lake.back_up()

    def broken(self: object) -> object:
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr(DeltaTable, "deletion_vectors", broken)
        assert desk.restore()[0].rows is None
    assert desk.restore()[0].rows == 6


def test_a_footer_may_be_longer_than_what_is_read_of_it_first(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.back_up_two_commits()
    monkeypatch.setattr(opened, "TAIL", 20)
    assert desk.restore()[0].rows == 4


def test_a_file_that_is_no_parquet_is_told(desk: Desk) -> None:
    table = orders(desk, 1)
    (path,) = table.folder.glob("*.parquet")
    path.write_bytes(bytes(path.stat().st_size))
    desk.lake.back_up()
    (proof,) = desk.restore()
    assert proof.rows is None
    assert proof.problems == (f"these are no Parquet files that can be read: 'again/{path.name}'",)


def test_of_a_database_of_which_nothing_can_be_restored_every_table_says_why(desk: Desk) -> None:
    for name in ("shop/a", "shop/b"):
        table = desk.lake.table(name)
        table.append(1)
        next(table.folder.glob("*.parquet")).unlink()
    desk.lake.back_up()
    with pytest.raises(NotRestorable) as raised:
        desk.restore("shop")
    assert str(raised.value).startswith("none of the tables can be restored. 'shop/a': version 0, as run ")
    assert "; 'shop/b': version 0, as run " in str(raised.value)


def test_a_run_that_has_lost_its_ledger_does_not_serve(desk: Desk) -> None:
    desk.back_up_two_commits()
    for key in [key for key in desk.backup.keys if "/ledger/" in key]:
        desk.backup.remove(key)
    with pytest.raises(NotRestorable, match=r"'shop/orders': run .* has no copy of its log"):
        desk.restore()
