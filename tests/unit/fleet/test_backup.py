"""How a backup is brought on: nothing twice, nothing waited for for ever."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.adapters.memory_fleet import MemoryShelf
from holdfast.fleet.model import Keep, PartType, Place, Service, Tag
from holdfast.fleet.ports import CannotCopy
from tests.unit.fleet.domain import ABROAD, DAILY, HOME, OTHER, OWN_KEY, Estate, digests

RUN = "daily-2026-11-21T02-00-00Z"


class Crash(BaseException):
    """The function is gone."""


def an_estate(sizes: tuple[int, ...] = (8,), **more: Any) -> tuple[Estate, str]:
    """An instance, discovered; its digest."""
    estate = Estate(**more)
    estate.account.instance("eu-west-1", DAILY, sizes=sizes, kms_key=OWN_KEY)
    (digest,) = digests(estate.discover())
    return estate, digest


def a_database(**more: Any) -> tuple[Estate, str]:
    estate = Estate(**more)
    estate.account.database("eu-west-1", "orders", DAILY, kms_key=OWN_KEY)
    (digest,) = digests(estate.discover())
    return estate, digest


def dies_before(estate: Estate, call: str) -> None:
    def hook(called: str, *_: str) -> None:
        if called == call:
            estate.hook = lambda *_: None
            raise Crash

    estate.hook = hook


def dies_after_creating(estate: Estate) -> None:
    """The function is gone once AWS has made the snapshots."""
    shelf_of = estate.shelf

    class Dying(MemoryShelf):
        def create(self, *what: Any) -> None:
            super().create(*what)
            raise Crash

    def shelf(service: Service, place: Place) -> MemoryShelf:
        estate.shelf = shelf_of  # type: ignore[method-assign]
        return Dying(estate.account, "ec2", place.region)

    estate.shelf = shelf  # type: ignore[method-assign]


# One backup


def test_a_backup_is_tagged_with_all_that_tells_what_it_is() -> None:
    estate, digest = an_estate(sizes=(8, 20))
    assert estate.step(RUN, digest) == {"status": "waiting", "wait": 60, "why": "it was asked for"}
    parts = estate.account.all_parts()
    machine = next(iter(estate.account.machines.values()))
    assert [part.of for part in parts] == [volume.id for volume in machine.volumes]
    assert parts[0].tags == {
        Tag.STACK: "holdfast",
        Tag.SYSTEM: "fleet",
        Tag.SOURCE: machine.arn,
        Tag.KIND: "ec2:instance",
        Tag.IDENTITY: machine.id,
        Tag.SCHEDULE: "daily",
        Tag.RUN: RUN,
        Tag.SET: "2026-11-21T02-00-00Z",
        Tag.TAKEN: "2026-11-21T02:00:00+00:00",
        Tag.PARTS: "2",
        Tag.RETENTION: "yearly",
        Tag.EXPIRY: "2029-01-01T00:00:00+00:00",
    }
    assert estate.document(f"descriptions/{digest}/{RUN}.json")["InstanceId"] == machine.id
    assert estate.step(RUN, digest) == {"status": "done", "wait": 0, "why": ""}


def test_an_image_is_one_part_more() -> None:
    estate, digest = an_estate(images=True)
    estate.step(RUN, digest)
    assert [(part.type, part.tags[Tag.PARTS]) for part in estate.account.all_parts()] == [
        (PartType.IMAGE, "2"),
        (PartType.SNAPSHOT, "2"),
    ]


def test_what_takes_long_is_waited_for() -> None:
    estate, digest = an_estate()
    estate.account.taking = timedelta(minutes=3)
    estate.step(RUN, digest)
    assert estate.step(RUN, digest) == {"status": "waiting", "wait": 60, "why": "AWS is making it"}
    estate.later(minutes=3)
    assert estate.step(RUN, digest)["status"] == "done"


# Once


def test_a_listing_that_lags_makes_no_second_backup() -> None:
    estate, digest = an_estate()
    estate.account.lag = timedelta(minutes=9)
    for _ in range(9):
        assert estate.step(RUN, digest)["status"] == "waiting"
        estate.later(minutes=1)
    assert estate.step(RUN, digest)["status"] == "done"
    assert len(estate.ids()) == 1


@pytest.mark.parametrize("call", ["load", "parts", "keys", "describe", "save", "add", "create"])
def test_who_dies_before_a_call_comes_again_and_makes_one(call: str) -> None:
    estate, digest = an_estate(sizes=(8, 8))
    dies_before(estate, call)
    with pytest.raises(Crash):
        estate.step(RUN, digest)
    assert estate.finish(RUN, digest) == "verified"
    assert len(estate.ids()) == 2


def test_who_dies_after_creating_comes_again_and_makes_none() -> None:
    estate, digest = an_estate()
    estate.account.lag = timedelta(minutes=1)
    dies_after_creating(estate)
    with pytest.raises(Crash):
        estate.step(RUN, digest)
    assert estate.step(RUN, digest)["why"] == "a backup was asked for a moment ago"
    assert estate.finish(RUN, digest) == "verified"
    assert len(estate.ids()) == 1


def test_two_executions_at_once_make_one() -> None:
    """EventBridge Scheduler may start a run twice."""
    estate, digest = an_estate(copies=ABROAD)
    answers = []

    def other(call: str, *_: str) -> None:
        if call in {"add", "create", "copy"}:
            hook, estate.hook = estate.hook, lambda *_: None
            answers.append(estate.step(RUN, digest)["why"])
            estate.hook = hook

    estate.account.lag = timedelta(seconds=90)
    estate.hook = other
    assert estate.finish(RUN, digest) == "verified"
    assert (len(estate.ids(HOME)), len(estate.ids(ABROAD))) == (1, 1)
    assert "it was asked for" in answers


def test_of_two_that_announce_at_once_one_asks() -> None:
    estate, digest = an_estate()

    def other(call: str, *_: str) -> None:
        if call == "add":
            estate.hook = lambda *_: None
            estate.step(RUN, digest)

    estate.hook = other
    assert estate.step(RUN, digest)["why"] == "another execution of the run asks for it"
    assert len(estate.ids()) == 1


def test_a_second_run_of_the_same_slot_makes_nothing() -> None:
    estate, digest = an_estate()
    estate.finish(RUN, digest)
    estate.later(days=1)
    estate.discover(due="2026-11-21T02:00:00Z")
    assert estate.step(RUN, digest)["status"] == "done"
    assert len(estate.ids()) == 1


def test_a_weekly_and_a_daily_run_of_one_day_are_two_backups() -> None:
    estate, digest = an_estate()
    estate.finish(RUN, digest)
    weekly = estate.discover("weekly")["run"]
    assert estate.finish(weekly, digest) == "verified"
    assert [part.tags[Tag.RETENTION] for part in estate.account.all_parts()] == ["yearly", "daily"]


# What does not go well


def test_a_database_that_is_not_available_is_tried_again_and_then_failed() -> None:
    estate, digest = a_database()
    database = next(iter(estate.account.databases.values()))
    database.state = "modifying"
    assert estate.step(RUN, digest) == {"status": "waiting", "wait": 60, "why": "orders is modifying"}
    estate.later(minutes=59)
    assert estate.step(RUN, digest)["status"] == "waiting"
    estate.later(minutes=1)
    assert estate.step(RUN, digest)["status"] == "failed"
    told = estate.result(RUN, digest)
    assert (told["status"], told["why"], told["seconds"]) == ("failed", "orders is modifying, for 60 minutes", 3600)
    assert told["mend"] == "see why, then run: holdfast fleet backup --resource NAME"
    database.state = "available"
    assert estate.finish(RUN, digest) == "verified"
    assert (estate.result(RUN, digest)["status"], len(estate.ids())) == ("done", 1)


def test_patience_begins_when_it_is_the_resources_turn() -> None:
    estate, digest = a_database()
    next(iter(estate.account.databases.values())).state = "modifying"
    estate.later(hours=5)
    assert estate.step(RUN, digest)["status"] == "waiting"


def test_a_resource_that_is_gone_since_is_failed_at_once() -> None:
    estate, digest = a_database()
    estate.account.databases.clear()
    assert estate.step(RUN, digest)["status"] == "failed"
    assert estate.result(RUN, digest)["why"] == "since the run began: there is no database orders in eu-west-1 any more"


def test_a_snapshot_that_is_gone_before_it_is_copied_is_told_as_that() -> None:
    estate, digest = an_estate(copies=OTHER)
    estate.step(RUN, digest)
    (snapshot,) = estate.ids()
    estate.hook = lambda call, *_: estate.account.lose(snapshot) if call == "share" else None
    assert estate.step(RUN, digest)["why"] == f"since the run began: there is no {snapshot} in eu-west-1"


def test_a_volume_detached_since_the_run_began_fails_the_backup() -> None:
    estate, digest = an_estate(sizes=(8, 8))
    next(iter(estate.account.machines.values())).volumes.pop()
    assert estate.finish(RUN, digest) == "failed"
    assert "1 of 2 parts of" in estate.result(RUN, digest)["why"]
    estate.later(days=1)
    assert estate.run()["failed"] == []


def test_a_volume_attached_since_the_run_began_is_backed_up_too() -> None:
    estate, digest = an_estate(require_encryption=False)
    machine, more = next(iter(estate.account.machines.values())), estate.account.instance("eu-west-1")
    machine.volumes += more.volumes
    assert estate.finish(RUN, digest) == "verified"
    assert len(estate.ids()) == 2


def test_a_failed_snapshot_fails_the_backup_and_the_next_run_makes_another() -> None:
    estate, digest = an_estate()
    estate.step(RUN, digest)
    (failed,) = estate.ids()
    estate.account.fail(failed, "the key is disabled")
    assert estate.step(RUN, digest)["why"] == f"snapshot {failed} in eu-west-1 failed: the key is disabled"
    estate.later(days=1)
    assert estate.run()["failed"] == []
    assert len(estate.ids()) == 2


def test_images_may_be_switched_on_while_a_run_is_under_way() -> None:
    estate, digest = an_estate()
    estate.account.taking = timedelta(minutes=5)
    estate.step(RUN, digest)
    estate.images = True
    assert estate.finish(RUN, digest) == "verified"
    assert len(estate.ids()) == 1
    estate.later(days=1)
    assert estate.run()["failed"] == []
    assert [part.type for part in estate.account.all_parts()] == [
        PartType.SNAPSHOT,
        PartType.IMAGE,
        PartType.SNAPSHOT,
    ]


# Copies


@pytest.mark.parametrize("place", [ABROAD, OTHER], ids=["another region", "another account"])
@pytest.mark.parametrize("images", [False, True])
def test_a_complete_backup_is_copied_with_what_tells_its_origin(place: Place, images: bool) -> None:
    estate, digest = an_estate(copies=place, images=images)
    assert estate.finish(RUN, digest) == "verified"
    here = {part.id: part for part in estate.account.all_parts(HOME.region, estate.account.account)}
    copies = estate.account.all_parts(place.region, place.account or estate.account.account)
    assert len(copies) == len(here)
    origins = [here[part.tags[Tag.ORIGIN]] for part in copies if part.type is not PartType.SNAPSHOT or not images]
    for origin, copy in zip(origins, copies, strict=False):
        assert (copy.tags[Tag.RUN], copy.tags[Tag.TAKEN]) == (origin.tags[Tag.RUN], origin.tags[Tag.TAKEN])
    assert all(estate.verified(place))
    assert all(estate.verified(HOME))


def test_what_lives_where_copies_go_is_not_copied() -> None:
    estate, digest = an_estate(copies=HOME)
    assert estate.finish(RUN, digest) == "verified"
    assert len(estate.ids()) == 1


def test_forty_volumes_are_copied_as_the_limit_permits() -> None:
    estate, digest = an_estate(sizes=(1,) * 40, copies=ABROAD)
    estate.account.copying = timedelta(minutes=30)
    assert estate.finish(RUN, digest) == "verified"
    assert len(set(estate.ids(ABROAD))) == 40


def test_a_queue_that_moves_is_waited_for_however_long_it_takes() -> None:
    """Others may be faster each time that there is room."""
    estate, digest = an_estate(sizes=(1, 1), copies=ABROAD)
    estate.account.copies_at_once = 1
    estate.account.copying = timedelta(hours=3)
    assert estate.finish(RUN, digest) == "verified"
    assert len(estate.ids(ABROAD)) == 2


def test_a_limit_that_nothing_of_ours_is_under_is_waited_for_with_patience() -> None:
    estate, digest = an_estate(copies=ABROAD)
    estate.account.copies_at_once = 0
    assert estate.finish(RUN, digest) == "failed"
    assert estate.result(RUN, digest)["why"].endswith(", for 60 minutes")


def test_a_copy_that_cannot_be_made_says_what_there_is_and_what_to_do() -> None:
    estate = Estate(copies=OTHER)
    key = estate.account.default_key("rds", "eu-west-1")
    estate.account.database("eu-west-1", "orders", DAILY, kms_key=key)
    (digest,) = digests(estate.discover())
    assert estate.finish(RUN, digest) == "failed"
    told = estate.result(RUN, digest)
    assert told["why"].startswith("it has a backup in eu-west-1, and no copy: ")
    assert told["mend"] == (
        "have the source encrypted by a KMS key of your own, or let copies stay in this account: empty FleetCopyRoleArn"
    )
    assert estate.verified() == [False]


def test_an_origin_whose_copy_failed_is_failed_and_the_next_run_copies_its_own() -> None:
    estate, digest = an_estate(copies=ABROAD)
    estate.step(RUN, digest)
    estate.step(RUN, digest)
    (copy,) = estate.ids(ABROAD)
    estate.account.fail(copy, "the key of the copy is disabled")
    assert estate.finish(RUN, digest) == "failed"
    assert estate.verified(HOME) == [False]
    estate.later(days=1)
    assert estate.run()["failed"] == []
    assert estate.verified(HOME) == [False, True]


def test_a_legal_hold_goes_along_and_a_verification_does_not() -> None:
    estate, digest = an_estate()
    estate.finish(RUN, digest)
    estate.account.change(estate.ids()[0], tags={Tag.HOLD: "case 12", "Name": "web"})
    estate.copies = ABROAD
    estate.step(RUN, digest)
    (copy,) = estate.account.all_parts(ABROAD.region)
    assert copy.tags[Tag.HOLD] == "case 12"
    assert {"Name", Tag.VERIFIED}.isdisjoint(copy.tags)


def test_keeping_nothing_tags_with_the_least() -> None:
    estate, digest = an_estate(keep=Keep(0, 0, 0, 0))
    estate.step(RUN, digest)
    (part,) = estate.account.all_parts()
    assert (part.tags[Tag.RETENTION], part.tags[Tag.EXPIRY]) == ("daily", "2026-11-22T02:00:00+00:00")


# Buckets


def a_bucket(**more: Any) -> tuple[Estate, str]:
    estate = Estate(**{"copies": ABROAD, **more})
    estate.account.bucket("eu-west-1", "pictures", DAILY)
    estate.account.put("pictures", "one", "two")
    (digest,) = digests(estate.discover())
    return estate, digest


def test_a_bucket_is_replicated_and_what_was_there_before_copied() -> None:
    estate, digest = a_bucket()
    estate.account.replicating = timedelta(minutes=2)
    assert estate.step(RUN, digest)["why"] == "what was there before is being copied"
    estate.later(minutes=2)
    assert estate.finish(RUN, digest) == "verified"
    assert estate.account.buckets["pictures"].rule == "pictures-replica"
    assert list(estate.account.buckets["pictures"].jobs) == [f"{digest}-{RUN}"]


def test_a_second_run_begins_no_second_job() -> None:
    estate, digest = a_bucket()
    estate.finish(RUN, digest)
    estate.later(days=1)
    estate.run()
    assert [job for job in estate.account.buckets["pictures"].jobs if job] == [f"{digest}-{RUN}"]


def test_without_a_region_for_copies_a_bucket_cannot_be_backed_up() -> None:
    estate, digest = a_bucket(copies=None)
    assert estate.step(RUN, digest)["status"] == "failed"
    assert estate.result(RUN, digest)["mend"] == "set FleetCopyRegion, or tag the bucket holdfast:backup=none"


def test_a_job_that_failed_fails_the_backup_and_the_next_run_begins_another() -> None:
    estate, digest = a_bucket()
    estate.account.buckets["pictures"].job_fails = True
    assert estate.finish(RUN, digest) == "failed"
    estate.account.buckets["pictures"].job_fails = False
    estate.later(days=1)
    assert estate.run()["failed"] == []
    assert len(estate.account.buckets["pictures"].jobs) == 2


def test_what_was_written_while_there_was_no_rule_is_copied_by_another_job() -> None:
    estate, digest = a_bucket()
    estate.finish(RUN, digest)
    bucket = estate.account.buckets["pictures"]
    bucket.rule = ""
    estate.account.put("pictures", "three")
    estate.later(days=1)
    assert estate.run()["failed"] == []
    assert (bucket.rule, bucket.objects["three"].queued is not None) == ("pictures-replica", True)
    jobs = len(bucket.jobs)
    estate.later(days=1)
    estate.run()
    assert len(bucket.jobs) == jobs


def test_a_replica_that_is_somebody_elses_is_refused_with_patience() -> None:
    estate, digest = a_bucket()
    estate.account.bucket("eu-central-1", "pictures-replica", {"team": "web"})
    assert estate.step(RUN, digest)["why"] == "pictures-replica is somebody else's bucket"
    assert estate.finish(RUN, digest) == "failed"


def test_an_error_that_cannot_be_mended_here_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    estate, digest = an_estate(copies=ABROAD)
    monkeypatch.setattr(MemoryShelf, "copy", lambda *_: (_ for _ in ()).throw(CannotCopy("the key is gone")))
    assert estate.finish(RUN, digest) == "failed"
    assert estate.result(RUN, digest)["why"] == "it has a backup in eu-west-1, and no copy: the key is gone"
