"""The stand-in for CloudWatch on the real engine, at times that the tests choose."""

import time
from typing import Any

import pytest

from local.cloudwatch.watcher import REFRESH_SECONDS, Watcher
from tests.integration.local.account import GROUP, Account

pytestmark = pytest.mark.e2e


@pytest.fixture
def tracked(account: Account) -> Account:
    """An account in which `total_size` is a metric with an alarm, which calls `trim` and, when it is over, `rest`."""
    account.log_group()
    account.metric_filter()
    account.alarm(AlarmActions=[account.function("trim")], OKActions=[account.function("rest")])
    return account


def test_an_alarm_calls_its_function_once_with_cloudwatchs_event(tracked: Account, watcher: Watcher, dawn: int) -> None:
    tracked.write(dawn + 2, {"total_size": 18}, {"total_size": 46})
    for second in range(3, 7):
        watcher.poll(dawn + second)
    assert tracked.state() == "ALARM"
    [event] = tracked.events_of("trim", 1)
    before, after = event["alarmData"].pop("previousState"), event["alarmData"].pop("state")
    [query] = event["alarmData"].pop("configuration")["metrics"]
    assert event == {
        "source": "aws.cloudwatch",
        "alarmArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:too-big",
        "accountId": "123456789012",
        "time": after["timestamp"],
        "region": "eu-west-1",
        "alarmData": {"alarmName": "too-big"},
    }
    assert before.keys() == {"value", "reason", "timestamp"}
    assert (before["value"], before["reason"]) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")
    assert after.keys() == {"value", "reason", "reasonData", "timestamp"}
    assert after["value"] == "ALARM"
    assert after["reason"].startswith("Threshold Crossed: 1 datapoint [46.0 (")
    assert query.keys() == {"id", "metricStat", "returnData"}
    assert query["metricStat"] == {
        "metric": {"namespace": "Holdfast", "name": "CurrentTotalSize", "dimensions": {}},
        "period": 10,
        "stat": "Maximum",
    }


def test_the_way_back_has_its_own_action(tracked: Account, watcher: Watcher, dawn: int) -> None:
    tracked.write(dawn + 2, {"total_size": 46})
    watcher.poll(dawn + 3)
    tracked.write(dawn + 12, {"total_size": 18})
    watcher.poll(dawn + 13)
    assert tracked.state() == "ALARM"
    watcher.poll(dawn + 21)
    assert tracked.state() == "OK"
    [event] = tracked.events_of("rest", 1)
    assert event["alarmData"]["previousState"]["value"] == "ALARM"
    assert len(tracked.events_of("trim", 1)) == 1


def test_disabled_actions_are_not_called(tracked: Account, watcher: Watcher, dawn: int) -> None:
    tracked.cloudwatch.disable_alarm_actions(AlarmNames=["too-big"])
    tracked.write(dawn + 2, {"total_size": 46})
    watcher.poll(dawn + 3)
    assert tracked.state() == "ALARM"
    tracked.cloudwatch.enable_alarm_actions(AlarmNames=["too-big"])
    tracked.write(dawn + 12, {"total_size": 18})
    watcher.poll(dawn + 21)
    assert tracked.events_of("rest", 1)
    assert tracked.events_of("trim", 0) == []


def test_a_topic_gets_one_message_for_a_change(tracked: Account, watcher: Watcher, dawn: int) -> None:
    """The engine publishes it when the state is set. If it ceased to, or the stand-in did it too, this would show."""
    topic, queue = tracked.inbox("alerts")
    tracked.alarm(AlarmActions=[topic])
    tracked.write(dawn + 2, {"total_size": 46})
    watcher.poll(dawn + 3)
    [message] = tracked.messages(queue)
    assert (message["AlarmName"], message["NewStateValue"]) == ("too-big", "ALARM")


