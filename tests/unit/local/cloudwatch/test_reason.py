"""The words of CloudWatch for a change of state. The sentences are taken from alarms in real accounts."""

import json
from datetime import UTC, datetime

import pytest

from local.cloudwatch.alarm import Alarm, State
from local.cloudwatch.evaluation import Datapoint, Verdict
from local.cloudwatch.reason import reason, reason_data, stamp
from tests.unit.local.cloudwatch.domain import an_alarm


def second(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())


def verdict(*points: tuple[str, float]) -> Verdict:
    return Verdict(None, tuple(Datapoint(second(at), float(value), 1) for at, value in points), ())


ABOVE_ZERO = an_alarm(comparison="GreaterThanThreshold", threshold=0.0, evaluation_periods=3)
STALE = an_alarm(comparison="LessThanOrEqualToThreshold", threshold=0.0, evaluation_periods=8, missing="breaching")
ONE_OF_TWENTY = an_alarm(threshold=1.0, evaluation_periods=20, datapoints_to_alarm=1, missing="notBreaching")


@pytest.mark.parametrize(
    ("alarm", "state", "evaluated", "sentence"),
    [
        (
            ABOVE_ZERO,
            "ALARM",
            verdict(("2026-08-19 05:50:00", 2), ("2026-08-19 05:47:00", 3), ("2026-08-19 05:44:00", 1)),
            (
                "Threshold Crossed: 3 datapoints [2.0 (19/08/26 05:50:00), 3.0 (19/08/26 05:47:00), "
                "1.0 (19/08/26 05:44:00)] were greater than the threshold (0.0)."
            ),
        ),
        (
            STALE,
            "OK",
            verdict(("2026-08-19 09:36:00", 2)),
            (
                "Threshold Crossed: 1 datapoint [2.0 (19/08/26 09:36:00)] was not less than or equal to the threshold "
                "(0.0) and 7 missing datapoints were treated as [Breaching]."
            ),
        ),
        (
            STALE,
            "ALARM",
            verdict(),
            (
                "Threshold Crossed: no datapoints were received for 8 periods "
                "and 8 missing datapoints were treated as [Breaching]."
            ),
        ),
        (
            ONE_OF_TWENTY,
            "ALARM",
            verdict(("2024-03-16 12:15:00", 613)),
            (
                "Threshold Crossed: 1 out of the last 20 datapoints [613.0 (16/03/24 12:15:00)] was greater than or "
                "equal to the threshold (1.0) and 19 missing datapoints were treated as [NonBreaching] "
                "(minimum 1 datapoint for OK -> ALARM transition)."
            ),
        ),
        (
            an_alarm(missing="notBreaching"),
            "OK",
            verdict(),
            (
                "Threshold Crossed: no datapoints were received for 1 period "
                "and 1 missing datapoint was treated as [NonBreaching]."
            ),
        ),
        (an_alarm(), "INSUFFICIENT_DATA", verdict(), "Insufficient Data: 1 datapoint was unknown."),
        (ABOVE_ZERO, "INSUFFICIENT_DATA", verdict(), "Insufficient Data: 3 datapoints were unknown."),
        (
            an_alarm(
                comparison="GreaterThanThreshold", evaluation_periods=3, datapoints_to_alarm=2, missing="breaching"
            ),
            "ALARM",
            verdict(("2026-09-05 10:00:00", 0)),
            (
                "Threshold Crossed: 1 datapoint was received for 3 periods "
                "and 2 missing datapoints were treated as [Breaching]."
            ),
        ),
    ],
)
def test_the_sentence(alarm: Alarm, state: State, evaluated: Verdict, sentence: str) -> None:
    assert reason(alarm, state, evaluated) == sentence


def test_the_way_back_needs_what_the_way_there_leaves() -> None:
    alarm = an_alarm(evaluation_periods=8, datapoints_to_alarm=2)
    sentence = reason(alarm, "OK", verdict(("2026-08-19 05:50:00", 2)))
    assert "(minimum 7 datapoints for ALARM -> OK transition)" in sentence


def test_the_reason_as_data() -> None:
    """As in https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html."""
    alarm = an_alarm(statistic="Average", period=60, threshold=5.0, evaluation_periods=5)
    newest = second("2023-08-04 12:30:00")
    unknown = Verdict("INSUFFICIENT_DATA", (), tuple(newest - 60 * age for age in range(5)))
    now = datetime(2023, 8, 4, 12, 31, 29, 591000, UTC)
    assert reason_data(alarm, unknown, now) == (
        '{"version":"1.0","queryDate":"2023-08-04T12:31:29.591+0000","statistic":"Average","period":60,'
        '"recentDatapoints":[],"threshold":5.0,"evaluatedDatapoints":[{"timestamp":"2023-08-04T12:30:00.000+0000"},'
        '{"timestamp":"2023-08-04T12:29:00.000+0000"},{"timestamp":"2023-08-04T12:28:00.000+0000"},'
        '{"timestamp":"2023-08-04T12:27:00.000+0000"},{"timestamp":"2023-08-04T12:26:00.000+0000"}]}'
    )


def test_the_data_holds_the_values_and_where_they_begin() -> None:
    start = second("2024-10-26 18:59:00")
    alarm = an_alarm(statistic="Sum", period=60, threshold=1.0, unit="Count")
    data = json.loads(reason_data(alarm, Verdict("ALARM", (Datapoint(start, 3.0, 3.0),), (start,)), datetime.now(UTC)))
    del data["queryDate"]
    assert data == {
        "version": "1.0",
        "startDate": "2024-10-26T18:59:00.000+0000",
        "unit": "Count",
        "statistic": "Sum",
        "period": 60,
        "recentDatapoints": [3.0],
        "threshold": 1.0,
        "evaluatedDatapoints": [{"timestamp": "2024-10-26T18:59:00.000+0000", "sampleCount": 3.0, "value": 3.0}],
    }


def test_times_are_in_utc_with_milliseconds() -> None:
    assert stamp(datetime.fromisoformat("2023-08-04T14:36:15.490999+02:00")) == "2023-08-04T12:36:15.490+0000"
