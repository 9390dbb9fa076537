"""Whether a backup is called good."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.fleet import plan
from holdfast.fleet.model import Replicated, Tag
from holdfast.fleet.verify import BackupMissing
from tests.unit.fleet.domain import ABROAD, DAILY, DUE, HOME, OWN_KEY, Estate, digests

RUN = "daily-2026-11-21T02-00-00Z"


def made(sizes: tuple[int, ...] = (8,), key: str = OWN_KEY, **more: Any) -> tuple[Estate, str]:
    """An instance whose backup is made, and not verified yet."""
    estate = Estate(**more)
    estate.account.instance("eu-west-1", DAILY, sizes=sizes, kms_key=key)
    (digest,) = digests(estate.discover())
    while estate.step(RUN, digest)["status"] == "waiting":
        estate.later(minutes=1)
    return estate, digest


def test_a_good_backup_is_tagged_on_every_part_and_written_down() -> None:
    estate, digest = made(sizes=(8, 20), copies=ABROAD)
    assert estate.verify(RUN, digest) == {"status": "verified", "findings": []}
    assert (estate.verified(HOME), estate.verified(ABROAD)) == ([True, True], [True, True])
    told = estate.result(RUN, digest)
    assert (told["status"], told["verified"], told["bytes"]) == ("done", True, 28 * 1024**3)
    assert (told["why"], told["mend"], told["findings"]) == (None, None, [])
    assert told["backup"].endswith(RUN)


def test_verified_twice_it_keeps_the_first_moment() -> None:
    estate, digest = made()
    estate.verify(RUN, digest)
    before = [part.tags for part in estate.account.all_parts()]
    estate.later(hours=1)
    estate.verify(RUN, digest)
    assert [part.tags for part in estate.account.all_parts()] == before


def test_who_dies_between_two_tags_comes_again() -> None:
    estate, digest = made(sizes=(8, 8))
    tags = iter([None, KeyboardInterrupt()])

    def hook(call: str, *_: str) -> None:
        if call == "tag" and (error := next(tags, None)):
            raise error

    estate.hook = hook
    with pytest.raises(KeyboardInterrupt):
        estate.verify(RUN, digest)
    assert estate.verified() == [True, False]
    assert estate.verify(RUN, digest)["status"] == "verified"
    assert estate.verified() == [True, True]


@pytest.mark.parametrize("told", ["yes", "2026-11-01T00:00:00+00:00"])
def test_a_tag_that_somebody_has_written_is_written_anew(told: str) -> None:
    estate, digest = made()
    estate.account.change(estate.ids()[0], tags={Tag.VERIFIED: told})
    estate.verify(RUN, digest)
    assert estate.account.all_parts()[0].tags[Tag.VERIFIED] == estate.time.isoformat()


def test_what_is_not_good_is_not_tagged_and_says_why() -> None:
    estate, digest = made(key="")
    assert estate.verify(RUN, digest)["status"] == "failed"
    assert estate.verified() == [False]
    told = estate.result(RUN, digest)
    assert (told["status"], told["verified"]) == ("failed", False)
    assert told["why"] == f"not encrypted in eu-west-1: {estate.ids()[0]}"
    assert told["findings"] == [{"severity": "fault", "text": told["why"]}]
    estate.require_encryption = False
    assert estate.verify(RUN, digest)["status"] == "verified"
    assert (estate.verified(), estate.result(RUN, digest)["status"]) == ([True], "done")


def test_a_part_deleted_since_is_found() -> None:
    estate, digest = made(sizes=(8, 8))
    estate.account.lose(estate.ids()[0])
    assert estate.verify(RUN, digest)["status"] == "failed"
    assert "is partial; volume vol-" in estate.result(RUN, digest)["why"]


def test_a_copy_deleted_since_is_found() -> None:
    estate, digest = made(copies=ABROAD)
    estate.account.lose(estate.ids(ABROAD)[0])
    assert estate.verify(RUN, digest)["status"] == "failed"
    assert estate.verified(HOME) == [False]


def test_a_backup_that_is_not_listed_is_an_error_that_is_tried_again() -> None:
    estate, digest = made()
    estate.account.lose(estate.ids()[0])
    with pytest.raises(BackupMissing, match=r"has no backup of i-.* that could be verified"):
        estate.verify(RUN, digest)


def test_a_source_that_is_gone_since_is_a_note() -> None:
    estate, digest = made()
    estate.account.machines.clear()
    answer = estate.verify(RUN, digest)
    assert answer["findings"] == [{"severity": "note", "text": "the source is gone since"}]
    assert answer["status"] == "verified"


def test_a_database_made_again_smaller_is_good_from_the_first_backup_on() -> None:
    estate = Estate()
    estate.account.database("eu-west-1", "orders", DAILY, size=100, kms_key=OWN_KEY)
    estate.run()
    estate.account.databases.clear()
    estate.account.database("eu-west-1", "orders", DAILY, size=10, kms_key=OWN_KEY)
    estate.later(days=1)
    assert estate.run()["failed"] == []
    assert estate.verified() == [True, True]


def test_a_database_that_shrank_fails_once() -> None:
    estate = Estate()
    database = estate.account.database("eu-west-1", "orders", DAILY, size=100, kms_key=OWN_KEY)
    failed = []
    for size in (100, 10, 10):
        database.size = size
        failed.append(estate.run()["failed"])
        estate.later(days=1)
    assert failed == [[], ["orders"], []]
    assert estate.verified() == [True, False, True]


# Buckets

NOW = DUE
REPLICATED = Replicated(rule=True, earlier="none", looked_at=10)


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (REPLICATED, []),
        (
            Replicated(rule=False, earlier="none"),
            [("fault", "nothing replicates it to pictures-replica: somebody took the rule away")],
        ),
        (
            Replicated(rule=True, earlier="none", looked_at=10, failed=2),
            [("fault", "2 of 10 objects could not be replicated")],
        ),
        (
            Replicated(rule=True, earlier="complete", looked_at=10, why="3 of 5 objects could not be copied"),
            [("fault", "of what was there before, 3 of 5 objects could not be copied")],
        ),
        (
            Replicated(rule=True, earlier="none", looked_at=10, behind=1, oldest_behind="2026-11-21T01:00:00+00:00"),
            [("note", "1 of 10 objects are not replicated yet, since 2026-11-21T01:00:00+00:00")],
        ),
        (
            Replicated(rule=True, earlier="none", looked_at=10, archived=2),
            [
                (
                    "note",
                    (
                        "2 of 10 objects lie in an archive class: S3 replicates none of them."
                        " Restore them for a while, and they are"
                    ),
                )
            ],
        ),
        (
            Replicated(rule=True, earlier="none", looked_at=10, behind=1, oldest_behind="2026-11-20T02:00:00+00:00"),
            [("fault", "1 of 10 objects are not replicated yet, since 2026-11-20T02:00:00+00:00")],
        ),
    ],
)
def test_what_is_found_in_a_bucket(seen: Replicated, found: list[tuple[str, str]]) -> None:
    told = plan.find_in_bucket(seen, "pictures-replica", NOW)
    assert [(one.severity.value, one.text) for one in told] == found


def a_bucket() -> tuple[Estate, str]:
    estate = Estate(copies=ABROAD)
    estate.account.bucket("eu-west-1", "pictures", DAILY)
    estate.account.put("pictures", "one")
    (digest,) = digests(estate.discover())
    assert estate.finish(RUN, digest) == "verified"
    return estate, digest


def test_a_replicated_bucket_is_written_down() -> None:
    estate, digest = a_bucket()
    assert estate.document(f"buckets/{digest}.json") == {
        "arn": "arn:aws:s3:::pictures",
        "name": "pictures",
        "region": "eu-west-1",
        "replica": "pictures-replica",
        "again": False,
        "verified": estate.time.isoformat(),
        "taken": estate.time.isoformat(),
        "behind": 0,
        "failed": 0,
    }
    assert estate.result(RUN, digest)["backup"] == "pictures-replica"


def test_what_is_behind_makes_the_backup_as_old_as_the_oldest_of_it() -> None:
    estate, digest = a_bucket()
    estate.account.replicating = timedelta(hours=1)
    estate.account.put("pictures", "two")
    written = estate.time
    estate.later(minutes=30)
    assert estate.verify(RUN, digest)["status"] == "verified"
    assert estate.document(f"buckets/{digest}.json")["taken"] == written.isoformat()


def test_a_refused_object_is_a_fault_that_the_next_run_tries_to_mend() -> None:
    estate, digest = a_bucket()
    before = estate.document(f"buckets/{digest}.json")
    estate.account.buckets["pictures"].objects["one"].refused = True
    estate.later(days=1)
    assert estate.run()["failed"] == ["pictures"]
    told = estate.document(f"buckets/{digest}.json")
    assert (told["verified"], told["taken"], told["again"]) == (before["verified"], before["taken"], True)
    jobs = len([job for job in estate.account.buckets["pictures"].jobs if job])
    estate.account.buckets["pictures"].objects["one"].refused = False
    estate.later(days=1)
    assert estate.run()["failed"] == []
    assert len([job for job in estate.account.buckets["pictures"].jobs if job]) == jobs + 1
