from datetime import UTC, datetime
from typing import Any, cast

import pytest

from local.cloudwatch.alarm import AlarmUnsupported, read_alarm, read_state
from tests.unit.local.cloudwatch.domain import ARN, an_alarm


def described(**changes: Any) -> Any:
    """An item of DescribeAlarms."""
    return {
        "AlarmName": "too-big",
        "AlarmArn": ARN,
        "Namespace": "Holdfast",
        "MetricName": "CurrentTotalSize",
        "Dimensions": [{"Name": "bucket_name", "Value": "photos"}],
        "Statistic": "Maximum",
        "Period": 10,
        "EvaluationPeriods": 1,
        "Threshold": 20.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "StateValue": "OK",
        "StateReason": "all is well",
        "StateUpdatedTimestamp": datetime(2026, 1, 1, tzinfo=UTC),
    } | changes


def test_an_alarm_is_read_as_it_was_put() -> None:
    assert read_alarm(described()) == an_alarm(actions={"ALARM": (), "OK": (), "INSUFFICIENT_DATA": ()})


def test_without_datapoints_to_alarm_all_periods_must_breach() -> None:
    assert read_alarm(described(EvaluationPeriods=5)).datapoints_to_alarm == 5
    assert read_alarm(described(EvaluationPeriods=5, DatapointsToAlarm=2)).datapoints_to_alarm == 2


def test_a_percentile_comes_before_the_statistic_that_the_engine_fills_in() -> None:
    assert read_alarm(described(Statistic="Average", ExtendedStatistic="p99.9")).statistic == "p99.9"


def test_actions_belong_to_the_state_they_are_for() -> None:
    alarm = read_alarm(described(AlarmActions=["a"], OKActions=["b"], InsufficientDataActions=["c"]))
    assert (alarm.actions_on("ALARM"), alarm.actions_on("OK"), alarm.actions_on("INSUFFICIENT_DATA")) == (
        ("a",),
        ("b",),
        ("c",),
    )


def test_an_alarm_whose_actions_are_disabled_does_nothing() -> None:
    assert read_alarm(described(AlarmActions=["a"], ActionsEnabled=False)).actions_on("ALARM") == ()


def test_the_state_is_read_with_its_reason() -> None:
    assert read_state(described()) == ("OK", "all is well", datetime(2026, 1, 1, tzinfo=UTC), None)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"Metrics": [{"Id": "e1", "Expression": "m1 + m2"}]}, "metric math"),
        ({"MetricName": ""}, "metric math"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "anomaly detection"),
        ({"EvaluationWindow": {"WallClockWindow": {}}}, "its wall clock window"),
        ({"EvaluateLowSampleCountPercentile": "ignore"}, "EvaluateLowSampleCountPercentile"),
        ({"ExtendedStatistic": "tm99"}, "its statistic, tm99"),
        ({"Period": 5}, "its period, 5 s"),
        ({"Period": 90}, "its period, 90 s"),
    ],
)
def test_what_is_not_evaluated_is_refused_by_name(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(AlarmUnsupported) as refusal:
        read_alarm(cast("Any", described(**changes)))
    assert str(refusal.value) == f"alarm too-big is not evaluated here, because of {why}"
