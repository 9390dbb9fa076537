"""What each function may do. The table is there so that a change of permissions is a change of two files."""

from collections.abc import Iterator

import pytest

from local.engine import ACCOUNT
from tests.template.role import grants, role, statements
from tests.template.stack import FUNCTIONS, SOURCE, deployed, logical_id, of_type

PERMISSIONS = """
capacity_drive      *                                      cloudwatch:DescribeAlarms
capacity_drive      Api/prod/GET/plot                      execute-api:Invoke
capacity_drive      CapacityBucket                         s3:ListBucket
capacity_drive      CapacityBucket/assignment?.txt         s3:DeleteObject s3:PutObject
capacity_drive      function:CapacityHeartbeatFunction     lambda:InvokeFunction
capacity_drive      table/HistoryTable                     dynamodb:Query
capacity_heartbeat  table/ObjectTable                      dynamodb:BatchGetItem
capacity_log        table/ObjectTable                      dynamodb:BatchGetItem
capacity_plot       plotbucket/*                           s3:PutObject
capacity_plot       table/HistoryTable                     dynamodb:Query
capacity_reconcile  AlertTopic                             sns:publish
capacity_reconcile  CapacityBucket                         s3:GetBucketVersioning s3:ListBucket s3:ListBucketMultipartUploads s3:ListBucketVersions
capacity_reconcile  CapacityBucket/*                       s3:GetObject s3:ListMultipartUploadParts
capacity_reconcile  table/HistoryTable                     dynamodb:PutItem
capacity_reconcile  table/ObjectTable                      dynamodb:BatchGetItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query
capacity_track      CapacityBucket                         s3:ListBucket
capacity_track      CapacityBucket/*                       s3:GetObject
capacity_track      table/HistoryTable                     dynamodb:PutItem
capacity_track      table/ObjectTable                      dynamodb:BatchGetItem dynamodb:PutItem
capacity_trim       *                                      cloudwatch:DescribeAlarms
capacity_trim       AlertTopic                             sns:publish
capacity_trim       CapacityBucket                         s3:GetBucketVersioning s3:ListBucket s3:ListBucketVersions
capacity_trim       CapacityBucket/*                       s3:DeleteObject s3:DeleteObjectVersion s3:GetObject s3:GetObjectTagging
capacity_trim       table/BreakerTable                     dynamodb:GetItem dynamodb:PutItem
capacity_trim       table/ObjectTable                      dynamodb:BatchGetItem dynamodb:UpdateItem
capacity_trim       table/ObjectTable/index/size-index     dynamodb:Query
"""  # noqa: E501 a line is a line of the table

LOGGING = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
TRACING = "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess"
POLLING = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"

MAY_DELETE = {
    "capacity_trim": "CapacityBucket/*",
    "capacity_drive": "CapacityBucket/assignment?.txt",  # its own objects
}

ANY_RESOURCE = {"cloudwatch:DescribeAlarms"}  # a list: it cannot be granted by the name of an alarm


def as_table(name: str) -> Iterator[str]:
    by_resource: dict[str, list[str]] = {}
    for resource, action in sorted(grant.short for grant in grants(name)):
        by_resource.setdefault(resource, []).append(action)
    for resource, actions in by_resource.items():
        yield f"{name:<19} {resource:<38} {' '.join(actions)}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_may_do_what_the_table_says(name: str) -> None:
    assert list(as_table(name)) == [line for line in PERMISSIONS.splitlines() if line.split(" ")[0] == name]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_managed_policies_only_log_trace_and_poll(name: str) -> None:
    polled = any(
        mapping["FunctionName"] == logical_id(name) for mapping in of_type("AWS::Lambda::EventSourceMapping").values()
    )
    assert set(role(name)["ManagedPolicyArns"]) == {LOGGING, TRACING} | ({POLLING} if polled else set())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_action_is_named_in_full(name: str) -> None:
    assert [grant.action for grant in grants(name) if "*" in grant.action] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_resource_is_named(name: str) -> None:
    assert {grant.action for grant in grants(name) if grant.resource == "*"} <= ANY_RESOURCE


@pytest.mark.parametrize("name", FUNCTIONS)
def test_only_cleaners_delete(name: str) -> None:
    deletes = {grant.short[0] for grant in grants(name) if "delete" in grant.action.lower()}
    assert deletes == ({MAY_DELETE[name]} if name in MAY_DELETE else set())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nobody_scans_a_table(name: str) -> None:
    assert "dynamodb:Scan" not in {grant.action for grant in grants(name)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_statements_only_allow_and_each_of_the_template_says_what_for(name: str) -> None:
    assert {statement["Effect"] for statement in statements(name)} == {"Allow"}
    policies = SOURCE["Resources"][logical_id(name)]["Properties"]["Policies"]
    assert all("Sid" in statement for policy in policies for statement in policy["Statement"])


# Policies of resources: a service acts for this account and for one resource only


RESOURCE_STATEMENTS = {
    f"{resource.name} {statement['Sid']}": statement
    for resource in deployed().values()
    if resource.type.endswith("Policy")
    for statement in resource.properties["PolicyDocument"]["Statement"]
}


@pytest.mark.parametrize("name", RESOURCE_STATEMENTS)
def test_a_service_acts_for_this_account_and_for_a_named_source(name: str) -> None:
    statement = RESOURCE_STATEMENTS[name]
    assert set(statement["Principal"]) == {"Service"}
    bounds = {key: value for test in statement["Condition"].values() for key, value in test.items()}
    assert bounds["aws:SourceAccount"] == ACCOUNT
    assert bounds["aws:SourceArn"] != "*"


INVOKERS = of_type("AWS::Lambda::Permission")


@pytest.mark.parametrize("name", INVOKERS)
def test_a_function_is_invoked_for_this_account_only(name: str) -> None:
    # The permissions that SAM writes name no account of their own: the ARN has it.
    permission = INVOKERS[name]
    assert f":{ACCOUNT}:" in permission["SourceArn"]
    assert permission.get("SourceAccount", ACCOUNT) == ACCOUNT
    assert name not in SOURCE["Resources"] or "SourceAccount" in permission


def test_only_the_alarm_on_the_total_may_set_trim_off() -> None:
    [permission] = [p for p in INVOKERS.values() if p["Principal"] == "lambda.alarms.cloudwatch.amazonaws.com"]
    alarm = deployed()["CapacityTotalAlarm"].properties
    assert permission["SourceArn"].endswith(f":alarm:{alarm['AlarmName']}")
    assert [permission["FunctionName"]] == alarm["AlarmActions"]


def test_the_plot_is_asked_for_where_the_drive_may_ask() -> None:
    plot = SOURCE["Resources"]["CapacityPlotFunction"]["Properties"]["Events"]["Plot"]["Properties"]
    stage = SOURCE["Resources"]["Api"]["Properties"]["StageName"]
    [allowed] = [grant.short[0] for grant in grants("capacity_drive") if grant.action == "execute-api:Invoke"]
    assert allowed == f"Api/{stage}/{plot['Method']}{plot['Path']}"
