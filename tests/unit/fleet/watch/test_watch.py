"""How old the newest good backup of each resource is, and which runs did not come."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from holdfast.adapters.memory_fleet import MemoryDocuments
from holdfast.fleet import measures, naming
from holdfast.fleet.model import CHOICE, Kind, Part, PartType, Resource, Schedule, Service, Slot, Status, Tag
from holdfast.fleet.run import Fleet
from holdfast.fleet.watch import plan
from holdfast.fleet.watch.run import METRICS, Watch

HOUR = timedelta(hours=1)
DAY = 24 * HOUR
BEGINNING = datetime(2026, 11, 1, 2, tzinfo=UTC)
RULES = plan.Rules(rpo=DAY, grace=6 * HOUR)


def resource(name: str, choice: str = "daily", kind: Kind = Kind.DATABASE, **told: Any) -> Resource:
    arn = f"arn:aws:x:eu-west-1:123456789012:{name}"
    return Resource(
        arn, kind, "eu-west-1", name, "available", **{"identity": f"id-{name}", **told}, tags={CHOICE: choice}
    )


@dataclass
class Estate:
    """What runs wrote down, and a shelf of backups."""

    documents: MemoryDocuments = field(default_factory=MemoryDocuments)
    shelf: list[Part] = field(default_factory=list)
    now: datetime = BEGINNING
    silent: set[Service] = field(default_factory=set)
    listeners: Callable[[], int] = lambda: 1

    def parts(self) -> Iterable[Part]:
        return self.shelf

    def discover(self, schedule: Schedule, *resources: Resource, unprotected: int = 0) -> str:
        run = str(Slot(self.now, schedule))
        told = {"run": run, "schedule": schedule.value, "due": self.now.isoformat()}
        left = [{"arn": str(number), "why": "no tag"} for number in range(unprotected)]
        self.documents.save(
            naming.discovered(run), {**told, "resources": [one.as_json() for one in resources], "unprotected": left}
        )
        return run

    def finish(self, run: str, *failed: str) -> None:
        told = {"finished": self.now.isoformat(), "failed": [{"name": name} for name in failed]}
        self.documents.save(naming.report(run), told)

    def back_up(self, of: Resource, *, verified: bool = True, **tags: str) -> None:
        stated: dict[str, str] = {
            Tag.SOURCE: of.arn,
            Tag.RUN: str(Slot(self.now, Schedule.DAILY)),
            Tag.KIND: of.kind,
            Tag.TAKEN: self.now.isoformat(),
            Tag.IDENTITY: of.identity,
            **({Tag.VERIFIED: (self.now + HOUR).isoformat()} if verified else {}),
        }
        name = f"{of.name}-{len(self.shelf)}"
        part = Part(PartType.DB_SNAPSHOT, name, name, "eu-west-1", Status.COMPLETE, {**stated, **tags})
        self.shelf.append(part)

    def watch(self, rules: plan.Rules = RULES) -> dict[str, Any]:
        backs_up: Any = SimpleNamespace(regions=("eu-west-1",), copies_to=None)
        shelf: Any = SimpleNamespace(parts=lambda: list(self.shelf))

        def shelf_of(service: Service, _: object) -> Any:
            if service in self.silent:
                raise ConnectTimeoutError(endpoint_url="https://aws")
            return shelf if service is Service.RDS else SimpleNamespace(parts=list)

        buckets: Any = None
        fleet = Fleet(
            "holdfast", backs_up, self.documents, shelf_of, buckets, map, lambda: self.now, lambda *_, **__: None
        )
        return Watch(fleet, rules, self.listeners)({})

    @property
    def status(self) -> dict[str, Any]:
        told: dict[str, Any] = self.documents.load(naming.STATUS)
        return told

    def ages(self) -> dict[str, int]:
        return {one["name"]: one["age_seconds"] // 3600 for one in self.status["resources"]}


@pytest.fixture
def estate() -> Estate:
    return Estate()


def test_nothing_is_known_before_the_first_run(estate: Estate) -> None:
    answer = estate.watch()
    assert answer == {
        "resources": 0,
        "over_target": 0,
        "max_age_seconds": 0,
        "missed": [],
        "unprotected": 0,
        "unseen": 0,
        "unheard": False,
        "ages": [],
    }
    assert estate.status["runs"]["daily"] == {"run": None, "finished": None, "failed": 0, "discovered": None}


def test_a_resource_is_as_old_as_its_newest_good_backup(estate: Estate) -> None:
    orders = resource("orders")
    estate.discover(Schedule.DAILY, orders)
    estate.back_up(orders)
    estate.now += DAY
    estate.back_up(orders)
    estate.now += HOUR
    estate.back_up(orders, verified=False)
    estate.now += HOUR
    answer = estate.watch()
    assert (answer["max_age_seconds"], answer["over_target"]) == (2 * 3600, 0)
    [told] = estate.status["resources"]
    assert (told["taken"], told["backup"]) == (
        (BEGINNING + DAY).isoformat(),
        "eu-west-1/orders/daily-2026-11-02T02-00-00Z",
    )


def test_a_daily_age_passes_the_interval_every_night_and_is_over_only_with_the_grace_gone(estate: Estate) -> None:
    orders = resource("orders")
    estate.discover(Schedule.DAILY, orders)
    estate.back_up(orders)
    estate.now += DAY + 6 * HOUR
    assert estate.watch()["over_target"] == 0
    estate.now += timedelta(seconds=1)
    assert estate.watch()["over_target"] == 1


def test_a_resource_without_a_good_backup_counts_from_when_it_was_first_seen(estate: Estate) -> None:
    orders = resource("orders")
    for _ in range(3):
        estate.discover(Schedule.DAILY, orders)
        estate.back_up(orders, verified=False)
        estate.watch()
        estate.now += DAY
    answer = estate.watch()
    assert (answer["max_age_seconds"], answer["over_target"]) == (3 * 86400, 1)
    assert estate.status["resources"][0]["verified"] is None


def test_a_backup_of_a_namesake_protects_nobody(estate: Estate) -> None:
    estate.back_up(resource("orders", identity="of former days"))
    estate.discover(Schedule.DAILY, resource("orders"))
    estate.now += DAY
    estate.watch()
    assert estate.status["resources"][0]["backup"] is None


def test_a_place_that_does_not_answer_is_told_and_the_others_are_measured(estate: Estate) -> None:
    orders = resource("orders")
    estate.discover(Schedule.DAILY, orders)
    estate.back_up(orders)
    estate.silent = {Service.EC2}
    estate.now += HOUR
    answer = estate.watch()
    assert (answer["unseen"], answer["max_age_seconds"]) == (1, 3600)
    [told] = estate.status["unseen"]
    assert (told["service"], told["place"]) == ("ec2", "eu-west-1")
    assert told["why"].startswith("ConnectTimeoutError")
    assert estate.status["resources"][0]["backup"] == "eu-west-1/orders/daily-2026-11-01T02-00-00Z"


def test_a_backup_that_cannot_be_seen_now_is_as_old_as_it_is(estate: Estate) -> None:
    orders, users = resource("orders"), resource("users")
    estate.discover(Schedule.DAILY, orders, users)
    estate.now += 2 * HOUR
    estate.back_up(orders)
    estate.watch()
    estate.silent = {Service.RDS}
    for _ in range(2):
        estate.now += HOUR
        estate.watch()
    assert estate.ages() == {"orders": 2, "users": 4}
    estate.silent, estate.shelf = {Service.EC2}, []
    estate.watch()
    assert estate.ages() == {"orders": 4, "users": 4}


def test_of_what_was_known_and_what_is_seen_the_newer_backup_counts(estate: Estate) -> None:
    orders = resource("orders")
    estate.discover(Schedule.DAILY, orders)
    estate.back_up(orders)
    estate.now += HOUR
    seen = {orders.arn: plan.Good("new", estate.now, estate.now)}
    known = {orders.arn: plan.Good("old", BEGINNING, BEGINNING), "other": plan.Good("other", BEGINNING, BEGINNING)}
    assert {arn: good.id for arn, good in plan.newer(seen, known).items()} == {orders.arn: "new", "other": "other"}
    assert {arn: good.id for arn, good in plan.newer(known, seen).items()} == {orders.arn: "new", "other": "other"}


def test_that_nobody_gets_the_alerts_is_told_with_what_to_do(estate: Estate) -> None:
    estate.watch()
    assert estate.status["unheard"] is None
    estate.listeners = lambda: 0
    assert estate.watch()["unheard"]
    assert estate.status["unheard"] == (
        "nobody gets the alerts: no subscription of FleetAlertTopic is confirmed, and there is no webhook; follow the"
        " link in the mail that AWS has sent, or deploy with AlertEmail, FleetAlertPhone, FleetSlackSecretArn or"
        " FleetPagerDutySecretArn"
    )


def test_whether_anybody_gets_the_alerts_may_not_be_known(estate: Estate) -> None:
    def refused() -> int:
        raise PermissionError("no")

    estate.listeners = refused
    estate.watch()
    assert estate.status["unheard"] is None
    assert estate.status["unseen"] == [{"service": "sns", "place": "FleetAlertTopic", "why": "PermissionError: no"}]


def test_a_weekly_resource_has_a_week(estate: Estate) -> None:
    logs = resource("logs", "weekly")
    estate.discover(Schedule.WEEKLY, logs, resource("orders"))
    estate.back_up(logs)
    estate.discover(Schedule.DAILY, resource("orders"))
    estate.now += 7 * DAY
    estate.watch()
    assert {one["name"]: one["over"] for one in estate.status["resources"]} == {"orders": True, "logs": False}


def test_what_is_no_longer_found_is_no_longer_watched(estate: Estate) -> None:
    estate.discover(Schedule.WEEKLY, resource("orders"), resource("logs", "weekly"))
    estate.now += HOUR
    estate.discover(Schedule.DAILY, resource("users"))
    estate.watch()
    assert estate.ages() == {"logs": 1, "users": 0}


def test_what_a_weekly_run_finds_first_is_watched_until_a_daily_one_comes(estate: Estate) -> None:
    estate.discover(Schedule.DAILY, resource("users"))
    estate.now += HOUR
    estate.discover(Schedule.WEEKLY, resource("users"), resource("orders"))
    estate.now += HOUR
    estate.watch()
    assert estate.ages() == {"users": 2, "orders": 1}


def test_a_resource_whose_tag_was_changed_since_is_not_watched_by_the_old_one(estate: Estate) -> None:
    estate.discover(Schedule.DAILY, resource("orders"), resource("odd", "sometimes"))
    estate.now += HOUR
    estate.discover(Schedule.WEEKLY, resource("orders", "weekly"))
    estate.watch()
    assert [(one["name"], one["schedule"]) for one in estate.status["resources"]] == [("orders", "weekly")]


def test_a_bucket_is_as_old_as_its_replica_was_found_to_be(estate: Estate) -> None:
    bucket, other = resource("media", kind=Kind.BUCKET), resource("logs", kind=Kind.BUCKET)
    estate.discover(Schedule.DAILY, bucket, other)
    told = {"replica": "media-holdfast", "taken": BEGINNING.isoformat(), "verified": BEGINNING.isoformat()}
    estate.documents.save(naming.bucket(bucket.digest), told)
    estate.documents.save(naming.bucket(other.digest), {**told, "verified": None})
    estate.now += HOUR
    estate.watch()
    assert {one["name"]: one["backup"] for one in estate.status["resources"]} == {
        "media": "media-holdfast",
        "logs": None,
    }


def test_a_run_that_did_not_come_is_missed_until_one_has_finished(estate: Estate) -> None:
    estate.watch()
    estate.now += DAY + 7 * HOUR
    assert estate.watch()["missed"] == ["daily"]
    estate.finish(estate.discover(Schedule.DAILY))
    assert estate.watch()["missed"] == []
    assert estate.status["runs"]["daily"]["run"] == "daily-2026-11-02T09-00-00Z"
    estate.now += 8 * DAY
    assert estate.watch()["missed"] == ["daily", "weekly"]
    assert estate.status["runs"]["daily"]["finished"] == (BEGINNING + DAY + 7 * HOUR).isoformat()


def test_a_run_that_began_and_never_finished_is_missed_too(estate: Estate) -> None:
    estate.finish(estate.discover(Schedule.DAILY), "orders")
    estate.watch()
    estate.now += DAY
    estate.discover(Schedule.DAILY, resource("orders"))
    estate.now += 7 * HOUR
    assert estate.watch()["missed"] == ["daily"]
    assert estate.status["runs"]["daily"]["discovered"] == "daily-2026-11-02T02-00-00Z"
    assert estate.status["runs"]["daily"]["failed"] == 1


def test_a_schedule_that_is_off_is_not_missed(estate: Estate) -> None:
    estate.watch()
    estate.now += 60 * DAY
    assert estate.watch(replace(RULES, schedules=(Schedule.WEEKLY,)))["missed"] == ["weekly"]


def test_what_was_discovered_long_ago_may_be_frozen_and_is_not_read(estate: Estate) -> None:
    run = estate.discover(Schedule.DAILY, resource("orders"))
    assert estate.watch()["resources"] == 1
    estate.now += 41 * DAY
    del estate.documents.stored[naming.discovered(run)]
    answer = estate.watch()
    assert (answer["resources"], answer["missed"]) == (0, ["daily", "weekly", "cleanup"])


def test_resources_without_backups_are_counted_and_some_are_named(estate: Estate) -> None:
    estate.discover(Schedule.DAILY, unprotected=150)
    assert estate.watch()["unprotected"] == 150
    assert len(estate.status["unprotected_resources"]) == 100


def test_only_so_many_resources_have_a_metric_those_that_are_worst_off(estate: Estate) -> None:
    estate.discover(Schedule.DAILY, *(resource(f"r{number:03}") for number in range(METRICS + 20)))
    estate.now += DAY
    estate.discover(Schedule.DAILY, *(resource(f"r{number:03}") for number in range(METRICS + 20)), resource("young"))
    estate.watch()
    answer = estate.watch()
    assert (answer["resources"], len(answer["ages"])) == (METRICS + 21, METRICS)
    assert "eu-west-1/young" not in {one["name"] for one in answer["ages"]}


def test_each_resource_has_a_metric_of_its_own(estate: Estate) -> None:
    estate.discover(Schedule.DAILY, resource("orders"))
    told = list(measures.of_watch(estate.watch()))
    assert [(one.name, one.value, one.dimensions) for one in told] == [
        ("MaxRpoAgeSeconds", 0, None),
        ("RpoOverTarget", 0, None),
        ("MissedRuns", 0, None),
        ("RpoAgeSeconds", 0, {"resource": "eu-west-1/orders"}),
    ]
