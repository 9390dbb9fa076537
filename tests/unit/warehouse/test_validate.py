"""What an inventory is worth before anything is read of its parts."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from holdfast.warehouse.model import Item, Limits
from holdfast.warehouse.plan import PATIENCE
from holdfast.warehouse.validate import Rules, validate
from tests.unit.warehouse.domain import SALES, VALIDATION, Lake


def worth(lake: Lake, item: Item, waited: timedelta = timedelta(), rules: Rules = VALIDATION) -> dict[str, Any]:
    return validate(lake.warehouse, item, rules, since=lake.time - waited)


def error(told: dict[str, Any]) -> tuple[str, str]:
    return told["status"], told["error"]["Error"]


def part(lake: Lake) -> str:
    return next(key for key in lake.inventories.keys if "/data/" in key)


def test_a_complete_inventory_tells_where_it_is_planned(lake: Lake) -> None:
    (item,) = lake.begin()
    assert worth(lake, item) == {"status": "complete", "route": "lambda", "error": None}


@pytest.mark.parametrize(("waited", "status"), [(timedelta(), "incomplete"), (PATIENCE, "expired")])
@pytest.mark.parametrize("name", ["manifest.json", "manifest.checksum", "/data/"])
def test_what_did_not_come_is_waited_for_some_time(lake: Lake, name: str, waited: timedelta, status: str) -> None:
    (item,) = lake.begin()
    (missing,) = [key for key in lake.inventories.keys if name in key]
    lake.inventories.remove(missing)
    told = worth(lake, item, waited)
    assert error(told) == (status, "InventoryIncomplete")
    assert missing in told["error"]["Cause"]


def test_a_part_of_another_size_is_corrupt_at_once(lake: Lake) -> None:
    (item,) = lake.begin()
    lake.inventories.put(part(lake), b"cut")
    told = worth(lake, item)
    assert error(told) == ("corrupt", "ManifestCorrupt")
    assert f"{part(lake)} has 3 bytes" in told["error"]["Cause"]


def test_a_manifest_that_is_not_what_its_checksum_says_is_corrupt(lake: Lake) -> None:
    (item,) = lake.begin()
    lake.inventories.put(f"{item.inventory}manifest.checksum", hashlib.md5(b"another").hexdigest().encode())
    assert error(worth(lake, item)) == ("corrupt", "ManifestCorrupt")


def test_a_source_without_an_inventory_is_told_how_to_get_one(lake: Lake) -> None:
    told = worth(lake, Item("run", SALES, None))
    assert error(told) == ("corrupt", "InventoryMissing")
    assert "holdfast warehouse inventory" in told["error"]["Cause"]


def test_an_inventory_of_long_ago_is_not_gone_by(lake: Lake) -> None:
    (item,) = lake.begin()
    lake.days(11)
    assert error(worth(lake, item)) == ("corrupt", "InventoryStale")


def test_an_inventory_without_parts_is_complete(lake: Lake) -> None:
    folder = lake.inventory(parts=0)
    assert worth(lake, Item("run", SALES, folder))["status"] == "complete"


def test_what_is_too_large_for_what_is_deployed_is_no_surprise_later(lake: Lake) -> None:
    (item,) = lake.begin()
    told = worth(lake, item, rules=Rules(Limits(25, 1, 10), timedelta(days=10), has_task=False))
    assert error(told) == ("corrupt", "InventoryTooLarge")