def test_a_failed_action_does_not_stop_the_next_one(
    tracked: Account, watcher: Watcher, dawn: int, caplog: pytest.LogCaptureFixture
) -> None:
    gone, there = tracked.function("gone"), tracked.function("there")
    tracked.functions.delete_function(FunctionName=gone)
    tracked.alarm(AlarmActions=[gone, there])
    tracked.write(dawn + 2, {"total_size": 46})
    watcher.poll(dawn + 3)
    assert len(tracked.events_of("there", 1)) == 1
    assert f"the action {gone} failed" in caplog.text


def test_dimensions_tell_metrics_apart(account: Account, watcher: Watcher, dawn: int) -> None:
    account.log_group()
    account.metric_filter(dimensions={"bucket_name": "$.bucket_name"})
    for bucket in ("photos", "films"):
        account.alarm(bucket, Dimensions=[{"Name": "bucket_name", "Value": bucket}])
    account.alarm("none")
    account.write(dawn + 2, {"total_size": 46, "bucket_name": "photos"})
    watcher.poll(dawn + 3)
    assert {name: account.state(name) for name in ("photos", "films", "none")} == {
        "photos": "ALARM",
        "films": "INSUFFICIENT_DATA",
        "none": "INSUFFICIENT_DATA",
    }


def test_embedded_metrics_of_any_group_are_read(account: Account, watcher: Watcher, dawn: int) -> None:
    account.log_group("/any/group")
    account.alarm("blocked", MetricName="TrimBlocked", Threshold=1)
    directive = {"Namespace": "Holdfast", "Dimensions": [[]], "Metrics": [{"Name": "TrimBlocked"}]}
    metadata = {"Timestamp": (dawn + 2) * 1000, "CloudWatchMetrics": [directive]}
    account.write(dawn + 2, {"_aws": metadata, "TrimBlocked": [1.0]}, group="/any/group")
    watcher.poll(dawn + 3)
    assert account.state("blocked") == "ALARM"


def test_metrics_put_by_others_are_seen_by_cloudwatchs_rules(account: Account, watcher: Watcher) -> None:
    """The engine evaluates alarms on its own at each PutMetricData, here wrongly: it takes one bucket for another."""
    now = int(time.time())
    end = now // 10 * 10 + 10
    account.alarm(Dimensions=[{"Name": "bucket_name", "Value": "films"}], AlarmActions=[account.function("trim")])
    watcher.poll(end - 10)
    account.put_metric(now, "photos", Value=46)
    account.put_metric(now, "films", Value=18)
    assert account.state() == "ALARM"
    watcher.poll(end + 1)
    assert account.state() == "OK"
    account.put_metric(end, "films", StatisticValues={"SampleCount": 4, "Sum": 40, "Minimum": 1, "Maximum": 30})
    watcher.poll(end + 1 + REFRESH_SECONDS)
    [event] = account.events_of("trim", 1)
    assert "[30.0 (" in event["alarmData"]["state"]["reason"]


def test_a_queue_that_is_not_empty_alarms(account: Account, watcher: Watcher, dawn: int) -> None:
    queue = account.queues.create_queue(QueueName="dead-letters")["QueueUrl"]
    account.alarm(
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": "dead-letters"}],
        Threshold=1,
    )
    watcher.poll(dawn + 2)
    watcher.poll(dawn + 12)
    assert account.state() == "OK"
    account.queues.send_message(QueueUrl=queue, MessageBody="lost")
    watcher.poll(dawn + 16)
    assert account.state() == "ALARM"


def test_an_alarm_that_is_made_anew_begins_without_a_past(tracked: Account, watcher: Watcher, dawn: int) -> None:
    tracked.write(dawn + 2, {"total_size": 46})
    watcher.poll(dawn + 3)
    tracked.cloudwatch.delete_alarms(AlarmNames=["too-big"])
    tracked.alarm(AlarmActions=[tracked.function("again")], InsufficientDataActions=[tracked.function("unknown")])
    watcher.poll(dawn + 6)
    [event] = tracked.events_of("again", 1)
    assert event["alarmData"]["previousState"]["value"] == "INSUFFICIENT_DATA"
    assert tracked.events_of("unknown", 0) == []


