"""What every resource of a kind has: a condition, a lifetime, a limit, an alarm."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.template.stack import (
    EVERYTHING,
    FUNCTIONS,
    SOURCE,
    deployed,
    environment,
    function,
    logical_id,
    of_type,
    sections,
)

SYSTEMS = ("Capacity", "Fleet", "Objects", "Tables", "Warehouse")
DAY = 24 * 60 * 60
TWO_WEEKS = 14 * DAY

QUEUES = of_type("AWS::SQS::Queue", **EVERYTHING)
MAPPINGS = of_type("AWS::Lambda::EventSourceMapping", **EVERYTHING)
RULES = {name: rule for name, rule in of_type("AWS::Events::Rule", **EVERYTHING).items() if "EventPattern" in rule}
SCHEDULES = of_type("AWS::Scheduler::Schedule", **EVERYTHING)
INVOKED = of_type("AWS::Lambda::EventInvokeConfig", **EVERYTHING)


def on_failure(config: Mapping[str, Any]) -> str:
    """Where Lambda sends the events that a function gave up; empty if nowhere."""
    destination: str = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
    return destination


def dead_letters() -> Iterator[str]:
    """The ARNs of what takes the messages and events that queues, rules and functions gave up."""
    yield from (queue["RedrivePolicy"]["deadLetterTargetArn"] for queue in QUEUES.values() if "RedrivePolicy" in queue)
    yield from (target["DeadLetterConfig"]["Arn"] for rule in RULES.values() for target in rule["Targets"])
    yield from map(on_failure, [*INVOKED.values(), *MAPPINGS.values()])
    yield from (schedule["Target"]["DeadLetterConfig"]["Arn"] for schedule in SCHEDULES.values())


DEAD_LETTER_QUEUES = {arn.rpartition(":")[2] for arn in dead_letters() if ":sqs:" in arn}
WORK_QUEUES = sorted(QUEUES.keys() - DEAD_LETTER_QUEUES)
STREAMS = [name for name, mapping in MAPPINGS.items() if ":dynamodb:" in mapping["EventSourceArn"]]
ALARMS = of_type("AWS::CloudWatch::Alarm", **EVERYTHING)
ALERTS = f"{deployed()['AlertTopicPolicy'].properties['Topics'][0]}"
POLLED = {"SQS", "Kinesis", "DynamoDB", "Api"}
"""Sources of events that wait for the answer: Lambda itself queues nothing for such a function."""

DATA = [name for name, it in SOURCE["Resources"].items() if it["Type"] in {"AWS::S3::Bucket", "AWS::DynamoDB::Table"}]


def properties(name: str) -> Mapping[str, Any]:
    return deployed(**EVERYTHING)[name].properties


def mapping_of(queue: str) -> Mapping[str, Any]:
    [found] = [m for m in MAPPINGS.values() if m["EventSourceArn"].endswith(f":{queue}")]
    return found


def is_async(name: str) -> bool:
    events = SOURCE["Resources"][logical_id(name)]["Properties"].get("Events", {})
    polls = any(mapping["FunctionName"].endswith(logical_id(name)) for mapping in MAPPINGS.values())
    return not polls and not {event["Type"] for event in events.values()} & POLLED


# Systems


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_that_is_left_out_leaves_nothing_behind(system: str) -> None:
    of_system = {name for banner, name in sections() if banner.startswith(f"{system}:")}
    assert of_system
    assert of_system & deployed(**EVERYTHING, **{f"Enable{system}": "false"}).keys() == set()


def test_every_resource_stands_under_the_banner_of_its_system() -> None:
    assert {banner.partition(":")[0] for banner, _ in sections()} == {"All systems", *SYSTEMS}
    assert {name for _, name in sections()} == set(SOURCE["Resources"])


def test_with_everything_each_resource_is_there() -> None:
    """What other tests say of all resources holds for all, because they look at this stack."""
    expanded = {
        name for name, it in SOURCE["Resources"].items() if it["Type"].startswith("AWS::Serverless::LayerVersion")
    }
    assert SOURCE["Resources"].keys() - deployed(**EVERYTHING).keys() == expanded


# Data


@pytest.mark.parametrize("name", DATA)
def test_data_outlives_the_stack(name: str) -> None:
    resource = SOURCE["Resources"][name]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


@pytest.mark.parametrize("name", of_type("AWS::DynamoDB::Table"))
def test_a_table_is_encrypted_and_can_be_brought_back(name: str) -> None:
    assert properties(name)["SSESpecification"] == {"SSEEnabled": True}
    assert properties(name)["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties(name)["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize("name", of_type("AWS::S3::Bucket"))
def test_a_bucket_is_encrypted_and_private(name: str) -> None:
    assert "BucketEncryption" in properties(name)
    assert set(properties(name)["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(properties(name)["PublicAccessBlockConfiguration"]) == 4


def test_copies_are_not_locked_unless_somebody_asks_for_it() -> None:
    bucket = deployed()["ObjectsBackupBucket"].properties
    assert {"VersioningConfiguration", "ObjectLockEnabled", "ObjectLockConfiguration"} & bucket.keys() == set()


@pytest.mark.parametrize("mode", SOURCE["Parameters"]["BackupLockMode"]["AllowedValues"])
def test_copies_are_locked_for_as_many_days_as_somebody_asks(mode: str) -> None:
    asked = {"BackupLockDays": "7", "BackupLockMode": mode}
    bucket = deployed(**asked)["ObjectsBackupBucket"].properties
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["ObjectLockEnabled"] is True
    assert bucket["ObjectLockConfiguration"] == {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": mode, "Days": "7"}},
    }
    for name in ("objects_clean", "objects_reconcile", "objects_replicate"):
        assert environment(name, **asked)["LOCK_DAYS"] == "7"


def test_copies_are_encrypted_by_bucket_and_functions_with_the_same_key() -> None:
    key = EVERYTHING["BackupKmsKeyArn"]
    [rule] = properties("ObjectsBackupBucket")["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    stated = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    assert rule == {"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": stated}
    for name in ("objects_reconcile", "objects_replicate"):
        assert environment(name, **EVERYTHING)["KMS_KEY_ARN"] == key


# Functions


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_logs_json_into_a_group_that_expires(name: str) -> None:
    logging = function(name)["LoggingConfig"]
    assert logging["LogFormat"] == "JSON"
    [group] = [g for g, it in of_type("AWS::Logs::LogGroup").items() if it["LogGroupName"] == logging["LogGroup"]]
    assert SOURCE["Resources"][group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_traced(name: str) -> None:
    assert function(name)["TracingConfig"] == {"Mode": "Active"}


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if is_async(name)])
def test_an_asynchronous_function_says_how_often_it_is_tried(name: str) -> None:
    [config] = [config for config in INVOKED.values() if config["FunctionName"] == logical_id(name)]
    assert "MaximumRetryAttempts" in config


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if is_async(name)])
def test_an_asynchronous_function_that_is_tried_again_tells_when_it_gave_up(name: str) -> None:
    [config] = [config for config in INVOKED.values() if config["FunctionName"] == logical_id(name)]
    told = on_failure(config)
    assert config["MaximumRetryAttempts"] == 0 or told == ALERTS or told.rpartition(":")[2] in DEAD_LETTER_QUEUES


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_how_long_its_events_are_tried_and_where_they_go_then(name: str) -> None:
    [target] = RULES[name]["Targets"]
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": DAY, "MaximumRetryAttempts": 185}
    assert target["DeadLetterConfig"]["Arn"].rpartition(":")[2] in DEAD_LETTER_QUEUES


# Queues


@pytest.mark.parametrize("name", QUEUES)
def test_a_queue_is_encrypted(name: str) -> None:
    assert properties(name)["SqsManagedSseEnabled"] is True


@pytest.mark.parametrize("name", WORK_QUEUES)
def test_a_queue_tries_five_times_for_less_than_two_weeks(name: str) -> None:
    redrive = properties(name)["RedrivePolicy"]
    assert redrive["maxReceiveCount"] >= 5
    assert properties(name)["MessageRetentionPeriod"] < TWO_WEEKS


@pytest.mark.parametrize("name", WORK_QUEUES)
def test_a_message_stays_hidden_for_six_times_as_long_as_its_function_may_run(name: str) -> None:
    timeout = properties(mapping_of(name)["FunctionName"])["Timeout"]
    assert properties(name)["VisibilityTimeout"] >= 6 * timeout


@pytest.mark.parametrize("name", WORK_QUEUES)
def test_a_mapping_bounds_its_load_and_reports_each_message_on_its_own(name: str) -> None:
    mapping = mapping_of(name)
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"]["MaximumConcurrency"] >= 2
    assert mapping["BatchSize"] <= 10 or mapping["MaximumBatchingWindowInSeconds"] >= 1


@pytest.mark.parametrize("name", sorted(DEAD_LETTER_QUEUES))
def test_a_dead_letter_is_kept_for_two_weeks(name: str) -> None:
    assert properties(name)["MessageRetentionPeriod"] == TWO_WEEKS


@pytest.mark.parametrize("name", sorted(DEAD_LETTER_QUEUES))
def test_a_dead_letter_queue_has_an_alarm(name: str) -> None:
    [alarm] = [alarm for alarm in ALARMS.values() if {"Name": "QueueName", "Value": name} in alarm["Dimensions"]]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Maximum", 1)
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert alarm["AlarmActions"] == [ALERTS]


# Streams


@pytest.mark.parametrize("name", STREAMS)
def test_a_mapping_of_a_stream_skips_nothing_and_gives_nothing_up_for_one_record(name: str) -> None:
    mapping = MAPPINGS[name]
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ParallelizationFactor"] == 1


@pytest.mark.parametrize("name", STREAMS)
def test_a_record_of_a_stream_is_given_up_while_the_stream_still_holds_it(name: str) -> None:
    mapping = MAPPINGS[name]
    assert 0 < mapping["MaximumRetryAttempts"] <= 100
    assert 0 < mapping["MaximumRecordAgeInSeconds"] < DAY
    assert on_failure(mapping).rpartition(":")[2] in DEAD_LETTER_QUEUES


def test_a_table_that_is_archived_tells_old_and_new() -> None:
    table = properties("TablesSampleTable")
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


@pytest.mark.parametrize(("given", "made"), [("", True), ("archives", False)])
def test_the_archive_of_tables_is_where_somebody_says_or_in_a_bucket_that_keeps_versions(
    given: str, made: bool
) -> None:
    bucket = deployed(BackupBucket=given).get("TablesBackupBucket")
    assert (bucket is not None) is made
    if bucket:
        assert bucket.properties["VersioningConfiguration"] == {"Status": "Enabled"}
    for name in ("tables_archive", "tables_check", "tables_restore"):
        assert environment(name, BackupBucket=given)["BACKUP_BUCKET"] == (given or "tablesbackupbucket")


# Alarms


@pytest.mark.parametrize("name", [name for name, alarm in ALARMS.items() if ALERTS in alarm["AlarmActions"]])
def test_an_alarm_for_a_person_says_what_to_do(name: str) -> None:
    sentences = ALARMS[name]["AlarmDescription"].split(". ")
    assert {sentence.split()[0] for sentence in sentences} & {"Find", "Look", "Remove", "Redrive", "Run"}


@pytest.mark.parametrize("name", [name for name, alarm in ALARMS.items() if ALERTS in alarm["AlarmActions"]])
def test_an_alarm_for_a_person_tells_when_it_is_over(name: str) -> None:
    assert ALARMS[name]["OKActions"] == ALARMS[name]["AlarmActions"]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_what_missing_data_means(name: str) -> None:
    assert ALARMS[name]["TreatMissingData"] in {"breaching", "notBreaching", "ignore"}
