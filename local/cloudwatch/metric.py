"""Metrics and their values, kept as long as an alarm may look back."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

BUCKET_SECONDS = 10
"""The finest grid that an alarm can see: all its windows begin and end on multiples of it."""

RESOLUTION_SECONDS = 60
"""A metric filter reports once a minute, and so its default value stands for a minute without a match."""


@dataclass(frozen=True, slots=True)
class Metric:
    """The identity of a metric. Each set of dimensions is a metric of its own."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]] = frozenset()


class Sample(NamedTuple):
    """One measured value; `weight` times the same one. `at` is in seconds since the epoch."""

    metric: Metric
    at: float
    value: float
    unit: str = "None"
    weight: float = 1.0
    is_default: bool = False


@dataclass(slots=True)
class Series:
    """The samples of one metric."""

    buckets: dict[int, list[Sample]] = field(default_factory=dict)

    def add(self, sample: Sample) -> None:
        """Keep a sample, whatever the order in which samples arrive."""
        bucket = int(sample.at // BUCKET_SECONDS) * BUCKET_SECONDS
        self.buckets.setdefault(bucket, []).append(sample)

    def forget(self, before: float) -> None:
        """Drop what is older than that moment."""
        for bucket in [bucket for bucket in self.buckets if bucket + BUCKET_SECONDS <= before]:
            del self.buckets[bucket]

    def window(self, start: int, end: int, unit: str | None = None) -> Iterator[Sample]:
        """The samples from `start` until before `end`, of that unit if one is given.

        The default value of a metric filter is there once for each minute (or window, if that is shorter) in which
        log events came but none matched.
        """
        for minute in range(start, end, min(RESOLUTION_SECONDS, end - start)):
            samples = [
                sample
                for bucket in range(minute, min(minute + RESOLUTION_SECONDS, end), BUCKET_SECONDS)
                for sample in self.buckets.get(bucket, ())
                if unit in {None, sample.unit}
            ]
            measured = [sample for sample in samples if not sample.is_default]
            yield from measured or samples[:1]


class Metrics:
    """All series, by metric."""

    def __init__(self, samples: Iterable[Sample] = ()) -> None:
        self._series: dict[Metric, Series] = {}
        self.add(samples)

    def add(self, samples: Iterable[Sample]) -> None:
        for sample in samples:
            self._series.setdefault(sample.metric, Series()).add(sample)

    def of(self, metric: Metric) -> Series:
        """The series of exactly that metric; an empty one when nothing has been measured."""
        return self._series.get(metric, Series())

    def forget(self, before: float) -> None:
        """Drop what is older than that moment."""
        for metric, series in list(self._series.items()):
            series.forget(before)
            if not series.buckets:
                del self._series[metric]
