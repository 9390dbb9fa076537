"""How events become one commit: what each adds or takes, whatever order they come in."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from holdfast.capacity.model import BucketState, HistoryRow, ObjectRow
from holdfast.capacity.plan import TRANSACTION_ITEMS, EventsPlan, event_key, in_transactions, plan_events
from holdfast.events.model import ObjectEvent, sequencer
from tests.unit.capacity.domain import BUCKET, T0, a_row, a_state, a_tombstone, at, created, deleted, rows

NOTHING: dict[str, ObjectRow] = {}


def after(planned: EventsPlan) -> tuple[int, int]:
    """Total size and number of objects once the plan is committed."""
    assert planned.commit
    return planned.commit.after.total_size, planned.commit.after.object_count


def verdicts(planned: EventsPlan) -> list[tuple[str, int, int]]:
    return [(outcome.verdict, outcome.size_delta, outcome.total_size) for outcome in planned.outcomes]


# One event


def test_a_create_adds_its_size() -> None:
    planned = plan_events(BucketState(BUCKET), NOTHING, [created("a", 18, seq="01")], T0)
    assert after(planned) == (18, 1)
    assert verdicts(planned) == [("applied", 18, 18)]


def test_an_object_without_bytes_counts_as_an_object() -> None:
    planned = plan_events(BucketState(BUCKET), NOTHING, [created("a", 0, seq="01")], T0)
    assert after(planned) == (0, 1)


def test_an_overwrite_adds_the_difference() -> None:
    planned = plan_events(a_state(18, 1), rows(a_row("a", 18, seq="01")), [created("a", 10, seq="02")], T0)
    assert after(planned) == (10, 1)
    assert verdicts(planned) == [("applied", -8, 10)]


def test_a_delete_takes_what_the_object_had() -> None:
    planned = plan_events(a_state(46, 2), rows(a_row("b", 28, seq="01")), [deleted("b", seq="02")], T0)
    assert after(planned) == (18, 1)
    assert verdicts(planned) == [("applied", -28, 18)]


def test_a_deleted_objects_row_keeps_the_deletes_order_and_its_last_size() -> None:
    planned = plan_events(a_state(28, 1), rows(a_row("b", 28, seq="01")), [deleted("b", seq="02", seconds=5)], T0)
    assert planned.commit
    tombstone = ObjectRow(BUCKET, "b", None, sequencer("02"), updated_at=at(5), last_size=28)
    assert planned.commit.rows == ((a_row("b", 28, seq="01"), tombstone),)


def test_a_delete_that_comes_before_its_create_is_remembered() -> None:
    first = plan_events(BucketState(BUCKET), NOTHING, [deleted("a", seq="02")], T0)
    assert first.commit
    assert after(first) == (0, 0)

    late = plan_events(first.commit.after, rows(first.commit.rows[0][1]), [created("a", 18, seq="01")], T0)
    assert late.commit is None
    assert verdicts(late) == [("stale", 0, 0)]


def test_a_second_delete_takes_nothing_and_keeps_the_last_size() -> None:
    gone = rows(a_tombstone("a", seq="02", last_size=18))
    planned = plan_events(a_state(5, 1), gone, [deleted("a", seq="03")], T0)
    assert planned.commit
    assert after(planned) == (5, 1)
    assert planned.commit.rows[0][1].last_size == 18


def test_a_create_behind_a_delete_brings_the_object_back() -> None:
    planned = plan_events(a_state(0, 0), rows(a_tombstone("a", seq="02")), [created("a", 7, seq="03")], T0)
    assert after(planned) == (7, 1)


def test_an_older_event_changes_nothing() -> None:
    planned = plan_events(a_state(18, 1), rows(a_row("a", 18, seq="02")), [created("a", 99, seq="01")], T0)
    assert planned.commit is None
    assert verdicts(planned) == [("stale", 0, 18)]


def test_the_event_that_a_row_already_has_changes_nothing() -> None:
    planned = plan_events(a_state(18, 1), rows(a_row("a", 18, seq="02")), [created("a", 18, seq="0200")], T0)
    assert planned.commit is None
    assert verdicts(planned) == [("duplicate", 0, 18)]


def test_an_event_is_newer_than_what_only_a_listing_found() -> None:
    planned = plan_events(a_state(18, 1), rows(a_row("a", 18)), [created("a", 20, seq="01")], T0)
    assert after(planned) == (20, 1)


# Several events


def test_the_events_of_a_commit_build_on_each_other() -> None:
    planned = plan_events(
        BucketState(BUCKET),
        NOTHING,
        [
            created("a", 18, seq="01"),
            created("b", 28, seq="01"),
            created("a", 18, seq="01"),
            deleted("b", seq="03"),
            created("b", 5, seq="02"),
        ],
        T0,
    )
    assert verdicts(planned) == [
        ("applied", 18, 18),
        ("applied", 28, 46),
        ("duplicate", 0, 46),
        ("applied", -28, 18),
        ("stale", 0, 18),
    ]
    assert planned.commit
    assert [row.name for _, row in planned.commit.rows] == ["a", "b"]
    assert [(row.size_delta, row.total_size) for row in planned.commit.history] == [(18, 18), (28, 46), (-28, 18)]


def test_a_commit_is_based_on_what_was_read() -> None:
    before, read = a_state(18, 1, version=7), a_row("a", 18, seq="01")
    planned = plan_events(before, rows(read), [created("a", 3, seq="02"), created("b", 4, seq="01")], at(9))
    assert planned.commit
    assert planned.commit.before == before
    assert planned.commit.after == BucketState(BUCKET, 7, 2, version=9, changed_at=at(9))
    assert [seen for seen, _ in planned.commit.rows] == [read, None]


def test_a_history_row_tells_the_whole_change() -> None:
    planned = plan_events(a_state(18, 1, version=1), NOTHING, [created("b", 28, seq="01", seconds=3)], at(9))
    assert planned.commit
    assert planned.commit.history == (
        HistoryRow(
            bucket=BUCKET,
            event_key="1767225609000#000000000002",
            object_name="b",
            event_type="ObjectCreated:Put",
            size_delta=28,
            total_size=46,
            time=at(3),
        ),
    )


def test_the_delete_of_an_evicted_object_carries_the_reason_into_the_history() -> None:
    marked = rows(a_row("b", 28, seq="01", eviction="the largest"))
    planned = plan_events(a_state(46, 2), marked, [deleted("b", seq="02")], T0)
    assert planned.commit
    assert planned.commit.history[0].eviction == "the largest"


def test_an_overwrite_forgets_an_eviction_that_did_not_happen() -> None:
    marked = rows(a_row("b", 28, seq="01", eviction="the largest"))
    events = [created("b", 30, seq="02"), deleted("b", seq="03")]
    planned = plan_events(a_state(46, 2), marked, events, T0)
    assert planned.commit
    assert [row.eviction for row in planned.commit.history] == [None, None]


NAMES = st.sampled_from(["a", "b", "__STATE__"])
SIZES = st.none() | st.integers(0, 50)


@st.composite
def histories(draw: st.DrawFn) -> list[ObjectEvent]:
    """What really happened: each key's events have rising sequencers of changing length."""
    happened = draw(st.lists(st.tuples(NAMES, SIZES), max_size=12))
    return [
        created(name, size, seq=f"{n:04X}" + "0" * (n % 3)) if size is not None else deleted(name, seq=f"{n:04X}")
        for n, (name, size) in enumerate(happened, 1)
    ]


