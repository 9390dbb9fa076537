"""Builders for alarms, datapoints and samples, so that a test shows only what matters to it."""

from typing import Any

from local.cloudwatch.alarm import Alarm
from local.cloudwatch.evaluation import Datapoint
from local.cloudwatch.metric import Metric, Sample, Series

TOTAL = Metric("Holdfast", "CurrentTotalSize", frozenset({("bucket_name", "photos")}))
ARN = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:too-big"


def an_alarm(**changes: Any) -> Alarm:
    """`Maximum >= 20` over one period of ten seconds, with nothing to do, unless changed."""
    periods = changes.get("evaluation_periods", 1)
    settings: dict[str, Any] = {
        "name": "too-big",
        "arn": ARN,
        "metric": TOTAL,
        "statistic": "Maximum",
        "period": 10,
        "evaluation_periods": periods,
        "datapoints_to_alarm": periods,
        "threshold": 20.0,
        "comparison": "GreaterThanOrEqualToThreshold",
        "actions": {},
    }
    return Alarm(**settings | changes)


def datapoints(drawing: str, period: int = 10) -> list[Datapoint | None]:
    """AWS's drawing, oldest first (`0 - X`), as datapoints, newest first: X breaches, 0 does not, - is missing."""
    signs = list(reversed(drawing.split()))
    values = {"0": 1.0, "X": 30.0}
    return [
        Datapoint(1_000_000 - age * period, values[sign], 1) if sign in values else None
        for age, sign in enumerate(signs, start=1)
    ]


def a_series(values: dict[float, float], **changes: Any) -> Series:
    """A series of one sample for each second that has a value."""
    series = Series()
    for at, value in values.items():
        series.add(Sample(TOTAL, at, value, **changes))
    return series


class LogGroupTwin:
    """A log group in memory that answers FilterLogEvents as the engine does: oldest first, cut without a token."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def write(self, at: float, *messages: str) -> None:
        """Log events with a timestamp in seconds, in the order in which they come."""
        stamp = int(at * 1000)
        self.events += [{"timestamp": stamp, "message": text, "logStreamName": "stream"} for text in messages]

    def filter_log_events(self, *, startTime: int, limit: int, **_: Any) -> dict[str, Any]:  # noqa: N803
        """What is asked of boto3's client."""
        found = sorted(
            (event for event in self.events if event["timestamp"] >= startTime), key=lambda event: event["timestamp"]
        )
        return {"events": found[:limit]}
