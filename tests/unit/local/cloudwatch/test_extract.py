"""From log events to samples."""

import json
from typing import Any

import pytest

from local.cloudwatch.extract import emf_samples, filter_samples, read_filter
from local.cloudwatch.metric import Metric, Sample
from local.cloudwatch.pattern import PatternUnsupported

AT = 1_790_000_040.5
TOTAL = Metric("Holdfast", "Total")


def measured(message: object, pattern: str = "{ $.size = * }", **transformation: Any) -> list[Sample]:
    """What a filter with one transformation makes of a message."""
    default = {"metricNamespace": "Holdfast", "metricName": "Total", "metricValue": "$.size"}
    described: Any = {
        "filterName": "total",
        "logGroupName": "/aws/lambda/track",
        "creationTime": 0,
        "filterPattern": pattern,
        "metricTransformations": [default | transformation],
    }
    text = message if isinstance(message, str) else json.dumps(message)
    return list(filter_samples(read_filter(described), text, AT))


def test_the_selected_value_is_measured() -> None:
    assert measured({"size": 46}, unit="Bytes") == [Sample(TOTAL, AT, 46, "Bytes")]
    assert measured({"size": "46.5"}) == [Sample(TOTAL, AT, 46.5)]


def test_a_literal_value_counts_matches() -> None:
    assert measured("ERROR disk", "ERROR", metricValue="1") == [Sample(TOTAL, AT, 1)]
    assert measured("all is well", "ERROR", metricValue="1") == []


def test_a_field_of_a_delimited_line_is_measured() -> None:
    assert measured("GET 404 1534", "[verb, status = 4*, bytes]", metricValue="$bytes") == [Sample(TOTAL, AT, 1534)]


@pytest.mark.parametrize("size", ["large", True, None, [1], {"n": 1}, float("nan"), float("inf"), 10**400, "1e999"])
def test_what_is_not_a_number_is_not_measured(size: object) -> None:
    assert measured({"size": size, "n": 1}, "{ $.n = 1 }") == []


def test_dimensions_come_from_fields() -> None:
    metric = Metric("Holdfast", "Total", frozenset({("bucket", "photos"), ("version", "2")}))
    samples = measured({"size": 46, "bucket": "photos", "v": 2}, dimensions={"bucket": "$.bucket", "version": "$.v"})
    assert samples == [Sample(metric, AT, 46)]


def test_an_event_without_a_dimension_gives_no_sample() -> None:
    assert measured({"size": 46}, dimensions={"bucket": "$.bucket"}) == []


def test_the_default_value_stands_for_an_event_that_does_not_match() -> None:
    assert measured({"other": 1}, defaultValue=0.0) == [Sample(TOTAL, AT, 0, is_default=True)]
    assert measured({"size": 46}, defaultValue=0.0) == [Sample(TOTAL, AT, 46)]


@pytest.mark.parametrize(
    "changes", [{"metricValue": "$size-of"}, {"dimensions": {"bucket": "$.a b"}}, {"pattern": "{ $"}]
)
def test_a_filter_that_cannot_be_read_is_refused_by_name(changes: dict[str, Any]) -> None:
    with pytest.raises(PatternUnsupported):
        measured({}, **changes)


# --- Embedded metric format

PUBLISHED = {
    "_aws": {
        "Timestamp": 1574109732004,
        "CloudWatchMetrics": [
            {
                "Namespace": "lambda-function-metrics",
                "Dimensions": [["functionVersion"]],
                "Metrics": [{"Name": "time", "Unit": "Milliseconds", "StorageResolution": 60}],
            }
        ],
    },
    "functionVersion": "$LATEST",
    "time": 100,
    "requestId": "989ffbf8-9ace-4817-a57c-e4dd734019ee",
}
TIME = Metric("lambda-function-metrics", "time", frozenset({("functionVersion", "$LATEST")}))

DEEP = '{"_aws": {"CloudWatchMetrics": ' + "[" * 200_000


def embedded(document: object, prefix: str = "") -> list[Sample]:
    return list(emf_samples(prefix + json.dumps(document), AT))


def changed(**directive: Any) -> dict[str, Any]:
    """The published example, with a changed directive."""
    metadata = {"Timestamp": 1000, "CloudWatchMetrics": [PUBLISHED["_aws"]["CloudWatchMetrics"][0] | directive]}  # type: ignore[index]
    return PUBLISHED | {"_aws": metadata}


def test_the_published_example() -> None:
    assert embedded(PUBLISHED) == [Sample(TIME, 1574109732.004, 100, "Milliseconds")]


def test_what_lambda_puts_before_the_document_does_no_harm() -> None:
    assert embedded(PUBLISHED, "2026-01-01T00:00:00.000Z\t989ffbf8\tINFO\t") == embedded(PUBLISHED)


def test_an_array_is_as_many_values() -> None:
    assert [sample.value for sample in embedded(PUBLISHED | {"time": [100, 200.5]})] == [100, 200.5]


def test_each_set_of_dimensions_is_a_metric_of_its_own() -> None:
    metrics = {sample.metric for sample in embedded(changed(Dimensions=[["functionVersion"], []]))}
    assert metrics == {TIME, Metric("lambda-function-metrics", "time")}


def test_without_a_unit_it_is_none() -> None:
    assert embedded(changed(Metrics=[{"Name": "time"}]))[0].unit == "None"


@pytest.mark.parametrize(
    "document",
    [
        {"message": "CloudWatchMetrics"},
        {"_aws": {"CloudWatchMetrics": 5}},
        {"_aws": {"CloudWatchMetrics": []}},
        {"_aws": {"CloudWatchMetrics": [{}]}},
        {key: value for key, value in PUBLISHED.items() if key != "time"},
        {key: value for key, value in PUBLISHED.items() if key != "functionVersion"},
        PUBLISHED | {"time": "100"},
        PUBLISHED | {"time": 10**400},
        PUBLISHED | {"time": float("nan")},
        PUBLISHED | {"_aws": PUBLISHED["_aws"] | {"Timestamp": float("inf")}},  # type: ignore[operator]
        changed(Dimensions=[]),
        ["CloudWatchMetrics"],
    ],
)
def test_a_document_that_breaks_the_specification_gives_nothing(document: object) -> None:
    assert embedded(document) == []


@pytest.mark.parametrize("message", ["", "plain text", '"CloudWatchMetrics"', '{"_aws": {"CloudWatchMetrics": [', DEEP])
def test_other_messages_give_nothing(message: str) -> None:
    assert list(emf_samples(message, AT)) == []
