"""Counts the calls of a boto3 session to DynamoDB and S3, and the capacity that each consumes of DynamoDB by its
published rules.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/capacity-unit-calculations.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import boto3

type Item = Mapping[str, Mapping[str, Any]]
"""An item in DynamoDB's own form: {"size": {"N": "18"}}."""

S3_REQUESTS = {
    "CopyObject": "s3_writes",
    "DeleteObject": None,
    "HeadObject": "s3_reads",
    "ListObjectVersions": "s3_writes",
    "ListObjectsV2": "s3_writes",
    "PutObject": "s3_writes",
}
"""What S3 charges a request as: PUT, COPY, POST and LIST alike, GET and all others alike, DELETE not at all."""


class Unmetered(NotImplementedError):
    """A call whose capacity nobody has taught the meter to count."""


@dataclass(frozen=True, slots=True)
class Index:
    """The keys of a table's index, and what it projects besides keys."""

    key: tuple[str, ...]
    more: tuple[str, ...] = ()

    @classmethod
    def read(cls, properties: Mapping[str, Any]) -> "Index":
        projection = properties["Projection"]
        if projection["ProjectionType"] == "ALL":
            raise Unmetered("an index that projects everything")
        return cls(_names(properties), tuple(projection.get("NonKeyAttributes", [])))


@dataclass(frozen=True, slots=True)
class Table:
    """The keys of a table, and its indexes by name."""

    key: tuple[str, ...]
    indexes: Mapping[str, Index] = field(default_factory=dict)

    @classmethod
    def read(cls, properties: Mapping[str, Any]) -> "Table":
        """Read the properties of an AWS::DynamoDB::Table."""
        indexes = properties.get("GlobalSecondaryIndexes", [])
        return cls(_names(properties), {index["IndexName"]: Index.read(index) for index in indexes})

    def write_units(self, old: Item | None, new: Item | None, *, transaction: bool) -> int:
        """Units of a write that makes `new` of `old`. Indexes follow behind a transaction and are not doubled."""
        units = _units(max(item_size(old), item_size(new)), 1024)
        return units * (2 if transaction else 1) + sum(self._index_units(name, old, new) for name in self.indexes)

    def _index_units(self, index: str, old: Item | None, new: Item | None) -> int:
        """An entry that gets other keys is deleted and put; one whose keys stay is written over."""
        before, after = self.entry(index, old), self.entry(index, new)
        if before == after:
            return 0
        key = (*self.indexes[index].key, *self.key)
        if before and after and all(before[name] == after[name] for name in key):
            return _units(max(item_size(before), item_size(after)), 1024)
        return sum(_units(item_size(entry), 1024) for entry in (before, after) if entry)

    def entry(self, index: str, item: Item | None) -> Item | None:
        """What an index has of an item."""
        stated = self.indexes[index]
        if item is None or not item.keys() >= set(stated.key):
            return None
        return {name: item[name] for name in (*stated.key, *self.key, *stated.more) if name in item}


