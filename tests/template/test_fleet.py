"""What the parameters of the fleet system become: what may be touched, where copies go, how records grow cold."""

import json
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import pytest

from local.engine import ACCOUNT, REGION
from tests.template.fleet_cases import FUNCTIONS
from tests.template.role import grants, statements
from tests.template.rules import refusals
from tests.template.stack import EVERYTHING, KEY, SOURCE, deployed, environment, of_type

COPIES = {"FleetCopyRegion": "eu-central-1"}
ELSEWHERE = {
    **COPIES,
    "FleetCopyRoleArn": "arn:aws:iam::222222222222:role/copies",
    "FleetCopyKmsKeyArn": f"{KEY}copies",
}
DRILLS = {"FleetDrillSchedule": "rate(30 days)"}

STACK_TAG = {"StringEquals": {"aws:ResourceTag/holdfast:stack": f"{ACCOUNT}/{REGION}/holdfast"}}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/web-*"
DRILL_TAG = {"StringLike": {"aws:ResourceTag/holdfast:drill": "drill-*"}}
RESTORE_TAG = {"StringLike": {"aws:ResourceTag/holdfast:restore": "*"}}

ONLY_ON = {
    **dict.fromkeys(
        ("ec2:DeleteSnapshot", "rds:DeleteDBSnapshot", "rds:DeleteDBClusterSnapshot"), ("expire", STACK_TAG)
    ),
    **dict.fromkeys(("ec2:TerminateInstances", "rds:DeleteDBInstance", "rds:DeleteDBCluster"), ("restore", DRILL_TAG)),
    **dict.fromkeys(
        ("ec2:ModifyInstanceAttribute", "rds:ModifyDBInstance", "rds:ModifyDBCluster"), ("restore", RESTORE_TAG)
    ),
    **dict.fromkeys(("ec2:ModifySnapshotAttribute", "ec2:ModifyImageAttribute"), ("backup", STACK_TAG)),
    **dict.fromkeys(("rds:ModifyDBSnapshotAttribute", "rds:ModifyDBClusterSnapshotAttribute"), ("backup", STACK_TAG)),
}
"""What changes or removes something that is there: who may, and on what alone."""


