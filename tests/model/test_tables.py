"""The tables system under random histories: it knows every moment, and the check has teeth."""

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from holdfast.adapters.memory_tables import MemoryItemObjects
from holdfast.events import dynamodb
from holdfast.events.dynamodb import Batch, StreamRecord
from holdfast.tables import backfill, layout, naming, plan, segment
from holdfast.tables.fill import ItemFill
from holdfast.tables.item import wire
from holdfast.tables.layout import ItemLayout, Kept
from holdfast.tables.model import Base, Change, Image, ItemId, Segment
from holdfast.tables.ports import Page
from holdfast.tables.view import Altered, View
from tests.model.histories import Bug, each_of, planted, play_all
from tests.model.tables_history import LiveTable, play

pytestmark = pytest.mark.model

HISTORIES = int(os.environ.get("HISTORIES", "1500"))
CHUNKS = 8
ENOUGH_TO_CATCH_A_BUG = 5000


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_archive_knows_every_moment_of_random_histories(chunk: int) -> None:
    assert sum(play_all(play, range(chunk, HISTORIES, CHUNKS))) >= HISTORIES // CHUNKS


# Bugs


def orders_by_the_second_alone(
    changes: Iterable[Change], at: int, _wanted: object = bool, *, since: int = 0
) -> dict[ItemId, Change]:
    last: dict[ItemId, Change] = {}
    for change in sorted(changes, key=lambda change: change.moment.at):
        if since <= change.moment.at <= at:
            last.setdefault(change.item, change)
            if last[change.item].moment.at < change.moment.at:
                last[change.item] = change
    return last


def takes_the_last_to_be_stored(
    changes: Iterable[Change], at: int, _wanted: object = bool, *, since: int = 0
) -> dict[ItemId, Change]:
    return {change.item: change for change in changes if since <= change.moment.at <= at}


def leaves_out_the_second_itself(
    changes: Iterable[Change], at: int, *_: object, since: int = 0
) -> dict[ItemId, Change]:
    return LATEST(changes, at - 1, since=since)


def passes_over_removals(changes: Iterable[Change], at: int, *_: object, since: int = 0) -> dict[ItemId, Change]:
    return LATEST((change for change in changes if not change.is_removal), at, since=since)


def takes_numbers_for_floats(image: Any, _where: str = "") -> None:
    for value in image.values():
        if "N" in value:
            value["N"] = str(float(value["N"]))


def drops_what_is_empty(change: Change) -> dict[str, Any]:
    told = LINE(change)
    if "image" in told:
        told["image"] = {name: value for name, value in told["image"].items() if value != {"S": ""}}
    return told


def keeps_one_change_an_item(table: str, found: list[plan.Archived]) -> list[Kept]:
    return [Kept(list({one.change.item: one.change for one in found}.values()))]


def names_a_segment_by_its_first_change(*arguments: Any, **more: Any) -> tuple[Segment, bytes]:
    one, body = ENCODE(*arguments, **more)
    return replace(one, name=one.name.replace(f"-{one.last.at}.", f"-{one.first.at}.")), body


def leaves_the_old_tenant_its_object(self: ItemLayout, table: str, one: plan.Archived) -> Change:
    return KEEP(self, table, replace(one, moved=False))


def takes_the_tenant_of_the_new_image_only(record: StreamRecord, column: str) -> plan.Archived:
    return ARCHIVED(replace(record, old=None), column)


def takes_the_tenant_that_it_had_last(record: StreamRecord, column: str) -> plan.Archived:
    found = ARCHIVED(record, column)
    if column and found.change.tenant is None and record.old:
        owner = plan.tenant(record.old, column)
        return replace(found, change=replace(found.change, tenant=owner), moved=False)
    return found


def refers_to_the_newest_version(self: MemoryItemObjects, reference: Any) -> bytes:
    return next(one.body for one in reversed(self.versions[reference.key]) if one.body is not None)


def separates_keys_ambiguously(keys: Image, key_names: Iterable[str]) -> str:
    return "".join(str(next(iter(keys[name].values()))) for name in key_names)


def goes_on_behind_an_error(self: ItemLayout, table: str, found: list[plan.Archived]) -> Kept:
    kept = [KEEP_ITEM(self, table, [one]) for one in found]
    return Kept([change for one in kept for change in one.changes])


def answers_success_after_an_error(self: ItemLayout, table: str, found: list[plan.Archived]) -> Kept:
    return replace(KEEP_ITEM(self, table, found), failed=None, error=None)


