"""What one event alone brought or took."""

from holdfast.capacity.plan import size_delta
from tests.unit.capacity.domain import a_row, a_tombstone, created, deleted


def test_a_create_brought_its_size() -> None:
    assert size_delta(created("a", 18, seq="01"), None) == 18


def test_an_empty_object_brought_nothing() -> None:
    assert size_delta(created("a", 0, seq="01"), None) == 0


def test_a_delete_that_is_not_tracked_yet_took_what_the_row_still_has() -> None:
    assert size_delta(deleted("a", seq="02"), a_row("a", 18, seq="01")) == -18


def test_a_delete_that_is_tracked_took_what_the_object_last_had() -> None:
    assert size_delta(deleted("a", seq="02"), a_tombstone("a", seq="02", last_size=18)) == -18


def test_the_delete_of_an_empty_object_took_nothing() -> None:
    assert size_delta(deleted("a", seq="02"), a_tombstone("a", seq="02", last_size=0)) == 0


def test_without_a_row_nobody_knows_what_a_delete_took() -> None:
    assert size_delta(deleted("a", seq="02"), None) is None


def test_a_tombstone_that_never_saw_the_object_does_not_know_either() -> None:
    assert size_delta(deleted("a", seq="02"), a_tombstone("a", seq="02")) is None
