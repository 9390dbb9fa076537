"""What joins the ledger: what is reported as copied, is stored, and is what was listed."""

import json
from urllib.parse import quote, quote_plus

import pytest

from holdfast.warehouse.model import Engine, Item
from holdfast.warehouse.orders import Order, Orders, ReportCorrupt
from tests.unit.warehouse.conftest import MakeLake
from tests.unit.warehouse.domain import Crash, Lake, job_report

A, B = "sales/a.parquet", "sales/b 1+2é%.parquet"


@pytest.fixture(params=[False, True], ids=["no versions", "versions"])
def jobs(request: pytest.FixtureRequest, make_lake: MakeLake) -> Lake:
    """Where S3 Batch Operations copies."""
    return make_lake(Orders(direct_objects=0, storage_class="GLACIER"), versioned=request.param)


def ordered(lake: Lake) -> tuple[Item, Order]:
    lake.bucket.put(A, b"a")
    lake.bucket.put(B, b"b")
    (item,) = lake.begin()
    return item, lake.plan(item)[0]


def stored(lake: Lake, order: Order, *keys: str, etag: str = "") -> None:
    """Copies that a job made, as it does: of what is there now."""
    for key in keys:
        found = lake.bucket.find(key)
        lake.backup.put(f"{order.target}/{key}", found.body or b"", "GLACIER", etag=etag or found.etag)


def failures(lake: Lake, item: Item, attempt: str = "data-1") -> dict[str, str]:
    return {one["key"]: one["code"] for one in lake.document(item, f"{attempt}/commit.json")["failures"]}


@pytest.mark.parametrize("encoded", [quote, quote_plus, lambda key: quote(key, safe="")])
def test_keys_may_stand_encoded_in_any_way_and_twice(jobs: Lake, encoded: object) -> None:
    item, order = ordered(jobs)
    assert order.engine is Engine.BATCH
    stored(jobs, order, A, B)
    job_report(jobs, order, [(encoded(key), "succeeded") for key in (A, B, B)])  # type: ignore[operator]
    assert jobs.commit(item, order) == {"done": True, "failed": 0, "retry": None}
    assert jobs.ledger() == [A, B]
    assert {row["storage_class"] for row in jobs.rows("ledger")} == {"GLACIER"}


def test_what_is_called_copied_and_is_not_there_is_not_entered(jobs: Lake) -> None:
    item, order = ordered(jobs)
    stored(jobs, order, A)
    job_report(jobs, order, [(quote(A), "succeeded"), (quote(B), "succeeded")])
    jobs.commit(item, order)
    assert jobs.ledger() == [A]
    assert failures(jobs, item) == {B: "NotStored"}


def test_what_is_there_and_not_called_copied_is_not_entered(jobs: Lake) -> None:
    item, order = ordered(jobs)
    stored(jobs, order, A, B)
    job_report(jobs, order, [(quote(A), "succeeded")])
    jobs.commit(item, order)
    assert jobs.ledger() == [A]
    assert failures(jobs, item) == {B: "NotReported"}


def test_a_job_without_a_report_has_copied_nothing_and_is_tried_once_more(jobs: Lake) -> None:
    item, order = ordered(jobs)
    told = jobs.commit(item, order)
    retry = Order.of({"phase": told["retry"]})
    assert (told["failed"], retry.attempt, retry.objects) == (2, 2, 2)
    assert retry.token != order.token
    assert jobs.commit(item, retry) == {"done": True, "failed": 2, "retry": None}
    assert jobs.ledger() == []


def test_a_copy_of_another_size_is_not_entered(jobs: Lake) -> None:
    item, order = ordered(jobs)
    stored(jobs, order, A, B)
    jobs.backup.put(f"{order.target}/{A}", b"more")
    job_report(jobs, order, [(quote(A), "succeeded"), (quote(B), "succeeded")])
    jobs.commit(item, order)
    assert failures(jobs, item) == {A: "AnotherSize"}


def test_a_copy_of_what_was_written_since_the_inventory_is_not_what_was_listed(make_lake: MakeLake) -> None:
    lake = make_lake(Orders(direct_objects=0, storage_class="GLACIER"))
    item, order = ordered(lake)
    lake.bucket.put(A, b"z")
    stored(lake, order, A, B)
    job_report(lake, order, [(quote(A), "succeeded"), (quote(B), "succeeded")])
    lake.commit(item, order)
    assert failures(lake, item) == {A: "SourceChanged"}


def test_what_was_written_while_versioning_is_suspended_takes_the_place_of_null(make_lake: MakeLake) -> None:
    """A job that is told "null" copies whatever is there, as one that is told no version."""
    lake = make_lake(Orders(direct_objects=0, storage_class="GLACIER"), versioned=True)
    for key, body in ((A, b"a"), (B, b"b")):
        lake.bucket.put(key, body)
        lake.bucket.change(lake.bucket.find(key), key, id="null")
    (item,) = lake.begin()
    (order,) = lake.plan(item)
    assert order.fields == ("Bucket", "Key", "VersionId")
    lake.bucket.put(A, b"z")
    lake.bucket.change(lake.bucket.find(A), A, id="null")
    stored(lake, order, A, B)
    job_report(lake, order, [(quote(A), "succeeded"), (quote(B), "succeeded")])
    lake.commit(item, order)
    assert failures(lake, item) == {A: "SourceChanged"}
    assert lake.ledger() == [B]


