"""What a restore decides: which table of which run, where to, at what price."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

import pytest

from holdfast.warehouse.delta.model import LogFile, Snapshot, Verdict
from holdfast.warehouse.delta.plan import history
from holdfast.warehouse.model import Item, Source, Tally
from holdfast.warehouse.restore import plan
from holdfast.warehouse.restore.model import BadDestination, Candidate, Chosen, LeftOut, NameAmbiguous, TierMissing
from holdfast.warehouse.restore.plan import To
from tests.unit.warehouse.delta.domain import a_log, checkpoint, commits

AT = datetime(2026, 11, 19, tzinfo=UTC)
SHOP, ALL = Source("lake", "shop/"), Source("lake", "", many=True)
R1, R2, R3 = (Item(f"R{number}", SHOP, None) for number in (1, 2, 3))
GB = 1024**3


# What is asked for


def test_a_name_means_one_place() -> None:
    assert plan.place([(SHOP, "shop/"), (ALL, "shop/")], "shop") == ("lake", "shop/")
    with pytest.raises(NameAmbiguous, match="'shop' may be lake/shop or pond/shop: say it with its bucket"):
        plan.place([(Source("pond", "", many=True), "shop/"), (SHOP, "shop/")], "shop")


def told(**versions: int | None) -> dict[str, dict[str, int | None]]:
    return {f"shop/{name}/": {"version": version} for name, version in versions.items()}


def test_each_table_is_asked_of_the_runs_that_have_it_the_newest_first() -> None:
    recorded = [(R3, told(b=5)), (R2, told(a=None, b=4)), (R1, told(a=1, b=3))]
    found, dropped = plan.candidates(recorded, "lake", "shop/")
    assert found == {
        "shop/a/": [Candidate(R2, "shop/a/", None), Candidate(R1, "shop/a/", 1)],
        "shop/b/": [Candidate(R3, "shop/b/", 5), Candidate(R2, "shop/b/", 4), Candidate(R1, "shop/b/", 3)],
    }
    assert dropped == {"shop/a/"}


def test_other_buckets_and_other_prefixes_are_none_of_it() -> None:
    pond = Item("R3", Source("pond", "", many=True), None)
    found, dropped = plan.candidates([(pond, told(a=1)), (R2, told(a=1, b=2))], "lake", "shop/b/")
    assert (list(found), dropped) == (["shop/b/"], frozenset())


def test_a_source_that_came_later_does_not_make_a_table_look_dropped() -> None:
    later = Item("R3", ALL, None)
    _, dropped = plan.candidates([(later, told(b=1)), (R2, told(a=1))], "lake", "shop/")
    assert dropped == frozenset()


# What a verdict means

LOG = a_log(*commits(0, 1, 2), root="shop/a/")
SNAPSHOT = Snapshot(2, AT, 1, 1, 0, 1, 1, (), tuple(LOG.files))
CANDIDATE = Candidate(R2, "shop/a/", 2)


@pytest.mark.parametrize("wanted", [None, 2])
def test_what_can_be_restored_is(wanted: int | None) -> None:
    found = plan.judged(CANDIDATE, wanted, Verdict(LOG, 2, SNAPSHOT))
    assert found == Chosen(CANDIDATE, SNAPSHOT, 2)
    assert (found.root, found.keystone) == ("shop/a/", LOG.files[0].key)


def test_an_older_version_is_restored_only_if_none_was_asked_for() -> None:
    verdict = Verdict(LOG, 4, SNAPSHOT, ("shop/a/x",), 12)
    assert plan.judged(CANDIDATE, None, verdict) == Chosen(CANDIDATE, SNAPSHOT, 4, ("shop/a/x",), 12)
    assert plan.judged(CANDIDATE, 4, verdict) == LeftOut(
        "shop/a/",
        "version 4, as run R2 found it, lacks 12 objects: 'shop/a/x' and 11 more; version 2 can be restored",
    )


@pytest.mark.parametrize(
    ("wanted", "verdict", "reason", "existed"),
    [
        (None, Verdict(LOG, None, None), "the log that run R2 has copied names no version", False),
        (7, Verdict(LOG, None, None), "the log that run R2 has copied names no version 7", False),
        (7, Verdict(LOG, 2, SNAPSHOT), "the log that run R2 has copied names no version 7", False),
        (None, Verdict(LOG, 2, None, ("x",), 1), "version 2, as run R2 found it, lacks 1 object: 'x'", True),
        (
            None,
            Verdict(LOG, 2, None, unusable=("a: torn", "b: torn")),
            "version 2, as run R2 found it, cannot be read: a: torn; b: torn",
            True,
        ),
    ],
)
def test_why_a_table_is_left_out(wanted: int | None, verdict: Verdict, reason: str, *, existed: bool) -> None:
    assert plan.judged(CANDIDATE, wanted, verdict) == LeftOut("shop/a/", reason, existed)


@pytest.mark.parametrize(
    ("names", "later", "gap"),
    [
        (commits(0, 1, 2), None, None),  # the newest there is
        (commits(0, 1, 2), 3, None),  # the next run goes on with the next version
        (commits(0, 1, 2), 0, None),  # the next run has them all, or another table
        (commits(0, 1, 2, 3), 6, None),  # this very log tells that the next one is later
        (commits(0, 1, 2), 4, (3, 3)),
        ([checkpoint(2)], 7, (3, 6)),
    ],
)
def test_versions_of_which_no_log_tells_the_time(
    names: list[str], later: int | None, gap: tuple[int, int] | None
) -> None:
    assert plan.unknown(2, history(a_log(*names)), later) == gap


# Where to


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("s3://new", To("new", "")),
        ("s3://new/", To("new", "")),
        ("s3://new/a", To("new", "a/")),
        ("s3://new/a b/ü,\n/", To("new", "a b/ü,\n/")),
    ],
)
def test_places(text: str, place: To) -> None:
    assert To.parse(text) == place
    assert To.parse(str(place)) == place


@pytest.mark.parametrize("text", ["new/a", "s3://", "s3://N/a", "s3:/new", ""])
def test_what_names_no_place(text: str) -> None:
    with pytest.raises(BadDestination, match="names no place: s3://BUCKET/PREFIX does"):
        To.parse(text)


@pytest.mark.parametrize("to", [To("backup", "b/"), To("backup", "b/copies/"), To("backup", "")])
def test_the_backup_is_no_place(to: To) -> None:
    with pytest.raises(BadDestination, match="is where the backup itself lies: restore to another place"):
        to.check("backup", "b/")


def test_beside_the_backup_is_one() -> None:
    To("backup", "b2/").check("backup", "b/")
    To("new", "b/").check("backup", "b/")


def test_what_is_restored_into_a_source_is_backed_up_in_turn() -> None:
    assert To("lake", "shop/again/").within([Source("pond", "shop/"), SHOP, ALL]) == SHOP
    assert To("lake", "other/").within([SHOP]) is None


# What it costs


def test_a_class_has_its_own_tiers() -> None:
    plan.check_tier("GLACIER", "Expedited")
    with pytest.raises(TierMissing) as raised:
        plan.check_tier("DEEP_ARCHIVE", "Expedited")
    assert str(raised.value) == (
        "DEEP_ARCHIVE does not thaw in tier Expedited: give --tier Standard (up to 12 hours) or Bulk (up to 48 hours)"
    )


def test_what_is_thawed_is_kept_in_standard_storage_meanwhile() -> None:
    asked = Tally(1000, 100 * GB)
    assert plan.thaw_dollars("GLACIER", "Bulk", asked, 30) == pytest.approx(100 * 0.023)
    assert plan.thaw_dollars("GLACIER", "Standard", asked, 3) == pytest.approx(0.05 + 1.0 + 0.23)


def test_copies_cost_requests_and_what_is_billed_by_the_byte() -> None:
    assert plan.copy_dollars(Tally(2000, GB), {}) == pytest.approx(0.01)
    assert plan.copy_dollars(Tally(2000, GB), {"GLACIER_IR": Tally(1, 10 * GB)}) == pytest.approx(0.31)


def test_looks_come_at_growing_intervals() -> None:
    assert list(islice(plan.pauses(), 8)) == [10, 20, 40, 80, 160, 300, 300, 300]


def test_a_chosen_table_begins_with_its_checkpoint() -> None:
    base = LogFile("shop/a/_delta_log/2.checkpoint.parquet", 1, AT)
    assert Chosen(CANDIDATE, replace(SNAPSHOT, log=(base, *LOG.files)), 2).keystone == base.key
