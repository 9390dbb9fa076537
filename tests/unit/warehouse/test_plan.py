"""What the warehouse system decides."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from holdfast.warehouse import plan
from holdfast.warehouse.model import (
    Copy,
    Engine,
    FileFormat,
    Gone,
    Kind,
    Limits,
    Manifest,
    Part,
    Phase,
    Retention,
    Source,
    State,
    Stored,
)
from holdfast.warehouse.plan import (
    Decision,
    Facts,
    InventoryMissing,
    InventoryStale,
    InventoryTooLarge,
    Seen,
    SourcesOverlap,
    Step,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MANIFEST = Manifest(
    "lake", NOW, FileFormat.CSV, ("Key",), (Part("a.csv.gz", 10, "0" * 32), Part("b.csv.gz", 20, "1" * 32))
)
LIMITS = Limits(lambda_files=25, lambda_bytes=1_000, task_bytes=100_000)
RETENTION = Retention(min_age=timedelta(days=90), grace=timedelta(days=30))

COPY = Copy(
    run="20260101T000000Z-abcdef",
    key="sales/orders/part-0.parquet",
    version_id=None,
    etag="e",
    size=7,
    modified=NOW - timedelta(days=200),
    kind=Kind.DATA,
    stored_at=NOW - timedelta(days=120),
    copy_etag="c",
    storage_class="GLACIER",
)
GONE = Gone(COPY, None, None)
FACTS = Facts(needed=False, listed=False, original=None, stored=Stored(7, "c", "GLACIER"))


def of_size(size: int, file_format: FileFormat = FileFormat.CSV, files: int = 1) -> Manifest:
    parts = tuple(Part(f"{number}", size // files, "0" * 32) for number in range(files))
    return replace(MANIFEST, file_format=file_format, parts=parts)


@pytest.mark.parametrize("other", ["s3://lake/sales", "s3://lake", "s3://lake/*", "s3://lake/sales/eu#other"])
def test_sources_that_hold_the_same_keys_are_refused(other: str) -> None:
    with pytest.raises(SourcesOverlap, match="hold the same keys"):
        plan.check_apart([Source("hr", ""), Source.parse("s3://lake/sales"), Source.parse(other)])


def test_sources_beside_each_other_are_fine() -> None:
    plan.check_apart([Source("lake", "sales/"), Source("lake", "sales_eu/"), Source("hr", "sales/")])


def test_parts_that_are_missing_and_parts_of_another_size_are_told_apart() -> None:
    assert plan.look(MANIFEST, {"a.csv.gz": Stored(10, "x"), "b.csv.gz": Stored(20, "y")}) == Seen([], [])
    assert plan.look(MANIFEST, {"a.csv.gz": None, "b.csv.gz": Stored(19, "y")}) == Seen(
        ["a.csv.gz"], ["b.csv.gz has 19 bytes, not 20"]
    )


def test_an_incomplete_inventory_is_waited_for_half_an_hour() -> None:
    assert plan.may_wait(NOW, NOW + timedelta(minutes=29, seconds=59))
    assert not plan.may_wait(NOW, NOW + timedelta(minutes=30))


@pytest.mark.parametrize(
    ("manifest", "route"),
    [
        (of_size(1_000), "lambda"),
        (of_size(1_001), "task"),
        (of_size(250, files=25), "lambda"),
        (of_size(260, files=26), "task"),
        (of_size(10, FileFormat.PARQUET), "lambda"),
        (of_size(10, FileFormat.ORC), "task"),
        (of_size(100_000), "task"),
        (of_size(100_001), "athena"),
    ],
)
def test_an_inventory_goes_where_it_fits(manifest: Manifest, route: str) -> None:
    assert plan.route("lake/sales", manifest, LIMITS, has_task=True) == route


def test_without_a_task_an_inventory_that_is_too_large_is_refused_with_the_mend() -> None:
    assert plan.route("lake/sales", of_size(1_000), LIMITS, has_task=False) == "lambda"
    with pytest.raises(InventoryTooLarge, match=r"lake/sales has 1 files and 2,000 bytes \(CSV\).*WarehouseTaskImage"):
        plan.route("lake/sales", of_size(2_000), LIMITS, has_task=False)


def test_many_objects_and_many_bytes_are_for_a_job_and_large_objects_never() -> None:
    assert plan.engine(Phase.DATA, 100, plan.DIRECT_BYTES, 100) is Engine.DIRECT
    assert plan.engine(Phase.DATA, 101, 1, 100) is Engine.BATCH
    assert plan.engine(Phase.DATA, 1, plan.DIRECT_BYTES + 1, 100) is Engine.BATCH
    assert plan.engine(Phase.LOGS, 101, 1, 100) is Engine.BATCH
    assert plan.engine(Phase.LARGE, 101, plan.DIRECT_BYTES + 1, 100) is Engine.DIRECT


def test_of_many_names_some_are_told() -> None:
    assert plan.few(["a", "b"]) == "a, b"
    assert plan.few(list("abcdefg")) == "a, b, c, d, e and 2 more"


def test_errors_tell_what_to_do() -> None:
    assert "holdfast warehouse inventory" in str(InventoryMissing("s3://lake/sales", "s3://inventories/"))
    assert "older than 10 days" in str(InventoryStale("s3://lake/sales", NOW, timedelta(days=10)))


def marked(days_ago: float, state: State = State.MARKED) -> Gone:
    return Gone(COPY, state, NOW - timedelta(days=days_ago))


@pytest.mark.parametrize(
    ("gone", "facts", "decision"),
    [
        (GONE, FACTS, Decision(Step.MARK, "its original is gone")),
        (marked(29), FACTS, Decision(Step.LEAVE, "its grace is not over")),
        (marked(30), FACTS, Decision(Step.EXPIRE, "its original is gone, and 30 days of grace are over")),
        (marked(1, State.EXPIRING), FACTS, Decision(Step.EXPIRE, "its tag may have been lost")),
        (marked(89, State.KEPT), FACTS, Decision(Step.LEAVE, "it was taken back")),
        (
            marked(90, State.KEPT),
            FACTS,
            Decision(Step.MARK, "its original is gone, and it was taken back long ago"),
        ),
    ],
)
def test_what_is_gone_is_marked_and_after_its_grace_expires(gone: Gone, facts: Facts, decision: Decision) -> None:
    assert plan.decide(gone, facts, RETENTION, NOW) == decision


STAYING = [
    (replace(COPY, kind=Kind.LOG), FACTS, "it is part of a log"),
    (COPY, replace(FACTS, needed=True), "a restorable version needs it"),
    (COPY, replace(FACTS, listed=True), "its original is there"),
    (COPY, replace(FACTS, original=Stored(7, "e")), "its original is there"),
    (replace(COPY, stored_at=NOW - timedelta(days=89)), FACTS, "it is stored for less than 90 days"),
]


@pytest.mark.parametrize(("copy", "facts", "why"), STAYING)
def test_what_has_to_stay_is_left_or_taken_back(copy: Copy, facts: Facts, why: str) -> None:
    assert plan.decide(Gone(copy, None, None), facts, RETENTION, NOW) == Decision(Step.LEAVE, why)
    since = NOW - timedelta(days=99)
    assert plan.decide(Gone(copy, State.MARKED, since), facts, RETENTION, NOW) == Decision(Step.TAKE_BACK, why)
    assert plan.decide(Gone(copy, State.EXPIRING, since), facts, RETENTION, NOW) == Decision(Step.LEAVE, why)


def test_nothing_is_tagged_but_the_copy_that_the_ledger_knows() -> None:
    for stored in (Stored(8, "c"), Stored(7, "d")):
        decision = plan.decide(marked(99), replace(FACTS, stored=stored), RETENTION, NOW)
        assert decision == Decision(Step.LEAVE, "its copy is not the one that the ledger knows")
    absent = replace(FACTS, stored=None)
    returned = replace(absent, original=Stored(7, "e"))
    assert plan.decide(marked(1), returned, RETENTION, NOW) == Decision(Step.LEAVE, "its copy is not there")
    assert plan.decide(GONE, absent, RETENTION, NOW) == Decision(Step.LEAVE, "its copy is not there")
    removed = plan.decide(marked(99, State.EXPIRING), absent, RETENTION, NOW)
    assert removed == Decision(Step.LEAVE, "the lifecycle rule removed it")
