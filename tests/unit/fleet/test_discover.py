"""What a run backs up, and what no run does."""

from datetime import timedelta

import pytest

from holdfast.fleet.discover import NoSuchResource
from holdfast.fleet.model import NotARun
from tests.unit.fleet.domain import DAILY, DUE, Estate, digests

WEEKLY = {"holdfast:backup": "weekly"}
RUN = "daily-2026-11-21T02-00-00Z"


def a_region_is_down(call: str, *what: str) -> None:
    if call == "resources" and what[:2] == ("ec2", "eu-central-1"):
        raise ConnectionError("the region does not answer")


def test_a_run_is_told_by_service() -> None:
    estate = Estate()
    machine = estate.account.instance("eu-west-1", DAILY)
    database = estate.account.database("eu-central-1", "orders", DAILY)
    bucket = estate.account.bucket("eu-west-1", "pictures", DAILY)
    estate.account.instance("eu-west-1", WEEKLY)
    found = estate.discover()
    assert [(one["service"], one["concurrency"], len(one["resources"])) for one in found["services"]] == [
        ("ec2", 20, 1),
        ("rds", 10, 1),
        ("s3", 5, 1),
    ]
    assert (found["run"], found["cleanup"], found["unprotected"], found["undiscovered"]) == (RUN, False, 0, [])
    told = estate.document(f"runs/{RUN}/discovered.json")
    assert [one["arn"] for one in told["resources"]] == [machine.arn, bucket.arn, database.arn]
    assert (told["set"], told["due"], told["began"]) == ("2026-11-21T02-00-00Z", DUE.isoformat(), DUE.isoformat())
    assert {
        one["arn"] for digest in digests(found) if (one := estate.document(f"runs/{RUN}/resources/{digest}.json"))
    } == {
        machine.arn,
        bucket.arn,
        database.arn,
    }


def test_a_cluster_and_a_database_of_one_name_in_two_regions_are_four() -> None:
    estate = Estate()
    for region in estate.regions:
        estate.account.database(region, "orders", DAILY)
        estate.account.database(region, "orders", DAILY, cluster=True)
    assert len(set(digests(estate.discover()))) == 4


def test_what_is_not_protected_is_told_with_the_reason() -> None:
    estate = Estate()
    estate.account.database("eu-west-1", "orders", {"holdfast:backup": "never\n" + "x" * 249})
    estate.discover()
    (one,) = estate.document(f"runs/{RUN}/discovered.json")["unprotected"]
    assert (one["name"], one["kind"], one["region"]) == ("orders", "rds:db", "eu-west-1")
    assert one["why"].startswith(r"its tag holdfast:backup is 'never\nxxx")


def test_nothing_at_all_is_a_run_too() -> None:
    estate = Estate()
    assert estate.discover()["services"] == []


def test_a_cleaning_backs_nothing_up() -> None:
    estate = Estate()
    estate.account.instance("eu-west-1", DAILY)
    found = estate.discover("cleanup")
    assert (found["cleanup"], found["services"]) == (True, [])


def test_asked_again_it_answers_as_the_first_time() -> None:
    estate = Estate()
    estate.account.instance("eu-west-1", DAILY)
    first = estate.discover()
    estate.account.instance("eu-west-1", DAILY)
    estate.later(hours=1)
    assert estate.discover(due=DUE.isoformat()) == first


def test_a_region_that_does_not_answer_leaves_the_others_their_backups() -> None:
    estate = Estate()
    estate.account.instance("eu-west-1", DAILY)
    estate.account.instance("eu-central-1", DAILY)
    estate.hook = a_region_is_down
    found = estate.discover()
    assert len(digests(found)) == 1
    told = [{"service": "ec2", "region": "eu-central-1", "why": "ConnectionError: the region does not answer"}]
    assert found["undiscovered"] == told
    assert estate.logged[0][1]["region"] == "eu-central-1"


def test_once_the_region_answers_the_same_run_sees_it() -> None:
    estate = Estate()
    estate.account.instance("eu-central-1", DAILY)
    estate.hook = a_region_is_down
    estate.discover()
    estate.hook = lambda *_: None
    estate.later(hours=1)
    found = estate.discover(due=DUE.isoformat())
    assert (len(digests(found)), found["undiscovered"]) == (1, [])
    assert estate.document(f"runs/{RUN}/discovered.json")["began"] == DUE.isoformat()


@pytest.mark.parametrize("by", ["arn", "name"])
def test_somebody_asks_for_some_whatever_their_tags_say(by: str) -> None:
    estate = Estate()
    database = estate.account.database("eu-west-1", "orders", {"holdfast:backup": "none"})
    estate.account.database("eu-west-1", "people", DAILY)
    found = estate.discover("manual", getattr(database, by))
    assert len(digests(found)) == 1
    (one,) = estate.document(f"runs/{found['run']}/discovered.json")["resources"]
    assert one["arn"] == database.arn


def test_asking_for_what_is_not_there_names_it_and_where_nothing_was_seen() -> None:
    estate = Estate()
    estate.hook = a_region_is_down
    with pytest.raises(NoSuchResource) as refused:
        estate.discover("manual", "orders", "i-9")
    assert str(refused.value) == (
        "there is no i-9, orders in eu-west-1, eu-central-1: give an ARN, an instance's ID, or the name of a database"
        ' or bucket, as "holdfast fleet list" shows them; nothing of ec2 in eu-central-1 could be seen'
    )
    assert list(estate.documents.keys("runs/")) == []


def test_two_that_ask_for_others_at_one_second_are_not_one_run() -> None:
    """Else the second would be told that its database was backed up."""
    estate = Estate()
    for name in ("orders", "people"):
        estate.account.database("eu-west-1", name)
    estate.discover("manual", "orders")
    for other in (("people",), (), ("orders", "people")):
        with pytest.raises(NotARun, match="manual-2026-11-21T02-00-00Z is a run already, of orders: start another"):
            estate.discover("manual", *other)
    estate.time += timedelta(seconds=1)
    assert estate.discover("manual", "people")["run"] == "manual-2026-11-21T02-00-01Z"
