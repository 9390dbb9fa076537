"""From `widgets.toml` to the resource `Dashboard` of the template.

A dashboard is one JSON document; CloudFormation fills in names. Of a system that is not deployed nothing is in it.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "template.yaml"
WIDGETS = ROOT / "dashboard" / "widgets.toml"

NAMESPACE = "Holdfast"
COLUMNS = 24
WIDTH = 8
HEIGHT = 6
ALARMS_A_ROW = 4

BEGIN, END = "    # generated-begin: dashboard/widgets.toml, by make reference\n", "    # generated-end\n"

type Json = dict[str, Any]


def described() -> list[Json]:
    """The systems that `widgets.toml` tells of."""
    systems: list[Json] = tomllib.loads(WIDGETS.read_text())["system"]
    return systems


def alarms(template: Mapping[str, Any], system: str) -> list[str]:
    """The logical IDs of the alarms that a system has whenever it is deployed."""
    condition = f"{system.capitalize()}Enabled"
    return [
        name
        for name, of in template["Resources"].items()
        if of["Type"] == "AWS::CloudWatch::Alarm" and of.get("Condition") == condition
    ]


def metric_names(system: Mapping[str, Any]) -> Iterator[str]:
    """Of all metrics that a system's widgets show."""
    for widget in system["widget"]:
        yield from [widget["search"]["name"]] if "search" in widget else [one["name"] for one in widget["metrics"]]


def _metrics(service: str, widget: Json, period: int) -> list[Any]:
    if "search" in widget:
        search = widget["search"]
        of = ",".join([NAMESPACE, *search["dimensions"]])
        asked = f'{{{of}}} MetricName="{search["name"]}"'
        return [[{"expression": f"SEARCH('{asked}', '{search['statistic']}', {period})", "id": "found"}]]
    return [
        [
            NAMESPACE,
            one["name"],
            "service",
            service,
            {"label": one["label"], "stat": one.get("statistic", "Sum")}
            | ({"yAxis": "right"} if "right" in one else {}),
        ]
        for one in widget["metrics"]
    ]


def _widget(service: str, widget: Json) -> Json:
    period = widget.get("period", 300)
    properties: Json = {
        "title": widget["title"],
        "region": "${AWS::Region}",
        "view": widget.get("view", "timeSeries"),
        "period": period,
        "metrics": _metrics(service, widget, period),
        "yAxis": {"left": {"min": 0}},
    }
    if line := widget.get("line"):
        properties["annotations"] = {"horizontal": [line]}
    return {"type": "metric", "width": widget.get("width", WIDTH), "height": HEIGHT, "properties": properties}


def _text(markdown: str) -> Json:
    return {"type": "text", "width": COLUMNS, "height": 1, "properties": {"markdown": markdown}}


def _alarms(names: list[str]) -> Json:
    arns = [f"${{{name}.Arn}}" for name in names]
    rows = -(-len(names) // ALARMS_A_ROW)
    return {"type": "alarm", "width": COLUMNS, "height": rows + 1, "properties": {"title": "Alarms", "alarms": arns}}


def widgets(template: Mapping[str, Any], system: Json, top: int) -> list[Json]:
    """Those of a system, placed from a row on: its name, its alarms, what it measures."""
    placed: list[Json] = []
    x, y, lowest = 0, top, top
    named = [_text(f"## {system['heading']}"), _alarms(alarms(template, system["name"]))]
    for widget in [*named, *(_widget(system["name"], one) for one in system["widget"])]:
        if x + widget["width"] > COLUMNS:
            x, y = 0, lowest
        placed.append({"x": x, "y": y, **widget})
        x, lowest = x + widget["width"], max(lowest, y + widget["height"])
    return placed


def bottom(placed: list[Json]) -> int:
    return max((one["y"] + one["height"] for one in placed), default=0)


def _lines(template: Mapping[str, Any]) -> Iterator[str]:
    head = {"x": 0, "y": 0, **_text("# Holdfast, stack ${AWS::StackName}")}
    systems = described()
    yield "    Properties:"
    yield "      DashboardName: !Sub ${AWS::StackName}-${AWS::Region}  # of an account, in all regions"
    yield "      DashboardBody: !Sub"
    rest = "".join(f"${{{system['name'].capitalize()}}}" for system in systems)
    yield f'        - \'{{"start":"-P7D","widgets":[{_json(head)}{rest}]}}\''
    top = bottom([head])
    for number, system in enumerate(systems):
        name = system["name"].capitalize()
        yield f"        - {name}: !If" if number == 0 else f"          {name}: !If"
        yield f"            - {name}Enabled"
        yield "            - !Sub |-"
        placed = widgets(template, system, top)
        yield from (f"              ,{_json(one)}" for one in placed)
        yield '            - ""'
        top = bottom(placed)


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def block(template: Mapping[str, Any]) -> str:
    """What stands between both marks."""
    return "".join(f"{line}\n" for line in _lines(template))


def fill(text: str) -> str:
    """A template with the dashboard made anew from its alarms."""
    marked = re.compile(f"({re.escape(BEGIN)}).*?({re.escape(END)})", re.DOTALL)
    made = block(yaml_parse(text))
    return marked.sub(lambda found: f"{found[1]}{made}{found[2]}", text)