def forgets_the_second_half_of_a_batch(*arguments: Any) -> Batch:
    batch = BATCH(*arguments)
    return replace(batch, records=batch.records[: (len(batch.records) + 1) // 2])


def hashes_keys_in_the_order_they_come(keys: Image) -> ItemId:
    return ItemId(str(list(keys.items())))


def builds_on_a_backfill_that_is_under_way(bases: Iterable[Base], at: int) -> Base | None:
    return max((base for base in bases if base.began <= at), key=lambda base: base.began, default=None)


def builds_on_the_first_backfill_for_ever(bases: Iterable[Base], at: int) -> Base | None:
    return min((base for base in bases if base.ended and base.ended <= at), key=lambda base: base.began, default=None)


def builds_on_no_backfill(_bases: Iterable[Base], _at: int) -> None:
    return None


def reads_only_what_came_since_the_backfill_was_over(self: View, base: Base | None, until: int) -> list[Segment]:
    if base is None:
        return self.archive.segments(0, until)
    return [*self.archive.base_segments(base.run), *self.archive.segments(base.ended or 0, until)]


def reads_what_any_backfill_found(self: View, base: Base | None, until: int) -> list[Segment]:
    since = base.began if base else 0
    return [*self.archive.base_segments(), *self.archive.segments(since, until)]


def asks_for_the_time_behind_the_read(self: LiveTable, *arguments: Any) -> Page:
    page = SCAN(self, *arguments)
    return replace(page, as_of=self.now() + 1)


def says_that_it_was_over_when_it_began(run: Any) -> Base:
    ended: Base = replace(run.base, ended=run.base.began)
    run.archive.save_base(ended)
    return ended


def takes_a_part_that_was_begun_for_done(run: Any, number: int) -> bool:
    return number in run.base.done


def puts_an_object_whatever_is_there(self: ItemFill, table: Any, change: Change, image: Image) -> int:
    self.layout.objects.put(self.layout.key_of(table.name, change, change.tenant), wire(image), change.moment)
    return 0


def looks_no_second_time(self: ItemFill, table: Any, change: Change, image: Image) -> int:
    key = self.layout.key_of(table.name, change, change.tenant)
    self.layout.objects.put_if_newer(key, wire(image), change.moment)
    return 0


SCAN = LiveTable.scan
LATEST, ENCODE, LINE, ARCHIVED, BATCH = plan.latest, segment.encode, segment._line, plan.archived, dynamodb.batch
KEEP, KEEP_ITEM = ItemLayout._keep, ItemLayout._keep_item

BUGS: list[Bug] = [
    (plan, "latest", orders_by_the_second_alone),
    (plan, "latest", takes_the_last_to_be_stored),
    (plan, "latest", leaves_out_the_second_itself),
    (plan, "latest", passes_over_removals),
    (dynamodb, "check", takes_numbers_for_floats),
    (segment, "_line", drops_what_is_empty),
    (layout.SegmentLayout, "keep", staticmethod(keeps_one_change_an_item)),
    (segment, "encode", names_a_segment_by_its_first_change),
    (ItemLayout, "_keep", leaves_the_old_tenant_its_object),
    (plan, "archived", takes_the_tenant_of_the_new_image_only),
    (plan, "archived", takes_the_tenant_that_it_had_last),
    (MemoryItemObjects, "fetch", refers_to_the_newest_version),
    (naming, "plain_name", separates_keys_ambiguously),
    (ItemLayout, "_keep_item", goes_on_behind_an_error),
    (ItemLayout, "_keep_item", answers_success_after_an_error),
    (dynamodb, "batch", forgets_the_second_half_of_a_batch),
    (plan, "base_for", builds_on_a_backfill_that_is_under_way),
    (plan, "base_for", builds_on_the_first_backfill_for_ever),
    (plan, "base_for", builds_on_no_backfill),
    (View, "_segments", reads_only_what_came_since_the_backfill_was_over),
    (View, "_segments", reads_what_any_backfill_found),
    (LiveTable, "scan", asks_for_the_time_behind_the_read),
    (backfill._Run, "complete", says_that_it_was_over_when_it_began),
    (backfill._Run, "_is_over", takes_a_part_that_was_begun_for_done),
    (ItemFill, "_put", puts_an_object_whatever_is_there),
    (ItemFill, "_put", looks_no_second_time),
]


@each_of(BUGS)
def test_a_planted_bug_is_caught(bug: Bug) -> None:
    with planted(bug), pytest.raises((AssertionError, Altered)):
        play_all(play, range(ENOUGH_TO_CATCH_A_BUG))
