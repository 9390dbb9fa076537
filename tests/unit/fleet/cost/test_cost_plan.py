"""Bytes times prices, by hand and by the module."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from holdfast.fleet.cost import plan
from holdfast.fleet.cost.plan import AURORA, EBS, GB, RDS, STANDARD, TABLE, Facts, Lifecycle, Stored, Tier
from holdfast.fleet.model import Backup, Keep, Kind, Part, PartType, Place, Schedule, Slot, Status, Tag
from holdfast.prices import prices

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
KEEP = Keep(7, 4, 12, 3)


def part(size: int, type_: PartType = PartType.SNAPSHOT, of: str = "vol-1", volume: str = "") -> Part:
    tags = {Tag.VOLUME.value: volume} if volume else {}
    return Part(type_, "x", "arn:x", "eu-west-1", Status.COMPLETE, tags, of=of, size=size * GB)


def backup(taken: datetime, *parts: Part, region: str = "eu-west-1", source: str = "arn:i") -> Backup:
    return Backup(source, Kind.INSTANCE, Place(region), Slot(taken, Schedule.DAILY), taken, parts)


def gigabytes(stored: list[Stored]) -> dict[str, float]:
    return {f"{one.region} {one.tier}": round(one.size / GB, 6) for one in stored}


def test_the_first_snapshot_of_a_volume_is_in_full_and_later_ones_are_what_changed() -> None:
    backups = [backup(NOW + days * DAY, part(100)) for days in (0, 1, 3)]
    assert gigabytes(plan.snapshots(backups)) == {"eu-west-1 ebs snapshot": 100 + 5 + 10}


def test_never_more_than_all_of_a_volume_has_changed() -> None:
    backups = [backup(NOW, part(100)), backup(NOW + 60 * DAY, part(100))]
    assert gigabytes(plan.snapshots(backups)) == {"eu-west-1 ebs snapshot": 200}


def test_each_volume_and_each_region_has_a_first_snapshot_of_its_own() -> None:
    copies = [part(10, of="", volume="vol-1"), part(20, of="vol-ffffffff", volume="vol-2")]
    backups = [
        backup(NOW, part(10), part(20, of="vol-2")),
        backup(NOW, *copies, region="us-east-1"),
        backup(NOW + DAY, *copies, region="us-east-1"),
    ]
    assert gigabytes(plan.snapshots(backups)) == {"eu-west-1 ebs snapshot": 30, "us-east-1 ebs snapshot": 31.5}


def test_databases_and_clusters_have_prices_of_their_own_and_images_none() -> None:
    parts = [part(1, PartType.DB_SNAPSHOT), part(2, PartType.CLUSTER_SNAPSHOT), part(3, PartType.IMAGE)]
    stored = plan.snapshots([backup(NOW, *parts)])
    assert {one.tier: one.size / GB for one in stored} == {RDS: 1, AURORA: 2}


def test_a_class_without_a_price_counts_as_the_dearest() -> None:
    assert Tier("s3", "NEW").rate(prices()) == STANDARD.rate(prices()) == 0.023


def test_a_what_if_begins_with_the_newest_snapshots_in_full() -> None:
    backups = [backup(NOW + DAY, part(120)), backup(NOW, part(100)), backup(NOW, part(7, PartType.IMAGE))]
    assert plan.newest_sizes(backups) == {EBS: 120 * GB}


@pytest.mark.parametrize(
    ("keep", "times"),
    [
        (Keep(7, 4, 12, 3), 1 + 6 * 0.05 + 4 * 0.35 + 12 + 3),
        (Keep(1, 0, 0, 0), 1),
        (Keep(0, 2, 0, 1), 1 + 0.35 + 1),
        (Keep(0, 0, 0, 2), 2),
        (Keep(0, 0, 0, 0), 1),
    ],
    ids=str,
)
def test_a_retention_comes_to_so_many_times_the_volume(keep: Keep, times: float) -> None:
    assert plan.kept(keep, 0.05) == pytest.approx(times)


def test_a_retention_fills_up_with_time() -> None:
    assert plan.kept(KEEP, 0.05, 0) == pytest.approx(1 + 0.35 + 1 + 1)
    assert plan.kept(KEEP, 0.05, 30) == pytest.approx(1 + 6 * 0.05 + 4 * 0.35 + 2 + 1)
    assert plan.kept(KEEP, 0.05, 10_000) == pytest.approx(plan.kept(KEEP, 0.05))


def test_fewer_backups_cost_less() -> None:
    sizes = {EBS: 100 * GB, RDS: 10 * GB}
    whole = plan.what_if(sizes, KEEP, 0.05, prices())
    less = plan.what_if(sizes, Keep(7, 4, 0, 0), 0.05, prices())
    assert whole.dollars == pytest.approx(17.7 * (100 * 0.05 + 10 * 0.095))
    assert less.size / GB == pytest.approx(110 * 2.7)


def test_objects_get_cheaper_with_age_where_a_lifecycle_moves_them() -> None:
    lifecycle = Lifecycle(30, 90, 365)
    assert [lifecycle.at(days).name for days in (0, 29, 30, 90, 364, 365)] == [
        "STANDARD",
        "STANDARD",
        "STANDARD_IA",
        "GLACIER",
        "GLACIER",
        "DEEP_ARCHIVE",
    ]
    stored = (
        Stored("fleet", "b", "eu-west-1", STANDARD, 100 * GB, ages=True),
        Stored("objects", "o", "eu-west-1", STANDARD, 100 * GB),
        Stored("fleet", "i", "eu-west-1", EBS, 500 * GB),
    )
    facts = Facts(stored, {EBS: 100 * GB}, Keep(1, 0, 0, 0), lifecycle, metrics=10)
    assert plan.projection(facts, 0.05, prices()) == {
        30: pytest.approx(1.25 + 2.3 + 5 + 3),
        90: pytest.approx(0.36 + 2.3 + 5 + 3),
        365: pytest.approx(0.099 + 2.3 + 5 + 3),
    }


def test_a_sum_tells_what_of_which_system_and_what_it_assumes() -> None:
    stored = (
        Stored("tables", "t", "eu-west-1", TABLE, 4 * GB),
        Stored("fleet", "arn:i", "eu-west-1", EBS, 100 * GB),
    )
    told = plan.summary(Facts(stored, {}, KEEP, Lifecycle(), metrics=10), 0.02, prices())
    assert told["systems"] == {"fleet": 8.0, "tables": 1.0}
    assert told["total"] == 9.0
    assert told["items"][0] == {
        "system": "tables",
        "name": "t",
        "region": "eu-west-1",
        "tier": "dynamodb standard",
        "bytes": 4 * GB,
        "dollars": 1.0,
    }
    assert told["prices"] == {"as_of": "2025", "region": "us-east-1"}
    assert "with 2 % for each day" in told["assumed"][0]


def test_without_a_fleet_nothing_of_it_is_paid_for() -> None:
    assert plan.summary(Facts((), {}, KEEP, Lifecycle()), 0.05, prices())["systems"] == {}


def test_the_first_year_counts_only_the_days_that_it_has() -> None:
    lines = list(plan.estimate(100, KEEP, 0.05, Lifecycle(60, 365, 730), prices()))
    assert "  The first year: $17.07. In STANDARD all along: $27.60." in lines


EXPLAINED = Path("docs/explanation/fleet-costs.md")


def test_the_explanation_has_the_sums_that_come_of_its_retentions() -> None:
    rows = re.findall(r"^\| (\d+ daily.*?) \| ([\d,]+) GB \| \$([\d.]+) \|$", EXPLAINED.read_text(), re.MULTILINE)
    assert len(rows) == 6
    for retention, stored, dollars in rows:
        counts = {name: int(count) for count, name in re.findall(r"(\d+) (\w+)", retention)}
        times = plan.kept(Keep(*(counts.get(name, 0) for name in ("daily", "weekly", "monthly", "yearly"))), 0.05)
        assert (f"{times * 100:,.0f}", f"{times * 5:.2f}") == (stored, dollars)
