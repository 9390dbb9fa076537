"""What the fleet system speaks of."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from holdfast.fleet.model import (
    Keep,
    Kind,
    NotARun,
    PartType,
    Place,
    Resource,
    Retention,
    Schedule,
    Service,
    Slot,
    Status,
    Tag,
    moment_of,
)
from tests.unit.fleet.domain import ABROAD, DUE, OTHER, backup, copied, instance, part


def test_a_slot_is_named_in_utc() -> None:
    clocks_ahead = DUE.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert str(Slot(clocks_ahead, Schedule.WEEKLY)) == "weekly-2026-11-21T02-00-00Z"
    assert Slot(clocks_ahead, Schedule.WEEKLY) == Slot.parse("weekly-2026-11-21T02-00-00Z")


@pytest.mark.parametrize(
    "text",
    ["", "daily", "yearly-2026-11-21T02-00-00Z", "daily-2026-11-21", "daily-../../x", "daily-2026-11-21T02-00-00Z/x"],
)
def test_what_names_no_run_is_refused(text: str) -> None:
    with pytest.raises(NotARun, match="daily-2026-11-21T02-00-00Z is one"):
        Slot.parse(text)


def test_a_name_of_a_run_is_spelt_in_one_way() -> None:
    assert str(Slot.parse("daily-2026-1-2T3-4-5Z")) == "daily-2026-01-02T03-04-05Z"


def test_a_kind_tells_its_service() -> None:
    assert [kind.service for kind in Kind] == [Service.EC2, Service.RDS, Service.RDS, Service.S3]


def test_a_resource_survives_its_document() -> None:
    resource = instance("vol-1", "vol-2", tags={"a\n": "\N{SNOWMAN}"}, size=3)
    assert Resource.of(resource.as_json()) == resource


def test_namesakes_in_two_regions_have_two_digests() -> None:
    there = Resource("arn:aws:rds:eu-central-1:1:db:x", Kind.DATABASE, "eu-central-1", "x", "available", "db-1")
    here = Resource("arn:aws:rds:eu-west-1:1:db:x", Kind.DATABASE, "eu-west-1", "x", "available", "db-2")
    cluster = Resource("arn:aws:rds:eu-west-1:1:cluster:x", Kind.CLUSTER, "eu-west-1", "x", "available", "cluster-1")
    assert len({there.digest, here.digest, cluster.digest}) == 3


@pytest.mark.parametrize("text", ["", "yes", "2026-13-01", "x" * 256])
def test_what_tells_no_moment_is_none(text: str) -> None:
    assert moment_of(text) is None


def test_a_moment_without_a_zone_is_in_utc() -> None:
    assert moment_of("2026-11-21T02:00:00") == moment_of("2026-11-21T02:00:00Z") == DUE


def test_a_place_in_another_account_tells_it() -> None:
    assert (str(ABROAD), str(OTHER)) == ("eu-central-1", "eu-west-1/999999999999")
    assert Place("eu-west-1") < Place("eu-west-1", "999999999999")


# Backups


def test_a_backup_is_named_by_place_source_and_run() -> None:
    assert backup(part()).id == "eu-west-1/i-1/daily-2026-11-21T02-00-00Z"
    assert backup(part()).region == "eu-west-1"


@pytest.mark.parametrize(
    ("statuses", "expected", "status"),
    [
        ([Status.COMPLETE], 1, Status.COMPLETE),
        ([Status.COMPLETE, Status.PENDING], 2, Status.PENDING),
        ([Status.COMPLETE, Status.PENDING], 3, Status.PENDING),
        ([Status.PENDING, Status.FAILED], 2, Status.FAILED),
        ([Status.COMPLETE], 2, Status.PARTIAL),
        ([Status.COMPLETE, Status.COMPLETE], 1, Status.COMPLETE),
    ],
)
def test_a_backup_is_complete_only_with_every_part(statuses: list[Status], expected: int, status: Status) -> None:
    parts = [part(f"snap-{number}", status=one, parts=expected) for number, one in enumerate(statuses)]
    assert backup(*parts).status is status


@pytest.mark.parametrize("count", ["", "three", "-1", "1.5", "²", "x" * 256])
def test_a_count_of_parts_that_somebody_has_changed_counts_for_nothing(count: str) -> None:
    one = backup(part("snap-1", tags={Tag.PARTS: count}), part("snap-2", parts=3))
    assert (one.expected, one.status) == (3, Status.PARTIAL)
    assert backup(part(tags={Tag.PARTS: count})).expected == 1


def test_a_backup_is_as_good_as_the_worst_of_its_parts() -> None:
    tagged, untagged = part("snap-1", parts=2, verified=True), part("snap-2", parts=2)
    assert backup(tagged, untagged).verified is None
    assert backup(tagged).verified is None
    assert backup(tagged, part("snap-2", parts=2, verified=True)).verified == DUE + timedelta(minutes=5)


def test_a_backup_was_verified_when_its_first_part_was() -> None:
    later = part("snap-2", tags={Tag.VERIFIED: (DUE + timedelta(hours=1)).isoformat()})
    at_once = part("snap-1", tags={Tag.VERIFIED: DUE.isoformat()})
    assert backup(later, at_once).verified == DUE


def test_a_pending_backup_is_not_good_whatever_its_tags_tell() -> None:
    assert backup(part(verified=True, status=Status.PENDING)).verified is None


@pytest.mark.parametrize("told", ["yes", "", "2026-11-21T01:59:59+00:00", "2026-11-20"])
def test_no_moment_or_one_before_it_was_taken_is_no_verification(told: str) -> None:
    assert backup(part(tags={Tag.VERIFIED: told})).verified is None


def test_a_moment_that_somebody_wrote_without_a_zone_is_one() -> None:
    assert backup(part(tags={Tag.VERIFIED: "2026-11-22"})).verified == datetime(2026, 11, 22, tzinfo=UTC)


def test_size_is_that_of_all_parts() -> None:
    image = part("ami-1", type=PartType.IMAGE, size=0, parts=3)
    assert backup(image, part("snap-1", size=3), part("snap-2", size=4)).size == 7


def test_a_copy_is_told_by_its_origin() -> None:
    assert not backup(part()).is_copy
    assert backup(copied(part())).is_copy


@pytest.mark.parametrize(("value", "held"), [("case 12", "case 12"), ("", "yes"), ("false", "false")])
def test_a_legal_hold_on_one_part_holds_all(value: str, held: str) -> None:
    assert backup(part("snap-1"), part("snap-2", tags={Tag.HOLD: value})).held == held
    assert backup(part("snap-1"), part("snap-2")).held == ""


def test_an_image_is_copied_instead_of_its_snapshots() -> None:
    image, snapshot = part("ami-1", type=PartType.IMAGE), part("snap-1")
    assert backup(image, snapshot).to_copy == (image,)
    assert backup(snapshot).to_copy == (snapshot,)


def test_how_many_are_kept_of_each_age() -> None:
    keep = Keep(1, 2, 3, 4)
    assert [keep.of(retention) for retention in reversed(Retention)] == [1, 2, 3, 4]
