"""The statistics that an alarm may ask for."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from local.cloudwatch.metric import Sample

type Statistic = Callable[[Sequence[Sample]], float]


def _count(samples: Sequence[Sample]) -> float:
    return sum(sample.weight for sample in samples)


def _sum(samples: Sequence[Sample]) -> float:
    return sum(sample.value * sample.weight for sample in samples)


_SIMPLE: Final[Mapping[str, Statistic]] = {
    "SampleCount": _count,
    "Sum": _sum,
    "Average": lambda samples: _sum(samples) / _count(samples),
    "Minimum": lambda samples: min(sample.value for sample in samples),
    "Maximum": lambda samples: max(sample.value for sample in samples),
}
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?|100)")


def is_known(name: str) -> bool:
    """Whether `compute` knows that statistic: the five simple ones, and percentiles as p99 or p99.9."""
    return name in _SIMPLE or bool(_PERCENTILE.fullmatch(name))


def compute(name: str, samples: Sequence[Sample]) -> float | None:
    """A statistic of samples; None when there are none, or when some are negative and it is a percentile."""
    if not samples:
        return None
    if simple := _SIMPLE.get(name):
        return simple(samples)
    return None if any(sample.value < 0 for sample in samples) else _percentile(float(name[1:]), samples)


def _percentile(percent: float, samples: Sequence[Sample]) -> float:
    """Interpolated between the two nearest values."""
    values = sorted(sample.value for sample in samples for _ in range(int(sample.weight)))
    rank = percent / 100 * (len(values) - 1)
    below = int(rank)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (rank - below)
