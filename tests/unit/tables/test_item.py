"""Items in DynamoDB JSON: one canonical form, and what is not an item."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.tables import item
from holdfast.tables.item import Digest, NotAnItem
from tests.unit.tables.domain import an_item

LONGEST = "12345678901234567890123456789012345678"


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("0.000", "0"),
        ("1.50", "1.5"),
        ("1.50E1", "15"),
        ("1e3", "1000"),
        ("-1E-3", "-0.001"),
        (LONGEST, LONGEST),
        (f"-0.{LONGEST}", f"-0.{LONGEST}"),
        ("9.9999999999999999999999999999999999999E+125", "9" * 38 + "0" * 88),
    ],
)
def test_a_number_is_written_one_way(written: str, number: str) -> None:
    assert item.number(written) == number


@pytest.mark.parametrize("text", ["", "one", "NaN", "Infinity", "1e126", LONGEST + "9", "0x1"])
def test_what_dynamodb_does_not_store_is_no_number(text: str) -> None:
    with pytest.raises(NotAnItem, match="number"):
        item.number(text)


def test_an_item_has_one_id_whoever_writes_its_key() -> None:
    one = item.item_id({"pk": {"S": "a"}, "sk": {"N": "1.0"}})
    assert one == item.item_id({"sk": {"N": "1"}, "pk": {"S": "a"}})
    assert len(one) == 32
    others = [{"pk": {"S": "a"}}, {"pk": {"S": "a"}, "sk": {"S": "1"}}, {"pk": {"S": "a"}, "sk": {"N": "2"}}]
    assert one not in map(item.item_id, others)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"SS": ["a", "b"]}, {"SS": ["b", "a"]}),
        ({"NS": ["1.0", "2"]}, {"NS": ["2.0", "1"]}),
        ({"M": {"a": {"N": "1"}, "b": {"NULL": True}}}, {"M": {"b": {"NULL": True}, "a": {"N": "1.0"}}}),
    ],
)
def test_what_is_the_same_is_the_same_however_it_is_written(one: Any, other: Any) -> None:
    assert item.is_same({"x": one}, {"x": other})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"L": [{"N": "1"}, {"N": "2"}]}, {"L": [{"N": "2"}, {"N": "1"}]}),
        ({"S": "1"}, {"N": "1"}),
        ({"S": ""}, {"NULL": True}),
        ({"BOOL": False}, {"BOOL": True}),
        ({"B": "YQ=="}, {"S": "YQ=="}),
    ],
)
def test_what_differs_differs(one: Any, other: Any) -> None:
    assert not item.is_same({"x": one}, {"x": other})


def test_nothing_is_the_same_as_nothing_only() -> None:
    assert item.is_same(None, None)
    assert not item.is_same(None, {})
    assert not item.is_same(an_item("a"), None)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("text", "attribute 'x' is not one typed value"),
        ({}, "is not one typed value"),
        ({"S": "a", "N": "1"}, "is not one typed value"),
        ({"Q": "a"}, "is of type 'Q'"),
        ({"S": 1}, "is of type 'S', and holds no value of such a type"),
        ({"NULL": False}, "is of type 'NULL'"),
        ({"SS": []}, "is of type 'SS'"),
        ({"N": "one"}, "'one' is not a number"),
        ({"B": "?"}, "is not base64"),
        ({"M": {"y": {"L": [{"N": "1"}, {"Z": 1}]}}}, r"'x'.y\[1\] is of type 'Z'"),
    ],
)
def test_what_is_no_item_is_named(value: Any, why: str) -> None:
    with pytest.raises(NotAnItem, match=why):
        item.check({"x": value})


def test_an_item_is_a_map() -> None:
    with pytest.raises(NotAnItem, match="the key is list, not a map"):
        item.check([], "the key")


def test_an_item_without_its_key_is_named() -> None:
    assert item.keys_of(an_item("a"), ["pk"]) == {"pk": {"S": "a"}}
    with pytest.raises(NotAnItem, match="no key attribute 'sk'"):
        item.keys_of(an_item("a"), ["pk", "sk"])


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), unique_by=lambda pair: pair[0]))
def test_a_digest_is_of_the_items_not_of_their_order(pairs: list[tuple[str, str]]) -> None:
    there, back, other = Digest(), Digest(), Digest()
    for name, value in pairs:
        there.add(an_item(name, value))
    for name, value in reversed(pairs):
        back.add(an_item(name, value))
        other.add(an_item(name, value + "."))
    assert there == back
    assert (there.hex, there.items) == (back.hex, len(pairs))
    assert (there == other) == (not pairs)


def test_digests_of_parts_make_that_of_the_whole() -> None:
    whole, merged = Digest(), Digest()
    for name in "abc":
        part = Digest()
        part.add(an_item(name))
        whole.add(an_item(name))
        merged.merge(part.items, part.hex)
    assert merged == whole
    assert merged != "something else"
