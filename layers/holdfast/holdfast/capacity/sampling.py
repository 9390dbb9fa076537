"""Fewer points, the same picture: what stands for a series of any length, read once and in bounded memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import heappush, heappushpop
from itertools import chain, groupby, islice

from holdfast.capacity.model import HistoryPoint


@dataclass(frozen=True, slots=True)
class Eviction:
    """An object that was evicted, and the bucket's total, in bytes, before and after it went."""

    at: datetime
    object_name: str
    size_before: int
    size_after: int

    @property
    def size(self) -> int:
        return self.size_before - self.size_after


@dataclass(frozen=True, slots=True)
class Sample:
    """Some points of a series and its largest evictions, each in the series' order.

    `changes` and `evicted` count those of the whole series.
    """

    points: tuple[HistoryPoint, ...]
    evictions: tuple[Eviction, ...]
    changes: int
    evicted: int


def sample(
    series: Iterable[HistoryPoint],
    *,
    start: datetime,
    end: datetime,
    size_before: int | None,
    columns: int,
    most_evictions: int,
) -> Sample:
    """At most four points for each of `columns` equal parts of the time from `start` to `end`, and every peak.

    The series is in the order of time, within that range; `size_before` is the total, in bytes, ahead of it,
    None if that is not known.
    """
    watch = _Watch(size_before, most_evictions)
    points = watch.passing(series)
    head = list(islice(points, 4 * columns))
    beyond = list(islice(points, 1))
    kept = _outline(chain(head, beyond, points), start, end, columns) if beyond else head
    return Sample(tuple(kept), watch.largest(), watch.changes, watch.evicted)


def _outline(points: Iterable[HistoryPoint], start: datetime, end: datetime, columns: int) -> Iterator[HistoryPoint]:
    """The first, last, lowest and highest point of each column: a line through them covers the same pixels as one
    through all (Jugel et al., "M4: A Visualization-Oriented Time Series Data Aggregation", 2014)."""
    span = end - start
    for _, column in groupby(enumerate(points), lambda numbered: (numbered[1].at - start) * columns // span):
        yield from _extremes(column)


def _extremes(column: Iterator[tuple[int, HistoryPoint]]) -> list[HistoryPoint]:
    first = last = lowest = highest = next(column)
    for last in column:
        if last[1].total_size < lowest[1].total_size:
            lowest = last
        elif last[1].total_size > highest[1].total_size:
            highest = last
    kept = dict((first, lowest, highest, last))
    return [kept[number] for number in sorted(kept)]


class _Watch:
    """Counts the points that pass, and keeps the largest evictions."""

    def __init__(self, size_before: int | None, most: int) -> None:
        self._total = size_before
        self._evictions: list[tuple[int, int, Eviction]] = []
        self._most = most
        self.changes = 0
        self.evicted = 0

    def passing(self, points: Iterable[HistoryPoint]) -> Iterator[HistoryPoint]:
        for point in points:
            self.changes += 1
            if point.evicted is not None:
                before = point.total_size if self._total is None else self._total
                self._keep(Eviction(point.at, point.evicted, before, point.total_size))
            self._total = point.total_size
            yield point

    def _keep(self, eviction: Eviction) -> None:
        self.evicted += 1
        entry = (eviction.size, self.changes, eviction)
        if len(self._evictions) < self._most:
            heappush(self._evictions, entry)
        else:
            heappushpop(self._evictions, entry)

    def largest(self) -> tuple[Eviction, ...]:
        by_number = sorted((number, eviction) for _, number, eviction in self._evictions)
        return tuple(eviction for _, eviction in by_number)
