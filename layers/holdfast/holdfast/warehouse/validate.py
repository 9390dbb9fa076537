"""The second step: whether an inventory is complete and right, and where it is planned."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from holdfast.warehouse import plan
from holdfast.warehouse.inventory import CHECKSUM, MANIFEST, ManifestCorrupt, read_manifest
from holdfast.warehouse.model import Item, Limits, Manifest, Route
from holdfast.warehouse.plan import InventoryIncomplete, InventoryMissing, InventoryStale, InventoryTooLarge
from holdfast.warehouse.ports import NotStored
from holdfast.warehouse.run import Warehouse


@dataclass(frozen=True, slots=True)
class Rules:
    """`has_task`: whether there is more than functions to plan with."""

    limits: Limits
    max_age: timedelta
    has_task: bool


def load_manifest(warehouse: Warehouse, item: Item) -> Manifest:
    """The manifest of a source's inventory. Raises InventoryMissing, InventoryIncomplete, ManifestCorrupt."""
    bucket = warehouse.inventory_bucket
    if item.inventory is None:
        raise InventoryMissing(str(item.source), f"s3://{bucket.name}/{warehouse.inventories}")
    where = f"s3://{bucket.name}/{item.inventory}{MANIFEST}"
    try:
        body, checksum = bucket.read(item.inventory + MANIFEST), bucket.read(item.inventory + CHECKSUM)
    except NotStored as error:
        raise InventoryIncomplete(f"{where} is not complete: {error}") from None
    return read_manifest(where, body, checksum, item.source.bucket)


def validate(warehouse: Warehouse, item: Item, rules: Rules, *, since: datetime) -> dict[str, Any]:
    """What an inventory is worth, as data: `incomplete` is looked at again, `expired` and `corrupt` are failures."""
    try:
        route = _route(warehouse, item, rules)
    except InventoryIncomplete as error:
        status = "incomplete" if plan.may_wait(since, warehouse.now()) else "expired"
        return _answer(status, None, error)
    except (InventoryMissing, InventoryStale, InventoryTooLarge, ManifestCorrupt) as error:
        return _answer("corrupt", None, error)
    return _answer("complete", route, None)


def _answer(status: str, route: Route | None, error: Exception | None) -> dict[str, Any]:
    told = None if error is None else {"Error": type(error).__name__, "Cause": str(error)}
    return {"status": status, "route": route, "error": told}


def _route(warehouse: Warehouse, item: Item, rules: Rules) -> Route:
    manifest = load_manifest(warehouse, item)
    if warehouse.now() - manifest.created_at > rules.max_age:
        raise InventoryStale(str(item.source), manifest.created_at, rules.max_age)
    seen = plan.look(manifest, _parts(warehouse, manifest))
    if seen.wrong:
        raise ManifestCorrupt(str(item.inventory), plan.few(seen.wrong))
    if seen.missing:
        raise InventoryIncomplete(f"{item.inventory}: {plan.few(seen.missing)} did not come")
    return plan.route(str(item.source), manifest, rules.limits, has_task=rules.has_task)


def _parts(warehouse: Warehouse, manifest: Manifest) -> Mapping[str, Any]:
    keys = [part.key for part in manifest.parts]
    return dict(zip(keys, warehouse.each(warehouse.inventory_bucket.head, keys), strict=True))
