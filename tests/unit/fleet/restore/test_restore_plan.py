"""What restores decide."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast.fleet.model import Backup, Kind, Part, PartType, Place, Schedule, Slot, Status, Tag
from holdfast.fleet.restore import order, plan, words
from holdfast.fleet.restore.model import (
    Entry,
    Item,
    Made,
    Mark,
    NotRestorable,
    Piece,
    PieceType,
    Placement,
    Plan,
    Prefix,
    State,
    There,
)
from holdfast.fleet.restore.plan import Drills, Wanted
from holdfast.fleet.restore.request import Request

HOME = "us-east-1"
AT = datetime(2026, 11, 21, 2, tzinfo=UTC)
SOURCE = f"arn:aws:ec2:{HOME}:123456789012:instance/i-1"
DATABASE = f"arn:aws:rds:{HOME}:123456789012:db:orders"
DAY = timedelta(days=1)


def a_backup(
    day: int = 0,
    source: str = SOURCE,
    place: Place | None = None,
    *,
    verified: bool = True,
    status: Status = Status.COMPLETE,
) -> Backup:
    taken = AT + day * DAY
    kind = Kind.INSTANCE if ":instance/" in source else Kind.DATABASE
    type_ = PartType.SNAPSHOT if kind is Kind.INSTANCE else PartType.DB_SNAPSHOT
    tags = {Tag.VERIFIED.value: taken.isoformat()} if verified else {}
    part = Part(type_, f"snap-{day}", f"arn:snap-{day}", HOME, status, tags, of="vol-1", size=5)
    return Backup(source, kind, place or Place(HOME), Slot(taken, Schedule.DAILY), taken, (part,))


# Which backup


@pytest.mark.parametrize(
    ("text", "named"),
    [(SOURCE, SOURCE), ("i-1", SOURCE), ("orders", DATABASE), ("arn:aws:s3:::photos", "arn:aws:s3:::photos")],
)
def test_a_source_is_named_by_its_arn_or_its_last_part(text: str, named: str) -> None:
    assert plan.source_named([SOURCE, DATABASE, SOURCE, "arn:aws:s3:::photos"], text) == named


def test_a_name_that_two_have_is_asked_for_again() -> None:
    other = DATABASE.replace(HOME, "eu-west-1")
    with pytest.raises(NotRestorable, match=f"'orders' names {other}, {DATABASE}: give one of these"):
        plan.source_named([DATABASE, other], "orders")


@pytest.mark.parametrize(
    ("wanted", "day"),
    [
        (Wanted(), 2),
        (Wanted(at=AT + DAY), 1),
        (Wanted(at=AT + DAY + timedelta(hours=5)), 1),
        (Wanted(slot=Slot(AT, Schedule.DAILY)), 0),
        (Wanted(unverified=True), 3),
        (Wanted(region="eu-west-1"), 1),
    ],
)
def test_the_newest_good_backup_is_chosen(wanted: Wanted, day: int) -> None:
    abroad = Place("eu-west-1")
    backups = [a_backup(0), a_backup(1), a_backup(2), a_backup(3, verified=False), a_backup(1, place=abroad)]
    backups.append(a_backup(9, DATABASE))
    assert plan.choose(backups, SOURCE, wanted).slot.due == AT + day * DAY


def test_of_two_the_one_at_home_is_chosen() -> None:
    theirs = a_backup(place=Place(HOME, "999999999999"))
    for backups in ([a_backup(), theirs], [theirs, a_backup()]):
        assert plan.choose(backups, SOURCE, Wanted()).place == Place(HOME)


def test_what_is_not_complete_is_never_chosen() -> None:
    backups = [a_backup(verified=False, status=Status.PENDING)]
    with pytest.raises(NotRestorable, match=r"^there is no complete backup of i-1 in us-east-1$"):
        plan.choose(backups, SOURCE, Wanted(unverified=True))
    with pytest.raises(NotRestorable, match=r"^there is no verified backup of i-1 in us-east-1$"):
        plan.choose(backups, SOURCE, Wanted())


def test_a_restore_has_one_name_for_the_same() -> None:
    name = plan.restore_id("My_data base/with a very long name that goes on", AT, "a", 1)
    assert name == plan.restore_id("My_data base/with a very long name that goes on", AT, "a", 1)
    assert name.startswith("My-data-base-with-a-very-long-na-20261121T020000Z-")
    assert name != plan.restore_id("My_data base/with a very long name that goes on", AT, "a", 2)


# What is asked of AWS

INSTANCE: dict[str, Any] = {
    "InstanceType": "t3.micro",
    "SubnetId": "subnet-1",
    "SecurityGroupIds": ["sg-1"],
    "RootDeviceName": "/dev/xvda",
    "Tags": {"Name": "web", "aws:autoscaling": "no", Mark.DRILL: "an old one"},
    "BlockDevices": [
        {
            "DeviceName": "/dev/xvda",
            "VolumeId": "vol-1",
            "VolumeType": "gp2",
            "Size": 8,
            "Iops": 100,
            "Encrypted": False,
            "DeleteOnTermination": False,
        }
    ],
}


def asked(description: Mapping[str, Any], backup: Backup | None = None, **placement: Any) -> Request:
    return Request("r", "it", backup or a_backup(), description, Placement(**placement))


def instance(description: Mapping[str, Any], backup: Backup | None = None, **placement: Any) -> Mapping[str, Any]:
    return order.item(asked(description, backup, **placement)).pieces[-1].request


def test_volumes_take_iops_only_of_types_that_do() -> None:
    ebs = instance(INSTANCE)["BlockDeviceMappings"][0]["Ebs"]
    assert ebs == {"VolumeType": "gp2", "VolumeSize": 8, "DeleteOnTermination": False, "SnapshotId": "snap-0"}
    faster = {**INSTANCE["BlockDevices"][0], "VolumeType": "gp3", "Throughput": 250}
    ebs = instance({**INSTANCE, "BlockDevices": [faster]})["BlockDeviceMappings"][0]["Ebs"]
    assert (ebs["Iops"], ebs["Throughput"]) == (100, 250)


def test_a_drill_keeps_no_volume() -> None:
    ebs = instance(INSTANCE, isolated=True, subnet="subnet-2")["BlockDeviceMappings"][0]["Ebs"]
    assert ebs["DeleteOnTermination"] is True


def test_tags_are_the_originals_as_far_as_there_is_room() -> None:
    tags = asked({**INSTANCE, "Tags": {f"t{number}": "x" for number in range(50)}}).tags
    assert len(tags) == 50
    assert asked(INSTANCE).tags == {
        "holdfast:restore": "r",
        "holdfast:item": "it",
        "holdfast:restored-from": "us-east-1/i-1/daily-2026-11-21T02-00-00Z",
        "Name": "web",
    }
    assert asked(INSTANCE, suffix="again").tags["Name"] == "web-again"


def test_what_it_may_do_comes_along_and_is_set_later() -> None:
    told = {
        **INSTANCE,
        "IamInstanceProfile": "arn:profile",
        "Monitoring": True,
        "SourceDestCheck": False,
        "Placement": {"Tenancy": "dedicated", "AvailabilityZone": "us-east-1a"},
        "MetadataOptions": {"HttpTokens": "required", "State": "applied"},
    }
    piece = order.item(asked(told, roles=(WEB,))).pieces[-1]
    assert piece.request["IamInstanceProfile"] == {"Arn": "arn:profile"}
    assert piece.request["Monitoring"] == {"Enabled": True}
    assert piece.request["MetadataOptions"] == {"HttpTokens": "required"}
    assert piece.request["Placement"] == {"Tenancy": "dedicated"}
    assert piece.settings == ({"SourceDestCheck": {"Value": False}},)


WEB = "arn:aws:iam::123456789012:role/web-*"


def test_where_no_role_may_be_given_it_has_no_profile_and_that_is_told() -> None:
    item = order.item(asked({**INSTANCE, "IamInstanceProfile": "arn:profile"}))
    assert "IamInstanceProfile" not in item.pieces[-1].request
    assert item.notes[0] == (
        "without its instance profile: deploy with its role in FleetRestoreRoleArns first, and it is restored with it"
    )


@pytest.mark.parametrize(("role", "given"), [("role/web-1", True), ("role/other", False)])
def test_monitoring_comes_back_if_its_role_may_be_given(role: str, given: bool) -> None:
    arn = f"arn:aws:iam::123456789012:{role}"
    told = {**ORDERS, "MonitoringInterval": 60, "MonitoringRoleArn": arn}
    item = order.item(asked(told, a_backup(source=DATABASE), roles=(WEB,)))
    monitored = ({"MonitoringInterval": 60, "MonitoringRoleArn": arn},)
    assert item.pieces[0].settings == (monitored if given else ())
    note = f"without enhanced monitoring: deploy with {arn} in FleetRestoreRoleArns first, and it is restored"
    assert (note in item.notes) is not given


def test_in_another_account_it_has_neither_profile_nor_keys() -> None:
    there = a_backup(place=Place("eu-west-1", "999999999999"))
    told = {**INSTANCE, "IamInstanceProfile": "arn:profile", "KeyName": "admins"}
    item = order.item(asked(told, there, subnet="subnet-2", security_groups=("sg-2",)))
    assert not {"IamInstanceProfile", "KeyName"} & item.pieces[-1].request.keys()
    assert item.place == Place("eu-west-1", "999999999999")


def test_a_volume_without_a_snapshot_is_named() -> None:
    other = {**INSTANCE["BlockDevices"][0], "VolumeId": "vol-2"}
    with pytest.raises(NotRestorable, match="has no snapshot of vol-2"):
        order.item(asked({**INSTANCE, "BlockDevices": [other]}))


def test_a_description_that_lacks_something_is_told() -> None:
    with pytest.raises(NotRestorable, match="tells no 'InstanceType'"):
        order.item(asked({name: INSTANCE[name] for name in INSTANCE if name != "InstanceType"}))


ORDERS: dict[str, Any] = {
    "Engine": "mysql",
    "EngineVersion": "8.0",
    "DBInstanceClass": "db.m6g.large",
    "AllocatedStorage": 500,
    "StorageType": "gp3",
    "Tags": {},
}


FASTER = ("Iops", "StorageThroughput", "DedicatedLogVolume")


@pytest.mark.parametrize(
    ("told", "faster"),
    [
        ({"Iops": 3000, "StorageThroughput": 125}, {}),
        ({"Iops": 12000, "StorageThroughput": 500}, {"Iops": 12000, "StorageThroughput": 500}),
        ({"StorageType": "io1", "Iops": 3000}, {"Iops": 3000}),
        ({"StorageType": "gp2", "Iops": 1500, "DedicatedLogVolume": False}, {}),
        ({"StorageType": "gp2", "DedicatedLogVolume": True}, {"DedicatedLogVolume": True}),
    ],
)
def test_a_database_is_as_fast_as_it_was(told: Mapping[str, Any], faster: Mapping[str, int]) -> None:
    request = order.item(asked({**ORDERS, **told}, a_backup(source=DATABASE))).pieces[0].request
    assert {name: request[name] for name in FASTER if name in request} == faster


def test_the_name_of_a_database_is_not_too_long() -> None:
    long = f"arn:aws:rds:{HOME}:123456789012:db:{'a' * 63}"
    request = order.item(asked(ORDERS, a_backup(source=long))).pieces[0].request
    assert request["DBInstanceIdentifier"] == "a" * 40 + "-restored-20261121-0200"


def test_a_cluster_that_is_not_auroras_brings_its_members_itself() -> None:
    told = {**ORDERS, "DBClusterInstanceClass": "db.m6gd.large", "Iops": 3000, "StorageType": "io1"}
    backup = replace(a_backup(source=DATABASE.replace(":db:", ":cluster:")), kind=Kind.CLUSTER)
    item = order.item(asked(told, backup))
    assert [piece.type for piece in item.pieces] == [PieceType.CLUSTER]
    assert item.pieces[0].request["DBClusterInstanceClass"] == "db.m6gd.large"
    assert item.storage == (("rds io1", 500 * 1024**3),)


# What is next


def a_made(piece: Piece, state: State = State.READY, **changes: Any) -> Made:
    tags = {Mark.RESTORE: "r", Mark.ITEM: "it", **changes.pop("tags", {})}
    return Made(piece.type, piece.name, f"id of {piece.name}", "arn", state, tags, **changes)


IMAGE = Piece(PieceType.IMAGE, "image", {}, temporary=True)
MACHINE = Piece(PieceType.INSTANCE, "machine", {}, expected={"health": "ok", "encrypted": True})
ITEM = Item("it", Kind.INSTANCE, SOURCE, Place(HOME), "b", AT, pieces=(IMAGE, MACHINE))


@pytest.mark.parametrize(
    ("made", "step"),
    [
        ([], plan.Make((IMAGE,))),
        ([a_made(IMAGE, State.MAKING)], plan.Wait("AWS makes image id of image")),
        ([a_made(IMAGE)], plan.Make((MACHINE,), "id of image")),
        ([a_made(IMAGE), a_made(MACHINE, State.MAKING)], plan.Wait("AWS makes instance id of machine")),
        ([a_made(MACHINE)], plan.Ready()),
        (
            [a_made(IMAGE, State.FAILED, why="no space")],
            plan.Failed(
                "image id of image failed: no space",
                "mend what it says; then another --name-suffix makes another. Remove this one by hand",
            ),
        ),
        (
            [a_made(MACHINE, tags={Mark.ITEM: "another"})],
            plan.Failed(
                "instance machine is there already: this restore has made it of another resource, whose name is the "
                "same, or begins as this one's",
                f"restore {SOURCE} by itself, with --resource and a --name-suffix",
            ),
        ),
        (
            [a_made(MACHINE, tags={Mark.RESTORE: "another"})],
            plan.Failed(
                "instance machine is there already, and this restore has not made it", "give another --name-suffix"
            ),
        ),
    ],
)
def test_what_is_made_next(made: list[Made], step: plan.Step) -> None:
    assert plan.next_step(ITEM, made, "r") == step


def test_an_image_of_somebody_else_is_used_for_nothing() -> None:
    theirs = a_made(IMAGE, tags={Mark.RESTORE: "another"})
    assert plan.next_step(ITEM, [theirs], "r") == plan.Failed(
        "image image is there already, and this restore has not made it", "give another --name-suffix"
    )
    assert plan.next_step(ITEM, [theirs, a_made(MACHINE)], "r") == plan.Ready()


def test_members_wait_for_their_cluster_and_are_made_together() -> None:
    cluster = Piece(PieceType.CLUSTER, "c", {})
    members = tuple(Piece(PieceType.DATABASE, f"c-{number}", {}) for number in (1, 2))
    item = replace(ITEM, kind=Kind.CLUSTER, pieces=(cluster, *members))
    assert plan.next_step(item, [a_made(cluster, State.MAKING)], "r") == plan.Wait("AWS makes cluster id of c")
    assert plan.next_step(item, [a_made(cluster)], "r") == plan.Make(members)
    assert plan.next_step(item, [a_made(cluster), a_made(members[0])], "r") == plan.Make(members[1:])


def test_databases_come_before_instances_and_those_before_buckets() -> None:
    kinds = [Kind.BUCKET, Kind.INSTANCE, Kind.CLUSTER, Kind.INSTANCE, Kind.DATABASE]
    staged = plan.stages(replace(ITEM, kind=kind) for kind in kinds)
    assert [[item.kind for item in stage] for stage in staged] == [
        [Kind.CLUSTER, Kind.DATABASE],
        [Kind.INSTANCE, Kind.INSTANCE],
        [Kind.BUCKET],
    ]
    assert plan.stages([ITEM]) == [[ITEM]]


# Whether it is what was backed up


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ([], [("there", False, "instance machine is gone")]),
        ([a_made(MACHINE, State.MAKING)], [("there", False, "instance machine is making")]),
        ([a_made(MACHINE, facts={"health": "initializing"})], None),
        (
            [a_made(MACHINE, facts={"health": "impaired"})],
            [
                ("health", False, "id of machine: impaired, and not ok"),
                ("encrypted", False, "id of machine: unknown, and not yes"),
            ],
        ),
        (
            [a_made(MACHINE, facts={"health": "ok", "encrypted": True})],
            [("health", True, "id of machine: ok"), ("encrypted", True, "id of machine: yes")],
        ),
    ],
)
def test_what_was_made_is_checked(made: list[Made], told: list[tuple[str, bool, str]] | None) -> None:
    checks = plan.checks(ITEM, made)
    assert (checks and [(check.name, check.passed, check.text) for check in checks]) == told


# What a drill removes


def test_a_drill_removes_what_is_its_own_and_nothing_else() -> None:
    mine = a_made(MACHINE, tags={Mark.DRILL: "r"})
    image = a_made(IMAGE, tags={Mark.DRILL: "r"})
    restored = replace(a_made(MACHINE), name="restored")
    others = replace(a_made(MACHINE, tags={Mark.DRILL: "other"}), name="others")
    sibling = replace(a_made(MACHINE, tags={Mark.DRILL: "r", Mark.ITEM: "sibling"}), name="sibling")
    decided = plan.removals([image, restored, others, mine, sibling], "r", "it")
    assert [(one.made.name, type(one).__name__, one.why) for one in decided] == [
        ("machine", "Remove", "drill r has made it"),
        ("others", "Spare", "it is of drill other"),
        ("restored", "Spare", "it has no tag holdfast:drill: no drill has made it"),
        ("sibling", "Spare", "it is of item sibling"),
        ("image", "Remove", "drill r has made it"),
    ]


def test_members_go_before_their_cluster() -> None:
    tags = {Mark.DRILL: "r"}
    pieces = [Piece(PieceType.CLUSTER, "c", {}), Piece(PieceType.DATABASE, "c-1", {})]
    decided = plan.removals([a_made(piece, tags=tags) for piece in pieces], "r", "it")
    assert [one.made.type for one in decided] == [PieceType.DATABASE, PieceType.CLUSTER]


def test_drills_take_turns_and_only_where_they_can() -> None:
    second = SOURCE.replace("i-1", "i-2")
    backups = [
        a_backup(0),
        a_backup(1),
        a_backup(2, verified=False),
        a_backup(0, second),
        a_backup(0, DATABASE),
        a_backup(5, SOURCE.replace("i-1", "i-3"), Place("eu-west-1")),
    ]
    everywhere = Drills(HOME, 3, "subnet", "group")
    turn = {SOURCE: AT + DAY, DATABASE: AT}
    assert [one.source for one in plan.to_drill(backups, turn, everywhere)] == [second, DATABASE, SOURCE]
    assert plan.to_drill(backups, turn, everywhere)[-1].slot.due == AT + DAY
    assert [one.source for one in plan.to_drill(backups, turn, replace(everywhere, most=1))] == [second]
    assert [one.source for one in plan.to_drill(backups, {}, Drills(HOME, 9, db_subnet_group="group"))] == [DATABASE]


# Objects of a bucket

PREFIX = Prefix("replica", "a/", "photos", "", AT)


def an_entry(key: str, hour: int, **changes: Any) -> Entry:
    return Entry(key, f"v{hour}", AT + timedelta(hours=hour), 5, "etag", **changes)


def test_of_each_key_the_version_of_the_moment_counts() -> None:
    entries = [
        an_entry("a", 3),
        an_entry("a", 1),
        an_entry("b", 2, is_marker=True),
        an_entry("b", 1),
        an_entry("c", 9),
        an_entry("d", 9, is_marker=True),
        an_entry("d", 0),
    ]
    found = plan.as_of(entries, AT + timedelta(hours=2))
    assert [(entry.key, entry.version) for entry in found] == [("a", "v1"), ("d", "v0")]


BEGAN = AT + timedelta(hours=5)
BEFORE, SINCE = There("other", 5, AT), There("other", 5, BEGAN)
OVER = "--overwrite writes over it"


@pytest.mark.parametrize(
    ("there", "same", "overwrite", "decided"),
    [
        (None, False, False, plan.Copy(an_entry("a", 0), None)),
        (BEFORE, True, True, plan.Keep()),
        (BEFORE, False, True, plan.Copy(an_entry("a", 0), BEFORE)),
        (SINCE, None, True, plan.Copy(an_entry("a", 0), SINCE)),
        (BEFORE, False, False, plan.Refuse(f"what is there is of 2026-11-21T02:00:00Z, and not the same: {OVER}")),
        (
            SINCE,
            None,
            False,
            plan.Refuse(f"what is there is of 2026-11-21T07:00:00Z, and nothing tells whether it is the same: {OVER}"),
        ),
    ],
)
def test_what_becomes_of_a_key(there: There | None, same: bool | None, *, overwrite: bool, decided: object) -> None:
    assert plan.decide(an_entry("a", 0), there, same, replace(PREFIX, overwrite=overwrite)) == decided


@pytest.mark.parametrize(
    ("there", "same", "why"),
    [
        (None, False, "it is not there"),
        (There("other", 6, BEGAN), False, "it has 6 bytes there, and had 5"),
        (BEFORE, True, ""),
        (SINCE, False, "something else, as large, is there"),
        (SINCE, None, ""),
        (BEFORE, None, "something else, as large, is there"),
    ],
)
def test_what_is_there_in_the_end_is_looked_at(there: There | None, same: bool | None, why: str) -> None:
    assert plan.wrong(an_entry("a", 0), there, same, BEGAN) == why


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (There("a", 5, AT), There("a", 5, BEGAN), True),
        (There("a", 5, AT), There("b", 5, AT), False),
        (There("a", 5, AT, "CRC:1", is_plain=False), There("b", 5, AT, "CRC:1"), True),
        (There("a", 5, AT, "CRC:1"), There("b", 5, AT, "CRC:2", is_plain=False), False),
        (There("a", 5, AT, "SHA:1"), There("b", 5, AT, "CRC:1", is_plain=False), None),
        (There("a", 5, AT, is_plain=False), There("b", 5, AT, is_plain=False), None),
        (There("a", 5, AT, is_plain=False), There("b", 6, AT, is_plain=False), False),
    ],
)
def test_objects_are_the_same_by_digest_or_checksum(one: There, other: There, same: bool | None) -> None:
    assert one.same(other) is same


# Documents


def test_a_plan_is_read_as_it_was_written() -> None:
    bucket = replace(ITEM, kind=Kind.BUCKET, prefix=PREFIX, pieces=(), storage=(("ebs gp3", 1),), notes=("a",))
    planned = Plan("r", "asked", (ITEM, bucket), ("a command",), drill=True)
    assert Plan.of(planned.as_json()) == planned


def test_a_cluster_and_a_drill_in_words() -> None:
    told = {**ORDERS, "Engine": "aurora-mysql", "Members": [{"DBInstanceClass": "c", "IsWriter": True}]}
    backup = replace(a_backup(source=DATABASE.replace(":db:", ":cluster:")), kind=Kind.CLUSTER)
    item = order.item(asked(told, backup, isolated=True, db_subnet_group="isolated"))
    name = item.pieces[0].name
    assert list(words.plan(Plan("r", "drill", (item,), drill=True), {}))[3:7] == [
        f"  make    cluster {name} of aurora-mysql 8.0 in subnet group 'isolated'",
        f"  make    database {name}-1 of class c",
        "  check   engine: aurora-mysql 8.0",
        "  check   class: c, public: no",
    ]
