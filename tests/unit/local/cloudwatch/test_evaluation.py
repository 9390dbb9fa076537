"""When periods begin and end, and which of them count."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cloudwatch.alarm import Alarm, State
from local.cloudwatch.evaluation import SETTLE_SECONDS, Verdict, evaluate
from local.cloudwatch.metric import Sample, Series
from tests.unit.local.cloudwatch.domain import TOTAL, a_series, an_alarm

DAWN = 1_790_000_040  # a full minute


def verdict(alarm: Alarm, series: Series, at: float) -> Verdict:
    def window(start: int, end: int) -> Iterator[Sample]:
        return series.window(start, end, alarm.unit)

    return evaluate(alarm, window, DAWN + at)


def state(alarm: Alarm, values: dict[float, float], at: float) -> State | None:
    return verdict(alarm, a_series({DAWN + second: value for second, value in values.items()}), at).state


def test_a_period_begins_at_its_first_second_and_ends_before_the_next_one() -> None:
    alarm = an_alarm(statistic="Sum", threshold=3)
    assert state(alarm, {0: 1, 5: 1, 9.999: 1}, at=12) == "ALARM"
    assert state(alarm, {-0.001: 1, 0: 1, 9.999: 1}, at=12) == "OK"
    assert state(alarm, {0: 1, 5: 1, 10: 1}, at=12) == "OK"


@pytest.mark.parametrize(("period", "step"), [(10, 10), (20, 10), (30, 10), (60, 60), (300, 60), (3600, 60)])
def test_the_window_slides_by_ten_seconds_below_a_minute_and_by_the_minute_above(period: int, step: int) -> None:
    alarm = an_alarm(period=period, statistic="Average")
    assert verdict(alarm, Series(), at=step - 0.1 + SETTLE_SECONDS).starts == (DAWN - period,)
    assert verdict(alarm, Series(), at=step + SETTLE_SECONDS).starts == (DAWN + step - period,)


def test_a_long_period_is_not_bound_to_the_clock() -> None:
    alarm = an_alarm(period=300, statistic="Sum", threshold=2)
    assert state(alarm, {250: 1, 350: 1}, at=421) == "ALARM"


def test_the_running_period_is_left_out_while_later_data_could_still_decide() -> None:
    assert state(an_alarm(statistic="Average"), {-5: 1, 2: 99}, at=6) == "OK"
    assert state(an_alarm(statistic="Average"), {-5: 1, 2: 99}, at=11) == "ALARM"


def test_a_peak_alarms_before_its_period_ends() -> None:
    assert state(an_alarm(), {-5: 1, 2: 99}, at=3) == "ALARM"


def test_a_good_value_waits_for_the_end_of_its_period() -> None:
    assert state(an_alarm(), {-5: 99, 2: 1}, at=9) == "ALARM"
    assert state(an_alarm(), {-5: 99, 2: 1}, at=11) == "OK"


@pytest.mark.parametrize(
    ("statistic", "comparison", "early"),
    [
        ("Maximum", "GreaterThanThreshold", True),
        ("SampleCount", "GreaterThanOrEqualToThreshold", True),
        ("Minimum", "LessThanThreshold", True),
        ("Maximum", "LessThanThreshold", False),
        ("Minimum", "GreaterThanThreshold", False),
        ("SampleCount", "LessThanThreshold", False),
        ("Sum", "GreaterThanThreshold", False),
        ("Average", "LessThanThreshold", False),
        ("p99", "GreaterThanThreshold", False),
    ],
)
def test_only_what_nothing_can_undo_counts_early(statistic: str, comparison: str, early: bool) -> None:
    threshold = 0.5 if comparison.startswith("Greater") else 100
    alarm = an_alarm(statistic=statistic, comparison=comparison, threshold=threshold)
    running = DAWN if early else DAWN - 10
    assert verdict(alarm, a_series({DAWN + 2: 1}), at=5).starts == (running,)


def test_a_default_value_does_not_count_early() -> None:
    series = a_series({DAWN + 2: 99}, is_default=True)
    assert verdict(an_alarm(), series, at=5).state == "INSUFFICIENT_DATA"
    assert verdict(an_alarm(), series, at=11).state == "ALARM"


def test_a_peak_ages_out_with_the_next_good_period() -> None:
    assert state(an_alarm(), {2: 99, 12: 1}, at=20) == "ALARM"
    assert state(an_alarm(), {2: 99, 12: 1}, at=21) == "OK"


def test_without_new_data_a_peak_is_seen_for_two_more_periods() -> None:
    alarm = an_alarm(missing="notBreaching")
    assert state(alarm, {2: 99}, at=40.9) == "ALARM"
    assert state(alarm, {2: 99}, at=41) == "OK"


def test_m_out_of_n_looks_at_the_most_recent_periods() -> None:
    alarm = an_alarm(evaluation_periods=3, datapoints_to_alarm=2, statistic="Average")
    assert state(alarm, {-5: 99, 5: 1, 15: 99}, at=21) == "ALARM"
    assert state(alarm, {-15: 99, -5: 99, 5: 1, 15: 1}, at=21) == "OK"


def test_another_unit_is_another_measurement() -> None:
    series = a_series({DAWN + 2: 99}, unit="Bytes")
    assert verdict(an_alarm(unit="Bytes"), series, at=5).state == "ALARM"
    assert verdict(an_alarm(unit=None), series, at=5).state == "ALARM"
    assert verdict(an_alarm(unit="Count"), series, at=5).state == "INSUFFICIENT_DATA"


@pytest.mark.parametrize(
    ("comparison", "breaching"),
    [
        ("GreaterThanThreshold", {21}),
        ("GreaterThanOrEqualToThreshold", {20, 21}),
        ("LessThanThreshold", {19}),
        ("LessThanOrEqualToThreshold", {19, 20}),
    ],
)
def test_comparisons_at_the_threshold(comparison: str, breaching: set[int]) -> None:
    alarm = an_alarm(comparison=comparison, statistic="Average", threshold=20)
    assert {value for value in (19, 20, 21) if state(alarm, {2: value}, at=11) == "ALARM"} == breaching


samples = st.lists(
    st.tuples(st.integers(-60, 59), st.integers(-50, 50)).map(lambda drawn: Sample(TOTAL, DAWN + drawn[0], drawn[1]))
)
alarms = st.builds(
    lambda periods, settings: an_alarm(evaluation_periods=periods, **settings),
    st.integers(1, 4),
    st.fixed_dictionaries(
        {
            "statistic": st.sampled_from(["Sum", "Maximum", "Minimum", "SampleCount", "p50"]),
            "comparison": st.sampled_from(["GreaterThanThreshold", "LessThanOrEqualToThreshold"]),
            "threshold": st.integers(-10, 10).map(float),
            "missing": st.sampled_from(["missing", "ignore", "breaching", "notBreaching"]),
        }
    ),
)


def filled(values: list[Sample]) -> Series:
    series = Series()
    for sample in values:
        series.add(sample)
    return series


@given(alarms, samples.flatmap(lambda drawn: st.tuples(st.just(drawn), st.permutations(drawn))), st.integers(0, 60))
def test_the_order_of_arrival_does_not_matter(alarm: Alarm, orders: tuple[list[Sample], list[Sample]], at: int) -> None:
    one, other = orders
    assert verdict(alarm, filled(one), at) == verdict(alarm, filled(other), at)


@given(alarms, samples, st.integers(1, 10))
def test_an_early_verdict_is_the_one_of_the_end_of_the_period(alarm: Alarm, values: list[Sample], at: int) -> None:
    """Whatever still comes into the running period: nothing early is taken back."""
    known = [sample for sample in values if sample.at < DAWN + at]
    early = verdict(alarm, filled(known), at + SETTLE_SECONDS)
    if early.starts[0] == DAWN:
        until_then = [sample for sample in values if sample.at < DAWN + 10]  # the next period may be early too
        assert verdict(alarm, filled(until_then), 10 + SETTLE_SECONDS).state == early.state
