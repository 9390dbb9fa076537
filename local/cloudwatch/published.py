"""The metrics that are in the engine itself: what PutMetricData was given, and what it records of its functions."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import batched
from typing import TYPE_CHECKING, Final

from local.cloudwatch.alarm import Alarm
from local.cloudwatch.evaluation import range_seconds
from local.cloudwatch.metric import BUCKET_SECONDS, Metric, Sample, Series

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef, MetricDataResultTypeDef

_STATISTICS: Final = ("SampleCount", "Sum", "Minimum", "Maximum")
_ALARMS_A_CALL: Final = 500 // len(_STATISTICS)


def listed(cloudwatch: "CloudWatchClient") -> set[Metric]:
    """The metrics of which the engine has values."""
    return {
        Metric(
            metric["Namespace"],
            metric["MetricName"],
            frozenset((dimension["Name"], dimension["Value"]) for dimension in metric["Dimensions"]),
        )
        for page in cloudwatch.get_paginator("list_metrics").paginate()
        for metric in page["Metrics"]
    }


def read(cloudwatch: "CloudWatchClient", alarms: Iterable[Alarm], now: float) -> dict[str, Series]:
    """What each of these alarms may look at, by the alarm's name."""
    series: dict[str, Series] = {}
    for group in batched(alarms, _ALARMS_A_CALL, strict=False):
        answer = cloudwatch.get_metric_data(
            MetricDataQueries=[query for index, alarm in enumerate(group) for query in _queries(index, alarm)],
            StartTime=datetime.fromtimestamp(now - max(range_seconds(alarm) for alarm in group), UTC),
            EndTime=datetime.fromtimestamp(now + BUCKET_SECONDS, UTC),
        )
        results = {result["Id"]: result for result in answer["MetricDataResults"]}
        for index, alarm in enumerate(group):
            series[alarm.name] = Series()
            for sample in _samples(alarm, [results[_id(index, name)] for name in _STATISTICS]):
                series[alarm.name].add(sample)
    return series


def _queries(index: int, alarm: Alarm) -> "Iterator[MetricDataQueryTypeDef]":
    dimensions = [{"Name": name, "Value": value} for name, value in sorted(alarm.metric.dimensions)]
    metric = {"Namespace": alarm.metric.namespace, "MetricName": alarm.metric.name, "Dimensions": dimensions}
    unit: Mapping[str, str] = {"Unit": alarm.unit} if alarm.unit else {}
    for name in _STATISTICS:
        statistic = {"Metric": metric, "Period": BUCKET_SECONDS, "Stat": name, **unit}
        yield {"Id": _id(index, name), "MetricStat": statistic}  # type: ignore[typeddict-item]


def _id(index: int, statistic: str) -> str:
    return f"{statistic.lower()}_{index}"


def _samples(alarm: Alarm, results: "Iterable[MetricDataResultTypeDef]") -> Iterator[Sample]:
    columns = [dict(zip(result["Timestamps"], result["Values"], strict=True)) for result in results]
    for at in columns[0]:
        count, total, low, high = (column[at] for column in columns)
        for value, weight in _like(count, total, low, high):
            yield Sample(alarm.metric, at.timestamp(), value, alarm.unit or "None", weight)


def _like(count: float, total: float, low: float, high: float) -> list[tuple[float, float]]:
    """Values and weights with these statistics: the same but for percentiles, of which the engine tells nothing."""
    if low == high:
        return [(low, count)]
    between = [((total - low - high) / (count - 2), count - 2)] if count > 2 else []
    return [(low, 1), (high, 1), *between]
