"""What a restore says, word for word."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from holdfast.warehouse.delta.model import LogFile, Snapshot
from holdfast.warehouse.model import Item, Source, Tally, Tier
from holdfast.warehouse.restore import words
from holdfast.warehouse.restore.model import Archived, Candidate, Chosen, LeftOut, Plan, Proof, Thaw

AT = datetime(2026, 11, 19, 8, 30, 1, 500_000, tzinfo=UTC)
KEYSTONE = LogFile("shop/orders/_delta_log/00000000000000000000.json", 100, AT)
SNAPSHOT = Snapshot(7, AT, 1204, 9_000_000, 0, 1_000_000, 1, (), (KEYSTONE,))
ITEM = Item("20261121T030000Z-4f1a09", Source("lake", "shop/"), None)
CHOSEN = Chosen(Candidate(ITEM, "shop/orders/", 7), SNAPSHOT, 7)
PLAN = Plan("shop/orders", "s3://new/again", [CHOSEN], [], Tally(1205, 9_000_100), Tally(), 0, [], {}, Thaw(), None)

RESTORE = (
    "restore  'shop/orders' version 7 of 2026-11-19T08:30:01Z: 1,204 files, 9,000,000 bytes, 1,000,000 rows; as run"
    " 20261121T030000Z-4f1a09 found it"
)


def test_the_plan_of_a_table() -> None:
    assert list(words.lines(PLAN)) == [
        "'shop/orders' to s3://new/again:",
        RESTORE,
        "copy     1,205 objects, 9,000,100 bytes, about $0.01",
    ]


def test_the_plan_of_a_database_that_has_begun() -> None:
    plan = replace(
        PLAN,
        name="shop",
        left_out=[
            LeftOut("shop/broken\n/", "version 3, as run R found it, lacks 1 object: 'x'"),
            LeftOut("shop/late/", "it did not exist then", existed=False),
        ],
        copies=Tally(1, 1024**3),
        slow={"GLACIER_IR": Tally(1, 1024**3)},
        there=Tally(3, 300),
        rewritten=2,
        archived=[Archived("DEEP_ARCHIVE", Tally(1, 100), Tally(), Tally(1, 100))],
        within=Source("new", "", many=True),
    )
    assert list(words.lines(plan)) == [
        "'shop' to s3://new/again:",
        RESTORE,
        r"refuse   'shop/broken\n': version 3, as run R found it, lacks 1 object: 'x'",
        "skip     'shop/late': it did not exist then",
        "copy     1 object, 1,073,741,824 bytes, about $0.03",
        "         3 objects, 300 bytes are there already",
        "         2 objects of logs are written anew: their absolute paths point to the new place",
        "         1 object, 100 bytes of DEEP_ARCHIVE thaw already",
        "note     s3://new/again lies in the source s3://new/*: what is restored there is backed up in turn",
    ]


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        (
            replace(CHOSEN, newest=9, missing=("a", "b\n"), missing_count=5),
            [r"         not its newest: version 9 lacks 5 objects: 'a', 'b\n' and 3 more"],
        ),
        (
            replace(CHOSEN, newest=9),
            ["         not its newest: version 9 cannot be read: its log is damaged"],
        ),
        (
            replace(CHOSEN, newer="version 8, as run R found it, lacks 1 object: 'x'", dropped=True),
            [
                "         not the newest: version 8, as run R found it, lacks 1 object: 'x'",
                "         the newest run has not found this table any more: this is the last that is known of it",
            ],
        ),
        (
            replace(CHOSEN, unknown=(8, 8)),
            ["         no run has the log of version 8, which may be of that time too"],
        ),
        (
            replace(CHOSEN, unknown=(8, 11)),
            ["         no run has the log of versions 8 to 11, which may be of that time too"],
        ),
        (
            replace(CHOSEN, snapshot=replace(SNAPSHOT, reader_version=2)),
            ["         it needs readers of Delta's protocol 2"],
        ),
        (
            replace(CHOSEN, snapshot=replace(SNAPSHOT, reader_version=3, reader_features=("a", "b"))),
            ["         it needs readers of Delta's protocol 3 with a, b"],
        ),
    ],
)
def test_what_is_particular_of_a_table(chosen: Chosen, told: list[str]) -> None:
    assert list(words.table(chosen)) == [RESTORE, *told]


def test_rows_that_the_log_does_not_tell() -> None:
    chosen = replace(CHOSEN, snapshot=replace(SNAPSHOT, records=None, files=1))
    (line,) = words.table(chosen)
    assert "1 file, 9,000,000 bytes, rows not told; as run" in line


GB = 1024**3


@pytest.mark.parametrize(
    ("tier", "told"),
    [
        (
            "Bulk",
            [
                (
                    "thaw     1,000 objects, 107,374,182,400 bytes of GLACIER: 5 to 12 hours in tier Bulk, about $0.54,"
                    " readable for 7 days then"
                ),
                "         or --tier Expedited: 1 to 5 minutes, $13.54; Standard: 3 to 5 hours, $1.59",
            ],
        ),
        (
            "Expedited",
            [
                (
                    "thaw     1,000 objects, 107,374,182,400 bytes of GLACIER: 1 to 5 minutes in tier Expedited, about"
                    " $13.54, readable for 7 days then"
                ),
                "         or --tier Standard: 3 to 5 hours, $1.59; Bulk: 5 to 12 hours, $0.54",
            ],
        ),
    ],
)
def test_what_is_to_be_thawed_is_told_with_time_and_price(tier: Tier, told: list[str]) -> None:
    many = Tally(1000, 100 * GB)
    assert list(words.thaw(Archived("GLACIER", many, many, Tally()), Thaw(tier))) == told


def test_what_thaws_already_is_asked_for_no_more() -> None:
    archived = Archived("DEEP_ARCHIVE", Tally(10, 1000), Tally(), Tally(4, 400))
    assert list(words.thaw(archived, Thaw())) == [
        "         4 objects, 400 bytes of DEEP_ARCHIVE thaw already",
        "         6 objects of DEEP_ARCHIVE can be read: they were thawed",
    ]


def test_too_many_to_be_looked_at() -> None:
    archived = Archived("DEEP_ARCHIVE", Tally(10, 1000), None, None)
    assert list(words.thaw(archived, Thaw("Standard", 1))) == [
        (
            "thaw     10 objects, 1,000 bytes of DEEP_ARCHIVE: up to 12 hours in tier Standard, about $0.00, readable"
            " for 1 day then"
        ),
        "         or --tier Bulk: up to 48 hours, $0.00",
        "         some of them may thaw already: so many are looked at only with --apply",
    ]


def test_where_it_stops_without_waiting() -> None:
    assert list(words.pending(Tally(4, 400))) == [
        "4 objects, 400 bytes thaw. Nothing is copied until all can be read: then the same command goes on."
    ]


PROOF = Proof(CHOSEN, 1204, "0AB1", "0AB1", 7, 1_000_000)


@pytest.mark.parametrize(
    ("proof", "told"),
    [
        (
            PROOF,
            [
                (
                    "verified 'shop/orders' opens as version 7: 1,204 files, digest 0AB1 as in the backup; 1,000,000"
                    " rows counted, as the log tells"
                )
            ],
        ),
        (
            replace(PROOF, chosen=replace(CHOSEN, snapshot=replace(SNAPSHOT, records=None))),
            [
                (
                    "verified 'shop/orders' opens as version 7: 1,204 files, digest 0AB1 as in the backup; 1,000,000"
                    " rows counted, of which the log does not tell"
                )
            ],
        ),
        (
            replace(PROOF, found=None, version=None, rows=None, unopened="no such feature"),
            [
                "unopened 'shop/orders': deltalake cannot read it (no such feature)",
                (
                    "         all 1,204 files are there with their sizes, digest 0AB1; its rows were not counted:"
                    " deletion vectors may hide some"
                ),
            ],
        ),
        (
            replace(PROOF, found="FF", version=8, rows=3),
            [
                "DIFFERS  'shop/orders': it opens as version 8, and not 7",
                "DIFFERS  'shop/orders': its 1,204 files have the digest FF, and not 0AB1",
                "DIFFERS  'shop/orders': it has 3 rows, and not 1,000,000",
            ],
        ),
        (
            replace(PROOF, rows=None, unreadable=("a\n", "b")),
            [r"DIFFERS  'shop/orders': these are no Parquet files that can be read: 'a\n', 'b'"],
        ),
        (
            replace(PROOF, found=None, version=None, rows=3, unopened="no such feature"),
            [
                "DIFFERS  'shop/orders': it has 3 rows, and not 1,000,000",
                "unopened 'shop/orders': deltalake cannot read it (no such feature)",
                (
                    "         all 1,204 files are there with their sizes, digest 0AB1; 3 rows counted, and not as the"
                    " log tells"
                ),
            ],
        ),
    ],
)
def test_what_was_found_of_a_restored_table(proof: Proof, told: list[str]) -> None:
    assert list(words.proof(proof)) == told
