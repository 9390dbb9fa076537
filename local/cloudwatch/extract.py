"""From log events to metric samples: metric filters, and the embedded metric format (EMF)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from local.cloudwatch.metric import Metric, Sample
from local.cloudwatch.pattern import Fields, Match, check_selector, compile_pattern, number_of, read_object, text_of

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import MetricFilterTypeDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformation:
    """What a metric filter measures in a log event that matches."""

    namespace: str
    name: str
    value: str
    default: float | None = None
    dimensions: Mapping[str, str]
    unit: str = "None"


@dataclass(frozen=True, slots=True)
class MetricFilter:
    """A metric filter of a log group. It sees what is ingested after it was created (milliseconds)."""

    name: str
    group: str
    created: int
    match: Match
    transformations: tuple[Transformation, ...]


def read_filter(described: "MetricFilterTypeDef") -> MetricFilter:
    """Read one item of DescribeMetricFilters. Raises PatternUnsupported."""
    for transformation in described["metricTransformations"]:
        for source in (transformation["metricValue"], *transformation.get("dimensions", {}).values()):
            if source.startswith("$"):
                check_selector(source)
    return MetricFilter(
        described["filterName"],
        described["logGroupName"],
        described["creationTime"],
        compile_pattern(described.get("filterPattern", "")),
        tuple(
            Transformation(
                namespace=transformation["metricNamespace"],
                name=transformation["metricName"],
                value=transformation["metricValue"],
                default=transformation.get("defaultValue"),
                dimensions=transformation.get("dimensions", {}),
                unit=transformation.get("unit", "None"),
            )
            for transformation in described["metricTransformations"]
        ),
    )


def filter_samples(metric_filter: MetricFilter, message: str, at: float) -> Iterator[Sample]:
    """What a metric filter measures in one log event: its values, or its default values when it does not match.

    A value that is not a number, or a dimension that the event does not have, gives no sample.
    """
    fields = metric_filter.match(message)
    for transformation in metric_filter.transformations:
        if fields is None:
            if transformation.default is not None:
                metric = Metric(transformation.namespace, transformation.name)
                yield Sample(metric, at, transformation.default, transformation.unit, is_default=True)
            continue
        value = number_of(_resolve(fields, transformation.value))
        dimensions = [(name, text_of(_resolve(fields, source))) for name, source in transformation.dimensions.items()]
        if value is not None:
            known = frozenset((name, text) for name, text in dimensions if text is not None)
            if len(known) == len(dimensions):
                metric = Metric(transformation.namespace, transformation.name, known)
                yield Sample(metric, at, value, transformation.unit)


def _resolve(fields: Fields, source: str) -> object:
    """The value itself, or the first node that the selector points to."""
    return next(iter(fields.find(source)), None) if source.startswith("$") else source


def emf_samples(message: str, at: float) -> Iterator[Sample]:
    """The metrics that a log event carries in the embedded metric format; none when it carries none, or is malformed.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    if '"CloudWatchMetrics"' not in message:
        return
    # Lambda's text format puts the time and the request's id before what a function prints.
    document = read_object(message[max(message.find("{"), 0) :])
    if document is None:
        return
    try:
        metadata = document["_aws"]
        at = _finite(metadata.get("Timestamp", at * 1000)) / 1000
        samples = [sample for item in metadata["CloudWatchMetrics"] for sample in _directive(item, document, at)]
    except (ValueError, LookupError, TypeError, AttributeError):
        return
    yield from samples


def _directive(directive: Mapping[str, Any], document: Mapping[str, Any], at: float) -> Iterator[Sample]:
    for keys, definition in product(directive["Dimensions"], directive["Metrics"]):
        metric = Metric(
            directive["Namespace"], definition["Name"], frozenset((key, str(document[key])) for key in keys)
        )
        measured = document[definition["Name"]]
        for value in measured if isinstance(measured, list) else [measured]:
            yield Sample(metric, at, _finite(value), definition.get("Unit", "None"))


def _finite(value: object) -> float:
    number = None if isinstance(value, str) else number_of(value)
    if number is None:
        raise ValueError(f"{value!r} is not a number")
    return number
