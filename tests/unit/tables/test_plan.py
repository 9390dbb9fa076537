"""What a record means, whose an item is, and how a table was at a moment."""

from dataclasses import replace
from typing import Any

import pytest

from holdfast.events import dynamodb
from holdfast.events.dynamodb import StreamRecord
from holdfast.tables import plan
from holdfast.tables.model import Cause, Change, Gap, Image, Moment
from tests.unit.tables.domain import DESCRIPTION, T0, a_base, a_change, a_record, an_item, id_of, keys

TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


def read(record: dict[str, Any]) -> StreamRecord:
    [one] = dynamodb.from_lambda({"Records": [record]}).records
    return one


def owned(name: str, tenant: str | None) -> Image:
    return an_item(name, tenant={"S": tenant}) if tenant is not None else an_item(name)


# Whose an item is


@pytest.mark.parametrize(
    ("value", "tenant"),
    [
        ({"S": "acme"}, "acme"),
        ({"S": ""}, ""),
        ({"N": "7.0"}, "7"),
        ({"B": "YQ=="}, "YQ=="),
        ({"NULL": True}, None),
        ({"BOOL": True}, None),
        ({"L": []}, None),
    ],
)
def test_a_tenant_is_a_text_a_number_or_bytes(value: dict[str, Any], tenant: str | None) -> None:
    assert plan.tenant({"tenant": value}, "tenant") == tenant


def test_who_has_no_tenant_column_has_no_tenant() -> None:
    assert plan.tenant(an_item("a"), "tenant") is None


# What a record means


@pytest.mark.parametrize("old", [None, an_item("a", "0")])
def test_what_was_put_is_kept_as_it_is(old: Image | None) -> None:
    record = a_record("a", an_item("a", "1"), old, at=5, sequence=7)
    assert plan.archived(read(record), "") == plan.Archived(a_change("a", "1", at=5, sequence=7))


def test_what_was_removed_is_kept_as_removed() -> None:
    record = a_record("a", None, an_item("a"), at=5, sequence=7)
    assert plan.archived(read(record), "") == plan.Archived(a_change("a", None, at=5, sequence=7))


def test_what_expired_is_told_from_what_somebody_removed() -> None:
    removal = a_record("a", None, an_item("a"))
    identities = TTL, {"type": "Service", "principalId": "other"}, None
    causes = [plan.archived(read({**removal, "userIdentity": one}), "").change.cause for one in identities]
    assert causes == [Cause.EXPIRY, Cause.WRITE, Cause.WRITE]


@pytest.mark.parametrize(
    ("new", "old", "tenant", "left"),
    [
        (owned("a", "x"), None, "x", None),
        (owned("a", "x"), owned("a", "x"), "x", None),
        (owned("a", "y"), owned("a", "x"), "y", "x"),
        (None, owned("a", "x"), "x", None),
        (owned("a", None), owned("a", "x"), None, "x"),
        (owned("a", ""), owned("a", "x"), "", "x"),
    ],
)
def test_an_item_is_its_images_tenants(new: Image | None, old: Image | None, tenant: str, left: str | None) -> None:
    found = plan.archived(read(a_record("a", new, old)), "tenant")
    assert found.change.tenant == tenant
    assert (found.left if found.moved else None) == left


def test_an_item_that_gets_a_tenant_leaves_the_folder_of_those_without() -> None:
    found = plan.archived(read(a_record("a", owned("a", "x"), owned("a", None))), "tenant")
    assert (found.change.tenant, found.left, found.moved) == ("x", None, True)


def test_a_tenant_that_is_part_of_the_key_is_known_of_what_was_removed() -> None:
    record = a_record("a")
    assert plan.archived(read(record), "pk").change.tenant == "a"


@pytest.mark.parametrize("column", ["", "value"])
def test_what_was_read_is_so_from_the_second_on_in_which_it_was_asked_for(column: str) -> None:
    seen = plan.seen(an_item("a", "1"), ("pk",), column, T0 + 9)
    expected = a_change("a", "1", at=9, sequence=0, cause=Cause.READ)
    assert seen == replace(expected, tenant="1" if column else None)


# How a table was


def latest(*changes: Change, at: int) -> dict[str, Moment]:
    found = plan.latest(changes, T0 + at)
    return {str(change.keys["pk"]["S"]): change.moment for change in found.values()}


def test_the_last_change_counts_in_whatever_order_they_come() -> None:
    changes = [a_change("a", "1", at=1, sequence=5), a_change("a", "2", at=2, sequence=3), a_change("b", at=1)]
    for order in (changes, changes[::-1]):
        assert latest(*order, at=2) == {"a": Moment(T0 + 2, 3), "b": Moment(T0 + 1, 1)}
        assert latest(*order, at=1) == {"a": Moment(T0 + 1, 5), "b": Moment(T0 + 1, 1)}
        assert latest(*order, at=0) == {}