def test_a_state_set_by_hand_acts_and_lasts_until_the_next_evaluation(
    tracked: Account, watcher: Watcher, dawn: int
) -> None:
    tracked.write(dawn + 2, {"total_size": 18})
    watcher.poll(dawn + 11)
    assert tracked.state() == "OK"
    tracked.cloudwatch.set_alarm_state(AlarmName="too-big", StateValue="ALARM", StateReason="a drill")
    watcher.poll(dawn + 11 + REFRESH_SECONDS)
    assert tracked.state() == "OK"
    [drill] = tracked.events_of("trim", 1)
    assert drill["alarmData"]["state"]["reason"] == "a drill"
    assert [event["alarmData"]["previousState"]["value"] for event in tracked.events_of("rest", 2)] == [
        "INSUFFICIENT_DATA",
        "ALARM",
    ]


def test_a_filter_does_not_see_what_was_logged_before_it(account: Account, watcher: Watcher, dawn: int) -> None:
    account.log_group()
    account.write(dawn + 1, {"total_size": 46})
    time.sleep(0.002)  # the engine stamps filters and events in milliseconds
    account.metric_filter()
    account.alarm()
    account.write(dawn + 1, {"total_size": 18})
    watcher.poll(dawn + 11)
    assert account.state() == "OK"


def test_the_stand_in_may_come_first(account: Account, watcher: Watcher, dawn: int) -> None:
    watcher.poll(dawn - 20)
    account.log_group()
    account.metric_filter()
    account.alarm()
    account.write(dawn - 12, {"total_size": 46})
    watcher.poll(dawn - 11)
    assert account.state() == "ALARM"


def test_what_is_not_understood_is_named_once_and_passed_over(
    tracked: Account, watcher: Watcher, dawn: int, caplog: pytest.LogCaptureFixture
) -> None:
    tracked.logs.put_metric_filter(
        logGroupName=GROUP,
        filterName="odd",
        filterPattern="{ $.a EXISTS }",
        metricTransformations=[{"metricNamespace": "Holdfast", "metricName": "Odd", "metricValue": "1"}],
    )
    tracked.alarm("odd", Period=5)
    tracked.cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(odd) AND ALARM(too-big)")
    tracked.write(dawn + 2, {"total_size": 46})
    for second in (3, 6, 9):
        watcher.poll(dawn + second)
    assert tracked.state() == "ALARM"
    assert tracked.state("odd") == "INSUFFICIENT_DATA"
    for name in ("'{ $.a EXISTS }'", "alarm odd", "alarm both"):
        assert sum(name in record.message for record in caplog.records) == 1


def test_an_empty_engine_is_a_new_beginning(tracked: Account, watcher: Watcher, dawn: int) -> None:
    tracked.write(dawn + 2, {"total_size": 46})
    watcher.poll(dawn + 3)
    assert tracked.state() == "ALARM"
    tracked.cloudwatch.delete_alarms(AlarmNames=["too-big"])
    tracked.logs.delete_log_group(logGroupName=GROUP)
    watcher.poll(dawn + 6)
    tracked.log_group()
    tracked.metric_filter()
    tracked.alarm()
    watcher.poll(dawn + 9)
    assert tracked.state() == "INSUFFICIENT_DATA"


def test_late_events_count_and_no_event_counts_twice(account: Account, watcher: Watcher, dawn: int) -> None:
    account.log_group()
    account.metric_filter()
    sums: dict[str, Any] = {"Statistic": "Sum", "Period": 60, "ComparisonOperator": "GreaterThanThreshold"}
    account.alarm("six", Threshold=5, **sums)
    account.alarm("seven", Threshold=6, **sums)
    account.write(dawn + 20, {"total_size": 1}, {"total_size": 1})
    watcher.poll(dawn + 21)
    account.write(dawn + 20, {"total_size": 1}, {"total_size": 1})
    watcher.poll(dawn + 22)
    account.write(dawn + 15, {"total_size": 1})
    watcher.poll(dawn + 24)
    account.write(dawn + 20, {"total_size": 1})
    for second in (25, 28, 31, 61):
        watcher.poll(dawn + second)
    assert (account.state("six"), account.state("seven")) == ("ALARM", "OK")
