"""An item through time, word for word."""

from typing import Any

import pytest

from holdfast.tables.model import AttributeValue, Cause, Change, Image
from holdfast.tables.restore.history import shown, versions
from tests.unit.tables.domain import T0, a_change, an_item, keys
from tests.unit.tables.restorable import Restorable


def lines(*known: tuple[Change, Image | None]) -> list[str]:
    return list(versions(known))


def test_an_item_from_its_first_write_to_its_removal() -> None:
    first = {**keys("a"), "color": {"S": "red"}, "size": {"N": "3"}}
    second = {**keys("a"), "color": {"S": "blue"}, "weight": {"N": "5"}}
    told = lines(
        (a_change("a", at=1, sequence=11), first),
        (a_change("a", at=1, sequence=12), second),
        (a_change("a", at=2, sequence=13), second),
        (a_change("a", None, at=3, sequence=14), None),
        (a_change("a", at=4, sequence=15), keys("a")),
    )
    assert told == [
        "2026-01-01T00:00:01Z  11  put  color: 'red', pk: 'a', size: 3",
        "2026-01-01T00:00:01Z  12  changed  color: 'red' -> 'blue', - size: 3, + weight: 5",
        "2026-01-01T00:00:02Z  13  put, the same",
        "2026-01-01T00:00:03Z  14  removed",
        "2026-01-01T00:00:04Z  15  put  pk: 'a'",
    ]


def test_what_dynamodb_removed_says_so() -> None:
    assert lines((a_change("a", None, at=3, sequence=14, cause=Cause.EXPIRY), None)) == [
        "2026-01-01T00:00:03Z  14  removed by DynamoDB: its time to live was over"
    ]


def test_what_a_backfill_found() -> None:
    read = a_change("a", "1", at=1, sequence=0, cause=Cause.READ)
    assert lines((read, an_item("a", "1")), (read, an_item("a", "1")), (read, an_item("a", "2"))) == [
        "2026-01-01T00:00:01Z  -  found in the table  pk: 'a', value: '1'",
        "2026-01-01T00:00:01Z  -  found in the table, the same",
        "2026-01-01T00:00:01Z  -  found in the table  value: '1' -> '2'",
    ]


def test_numbers_written_otherwise_are_no_change() -> None:
    one, same = {**keys("a"), "n": {"N": "1.0"}}, {**keys("a"), "n": {"N": "1"}}
    assert lines((a_change("a", at=1), one), (a_change("a", at=2), same))[1].endswith("put, the same")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"S": "it's\x1b[2J\n"}, '"it\'s\\x1b[2J\\n"'),
        ({"N": "1.50"}, "1.50"),
        ({"B": "aGk="}, "base64 'aGk='"),
        ({"BOOL": True}, "true"),
        ({"BOOL": False}, "false"),
        ({"NULL": True}, "null"),
        ({"SS": ["b", "a"]}, "{'a', 'b'}"),
        ({"NS": ["1"]}, "{1}"),
        ({"BS": ["aGk="]}, "{base64 'aGk='}"),
        ({"L": [{"N": "1"}, {"L": []}]}, "[1, []]"),
        ({"M": {"a": {"N": "1"}, "in it\n": {"M": {}}}}, "{a: 1, 'in it\\n': {}}"),
        ({"S": "x" * 100}, "'" + "x" * 58 + "…"),
    ],
)
def test_a_value_is_short_and_does_nothing_to_a_terminal(value: AttributeValue, text: str) -> None:
    assert shown(value) == text


def test_the_history_of_an_archive() -> None:
    table = Restorable("item")
    table.put("a", "1", at=1)
    table.put("b", "1", at=1)
    table.put("a", "2", at=2)
    known: list[Any] = [(change, table.view.image(change)) for change in table.view.history(a_change("a").item)]
    assert [line.split("  ")[2:] for line in versions(known)] == [
        ["put", "pk: 'a', value: '1'"],
        ["changed", "value: '1' -> '2'"],
    ]
    assert known[0][0].moment.at == T0 + 1
