"""Metric alarms as DescribeAlarms tells of them: what they watch, and the state they are in."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, cast

from local.cloudwatch import statistic
from local.cloudwatch.metric import Metric

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricAlarmTypeDef

type State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
type Missing = Literal["missing", "ignore", "breaching", "notBreaching"]


class AlarmUnsupported(ValueError):
    """An alarm that is not evaluated here."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"alarm {name} is not evaluated here, because of {why}")


class Comparison(NamedTuple):
    """A comparison operator, and how a state's reason words it."""

    breaches: Callable[[float, float], bool]
    words: str


COMPARISONS: Final[Mapping[str, Comparison]] = {
    "GreaterThanThreshold": Comparison(operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": Comparison(operator.ge, "greater than or equal to"),
    "LessThanThreshold": Comparison(operator.lt, "less than"),
    "LessThanOrEqualToThreshold": Comparison(operator.le, "less than or equal to"),
}


class AlarmState(NamedTuple):
    """The state that an alarm is in, why and since when. `data` is the reason as JSON."""

    value: State
    reason: str
    since: datetime
    data: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A metric alarm's configuration. `period` is in seconds; `actions` are ARNs."""

    name: str
    arn: str
    description: str | None = None
    metric: Metric
    unit: str | None = None
    statistic: str
    period: int
    evaluation_periods: int
    datapoints_to_alarm: int
    threshold: float
    comparison: str
    missing: Missing = "missing"
    actions_enabled: bool = True
    actions: Mapping[State, tuple[str, ...]]

    def breaches(self, value: float) -> bool:
        """Whether a datapoint is outside the threshold."""
        return COMPARISONS[self.comparison].breaches(value, self.threshold)

    def actions_on(self, state: State) -> tuple[str, ...]:
        """What to do on the change to that state."""
        return self.actions.get(state, ()) if self.actions_enabled else ()


def read_alarm(described: "MetricAlarmTypeDef") -> Alarm:
    """Read one item of DescribeAlarms. Raises AlarmUnsupported."""
    _refuse_unsupported(described)
    periods = described["EvaluationPeriods"]
    return Alarm(
        name=described["AlarmName"],
        arn=described["AlarmArn"],
        description=described.get("AlarmDescription") or None,
        metric=Metric(
            described["Namespace"],
            described["MetricName"],
            frozenset((dimension["Name"], dimension["Value"]) for dimension in described.get("Dimensions", [])),
        ),
        unit=described.get("Unit"),
        statistic=_statistic(described),
        period=described["Period"],
        evaluation_periods=periods,
        datapoints_to_alarm=described.get("DatapointsToAlarm") or periods,
        threshold=described["Threshold"],
        comparison=described["ComparisonOperator"],
        missing=cast("Missing", described.get("TreatMissingData") or "missing"),
        actions_enabled=described.get("ActionsEnabled", True),
        actions={
            "ALARM": tuple(described.get("AlarmActions", ())),
            "OK": tuple(described.get("OKActions", ())),
            "INSUFFICIENT_DATA": tuple(described.get("InsufficientDataActions", ())),
        },
    )


def read_state(described: "MetricAlarmTypeDef") -> AlarmState:
    """The state in one item of DescribeAlarms."""
    return AlarmState(
        described["StateValue"],
        described.get("StateReason", ""),
        described.get("StateUpdatedTimestamp", datetime.fromtimestamp(0, UTC)),
        described.get("StateReasonData"),
    )


def _statistic(described: "MetricAlarmTypeDef") -> str:
    return described.get("ExtendedStatistic") or described.get("Statistic") or "none"


def _refuse_unsupported(described: "MetricAlarmTypeDef") -> None:
    period = described.get("Period", 0)
    refusals = {
        "metric math": bool(described.get("Metrics")) or not described.get("MetricName"),
        "anomaly detection": described.get("ComparisonOperator") not in COMPARISONS,
        "its wall clock window": "WallClockWindow" in described.get("EvaluationWindow", {}),
        "EvaluateLowSampleCountPercentile": described.get("EvaluateLowSampleCountPercentile") == "ignore",
        f"its statistic, {_statistic(described)}": not statistic.is_known(_statistic(described)),
        f"its period, {period} s": period not in {10, 20, 30} and (period < 60 or period % 60 != 0),
    }
    for why, refused in refusals.items():
        if refused:
            raise AlarmUnsupported(described["AlarmName"], why)
