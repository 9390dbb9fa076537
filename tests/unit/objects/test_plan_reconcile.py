"""What reconciliation makes of what two listings and the table show: the words stand in the log."""

from dataclasses import replace

import pytest

from holdfast.events.model import Sequencer
from holdfast.objects.model import Copy, Status, Stored
from holdfast.objects.plan import (
    ABANDONED_AFTER,
    LONG_TO_COPY,
    Remove,
    adoption,
    is_being_copied,
    suspects,
    unclaimed,
    verdict,
)
from tests.unit.objects.domain import a_copy, a_stray, a_version, at, kept, listed

COPY = a_copy("1", "A")
FOUND = Stored("A", "MEMORY:A")

# Suspects


def test_a_copy_that_is_listed_as_it_was_stored_is_no_suspect() -> None:
    disowned = a_copy("2", status=Status.DISOWNED)
    assert suspects(kept(COPY, disowned), [listed(COPY), listed(disowned)]) == []


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.DISOWNED])
def test_a_complete_copy_that_is_not_listed_is_one(status: Status) -> None:
    copy = a_copy("1", status=status)
    assert suspects(kept(copy), []) == [copy]


def test_a_copy_that_is_listed_with_another_etag_or_size_is_one() -> None:
    assert suspects(kept(COPY), [listed(COPY, etag="other")]) == [COPY]
    assert suspects(kept(COPY), [listed(COPY, size=2)]) == [COPY]


@pytest.mark.parametrize("status", [Status.PENDING, Status.REMOVING])
def test_a_copy_that_need_not_be_there_is_none(status: Status) -> None:
    assert suspects(kept(a_copy("1", status=status)), []) == []


# Verdicts


def test_a_suspect_that_is_intact_stays() -> None:
    """The listing was older than the copy."""
    assert verdict(COPY, FOUND) is None


def test_a_row_whose_copy_is_gone_is_removed_and_the_breaker_is_asked() -> None:
    """One is an accident. All of them are an emptied backup bucket, or another one."""
    assert verdict(COPY, None) == Remove(COPY, "its object is not in the backup bucket", guarded=True)


def test_a_row_whose_copy_was_being_cleaned_is_removed() -> None:
    disowned = a_copy("1", status=Status.DISOWNED)
    assert verdict(disowned, None) == Remove(disowned, "its object is not in the backup bucket", guarded=False)


@pytest.mark.parametrize("copy", [COPY, a_copy("1", "A", status=Status.DISOWNED)])
def test_a_copy_that_is_not_what_was_stored_is_removed_and_the_breaker_is_asked(copy: Copy) -> None:
    found = Stored("B", "MEMORY:B")
    reason = (
        "its object is not what was stored: Stored(etag='B', checksum='MEMORY:B', version_id=None) "
        "instead of Stored(etag='A', checksum='MEMORY:A', version_id=None)"
    )
    assert verdict(copy, found) == Remove(copy, reason, guarded=True)


# What somebody else is copying


LARGE = a_version("A", size=LONG_TO_COPY + 1)


def a_large_copy(*, status: Status = Status.PENDING, made: float = 0) -> Copy:
    return replace(a_copy("1", status=status, made=made), version=LARGE)


def test_a_large_object_that_somebody_is_copying_is_left_to_him_until_he_has_given_up() -> None:
    being_made = kept(a_large_copy(made=60))
    assert is_being_copied(being_made, LARGE, at(60) + ABANDONED_AFTER)
    assert not is_being_copied(being_made, LARGE, at(61) + ABANDONED_AFTER)


def test_what_is_small_or_another_or_complete_is_not() -> None:
    now = at(60)
    assert not is_being_copied(kept(a_large_copy(status=Status.REMOVING)), LARGE, now)
    assert not is_being_copied(kept(a_large_copy()), replace(LARGE, etag="B"), now)
    assert not is_being_copied(kept(a_large_copy()), replace(LARGE, size=LARGE.size + 1), now)
    small = replace(LARGE, size=LONG_TO_COPY)
    assert not is_being_copied(kept(replace(a_large_copy(), version=small)), small, now)


# Strays


@pytest.mark.parametrize("status", list(Status))
def test_an_object_that_a_row_tells_of_is_claimed_whatever_its_status(status: Status) -> None:
    copy = a_copy("1", status=status)
    assert unclaimed(kept(copy), [listed(copy)]) == []


def test_an_object_that_no_row_tells_of_is_unclaimed() -> None:
    stray = a_stray("source/a/20260101T000000.000Z-1-x")
    assert unclaimed(kept(COPY), [listed(COPY), stray]) == [stray]


def test_what_is_adopted_is_disowned_from_now_on() -> None:
    stray = a_stray("source/a/20260101T000000.000Z-1-x")
    version, now = a_version("stray"), at(60)
    adopted = adoption(stray, Stored("stray"), version, Sequencer("1"), now)
    assert adopted == Copy(
        version, stray.copy_key, Sequencer("1"), now, Status.DISOWNED, Stored("stray"), disowned_at=now
    )
    assert adopted.deleted_at is None
