"""What is restored from: either layout has the same table at the middle moment."""

from bench.tables import archives
from bench.tables.archives import Orders
from holdfast.adapters.memory_tables import MemoryItemObjects, MemoryStore
from holdfast.tables.archive import Archive
from holdfast.tables.item import Digest
from holdfast.tables.view import View
from tests.unit.tables.domain import DESCRIPTION


def test_both_layouts_hold_the_same_middle_moment() -> None:
    some = Orders(300)
    made = {layout: Archive("orders", MemoryStore()) for layout in ("segment", "item")}
    archives.fill(some, made, DESCRIPTION)
    for archive in made.values():
        found, state = Digest(), View(archive, MemoryItemObjects(), map).at(some.middle)
        for change in state.items.values():
            found.add(change.image or {})
        assert found == some.at_middle()
        assert (found.items, state.is_complete) == (300, True)


def test_at_the_middle_moment_half_of_the_orders_have_their_third_version() -> None:
    some = Orders(1000)
    before = [change for change in some.changes() if change.moment.at <= some.middle]
    assert abs(len(before) - 2500) <= archives.A_SECOND
