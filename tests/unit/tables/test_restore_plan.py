"""What a restore decides, from facts alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from holdfast.tables.model import Cause, Change, Description, Image, Moment, Reference
from holdfast.tables.restore import plan
from holdfast.tables.restore.model import Back, Holding, Leave, Wanted, Why, expiry_of, stamp
from tests.unit.tables.domain import DESCRIPTION, T0, a_change, an_item, id_of, keys
from tests.unit.tables.restorable import of

YEAR = 365 * 86_400


def a_put(name: str, **attributes: object) -> Change:
    return Change(id_of(name), keys(name), Moment(T0, 1), Cause.WRITE, image={**keys(name), **attributes})  # type: ignore[dict-item]


def apart(name: str, tenant: str | None = None) -> Change:
    return Change(
        id_of(name), keys(name), Moment(T0, 1), Cause.WRITE, stored=Reference(name, "v", "md5"), tenant=tenant
    )


# Of what moment


def test_a_moment_is_the_second_that_it_is_in() -> None:
    at = datetime.fromtimestamp(T0, UTC)
    assert plan.second(at) == plan.second(at + timedelta(milliseconds=999)) == T0
    assert stamp(T0) == "2026-01-01T00:00:00Z"


# How much there was


def test_what_was_there_is_counted() -> None:
    changes = [a_put("a"), a_put("b"), apart("c")]
    size = len('{"pk":{"S":"a"}}')
    assert plan.holding(changes, Wanted(), "", None, T0) == Holding(items=3, size=2 * size, apart=1)


def test_what_is_another_tenants_is_not_counted_and_what_names_none_is_told() -> None:
    changes = [a_put("a", **of("A")), a_put("b", **of("B")), a_put("c"), apart("d", "A"), apart("e")]
    found = plan.holding(changes, Wanted(tenant="A"), "owner", None, T0)
    assert (found.items, found.apart, found.nobodys) == (2, 1, 2)


@pytest.mark.parametrize(
    ("until", "over"),
    [
        ({"N": str(T0 - 1)}, 1),
        ({"N": str(T0)}, 0),
        ({"N": str(T0 - 5 * YEAR)}, 0),
        ({"N": str(T0 - 5 * YEAR + 1)}, 1),
        ({"N": "1.7E9"}, 1),
        ({"S": str(T0 - 1)}, 0),
    ],
)
def test_what_has_expired_is_what_dynamodb_takes_for_it(until: dict[str, str], over: int) -> None:
    assert plan.holding([a_put("a", until=until), a_put("b")], Wanted(), "", "until", T0).over == over


@pytest.mark.parametrize(
    ("told", "attribute"),
    [
        ({}, None),
        ({"TimeToLiveStatus": "DISABLED"}, None),
        ({"TimeToLiveStatus": "DISABLING", "AttributeName": "until"}, None),
        ({"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}, "until"),
        ({"TimeToLiveStatus": "ENABLING", "AttributeName": "until"}, "until"),
    ],
)
def test_a_table_expires_items_by_one_attribute_or_none(told: dict[str, str], attribute: str | None) -> None:
    assert expiry_of(told) == attribute


def test_what_was_archived_before_there_were_tenants_is_whose_its_image_says() -> None:
    assert plan.owner(a_put("a", **of("A")), "owner") == "A"
    assert plan.owner(a_put("a", **of("A")), "") is None
    assert plan.owner(apart("a"), "owner") is None
    assert plan.owner(apart("a", "B"), "owner") == "B"


def test_only_the_item_that_is_wanted_is_read() -> None:
    wanted = plan.wanted_ids(Wanted(item=keys("a")))
    assert [wanted(id_of("a")), wanted(id_of("b"))] == [True, False]


# In place


@pytest.mark.parametrize(("then", "now"), [(None, None), (None, "B"), ("B", None), ("B", "C"), ("B", "B")])
def test_what_neither_was_nor_is_a_tenants_is_none_of_its_restore(then: str | None, now: str | None) -> None:
    was, there = (an_item("a", who) if who else None for who in (then, now))
    how = {"owner_then": then, "owner_now": now, "tenant": "A", "complete": True}
    assert plan.decide(keys("a"), was, there, **how) is None  # type: ignore[arg-type]


# Taking it back

ITEMS: list[Image | None] = [None, an_item("a", "1"), an_item("a", "2")]


@pytest.mark.parametrize("before", ITEMS)
@pytest.mark.parametrize("after", ITEMS)
@pytest.mark.parametrize("now", ITEMS)
def test_only_what_is_as_restored_is_taken_back(before: Image | None, after: Image | None, now: Image | None) -> None:
    expected = Back.DONE if now == before else Back.UNDO if now == after else Back.CONFLICT
    assert plan.take_back(before, after, now) is expected


def test_what_is_left_is_told_in_one_order() -> None:
    left = [Leave(keys(name), why, "") for name, why in (("b", Why.UNKNOWN), ("c", Why.OTHERS_NOW), ("a", Why.UNKNOWN))]
    assert [one.keys["pk"]["S"] for one in plan.confirmed(left, lambda _: True)[1]] == ["c", "a", "b"]


# New tables


def test_a_source_names_table_and_moment() -> None:
    assert plan.source("orders", T0, Wanted()) == "orders@2026-01-01T00:00:00Z"


def test_different_restores_have_different_sources_that_fit_a_tag() -> None:
    long = "t" * 255
    wanted = [Wanted(), Wanted("A"), Wanted("B"), Wanted(item=keys("a")), Wanted("A", keys("a")), Wanted("None")]
    sources = {plan.source(table, at, one) for table in ("t", long, "u" * 255) for at in (T0, T0 + 1) for one in wanted}
    assert len(sources) == 3 * 2 * len(wanted)
    assert max(map(len, sources)) <= plan.TAG_VALUE_LIMIT


def test_the_order_of_a_keys_attributes_makes_no_other_source() -> None:
    one, other = {"pk": {"S": "a"}, "sk": {"N": "1"}}, {"sk": {"N": "1.0"}, "pk": {"S": "a"}}
    assert plan.source("t", T0, Wanted(item=one)) == plan.source("t", T0, Wanted(item=other))


@pytest.mark.parametrize(
    ("tags", "run"),
    [
        ({}, None),
        ({"holdfast:restored-from": "s", "holdfast:restore-run": "r"}, "r"),
        ({"holdfast:restored-from": "other", "holdfast:restore-run": "r"}, None),
        ({"holdfast:restored-from": "s"}, None),
    ],
)
def test_a_table_tells_which_restore_makes_it(tags: dict[str, str], run: str | None) -> None:
    told = tuple({"Key": key, "Value": value} for key, value in tags.items())
    assert plan.run_of(Description(T0, DESCRIPTION.table, {}, told), "s") == run


def test_a_new_table_has_room_for_two_tags_more() -> None:
    many = tuple({"Key": f"{number:02}", "Value": "x"} for number in range(50))
    described = Description(T0, DESCRIPTION.table, {}, ({"Key": "aws:cloudformation:stack-id", "Value": "x"}, *many))
    assert plan.without_marks(described).tags == many[:48]
    assert plan.own_tags(described) == many


@pytest.mark.parametrize(
    ("items", "digits"), [(0, 1), (1_600_000, 1), (1_600_001, 2), (25_600_000, 2), (25_600_001, 3), (10**9, 3)]
)
def test_parts_are_as_many_as_the_items_need(items: int, digits: int) -> None:
    prefixes = plan.prefixes(items)
    assert len(prefixes) == len(set(prefixes)) == 16**digits
    assert {len(prefix) for prefix in prefixes} == {digits}


@pytest.mark.parametrize(("size", "digits"), [(0, 1), (3200, 1), (3300, 2), (52_000, 3)])
def test_parts_of_large_items_are_more_so_that_each_fits_into_memory(size: int, digits: int) -> None:
    described = replace(DESCRIPTION, table={**DESCRIPTION.table, "ItemCount": 10, "TableSizeBytes": 10 * size})
    assert plan.prefixes(1_000_000, plan.item_bytes(described)) == plan.prefixes(16**digits * plan.PARTITION_ITEMS)
    assert plan.item_bytes(None) == plan.item_bytes(DESCRIPTION) == 0


def test_every_item_is_in_one_part() -> None:
    for items in (0, 2_000_000, 10**8):
        prefixes = plan.prefixes(items)
        for name in "abc":
            assert sum(a_change(name).item.startswith(prefix) for prefix in prefixes) == 1
