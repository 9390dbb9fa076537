"""Restores under random histories: into new tables and in place, of all and of one tenant, and taken back.

Each is compared with an oracle that replays what the users did; and the comparison has teeth.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.adapters.memory_tables import MemoryTable
from holdfast.tables import item
from holdfast.tables import plan as tables
from holdfast.tables.backfill import Pace
from holdfast.tables.model import Image, ItemId
from holdfast.tables.restore import in_place, journal, plan, run
from holdfast.tables.restore.in_place import InPlace
from holdfast.tables.restore.model import Done, Entry, Journal, Leave, Preview, Run, Same, Wanted, Why
from holdfast.tables.restore.steps import Steps
from holdfast.tables.restore.undo import Undo
from holdfast.tables.restore.write import Writer
from holdfast.tables.view import View
from tests.model.histories import Bug, each_of, planted, play_all
from tests.model.tables_history import TABLE, TENANTS, Tables, played

pytestmark = pytest.mark.model

HISTORIES = int(os.environ.get("HISTORIES", "400"))
CHUNKS = 4
ENOUGH_TO_CATCH_A_BUG = 400

type Items = Mapping[ItemId, Image]


@dataclass(frozen=True)
class Restores:
    """The restores of one history, at its end."""

    world: Tables

    @property
    def view(self) -> View:
        return self.world.view()

    @property
    def pace(self) -> Pace:
        return Pace(None, lambda: 0.0, lambda _: None)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.world.clock, UTC)

    def check(self) -> int:
        """Returns how many moments were compared."""
        moments = list(self.world.moments())
        live = dict(self.world.table.items)
        for at in moments:
            then = self.world.state(at)
            assert self.new_table(at) == then, f"a new table, as of {at}"
            assert self.by_steps(at) == then, f"a new table, step by step, as of {at}"
            for tenant in (None, *TENANTS) if self.world.tenant_column else (None,):
                self.check_in_place(at, tenant, then, live)
        return len(moments)

    # Into a new table

    def new_table(self, at: int) -> Items:
        table = MemoryTable("new", None, lambda: self.world.clock)
        new = run.NewTable(self.view.archive, table, self.now)
        told = Run(f"new {at}", plan.source(TABLE, at, Wanted()), TABLE, at, "new", (), 0)
        then = run.look(self.view, at, Wanted(), self.world.tenant_column)
        run.restore(new, told, then, Writer(table, self.view, map, self.pace, lambda: 1.0))
        return table.items

    def by_steps(self, at: int) -> Items:
        table = MemoryTable("new", None, lambda: self.world.clock)
        step = Steps(
            view_of=lambda _: self.view,
            table_of=lambda _: table,
            each=map,
            now=self.now,
            seconds=lambda: 0.0,
            sleep=lambda _: None,
            random=lambda: 1.0,
        )
        order: dict[str, Any] = {"table": TABLE, "at": at, "to": "new", "run": f"steps {at}"}
        for prefix in step({**order, "step": "prepare"})["prefixes"]:
            step({**order, "step": "partition", "prefix": prefix})
        assert step({**order, "step": "verify"})["verified"]
        return table.items

    # In place

    def check_in_place(self, at: int, tenant: str | None, then: Items, live: Items) -> None:
        table = MemoryTable(TABLE, self.world.table.description, lambda: self.world.clock, dict(live))
        place = InPlace(self.view, table, map, self.pace)
        seen = run.look(self.view, at, Wanted(tenant), self.world.tenant_column)
        preview = place.preview(seen)
        name = f"{TABLE}@{at} {tenant}"
        outcomes = list(place.apply(preview, Journal(name, TABLE, at, 0, len(preview.differences))))
        assert {type(one) for one in outcomes} <= {Done}
        wanted = self.rewound(then, live, tenant, removes=seen.state.is_complete)
        assert table.items == wanted, f"in place, {tenant!r} as of {at}"
        undo = Undo(table, map, self.pace)
        list(undo.apply(list(undo.look(journal.Pages(self.view.archive.store, name).entries()))))
        assert table.items == live, f"taken back, {tenant!r} as of {at}"

    def rewound(self, then: Items, live: Items, tenant: str | None, *, removes: bool) -> Items:
        """The oracle's. `removes`: whether the archive knows all that was there."""
        found = {one: self._rewound(then.get(one), live.get(one), tenant, removes) for one in {*then, *live}}
        return {one: image for one, image in found.items() if image is not None}

    def _rewound(self, was: Image | None, now: Image | None, tenant: str | None, removes: bool) -> Image | None:
        if was is not None and (tenant is None or (self._owner(was) == tenant and self._owner(now) in {tenant, None})):
            return was
        if was is None and now is not None and tenant in {None, self._owner(now)}:
            return None if removes else now
        return now

    def _owner(self, image: Image | None) -> str | None:
        return tables.tenant(image, self.world.tenant_column) if image is not None else None


