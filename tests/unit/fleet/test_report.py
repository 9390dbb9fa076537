"""How a run is summed up, and the recovery set that it leaves."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from holdfast.breaker.plan import Budget
from holdfast.fleet import steps
from holdfast.fleet.model import Keep
from holdfast.fleet.sets import Member
from tests.unit.fleet.domain import ABROAD, DAILY, DUE, OWN_KEY, Estate, digests

RUN = "daily-2026-11-21T02-00-00Z"
SET = "sets/2026-11-21T02-00-00Z.json"


def an_estate(*names: str, **more: Any) -> Estate:
    """Databases."""
    estate = Estate(**more)
    for name in names:
        estate.account.database("eu-west-1", name, DAILY, kms_key=OWN_KEY)
    return estate


def test_a_run_is_summed_up() -> None:
    estate = an_estate("orders", "people")
    estate.account.database("eu-west-1", "scratch")
    answer = estate.run()
    assert answer["summary"] == f"{RUN}: 2 backed up, 0 failed, 1 not protected"
    told = estate.document(f"runs/{RUN}/report.json")
    assert (told["backed_up"], told["failed"], told["unprotected"]) == (2, [], 1)
    assert (told["bytes"], told["seconds"], told["set"]) == (40 * 1024**3, 120, "2026-11-21T02-00-00Z")
    assert (told["removed"], told["blocked"], told["held"]) == (0, 0, None)


def test_nothing_to_back_up_says_how_much_is_not_protected() -> None:
    estate = Estate()
    estate.account.database("eu-west-1", "scratch")
    assert estate.run()["summary"] == f"{RUN}: 0 backed up, 0 failed, 1 not protected"
    assert estate.document(SET)["members"] == []


def test_what_has_no_result_has_failed() -> None:
    estate = an_estate("orders")
    estate.discover()
    answer = estate.report(RUN)
    assert answer["failed"] == ["orders"]
    (one,) = estate.document(f"runs/{RUN}/report.json")["failed"]
    assert one["why"] == "the workflow ended before it was backed up: it ran out of time, or was stopped"
    assert one["mend"] == "Try again: holdfast fleet backup --resource NAME"
    assert (one["verified"], one["backup"], one["findings"]) == (False, None, [])


def test_a_region_that_was_not_seen_has_failed_and_the_report_is_written_all_the_same() -> None:
    estate = an_estate("orders")

    def hook(call: str, *what: str) -> None:
        if call in {"resources", "parts"} and "eu-central-1" in what:
            raise ConnectionError("no answer")

    estate.hook = hook
    answer = estate.run()
    assert answer["backed_up"] == 1
    assert answer["failed"] == ["ec2 in eu-central-1", "rds in eu-central-1", "s3 in eu-central-1"]
    (first, *_) = estate.document(f"runs/{RUN}/report.json")["failed"]
    assert first["why"] == "nothing of it could be seen: ConnectionError: no answer"
    assert "fleet: ec2 in eu-central-1: ConnectionError: no answer" in [
        f"{one['system']}: {one['why']}" for one in estate.document(SET)["lacking"]
    ]


@pytest.mark.parametrize(
    ("error", "why"),
    [
        ({"Error": "ClientError", "Cause": json.dumps({"errorMessage": "denied"})}, "ClientError: denied"),
        ({"Error": "States.Timeout", "Cause": None}, "States.Timeout: "),
        ({"Error": "E", "Cause": "no JSON"}, "E: no JSON"),
        ({"Error": "E", "Cause": "[1]"}, "E: [1]"),
        ({"Error": "E", "Cause": "{}"}, "E: {}"),
        (None, "None: "),
        ({"Error": "E", "Cause": "x" * 3000}, "E: " + "x" * 1997),
    ],
)
def test_an_error_of_a_step_is_written_down_as_its_message(error: object, why: str) -> None:
    estate = an_estate("orders")
    (digest,) = digests(estate.discover())
    event = {"step": "failed", "run": RUN, "resource": digest, "error": error}
    assert steps.Report(estate.fleet, {})(event) == {"failed": [digest]}
    assert estate.result(RUN, digest)["why"] == why
    assert estate.report(RUN)["failed"] == ["orders"]


def test_of_many_failures_a_few_are_told_and_all_are_written() -> None:
    estate = an_estate(*(f"db-{number}" for number in range(7)))
    estate.discover()
    answer = estate.report(RUN)
    assert answer["summary"].startswith(f"{RUN}: 0 backed up, 7 failed. db-0: the workflow ended")
    assert answer["summary"].endswith("; and 2 more")
    assert len(answer["failed"]) == len(estate.document(f"runs/{RUN}/report.json")["failed"]) == 7


def test_what_goes_through_the_workflow_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.fleet.report.NAMED", 2)
    estate = an_estate("one", "two", "three")
    estate.discover()
    assert len(estate.report(RUN)["failed"]) == 2
    assert len(estate.document(f"runs/{RUN}/report.json")["failed"]) == 3


def test_a_cleaning_tells_what_it_removed_and_what_holds_it() -> None:
    estate = an_estate("orders", keep=Keep(9, 0, 0, 0), budget=Budget(10, 0))
    for _ in range(5):
        estate.run()
        estate.later(days=1)
    run = estate.discover("cleanup")["run"]
    estate.keep = Keep(1, 0, 0, 0)
    held = estate.expire(run)["held"]
    answer = estate.report(run)
    assert answer["summary"] == (
        f"{run}: 0 backed up, 0 failed, 0 removed, 4 expired and still here. The breaker holds the cleaning: {held}"
    )
    assert (answer["set"], answer["held"]) == (None, held)


# Recovery sets


def members(estate: Estate, name: str = SET) -> list[tuple[str, str]]:
    return [(one["system"], one["name"].rpartition(":")[2]) for one in estate.document(name)["members"]]


def test_a_set_names_the_good_backups_and_the_middle_of_them() -> None:
    estate = an_estate("orders", "people")
    estate.run()
    told = estate.document(SET)
    first, second = told["members"]
    assert members(estate) == [("fleet", "orders"), ("fleet", "people")]
    assert (first["at"], second["at"]) == (DUE.isoformat(), (DUE + timedelta(minutes=1)).isoformat())
    assert (told["at"], told["skew_seconds"]) == ((DUE + timedelta(seconds=30)).isoformat(), 30)
    assert (first["skew_seconds"], second["skew_seconds"]) == (-30, 30)
    assert first["restore"] == (
        f"holdfast fleet restore --resource arn:aws:rds:eu-west-1:123456789012:db:orders --run {RUN}"
    )
    assert first["position"] == estate.ids()[0]
    assert told["lacking"] == []


def test_a_set_that_lacks_something_does_not_look_whole() -> None:
    estate = an_estate("orders", "people")
    estate.account.databases["arn:aws:rds:eu-west-1:123456789012:db:people"].state = "stopped"
    estate.run()
    assert members(estate) == [("fleet", "orders")]
    assert estate.document(SET)["lacking"] == [{"system": "fleet", "why": "people: people is stopped, for 60 minutes"}]


def test_a_set_has_neither_copies_nor_what_is_not_good() -> None:
    estate = Estate(copies=ABROAD)
    for key in ("", OWN_KEY):
        estate.account.instance("eu-west-1", DAILY, kms_key=key)
    estate.run()
    assert len(estate.account.all_parts()) == 4
    (one,) = estate.document(SET)["members"]
    assert one["position"] == estate.ids()[1]
    (lacking,) = estate.document(SET)["lacking"]
    assert "not encrypted in eu-west-1" in lacking["why"]


def test_without_any_backup_the_moment_is_when_the_run_was_due() -> None:
    estate = an_estate("orders")
    estate.discover()
    estate.later(hours=1)
    estate.report(RUN)
    told = estate.document(SET)
    assert (told["at"], told["members"], told["skew_seconds"]) == (DUE.isoformat(), [], 0)


def of_tables(moment: datetime) -> Iterator[Member]:
    at = moment - timedelta(minutes=5)
    yield Member("tables", "Orders", "42", at, "holdfast tables restore Orders")


def of_warehouse(_moment: datetime) -> Iterator[Member]:
    yield Member("warehouse", "half", "1", DUE, "holdfast warehouse restore")
    raise LookupError("no run yet")


def test_a_set_of_what_somebody_asked_for_does_not_look_whole() -> None:
    estate = an_estate("orders", "people")
    estate.run("manual", "orders")
    told = estate.document(SET)
    assert members(estate) == [("fleet", "orders")]
    assert told["lacking"] == [{"system": "fleet", "why": "only orders was to be backed up"}]


def test_a_replica_is_a_member_as_of_when_it_had_all() -> None:
    estate = an_estate("orders", copies=ABROAD)
    for name in ("behind", "pictures"):
        estate.account.bucket("eu-west-1", name, DAILY)
    estate.run()
    estate.account.replicating = timedelta(hours=2)
    estate.account.put("behind", "one")
    written = estate.time
    estate.later(hours=1)
    run = estate.run("manual")["run"]
    told = {one["name"]: one for one in estate.document(f"sets/{run.partition('-')[2]}.json")["members"]}
    assert told["arn:aws:s3:::behind"]["at"] == written.isoformat()
    assert told["arn:aws:s3:::behind"]["position"] == "behind-replica"
    moment = told["arn:aws:rds:eu-west-1:123456789012:db:orders"]["at"]
    assert told["arn:aws:s3:::pictures"]["restore"] == (
        f"holdfast fleet restore --resource arn:aws:s3:::pictures --at {moment}"
    )


def test_a_bucket_that_was_never_found_good_is_no_member() -> None:
    estate = an_estate(copies=ABROAD)
    estate.account.bucket("eu-west-1", "pictures", DAILY)
    estate.account.put("pictures", "one")
    estate.account.buckets["pictures"].objects["one"].refused = True
    estate.run()
    told = estate.document(SET)
    assert told["members"] == []
    why = "pictures: 1 of 1 objects could not be replicated"
    assert told["lacking"] == [{"system": "fleet", "why": why}]


def test_other_systems_tell_what_they_have_or_why_not() -> None:
    estate = an_estate("orders", positions={"tables": of_tables, "warehouse": of_warehouse})
    estate.run()
    told = estate.document(SET)
    assert members(estate) == [("tables", "Orders"), ("fleet", "orders")]
    assert told["skew_seconds"] == 300
    assert told["lacking"] == [{"system": "warehouse", "why": "LookupError: no run yet"}]


def test_two_runs_that_were_due_at_one_moment_share_a_set() -> None:
    """The later report leaves what the other one put into it, and what it lacked."""
    estate = an_estate("orders")
    for name in ("people", "stopped"):
        estate.account.database("eu-west-1", name, {"holdfast:backup": "weekly"}, kms_key=OWN_KEY)
    estate.account.databases["arn:aws:rds:eu-west-1:123456789012:db:stopped"].state = "stopped"
    runs = [estate.discover(schedule) for schedule in ("weekly", "daily")]
    for found in runs:
        for digest in digests(found):
            estate.finish(found["run"], digest)
    for found in runs:
        estate.report(found["run"])
    assert members(estate) == [("fleet", "orders"), ("fleet", "people")]
    assert [one["why"].split(":")[0] for one in estate.document(SET)["lacking"]] == ["stopped"]


def test_a_report_asked_for_twice_tells_the_same() -> None:
    estate = an_estate("orders")
    first = estate.run()
    assert estate.report(RUN) == first
