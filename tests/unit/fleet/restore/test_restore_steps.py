"""Restores from beginning to end, in memory: what there is afterwards."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from holdfast.fleet import naming
from holdfast.fleet.model import Place, digest_of
from holdfast.fleet.proof import Ledger
from holdfast.fleet.restore.model import Mark, NotRestorable, PieceType, Placement
from holdfast.fleet.restore.plan import Drills, Wanted
from holdfast.fleet.restore.prefix import TOGETHER
from holdfast.fleet.restore.prepare import unlike
from holdfast.fleet.restore.record import NoSuchRestore, Progress, Record, plan_key
from holdfast.fleet.restore.steps import NoDrills, NotAStep
from tests.fleets import ABROAD, BEGINNING, DAILY, HOME, KEY, RULES, House

DRILLS = Drills(HOME, 2, subnet="subnet-isolated", db_subnet_group="isolated")


def restored(house: House, resource: str, **asked: Any) -> dict[str, Any]:
    planned = house.plan(resource, **asked)
    return house.carry_out({"restore": planned.restore})


def test_an_instance_comes_back_as_it_was_described() -> None:
    house = House()
    settings = {"KeyName": "admins", "UserData": "IyEvYmluL3No", "DisableApiTermination": True}
    machine = house.account.instance(HOME, {**DAILY, "Name": "web"}, sizes=(8, 100), kms_key=KEY, **settings)
    house.back_up()
    house.account.remove(machine.arn)

    answer = restored(house, machine.id)

    assert answer["failed"] == []
    made = house.workshop.there()
    assert [one.piece.type for one in made] == [PieceType.INSTANCE]
    assert made[0].tags["Name"] == "web"
    assert made[0].tags["holdfast:backup"] == "daily"
    assert made[0].tags["holdfast:restored-from"] == f"{HOME}/{machine.id}/daily-2026-11-21T02-00-00Z"
    assert made[0].facts["volumes"] == "/dev/sdf 100 GiB, /dev/xvda 8 GiB"
    assert made[0].piece.request["KeyName"] == "admins"
    assert made[0].piece.request["UserData"] == "IyEvYmluL3No"
    assert made[0].settings == {"DisableApiTermination": {"Value": True}}


def test_an_instance_that_was_backed_up_as_an_image_is_run_from_it() -> None:
    house = House(replace(RULES, images=True))
    machine = house.account.instance(HOME, DAILY)
    house.back_up()
    answer = restored(house, machine.id)
    assert answer["failed"] == []
    image = next(part.id for part in house.account.all_parts() if part.type == "ami")
    assert house.workshop.there()[0].piece.request["ImageId"] == image


def test_a_database_comes_back_under_a_new_name() -> None:
    house = House()
    settings: dict[str, Any] = {
        "DBParameterGroupName": "tuned",
        "BackupRetentionPeriod": 14,
        "DeletionProtection": True,
    }
    database = house.account.database(HOME, "orders", DAILY, kms_key=KEY, **settings)
    house.back_up()
    house.account.remove(database.arn)

    answer = restored(house, "orders")

    assert answer["failed"] == []
    made = house.workshop.there()[0]
    assert made.id == "orders-restored-20261121-0200"
    assert made.piece.request["DBParameterGroupName"] == "tuned"
    assert made.settings == {"BackupRetentionPeriod": 14, "DeletionProtection": True}


def test_a_cluster_comes_back_with_its_members_the_writer_first() -> None:
    house = House()
    members = [
        {"DBInstanceIdentifier": "a-1", "DBInstanceClass": "db.r6g.large", "PromotionTier": 1, "IsWriter": False},
        {"DBInstanceIdentifier": "a-2", "DBInstanceClass": "db.r6g.xlarge", "PromotionTier": 0, "IsWriter": True},
    ]
    house.account.database(HOME, "aurora", DAILY, cluster=True, Members=members)
    house.workshop.making = timedelta(minutes=20)
    house.back_up()

    answer = restored(house, "aurora")

    assert answer["failed"] == []
    assert [(one.id, one.facts.get("class")) for one in house.workshop.there()] == [
        ("aurora-restored-20261121-0200", None),
        ("aurora-restored-20261121-0200-1", "db.r6g.xlarge"),
        ("aurora-restored-20261121-0200-2", "db.r6g.large"),
    ]


def test_in_another_region_it_is_told_which_network() -> None:
    house = House(replace(RULES, copies_to=Place(ABROAD)))
    machine = house.account.instance(HOME, DAILY, kms_key=KEY, KeyName="admins")
    house.back_up()
    with pytest.raises(NotRestorable, match="give --subnet"):
        house.plan(machine.id, Wanted(region=ABROAD))
    placement = Placement(subnet="subnet-dr", security_groups=("sg-dr",))
    answer = restored(house, machine.id, wanted=Wanted(region=ABROAD), placement=placement)
    assert answer["failed"] == []
    made = house.workshop.there()[0]
    assert (made.place, made.facts["subnet"]) == (Place(ABROAD), "subnet-dr")
    assert "KeyName" not in made.piece.request


def test_given_again_nothing_is_made_twice() -> None:
    house = House()
    machine = house.account.instance(HOME, DAILY)
    house.back_up()
    first, second = house.plan(machine.id), house.plan(machine.id)
    assert first == second
    for _ in range(2):
        assert house.carry_out({"restore": first.restore})["failed"] == []
    assert len(house.workshop.there()) == 1


def test_a_snapshot_that_is_gone_fails_before_anything_is_made() -> None:
    house = House()
    machine = house.account.instance(HOME, DAILY)
    house.back_up()
    planned = house.plan(machine.id)
    part = house.account.all_parts()[0]
    house.account.lose(part.id)
    answer = house.carry_out({"restore": planned.restore})
    assert answer["failed"] == [machine.id]
    assert f"{part.id} of {planned.items[0].backup} is not there, or not complete" in why(house, planned.restore)
    assert house.workshop.things == []


def why(house: House, restore: str) -> str:
    report = Record(house.documents, restore).report()
    assert report
    return str(report["items"][0]["why"])


def test_a_restore_that_failed_is_tried_again_by_the_same_command() -> None:
    house = House()
    machine = house.account.instance(HOME, DAILY)
    house.back_up()
    planned = house.plan(machine.id)
    house.workshop.worst = "impaired"
    assert house.carry_out({"restore": planned.restore})["failed"] == [machine.id]
    assert why(house, planned.restore) == (f"status checks: {house.workshop.there()[0].id}: impaired, and not ok")
    house.workshop.worst = "ok"
    assert house.carry_out({"restore": planned.restore})["failed"] == []
    assert len(house.workshop.there()) == 1


def test_it_waits_for_capacity_and_gives_up_after_hours() -> None:
    house = House()
    machine = house.account.instance(HOME, DAILY)
    house.back_up()
    house.workshop.full = True
    planned = house.plan(machine.id)
    assert house.carry_out({"restore": planned.restore})["failed"] == [machine.id]
    assert why(house, planned.restore) == "there is no capacity, for 12 hours"
    assert house.time - BEGINNING == timedelta(hours=12)


def test_a_name_that_is_taken_is_left_alone() -> None:
    house = House()
    house.account.database(HOME, "orders", DAILY)
    house.back_up()
    assert restored(house, "orders")["failed"] == []
    other = restored(house, "orders", placement=Placement(db_subnet_group="other"))
    assert other["failed"] == ["orders"]
    assert len(house.workshop.there()) == 1


def test_a_step_that_there_is_not() -> None:
    with pytest.raises(NotAStep, match="'dance' is no step of a restore"):
        House().do({"step": "dance"})


# Drills


def test_a_drill_leaves_nothing_but_its_entry() -> None:
    house = House(drills=DRILLS)
    machine = house.account.instance(
        HOME, {**DAILY, "Name": "web"}, kms_key=KEY, IamInstanceProfile="arn:aws:iam::123456789012:instance-profile/a"
    )
    house.account.database(HOME, "orders", DAILY, PubliclyAccessible=True, MultiAZ=True)
    house.back_up()
    house.pass_by(hours=3)
    house.workshop.making = timedelta(minutes=10)

    answer = house.carry_out({"drill": True, "due": house.time.isoformat()})

    assert (answer["failed"], answer["drill"]) == ([], True)
    assert timedelta(hours=3) <= timedelta(seconds=answer["rpo_seconds"]) < timedelta(hours=4)
    assert house.workshop.there() == []
    made = {one.piece.type: one for one in house.workshop.things}
    instance, database = made[PieceType.INSTANCE], made[PieceType.DATABASE]
    assert instance.facts["subnet"] == "subnet-isolated"
    assert instance.tags["Name"] == f"holdfast drill of {machine.id}"
    assert not {"IamInstanceProfile", "KeyName", "UserData", "SecurityGroupIds"} & instance.piece.request.keys()
    assert instance.tags["holdfast:backup"] == "none"
    assert database.piece.request["DBSubnetGroupName"] == "isolated"
    assert (database.piece.request["MultiAZ"], database.facts["public"]) == (False, False)
    verdict, entries = Ledger(house.documents).verify()
    assert (verdict.entries, verdict.broken) == (2, None)
    assert {entry["resource"]: entry["result"] for entry in entries} == {
        machine.arn: "passed",
        f"arn:aws:rds:{HOME}:123456789012:db:orders": "passed",
    }
    assert entries[0]["rto_seconds"] >= 600
    assert all(check["passed"] for entry in entries for check in entry["checks"])


def test_a_drill_that_fails_is_destroyed_too_and_told() -> None:
    house = House(drills=DRILLS)
    house.account.instance(HOME, DAILY)
    house.back_up()
    house.workshop.worst = "impaired"
    answer = house.carry_out({"drill": True, "due": house.time.isoformat()})
    assert len(answer["failed"]) == 1
    assert house.workshop.there() == []
    _, entries = Ledger(house.documents).verify()
    assert (entries[0]["result"], entries[0]["rto_seconds"]) == ("failed", None)
    assert entries[0]["why"].endswith("impaired, and not ok")


def test_a_drill_destroys_nothing_that_a_restore_has_made() -> None:
    house = House(drills=DRILLS)
    machine = house.account.instance(HOME, DAILY)
    house.back_up()
    restored(house, machine.id)
    house.carry_out({"drill": True, "due": house.time.isoformat()})
    assert [one.tags.get("holdfast:drill") for one in house.workshop.there()] == [None]


def test_who_was_drilled_least_recently_comes_next() -> None:
    house = House(drills=replace(DRILLS, most=1))
    first, second = (house.account.instance(HOME, DAILY) for _ in range(2))
    house.back_up()
    drilled = []
    for _ in range(3):
        house.pass_by(days=1)
        house.carry_out({"drill": True, "due": house.time.isoformat()})
        _, entries = Ledger(house.documents).verify()
        drilled.append(entries[-1]["resource"])
    assert drilled == [first.arn, second.arn, first.arn]


def test_a_drill_that_is_asked_for_twice_is_one() -> None:
    house = House(drills=DRILLS)
    house.account.instance(HOME, DAILY)
    house.back_up()
    due = house.time.isoformat()
    for _ in range(2):
        house.carry_out({"drill": True, "due": due})
    assert len(house.workshop.things) == 2  # an image, an instance
    assert Ledger(house.documents).verify()[0].entries == 1


def test_a_drill_that_cannot_be_planned_has_failed() -> None:
    house = House(drills=DRILLS)
    machine = house.account.instance(HOME, DAILY)
    run = house.back_up()
    del house.documents.stored[naming.description(digest_of(machine.arn), run)]
    answer = house.carry_out({"drill": True, "due": house.time.isoformat()})
    assert len(answer["failed"]) == 1
    _, entries = Ledger(house.documents).verify()
    assert "its description is gone" in entries[0]["why"]


def test_without_a_network_to_drill_in_nothing_is_drilled() -> None:
    with pytest.raises(NoDrills, match="FleetDrillSubnetId"):
        House().do({"step": "prepare", "drill": True, "started": BEGINNING.isoformat()})


def test_a_cluster_is_drilled_with_one_member() -> None:
    house = House(drills=DRILLS)
    house.account.database(HOME, "aurora", DAILY, cluster=True)
    house.back_up()
    house.workshop.making = house.workshop.removing = timedelta(minutes=5)
    assert house.carry_out({"drill": True, "due": house.time.isoformat()})["failed"] == []
    assert [one.piece.type for one in house.workshop.things] == [PieceType.CLUSTER, PieceType.DATABASE]
    assert house.workshop.there() == []


def test_what_ends_at_once_has_failed() -> None:
    house = House()
    machine = house.account.instance(HOME, DAILY)
    house.back_up()
    house.workshop.broken = "Client.InvalidKMSKey.InvalidState"
    planned = house.plan(machine.id)
    assert house.carry_out({"restore": planned.restore})["failed"] == [machine.id]
    assert why(house, planned.restore).endswith("failed: Client.InvalidKMSKey.InvalidState")


def test_what_somebody_removes_meanwhile_is_missed() -> None:
    house = House()
    machine = house.account.instance(HOME, DAILY)
    house.back_up()
    planned = house.plan(machine.id)
    house.do({"step": "prepare", "restore": planned.restore})
    item = {"restore": planned.restore, "item": planned.items[0].name}
    while house.do({"step": "provision", **item})["status"] != "done":
        pass
    told = f"{house.workshop.things[-1].id}: somebody has removed it"
    house.workshop.things.clear()
    assert house.do({"step": "configure", **item}) == {"status": "failed", "wait": 0, "why": told}
    assert house.do({"step": "validate", **item})["status"] == "failed"


@pytest.mark.parametrize("step", ["provision", "configure"])
@pytest.mark.parametrize(
    "changes",
    [
        {"request": {"IamInstanceProfile": {"Arn": "admins"}, "UserData": "IyEvYmluL3No"}},
        {"settings": [{"UserData": {"Value": "IyEvYmluL3No"}}]},
    ],
)
def test_a_plan_that_somebody_has_changed_is_not_carried_out(step: str, changes: dict[str, Any]) -> None:
    house = House()
    machine = house.account.instance(HOME, DAILY)
    house.back_up()
    planned = house.plan(machine.id)
    item = {"restore": planned.restore, "item": planned.items[0].name}
    while step == "configure" and house.do({"step": "provision", **item})["status"] != "done":
        pass
    made = len(house.workshop.things)
    told = planned.as_json()
    piece = told["items"][0]["pieces"][-1]
    piece |= {name: {**piece[name], **new} if name == "request" else new for name, new in changes.items()}
    house.documents.save(plan_key(planned.restore), told)
    answer = house.do({"step": step, **item})
    backup = planned.items[0].backup
    why = f"the plan of {planned.restore} asks for something else than {backup} and its description give"
    assert (answer["status"], answer["why"]) == ("failed", why)
    assert len(house.workshop.things) == made
    assert [one.settings for one in house.workshop.things] == [{}] * made


def test_a_plan_of_a_backup_that_is_gone_or_told_otherwise_is_not_carried_out() -> None:
    house = House()
    machine = house.account.instance(HOME, DAILY)
    run = house.back_up()
    planned = house.plan(machine.id)
    item = planned.items[0]
    assert unlike(house.fleet, planned, item) == ""
    other = replace(item, backup="another")
    assert unlike(house.fleet, planned, other) == f"there is no backup another of {machine.arn}"
    del house.documents.stored[naming.description(digest_of(machine.arn), run)]
    assert "its description is gone" in unlike(house.fleet, planned, item)


def test_an_image_that_somebody_else_has_made_stays() -> None:
    house = House()
    machine = house.account.instance(HOME, DAILY)
    house.back_up()
    planned = house.plan(machine.id)
    house.do({"step": "prepare", "restore": planned.restore})
    item = {"restore": planned.restore, "item": planned.items[0].name}
    while house.do({"step": "provision", **item})["status"] != "done":
        pass
    image = house.workshop.there(PieceType.IMAGE)[0]
    image.tags = {Mark.RESTORE: "another"}
    assert house.do({"step": "configure", **item})["status"] == "done"
    assert house.workshop.there(PieceType.IMAGE) == [image]


def test_an_error_that_nobody_expected_is_told() -> None:
    house = House()
    machine = house.account.instance(HOME, DAILY)
    house.back_up()
    planned = house.plan(machine.id)
    item = {"restore": planned.restore, "item": planned.items[0].name}
    error = {"Error": "UnauthorizedOperation", "Cause": "you may not"}
    for _ in range(2):
        assert house.do({"step": "failed", **item, "error": error})["why"] == "UnauthorizedOperation: you may not"
    house.do({"step": "report", "restore": planned.restore})
    assert why(house, planned.restore) == "UnauthorizedOperation: you may not"


def test_a_drill_that_cannot_be_removed_is_told_and_failed() -> None:
    house = House(drills=DRILLS)
    machine = house.account.instance(HOME, DAILY)
    house.back_up()
    house.workshop.removing = timedelta(days=9)
    answer = house.carry_out({"drill": True, "due": house.time.isoformat()})
    assert answer["failed"] == [machine.id]
    assert answer["summary"] == (
        f"drill of 2026-11-21T02:00:00Z: 1 of 1 drilled and found good; still there, remove by hand: {machine.id}"
    )
    assert Ledger(house.documents).verify()[1][0]["result"] == "passed"


def test_an_error_of_destroying_does_not_undo_what_a_drill_showed() -> None:
    house = House(drills=DRILLS)
    house.account.instance(HOME, DAILY)
    house.back_up()
    house.carry_out({"drill": True, "due": house.time.isoformat()})
    restore = next(key for key in house.documents.keys("restores/")).split("/")[1]
    item = {"restore": restore, "item": Record(house.documents, restore).plan().items[0].name}
    house.do({"step": "failed", **item, "error": {"Error": "a", "Cause": "b"}})
    progress = Record(house.documents, restore).progress(item["item"])
    assert progress
    assert (progress.status, progress.why) == ("done", None)


def test_a_drill_without_a_moment_is_of_when_it_started() -> None:
    house = House(drills=DRILLS)
    told = {"step": "prepare", "drill": True, "due": "<aws.scheduler.scheduled-time>"}
    answer = house.do({**told, "started": "2026-11-21T04:00:00Z"})
    assert (answer["stages"], answer["drill"]) == ([], True)
    assert answer["restore"].startswith("drill-20261121T040000Z-")


def test_a_restore_that_nobody_planned() -> None:
    with pytest.raises(NoSuchRestore, match="there is no restore r: holdfast fleet restore plans one"):
        House().do({"step": "prepare", "restore": "r"})


# Objects


def test_a_prefix_is_copied_as_far_as_time_permits() -> None:
    house = House()
    house.known_bucket("photos", "photos-replica")
    for number in range(TOGETHER * 2 + 1):
        house.versions.put("photos-replica", f"{number:05}", "body", house.time)
    planned = house.plan("photos")
    item = {"restore": planned.restore, "item": planned.items[0].name}
    answers: list[dict[str, Any]] = []
    for step in ("provision", "validate"):
        while not answers or answers[-1]["status"] == "waiting" or answers[-1]["step"] != step:
            answers.append({"step": step, **house.restore({"step": step, **item}, time_left=lambda: False)})
        assert house.do({"step": step, **item})["status"] == "done"
    assert [answer["why"] for answer in answers] == [
        *["there is more to copy"] * 3,
        "",
        *["there is more to look at"] * 3,
        "",
    ]
    assert house.versions.copies == TOGETHER * 2 + 1
    assert house.do({"step": "configure", **item})["status"] == "done"


@pytest.mark.parametrize(
    ("changes", "tags", "why"),
    [
        ({"to": "ours"}, {"holdfast:stack": "any"}, "ours is a bucket of Holdfast's own: restore to another bucket"),
        ({"to": "ours"}, {"application": "holdfast"}, "ours is a bucket of Holdfast's own: restore to another bucket"),
        ({"to": "ours"}, {"application": "shop"}, ""),
        ({"to": "photos"}, {"application": "holdfast"}, ""),
        ({"to": "videos-replica"}, {}, "videos-replica is a replica itself: restore to another bucket"),
        ({"replica": "secrets"}, {}, "secrets is not the replica of photos"),
    ],
)
def test_what_holdfast_keeps_backups_in_is_not_restored_into(
    changes: dict[str, str], tags: dict[str, str], why: str
) -> None:
    house = House()
    for name in ("photos", "videos"):
        house.known_bucket(name, f"{name}-replica")
    house.versions.put("photos-replica", "a", "body", house.time)
    planned = house.plan("photos")
    told = planned.as_json()
    told["items"][0]["prefix"] |= changes
    house.versions.tagged[told["items"][0]["prefix"]["to"]] = tags
    house.documents.save(plan_key(planned.restore), told)
    answer = house.do({"step": "provision", "restore": planned.restore, "item": planned.items[0].name})
    assert (answer["status"], answer["why"]) == ("failed" if why else "done", why)
    assert house.versions.copies == (0 if why else 1)


def test_what_is_changed_after_it_was_copied_is_found() -> None:
    house = House()
    house.known_bucket("photos", "photos-replica")
    for name in ("a", "b"):
        house.versions.put("photos-replica", name, "body", house.time)
    planned = house.plan("photos")
    item = {"restore": planned.restore, "item": planned.items[0].name}
    house.do({"step": "provision", **item})
    house.versions.put("photos", "a", "another body", house.time)
    house.versions.delete("photos", "b", house.time)
    assert house.do({"step": "validate", **item})["why"] == (
        "2 objects are not as they were: the first is 'a': it has 12 bytes there, and had 4"
    )


def test_what_somebody_else_writes_is_taken_for_no_copy() -> None:
    house = House()
    house.known_bucket("photos", "photos-replica")
    for name in ("a", "b"):
        house.versions.put("photos-replica", name, "body", house.time)
    planned = house.plan("photos")
    item = {"restore": planned.restore, "item": planned.items[0].name}
    house.pass_by(hours=1)
    house.versions.put("photos", "a", "BODY", house.time)
    house.do({"step": "provision", **item})
    house.versions.put("photos", "b", "BODY", house.time)
    house.do({"step": "validate", **item})
    progress = Record(house.documents, planned.restore).progress(item["item"])
    assert progress
    assert [key for key, _ in progress.copied.refused] == ["a"]
    assert progress.looked.refused == tuple((key, "something else, as large, is there") for key in ("a", "b"))


def test_what_a_listing_shows_late_is_destroyed_too() -> None:
    house = House(drills=DRILLS)
    house.account.instance(HOME, DAILY)
    house.back_up()
    house.workshop.lag = timedelta(seconds=100)
    prepared = house.do({"step": "prepare", "drill": True, "due": house.time.isoformat()})
    item = {"restore": prepared["restore"], "item": prepared["stages"][0]["items"][0]}
    while not any(one.piece.type is PieceType.INSTANCE for one in house.workshop.things):
        house.pass_by(seconds=house.do({"step": "provision", **item})["wait"])
    house.do({"step": "failed", **item, "error": {"Error": "Lambda.Unknown", "Cause": "it died"}})
    while (answer := house.do({"step": "destroy", **item}))["status"] == "waiting":
        house.pass_by(seconds=answer["wait"])
    assert house.workshop.there() == []


def test_how_an_item_ended_is_what_the_first_found() -> None:
    record = Record(House().documents, "r")
    begun = Progress("begun", BEGINNING)
    record.save("it", begun)
    done = replace(begun, status="done", ended=BEGINNING)
    assert record.end("it", done) == done
    assert record.end("it", begun.failed("it is gone", "look", BEGINNING)) == done
    record.destroyed("it", done, BEGINNING)
    record.save("it", begun)  # who came too late
    assert record.progress("it") == replace(done, destroyed=BEGINNING)
    record.save("it", replace(begun, attempt=2))
    assert record.progress("it") == replace(begun, attempt=2)
