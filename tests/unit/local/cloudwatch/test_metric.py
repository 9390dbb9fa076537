from local.cloudwatch.metric import Metric, Metrics, Sample, Series
from tests.unit.local.cloudwatch.domain import TOTAL, a_series


def values(series: Series, start: int, end: int) -> list[float]:
    return [sample.value for sample in series.window(start, end)]


def test_a_window_holds_its_first_second_and_not_its_last() -> None:
    assert values(a_series({59.9: 1, 60: 2, 119.9: 3, 120: 4}), 60, 120) == [2, 3]


def test_dimensions_must_match_exactly() -> None:
    metrics = Metrics([Sample(TOTAL, 60, 46)])
    without = Metric(TOTAL.namespace, TOTAL.name)
    more = Metric(TOTAL.namespace, TOTAL.name, TOTAL.dimensions | {("stage", "dev")})
    other = Metric(TOTAL.namespace, TOTAL.name, frozenset({("bucket_name", "films")}))
    assert values(metrics.of(TOTAL), 60, 120) == [46]
    assert [values(metrics.of(metric), 60, 120) for metric in (without, more, other)] == [[], [], []]


def test_a_default_value_stands_once_for_a_minute_without_a_match() -> None:
    series = a_series({61: 0, 75: 0, 119: 0}, is_default=True)
    assert values(series, 60, 120) == [0]


def test_a_default_value_gives_way_to_a_match_in_its_minute() -> None:
    series = a_series({61: 0, 130: 0}, is_default=True)
    series.add(Sample(TOTAL, 110, 7))
    assert values(series, 60, 180) == [7, 0]


def test_what_is_older_than_any_alarm_looks_is_forgotten() -> None:
    metrics = Metrics([Sample(TOTAL, 60, 1), Sample(TOTAL, 75, 2)])
    metrics.forget(70)
    assert values(metrics.of(TOTAL), 0, 120) == [2]
    metrics.forget(80)
    assert values(metrics.of(TOTAL), 0, 120) == []
