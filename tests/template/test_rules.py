"""Which parameters are refused before anything is deployed."""

from itertools import product

import pytest

from tests.template.rules import refusals
from tests.template.stack import EVERYTHING, SOURCE

DAY = 24 * 60 * 60
LOCKS = SOURCE["Parameters"]["BackupLockDays"]["AllowedValues"]
DELAYS = SOURCE["Parameters"]["DisownedDelaySeconds"]["AllowedValues"]


def test_what_is_there_by_default_can_be_deployed() -> None:
    assert list(refusals()) == []
    assert list(refusals(**EVERYTHING)) == []


def test_copies_are_locked_for_no_longer_than_they_outlive_their_object() -> None:
    accepted = {
        (days, delay)
        for days, delay in product(LOCKS, DELAYS)
        if not list(refusals(BackupLockDays=str(days), DisownedDelaySeconds=str(delay)))
    }
    assert accepted == {(days, delay) for days, delay in product(LOCKS, DELAYS) if days * DAY <= delay}


@pytest.mark.parametrize("days", [days for days in LOCKS if days])
def test_who_locks_for_too_long_is_told_the_least_delay(days: int) -> None:
    [refused] = refusals(BackupLockDays=str(days), DisownedDelaySeconds="10")
    assert refused == (
        f"DisownedDelaySeconds must be at least {days * DAY} where BackupLockDays is {days}."
        " Copies are to be cleaned after the delay, and locked ones cannot be."
    )


def test_each_lock_has_a_delay_that_goes_with_it() -> None:
    assert max(LOCKS) * DAY <= max(DELAYS)


@pytest.mark.parametrize(("enabled", "buckets", "refused"), [("true", "a,b", 0), ("false", "", 0), ("false", "a", 1)])
def test_buckets_are_protected_only_where_the_system_is(enabled: str, buckets: str, refused: int) -> None:
    assert len(list(refusals(EnableObjects=enabled, ProtectedBuckets=buckets))) == refused


@pytest.mark.parametrize(("enabled", "tables", "refused"), [("true", "a,b", 0), ("false", "", 0), ("false", "a", 1)])
def test_tables_are_protected_only_where_the_system_is(enabled: str, tables: str, refused: int) -> None:
    assert len(list(refusals(EnableTables=enabled, ProtectedTables=tables))) == refused


@pytest.mark.parametrize(
    ("layout", "plain", "refused"), [("segment", "false", 0), ("item", "true", 0), ("segment", "true", 1)]
)
def test_objects_are_named_plainly_only_where_there_is_one_for_each_item(layout: str, plain: str, refused: int) -> None:
    assert len(list(refusals(ArchiveLayout=layout, PlainTextKeyAsFilename=plain))) == refused
