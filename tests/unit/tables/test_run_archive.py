"""Archiving batches of a stream, in both layouts."""

import json
from typing import Any

import pytest

from holdfast.tables.model import Moment
from tests.unit.tables.domain import ARN, LARGE, T0, Archived, a_record, an_item, id_of, keys, names

LAYOUTS = pytest.mark.parametrize("layout", ["segment", "item"])
POISON = {"pk": {"S": "p"}, "value": {"Q": "?"}}


def owned(name: str, tenant: str, value: str = "") -> dict[str, Any]:
    return dict(an_item(name, value, tenant={"S": tenant}))


@LAYOUTS
def test_a_batch_is_the_table_at_every_second_of_it(layout: str) -> None:
    archived = Archived(layout)
    archived(
        a_record("a", an_item("a", "1"), at=1, sequence=1),
        a_record("b", an_item("b", "1"), at=1, sequence=2),
        a_record("a", an_item("a", "2"), an_item("a", "1"), at=2, sequence=3),
        a_record("b", None, an_item("b", "1"), at=3, sequence=4),
    )
    assert archived.at(0) == []
    assert archived.at(1) == [an_item("a", "1"), an_item("b", "1")]
    assert archived.at(2) == [an_item("a", "2"), an_item("b", "1")]
    assert archived.at(3) == [an_item("a", "2")]


@LAYOUTS
def test_the_same_batch_again_changes_nothing(layout: str) -> None:
    archived = Archived(layout)
    records = [a_record("a", an_item("a", "1")), a_record("a", None, an_item("a", "1"), sequence=2)]
    for _ in range(2):
        archived(*records)
    assert archived.at(0) == []
    assert [change.moment.sequence for change in archived.view.history(id_of("a"))] == [1, 2]


@LAYOUTS
def test_a_batch_is_told_of(layout: str) -> None:
    outcome = Archived(layout)(
        a_record("a", an_item("a"), at=1), a_record("b", None, an_item("b"), at=3, sequence=2), now=10
    )
    assert (outcome.stored, outcome.removed, outcome.lag_seconds, outcome.failed) == (2, 1, 9.0, [])
    assert outcome.segment
    assert outcome.segment.last == Moment(T0 + 3, 2)


def test_a_batch_is_one_write_in_the_layout_segment() -> None:
    archived = Archived()
    archived(*(a_record(str(n), an_item(str(n)), sequence=n) for n in range(1, 101)))
    assert len(archived.store.files) == 1
    assert archived.objects.written == 0


# The layout item


@pytest.mark.parametrize(("value", "images"), [("small", 1), (LARGE, 0)])
def test_a_small_image_stands_in_its_line_too(value: str, images: int) -> None:
    archived = Archived("item")
    archived(a_record("a", an_item("a", value)))
    [change] = archived.view.at(T0).items.values()
    assert (change.stored is not None, [change.image].count(an_item("a", value))) == (True, images)
    assert archived.at(0) == [an_item("a", value)]


def test_an_item_is_an_object_that_put_item_takes() -> None:
    archived = Archived("item")
    image = an_item("a", "é", number={"N": "1" * 38}, nothing={"NULL": True}, empty={"S": ""})
    archived(a_record("a", image))
    assert archived.objects_there() == {f"p/orders/{id_of('a')}": image}


def test_every_change_is_a_version_with_its_moment() -> None:
    archived = Archived("item")
    archived(a_record("a", an_item("a", "1"), at=1, sequence=5), a_record("a", an_item("a", "2"), at=2, sequence=6))
    archived(a_record("a", None, an_item("a", "2"), at=3, sequence=7))
    [versions] = archived.objects.versions.values()
    assert [one.moment for one in versions] == [Moment(T0 + 1, 5), Moment(T0 + 2, 6), None]
    assert [json.loads(one.body)["value"] for one in versions if one.body] == [{"S": "1"}, {"S": "2"}]
    assert archived.objects_there() == {}


def test_with_plain_keys_as_names_an_object_is_found_by_its_item() -> None:
    archived = Archived("item", plain_names=True)
    archived(a_record("a/b", an_item("a/b")))
    assert list(archived.objects_there()) == ["p/orders/a%2Fb"]


# Tenants


def test_an_item_lies_under_its_tenant() -> None:
    archived = Archived("item", tenant_column="tenant", plain_names=True)
    archived(a_record("a", owned("a", "acme")), a_record("b", owned("b", "b/c")))
    assert sorted(archived.objects_there()) == ["p/orders/acme/a", "p/orders/b%2Fc/b"]


def test_an_item_that_changes_its_tenant_leaves_no_ghost() -> None:
    archived = Archived("item", tenant_column="tenant", plain_names=True)
    archived(a_record("a", owned("a", "x")))
    outcome = archived(a_record("a", owned("a", "y"), owned("a", "x"), at=1, sequence=2))
    assert outcome.moved == 1
    assert archived.objects_there() == {"p/orders/y/a": owned("a", "y")}


@LAYOUTS
def test_an_item_without_a_tenant_is_kept_and_told_of(layout: str) -> None:
    archived = Archived(layout, tenant_column="tenant", plain_names=True)
    outcome = archived(a_record("a", an_item("a")), a_record("b", owned("b", "x"), sequence=2))
    assert outcome.without_tenant == 1
    assert ("no tenant", {"table": "orders", "keys": keys("a"), "kept_under": "%missing"}) in archived.log
    assert names(archived.at(0)) == ["a", "b"]
    if layout == "item":
        assert "p/orders/%missing/a" in archived.objects_there()


# Records that cannot be stored


@LAYOUTS
@pytest.mark.parametrize("position", range(5))
def test_wherever_a_poison_record_stands_all_others_are_stored(layout: str, position: int) -> None:
    archived = Archived(layout)
    records = [a_record(str(n), an_item(str(n)), sequence=n) for n in range(1, 5)]
    records.insert(position, a_record("p", POISON, sequence=50))
    outcome = archived(*records)
    assert names(archived.at(0)) == ["1", "2", "3", "4"]
    assert (outcome.failed, outcome.rejected, outcome.stored) == (["50"], 1, 4)
    assert archived.archive.rejected("50") == records[position]
    assert archived.log[0][0] == "rejected"


def test_a_batch_of_poison_alone_stores_no_segment() -> None:
    archived = Archived()
    outcome = archived(a_record("p", POISON, sequence=50))
    assert (outcome.segment, outcome.lag_seconds, outcome.stored) == (None, None, 0)


def test_where_an_object_cannot_be_written_its_item_waits_and_the_others_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archived = Archived("item", plain_names=True)
    put = archived.objects.put

    def refuses_a(key: str, body: bytes, moment: Moment) -> Any:
        if key.endswith("/a") and moment.sequence == 2:
            raise PermissionError("a is closed")
        return put(key, body, moment)

    monkeypatch.setattr(archived.objects, "put", refuses_a)
    records = [a_record("a", an_item("a", str(n)), sequence=n, at=n) for n in (1, 2, 3)]
    outcome = archived(*records, a_record("b", an_item("b"), sequence=4))
    assert outcome.failed == ["2"]
    assert (
        "not stored",
        {"table": "orders", "sequence": "2", "error": "PermissionError('a is closed')"},
    ) in archived.log
    assert archived.at(9) == [an_item("a", "1"), an_item("b")]


def test_a_table_is_named_by_its_streams_arn() -> None:
    outcome = Archived()({**a_record("a", an_item("a")), "eventSourceARN": ARN})
    assert outcome.table == "orders"
