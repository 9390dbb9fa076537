"""A table as the archive has it."""

import pytest

from holdfast.tables.archive import Archive
from holdfast.tables.model import Base, Cause, Gap
from holdfast.tables.plan import seen
from holdfast.tables.ports import NotStored
from holdfast.tables.view import Altered
from tests.unit.tables.domain import DESCRIPTION, LARGE, T0, Archived, a_record, an_item, id_of, names


def backfilled(archived: Archived, run: str, began: int, ended: int | None, *found: str) -> None:
    """A backfill that read these items as soon as it began."""
    archive = archived.archive
    if found:
        archive.write([seen(an_item(name, run), ("pk",), "", T0 + began) for name in found], base=run)
    archive.save_base(Base(run, T0 + began, ended and T0 + ended, len(found), 1, {0: None}))


def test_what_was_there_before_the_stream_is_there_once_it_was_read() -> None:
    archived = Archived()
    backfilled(archived, "first", 5, 6, "a", "b")
    archived(a_record("b", an_item("b", "new"), an_item("b", "first"), at=5), a_record("c", an_item("c"), at=8))
    assert archived.at(4) == []
    assert archived.at(6) == [an_item("a", "first"), an_item("b", "new")]
    assert names(archived.at(8)) == ["a", "b", "c"]


def test_what_a_later_backfill_does_not_find_is_gone() -> None:
    """It was removed while nobody told of it."""
    archived = Archived()
    archived(a_record("a", an_item("a"), at=1), a_record("b", an_item("b"), at=1, sequence=2))
    backfilled(archived, "second", 10, 20, "b")
    assert names(archived.at(9)) == ["a", "b"]
    assert names(archived.at(20)) == ["b"]


@pytest.mark.parametrize("ended", [None, 20])
def test_until_a_backfill_is_over_it_tells_nothing(ended: int | None) -> None:
    """It read what was there then, or came soon after: of the moments in between the stream knows more."""
    archived = Archived()
    archived(a_record("a", an_item("a", "old"), at=1), a_record("b", an_item("b", "old"), at=1, sequence=2))
    backfilled(archived, "second", 10, ended, "b")
    assert archived.at(19) == [an_item("a", "old"), an_item("b", "old")]


def test_what_came_before_a_backfill_is_gone_though_its_batch_came_later() -> None:
    """It was removed while nobody told of it."""
    archived = Archived()
    archived(a_record("a", an_item("a"), at=1), a_record("b", an_item("b"), at=30, sequence=2))
    backfilled(archived, "base", 10, 20)
    assert names(archived.at(30)) == ["b"]
    assert list(archived.view.newest(bool)) == [id_of("b")]


def test_what_a_base_makes_superfluous_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    archived = Archived()
    archived(a_record("a", an_item("a"), at=1))
    backfilled(archived, "base", 10, 11, "b")
    archived(a_record("c", an_item("c"), at=30))
    read = archived.store.read
    reads: list[str] = []

    def noted(name: str) -> bytes:
        reads.append(name)
        return read(name)

    monkeypatch.setattr(archived.store, "read", noted)
    assert names(archived.at(11)) == ["b"]
    assert [name for name in reads if name.endswith(".gz")] == [
        name for name in archived.store.files if name.startswith("bases/")
    ]


def test_a_state_says_since_when_it_is_complete_and_what_is_missing() -> None:
    archived = Archived()
    assert not archived.view.at(T0).is_complete
    archived.archive.save_description(DESCRIPTION)
    state = archived.view.at(T0)
    assert (state.complete_since, state.base, state.is_complete) == (T0, None, True)
    archived.archive.save_gap("one", Gap(T0 + 3, T0 + 4, "trimmed"))
    assert archived.view.at(T0 + 2).is_complete
    assert not archived.view.at(T0 + 3).is_complete
    backfilled(archived, "after it", 10, 11)
    assert archived.view.at(T0 + 11).is_complete


@pytest.mark.parametrize("layout", ["segment", "item"])
def test_a_history_tells_every_change_once_and_why(layout: str) -> None:
    archived = Archived(layout)
    ttl = {"userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}}
    backfilled(archived, "base", 0, 1, "a")
    archived(a_record("a", an_item("a", "1"), an_item("a"), at=2), a_record("b", an_item("b"), at=2, sequence=2))
    archived(a_record("a", None, an_item("a", "1"), at=3, sequence=3, **ttl))
    view = archived.view
    told = [(change.cause, view.image(change)) for change in view.history(id_of("a"))]
    assert told == [
        (Cause.READ, an_item("a", "base")),
        (Cause.WRITE, an_item("a", "1")),
        (Cause.EXPIRY, None),
    ]


def test_an_object_that_somebody_altered_is_named() -> None:
    archived = Archived("item")
    archived(a_record("a", an_item("a", LARGE)))
    [versions] = archived.objects.versions.values()
    versions[0] = type(versions[0])(versions[0].version_id, b"{}", versions[0].moment)
    [change] = archived.view.at(T0).items.values()
    with pytest.raises(Altered, match=id_of("a")):
        archived.view.image(change)


def test_what_a_line_holds_needs_no_object_unless_it_is_to_be_proven() -> None:
    archived = Archived("item")
    archived(a_record("a", an_item("a")))
    [change] = archived.view.at(T0).items.values()
    assert archived.view.proven(change) == an_item("a")
    archived.objects.versions.clear()
    assert archived.view.image(change) == an_item("a")
    with pytest.raises(NotStored):
        archived.view.proven(change)


def test_an_archive_finds_batches_of_two_days() -> None:
    """A stream keeps its records for a day: a batch may begin long before it ends."""
    archived = Archived()
    day = 86400
    archived(a_record("a", an_item("a"), at=day - 1), a_record("b", an_item("b"), at=2 * day - 2, sequence=2))
    archive: Archive = archived.archive
    assert len(archive.segments(T0 + 2 * day - 2, T0 + 2 * day)) == 1
    assert archive.segments(T0 + 2 * day - 1, T0 + 9 * day) == []
    assert archive.segments(T0, T0 + day - 2) == []
