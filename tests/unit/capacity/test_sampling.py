"""Fewer points must not change the picture."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from holdfast.capacity.model import HistoryPoint
from holdfast.capacity.sampling import Sample, sample

START = datetime(2026, 1, 1, tzinfo=UTC)
SPAN = timedelta(seconds=100)


def history(*totals: int, evicted: str | None = None) -> list[HistoryPoint]:
    """Evenly spread over the range; `evicted` is what the last point evicted."""
    step = SPAN / (len(totals) or 1)
    points = [HistoryPoint(START + step * number, total) for number, total in enumerate(totals)]
    if evicted is not None:
        points[-1] = HistoryPoint(points[-1].at, points[-1].total_size, evicted)
    return points


def sampled(
    series: list[HistoryPoint], *, size_before: int | None = 0, columns: int = 2, most_evictions: int = 3
) -> Sample:
    return sample(
        iter(series),
        start=START,
        end=START + SPAN,
        size_before=size_before,
        columns=columns,
        most_evictions=most_evictions,
    )


def column(point: HistoryPoint, columns: int) -> int:
    return (point.at - START) * columns // SPAN


times = st.integers(0, SPAN // timedelta(microseconds=1) - 1).map(lambda us: START + timedelta(microseconds=us))
some_points = st.builds(HistoryPoint, times, st.integers(0, 50), st.none() | st.sampled_from("abc"))
some_series = st.lists(some_points, max_size=120).map(lambda points: sorted(points, key=lambda point: point.at))
some_columns = st.integers(1, 7)


@given(some_series, some_columns)
def test_the_peaks_and_the_ends_of_every_column_stay(series: list[HistoryPoint], columns: int) -> None:
    full, kept = defaultdict(list), defaultdict(list)
    for point in series:
        full[column(point, columns)].append(point.total_size)
    for point in sampled(series, columns=columns).points:
        kept[column(point, columns)].append(point.total_size)

    assert full.keys() == kept.keys()
    for number, totals in full.items():
        left = kept[number]
        assert (max(left), min(left), left[0], left[-1]) == (max(totals), min(totals), totals[0], totals[-1])


@given(some_series, some_columns)
def test_the_sample_is_a_part_of_the_series_in_its_order(series: list[HistoryPoint], columns: int) -> None:
    remaining = iter(series)
    assert all(point in remaining for point in sampled(series, columns=columns).points)


@given(some_series, some_columns)
def test_there_are_at_most_four_points_a_column(series: list[HistoryPoint], columns: int) -> None:
    assert len(sampled(series, columns=columns).points) <= 4 * columns


@given(some_series, some_columns)
def test_a_series_that_fits_is_left_as_it_is(series: list[HistoryPoint], columns: int) -> None:
    fitting = series[: 4 * columns]
    assert sampled(fitting, columns=columns).points == tuple(fitting)


@given(some_series, some_columns)
def test_the_whole_series_is_counted(series: list[HistoryPoint], columns: int) -> None:
    taken = sampled(series, columns=columns)
    assert taken.changes == len(series)
    assert taken.evicted == sum(point.evicted is not None for point in series)


@given(some_series, st.integers(1, 5))
def test_of_too_many_evictions_the_largest_stay_in_their_order(series: list[HistoryPoint], most: int) -> None:
    every = sampled(series, most_evictions=len(series)).evictions
    kept = sampled(series, most_evictions=most).evictions

    largest = sorted((eviction.size for eviction in every), reverse=True)[:most]
    assert sorted((eviction.size for eviction in kept), reverse=True) == largest
    remaining = iter(every)
    assert all(eviction in remaining for eviction in kept)


def test_an_eviction_tells_the_total_before_and_after_it() -> None:
    (eviction,) = sampled(history(18, 46, 18, evicted="assignment2.txt")).evictions
    assert (eviction.object_name, eviction.size_before, eviction.size_after, eviction.size) == (
        "assignment2.txt",
        46,
        18,
        28,
    )


def test_an_eviction_that_comes_first_falls_from_the_total_ahead_of_the_range() -> None:
    (eviction,) = sampled(history(2, evicted="assignment1.txt"), size_before=20).evictions
    assert eviction.size_before == 20


def test_an_eviction_that_comes_first_of_all_history_has_no_known_size() -> None:
    (eviction,) = sampled(history(2, evicted="assignment1.txt"), size_before=None).evictions
    assert (eviction.size_before, eviction.size) == (2, 0)


def test_a_peak_of_one_point_in_a_million_stays() -> None:
    step = SPAN / 1_000_000
    series = (HistoryPoint(START + step * n, 10**9 if n == 654_321 else 5) for n in range(1_000_000))
    taken = sample(series, start=START, end=START + SPAN, size_before=0, columns=1000, most_evictions=1)
    assert max(point.total_size for point in taken.points) == 10**9
    assert taken.changes == 1_000_000


def test_an_empty_series_has_an_empty_sample() -> None:
    assert sampled([]) == Sample((), (), 0, 0)
