"""What a function logs, what the metric filter makes of it, and what the alarms watch are the same metric."""

from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.capacity.drive import LIMIT_BYTES
from local.cloudwatch.extract import emf_samples, filter_samples, read_filter
from local.cloudwatch.metric import Metric
from tests.template.cases import played
from tests.template.stack import FUNCTIONS, deployed, environment, function, of_type

pytestmark = pytest.mark.xdist_group("played")  # what the functions do is played once for all of these

NAMESPACE = environment("capacity_track")["POWERTOOLS_METRICS_NAMESPACE"]
WITH_TENANTS = of_type("AWS::CloudWatch::Alarm", MultiTenancyColumn="tenant")
ALARMS = {name: alarm for name, alarm in WITH_TENANTS.items() if alarm["Namespace"] == NAMESPACE}


def metric_filter(name: str) -> Any:
    """As DescribeMetricFilters has it."""
    stated = of_type("AWS::Logs::MetricFilter")[name]
    return {
        "filterName": name,
        "logGroupName": stated["LogGroupName"],
        "creationTime": 0,
        "filterPattern": stated["FilterPattern"],
        "metricTransformations": [
            {
                "metricNamespace": made["MetricNamespace"],
                "metricName": made["MetricName"],
                "metricValue": made["MetricValue"],
                "unit": made["Unit"],
                "dimensions": {dimension["Key"]: dimension["Value"] for dimension in made["Dimensions"]},
            }
            for made in stated["MetricTransformations"]
        ],
    }


FILTERS = [read_filter(metric_filter(name)) for name in of_type("AWS::Logs::MetricFilter")]


def measured(name: str) -> Iterator[Metric]:
    """The metrics that come of a function's log."""
    group = function(name)["LoggingConfig"]["LogGroup"]
    for line in played(name).logged[name]:
        yield from (sample.metric for sample in emf_samples(line, 0))
        for each in FILTERS:
            if each.group == group:
                yield from (sample.metric for sample in filter_samples(each, line, 0))


def watched(alarm: str) -> Metric:
    stated = ALARMS[alarm]
    dimensions = frozenset((dimension["Name"], dimension["Value"]) for dimension in stated["Dimensions"])
    return Metric(stated["Namespace"], stated["MetricName"], dimensions)


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_watches_a_metric_that_a_function_measures(alarm: str) -> None:
    assert watched(alarm) in {metric for name in FUNCTIONS for metric in measured(name)}


@pytest.mark.parametrize(
    ("alarm", "functions"),
    [
        ("ObjectsLagAlarm", {"objects_replicate"}),
        ("ObjectsBreakerAlarm", {"objects_clean", "objects_reconcile", "objects_replicate"}),
        ("ObjectsCorruptAlarm", {"objects_reconcile"}),
        ("TablesLagAlarm", {"tables_archive"}),
        ("TablesTenantAlarm", {"tables_archive"}),
        ("TablesDifferencesAlarm", {"tables_check"}),
        ("TablesUnarchivedAlarm", {"tables_check"}),
        ("TablesGapsAlarm", {"tables_check"}),
        ("WarehouseOverdueAlarm", {"warehouse_report"}),
        ("WarehouseUnrestorableAlarm", {"warehouse_report"}),
        ("WarehouseBreakerAlarm", {"warehouse_retire"}),
    ],
)
def test_an_alarm_hears_each_function_that_can_tell(alarm: str, functions: set[str]) -> None:
    assert {name for name in FUNCTIONS if watched(alarm) in set(measured(name))} == functions


def test_nobody_waits_for_tenants_where_there_are_none() -> None:
    assert WITH_TENANTS.keys() - of_type("AWS::CloudWatch::Alarm").keys() == {"TablesTenantAlarm"}


def test_an_alarm_tells_long_before_a_stream_loses_what_waits() -> None:
    alarm = of_type("AWS::CloudWatch::Alarm")["TablesAgeAlarm"]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("AWS/Lambda", "IteratorAge", "Maximum")
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": "TablesArchiveFunction"}]
    assert alarm["Threshold"] == 6 * 60 * 60 * 1000


@pytest.mark.parametrize("name", ["capacity_track", "capacity_heartbeat"])
def test_the_total_comes_from_each_event_and_from_the_heartbeat(name: str) -> None:
    assert watched("CapacityTotalAlarm") in set(measured(name))


def test_no_other_function_measures_the_total() -> None:
    others = set(FUNCTIONS) - {"capacity_track", "capacity_heartbeat"}
    assert watched("CapacityTotalAlarm") not in {metric for name in others for metric in measured(name)}


@pytest.mark.parametrize(("limit", "period"), [(str(LIMIT_BYTES), "10"), ("1099511627776", "60")])
def test_the_alarm_is_on_when_the_highest_total_of_a_period_reaches_the_limit(limit: str, period: str) -> None:
    given = {"CapacityLimitBytes": limit, "CapacityAlarmPeriodSeconds": period}
    alarm = deployed(**given)["CapacityTotalAlarm"].properties
    assert (alarm["Statistic"], alarm["ComparisonOperator"]) == ("Maximum", "GreaterThanOrEqualToThreshold")
    assert (alarm["Threshold"], alarm["Period"], alarm["EvaluationPeriods"]) == (limit, period, 1)


def test_trim_evicts_down_to_the_limit_of_the_alarm() -> None:
    assert int(environment("capacity_trim")["LIMIT_BYTES"]) == deployed()["CapacityTotalAlarm"].properties["Threshold"]
    assert environment("capacity_trim")["ALARM_NAME"] == deployed()["CapacityTotalAlarm"].properties["AlarmName"]
