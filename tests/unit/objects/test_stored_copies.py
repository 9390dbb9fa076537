"""Whether an object that is about to be evicted has a copy."""

from dataclasses import replace

import pytest

from holdfast.adapters.memory_objects import MemoryCopyTable
from holdfast.capacity.model import StoredObject
from holdfast.events.model import Sequencer
from holdfast.objects.model import Copy, CopyKey, Deletion, Original, Status, Stored, Version
from holdfast.objects.stored_copies import TableOfCopies
from tests.unit.capacity.domain import at

ORIGINAL = Original("source", "a")
FOUND = StoredObject("a", 18, '"etag"')


def a_copy(order: str = "02", etag: str = "etag", size: int = 18) -> Copy:
    version = Version(ORIGINAL, etag, size, at(1))
    return Copy(version, CopyKey(f"source/a/{order}"), Sequencer(order), at(2), Status.ACTIVE, Stored("another"))


def holds(*copies: Copy, deleted: str | None = None, bucket: str = "source", found: StoredObject = FOUND) -> bool:
    """Whether these copies hold an object."""
    table = MemoryCopyTable({(copy.original, copy.copy_key): copy for copy in copies})
    if deleted:
        table.remember(ORIGINAL, Deletion(Sequencer(deleted), at(3), at(3)))
    return TableOfCopies(table).holds(bucket, found)


def test_an_active_copy_of_its_content_holds_an_object() -> None:
    assert holds(a_copy())


def test_nothing_holds_an_object_without_copies() -> None:
    assert not holds()


def test_any_of_several_copies_may_hold_it() -> None:
    assert holds(a_copy("01"), a_copy("02", etag="newer"))


@pytest.mark.parametrize(("etag", "size"), [("other", 18), ("etag", 19), ('"etag"', 18)])
def test_a_copy_of_other_content_holds_it_not(etag: str, size: int) -> None:
    assert not holds(a_copy(etag=etag, size=size))


@pytest.mark.parametrize("status", [Status.PENDING, Status.DISOWNED, Status.REMOVING])
def test_a_copy_that_is_not_active_holds_it_not(status: Status) -> None:
    assert not holds(replace(a_copy(), status=status))


@pytest.mark.parametrize(("deleted", "held"), [("01", True), ("02", False), ("03", False)])
def test_a_copy_that_a_delete_has_overtaken_holds_it_not(deleted: str, held: bool) -> None:
    """It is about to be disowned: the object that is there now is a later write of the same content."""
    assert holds(a_copy("02"), deleted=deleted) is held


def test_a_copy_of_another_object_holds_it_not() -> None:
    assert not holds(a_copy(), bucket="source-2")
    assert not holds(a_copy(), found=replace(FOUND, name="A"))