def each(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def allowed(action: str, **parameters: str) -> Iterator[tuple[str, Any]]:
    """The functions that may do it, and under which conditions."""
    for name in FUNCTIONS:
        for statement in statements(name, **parameters):
            if action in each(statement["Action"]):
                yield name.removeprefix("fleet_"), statement.get("Condition")


# Permissions


@pytest.mark.parametrize("action", ONLY_ON)
def test_what_is_there_is_changed_only_by_one_function_and_only_if_its_tag_says_so(action: str) -> None:
    [(name, condition)] = allowed(action, **{**EVERYTHING, **ELSEWHERE})
    assert (name, condition) == ONLY_ON[action]


def test_images_are_deregistered_only_by_who_made_them() -> None:
    assert list(allowed("ec2:DeregisterImage")) == [("expire", STACK_TAG), ("restore", RESTORE_TAG)]


@pytest.mark.parametrize("action", ["ec2:CreateTags", "rds:AddTagsToResource"])
def test_tags_are_put_on_what_is_being_made_or_is_the_stacks(action: str) -> None:
    for name, condition in allowed(action, **EVERYTHING):
        tests = {key for test in condition.values() for key in test}
        assert {
            "aws:ResourceTag/holdfast:stack",
            "aws:RequestTag/holdfast:stack",
            "aws:RequestTag/holdfast:restore",
        } & tests
        if action == "ec2:CreateTags" and name != "verify":
            assert "ec2:CreateAction" in tests


@pytest.mark.parametrize(
    ("name", "services"),
    [
        ("backup", ["s3.amazonaws.com", "batchoperations.s3.amazonaws.com"]),
        ("restore", ["ec2.amazonaws.com", "monitoring.rds.amazonaws.com"]),
    ],
)
def test_roles_are_passed_to_named_services_only(name: str, services: list[str]) -> None:
    passing = dict(allowed("iam:PassRole", **COPIES, FleetRestoreRoleArns=ROLE))
    assert passing[name] == {"StringEquals": {"iam:PassedToService": services}}
    assert passing.keys() == {"backup", "restore"}


def test_restores_give_the_roles_that_are_named_and_no_other() -> None:
    assert [grant for grant in grants("fleet_restore") if grant.action == "iam:PassRole"] == []
    given = grants("fleet_restore", FleetRestoreRoleArns=ROLE)
    assert [grant.resource for grant in given if grant.action == "iam:PassRole"] == [ROLE]


def test_objects_of_encrypted_replicas_can_be_restored() -> None:
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        services = [
            condition["StringLike"]["kms:ViaService"] for name, condition in allowed(action) if name == "restore"
        ]
        assert ["s3.*.amazonaws.com" in one for one in services] == [True]


def test_who_copies_nothing_may_copy_nothing() -> None:
    copying = {"ec2:CopySnapshot", "ec2:CopyImage", "rds:CopyDBSnapshot", "rds:CopyDBClusterSnapshot", "s3:CreateJob"}
    assert copying & {grant.action for grant in grants("fleet_backup")} == set()
    assert copying <= {grant.action for grant in grants("fleet_backup", **COPIES)}


def test_copies_in_another_account_are_made_by_its_role() -> None:
    copying = {"ec2:CopySnapshot", "ec2:CopyImage", "rds:CopyDBSnapshot", "rds:CopyDBClusterSnapshot"}
    assert copying & {grant.action for grant in grants("fleet_backup", **ELSEWHERE)} == set()
    taking = {name: set(grants(name, **ELSEWHERE)) - set(grants(name, **COPIES)) for name in FUNCTIONS}
    who = {name for name, more in taking.items() if "sts:AssumeRole" in {grant.action for grant in more}}
    assert who == {f"fleet_{name}" for name in ("backup", "verify", "expire", "report", "restore", "watch", "cost")}
    roles = {grant.resource for more in taking.values() for grant in more if grant.action == "sts:AssumeRole"}
    assert roles == {ELSEWHERE["FleetCopyRoleArn"]}


def test_s3_replicates_for_this_account_alone_and_deletes_nothing() -> None:
    role = deployed(**EVERYTHING)["FleetReplicationRole"].properties
    trusted = role["AssumeRolePolicyDocument"]["Statement"]
    assert [one["Principal"]["Service"] for one in trusted] == ["s3.amazonaws.com", "batchoperations.s3.amazonaws.com"]
    assert {one["Condition"]["StringEquals"]["aws:SourceAccount"] for one in trusted} == {ACCOUNT}
    actions = {act for one in role["Policies"][0]["PolicyDocument"]["Statement"] for act in each(one["Action"])}
    assert [action for action in actions if "Delete" in action] == []
    assert "s3:ReplicateObject" in actions


# Parameters that cannot work

INFREQUENT, GLACIER, DEEP = (
    SOURCE["Parameters"][f"Fleet{name}Days"]["AllowedValues"] for name in ("InfrequentAccess", "Glacier", "DeepArchive")
)


def test_objects_move_to_colder_classes_one_after_the_other_and_never_before_s3_lets_them() -> None:
    accepted = {
        days
        for days in product(INFREQUENT, GLACIER, DEEP)
        if not list(
            refusals(
                FleetInfrequentAccessDays=str(days[0]), FleetGlacierDays=str(days[1]), FleetDeepArchiveDays=str(days[2])
            )
        )
    }
    assert accepted == {(a, b, c) for a, b, c in product(INFREQUENT, GLACIER, DEEP) if a + 30 <= b < c}
    assert min(INFREQUENT) == 30


@pytest.mark.parametrize(
    ("parameters", "refused"),
    [
        (COPIES, 0),
        (ELSEWHERE, 0),
        ({**DRILLS, "FleetDrillSubnetId": "subnet-0123abcd"}, 0),
        ({**DRILLS, "FleetDrillDbSubnetGroup": "isolated"}, 0),
        (DRILLS, 1),
        ({**DRILLS, "FleetDrillDbSubnetGroup": "isolated", "EnableFleet": "false"}, 1),
        ({"FleetCopyRoleArn": ELSEWHERE["FleetCopyRoleArn"]}, 1),
        ({**COPIES, "FleetCopyRoleArn": ELSEWHERE["FleetCopyRoleArn"]}, 1),
        ({"FleetCopyKmsKeyArn": ELSEWHERE["FleetCopyKmsKeyArn"]}, 1),
        ({"FleetIntelligentTiering": "true"}, 0),
        ({"FleetIntelligentTiering": "true", "FleetGlacierDays": "60"}, 1),
    ],
)
def test_what_cannot_work_is_refused(parameters: Mapping[str, str], refused: int) -> None:
    assert len(list(refusals(**parameters))) == refused


# The bucket


def bucket(**parameters: str) -> Mapping[str, Any]:
    return deployed(**parameters)["FleetBackupBucket"].properties


def test_only_records_of_runs_grow_cold() -> None:
    """What a restore reads is there at once."""
    moving = {rule.get("Prefix"): rule for rule in bucket()["LifecycleConfiguration"]["Rules"] if "Transitions" in rule}
    assert moving.keys() == {"runs/"}
    stages = [(one["StorageClass"], one["TransitionInDays"]) for one in moving["runs/"]["Transitions"]]
    assert stages == [("STANDARD_IA", 30), ("GLACIER", 90), ("DEEP_ARCHIVE", 365)]
    assert bucket()["LifecycleConfiguration"]["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    assert all("ExpirationInDays" not in rule for rule in bucket()["LifecycleConfiguration"]["Rules"])


def test_records_are_moved_by_use_where_somebody_asks_for_it() -> None:
    stated = bucket(FleetIntelligentTiering="true")
    [rule] = [rule for rule in stated["LifecycleConfiguration"]["Rules"] if "Transitions" in rule]
    assert rule["Transitions"] == [{"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 0}]
    [tiers] = stated["IntelligentTieringConfigurations"]
    assert [one["AccessTier"] for one in tiers["Tierings"]] == ["ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"]
    assert "IntelligentTieringConfigurations" not in bucket()


def test_the_bucket_keeps_versions_is_logged_and_refuses_plain_http() -> None:
    assert bucket()["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket()["LoggingConfiguration"]["DestinationBucketName"] == "fleetlogbucket"
    for policy in ("FleetBackupPolicy", "FleetLogPolicy"):
        denied = deployed()[policy].properties["PolicyDocument"]["Statement"][0]
        assert (denied["Effect"], denied["Principal"], denied["Action"]) == ("Deny", "*", "s3:*")
        assert denied["Condition"]["Bool"] == {"aws:SecureTransport": "false"}


def test_the_bucket_is_replicated_where_somebody_says() -> None:
    assert "ReplicationConfiguration" not in bucket()
    stated = bucket(FleetReplicaBucketArn="arn:aws:s3:::records-elsewhere")["ReplicationConfiguration"]
    [rule] = stated["Rules"]
    assert (rule["Destination"], rule["Status"]) == ({"Bucket": "arn:aws:s3:::records-elsewhere"}, "Enabled")
    assert rule["DeleteMarkerReplication"] == {"Status": "Disabled"}


def test_data_events_are_of_the_backup_buckets_of_systems_that_are_deployed() -> None:
    def buckets(**parameters: str) -> list[str]:
        trail = deployed(FleetDataEvents="true", **parameters)["FleetTrail"].properties
        [selector] = trail["AdvancedEventSelectors"]
        return list(selector["FieldSelectors"][-1]["StartsWith"])

    fleets = "arn:aws:s3:::holdfast-fleet-0123456789ab/"
    assert len(buckets()) == 4
    assert buckets(EnableObjects="false", EnableTables="false", EnableWarehouse="false") == [fleets]


# The rest


@pytest.mark.parametrize(("fleet", "capacity"), list(product(("true", "false"), repeat=2)))
def test_there_is_an_api_where_a_system_answers_on_it(fleet: str, capacity: str) -> None:
    made = deployed(EnableFleet=fleet, EnableCapacity=capacity)
    apis = [one for one in made.values() if one.type == "AWS::ApiGateway::RestApi"]
    assert bool(apis) == ("true" in (fleet, capacity))


def test_the_function_that_tells_people_never_hears_itself() -> None:
    [heard] = [
        one["TopicArn"]
        for one in of_type("AWS::SNS::Subscription", **EVERYTHING).values()
        if one["Protocol"] == "lambda"
    ]
    assert heard.endswith(":AlertTopic")
    assert environment("fleet_alert")["TOPIC_ARN"].endswith(":FleetAlertTopic")
    assert {grant.resource for grant in grants("fleet_alert") if grant.action == "sns:Publish"} == {
        f"arn:aws:sns:{REGION}:{ACCOUNT}:FleetAlertTopic"
    }


def test_telephones_ring_for_failures_only() -> None:
    phone = of_type("AWS::SNS::Subscription", **EVERYTHING)["FleetPhoneSubscription"]
    assert (phone["Protocol"], phone["Endpoint"]) == ("sms", EVERYTHING["FleetAlertPhone"])
    assert phone["FilterPolicy"] == {"severity": ["failure"]}


def test_an_alarm_is_sent_by_e_mail_once() -> None:
    mails = [one for one in of_type("AWS::SNS::Subscription", **EVERYTHING).values() if one["Protocol"] == "email"]
    assert [one.get("FilterPolicy") for one in mails] == [None, {"alarm": ["false"]}]


def test_there_is_room_for_20_buckets_and_3_tables_of_the_longest_names() -> None:
    named = {
        "ProtectedBuckets": ",".join(f"{number:063}" for number in range(20)),
        "ProtectedTables": ",".join(f"{number:0255}" for number in range(3)),
    }
    for name in FUNCTIONS:
        told = environment(name, **{**EVERYTHING, **ELSEWHERE, **named})
        assert len(json.dumps(told, separators=(",", ":"))) <= 4096


@pytest.mark.parametrize("parameters", [{}, EVERYTHING, {**EVERYTHING, **ELSEWHERE}], ids=len)
def test_what_a_function_may_do_has_room_in_its_role(parameters: Mapping[str, str]) -> None:
    for name in FUNCTIONS:
        stated = json.dumps(list(statements(name, **parameters)), separators=(",", ":"))
        assert len(stated) <= 10_240
