"""What a list of protected buckets, or of tables, becomes: what listens to them, ARNs that may be read, names."""

import json

import pytest

from holdfast import settings
from holdfast.capacity.settings import CapacityTrim
from holdfast.objects.settings import ObjectsReconcile
from holdfast.tables.settings import TablesCheck
from tests.template.role import grants, role
from tests.template.stack import EVERYTHING, deployed, environment

LISTS = pytest.mark.parametrize("names", [(), ("accounts",), ("accounts", "media", "mail")], ids=len)
READERS = pytest.mark.parametrize("function", ["objects_replicate", "objects_reconcile"])
SOURCE_BUCKET = environment("objects_reconcile")["BUCKETS"]
COPY_TABLE = environment("objects_replicate")["COPY_TABLE"]


@LISTS
def test_events_of_exactly_these_buckets_reach_the_function(names: tuple[str, ...]) -> None:
    made = deployed(ProtectedBuckets=",".join(names))
    assert ("ObjectsProtectedRule" in made) is ("ObjectsProtectedPermission" in made) is bool(names)
    if names:
        rule = made["ObjectsProtectedRule"].properties
        assert rule["EventPattern"] == {
            "source": ["aws.s3"],
            "detail-type": ["Object Created", "Object Deleted"],
            "detail": {"bucket": {"name": list(names)}},
        }
        [target] = rule["Targets"]
        assert target["Arn"] == made["ObjectsProtectedPermission"].properties["FunctionName"]


@LISTS
@READERS
def test_exactly_these_buckets_can_be_read(function: str, names: tuple[str, ...]) -> None:
    granted = grants(function, ProtectedBuckets=",".join(names)) - grants(function)
    read = ("GetObject", "GetObjectVersion", "GetObjectTagging", "GetObjectVersionTagging")
    assert {(grant.resource, grant.action) for grant in granted} == {
        *((f"arn:*:s3:::{name}/*", f"s3:{verb}") for name in names for verb in read),
        *((f"arn:*:s3:::{name}", "s3:ListBucket") for name in names),
    }


@LISTS
def test_exactly_these_buckets_are_reconciled_besides_the_stacks_own(names: tuple[str, ...]) -> None:
    told = environment("objects_reconcile", ProtectedBuckets=",".join(names))
    assert settings.read(ObjectsReconcile, told).buckets == (SOURCE_BUCKET, *names)


@LISTS
def test_trim_asks_for_copies_where_buckets_are_protected(names: tuple[str, ...]) -> None:
    told = settings.read(CapacityTrim, environment("capacity_trim", ProtectedBuckets=",".join(names)))
    assert told.protected_buckets == names
    assert told.copy_table == (COPY_TABLE if names else "")


def test_there_is_room_for_29_buckets_of_the_longest_names() -> None:
    everything = {**EVERYTHING, "ProtectedBuckets": ",".join(f"{number:063}" for number in range(29))}
    assert length(deployed(**everything)["ObjectsProtectedRule"].properties["EventPattern"]) <= 2048
    for name in ("objects_replicate", "objects_reconcile"):
        policies = role(name, **everything)["Policies"]
        assert sum(length(policy["PolicyDocument"]) for policy in policies) <= 10_240
        assert length(environment(name, **everything)) <= 4096


# Tables


READ_STREAM = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"}


@LISTS
@pytest.mark.parametrize("function", ["tables_archive", "tables_check"])
def test_exactly_the_streams_of_these_tables_can_be_read(function: str, names: tuple[str, ...]) -> None:
    granted = grants(function, ProtectedTables=",".join(names)) - grants(function)
    streams = {(grant.resource, grant.action) for grant in granted if grant.action in READ_STREAM}
    assert streams == {(f"arn:*:dynamodb:*:*:table/{name}/stream/*", verb) for name in names for verb in READ_STREAM}


@LISTS
def test_exactly_these_tables_are_checked_besides_the_stacks_own(names: tuple[str, ...]) -> None:
    told = settings.read(TablesCheck, environment("tables_check", ProtectedTables=",".join(names)))
    assert told.tables == ("TablesSampleTable", *names)
    granted = grants("tables_check", ProtectedTables=",".join(names)) - grants("tables_check")
    scanned = {grant.resource for grant in granted if grant.action == "dynamodb:Scan"}
    assert scanned == {f"arn:*:dynamodb:*:*:table/{name}" for name in names}


def test_there_is_room_for_12_tables_of_the_longest_names() -> None:
    everything = {**EVERYTHING, "ProtectedTables": ",".join(f"{number:0255}" for number in range(12))}
    for name in ("tables_archive", "tables_check"):
        policies = role(name, **everything)["Policies"]
        assert sum(length(policy["PolicyDocument"]) for policy in policies) <= 10_240
        assert length(environment(name, **everything)) <= 4096


def length(stated: object) -> int:
    return len(json.dumps(stated, separators=(",", ":")))
