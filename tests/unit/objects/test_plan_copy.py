"""Whether a version needs a copy, and why not: the words stand in the log and in the function's answer."""

import pytest

from holdfast.events.model import UNKNOWN_SEQUENCER, Sequencer
from holdfast.objects.model import Copy, Kept, Status
from holdfast.objects.plan import covers, order_of_sight, why_not_copy
from tests.unit.objects.domain import THREE, a_copy, a_version, kept


def why_not(order: str, of: Kept, version_id: str | None = None) -> str | None:
    return why_not_copy(of, a_version("new", id=version_id), Sequencer(order), THREE)


def test_the_first_version_of_an_object_is_copied() -> None:
    assert why_not("1", kept()) is None


def test_a_newer_version_is_copied_and_so_is_an_older_one_that_comes_late() -> None:
    assert why_not("3", kept(a_copy("1"), a_copy("2"))) is None
    assert why_not("1", kept(a_copy("2"), a_copy("3"))) is None


@pytest.mark.parametrize("order", ["1", "2"])
def test_what_was_deleted_since_is_not_copied(order: str) -> None:
    assert why_not(order, kept(deleted="2")) == "the object was deleted since"


def test_what_was_written_since_the_delete_is_copied() -> None:
    assert why_not("3", kept(a_copy("1"), deleted="2")) is None


def test_an_event_that_comes_twice_is_copied_once() -> None:
    assert why_not("2", kept(a_copy("2"), a_copy("3"))) == "it has a copy already"


@pytest.mark.parametrize("status", [Status.PENDING, Status.REMOVING])
def test_a_copy_that_may_never_be_complete_is_none(status: Status) -> None:
    assert why_not("2", kept(a_copy("2", status=status))) is None


def test_a_copy_that_will_be_cleaned_is_none() -> None:
    """Reconciliation found it without a row, and disowned it."""
    assert why_not("2", kept(a_copy("2", status=Status.DISOWNED))) is None


# As many newer ones as are kept


def test_a_version_that_would_be_evicted_at_once_is_not_copied() -> None:
    newer = [a_copy("2"), a_copy("3"), a_copy("4")]
    assert why_not("1", kept(*newer)) == "3 newer versions have copies"
    assert why_not("1", kept(*newer[:2])) is None


def test_copies_of_what_was_deleted_are_not_among_them() -> None:
    of_deleted = [a_copy("2"), a_copy("3"), a_copy("4")]
    assert why_not("5", kept(*of_deleted, deleted="4")) is None


def test_two_copies_of_one_version_are_one_of_them() -> None:
    """An event that came twice at once was copied twice, and nobody has looked yet."""
    twice = [a_copy("3", "same", token="1"), a_copy("3", "same", token="2")]
    assert why_not("1", kept(a_copy("2"), *twice)) is None


# Versions that were seen


def test_a_version_that_was_copied_when_it_was_current_again_is_not_copied_as_the_old_one() -> None:
    seen = a_copy("3+", "new", id="v1")
    assert why_not("1", kept(seen), "v1") == "it was seen, and copied, as the current version later on"


def test_a_version_that_was_seen_before_its_event_came_is_copied_in_its_own_order() -> None:
    seen = a_copy("1+", "new", id="v2")
    assert why_not("2", kept(seen), "v2") is None


def test_without_versions_the_same_content_may_have_been_written_twice() -> None:
    assert why_not("1", kept(a_copy("3+", "new"))) is None


# Covers


@pytest.mark.parametrize(
    ("copies", "covered"),
    [
        ([], False),
        ([a_copy("1", "old"), a_copy("2", "now")], True),
        ([a_copy("1", "now"), a_copy("2", "old")], False),
        ([a_copy("1", "now", status=Status.DISOWNED)], False),
        ([a_copy("1", "now", status=Status.PENDING)], False),
    ],
    ids=["no copies", "the newest", "an older one", "disowned", "pending"],
)
def test_an_object_is_covered_if_its_newest_copy_holds_what_it_holds(copies: list[Copy], covered: bool) -> None:
    assert covers(kept(*copies), a_version("now")) is covered


def test_what_was_copied_before_the_delete_does_not_cover_what_came_after() -> None:
    assert not covers(kept(a_copy("1", "now"), deleted="2"), a_version("now"))


def test_an_object_of_another_size_is_another_object() -> None:
    assert not covers(kept(a_copy("1", "now")), a_version("now", size=2))


# The order of what is seen


def order_seen(*copies: Copy, deleted: str | None = None, least: str = UNKNOWN_SEQUENCER) -> str:
    return order_of_sight(kept(*copies, deleted=deleted), a_version("now"), Sequencer(least))


def test_what_is_seen_stands_behind_all_that_is_known() -> None:
    assert order_seen() == "+"
    assert order_seen(a_copy("1"), a_copy("2", status=Status.REMOVING)) == "2+"
    assert order_seen(a_copy("1"), deleted="3") == "3+"
    assert order_seen(a_copy("1"), least="4") == "4+"


def test_what_somebody_is_copying_just_now_is_the_same_write() -> None:
    """Two copies of it, in orders of their own, would be two versions, and evict another."""
    assert order_seen(a_copy("1"), a_copy("2", "now", status=Status.PENDING)) == "2"


@pytest.mark.parametrize(
    "order",
    [
        order_seen(a_copy("2", "other", status=Status.PENDING)),
        order_seen(a_copy("2", "now")),
        order_seen(a_copy("1", "now", status=Status.PENDING), a_copy("2", "other")),
        order_seen(a_copy("1", "now", status=Status.PENDING), deleted="2"),
        order_seen(a_copy("1", "now", status=Status.PENDING), least="2"),
    ],
    ids=["another content", "complete", "something came after it", "deleted after it", "older than what is there"],
)
def test_else_it_is_a_write_of_its_own(order: str) -> None:
    assert order == "2+"
