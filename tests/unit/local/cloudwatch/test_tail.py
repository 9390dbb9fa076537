from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from local.cloudwatch.tail import LATE_SECONDS, Tail
from tests.unit.local.cloudwatch.domain import LogGroupTwin

moments = st.integers(0, 60)
arrivals = st.lists(st.tuples(moments, st.integers(0, LATE_SECONDS), st.sampled_from("ab")), max_size=20)


@given(arrivals, st.lists(moments, max_size=8), st.integers(21, 30))
def test_every_event_is_read_once_however_late_it_comes(
    coming: list[tuple[int, int, str]], polls: list[int], page: int
) -> None:
    """Each event is (when it comes, how much older its timestamp is, its message)."""
    twin: Any = LogGroupTwin()
    tail = Tail("group", since=-LATE_SECONDS, page=page)
    read: Counter[tuple[int, str]] = Counter()
    ahead = sorted(coming)
    for now in [*sorted(polls), 61]:
        while ahead and ahead[0][0] <= now:
            came, late, message = ahead.pop(0)
            twin.write(came - late, message)
        read.update((event["timestamp"], event["message"]) for event in tail.read(twin, now))
    assert read == Counter(((came - late) * 1000, message) for came, late, message in coming)


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(9, 12))
def test_pages_that_end_within_a_millisecond_lose_and_double_nothing(milliseconds: list[int], page: int) -> None:
    twin: Any = LogGroupTwin()
    few = [stamp for stamp in milliseconds if milliseconds.count(stamp) < page]
    for stamp in few:
        twin.write(stamp / 1000, "line")
    read = Tail("group", since=0, page=page).read(twin, now=1)
    assert Counter(event["timestamp"] for event in read) == Counter(few)


def test_what_was_there_before_is_not_read() -> None:
    twin: Any = LogGroupTwin()
    twin.write(99, "old")
    twin.write(100, "new")
    assert [event["message"] for event in Tail("group", since=100).read(twin, now=101)] == ["new"]
