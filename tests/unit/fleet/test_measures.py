"""What is measured is what the reference says, and is logged with the dimensions that the dashboard looks for."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from holdfast.fleet import measures
from holdfast.fleet.measures import Measured

REFERENCE = Path("docs/reference/fleet-watch.md")

REPORT = {
    "backed_up": 3,
    "failed": ["orders"],
    "seconds": 60,
    "bytes": 5,
    "unprotected": 2,
    "removed": 1,
    "blocked": 4,
}
WATCH = {"max_age_seconds": 9, "over_target": 1, "missed": ["daily"], "ages": [{"name": "eu-west-1/x", "seconds": 9}]}
DRILL = {"drill": True, "failed": [], "rto_seconds": 600, "rpo_seconds": 7200}


def everything() -> Iterator[Measured]:
    yield from measures.of_report(REPORT)
    yield from measures.of_watch(WATCH)
    yield from measures.of_cost({"systems": {"fleet": 5.0}})
    yield from measures.of_restore(DRILL)
    yield from measures.of_alert({"sent": 1, "suppressed": 0, "undelivered": 0})
    yield from measures.of_expire({"held": None})


def test_the_reference_has_every_metric() -> None:
    rows = REFERENCE.read_text().partition("## Metrics")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"^\| `(\w+)`", rows, re.MULTILINE)) == sorted({one.name for one in everything()})


def test_a_failure_that_waits_for_its_report_is_counted_there() -> None:
    assert list(measures.of_report({"failed": ["d1"]})) == []
    assert {one.name: one.value for one in measures.of_report(REPORT)}["Failed"] == 1


@pytest.mark.parametrize("answer", [{"status": "done"}, {"drill": False, "failed": []}])
def test_a_restore_that_is_no_drill_measures_nothing(answer: dict[str, object]) -> None:
    assert list(measures.of_restore(answer)) == []


def test_a_drill_that_restored_nothing_has_no_time() -> None:
    told = measures.of_restore({**DRILL, "failed": ["orders"], "rto_seconds": None})
    assert [(one.name, one.value) for one in told] == [("FailedDrills", 1), ("DrillRpoSeconds", 7200)]


def test_what_has_dimensions_of_its_own_is_logged_on_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Holdfast")
    metrics = Metrics(service=measures.SERVICE)
    one = Measured("RpoAgeSeconds", MetricUnit.Seconds, 9, {"resource": "eu-west-1/x"})
    measures.add(metrics, [Measured("MissedRuns", MetricUnit.Count, 1), one])
    metrics.flush_metrics()
    own, together = map(json.loads, capsys.readouterr().out.splitlines())
    [stated] = own["_aws"]["CloudWatchMetrics"]
    assert (stated["Namespace"], stated["Dimensions"]) == ("Holdfast", [["service", "resource"]])
    assert (own["service"], own["resource"], own["RpoAgeSeconds"]) == ("fleet", "eu-west-1/x", [9.0])
    assert together["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]
    assert together["MissedRuns"] == [1.0]
