"""What each system's facts say in words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast.fleet.status import plan
from holdfast.fleet.status.model import Alarm, Health, Overview, Row, System, Told
from holdfast.objects.model import Counts, Pass, Walk

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def passed(hours: int | None = 3, **counts: int) -> Pass:
    return Pass((Walk("", "", counts=Counts(**counts)),), None if hours is None else NOW - hours * HOUR)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172_800, "2 d"), (190_000, "2 d")],
)
def test_spans_of_time_are_told_in_one_unit(seconds: float, words: str) -> None:
    assert plan.ago(seconds) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (2 * 10**12, "2.0 TB"), (10**17, "100.0 PB")],
)
def test_sizes_are_told_as_people_read_them(number: float, words: str) -> None:
    assert plan.size(number) == words


# Systems


def report(**told: Any) -> dict[str, Any]:
    row = {"database": "sales", "tables": 3, "restorable": 3, "copied": 7, "error": "", **told}
    return {"databases": [row], "ended": (NOW - 2 * HOUR).isoformat()}


def test_a_warehouse_that_never_ran_says_how_to_begin() -> None:
    told = plan.of_warehouse(None, timedelta(days=35), NOW)
    assert (told.protected, told.wrong, told.is_empty) == ("nothing yet", (), True)


def test_a_warehouse_is_as_old_as_its_last_run() -> None:
    told = plan.of_warehouse(report(), timedelta(days=35), NOW)
    assert told == Told(
        "3 tables in 1 database",
        last_backup=NOW - 2 * HOUR,
        age=7200.0,
        verified=NOW - 2 * HOUR,
        rows=(Row("sales", "3 of 3 tables restorable, 7 objects copied"),),
    )


def test_a_warehouse_says_what_failed_what_is_broken_and_that_it_is_late() -> None:
    told = plan.of_warehouse(report(restorable=1, error="no inventory"), HOUR, NOW)
    assert told.wrong == (
        "sales: no inventory",
        "2 of 3 tables cannot be restored at the newest version",
        "the last run ended 2 h ago, and 0 days are allowed",
    )
    assert told.rows[0].is_bad


def test_a_table_with_gaps_is_to_be_looked_at() -> None:
    at = int(NOW.timestamp())
    tables = [
        plan.Archived("orders", at - 600, at - 7200, 1, 2),
        plan.Archived("users", None, None, 0, 0),
    ]
    told = plan.of_tables(tables, NOW)
    assert told.protected == "2 tables"
    assert (told.last_backup, told.verified) == (NOW - timedelta(minutes=10), None)
    assert told.wrong == ("orders: 2 gaps in its archive: holdfast tables status",)
    assert [row.detail for row in told.rows] == [
        "newest change 10 min ago, 1 backfill, checked 2 h ago",
        "no change archived, 0 backfills",
    ]


def test_tables_are_verified_when_the_last_of_them_was() -> None:
    at = int(NOW.timestamp())
    told = plan.of_tables([plan.Archived(name, None, at - age, 0, 0) for name, age in (("a", 60), ("b", 3600))], NOW)
    assert (told.last_backup, told.verified) == (None, NOW - HOUR)
    assert plan.of_tables([], NOW).verified is None
    assert told.is_empty
    assert not plan.of_tables([plan.Archived("a", None, None, 1, 0)], NOW).is_empty


def test_capacity_tells_how_full_its_bucket_is() -> None:
    told = plan.of_capacity("media", 5 * 10**8, 12, 10**9, NOW)
    assert told.protected == "media: 500.0 MB of 1.0 GB (50%) in 12 objects"
    assert plan.of_capacity("media", 5, 1, 0, None).protected == "media: 5 bytes of 0 bytes (0%) in 1 object"


def status(*resources: dict[str, Any], **told: Any) -> dict[str, Any]:
    whole = {"at": NOW.isoformat(), "missed": [], "runs": {}, "unprotected": 0, "unprotected_resources": []}
    return {**whole, "resources": list(resources), **told}


def resource(hours: int = 5, *, over: bool = False, taken: bool = True) -> dict[str, Any]:
    at = (NOW - hours * HOUR).isoformat()
    return {
        "name": "orders",
        "region": "eu-west-1",
        "schedule": "daily",
        "taken": at if taken else None,
        "verified": at if taken else None,
        "age_seconds": hours * 3600,
        "over": over,
    }


def test_a_fleet_that_was_never_watched_says_so() -> None:
    told = plan.of_fleet(None, None, NOW)
    assert (told.protected, told.is_empty) == ("nothing yet", True)


def test_a_fleet_is_as_old_as_its_worst_resource() -> None:
    told = plan.of_fleet(status(resource(30, over=True), resource(5)), None, NOW)
    assert (told.last_backup, told.age, told.verified) == (NOW - 5 * HOUR, 30 * 3600, NOW - 5 * HOUR)
    assert told.protected == "2 resources; 0 without protection"
    assert told.wrong == ("1 resource without a good backup within the target",)
    assert told.rows[0] == Row("orders (eu-west-1)", "daily, 30 h old, verified", is_bad=True)


def test_a_fleet_without_resources_has_no_age() -> None:
    told = plan.of_fleet(status(), None, NOW)
    assert (told.last_backup, told.age, told.verified, told.wrong, told.is_empty) == (None, None, None, (), True)


def test_a_resource_that_was_never_backed_up_says_since_when_it_waits() -> None:
    told = plan.of_fleet(status(resource(3, taken=False)), None, NOW)
    assert told.rows == (Row("orders (eu-west-1)", "never backed up, seen first 3 h ago"),)


def test_a_fleet_says_which_runs_did_not_come_failed_or_were_not_watched() -> None:
    runs = {"daily": {"run": "daily-1", "failed": 2}, "weekly": {"run": None, "failed": 0}}
    told = plan.of_fleet(status(missed=["weekly"], runs=runs, at=(NOW - 4 * HOUR).isoformat()), None, NOW)
    assert told.wrong == (
        "no weekly run has finished when one was due",
        "daily-1: 2 failures",
        "fleet_watch has not looked for 4 h: what is shown is as old",
    )


def test_a_fleet_that_cannot_be_seen_everywhere_or_whose_alerts_nobody_gets_needs_attention() -> None:
    unseen = {"service": "ec2", "place": "eu-west-1", "why": "AccessDenied: no"}
    told = plan.of_fleet(status(unseen=[unseen], unheard="nobody gets the alerts: mend it"), None, NOW)
    assert told.wrong == (
        "ec2 in eu-west-1 could not be looked at: AccessDenied: no",
        "nobody gets the alerts: mend it",
    )


def test_a_fleet_names_what_is_not_protected_and_its_last_drill() -> None:
    one = {"name": "i-1", "region": "eu-west-1", "why": "no tag"}
    drill = {"resource": "orders", "result": "passed", "rto_seconds": 600}
    told = plan.of_fleet(status(unprotected=3, unprotected_resources=[one]), drill, NOW)
    assert told.notes == (
        "not protected: i-1 in eu-west-1: no tag",
        "and 2 more that are not protected",
        "last drill: orders passed, restored and checked in 10 min",
    )
    assert plan.of_fleet(status(), {**drill, "result": "failed", "rto_seconds": None}, NOW).notes == (
        "last drill: orders failed",
    )


# Health


def test_objects_tell_of_each_bucket_when_it_was_compared() -> None:
    told = plan.of_objects(12, {"media": passed(3), "logs": None, "new": passed(None)})
    assert told.protected == "12 objects in 3 buckets"
    assert told.verified is None
    assert [row.detail for row in told.rows] == [
        "compared 2026-11-21 05:30 UTC: 0 live",
        "never compared with its copies yet",
        "is being compared: 0 live",
    ]


def test_objects_that_are_not_as_they_were_stored_are_to_be_looked_at() -> None:
    told = plan.of_objects(1, {"media": passed(3, live=4, corrupt=1)})
    assert told.wrong == ("media: compared 2026-11-21 05:30 UTC: 4 live, 1 corrupt",)


def test_objects_are_verified_when_the_last_bucket_was() -> None:
    assert plan.of_objects(1, {"a": passed(3), "b": passed(9)}).verified == NOW - 9 * HOUR


def system(**told: Any) -> System:
    return System("fleet", **{"told": Told("x"), **told})


@pytest.mark.parametrize(
    ("one", "health"),
    [
        (System("fleet"), Health.OFF),
        (System("fleet", error="Boom"), Health.UNKNOWN),
        (system(), Health.GOOD),
        (system(told=Told("x", is_empty=True)), Health.EMPTY),
        (system(told=Told("x", wrong=("y",))), Health.ATTENTION),
        (system(breaker="too much", has_breaker=True), Health.ATTENTION),
        (system(alarms=(Alarm("a", NOW, "b"),)), Health.ATTENTION),
    ],
)
def test_a_system_is_well_unless_something_says_otherwise(one: System, health: Health) -> None:
    assert one.health is health


@pytest.mark.parametrize(
    ("systems", "unknown", "health", "verdict"),
    [
        ([System("fleet")], (), Health.OFF, "No system is deployed"),
        ([system(), System("tables")], (), Health.GOOD, "All is well"),
        (
            [system(), System("tables", Told("x", is_empty=True))],
            (),
            Health.GOOD,
            "All is well; nothing is backed up yet by tables",
        ),
        ([System("tables", Told("x", is_empty=True))], (), Health.EMPTY, "Nothing is backed up yet"),
        ([system()], ("alarms",), Health.UNKNOWN, "Not everything could be looked at: alarms"),
        ([System("tables", error="E")], (), Health.UNKNOWN, "Not everything could be looked at: tables"),
        ([system(breaker="b")], (), Health.ATTENTION, "Somebody has to look at fleet"),
        (
            [System("objects", error="E"), System("tables", error="E"), system(breaker="b")],
            (),
            Health.ATTENTION,
            "Somebody has to look at objects, tables and fleet",
        ),
    ],
)
def test_all_is_well_only_if_everything_that_is_deployed_is(
    systems: list[System], unknown: tuple[str, ...], health: Health, verdict: str
) -> None:
    overview = Overview("holdfast", NOW, systems, unknown)
    assert (overview.health, overview.verdict) == (health, verdict)
