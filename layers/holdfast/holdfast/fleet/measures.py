"""What the functions of the fleet system report as metrics: name, unit and value, and dimensions of their own."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from aws_lambda_powertools import Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

SERVICE = "fleet"
"""The dimension that all have."""


class Measured(NamedTuple):
    """`dimensions`: none for what a function measures once."""

    name: str
    unit: MetricUnit
    value: float
    dimensions: Mapping[str, str] | None = None


def add(metrics: Metrics, measured: Iterable[Measured]) -> None:
    """What has dimensions of its own is logged in a line of its own: a line has one set of dimensions."""
    for one in measured:
        if one.dimensions is None:
            metrics.add_metric(name=one.name, unit=one.unit, value=one.value)
            continue
        with single_metric(name=one.name, unit=one.unit, value=one.value) as metric:
            for name, value in {"service": SERVICE, **one.dimensions}.items():
                metric.add_dimension(name=name, value=value)


def log(metrics: Metrics, measured: Iterable[Measured]) -> None:
    """Add them, and write the line of those that have no dimensions of their own: none where there are none."""
    told = list(measured)
    add(metrics, told)
    if any(one.dimensions is None for one in told):
        metrics.flush_metrics()


def of_report(answer: Mapping[str, Any]) -> Iterator[Measured]:
    """Of a run; a failure that is only written down for its report is counted there."""
    if "backed_up" not in answer:
        return
    yield Measured("Succeeded", MetricUnit.Count, answer["backed_up"])
    yield Measured("Failed", MetricUnit.Count, len(answer["failed"]))
    yield Measured("Duration", MetricUnit.Seconds, answer["seconds"])
    yield Measured("Bytes", MetricUnit.Bytes, answer["bytes"])
    yield Measured("Unprotected", MetricUnit.Count, answer["unprotected"])
    yield Measured("Removed", MetricUnit.Count, answer["removed"])
    yield Measured("Blocked", MetricUnit.Count, answer["blocked"])


def of_watch(answer: Mapping[str, Any]) -> Iterator[Measured]:
    """`RpoAgeSeconds` is of one resource each."""
    yield Measured("MaxRpoAgeSeconds", MetricUnit.Seconds, answer["max_age_seconds"])
    yield Measured("RpoOverTarget", MetricUnit.Count, answer["over_target"])
    yield Measured("MissedRuns", MetricUnit.Count, len(answer["missed"]))
    for age in answer["ages"]:
        yield Measured("RpoAgeSeconds", MetricUnit.Seconds, age["seconds"], {"resource": age["name"]})


def of_cost(answer: Mapping[str, Any]) -> Iterator[Measured]:
    """Dollars a month, as they would be if all stayed as it is."""
    for system, dollars in answer["systems"].items():
        yield Measured("Cost", MetricUnit.NoUnit, dollars, {"system": system})


def of_alert(answer: Mapping[str, Any]) -> Iterator[Measured]:
    yield Measured("AlertsSent", MetricUnit.Count, answer["sent"])
    yield Measured("AlertsSuppressed", MetricUnit.Count, answer["suppressed"])
    yield Measured("AlertsUndelivered", MetricUnit.Count, answer["undelivered"])


def of_restore(answer: Mapping[str, Any]) -> Iterator[Measured]:
    """Of the report of a drill: how long it took until all was checked, and how old the backups were; the worst of its
    resources."""
    if not answer.get("drill") or "failed" not in answer:
        return
    yield Measured("FailedDrills", MetricUnit.Count, len(answer["failed"]))
    for name, key in (("DrillRtoSeconds", "rto_seconds"), ("DrillRpoSeconds", "rpo_seconds")):
        if (seconds := answer.get(key)) is not None:
            yield Measured(name, MetricUnit.Seconds, seconds)


def of_expire(answer: Mapping[str, Any]) -> Iterator[Measured]:
    yield Measured("BreakerHeld", MetricUnit.Count, answer["held"] is not None)