@dataclass(slots=True)
class Meter:
    """What has been called and consumed. It looks itself at what is stored, to know what a write has made."""

    tables: Mapping[str, Table]
    calls: Counter[str] = field(default_factory=Counter)
    read_units: float = 0
    write_units: int = 0
    s3_requests: Counter[str] = field(default_factory=Counter)
    """By what they are charged as."""
    answers: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    """The HTTP answers to each operation, in order."""
    _items: dict[tuple[str, str], Item | None] = field(default_factory=dict)
    _plain: Any = None
    _lock: Lock = field(default_factory=Lock)

    def attach(self, session: boto3.Session) -> None:
        """Count the calls of all clients that this session makes from now on."""
        self._plain = boto3.Session(region_name=session.region_name).client("dynamodb")
        for service, answered in (("dynamodb", self._dynamodb_answered), ("s3", self._s3_answered)):
            session.events.register(f"provide-client-params.{service}", self._asked)
            session.events.register(f"after-call.{service}", answered)

    def replay(self, session: boto3.Session) -> None:
        """Have the clients that this session makes from now on get the answers that were counted, at once, instead of
        asking. Each operation's come in their order."""
        answers = {name: iter(some) for name, some in self.answers.items()}

        def answer(event_name: str, **_: object) -> Any:
            with self._lock:
                return next(answers[event_name.rpartition(".")[2]])

        for service in ("dynamodb", "s3"):
            session.events.register(f"before-send.{service}", answer)

    def start(self) -> None:
        """Count from zero, and from what is stored now."""
        self.calls.clear()
        self.s3_requests.clear()
        self.answers.clear()
        self.read_units = self.write_units = 0
        self._items.clear()
        for table in self.tables:
            for page in self._plain.get_paginator("scan").paginate(TableName=table):
                self._items.update({_place(table, self._key(table, item)): item for item in page["Items"]})

    def _asked(self, params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
        context["metered"] = params

    def _s3_answered(self, http_response: Any, parsed: Mapping[str, Any], model: Any, **_: object) -> None:
        if "Error" in parsed:
            raise Unmetered(f"{model.name} failed: {parsed['Error']}")
        with self._lock:
            self.answers[model.name].append(http_response)
            self.calls[model.name] += 1
            if charged := S3_REQUESTS[model.name]:
                self.s3_requests[charged] += 1

    def _dynamodb_answered(
        self, http_response: Any, parsed: Mapping[str, Any], model: Any, context: Mapping[str, Any], **_: object
    ) -> None:
        refused = parsed.get("Error", {}).get("Code") == "ConditionalCheckFailedException"
        if "Error" in parsed and not refused:
            raise Unmetered(f"{model.name} failed: {parsed['Error']}")
        with self._lock:
            self.answers[model.name].append(http_response)
            self.calls[model.name] += 1
            asked = context["metered"]
            self.read_units += sum(self._read(model.name, asked))
            for table, key in self._written(model.name, asked):
                self.write_units += self._write(table, key, refused, transaction=model.name == "TransactWriteItems")

    def _read(self, operation: str, asked: Mapping[str, Any]) -> Iterator[float]:
        """Units of what a call reads: of each item, or of all that a query goes through."""
        match operation:
            case "GetItem":
                yield self._item_units(asked["TableName"], asked["Key"], asked)
            case "BatchGetItem":
                for table, some in asked["RequestItems"].items():
                    yield from (self._item_units(table, key, some) for key in some["Keys"])
            case "Query":
                size = sum(map(item_size, self._queried(asked)))
                yield _units(size, 4096) * _share(asked)
            case "PutItem" | "DeleteItem" | "UpdateItem" | "BatchWriteItem" | "TransactWriteItems":
                pass
            case _:
                raise Unmetered(operation)

    def _item_units(self, table: str, key: Item, asked: Mapping[str, Any]) -> float:
        return _units(item_size(self._stored(table, key)), 4096) * _share(asked)

    def _queried(self, asked: Mapping[str, Any]) -> Iterable[Item | None]:
        """What a query goes through, whatever it wants to see of it."""
        found = self._plain.query(
            **{name: of for name, of in asked.items() if name not in ("Select", "FilterExpression")}
        )
        if index := asked.get("IndexName"):
            return (self.tables[asked["TableName"]].entry(index, item) for item in found["Items"])
        return found["Items"]  # type: ignore[no-any-return]

    def _written(self, operation: str, asked: Mapping[str, Any]) -> Iterator[tuple[str, Item]]:
        """The table and the key of each item that a call writes."""
        match operation:
            case "PutItem":
                yield asked["TableName"], self._key(asked["TableName"], asked["Item"])
            case "DeleteItem" | "UpdateItem":
                yield asked["TableName"], asked["Key"]
            case "BatchWriteItem":
                for table, requests in asked["RequestItems"].items():
                    yield from ((table, request["DeleteRequest"]["Key"]) for request in requests)
            case "TransactWriteItems":
                for write in asked["TransactItems"]:
                    put = write["Put"]
                    yield put["TableName"], self._key(put["TableName"], put["Item"])
            case _:
                pass

    def _write(self, table: str, key: Item, refused: bool, *, transaction: bool) -> int:
        place = _place(table, key)
        old, new = self._items.get(place), self._stored(table, key)
        self._items[place] = new
        if refused:  # for a condition that does not hold, what is there is paid for
            return _units(item_size(new), 1024)
        return self.tables[table].write_units(old, new, transaction=transaction)

    def _stored(self, table: str, key: Item) -> Item | None:
        item: Item | None = self._plain.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
        return item

    def _key(self, table: str, item: Item) -> Item:
        return {name: item[name] for name in self.tables[table].key}


def _place(table: str, key: Item) -> tuple[str, str]:
    return table, repr(sorted(key.items()))


def _share(asked: Mapping[str, Any]) -> float:
    """Of a unit, for four kilobytes: reads that need not be consistent take half."""
    return 1.0 if asked.get("ConsistentRead", False) else 0.5


def item_size(item: Item | None) -> int:
    """Bytes of an item as DynamoDB counts them; 0 if there is none.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_size(value) for name, value in (item or {}).items())


def _value_size(value: Mapping[str, Any]) -> int:
    match value:
        case {"S": str(text)}:
            return len(text.encode())
        case {"N": str(number)}:
            digits = number.lstrip("-").replace(".", "").strip("0")
            return (len(digits) + 1) // 2 + 1 + number.startswith("-")
        case {"BOOL": _} | {"NULL": _}:
            return 1
        case {"L": list(parts)}:
            return 3 + sum(1 + _value_size(part) for part in parts)
        case {"M": dict(parts)}:
            return 3 + sum(1 + len(name.encode()) + _value_size(part) for name, part in parts.items())
        case _:
            raise Unmetered(f"the size of {value}")


def _units(size: int, unit: int) -> int:
    return max(1, -(-size // unit))


def _names(keyed: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(key["AttributeName"] for key in keyed["KeySchema"])
