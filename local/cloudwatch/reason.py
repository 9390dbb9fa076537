"""Why an alarm changed its state, in CloudWatch's words and as its JSON."""

import json
from datetime import UTC, datetime

from local.cloudwatch.alarm import COMPARISONS, Alarm, AlarmState, State
from local.cloudwatch.evaluation import Datapoint, Verdict


def new_state(alarm: Alarm, state: State, verdict: Verdict, now: datetime) -> AlarmState:
    """The state that an alarm goes into, with its reason."""
    return AlarmState(state, reason(alarm, state, verdict), now, reason_data(alarm, verdict, now))


def reason(alarm: Alarm, state: State, verdict: Verdict) -> str:
    """One sentence, as in StateReason."""
    periods = alarm.evaluation_periods
    if state == "INSUFFICIENT_DATA":
        return f"Insufficient Data: {_counted(periods, 'datapoint')} unknown."
    shown = [point for point in verdict.evaluated if alarm.breaches(point.value) is (state == "ALARM")]
    if not shown:
        received = _counted(len(verdict.evaluated), "datapoint") if verdict.evaluated else "no datapoints were"
        return f"Threshold Crossed: {received} received for {_plural(periods, 'period')}{_filled(alarm, verdict)}."
    return f"Threshold Crossed: {_crossed(alarm, state, shown)}{_filled(alarm, verdict)}{_rule(alarm, state)}."


def reason_data(alarm: Alarm, verdict: Verdict, now: datetime) -> str:
    """The evaluated datapoints, as in StateReasonData."""
    real = {point.start: point for point in verdict.evaluated}
    starts = sorted({*verdict.starts, *real}, reverse=True)
    return json.dumps(
        {
            "version": "1.0",
            "queryDate": stamp(now),
            **({"startDate": stamp(_time(min(real)))} if real else {}),
            **({"unit": alarm.unit} if alarm.unit else {}),
            "statistic": alarm.statistic,
            "period": alarm.period,
            "recentDatapoints": [point.value for point in reversed(verdict.evaluated)],
            "threshold": alarm.threshold,
            "evaluatedDatapoints": [_evaluated(start, real.get(start)) for start in starts],
        },
        separators=(",", ":"),
    )


def stamp(at: datetime) -> str:
    """A time as alarms write it: 2023-08-04T12:36:15.490+0000."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"


def _crossed(alarm: Alarm, state: State, shown: list[Datapoint]) -> str:
    count = _plural(len(shown), "datapoint")
    if alarm.datapoints_to_alarm < alarm.evaluation_periods:
        count = f"{len(shown)} out of the last {alarm.evaluation_periods} datapoints"
    values = ", ".join(f"{point.value} ({_time(point.start):%d/%m/%y %H:%M:%S})" for point in shown)
    verb = f"{'was' if len(shown) == 1 else 'were'}{'' if state == 'ALARM' else ' not'}"
    return f"{count} [{values}] {verb} {COMPARISONS[alarm.comparison].words} the threshold ({alarm.threshold})"


def _rule(alarm: Alarm, state: State) -> str:
    periods, needed = alarm.evaluation_periods, alarm.datapoints_to_alarm
    if needed == periods:
        return ""
    minimum, change = (needed, "OK -> ALARM") if state == "ALARM" else (periods - needed + 1, "ALARM -> OK")
    return f" (minimum {_plural(minimum, 'datapoint')} for {change} transition)"


def _filled(alarm: Alarm, verdict: Verdict) -> str:
    absent = alarm.evaluation_periods - len(verdict.evaluated)
    treated = {"breaching": "Breaching", "notBreaching": "NonBreaching"}.get(alarm.missing)
    return f" and {_counted(absent, 'missing datapoint')} treated as [{treated}]" if absent and treated else ""


def _evaluated(start: int, point: Datapoint | None) -> dict[str, str | float]:
    measured = {"sampleCount": point.samples, "value": point.value} if point else {}
    return {"timestamp": stamp(_time(start)), **measured}


def _time(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _counted(count: int, noun: str) -> str:
    return f"{_plural(count, noun)} {'was' if count == 1 else 'were'}"