def test_within_a_second_the_sequence_number_decides() -> None:
    changes = [a_change("a", None, sequence=10), a_change("a", "1", sequence=9)]
    assert plan.latest(changes, T0)[id_of("a")].is_removal


def test_what_the_stream_tells_of_a_second_comes_behind_what_was_read_in_it() -> None:
    read_then = a_change("a", "read", at=3, sequence=0, cause=Cause.READ)
    told = a_change("a", "told", at=3, sequence=1)
    for order in ([read_then, told], [told, read_then]):
        assert plan.latest(order, T0 + 3)[id_of("a")] == told


def test_only_what_is_wanted_is_kept() -> None:
    found = plan.latest([a_change("a"), a_change("b")], T0, wanted=id_of("b").__eq__)
    assert list(found) == [id_of("b")]


def test_a_state_builds_on_the_newest_backfill_that_was_over() -> None:
    bases = [a_base(0, 5, "old"), a_base(10, 20, "new"), a_base(30, None, "under way")]
    runs = [base.run if (base := plan.base_for(bases, T0 + at)) else None for at in (4, 5, 19, 20, 99)]
    assert runs == [None, "old", "old", "new", "new"]


def test_of_backfills_that_overlap_the_one_that_began_last_is_built_on() -> None:
    bases = [a_base(0, 30, "long"), a_base(10, 20, "short")]
    base = plan.base_for(bases, T0 + 30)
    assert base
    assert base.run == "short"


STREAM_CAME_LATER = replace(DESCRIPTION, table={**DESCRIPTION.table, "LatestStreamLabel": "2026-01-02T00:00:00.000"})
NO_STREAM = replace(DESCRIPTION, table={"TableName": "orders"})


def test_an_archive_is_complete_since_its_first_backfill() -> None:
    assert plan.complete_since(STREAM_CAME_LATER, [a_base(0, 5), a_base(7, None)]) == T0 + 5
    assert plan.complete_since(NO_STREAM, [a_base(7, None)]) is None
    assert plan.complete_since(None, []) is None


def test_an_archive_is_complete_since_the_table_was_created_with_its_stream() -> None:
    assert plan.complete_since(DESCRIPTION, []) == T0
    assert plan.complete_since(DESCRIPTION, [a_base(0, 5)]) == T0


def test_a_stream_that_came_seconds_after_its_table_does_not_tell_of_its_first_items() -> None:
    soon = replace(DESCRIPTION, table={**DESCRIPTION.table, "LatestStreamLabel": "2026-01-01T00:00:02.000"})
    assert plan.complete_since(soon, [a_base(3, 5)]) == T0 + 5


def test_an_archive_that_came_when_the_stream_had_lost_records_is_not_complete_since_the_creation() -> None:
    day = plan.STREAM_SECONDS
    assert plan.complete_since(DESCRIPTION, [a_base(2 * day, 3 * day)], T0 + day) == T0
    assert plan.complete_since(DESCRIPTION, [a_base(2 * day, 3 * day)], T0 + day + 1) == T0 + 3 * day
    assert plan.complete_since(DESCRIPTION, [], T0 + day + 1) is None


def test_a_backfill_that_was_there_first_does_not_show_that_the_stream_was_archived() -> None:
    assert plan.complete_since(DESCRIPTION, [a_base(1000, 1009)], T0 + 1000 + plan.AT_ONCE + 1) == T0 + 1009
    assert plan.complete_since(DESCRIPTION, [a_base(1000, 1009)], T0 + 1000 + plan.AT_ONCE) == T0


@pytest.mark.parametrize(
    ("first", "last", "touched"),
    [(0, 4, False), (0, 5, True), (9, 20, True), (10, 20, True), (11, 20, False), (None, 4, False), (9, None, True)],
)
def test_a_gap_touches_what_is_built_on_it(first: int | None, last: int | None, touched: bool) -> None:
    gap = Gap(None if first is None else T0 + first, None if last is None else T0 + last, "trimmed")
    assert plan.touches(gap, T0 + 5, T0 + 10) is touched


def test_a_description_knows_the_key_in_its_order() -> None:
    schema = [{"AttributeName": "b", "KeyType": "RANGE"}, {"AttributeName": "a", "KeyType": "HASH"}]
    types = [{"AttributeName": "b", "AttributeType": "N"}, {"AttributeName": "a", "AttributeType": "S"}]
    one = replace(DESCRIPTION, table={"TableName": "t", "KeySchema": schema, "AttributeDefinitions": types})
    assert one.key_names == ("a", "b")
    assert one.key_types == {"a": "S", "b": "N"}
    assert one.name == "t"


def test_a_moment_is_a_time() -> None:
    assert f"{Moment(T0).time:%Y-%m-%d}" == "2026-01-01"


def test_a_change_without_an_image_is_a_removal() -> None:
    assert a_change("a", None).is_removal
    assert not a_change("a").is_removal
    assert keys("a") == a_change("a", None).keys