@given(histories(), st.data())
def test_the_total_is_that_of_the_newest_events_whatever_the_order_and_the_duplicates(
    happened: list[ObjectEvent], data: st.DataObject
) -> None:
    duplicates = data.draw(st.lists(st.sampled_from(happened), max_size=5)) if happened else []
    delivered = data.draw(st.permutations(happened + duplicates))
    newest = {event.name: event.size for event in happened}

    planned = plan_events(BucketState(BUCKET), NOTHING, delivered, T0)
    state = planned.commit.after if planned.commit else BucketState(BUCKET)
    assert state.total_size == sum(size or 0 for size in newest.values())
    assert state.object_count == sum(size is not None for size in newest.values())


# As few transactions as fit


@st.composite
def batches(draw: st.DrawFn) -> list[ObjectEvent]:
    """Up to 250 events of a few or of many objects, in any order."""
    random = draw(st.randoms(use_true_random=False))
    number, names = draw(st.integers(0, 250)), draw(st.sampled_from([1, 3, 40, 250]))
    return [
        created(str(random.randrange(names)), 1, seq=random.choice("123"), seconds=random.randrange(4))
        for _ in range(number)
    ]


def items(group: list[ObjectEvent]) -> int:
    """The state, a row for each object, a history row for each event."""
    return 1 + len({event.name for event in group}) + len(group)


@given(batches())
def test_groups_fit_a_transaction_and_keep_all_events_in_order(events: list[ObjectEvent]) -> None:
    groups = list(in_transactions(events))
    assert all(0 < items(group) <= TRANSACTION_ITEMS for group in groups)
    assert [event for group in groups for event in group] == sorted(events, key=lambda e: (e.time, e.sequencer))


@given(batches())
def test_no_group_ends_before_it_is_full(events: list[ObjectEvent]) -> None:
    for group, following in pairwise(in_transactions(events)):
        assert items([*group, following[0]]) > TRANSACTION_ITEMS


def test_a_full_batch_of_different_objects_is_one_transaction() -> None:
    batch = [created(f"{n}", 1, seq="01") for n in range(49)]
    assert list(in_transactions(batch)) == [batch]


def test_no_events_are_no_transactions() -> None:
    assert list(in_transactions([])) == []


# The order of the history


@given(st.lists(st.integers(-5000, 5000), min_size=2, max_size=20))
def test_history_keys_rise_whatever_the_clocks_say(clocks: list[int]) -> None:
    state, keys = BucketState(BUCKET), []
    for n, milliseconds in enumerate(clocks, 1):
        commit = plan_events(state, NOTHING, [created(f"{n}", 1, seq="01")], at(milliseconds / 1000)).commit
        assert commit
        state = commit.after
        keys += [row.event_key for row in commit.history]
    assert keys == sorted(set(keys))


@given(st.lists(st.tuples(st.integers(0, 3 * 10**9), st.integers(0, 10**11)), max_size=20))
def test_keys_sort_by_time_then_by_version(moments: list[tuple[int, int]]) -> None:
    keyed = sorted(moments, key=lambda moment: event_key(at(moment[0] / 1000), moment[1]))
    assert keyed == sorted(moments)
