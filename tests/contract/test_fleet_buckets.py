"""`Buckets`, in S3 and in memory: what there is, how it is replicated, and how that stands."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY

from holdfast.adapters.memory_fleet import MemoryBuckets, MemoryFleet
from holdfast.adapters.s3_fleet import NEWEST, OLDEST, S3Buckets, S3Replicas
from holdfast.fleet.model import Kind, Resource, Tag
from holdfast.fleet.ports import NotAvailable, ResourceGone
from tests.contract.fleet import (
    ACCOUNT,
    ANYWHERE,
    AWAY,
    HOME,
    ROLE,
    BucketPlace,
    Jobs,
    MemoryUsers,
    a_bucket_place,
    client,
    tag_list,
    told,
)


@pytest.fixture(params=ANYWHERE)
def place(request: pytest.FixtureRequest) -> BucketPlace:
    return a_bucket_place(request, request.param)


def tags_of(place: BucketPlace, name: str) -> dict[str, str]:
    if isinstance(place.users, MemoryUsers):
        return dict(place.users.fleet.buckets[name].tags)
    return {tag["Key"]: tag["Value"] for tag in client("s3").get_bucket_tagging(Bucket=name)["TagSet"]}


def jobs_of(place: BucketPlace) -> int:
    """How many batch jobs there are."""
    if isinstance(place.users, MemoryUsers):
        return sum(len(bucket.jobs) for bucket in place.users.fleet.buckets.values())
    jobs: Any = place.buckets.control  # type: ignore[attr-defined]
    return len(jobs.jobs)


# What there is


def test_a_bucket_is_told_with_its_tags(place: BucketPlace) -> None:
    found = place.a_bucket({"holdfast:backup": "daily"})
    assert found == Resource(
        arn=f"arn:aws:s3:::{place.name}",
        kind=Kind.BUCKET,
        region=HOME,
        name=place.name,
        status="available",
        identity=place.name,
        tags={"holdfast:backup": "daily"},
    )
    assert place.switching.region == HOME


def test_buckets_elsewhere_and_replicas_are_left_out(place: BucketPlace) -> None:
    place.users.bucket(f"{place.name}-away", {}, region=AWAY)
    place.users.bucket(f"{place.name}-replica", {Tag.STACK: "any", Tag.SOURCE: "arn:aws:s3:::other"})
    place.a_bucket()
    assert [one.name for one in place.buckets.resources() if one.name.startswith(place.name)] == [place.name]


def test_a_bucket_is_described(place: BucketPlace) -> None:
    told_of = place.buckets.describe(place.a_bucket({"team": "blue"}))
    assert (told_of["Name"], told_of["Region"], told_of["Tags"]) == (place.name, HOME, {"team": "blue"})
    assert told_of["Versioning"] == "Enabled"


def test_a_bucket_that_was_deleted_is_gone(place: BucketPlace) -> None:
    resource = place.a_bucket()
    place.users.remove(resource.arn)
    calls: list[Callable[[], object]] = [
        lambda: place.buckets.describe(resource),
        lambda: place.buckets.replicate(resource, place.replica, "one"),
        lambda: place.buckets.look(resource, place.replica, "one"),
    ]
    for call in calls:
        with pytest.raises(ResourceGone, match=place.name):
            call()


# Replication


def test_a_bucket_is_replicated_once_into_a_replica_that_knows_its_source(place: BucketPlace) -> None:
    resource = place.a_bucket()
    before = place.buckets.look(resource, place.replica, "one")
    assert (before.rule, before.earlier) == (False, "none")
    for _ in range(2):
        place.buckets.replicate(resource, place.replica, "one")
    after = place.buckets.look(resource, place.replica, "one")
    assert after.rule
    assert after.earlier in {"running", "complete"}
    assert jobs_of(place) == 1
    assert tags_of(place, place.replica) == {
        Tag.STACK: place.stack,
        Tag.SYSTEM: "fleet",
        Tag.SOURCE: resource.arn,
    }


def test_another_token_asks_for_another_job_and_no_token_for_none(place: BucketPlace) -> None:
    resource = place.a_bucket()
    place.buckets.replicate(resource, place.replica, "")
    assert jobs_of(place) == 0
    assert place.buckets.look(resource, place.replica, "").earlier == "none"
    place.buckets.replicate(resource, place.replica, "one")
    place.buckets.replicate(resource, place.replica, "two")
    assert jobs_of(place) == 2


def test_without_versions_a_bucket_is_only_replicated_if_they_may_be_switched_on(place: BucketPlace) -> None:
    resource = place.a_bucket(versioned=False)
    with pytest.raises(NotAvailable, match=f"{place.name} keeps no versions"):
        place.buckets.replicate(resource, place.replica, "one")
    assert place.buckets.describe(resource)["Versioning"] == "Off"
    place.switching.replicate(resource, place.replica, "one")
    assert place.buckets.describe(resource)["Versioning"] == "Enabled"
    assert place.buckets.look(resource, place.replica, "one").rule


def test_a_replica_of_a_name_that_is_too_long_is_refused(place: BucketPlace) -> None:
    with pytest.raises(NotAvailable, match="63 characters"):
        place.buckets.replicate(place.a_bucket(), "r" * 64, "one")


@pytest.mark.parametrize(
    ("stack", "source"), [(None, None), ("another", "ours"), ("ours", "arn:aws:s3:::another"), (None, "ours")]
)
def test_nothing_is_replicated_into_somebody_else_s_bucket(
    place: BucketPlace, stack: str | None, source: str | None
) -> None:
    resource = place.a_bucket()
    told_of = {
        Tag.STACK: place.stack if stack == "ours" else stack,
        Tag.SOURCE: resource.arn if source == "ours" else source,
    }
    tags = {"team": "blue", **{str(tag): value for tag, value in told_of.items() if value}}
    place.users.bucket(place.replica, tags, region=AWAY)
    with pytest.raises(NotAvailable, match=place.replica):
        place.buckets.replicate(resource, place.replica, "one")
    assert tags_of(place, place.replica) == tags
    assert not place.buckets.look(resource, place.replica, "one").rule


def test_a_rule_that_somebody_took_away_comes_back(place: BucketPlace) -> None:
    resource = place.a_bucket()
    place.buckets.replicate(resource, place.replica, "one")
    if isinstance(place.users, MemoryUsers):
        place.users.fleet.buckets[place.name].rule = ""
    else:
        client("s3").delete_bucket_replication(Bucket=place.name)
    assert not place.buckets.look(resource, place.replica, "one").rule
    place.buckets.replicate(resource, place.replica, "one")
    assert place.buckets.look(resource, place.replica, "one").rule


def test_a_replica_that_somebody_deleted_is_made_again(place: BucketPlace) -> None:
    resource = place.a_bucket()
    place.buckets.replicate(resource, place.replica, "one")
    place.users.remove(f"arn:aws:s3:::{place.replica}")
    place.buckets.replicate(resource, place.replica, "one")
    assert tags_of(place, place.replica)[Tag.SOURCE] == resource.arn


def test_whoever_was_interrupted_goes_on_with_the_replica_that_was_begun(place: BucketPlace) -> None:
    resource = place.a_bucket()
    place.users.bucket(place.replica, {}, versioned=False, region=AWAY)
    place.buckets.replicate(resource, place.replica, "one")
    assert tags_of(place, place.replica)[Tag.SOURCE] == resource.arn


def test_a_bucket_without_tags_that_holds_something_is_somebody_else_s(place: BucketPlace) -> None:
    resource = place.a_bucket()
    place.users.bucket(place.replica, {}, region=AWAY)
    place.users.put(place.replica, "theirs")
    with pytest.raises(NotAvailable, match=place.replica):
        place.buckets.replicate(resource, place.replica, "one")


def test_what_has_no_replica_yet_is_behind(place: BucketPlace) -> None:
    resource = place.a_bucket()
    place.users.put(place.name, "a")
    place.users.put(place.name, "b")
    seen = place.buckets.look(resource, place.replica, "")
    assert (seen.looked_at, seen.behind, seen.failed) == (2, 2, 0)
    oldest = datetime.fromisoformat(seen.oldest_behind)
    assert datetime.now(UTC) - timedelta(minutes=5) < oldest <= datetime.now(UTC)


def test_what_lies_in_an_archive_class_is_no_part_of_what_is_behind(place: BucketPlace) -> None:
    resource = place.a_bucket()
    if isinstance(place.users, MemoryUsers):
        place.users.put(place.name, "a")
        place.users.fleet.buckets[place.name].objects["a"].archived = True
    else:
        client("s3").put_object(Bucket=place.name, Key="a", Body=b"1", StorageClass="DEEP_ARCHIVE")
    place.buckets.replicate(resource, place.replica, "one")
    seen = place.buckets.look(resource, place.replica, "")
    assert (seen.looked_at, seen.behind, seen.archived, seen.oldest_behind) == (1, 0, 1, "")


# Only in memory, where S3 replicates


def test_in_memory_what_was_there_before_is_replicated_by_a_job_and_what_comes_later_by_itself() -> None:
    clock = [datetime(2026, 11, 21, 2, tzinfo=UTC)]
    fleet = MemoryFleet(now=lambda: clock[0], replicating=timedelta(minutes=10))
    buckets = MemoryBuckets(fleet, HOME, AWAY)
    fleet.bucket(HOME, "lake")
    fleet.put("lake", "earlier")
    [resource] = buckets.resources()
    buckets.replicate(resource, "lake-holdfast", "one")
    clock[0] += timedelta(minutes=5)
    fleet.put("lake", "later")
    seen = buckets.look(resource, "lake-holdfast", "one")
    assert (seen.earlier, seen.behind, seen.oldest_behind) == ("running", 2, "2026-11-21T02:00:00+00:00")
    clock[0] += timedelta(minutes=5)
    seen = buckets.look(resource, "lake-holdfast", "one")
    assert (seen.earlier, seen.behind, seen.oldest_behind) == ("complete", 1, "2026-11-21T02:05:00+00:00")
    fleet.buckets["lake"].objects["later"].refused = True
    fleet.buckets["lake"].job_fails = True
    seen = buckets.look(resource, "lake-holdfast", "one")
    assert (seen.earlier, seen.behind, seen.failed) == ("failed", 0, 1)


def test_in_memory_a_replication_under_another_role_is_not_touched() -> None:
    fleet = MemoryFleet()
    buckets = MemoryBuckets(fleet, HOME, AWAY)
    fleet.bucket(HOME, "lake", other_role=True)
    [resource] = buckets.resources()
    with pytest.raises(NotAvailable, match="another role"):
        buckets.replicate(resource, "lake-holdfast", "one")
    assert list(fleet.buckets) == ["lake"]


# How S3 is set up


def in_s3(request: pytest.FixtureRequest, key: str = "") -> tuple[BucketPlace, S3Buckets]:
    place = a_bucket_place(request, "moto")
    jobs: Any = Jobs()
    replicas = S3Replicas(client("s3", AWAY), AWAY, place.stack, key)
    return place, S3Buckets(client("s3"), jobs, replicas, HOME, ACCOUNT, ROLE)


def rules_of(place: BucketPlace) -> list[Any]:
    configuration = client("s3").get_bucket_replication(Bucket=place.name)["ReplicationConfiguration"]
    assert configuration["Role"] == ROLE
    return list(configuration["Rules"])


@pytest.mark.parametrize(
    ("key", "encryption"),
    [
        ("", {"SSEAlgorithm": "AES256"}),
        (
            "arn:aws:kms:us-east-1:1:key/k",
            {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "arn:aws:kms:us-east-1:1:key/k"},
        ),
    ],
    ids=["no key", "a key"],
)
def test_a_replica_is_closed_versioned_lockable_and_encrypted(
    request: pytest.FixtureRequest, key: str, encryption: dict[str, str]
) -> None:
    place, buckets = in_s3(request, key)
    buckets.replicate(place.a_bucket(), place.replica, "one")
    s3 = client("s3", AWAY)
    assert s3.head_bucket(Bucket=place.replica)["BucketRegion"] == AWAY
    assert set(s3.get_public_access_block(Bucket=place.replica)["PublicAccessBlockConfiguration"].values()) == {True}
    assert s3.get_bucket_versioning(Bucket=place.replica)["Status"] == "Enabled"
    locks = s3.get_object_lock_configuration(Bucket=place.replica)["ObjectLockConfiguration"]
    assert locks == {"ObjectLockEnabled": "Enabled"}  # and locks nothing by itself
    [rule] = s3.get_bucket_encryption(Bucket=place.replica)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == encryption
    [rule] = rules_of(place)
    assert rule["DeleteMarkerReplication"] == {"Status": "Disabled"}
    assert rule["Destination"].get("EncryptionConfiguration") == ({"ReplicaKmsKeyID": key} if key else None)


def test_other_rules_of_a_bucket_stay_and_ours_comes_on_top(request: pytest.FixtureRequest) -> None:
    place, buckets = in_s3(request)
    resource = place.a_bucket()
    other: Any = {
        "ID": "theirs",
        "Priority": 7,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": "arn:aws:s3:::theirs"},
    }
    stale = {**other, "ID": "holdfast", "Priority": 8, "Destination": {"Bucket": "arn:aws:s3:::before"}}
    client("s3").put_bucket_replication(
        Bucket=place.name, ReplicationConfiguration={"Role": ROLE, "Rules": [other, stale]}
    )
    buckets.replicate(resource, place.replica, "")
    assert rules_of(place) == [
        other,
        {**other, "ID": "holdfast", "Priority": 8, "Destination": {"Bucket": f"arn:aws:s3:::{place.replica}"}},
    ]


def test_a_replication_under_another_role_is_not_touched_unless_it_has_our_rule(request: pytest.FixtureRequest) -> None:
    place, buckets = in_s3(request)
    resource = place.a_bucket()
    rule: Any = {
        "ID": "theirs",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{place.replica}"},
    }
    theirs: Any = {"Role": f"arn:aws:iam::{ACCOUNT}:role/theirs", "Rules": [rule]}
    client("s3").put_bucket_replication(Bucket=place.name, ReplicationConfiguration=theirs)
    with pytest.raises(
        NotAvailable, match=f"role/theirs already, .* add a rule with the ID holdfast .* {place.replica}"
    ):
        buckets.replicate(resource, place.replica, "")
    rule["ID"] = "holdfast"
    client("s3").put_bucket_replication(Bucket=place.name, ReplicationConfiguration=theirs)
    buckets.replicate(resource, place.replica, "")
    assert client("s3").get_bucket_replication(Bucket=place.name)["ReplicationConfiguration"] == theirs


def test_what_a_key_of_kms_encrypts_needs_a_key_where_it_goes(request: pytest.FixtureRequest) -> None:
    place, buckets = in_s3(request)
    resource = place.a_bucket()
    rule: Any = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    client("s3").put_bucket_encryption(Bucket=place.name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    with pytest.raises(NotAvailable, match="set FleetCopyKmsKeyArn"):
        buckets.replicate(resource, place.replica, "one")
    assert (
        buckets.describe(resource)["Encryption"][0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    )


# What S3 is asked for, and what it may answer, where moto does not


@pytest.fixture
def s3() -> Iterator[Any]:
    with told("s3") as answers:
        yield answers


@pytest.fixture
def control() -> Iterator[Any]:
    with told("s3control") as answers:
        yield answers


LAKE = Resource("arn:aws:s3:::lake", Kind.BUCKET, HOME, "lake", "available", "lake")
RULE = {
    "ID": "holdfast",
    "Status": "Enabled",
    "Filter": {},
    "Destination": {"Bucket": "arn:aws:s3:::lake-r"},
}
RULES = {"ReplicationConfiguration": {"Role": ROLE, "Rules": [RULE]}}
DESCRIPTION = "holdfast: lake, what was there before its replication (one)"


VERSIONED: dict[str, Any] = {"get_bucket_versioning": {"Status": "Enabled"}, "get_bucket_tagging": {"TagSet": []}}


def the_buckets(s3: Any, control: Any = None) -> S3Buckets:
    jobs: Any = control.client if control else None
    return S3Buckets(s3.client, jobs, S3Replicas(s3.client, AWAY, "holdfast"), HOME, ACCOUNT, ROLE)


@pytest.mark.parametrize("key", ["", "arn:key"], ids=["no key", "a key"])
def test_deletions_are_not_replicated_and_what_kms_encrypts_is_if_there_is_a_key(s3: Any, key: str) -> None:
    s3.add_response("get_bucket_versioning", {"Status": "Enabled"})
    s3.add_client_error("get_bucket_replication", "ReplicationConfigurationNotFoundError")
    s3.add_client_error("get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError")
    s3.add_response("get_bucket_tagging", {"TagSet": tag_list({Tag.STACK: "holdfast", Tag.SOURCE: LAKE.arn})})
    rule: dict[str, Any] = {
        "ID": "holdfast",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": "arn:aws:s3:::lake-r"},
    }
    if key:
        rule["Destination"]["EncryptionConfiguration"] = {"ReplicaKmsKeyID": key}
        rule["SourceSelectionCriteria"] = {"SseKmsEncryptedObjects": {"Status": "Enabled"}}
    asked = {"Bucket": "lake", "ReplicationConfiguration": {"Role": ROLE, "Rules": [rule]}}
    s3.add_response("put_bucket_replication", {}, asked)
    jobs: Any = Jobs()
    replicas = S3Replicas(s3.client, AWAY, "holdfast", key)
    S3Buckets(s3.client, jobs, replicas, HOME, ACCOUNT, ROLE).replicate(LAKE, "lake-r", "")


def test_a_job_is_asked_for_what_has_no_replica(s3: Any, control: Any) -> None:
    s3.add_response("get_bucket_versioning", {"Status": "Enabled"})
    s3.add_response("get_bucket_replication", RULES)
    s3.add_response("head_bucket", {}, {"Bucket": "lake-r"})
    asked = {"AccountId": ACCOUNT, "MaxResults": 1000}
    control.add_response("list_jobs", {"Jobs": [{"Description": "another"}], "NextToken": "2"}, asked)
    control.add_response("list_jobs", {"Jobs": []}, asked | {"NextToken": "2"})
    control.add_response(
        "create_job",
        {"JobId": "job-1"},
        {
            "AccountId": ACCOUNT,
            "ClientRequestToken": ANY,
            "ConfirmationRequired": False,
            "Description": DESCRIPTION,
            "Operation": {"S3ReplicateObject": {}},
            "ManifestGenerator": {
                "S3JobManifestGenerator": {
                    "ExpectedBucketOwner": ACCOUNT,
                    "SourceBucket": "arn:aws:s3:::lake",
                    "Filter": {"EligibleForReplication": True, "ObjectReplicationStatuses": ["NONE", "FAILED"]},
                    "EnableManifestOutput": False,
                }
            },
            "Report": {"Enabled": False},
            "Priority": 10,
            "RoleArn": ROLE,
        },
    )
    the_buckets(s3, control).replicate(LAKE, "lake-r", "one")


@pytest.mark.parametrize(
    ("job", "earlier", "why"),
    [
        ({"Status": "New"}, "running", ""),
        ({"Status": "Preparing"}, "running", ""),
        ({"Status": "Active"}, "running", ""),
        ({"Status": "Failing"}, "running", ""),
        ({"Status": "Complete"}, "complete", ""),
        (
            {"Status": "Complete", "ProgressSummary": {"TotalNumberOfTasks": 1000, "NumberOfTasksFailed": 2}},
            "complete",
            "2 of 1,000 objects could not be copied",
        ),
    ],
)
def test_the_state_of_a_job_is_told(s3: Any, control: Any, job: dict[str, Any], earlier: str, why: str) -> None:
    s3.add_response("get_bucket_replication", RULES)
    control.add_response("list_jobs", {"Jobs": [{"Description": "other"}, {"Description": DESCRIPTION, **job}]})
    s3.add_response("list_object_versions", {})
    seen = the_buckets(s3, control).look(LAKE, "lake-r", "one")
    assert (seen.rule, seen.earlier, seen.why) == (True, earlier, why)


@pytest.mark.parametrize(
    ("reasons", "earlier", "why"),
    [
        ([{"FailureReason": "Job failed: the role may not be assumed"}], "failed", "Job failed: the role may not"),
        ([{"FailureReason": "Manifest generation found no keys matching the filter criteria."}], "complete", ""),
        ([], "failed", "S3 Batch Operations says Failed"),
    ],
)
def test_a_job_that_found_nothing_to_copy_has_not_failed(
    s3: Any, control: Any, reasons: list[Any], earlier: str, why: str
) -> None:
    s3.add_response("get_bucket_replication", RULES)
    job = {"JobId": "job-1", "Description": DESCRIPTION, "Status": "Failed"}
    control.add_response("list_jobs", {"Jobs": [job]})
    control.add_response("describe_job", {"Job": {"FailureReasons": reasons}}, {"AccountId": ACCOUNT, "JobId": "job-1"})
    s3.add_response("list_object_versions", {})
    seen = the_buckets(s3, control).look(LAKE, "lake-r", "one")
    assert (seen.earlier, seen.why[: len(why)]) == (earlier, why)
    assert bool(seen.why) is bool(why)


def a_version(key: str, minute: int = 0, *, latest: bool = True) -> dict[str, Any]:
    modified = datetime(2026, 11, 21, 2, tzinfo=UTC) + timedelta(minutes=minute)
    return {"Key": key, "VersionId": f"v-{key}", "IsLatest": latest, "LastModified": modified}


SEEN: dict[str, Any] = {"get_bucket_replication": RULES, "list_object_versions": {"Versions": [a_version("a")]}}


def test_what_s3_says_of_each_object_is_counted(s3: Any) -> None:
    s3.add_response("get_bucket_replication", RULES)
    keys = ["done", "failed", "pending", "gone", "earlier", "copied", "a replica"]
    versions = [a_version(key, minute) for minute, key in enumerate(keys)]
    s3.add_response("list_object_versions", {"Versions": [*versions, a_version("old", latest=False)]})
    for key in reversed(keys):  # the newest first
        asked = {"Bucket": "lake", "Key": key, "VersionId": f"v-{key}"}
        in_replica = asked | {"Bucket": "lake-r"}
        match key:
            case "done" | "failed" | "pending":
                status = {"done": "COMPLETED"}.get(key, key.upper())
                s3.add_response("head_object", {"ReplicationStatus": status}, asked)
            case "gone":
                s3.add_client_error("head_object", "404", http_status_code=404, expected_params=asked)
            case "earlier":
                s3.add_response("head_object", {}, asked)
                s3.add_client_error("head_object", "404", http_status_code=404, expected_params=in_replica)
            case _:
                s3.add_response("head_object", {"ReplicationStatus": "REPLICA"} if "replica" in key else {}, asked)
                s3.add_response("head_object", {}, in_replica)
    seen = the_buckets(s3).look(LAKE, "lake-r", "")
    assert (seen.looked_at, seen.behind, seen.failed) == (6, 2, 1)
    assert seen.oldest_behind == "2026-11-21T02:02:00+00:00"


def test_of_many_objects_the_newest_and_the_oldest_are_looked_at(s3: Any) -> None:
    s3.add_response("get_bucket_replication", RULES)
    many = [a_version(f"{minute:03}", minute) for minute in range(200)]
    s3.add_response("list_object_versions", {"Versions": many, "IsTruncated": True, "NextKeyMarker": "k"})
    s3.add_response("list_object_versions", {"IsTruncated": True, "NextKeyMarker": "l"})
    s3.add_response("list_object_versions", {"IsTruncated": True, "NextKeyMarker": "m"})  # and no further
    for version in [*many[::-1][:NEWEST], *many[:OLDEST][::-1]]:
        asked = {"Bucket": "lake", "Key": version["Key"], "VersionId": version["VersionId"]}
        s3.add_response("head_object", {"ReplicationStatus": "COMPLETED"}, asked)
    assert the_buckets(s3).look(LAKE, "lake-r", "").looked_at == NEWEST + OLDEST


@pytest.mark.parametrize(
    "rule",
    [
        {**RULE, "ID": "another"},
        {**RULE, "Status": "Disabled"},
        {**RULE, "Destination": {"Bucket": "arn:aws:s3:::elsewhere"}},
    ],
)
def test_a_rule_that_does_not_replicate_there_is_none(s3: Any, rule: dict[str, Any]) -> None:
    s3.add_response("get_bucket_replication", {"ReplicationConfiguration": {"Role": ROLE, "Rules": [rule]}})
    s3.add_response("list_object_versions", {})
    assert not the_buckets(s3).look(LAKE, "lake-r", "").rule


def test_a_bucket_that_lets_nobody_read_its_tags_does_not_hide_the_others(s3: Any) -> None:
    asked = {"BucketRegion": HOME, "MaxBuckets": 1000}
    s3.add_response("list_buckets", {"Buckets": [{"Name": "closed"}], "ContinuationToken": "2"}, asked)
    s3.add_client_error("get_bucket_tagging", "AccessDenied", http_status_code=403)
    more = {"Buckets": [{"Name": "gone"}, {"Name": "lake"}]}
    s3.add_response("list_buckets", more, asked | {"ContinuationToken": "2"})
    s3.add_client_error("get_bucket_tagging", "NoSuchBucket", http_status_code=404)
    s3.add_response("get_bucket_tagging", {"TagSet": tag_list({"a": "b"})})
    found = [(one.name, one.status, one.tags) for one in the_buckets(s3).resources()]
    assert found == [("closed", "closed: its tags may not be read", {}), ("lake", "available", {"a": "b"})]


@pytest.mark.parametrize("code", ["AccessDenied", "BucketAlreadyExists"])
def test_the_bucket_of_another_account_is_no_replica(s3: Any, code: str) -> None:
    if code == "AccessDenied":
        s3.add_client_error("get_bucket_tagging", code, http_status_code=403)
    else:  # deleted and made by somebody else meanwhile
        s3.add_client_error("get_bucket_tagging", "NoSuchBucket", http_status_code=404)
        s3.add_client_error("create_bucket", code, http_status_code=409)
    with pytest.raises(NotAvailable, match="lake-r"):
        S3Replicas(s3.client, AWAY, "holdfast").make(LAKE, "lake-r")


def test_a_replica_that_we_may_not_look_at_is_there(s3: Any) -> None:
    s3.add_client_error("head_bucket", "403", http_status_code=403)
    assert S3Replicas(s3.client, AWAY, "holdfast").is_there("lake-r")


def test_what_s3_does_not_encrypt_by_default_has_no_rules(s3: Any) -> None:
    s3.add_response("get_bucket_versioning", {"Status": "Suspended"})
    s3.add_response("get_bucket_tagging", {"TagSet": tag_list({"a": "b", "aws:cloudformation:stack-name": "c"})})
    s3.add_client_error("get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError")
    told_of = the_buckets(s3).describe(LAKE)
    assert (told_of["Versioning"], told_of["Tags"], told_of["Encryption"]) == ("Suspended", {"a": "b"}, [])


def test_a_replica_that_was_made_by_a_try_whose_answer_was_lost_is_set_up(s3: Any) -> None:
    s3.add_client_error("get_bucket_tagging", "NoSuchBucket", http_status_code=404)
    s3.add_client_error("create_bucket", "BucketAlreadyOwnedByYou", http_status_code=409)
    for step in ("public_access_block", "bucket_encryption", "bucket_versioning", "bucket_tagging"):
        s3.add_response(f"put_{step}", {})
    S3Replicas(s3.client, AWAY, "holdfast").make(LAKE, "lake-r")


@pytest.mark.parametrize(
    ("operation", "before", "call"),
    [
        ("get_bucket_versioning", {}, lambda buckets: buckets.describe(LAKE)),
        ("get_bucket_encryption", VERSIONED, lambda buckets: buckets.describe(LAKE)),
        ("get_bucket_replication", {}, lambda buckets: buckets.look(LAKE, "lake-r", "")),
        ("head_object", SEEN, lambda buckets: buckets.look(LAKE, "lake-r", "")),
        ("list_buckets", {}, lambda buckets: list(buckets.resources())),
        (
            "get_bucket_tagging",
            {"list_buckets": {"Buckets": [{"Name": "a"}]}},
            lambda buckets: list(buckets.resources()),
        ),
        ("get_bucket_tagging", {}, lambda buckets: buckets.replicas.make(LAKE, "lake-r")),
        ("create_bucket", {"get_bucket_tagging": None}, lambda buckets: buckets.replicas.make(LAKE, "lake-r")),
        ("head_bucket", {}, lambda buckets: buckets.replicas.is_there("lake-r")),
        ("head_object", {}, lambda buckets: buckets.replicas.has("lake-r", "a", "v")),
    ],
)
def test_an_error_of_s3_is_not_taken_for_an_answer(
    s3: Any, operation: str, before: dict[str, Any], call: Callable[[S3Buckets], object]
) -> None:
    for earlier, answer in before.items():
        if answer is None:
            s3.add_client_error(earlier, "NoSuchBucket", http_status_code=404)
        else:
            s3.add_response(earlier, answer)
    s3.add_client_error(operation, "InternalError", http_status_code=500)
    with pytest.raises(ClientError, match="InternalError"):
        call(the_buckets(s3))
