"""Which state an alarm should be in: a pure function of its configuration, its metric's samples, and the time.

The rules are CloudWatch's:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from local.cloudwatch import statistic
from local.cloudwatch.alarm import Alarm, State
from local.cloudwatch.metric import Sample

EXTRA_PERIODS: Final = 2
"""How many periods more than EvaluationPeriods are looked at. AWS publishes no rule, only examples: 5 for 3."""

SETTLE_SECONDS: Final = 1
"""A period counts as complete this long after its end, so that its last log events are in."""

type Window = Callable[[int, int], Iterable[Sample]]
"""The samples of the alarm's metric from one second until before another."""


class Datapoint(NamedTuple):
    """The statistic of a period that has data, and of how many samples. `start` is in seconds since the epoch."""

    start: int
    value: float
    samples: float


class Verdict(NamedTuple):
    """The state that the alarm should be in, or None to keep the present one, and what that rests on.

    `starts` are the most recent periods and `evaluated` the most recent real datapoints, both newest first.
    """

    state: State | None
    evaluated: tuple[Datapoint, ...]
    starts: tuple[int, ...]


def range_seconds(alarm: Alarm) -> int:
    """How far back an evaluation may look."""
    return alarm.period * (alarm.evaluation_periods + EXTRA_PERIODS) + _step(alarm) + SETTLE_SECONDS


def evaluate(alarm: Alarm, window: Window, now: float) -> Verdict:
    """The verdict at `now`, in seconds since the epoch.

    Periods end where CloudWatch's evaluations fall: on the minute, or on each tenth second for a period below a minute.
    The running step is left out until it is over, except when it breaches already and nothing that comes can undo it:
    then the alarm goes where it would go at the end of the step, only sooner.
    """
    end = int((now - SETTLE_SECONDS) // _step(alarm)) * _step(alarm)
    if _breaches_for_good(alarm, window, end + _step(alarm)):
        end += _step(alarm)
    ages = range(1, alarm.evaluation_periods + EXTRA_PERIODS + 1)
    points = [_datapoint(alarm, window, end - age * alarm.period) for age in ages]
    return Verdict(
        judge(alarm, points),
        tuple(point for point in points if point)[: alarm.evaluation_periods],
        tuple(end - age * alarm.period for age in ages)[: alarm.evaluation_periods],
    )


def judge(alarm: Alarm, points: Sequence[Datapoint | None]) -> State | None:
    """The state for the datapoints of the evaluation range, newest first, None where one is missing.

    None as the answer: the alarm keeps its state.
    """
    real = [(age, alarm.breaches(point.value)) for age, point in enumerate(points, start=1) if point]
    evaluated = [breaches for _, breaches in real[: alarm.evaluation_periods]]
    absent = alarm.evaluation_periods - len(evaluated)
    breaching = evaluated.count(True) + (absent if alarm.missing == "breaching" else 0)
    if breaching >= alarm.datapoints_to_alarm:
        return "ALARM"
    if absent == 0 or False in evaluated or alarm.missing in {"breaching", "notBreaching"}:
        return "OK"
    if alarm.missing == "ignore":
        return None
    if not real:
        return "INSUFFICIENT_DATA"
    # All there is breaches, but it is too little: the documented "premature alarm state" goes by the oldest one's age.
    oldest, _ = real[-1]
    return "ALARM" if oldest >= alarm.datapoints_to_alarm else "OK"


def _step(alarm: Alarm) -> int:
    """How far the sliding window moves from one of CloudWatch's evaluations to the next."""
    return 10 if alarm.period < 60 else 60


def _datapoint(alarm: Alarm, window: Window, start: int) -> Datapoint | None:
    samples = list(window(start, start + alarm.period))
    value = statistic.compute(alarm.statistic, samples)
    return None if value is None else Datapoint(start, value, sum(sample.weight for sample in samples))


def _breaches_for_good(alarm: Alarm, window: Window, end: int) -> bool:
    rises = alarm.statistic in {"Maximum", "SampleCount"} and alarm.comparison.startswith("Greater")
    falls = alarm.statistic == "Minimum" and alarm.comparison.startswith("Less")
    if not (rises or falls):
        return False
    # A metric filter's default value goes when a match comes.
    measured = [sample for sample in window(end - alarm.period, end) if not sample.is_default]
    value = statistic.compute(alarm.statistic, measured)
    return value is not None and alarm.breaches(value)
