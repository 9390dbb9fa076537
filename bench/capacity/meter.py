"""Counts the calls of a boto3 session to DynamoDB, and the capacity that each consumes by DynamoDB's published rules.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/capacity-unit-calculations.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

type Item = Mapping[str, Mapping[str, Any]]
"""An item in DynamoDB's own form: {"size": {"N": "18"}}."""


class Unmetered(NotImplementedError):
    """A call whose capacity nobody has taught the meter to count."""


@dataclass(frozen=True, slots=True)
class Table:
    """The keys of a table, and of each of its indexes, which project keys only."""

    key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def read(cls, properties: Mapping[str, Any]) -> "Table":
        """Read the properties of an AWS::DynamoDB::Table."""
        indexes = properties.get("GlobalSecondaryIndexes", [])
        if any(index["Projection"] != {"ProjectionType": "KEYS_ONLY"} for index in indexes):
            raise Unmetered("an index that projects more than keys")
        return cls(_names(properties), tuple(map(_names, indexes)))

    def write_units(self, old: Item | None, new: Item | None, *, transaction: bool) -> int:
        """Units of a write that makes `new` of `old`. Indexes follow behind a transaction and are not doubled."""
        units = _units(max(item_size(old), item_size(new)), 1024)
        return units * (2 if transaction else 1) + sum(self._index_units(key, old, new) for key in self.indexes)

    def _index_units(self, key: tuple[str, ...], old: Item | None, new: Item | None) -> int:
        before, after = self._entry(key, old), self._entry(key, new)
        if before == after:
            return 0
        return sum(_units(item_size(entry), 1024) for entry in (before, after) if entry)

    def _entry(self, key: tuple[str, ...], item: Item | None) -> Item | None:
        if item is None or not item.keys() >= set(key):
            return None
        return {name: item[name] for name in (*key, *self.key)}


@dataclass(slots=True)
class Meter:
    """What has been called and consumed. It keeps the items itself, to know what a write replaces."""

    tables: Mapping[str, Table]
    calls: Counter[str] = field(default_factory=Counter)
    read_units: float = 0
    write_units: int = 0
    answers: list[Any] = field(default_factory=list)
    """DynamoDB's HTTP answers, in order."""
    _items: dict[tuple[str, str], Item | None] = field(default_factory=dict)

    def attach(self, events: Any) -> None:
        """Count the calls of all clients that the session with these events makes from now on."""
        events.register("provide-client-params.dynamodb", self._asked)
        events.register("after-call.dynamodb", self._answered)

    def start(self) -> None:
        """Count from zero again. What is stored stays."""
        self.calls.clear()
        self.answers.clear()
        self.read_units = self.write_units = 0

    def _asked(self, params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
        context["metered"] = params

    def _answered(
        self, http_response: Any, parsed: Mapping[str, Any], model: Any, context: Mapping[str, Any], **_: object
    ) -> None:
        if "Error" in parsed:
            raise Unmetered(f"{model.name} failed: {parsed['Error']}")
        self.answers.append(http_response)
        self.calls[model.name] += 1
        asked = context["metered"]
        for table, key, consistent in _reads(model.name, asked):
            size = item_size(self._items.get(self._place(table, key)))
            self.read_units += _units(size, 4096) * (1.0 if consistent else 0.5)
        for table, key, item in _writes(model.name, asked):
            place = self._place(table, key)
            transaction = model.name == "TransactWriteItems"
            self.write_units += self.tables[table].write_units(self._items.get(place), item, transaction=transaction)
            self._items[place] = item

    def _place(self, table: str, item: Item) -> tuple[str, str]:
        return table, repr([item[name] for name in self.tables[table].key])


def _reads(operation: str, asked: Mapping[str, Any]) -> Iterator[tuple[str, Item, bool]]:
    """Each item that a call reads: its table, its key, and whether consistently."""
    match operation:
        case "GetItem":
            yield asked["TableName"], asked["Key"], asked.get("ConsistentRead", False)
        case "BatchGetItem":
            for table, some in asked["RequestItems"].items():
                for key in some["Keys"]:
                    yield table, key, some.get("ConsistentRead", False)
        case "PutItem" | "DeleteItem" | "TransactWriteItems":
            pass
        case _:
            raise Unmetered(operation)


def _writes(operation: str, asked: Mapping[str, Any]) -> Iterator[tuple[str, Item, Item | None]]:
    """Each item that a call writes: its table, its key, and what it becomes."""
    match operation:
        case "PutItem":
            yield asked["TableName"], asked["Item"], asked["Item"]
        case "DeleteItem":
            yield asked["TableName"], asked["Key"], None
        case "TransactWriteItems":
            for write in asked["TransactItems"]:
                yield write["Put"]["TableName"], write["Put"]["Item"], write["Put"]["Item"]
        case _:
            pass


def item_size(item: Item | None) -> int:
    """Bytes of an item as DynamoDB counts them; 0 if there is none.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + sum(_value_sizes(value)) for name, value in (item or {}).items())


def _value_sizes(value: Mapping[str, Any]) -> Iterator[int]:
    match value:
        case {"S": str(text)}:
            yield len(text.encode())
        case {"N": str(number)}:
            digits = number.lstrip("-").replace(".", "").strip("0")
            yield (len(digits) + 1) // 2 + 1 + number.startswith("-")
        case _:
            raise Unmetered(f"the size of {value}")


def _units(size: int, unit: int) -> int:
    return max(1, -(-size // unit))


def _names(keyed: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(key["AttributeName"] for key in keyed["KeySchema"])
