"""Which inventory of each source a run goes by, and what the run is called."""

from datetime import datetime, timedelta, timezone

import pytest

from holdfast.warehouse import naming
from holdfast.warehouse.discover import NoSources, discover
from holdfast.warehouse.model import Source
from holdfast.warehouse.plan import SourcesOverlap
from tests.unit.warehouse.domain import BEGINNING, SALES, Lake


def inventory_of(lake: Lake, source: Source = SALES) -> str | None:
    told = discover(lake.warehouse, [source], started=lake.time, execution=f"at {lake.time}")
    found: str | None = told["sources"][0]["inventory"]
    return found


def test_the_newest_complete_inventory_is_taken(lake: Lake) -> None:
    lake.inventory()
    lake.days(1)
    complete = lake.inventory()
    lake.days(1)
    newest = lake.inventory()
    lake.inventories.remove(f"{newest}manifest.checksum")
    assert inventory_of(lake) == complete


def test_without_a_complete_one_the_newest_is_waited_for(lake: Lake) -> None:
    folder = lake.inventory()
    lake.inventories.remove(f"{folder}manifest.checksum")
    assert inventory_of(lake) == folder


def test_only_what_is_called_as_an_inventory_is_one(lake: Lake) -> None:
    lake.inventories.put("daily/lake/holdfast/hive/dt=2026-01-01-00-00/symlink.txt", b"")
    lake.inventories.put("daily/lake/holdfast/2026-01-01T00-00Z", b"no folder")
    assert inventory_of(lake) is None


def test_a_source_has_the_inventories_of_its_own_configuration(lake: Lake) -> None:
    lake.inventory()
    other = lake.inventory(inventory_id="weekly")
    assert inventory_of(lake, Source.parse("s3://lake/sales#weekly")) == other


def test_done_again_it_is_the_same_run_by_the_same_inventories(lake: Lake) -> None:
    lake.inventory()
    first = discover(lake.warehouse, [SALES], started=BEGINNING, execution="one")
    lake.days(1)
    lake.inventory()
    assert discover(lake.warehouse, [SALES], started=BEGINNING, execution="one") == first


def test_two_runs_of_one_second_have_names_of_their_own(lake: Lake) -> None:
    names = {discover(lake.warehouse, [SALES], started=BEGINNING, execution=one)["run"] for one in ("one", "two")}
    assert len(names) == 2


def test_a_run_is_named_in_utc_whatever_zone_it_began_in() -> None:
    there = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert naming.run_name(there, "one") == naming.run_name(BEGINNING, "one")


def test_a_run_that_would_back_up_nothing_is_refused(lake: Lake) -> None:
    with pytest.raises(NoSources, match="WarehouseSources"):
        discover(lake.warehouse, [], started=BEGINNING, execution="one")


def test_sources_that_hold_the_same_keys_are_refused_before_anything_is_written(lake: Lake) -> None:
    with pytest.raises(SourcesOverlap):
        discover(lake.warehouse, [SALES, Source.parse("s3://lake/*")], started=BEGINNING, execution="one")
    assert not lake.backup.keys
