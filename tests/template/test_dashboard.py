"""The dashboard is what its description says, and shows only what is measured."""

import ast
import json
from collections.abc import Iterator
from typing import Any

import pytest

from dashboard.generate import COLUMNS, TEMPLATE, described, fill, metric_names
from tests.template.stack import EVERYTHING, LAYER, ROOT, SOURCE, deployed, of_type

SYSTEMS = [system["name"] for system in described()]

MEASURING = {
    "objects": [LAYER / "objects/report.py"],
    "tables": [LAYER / "tables/report.py"],
    "warehouse": [LAYER / "warehouse/measures.py"],
    "fleet": [LAYER / "fleet/measures.py"],
    "capacity": sorted((ROOT / "functions").glob("capacity_*/app.py")),
}
"""Where a system names its metrics."""


def body(**parameters: str) -> dict[str, Any]:
    [stated] = of_type("AWS::CloudWatch::Dashboard", **parameters).values()
    told: dict[str, Any] = json.loads(stated["DashboardBody"])
    return told


def measured(system: str) -> Iterator[str]:
    """Every text in the code that names a system's metrics; and what its metric filters name."""
    for path in MEASURING[system]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
    for stated in of_type("AWS::Logs::MetricFilter").values():
        if system == "capacity":
            yield from (one["MetricName"] for one in stated["MetricTransformations"])


def test_the_template_has_the_dashboard_that_is_described() -> None:
    assert TEMPLATE.read_text() == fill(TEMPLATE.read_text())


def test_every_system_is_on_it() -> None:
    assert set(SYSTEMS) == set(MEASURING)


@pytest.mark.parametrize("system", described(), ids=SYSTEMS)
def test_a_widget_shows_only_what_the_system_measures(system: dict[str, Any]) -> None:
    assert set(metric_names(system)) - set(measured(system["name"])) == set()


def test_every_alarm_that_a_deployed_system_always_has_is_on_it() -> None:
    shown = {arn.rpartition(":")[2] for one in body()["widgets"] for arn in one["properties"].get("alarms", [])}
    alarms = {name for name, of in SOURCE["Resources"].items() if of["Type"] == "AWS::CloudWatch::Alarm"}
    conditional = {name for name in alarms if not SOURCE["Resources"][name]["Condition"].endswith("Enabled")}
    named = {deployed(**EVERYTHING)[name].properties.get("AlarmName", name) for name in alarms - conditional}
    assert shown == named


@pytest.mark.parametrize("system", SYSTEMS)
def test_of_a_system_that_is_not_deployed_nothing_is_on_it(system: str) -> None:
    widgets = body(**{f"Enable{system.capitalize()}": "false"})["widgets"]
    headings = [one["properties"].get("markdown", "") for one in widgets]
    assert sum(text.startswith("## ") for text in headings) == len(SYSTEMS) - 1
    assert not any(text.lower().startswith(f"## {system}") for text in headings)


def test_no_widget_covers_another_or_reaches_past_the_edge() -> None:
    cells = [
        (x, y)
        for one in body()["widgets"]
        for x in range(one["x"], one["x"] + one["width"])
        for y in range(one["y"], one["y"] + one["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < COLUMNS
