"""What the fleet system backs up, what it does next, and what it finds wrong."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from holdfast.fleet import plan
from holdfast.fleet.model import Backup, Kind, Part, PartType, Place, Resource, Schedule, Status, Tag
from holdfast.fleet.plan import Asked, Checked, Copy, Create, Done, Failed, Finding, Seen, Severity, Step, Wait
from tests.unit.fleet.domain import (
    ABROAD,
    DUE,
    GIB,
    HOME,
    OTHER,
    SLOT,
    backup,
    bad,
    copied,
    good,
    instance,
    part,
    slot,
)

# Which resources


@pytest.mark.parametrize(
    ("told", "often"),
    [("daily", "daily"), ("weekly", "weekly"), (" Daily ", "daily"), ("WEEKLY", "weekly")],
)
def test_a_tag_tells_how_often(told: str, often: str) -> None:
    assert plan.how_often(instance(tags={"holdfast:backup": told}), include_all=False) is Schedule(often)


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ({}, "it has no tag holdfast:backup: daily or weekly protects it"),
        ({"holdfast:backup": "none"}, "its tag holdfast:backup is none"),
        ({"holdfast:backup": "hourly"}, "its tag holdfast:backup is 'hourly', which is none of daily, weekly, none"),
        ({"holdfast:backup": "a\nb"}, r"its tag holdfast:backup is 'a\nb', which is none of daily, weekly, none"),
        ({"Holdfast:Backup": "daily"}, "it has no tag holdfast:backup: daily or weekly protects it"),
    ],
)
def test_what_is_not_backed_up_says_why(tags: dict[str, str], why: str) -> None:
    assert plan.how_often(instance(tags=tags), include_all=False) == why


def test_include_all_backs_up_what_has_no_tag_and_nothing_that_has_another() -> None:
    assert plan.how_often(instance(), include_all=True) is Schedule.DAILY
    refused = plan.how_often(instance(tags={"holdfast:backup": "none"}), include_all=True)
    assert refused == "its tag holdfast:backup is none"


def test_an_instance_without_volumes_cannot_be_backed_up() -> None:
    diskless = replace(instance(tags={"holdfast:backup": "daily"}), volumes=())
    why = "it has no EBS volumes: what an instance store holds cannot be backed up"
    assert plan.how_often(diskless, include_all=True) == why


@pytest.mark.parametrize(
    ("schedule", "chosen"),
    [("daily", ["daily"]), ("weekly", ["daily", "weekly"]), ("manual", ["daily", "weekly"]), ("cleanup", [])],
)
def test_a_weekly_run_takes_the_daily_ones_along(schedule: str, chosen: list[str]) -> None:
    resources = [instance(tags={"holdfast:backup": often}) for often in ("daily", "weekly", "none")]
    found, unprotected = plan.choose(resources, Schedule(schedule), include_all=False)
    assert [one.tags["holdfast:backup"] for one in found] == chosen
    assert [one.why for one in unprotected] == ["its tag holdfast:backup is none"]


# What there is of backups


def test_parts_make_up_a_backup_by_source_run_and_place() -> None:
    weekly = slot(DUE, Schedule.WEEKLY)
    parts = [
        part("snap-2", of="vol-2", parts=2),
        part("snap-1", parts=2),
        part("snap-3", run=weekly, taken=DUE - timedelta(hours=1)),
        copied(part("snap-1")),
        copied(part("snap-1"), OTHER),
    ]
    assert [(one.place, [each.id for each in one.parts], one.slot) for one in plan.gather(parts)] == [
        (HOME, ["snap-3"], weekly),
        (ABROAD, ["snap-1-copy"], SLOT),
        (HOME, ["snap-1", "snap-2"], SLOT),
        (OTHER, ["snap-1-copy"], SLOT),
    ]


def test_an_image_comes_before_its_snapshots() -> None:
    one = backup(part("snap-1", parts=2), part("ami-1", type=PartType.IMAGE, of="i-1", parts=2))
    assert [each.id for each in one.parts] == ["ami-1", "snap-1"]


@pytest.mark.parametrize("tag", [Tag.SOURCE, Tag.RUN, Tag.KIND, Tag.TAKEN])
def test_what_has_lost_its_tags_belongs_to_no_backup(tag: str) -> None:
    assert plan.gather([part(without=[tag])]) == []


@pytest.mark.parametrize("value", ["", "x" * 256, "-", "2026", "ec2:volume", "daily-"])
@pytest.mark.parametrize("tag", [Tag.RUN, Tag.KIND, Tag.TAKEN])
def test_tags_that_hold_what_no_one_expects_stop_nothing(tag: str, value: str) -> None:
    there = plan.gather([part("snap-1", tags={tag: value}), part("snap-2", run=slot(DUE + timedelta(days=1)))])
    assert [one.id for one in there] == ["eu-west-1/i-1/daily-2026-11-22T02-00-00Z"]


@pytest.mark.parametrize("tag", [Tag.KIND, Tag.TAKEN, Tag.IDENTITY, Tag.PARTS])
def test_what_one_part_tells_no_more_the_others_do(tag: str) -> None:
    one = backup(part("snap-1", without=[tag], parts=2), part("snap-2", parts=2))
    assert one.status is Status.COMPLETE
    assert (one.kind, one.taken, one.tags[Tag.IDENTITY]) == (Kind.INSTANCE, DUE, "i-1")
    assert backup(part("snap-1", without=[tag], parts=2), part("snap-2", parts=3)).status is not Status.COMPLETE


def test_a_backup_is_as_old_as_its_oldest_part() -> None:
    one = backup(part("snap-1", taken=DUE + timedelta(minutes=10)), part("snap-2", taken=DUE))
    assert one.taken == DUE


def test_a_moment_without_a_zone_can_be_compared() -> None:
    naive = part("snap-1", run=slot(DUE), tags={Tag.TAKEN: "2026-11-21T02:00:00"})
    later = part("snap-2", run=slot(DUE + timedelta(days=1)))
    assert [one.parts[0].id for one in plan.gather([later, naive])] == ["snap-1", "snap-2"]


def test_the_backup_of_a_slot_is_found() -> None:
    there = [backup(part()), backup(part(run=slot(DUE + timedelta(days=1))))]
    assert plan.of_slot(there, instance(), SLOT) is there[0]
    assert plan.of_slot(there, instance(), slot(DUE, Schedule.WEEKLY)) is None
    assert plan.of_slot(there, replace(instance(), arn="arn:other"), SLOT) is None


# What is done next

ASKED = {"create": Asked(1, DUE, DUE)}


def next_step(seen: Seen, place: Place | None = None, minutes: float = 0) -> Step:
    return plan.next_step(seen, place, DUE + timedelta(minutes=minutes))


def test_what_is_not_there_is_begun() -> None:
    assert next_step(Seen(None)) == Create()


def test_what_a_listing_may_lack_is_not_begun_again() -> None:
    assert next_step(Seen(None, announced=ASKED), minutes=9.9) == Wait("a backup was asked for a moment ago")
    assert next_step(Seen(None, announced=ASKED), minutes=10) == Create()


def test_what_was_refused_is_asked_for_again_at_once() -> None:
    assert next_step(Seen(None, announced={"create": Asked(1, DUE, DUE, refused=True)})) == Create()


def test_what_is_being_made_is_waited_for() -> None:
    assert next_step(Seen(backup(part(status=Status.PENDING)))) == Wait("AWS is making it")


def test_nothing_is_waited_for_until_the_workflow_ends() -> None:
    mend = "the next run makes a new one; to have one now: holdfast fleet backup --resource NAME"
    pending = backup(part(status=Status.PENDING))
    assert next_step(Seen(pending, announced=ASKED), minutes=36 * 60 - 1) == Wait("AWS is making it")
    given_up = Failed("AWS is making it, and has been for 36 hours", mend)
    assert next_step(Seen(pending, announced=ASKED), minutes=36 * 60) == given_up
    copying = {**ASKED, "copy/snap-1": Asked(1, DUE + timedelta(hours=30), DUE + timedelta(hours=30))}
    seen = Seen(backup(part()), backup(copied(part(), status=Status.PENDING)), copying)
    assert next_step(seen, ABROAD, minutes=36 * 60) == Wait("AWS copies it to eu-central-1")
    assert isinstance(next_step(seen, ABROAD, minutes=66 * 60), Failed)


def test_what_failed_says_what_aws_says() -> None:
    mend = "the next run makes a new one; to have one now: holdfast fleet backup --resource NAME"
    failed = part(status=Status.FAILED, why="the key is disabled")
    assert next_step(Seen(backup(failed))) == Failed("snapshot snap-1 in eu-west-1 failed: the key is disabled", mend)
    assert next_step(Seen(backup(replace(failed, why="")))) == Failed("snapshot snap-1 in eu-west-1 failed", mend)


def test_a_volume_detached_before_the_backup_began_is_not_waited_for_for_ever() -> None:
    partial = Seen(backup(part(parts=2)), announced=ASKED)
    assert next_step(partial, minutes=9) == Wait("not all of its parts are listed yet")
    assert next_step(partial, minutes=10) == Failed(
        "1 of 2 parts of eu-west-1/i-1/daily-2026-11-21T02-00-00Z are there: the others were deleted, or a volume was"
        " detached before it was taken",
        "the next run makes a new one; to have one now: holdfast fleet backup --resource NAME",
    )


def test_without_a_place_for_copies_a_complete_backup_is_done() -> None:
    assert next_step(Seen(backup(part()))) == Done()


def test_what_is_complete_is_copied() -> None:
    assert next_step(Seen(backup(part())), ABROAD) == Copy((part(),))


def test_a_copy_that_a_listing_may_lack_is_not_begun_again() -> None:
    seen = Seen(backup(part()), announced={"copy/snap-1": Asked(1, DUE, DUE)})
    assert next_step(seen, ABROAD) == Wait("copies to eu-central-1 were asked for a moment ago")
    assert next_step(seen, ABROAD, minutes=10) == Copy((part(),))


def test_an_image_is_copied_and_its_snapshots_come_along() -> None:
    image = part("ami-1", type=PartType.IMAGE, parts=2)
    here = backup(image, part("snap-1", parts=2))
    assert next_step(Seen(here), ABROAD) == Copy((image,))
    assert next_step(Seen(here, backup(copied(image))), ABROAD) == Done()


def forty() -> list[Part]:
    return [part(f"snap-{number:02}", of=f"vol-{number:02}", parts=40) for number in range(40)]


def test_an_instance_with_forty_volumes_is_copied_as_the_limit_permits() -> None:
    parts = forty()
    here = backup(*parts)
    assert next_step(Seen(here), ABROAD) == Copy(tuple(parts[:20]))
    assert next_step(Seen(here, under_way=18), ABROAD) == Copy(tuple(parts[:2]))
    assert next_step(Seen(here, under_way=20), ABROAD) == Wait("eu-central-1 makes 20 copies at a time already")
    there = backup(*(copied(one) for one in parts[:39]))
    assert next_step(Seen(here, there, under_way=3), ABROAD) == Copy((parts[39],))
    assert next_step(Seen(here, backup(*map(copied, parts))), ABROAD) == Done()


@pytest.mark.parametrize(
    ("status", "step"),
    [
        (Status.PENDING, Wait("AWS copies it to eu-central-1")),
        (Status.COMPLETE, Done()),
        (
            Status.FAILED,
            Failed(
                "snapshot snap-1-copy in eu-central-1 failed",
                "the next run makes a new one; to have one now: holdfast fleet backup --resource NAME",
            ),
        ),
    ],
)
def test_copies_are_waited_for(status: Status, step: Step) -> None:
    assert next_step(Seen(backup(part()), backup(copied(part(), status=status))), ABROAD) == step


@pytest.mark.parametrize(
    ("status", "kind"), [(Status.PENDING, Wait), (Status.FAILED, Failed)], ids=["pending", "failed"]
)
def test_one_copy_that_is_not_complete_is_enough(status: Status, kind: type) -> None:
    parts = [part("snap-1", parts=2), part("snap-2", parts=2)]
    there = backup(copied(parts[0]), copied(parts[1], status=status))
    assert isinstance(next_step(Seen(backup(*parts), there), ABROAD), kind)


def test_a_copy_is_of_the_same_type_and_origin() -> None:
    namesake = copied(part(), type=PartType.DB_SNAPSHOT)
    assert plan.copy_of(part(), backup(namesake)) is None
    assert plan.copy_of(part("snap-2"), backup(copied(part()))) is None
    assert plan.copy_of(part(), backup(namesake, copied(part()))) == copied(part())


# Whether a backup is good


def check(
    here: Backup,
    there: Backup | None = None,
    *,
    discovered: Resource | None = None,
    present: Resource | None = None,
    last: Backup | None = None,
    place: Place | None = None,
    required: bool = True,
    gone: bool = False,
) -> list[tuple[str, str]]:
    discovered = discovered or instance()
    checked = Checked(here, there, discovered, None if gone else (present or discovered).identity, last)
    found = plan.find(checked, place, require_encryption=required)
    return [(one.severity.value, one.text) for one in found]


def test_a_good_backup_has_no_findings() -> None:
    assert check(backup(part()), backup(copied(part())), place=ABROAD, last=backup(part("snap-0"))) == []
    assert plan.is_good([Finding(Severity.NOTE, "a note")])
    assert not plan.is_good([Finding(Severity.NOTE, "a note"), Finding(Severity.FAULT, "a fault")])


def test_a_finding_survives_its_document() -> None:
    assert Finding(Severity.FAULT, "it is bad").as_json() == {"severity": "fault", "text": "it is bad"}


def test_a_partial_backup_is_not_good() -> None:
    assert check(backup(part(parts=2))) == [("fault", "eu-west-1/i-1/daily-2026-11-21T02-00-00Z is partial")]


def test_a_volume_without_a_snapshot_is_missing() -> None:
    found = check(backup(part(of="vol-1")), discovered=instance("vol-1", "vol-2"))
    assert found == [("fault", "volume vol-2 has no snapshot: was it detached when the run began?")]


def test_a_volume_attached_since_is_no_fault() -> None:
    assert check(backup(part("snap-1"), part("snap-2", of="vol-new"))) == []


@pytest.mark.parametrize("there", [None, backup(copied(part(), status=Status.PENDING)), backup(copied(part("snap-9")))])
def test_without_its_copy_a_backup_is_not_good(there: Backup | None) -> None:
    assert check(backup(part()), there, place=ABROAD) == [("fault", "snap-1 has no complete copy in eu-central-1")]


def test_plain_text_is_a_fault_where_encryption_is_required() -> None:
    plain = part(encrypted=False)
    assert check(backup(plain)) == [("fault", "not encrypted in eu-west-1: snap-1")]
    assert check(backup(plain), required=False) == [("note", "not encrypted in eu-west-1: snap-1")]
    assert check(backup(part()), backup(copied(part(), encrypted=False))) == [
        ("fault", "not encrypted in eu-central-1: snap-1-copy")
    ]


def database(**more: Any) -> Resource:
    told: dict[str, Any] = {"identity": "db-NEW", "size": 20 * GIB, **more}
    arn = "arn:aws:rds:eu-west-1:123456789012:db:orders"
    return Resource(arn, Kind.DATABASE, "eu-west-1", "orders", "available", **told)


def db_snapshot(of: Resource, **more: Any) -> Part:
    told: dict[str, Any] = {"type": PartType.DB_SNAPSHOT, "of": of.name, "identity": of.identity, **more}
    return part(resource=of, **told)


def test_a_snapshot_of_a_namesake_is_a_fault() -> None:
    here = backup(db_snapshot(database(identity="db-OLD")))
    assert check(here, discovered=database()) == [("fault", "snap-1 is of db-OLD, and db-NEW was to be backed up")]


def test_what_has_a_licence_is_good_only_as_an_image() -> None:
    found = plan.find(
        Checked(backup(part()), None, instance("vol-1"), instance().identity, None, "Windows"),
        None,
        require_encryption=False,
    )
    text = "it runs Windows, which can be restored of images alone: deploy with FleetImages=true"
    assert Finding(Severity.FAULT, text) in found


def test_a_source_that_is_gone_or_was_replaced_is_worth_a_note() -> None:
    here = backup(db_snapshot(database()))
    assert check(here, discovered=database(), gone=True) == [("note", "the source is gone since")]
    assert check(here, discovered=database(), present=database(identity="db-NEWER")) == [
        ("note", "the source was replaced since: it is db-NEWER now")
    ]


def test_a_database_made_again_is_not_compared_with_its_namesake() -> None:
    here, last = backup(db_snapshot(database(), size=GIB)), backup(db_snapshot(database(identity="db-OLD")))
    assert check(here, discovered=database(), last=last) == [("note", "the last backup is of a namesake")]


def test_half_the_size_of_the_last_is_implausible() -> None:
    last = backup(part(size=4_000, run=slot(DUE - timedelta(days=1))))
    assert check(backup(part(size=2_000)), last=last) == []
    assert check(backup(part(size=1_999)), last=last) == [
        ("fault", "it holds 1,999 bytes, less than half of the 4,000 of daily-2026-11-20T02-00-00Z")
    ]


def test_sizes_are_compared_whether_images_were_switched_on_or_off_between() -> None:
    image = part("ami-1", type=PartType.IMAGE, of="i-1", size=0, parts=2)
    here, last = part("snap-1", size=1, parts=2), backup(part(size=4_000, run=slot(DUE - timedelta(days=1))))
    assert [severity for severity, _ in check(backup(image, here), last=last)] == ["fault"]


def test_other_volumes_have_another_size() -> None:
    assert check(backup(part(size=1)), last=backup(part("snap-0", of="vol-0"))) == []


def test_what_holds_nothing_is_not_good() -> None:
    assert check(backup(part(size=0))) == [("fault", "AWS tells that it holds nothing")]


def test_of_a_cluster_aws_may_tell_no_size() -> None:
    cluster = replace(database(), kind=Kind.CLUSTER, size=0)
    one = db_snapshot(cluster, type=PartType.CLUSTER_SNAPSHOT, size=0)
    assert check(backup(one), discovered=cluster, last=backup(replace(one, size=GIB))) == []


def test_what_shrank_is_told_of_once() -> None:
    """The last is the last complete one, even if it was not found good: else nothing would be good ever again."""
    days = [DUE - timedelta(days=number) for number in range(4)]
    there = [
        backup(part(run=SLOT)),
        bad(days[1], status=Status.PENDING),
        bad(days[2]),
        good(days[3]),
    ]
    last = plan.last_before(there, instance(), SLOT)
    assert last is there[2]
    assert plan.last_before(there, instance(), slot(days[3])) is None
    assert plan.last_before(there, replace(instance(), arn="arn:other"), SLOT) is None


def test_a_bucket_of_which_nothing_may_be_known_is_named_with_the_reason() -> None:
    closed = replace(instance("vol-1"), kind=Kind.BUCKET, status="closed: its tags may not be read")
    assert plan.how_often(closed, include_all=True) == "it is closed: its tags may not be read"
