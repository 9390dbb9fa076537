"""`Shelf` of RDS, in AWS and in memory: DB instances and clusters, and their backups as manual snapshots."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from holdfast.adapters.memory_fleet import MemoryFleet, MemoryShelf
from holdfast.adapters.rds_fleet import RdsShelf
from holdfast.fleet.model import Kind, Part, PartType, Resource, Service, Status, Tag
from holdfast.fleet.ports import CannotCopy, LimitReached, NotAvailable, ResourceGone, Undeletable
from tests.contract.fleet import ACCOUNT, ANYWHERE, AWAY, GIB, HOME, OTHER_ACCOUNT, Place, a_place, tag_list, told

_numbers = count(1)

BOTH = pytest.mark.parametrize("cluster", [False, True], ids=["instance", "cluster"])


@pytest.fixture(params=ANYWHERE)
def place(request: pytest.FixtureRequest) -> Place:
    return a_place(request, request.param, Service.RDS)


def a_database(place: Place, *, cluster: bool, **tags: str) -> Resource:
    """Of a name that no other test has used."""
    return place.resource(place.users.database(f"orders-{next(_numbers)}", tags, cluster=cluster))


# What there is


@BOTH
def test_a_database_is_told_as_it_is(place: Place, *, cluster: bool) -> None:
    name = f"told-{next(_numbers)}"
    arn = place.users.database(name, {"holdfast:backup": "weekly"}, cluster=cluster)
    found = place.resource(arn)
    assert arn == f"arn:aws:rds:{HOME}:{ACCOUNT}:{'cluster' if cluster else 'db'}:{name}"
    assert (found.name, found.region, found.status) == (name, HOME, "available")
    assert found.kind is (Kind.CLUSTER if cluster else Kind.DATABASE)
    assert (found.tags, found.encrypted, found.volumes) == ({"holdfast:backup": "weekly"}, False, ())
    assert found.identity.startswith("cluster-" if cluster else "db-")
    if not cluster:
        assert found.size == 20 * GIB


def test_a_member_of_a_cluster_is_no_database_of_its_own(place: Place) -> None:
    cluster = a_database(place, cluster=True)
    assert [found.name for found in place.shelf.resources() if found.name.startswith(cluster.name)] == [cluster.name]


def test_an_instance_is_described_so_that_another_like_it_can_be_made(place: Place) -> None:
    resource = a_database(place, cluster=False, Name="orders")
    told_of = place.shelf.describe(resource)
    assert (told_of["DBInstanceIdentifier"], told_of["Tags"]) == (resource.name, {"Name": "orders"})
    assert (told_of["Engine"], told_of["DBInstanceClass"], told_of["Port"]) == ("postgres", "db.t3.micro", 5432)
    assert (told_of["AllocatedStorage"], told_of["StorageEncrypted"], told_of["MultiAZ"]) == (20, False, False)
    assert told_of.keys() >= {"EngineVersion", "VpcSecurityGroupIds", "DBParameterGroupName", "OptionGroupName"}


def test_a_cluster_is_described_with_its_instances(place: Place) -> None:
    resource = a_database(place, cluster=True)
    told_of = place.shelf.describe(resource)
    assert (told_of["DBClusterIdentifier"], told_of["Engine"]) == (resource.name, "aurora-postgresql")
    assert told_of.keys() >= {"EngineVersion", "Port", "DBClusterParameterGroupName", "VpcSecurityGroupIds"}
    [member] = told_of["Members"]
    assert (member["DBInstanceIdentifier"], member["DBInstanceClass"]) == (f"{resource.name}-1", "db.r6g.large")
    assert (member["PromotionTier"], member["IsWriter"]) == (1, True)


@BOTH
def test_what_is_deleted_is_gone(place: Place, *, cluster: bool) -> None:
    resource = a_database(place, cluster=cluster)
    assert place.shelf.identity(resource) == resource.identity
    place.users.remove(resource.arn)
    assert place.shelf.identity(resource) is None
    with pytest.raises(ResourceGone, match=resource.name):
        place.shelf.describe(resource)
    with pytest.raises(ResourceGone, match=resource.name):
        place.shelf.create(resource, "a", place.tags(resource))
    assert resource.arn not in {found.arn for found in place.shelf.resources()}


# Making backups


@BOTH
def test_a_backup_is_one_snapshot_however_often_it_is_asked_for(place: Place, *, cluster: bool) -> None:
    resource = a_database(place, cluster=cluster)
    place.back_up(resource)
    [part] = place.back_up(resource)
    noun = "cluster-snapshot" if cluster else "snapshot"
    assert part.type is (PartType.CLUSTER_SNAPSHOT if cluster else PartType.DB_SNAPSHOT)
    assert part.id == f"holdfast-{resource.name}-daily-2026-11-21t02-00-00z"
    assert part.arn == f"arn:aws:rds:{HOME}:{ACCOUNT}:{noun}:{part.id}"
    assert (part.of, part.size, part.encrypted) == (resource.name, resource.size, False)
    assert (part.status, part.tags, part.region) == (Status.COMPLETE, place.tags(resource), HOME)
    if not (cluster and isinstance(place.shelf, RdsShelf)):  # moto does not tell of which cluster one is
        assert part.identity == resource.identity


def test_a_name_that_rds_would_refuse_is_changed_always_in_the_same_way(place: Place) -> None:
    resource = a_database(place, cluster=False)
    for name in ("7 -- my_db: " + "x" * 300, "7 -- my_db: " + "x" * 300, "7 -- my db: " + "x" * 300):
        place.shelf.create(resource, name, place.tags(resource))
    first, second = (part.id for part in place.shelf.parts(resource.arn))
    assert first != second
    assert max(len(first), len(second)) <= 255


def test_a_tag_that_rds_would_refuse_is_changed(place: Place) -> None:
    resource = a_database(place, cluster=False)
    [part] = place.back_up(resource)
    place.shelf.tag(part, {Tag.HOLD: "case 7 (ask é*), a@b.c: x+y=z_/-"})
    [part] = place.shelf.parts()
    assert part.tags[Tag.HOLD] == "case 7 _ask é___ a@b.c: x+y=z_/-"


def test_only_backups_of_this_stack_are_listed_and_of_one_source_if_one_is_asked_for(place: Place) -> None:
    one, other = a_database(place, cluster=False), a_database(place, cluster=True)
    place.shelf.create(one, f"another-{one.name}", place.tags(one) | {Tag.STACK: "another"})
    mine, others = place.back_up(one), place.back_up(other)
    assert (list(place.shelf.parts(one.arn)), list(place.shelf.parts(other.arn))) == (mine, others)
    assert {part.id for part in place.shelf.parts()} == {part.id for part in [*mine, *others]}
    assert list(place.shelf.parts(f"arn:aws:ec2:{HOME}:{ACCOUNT}:instance/i-1")) == []


def test_a_database_and_a_cluster_of_one_name_are_told_apart(place: Place) -> None:
    """The identifiers of both are in one space in AWS, those of their snapshots are not."""
    cluster = a_database(place, cluster=True)
    [of_cluster] = place.back_up(cluster)
    assert list(place.shelf.parts(cluster.arn.replace(":cluster:", ":db:"))) == []
    assert list(place.shelf.parts(cluster.arn)) == [of_cluster]


# Copies


@BOTH
def test_a_copy_is_made_once_and_knows_its_origin(place: Place, *, cluster: bool) -> None:
    resource = a_database(place, cluster=cluster)
    [part] = place.back_up(resource)
    for _ in range(2):
        place.away.copy(part, part.id, place.tags(resource))
    [copy] = place.away.parts(resource.arn)
    assert (copy.type, copy.region, copy.of, copy.size) == (part.type, AWAY, part.of, part.size)
    assert copy.arn == part.arn.replace(HOME, AWAY)
    assert copy.tags == place.tags(resource) | {Tag.ORIGIN: part.id, Tag.VOLUME: part.of}
    assert (copy.encrypted, copy.kms_key) == ((False, "") if cluster else (True, place.key))  # RDS refuses to
    assert place.away.copies_under_way() == 0


@BOTH
def test_what_is_gone_is_neither_copied_nor_shared(place: Place, *, cluster: bool) -> None:
    resource = a_database(place, cluster=cluster)
    [part] = place.back_up(resource)
    place.shelf.share(part, OTHER_ACCOUNT)
    place.shelf.delete(part)
    with pytest.raises(ResourceGone, match=part.id):
        place.away.copy(part, part.id, place.tags(resource))
    with pytest.raises(ResourceGone, match=part.id):
        place.shelf.share(part, OTHER_ACCOUNT)


# Tags, and the end


@BOTH
def test_tags_are_added_and_changed(place: Place, *, cluster: bool) -> None:
    resource = a_database(place, cluster=cluster)
    [part] = place.back_up(resource)
    place.shelf.tag(part, {Tag.VERIFIED: "2026-11-21T02:10:00+00:00", "other": "1"})
    place.shelf.tag(part, {"other": "2"})
    [after] = place.shelf.parts(resource.arn)
    assert after.tags == place.tags(resource) | {Tag.VERIFIED: "2026-11-21T02:10:00+00:00", "other": "2"}


@BOTH
def test_a_snapshot_is_deleted_once_and_to_delete_or_tag_it_again_is_no_error(place: Place, *, cluster: bool) -> None:
    [part] = place.back_up(a_database(place, cluster=cluster))
    for _ in range(2):
        place.shelf.delete(part)
    place.shelf.tag(part, {"a": "b"})
    assert list(place.shelf.parts()) == []


@BOTH
def test_a_snapshot_outlives_its_database(place: Place, *, cluster: bool) -> None:
    resource = a_database(place, cluster=cluster)
    [part] = place.back_up(resource)
    place.users.remove(resource.arn)
    assert list(place.shelf.parts(resource.arn)) == [part]


# Only in memory: in moto a database is always available, and nothing takes time

TAGS: dict[str, str] = {Tag.STACK: "holdfast", Tag.RUN: "daily-2026-11-21T02-00-00Z"}


def an_account(**settings: Any) -> tuple[MemoryFleet, list[datetime]]:
    """An account, and what its clock shows."""
    clock = [datetime(2026, 11, 21, 2, tzinfo=UTC)]
    return MemoryFleet(now=lambda: clock[0], **settings), clock


def test_in_memory_a_database_is_backed_up_once_at_a_time_and_only_when_it_is_available() -> None:
    fleet, clock = an_account(taking=timedelta(minutes=5))
    shelf = MemoryShelf(fleet, "rds", HOME)
    database = fleet.database(HOME, "orders")
    resource = database.as_resource(clock[0])
    shelf.create(resource, "one", TAGS)
    shelf.create(resource, "one", TAGS)
    with pytest.raises(NotAvailable, match="orders is backing-up"):
        shelf.create(resource, "two", TAGS)
    [part] = shelf.parts()
    with pytest.raises(Undeletable, match="still being made"):
        shelf.delete(part)
    clock[0] += timedelta(minutes=5)
    database.state = "stopped"
    with pytest.raises(NotAvailable, match="orders is stopped"):
        shelf.create(resource, "two", TAGS)
    database.state = "available"
    shelf.create(resource, "two", TAGS)
    assert [part.status for part in shelf.parts()] == [Status.COMPLETE, Status.PENDING]


def test_in_memory_only_so_many_snapshots_are_kept_and_copied() -> None:
    fleet, _ = an_account(snapshots_kept=2, copies_at_once=1, copying=timedelta(hours=1))
    shelf, away = MemoryShelf(fleet, "rds", HOME), MemoryShelf(fleet, "rds", AWAY)
    resource = fleet.database(HOME, "orders").as_resource(fleet.now())
    for name in ("one", "two"):
        shelf.create(resource, name, TAGS)
    with pytest.raises(LimitReached, match="2 manual snapshots"):
        shelf.create(resource, "three", TAGS)
    one, two = shelf.parts()
    away.copy(one, "one", TAGS)
    with pytest.raises(LimitReached, match="1 copies at a time"):
        away.copy(two, "two", TAGS)
    assert away.copies_under_way() == 1


def test_in_memory_another_account_needs_a_key_of_its_own_for_what_is_encrypted() -> None:
    fleet, _ = an_account()
    shelf = MemoryShelf(fleet, "rds", HOME)
    shelf.create(fleet.database(HOME, "orders", kms_key="own").as_resource(fleet.now()), "one", TAGS)
    [part] = shelf.parts()
    shelf.share(part, OTHER_ACCOUNT)
    with pytest.raises(CannotCopy, match="no key"):
        MemoryShelf(fleet, "rds", AWAY, account=OTHER_ACCOUNT).copy(part, "one", TAGS)
    there = MemoryShelf(fleet, "rds", AWAY, account=OTHER_ACCOUNT, key="theirs")
    there.copy(part, "one", TAGS)
    assert [copy.kms_key for copy in there.parts()] == ["theirs"]


# What RDS is asked for, and what it may answer, where moto does not


@pytest.fixture
def rds() -> Iterator[Any]:
    with told("rds") as answers:
        yield answers


def a_shelf(rds: Any, **settings: Any) -> RdsShelf:
    return RdsShelf(
        rds.client, settings.pop("kms", None), HOME, settings.pop("account", ACCOUNT), "holdfast", **settings
    )


DATABASE = Resource(f"arn:aws:rds:{HOME}:{ACCOUNT}:db:orders", Kind.DATABASE, HOME, "orders", "available", "db-1")
CLUSTER = Resource(
    f"arn:aws:rds:{HOME}:{ACCOUNT}:cluster:orders", Kind.CLUSTER, HOME, "orders", "available", "cluster-1"
)


def a_part(*, cluster: bool = False, **more: Any) -> Part:
    type_ = PartType.CLUSTER_SNAPSHOT if cluster else PartType.DB_SNAPSHOT
    noun = "cluster-snapshot" if cluster else "snapshot"
    arn = f"arn:aws:rds:{AWAY}:{ACCOUNT}:{noun}:one"
    return Part(type_, "one", arn, AWAY, Status.COMPLETE, {}, of="orders", **more)


ENCRYPTED: Any = {"encrypted": True, "kms_key": "arn:own"}


@pytest.mark.parametrize(
    ("part", "settings", "key"),
    [
        (a_part(), {}, None),
        (a_part(), {"key": "arn:key"}, "arn:key"),
        (a_part(**ENCRYPTED), {}, "alias/aws/rds"),
        (a_part(**ENCRYPTED), {"key": "arn:key"}, "arn:key"),
        (a_part(cluster=True), {"key": "arn:key"}, None),
        (a_part(cluster=True, **ENCRYPTED), {}, "alias/aws/rds"),
        (a_part(cluster=True, **ENCRYPTED), {"key": "arn:key", "account": OTHER_ACCOUNT}, "arn:key"),
    ],
)
def test_rds_is_asked_for_a_copy_under_the_key_that_it_takes(
    rds: Any, part: Part, settings: dict[str, str], key: str | None
) -> None:
    form = "DBClusterSnapshot" if part.type is PartType.CLUSTER_SNAPSHOT else "DBSnapshot"
    asked = {
        f"Source{form}Identifier": part.arn,
        f"Target{form}Identifier": "one",
        "SourceRegion": AWAY,
        "CopyTags": False,
        "Tags": tag_list({Tag.ORIGIN: "one", Tag.VOLUME: "orders", **TAGS}),
        **({"KmsKeyId": key} if key else {}),
    }
    rds.add_response(f"copy_{'db_cluster' if 'Cluster' in form else 'db'}_snapshot", {}, asked)
    a_shelf(rds, **settings).copy(part, "one", TAGS)


def test_a_copy_within_a_region_needs_no_region(rds: Any) -> None:
    part = Part(
        PartType.DB_SNAPSHOT, "one", f"arn:aws:rds:{HOME}:{OTHER_ACCOUNT}:snapshot:one", HOME, Status.COMPLETE, {}
    )
    asked = {
        "SourceDBSnapshotIdentifier": part.arn,
        "TargetDBSnapshotIdentifier": "one",
        "CopyTags": False,
        "Tags": tag_list({Tag.ORIGIN: "one", Tag.VOLUME: "", **TAGS}),
    }
    rds.add_response("copy_db_snapshot", {}, asked)
    a_shelf(rds).copy(part, "one", TAGS)


def test_without_a_key_another_account_cannot_copy_what_is_encrypted(rds: Any) -> None:
    with pytest.raises(CannotCopy, match="set FleetCopyKmsKeyArn"):
        a_shelf(rds, account=OTHER_ACCOUNT).copy(a_part(**ENCRYPTED), "one", TAGS)


@BOTH
def test_a_snapshot_is_shared_unless_a_default_key_encrypts_it(rds: Any, *, cluster: bool) -> None:
    form, call = ("DBClusterSnapshot", "db_cluster_snapshot") if cluster else ("DBSnapshot", "db_snapshot")
    asked = {f"{form}Identifier": "one", "AttributeName": "restore", "ValuesToAdd": [OTHER_ACCOUNT]}
    rds.add_response(f"modify_{call}_attribute", {}, asked)
    with told("kms") as kms:
        for manager in ("CUSTOMER", "AWS"):
            key = {"KeyMetadata": {"KeyId": "k", "KeyManager": manager}}
            kms.add_response("describe_key", key, {"KeyId": "arn:own"})
        shelf = a_shelf(rds, kms=kms.client)
        shelf.share(a_part(cluster=cluster, **ENCRYPTED), OTHER_ACCOUNT)
        with pytest.raises(CannotCopy, match=r"one .* aws/rds.* move the database to a key of your own"):
            shelf.share(a_part(cluster=cluster, **ENCRYPTED), OTHER_ACCOUNT)


def a_snapshot(name: str, **more: Any) -> dict[str, Any]:
    return {
        "DBSnapshotIdentifier": name,
        "DBSnapshotArn": f"arn:aws:rds:{HOME}:{ACCOUNT}:snapshot:{name}",
        "DBInstanceIdentifier": "orders",
        "Status": "available",
        "AllocatedStorage": 20,
        "TagList": tag_list(TAGS),
        **more,
    }


def test_a_listing_goes_through_all_pages_and_leaves_out_what_is_being_deleted(rds: Any) -> None:
    asked = {"SnapshotType": "manual", "MaxRecords": 100}
    some = [a_snapshot("one", Status="failed"), a_snapshot("two", Status="deleting")]
    rds.add_response("describe_db_snapshots", {"DBSnapshots": some, "Marker": "2"}, asked)
    more = [
        a_snapshot("three", Status="copying", TagList=tag_list(TAGS | {Tag.ORIGIN: "one"})),
        a_snapshot("four", FullSnapshotSizeInBytes=12345, DbiResourceId="db-1", Encrypted=True, KmsKeyId="arn:own"),
    ]
    rds.add_response("describe_db_snapshots", {"DBSnapshots": more}, asked | {"Marker": "2"})
    rds.add_response("describe_db_cluster_snapshots", {"DBClusterSnapshots": []}, asked)
    failed, copying, complete = a_shelf(rds, home=OTHER_ACCOUNT).parts()
    assert (failed.status, failed.why) == (Status.FAILED, "the events of RDS may tell why")
    assert (copying.status, copying.size, copying.account) == (Status.PENDING, 20 * GIB, ACCOUNT)
    assert (complete.status, complete.size, complete.identity) == (Status.COMPLETE, 12345, "db-1")
    assert (complete.encrypted, complete.kms_key) == (True, "arn:own")


def test_copies_of_a_namesake_of_another_region_are_not_of_this_source(rds: Any) -> None:
    other = DATABASE.arn.replace(HOME, AWAY)
    snapshots = [a_snapshot(arn, TagList=tag_list(TAGS | {Tag.SOURCE: arn})) for arn in (DATABASE.arn, other)]
    asked = {"SnapshotType": "manual", "MaxRecords": 100, "DBInstanceIdentifier": "orders"}
    rds.add_response("describe_db_snapshots", {"DBSnapshots": snapshots}, asked)
    assert [part.id for part in a_shelf(rds).parts(other)] == [other]


def test_copies_that_are_being_made_are_counted(rds: Any) -> None:
    copy = tag_list(TAGS | {Tag.ORIGIN: "one"})
    snapshots = [
        a_snapshot("1", Status="creating"),
        *(a_snapshot(name, Status="copying", TagList=copy) for name in "23"),
    ]
    rds.add_response("describe_db_snapshots", {"DBSnapshots": [*snapshots, a_snapshot("4", TagList=copy)]})
    rds.add_response("describe_db_cluster_snapshots", {"DBClusterSnapshots": []})
    assert a_shelf(rds).copies_under_way() == 2


def test_the_clusters_of_other_services_are_none_of_rds(rds: Any) -> None:
    rds.add_response("describe_db_instances", {"DBInstances": []})
    clusters = [
        {
            "DBClusterIdentifier": engine,
            "DBClusterArn": f"arn:{engine}",
            "DbClusterResourceId": engine,
            "Engine": engine,
            "Status": "available",
        }
        for engine in ("docdb", "neptune", "aurora-mysql", "aurora-postgresql", "mysql", "postgres")
    ]
    rds.add_response("describe_db_clusters", {"DBClusters": clusters})
    found = [resource.name for resource in a_shelf(rds).resources()]
    assert found == ["aurora-mysql", "aurora-postgresql", "mysql", "postgres"]


@pytest.mark.parametrize(
    ("code", "message", "meant", "mend"),
    [
        ("SnapshotQuotaExceeded", "Cannot create more than 100 manual snapshots", LimitReached, "raise the quota"),
        ("Throttling", "Rate exceeded", LimitReached, ""),
        ("InvalidDBSnapshotState", "is not in the available state", NotAvailable, ""),
        ("DBSnapshotNotFound", "not found", ResourceGone, ""),
        ("KMSKeyNotAccessibleFault", "The key is not accessible", CannotCopy, "the key's policy"),
        ("InvalidParameterCombination", "requires a target option group with: TDE", CannotCopy, "by hand"),
    ],
)
def test_what_rds_answers_to_a_copy_is_understood(
    rds: Any, code: str, message: str, meant: type[Exception], mend: str
) -> None:
    rds.add_client_error("copy_db_snapshot", code, message)
    with pytest.raises(meant, match=f":one: {message}.*{mend}"):
        a_shelf(rds).copy(a_part(), "one", TAGS)


@pytest.mark.parametrize(
    ("resource", "code"), [(DATABASE, "InvalidDBInstanceState"), (CLUSTER, "InvalidDBClusterStateFault")]
)
def test_a_database_in_the_wrong_state_is_not_available(rds: Any, resource: Resource, code: str) -> None:
    call = "create_db_cluster_snapshot" if resource is CLUSTER else "create_db_snapshot"
    rds.add_client_error(call, code, "Instance orders is not currently in the available state.")
    with pytest.raises(NotAvailable, match="orders: Instance orders is not currently in the available state"):
        a_shelf(rds).create(resource, "one", TAGS)


@BOTH
def test_what_stands_in_the_way_of_a_deletion_is_told(rds: Any, *, cluster: bool) -> None:
    call, code = (
        ("db_cluster_snapshot", "InvalidDBClusterSnapshotStateFault")
        if cluster
        else ("db_snapshot", "InvalidDBSnapshotState")
    )
    rds.add_client_error(f"delete_{call}", code, "it is being created")
    with pytest.raises(Undeletable, match="one: it is being created"):
        a_shelf(rds).delete(a_part(cluster=cluster))


def test_what_may_not_be_done_is_no_answer_of_a_backup(rds: Any) -> None:
    shelf = a_shelf(rds)
    calls: dict[str, Callable[[], object]] = {
        "create_db_snapshot": lambda: shelf.create(DATABASE, "one", TAGS),
        "copy_db_snapshot": lambda: shelf.copy(a_part(), "one", TAGS),
        "modify_db_snapshot_attribute": lambda: shelf.share(a_part(), OTHER_ACCOUNT),
        "add_tags_to_resource": lambda: shelf.tag(a_part(), TAGS),
        "delete_db_snapshot": lambda: shelf.delete(a_part()),
        "describe_db_instances": lambda: shelf.describe(DATABASE),
    }
    for operation, call in calls.items():
        rds.add_client_error(operation, "AccessDenied", "You are not authorized")
        with pytest.raises(ClientError, match="AccessDenied"):
            call()
