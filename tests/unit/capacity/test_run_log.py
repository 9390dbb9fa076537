"""What is logged of each event."""

import pytest

from holdfast.capacity.run import SizeUnknown, record
from holdfast.events.model import ObjectEvent
from tests.unit.capacity.domain import BUCKET, created, deleted
from tests.unit.capacity.watched import Watched


def logged(watched: Watched, event: ObjectEvent, received: int = 1) -> list[tuple[str, dict[str, object]]]:
    record(event, ledger=watched.ledger, received=received, log=watched.log)
    return watched.log.lines


def line(event_type: str, size_delta: int | None) -> tuple[str, dict[str, object]]:
    return (
        "event",
        {"bucket_name": BUCKET, "object_name": "a", "event_type": event_type, "size_delta": size_delta},
    )


def test_a_create_is_logged_with_its_size_whether_tracked_or_not() -> None:
    assert logged(Watched(), created("a", 18, seq="01")) == [line("ObjectCreated:Put", 18)]


def test_a_delete_that_is_not_tracked_yet_takes_the_size_that_the_row_has() -> None:
    watched = Watched().holding(a=18)
    assert logged(watched, deleted("a", seq="FF")) == [line("ObjectRemoved:Delete", -18)]


def test_a_delete_that_is_tracked_takes_the_last_size_of_its_object() -> None:
    watched = Watched().holding(a=18)
    watched.bucket.remove("a")
    (event,) = watched.undelivered
    watched.deliver(event)
    watched.log.lines.clear()
    assert logged(watched, event) == [line("ObjectRemoved:Delete", -18)]


@pytest.mark.parametrize("received", [1, 2])
def test_a_delete_of_an_unknown_object_waits_for_tracking(received: int) -> None:
    watched = Watched()
    with pytest.raises(SizeUnknown, match="no row of watched tells the size of the deleted 'a'"):
        logged(watched, deleted("a", seq="01"), received)
    assert watched.log.lines == []


def test_at_the_third_receive_a_delete_is_logged_without_its_size() -> None:
    assert logged(Watched(), deleted("a", seq="01"), received=3) == [line("ObjectRemoved:Delete", None)]