def check(seed: int) -> int:
    world = played(seed)
    world.view().archive.save_description(world.table.describe(0))
    return Restores(world).check()


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_restores_of_random_histories_are_what_the_oracle_replays(chunk: int) -> None:
    assert sum(play_all(check, range(chunk, HISTORIES, CHUNKS))) >= HISTORIES // CHUNKS


# Bugs


def removes_what_may_have_been_there(*facts: Any, **more: Any) -> object:
    return DECIDE(*facts, **{**more, "complete": True})


def takes_other_tenants_items(keys: Image, then: Image | None, now: Image | None, **more: Any) -> object:
    return DECIDE(keys, then, now, **{**more, "tenant": None})


def leaves_what_is_gone(keys: Image, then: Image | None, now: Image | None, **more: Any) -> object:
    return Same() if now is None else DECIDE(keys, then, now, **more)


def leaves_what_came(keys: Image, then: Image | None, now: Image | None, **more: Any) -> object:
    return Leave(keys, Why.UNKNOWN, "") if then is None else DECIDE(keys, then, now, **more)


def compares_keys_only(one: Image | None, other: Image | None) -> bool:
    return (one is None) == (other is None)


def forgets_what_was_before(self: journal.Pages, number: int, entries: list[Entry]) -> None:
    WRITE(self, number, [replace(one, before=None) for one in entries])


def journals_half(self: journal.Pages, number: int, entries: list[Entry]) -> None:
    WRITE(self, number, entries[: (len(entries) + 1) // 2])


def restores_half(self: InPlace, preview: Preview, told: Journal) -> Iterator[object]:
    half = preview.differences[: (len(preview.differences) + 1) // 2]
    return APPLY(self, replace(preview, differences=half), told)


def divides_by_half_of_the_digits(items: int, item_size: float) -> tuple[str, ...]:
    return tuple("01234567")


def forgets_the_last_item(self: Writer, changes: Iterable[Any]) -> object:
    return FILL(self, list(changes)[:-1])


DECIDE, WRITE, APPLY, FILL = plan.decide, journal.Pages.write, InPlace.apply, Writer.write

BUGS: list[Bug] = [
    (plan, "decide", removes_what_may_have_been_there),
    (plan, "decide", takes_other_tenants_items),
    (plan, "decide", leaves_what_is_gone),
    (plan, "decide", leaves_what_came),
    (item, "is_same", compares_keys_only),
    (journal.Pages, "write", forgets_what_was_before),
    (journal.Pages, "write", journals_half),
    (in_place.InPlace, "apply", restores_half),
    (plan, "prefixes", divides_by_half_of_the_digits),
    (Writer, "write", forgets_the_last_item),
]


@each_of(BUGS)
def test_a_planted_bug_is_caught(bug: Bug) -> None:
    with planted(bug), pytest.raises((AssertionError, run.Differs)):
        play_all(check, range(ENOUGH_TO_CATCH_A_BUG))