def test_a_copy_with_the_listed_etag_needs_no_look_at_its_original(make_lake: MakeLake) -> None:
    """VACUUM may have taken it since: what was copied was it."""
    lake = make_lake(Orders(direct_objects=0, storage_class="GLACIER"))
    item, order = ordered(lake)
    stored(lake, order, A, B)
    lake.bucket.remove(A)
    job_report(lake, order, [(quote(A), "succeeded"), (quote(B), "succeeded")])
    asked: list[str] = []
    lake.hook = lambda _, bucket, __: asked.append(bucket)
    assert lake.commit(item, order)["failed"] == 0
    assert "lake" not in asked


def test_a_copy_that_was_put_together_anew_is_what_was_listed_if_that_is_still_there(make_lake: MakeLake) -> None:
    lake = make_lake(Orders(direct_objects=0, storage_class="GLACIER"))
    item, order = ordered(lake)
    stored(lake, order, A, B, etag="anew")
    lake.bucket.remove(A)
    job_report(lake, order, [(quote(A), "succeeded"), (quote(B), "succeeded")])
    lake.commit(item, order)
    assert failures(lake, item) == {A: "SourceChanged"}
    assert [row["copy_etag"] for row in lake.rows("ledger")] == ["anew"]


def test_done_again_after_its_retry_it_answers_what_it_came_to(lake: Lake) -> None:
    """A second order of other rows would be another job under the same token."""
    item, order = ordered(lake)
    lake.bucket.remove(A)
    lake.copy(item, order)
    told = lake.commit(item, order)
    manifest = lake.backup.find(told["retry"]["manifest"])
    lake.bucket.put(A, b"a")
    lake.backup.put(f"{order.target}/{A}", b"a")
    assert lake.commit(item, order) == told
    assert lake.backup.find(told["retry"]["manifest"]) is manifest


@pytest.mark.parametrize(
    ("call", "part"), [("write_file", "/ledger/"), ("write_file", "data-2/listed"), ("write", "commit.json")]
)
def test_cut_off_at_any_call_it_is_done_again(lake: Lake, call: str, part: str) -> None:
    item, order = ordered(lake)
    lake.bucket.remove(A)
    lake.copy(item, order)
    lake.crash_at(call, part)
    with pytest.raises(Crash):
        lake.commit(item, order)
    assert lake.commit(item, order)["failed"] == 1
    assert lake.ledger() == [B]


def test_what_has_joined_the_ledger_stays_with_its_moment_whatever_is_seen_the_second_time(make_lake: MakeLake) -> None:
    """Another run may have counted on it already."""
    lake = make_lake(Orders(direct_objects=0, storage_class="GLACIER"))
    item, order = ordered(lake)
    stored(lake, order, A, B, etag="anew")
    job_report(lake, order, [(quote(A), "succeeded"), (quote(B), "succeeded")])
    lake.crash_at("write", "commit.json")
    with pytest.raises(Crash):
        lake.commit(item, order)
    before = lake.rows("ledger")
    lake.days(1)
    lake.bucket.remove(A)
    assert lake.commit(item, order)["failed"] == 0
    assert lake.rows("ledger") == before


def test_a_report_whose_part_is_not_what_it_says_counts_for_nothing(jobs: Lake) -> None:
    item, order = ordered(jobs)
    stored(jobs, order, A, B)
    job_report(jobs, order, [(quote(A), "succeeded")])
    jobs.backup.put(f"{order.report}/job-1/results/a.csv", b"another")
    with pytest.raises(ReportCorrupt, match=r"results/a\.csv: its MD5"):
        jobs.commit(item, order)
    assert jobs.ledger() == []


@pytest.mark.parametrize("body", [b"no json", b"[]", b"{}", json.dumps({"ReportSchema": "Key"}).encode()])
def test_a_report_that_is_none_is_named(jobs: Lake, body: bytes) -> None:
    item, order = ordered(jobs)
    where = job_report(jobs, order, [])
    jobs.backup.put(where, body)
    with pytest.raises(ReportCorrupt, match=r"job-1/manifest\.json"):
        jobs.commit(item, order)


def test_only_copies_of_the_source_are_listed(lake: Lake) -> None:
    """Forty sources of one bucket copy to one place."""
    item, order = ordered(lake)
    lake.copy(item, order)
    listed: list[str] = []
    lake.hook = lambda call, _, key: listed.append(key) if call == "listing" else None
    lake.commit(item, order)
    assert f"{order.target}/sales/" in listed
    assert f"{order.target}/" not in listed
    assert lake.ledger() == [A, B]
