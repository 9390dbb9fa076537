"""The published rules on missing data, table by table.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cloudwatch.alarm import Alarm, Missing, State
from local.cloudwatch.evaluation import judge
from tests.unit.local.cloudwatch.domain import an_alarm, datapoints

TREATMENTS: list[Missing] = ["missing", "ignore", "breaching", "notBreaching"]
KEEP = None
UNKNOWN = "INSUFFICIENT_DATA"

THREE_OF_THREE = [
    ("0 - X - X", "OK", "OK", "OK", "OK"),
    ("0 - - - -", "OK", "OK", "OK", "OK"),
    ("- - - - -", UNKNOWN, KEEP, "ALARM", "OK"),
    ("0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("- - X - -", "ALARM", KEEP, "ALARM", "OK"),
]
TWO_OF_THREE = [
    ("0 - X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("0 0 X 0 X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("0 - X - -", "OK", "OK", "ALARM", "OK"),
    ("- - - - 0", "OK", "OK", "ALARM", "OK"),
    ("- - - X -", "ALARM", KEEP, "ALARM", "OK"),
]


def test_the_four_treatments_are_all_there_are() -> None:
    assert set(TREATMENTS) == set(get_args(Missing.__value__))


@pytest.mark.parametrize("column", range(4), ids=TREATMENTS)
@pytest.mark.parametrize("row", THREE_OF_THREE, ids=lambda row: row[0])
def test_the_published_table_for_three_out_of_three(row: tuple[str, ...], column: int) -> None:
    alarm = an_alarm(evaluation_periods=3, missing=TREATMENTS[column])
    assert judge(alarm, datapoints(row[0])) == row[1 + column]


@pytest.mark.parametrize("column", range(4), ids=TREATMENTS)
@pytest.mark.parametrize("row", TWO_OF_THREE, ids=lambda row: row[0])
def test_the_published_table_for_two_out_of_three(row: tuple[str, ...], column: int) -> None:
    alarm = an_alarm(evaluation_periods=3, datapoints_to_alarm=2, missing=TREATMENTS[column])
    assert judge(alarm, datapoints(row[0])) == row[1 + column]


@pytest.mark.parametrize("drawing", ["- - - - X", "- - - X -"])
def test_a_young_breach_among_missing_data_does_not_alarm_yet(drawing: str) -> None:
    assert judge(an_alarm(evaluation_periods=3), datapoints(drawing)) == "OK"


@pytest.mark.parametrize("drawing", ["- - - X 0", "- - X - 0"])
def test_a_breach_followed_by_a_good_datapoint_does_not_alarm(drawing: str) -> None:
    assert judge(an_alarm(evaluation_periods=3), datapoints(drawing)) == "OK"


def test_one_out_of_one_goes_by_the_newest_datapoint_there_is() -> None:
    assert judge(an_alarm(), datapoints("0 X -")) == "ALARM"
    assert judge(an_alarm(), datapoints("X 0 -")) == "OK"


def test_without_gaps_only_the_evaluation_periods_count() -> None:
    assert judge(an_alarm(evaluation_periods=3), datapoints("X X X X 0")) == "OK"
    assert judge(an_alarm(evaluation_periods=3), datapoints("0 0 X X X")) == "ALARM"


drawings = st.lists(st.sampled_from("0X-"), min_size=1, max_size=8).map(" ".join)


@st.composite
def alarms(draw: st.DrawFn) -> Alarm:
    periods = draw(st.integers(1, 6))
    return an_alarm(
        evaluation_periods=periods,
        datapoints_to_alarm=draw(st.integers(1, periods)),
        missing=draw(st.sampled_from(TREATMENTS)),
    )


@given(alarms(), drawings)
def test_only_ignore_keeps_the_state_and_only_missing_is_insufficient(alarm: Alarm, drawing: str) -> None:
    state = judge(alarm, datapoints(drawing))
    assert state is not KEEP or alarm.missing == "ignore"
    assert state != UNKNOWN or (alarm.missing == "missing" and "0" not in drawing and "X" not in drawing)


@given(alarms(), drawings)
def test_a_worse_datapoint_never_makes_it_better(alarm: Alarm, drawing: str) -> None:
    order: list[State] = ["OK", "ALARM"]
    before, after = (judge(alarm, datapoints(text)) for text in (drawing, drawing.replace("0", "X", 1)))
    if before in order and after in order:
        assert order.index(after) >= order.index(before)
