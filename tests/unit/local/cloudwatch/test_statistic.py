import pytest

from local.cloudwatch.metric import Sample
from local.cloudwatch.statistic import compute, is_known
from tests.unit.local.cloudwatch.domain import TOTAL


def samples(*values: float) -> list[Sample]:
    return [Sample(TOTAL, 0, value) for value in values]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SampleCount", 4),
        ("Sum", 16),
        ("Average", 4),
        ("Minimum", 1),
        ("Maximum", 9),
        ("p0", 1),
        ("p50", 3),
        ("p100", 9),
    ],
)
def test_each_statistic(name: str, value: float) -> None:
    assert compute(name, samples(9, 1, 2, 4)) == value


def test_percentiles_lie_between_the_two_nearest_values() -> None:
    assert compute("p75", samples(0, 10, 20)) == 15
    assert compute("p99.5", samples(*range(201))) == 199


def test_a_weight_counts_as_so_many_equal_samples() -> None:
    weighted = [Sample(TOTAL, 0, 2, weight=3), Sample(TOTAL, 0, 10)]
    for name in ("SampleCount", "Sum", "Average", "Minimum", "Maximum", "p50", "p90"):
        assert compute(name, weighted) == compute(name, samples(2, 2, 2, 10))


def test_no_samples_is_no_datapoint_and_not_zero() -> None:
    assert compute("SampleCount", []) is None
    assert compute("Sum", []) is None


def test_negative_values_have_no_percentile() -> None:
    assert compute("p50", samples(-1, 5)) is None


@pytest.mark.parametrize("name", ["tm99", "IQM", "p101", "p", "average", "WM(10%:90%)"])
def test_other_statistics_are_unknown(name: str) -> None:
    assert not is_known(name)
