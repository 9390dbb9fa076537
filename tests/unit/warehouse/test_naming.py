"""Names in the backup bucket: one place for each thing, found again from what is known of it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.warehouse.model import Phase, Source
from holdfast.warehouse.naming import Names, concerns, digest, partition, run_name

NAMES = Names("warehouse/")
RUN = "20261120T010000Z-abc123"
SALES = Source("lake", "sales/")
EACH = Source("lake", "warehouse/", many=True)


def test_runs_are_sorted_as_they_began() -> None:
    moments = [datetime(2026, 2, 1, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)]
    names = [run_name(moment, execution) for moment, execution in zip(moments, "cba", strict=True)]
    assert names == sorted(names)
    assert names[0].startswith("20260201T010000Z-")


def test_a_run_has_one_name_and_no_others() -> None:
    now = datetime(2026, 11, 20, 1, tzinfo=UTC)
    assert run_name(now, "execution-1") == run_name(now, "execution-1")
    assert run_name(now, "execution-1") != run_name(now, "execution-2")


@given(st.text(), st.text())
def test_a_digest_is_as_good_as_what_it_is_of(one: str, other: str) -> None:
    assert (digest(one) == digest(other)) == (one == other)
    assert len(digest(one)) == 16


def test_any_text_has_a_digest() -> None:
    assert digest("\ud800") != digest("\ud801")


def test_everything_lies_below_the_prefix() -> None:
    assert NAMES.run(RUN) == f"warehouse/runs/{RUN}/"
    assert NAMES.of_source(RUN, SALES) == f"warehouse/runs/{RUN}/lake%2Fsales/"
    assert NAMES.phase(RUN, EACH, Phase.LOGS, 2) == f"warehouse/runs/{RUN}/lake%2Fwarehouse%2F%2A/logs-2/"
    assert NAMES.copies(RUN, "lake") == f"warehouse/copies/{RUN}/lake/"
    assert NAMES.ledger("lake") == "warehouse/ledger/bucket=lake/"
    assert NAMES.retirements("lake") == "warehouse/retirements/bucket=lake/"
    assert NAMES.closures("lake") == "warehouse/closures/bucket=lake/"
    assert NAMES.reports == "warehouse/reports/"


def test_without_a_prefix_there_is_no_slash_before() -> None:
    assert Names("").copies(RUN, "lake") == f"copies/{RUN}/lake/"
    assert Names("").runs == "runs/"


PREFIXES = st.text(st.sampled_from("ab%/ é2F="), max_size=5).map(lambda text: f"{text.strip('/')}/".lstrip("/"))


@given(PREFIXES, PREFIXES)
def test_a_source_is_a_folder_of_one_name(one: str, other: str) -> None:
    ours, theirs = Source("lake", one), Source("lake", other)
    assert partition(ours).count("/") == 1
    assert (partition(ours) == partition(theirs)) == (one == other)
    assert NAMES.of_source(RUN, ours).count("/") == 4


@given(PREFIXES, PREFIXES)
def test_the_ledger_of_a_source_concerns_those_that_hold_it_and_that_it_holds(one: str, other: str) -> None:
    name = f"{partition(Source('lake', one))}{RUN}-data-1.parquet"
    assert concerns(name, Source("lake", other)) == (one.startswith(other) or other.startswith(one))


@pytest.mark.parametrize(
    ("written", "asked", "found"),
    [
        ("sales/", "sales/", True),
        ("", "sales/", True),
        ("sales/", "", True),
        ("warehouse/sales/", "warehouse/", True),
        ("sales/", "sales2/", False),
        ("sales2/", "sales/", False),
        ("a/b/", "a/c/", False),
    ],
)
def test_sources_may_be_changed_and_find_what_was_written_before(written: str, asked: str, found: bool) -> None:
    name = f"{partition(Source('lake', written))}{RUN}-data-1.parquet"
    assert concerns(name, Source("lake", asked)) is found
    assert concerns(name, Source("lake", asked, many=True)) is found
