"""A table that is archived or restored, in DynamoDB.

boto3 has DynamoDB JSON, save that bytes are bytes: numbers stay the text that they are on the wire.
"""

import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from holdfast.adapters import dynamodb_wire
from holdfast.ports import Conflict
from holdfast.tables import item
from holdfast.tables.model import AttributeValue, Description, Image
from holdfast.tables.ports import NotTaken, Page, TableExists, TableMissing

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MARGIN_SECONDS = 5
"""By how much the clocks of those who answer for DynamoDB may differ."""

_CREATION_PAUSE_SECONDS = 2
_CREATION_TRIES = 450

_EXPRESSION_BYTES = 4096
_EXPRESSION_CONDITIONS = 150
"""What an expression holds at most: of operators, 300, of which each condition has one, and one stands between two.
Its values, all of one item, never come to the 2 MB that they may have.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

_AND = " AND "

_BUSY = {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"}


# DynamoDB JSON, and boto3's form of it


def to_boto(image: Image) -> dict[str, Any]:
    return {name: _to_boto(value) for name, value in image.items()}


def _to_boto(value: AttributeValue) -> dict[str, Any]:
    [(kind, content)] = value.items()
    match kind:
        case "B":
            return {kind: b64decode(content)}
        case "BS":
            return {kind: [b64decode(member) for member in content]}
        case "M":
            return {kind: to_boto(content)}
        case "L":
            return {kind: [_to_boto(member) for member in content]}
        case _:
            return {kind: content}


def from_boto(image: Mapping[str, Any]) -> Image:
    return {name: _from_boto(value) for name, value in image.items()}


def _from_boto(value: Mapping[str, Any]) -> AttributeValue:
    [(kind, content)] = value.items()
    match kind:
        case "B":
            return {kind: b64encode(content).decode()}
        case "BS":
            return {kind: [b64encode(member).decode() for member in content]}
        case "M":
            return {kind: from_boto(content)}
        case "L":
            return {kind: [_from_boto(member) for member in content]}
        case _:
            return {kind: content}


# The table


@dataclass(slots=True)
class _TheirClock:
    """The latest time that an answer of DynamoDB has told, to any thread."""

    seen: float | None = None
    lock: Lock = field(default_factory=Lock)

    def look(self, answer: Mapping[str, Any], now: Callable[[], float]) -> float:
        """Returns the time. `now`: our own clock, where the answer has no Date."""
        told = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        at = parsedate_to_datetime(told).timestamp() if told else now()
        with self.lock:
            self.seen = at if self.seen is None else max(self.seen, at)
            return self.seen


@dataclass(frozen=True, slots=True)
class DynamoTable:
    """The `LiveTable` of the tables system. For any number of threads."""

    client: "DynamoDBClient"
    name: str
    now: Callable[[], float] = time.time
    _clock: _TheirClock = field(default_factory=_TheirClock, compare=False, repr=False)

    def __post_init__(self) -> None:
        dynamodb_wire.attach(self.client)

    @contextmanager
    def _there(self) -> Iterator[None]:
        try:
            yield
        except self.client.exceptions.ResourceNotFoundException as error:
            raise TableMissing(f"there is no table {self.name!r}") from error

    def describe(self, taken_at: int) -> Description:
        with self._there():
            table = self.client.describe_table(TableName=self.name)["Table"]
            time_to_live = self.client.describe_time_to_live(TableName=self.name)["TimeToLiveDescription"]
            pages = self.client.get_paginator("list_tags_of_resource").paginate(ResourceArn=table["TableArn"])
            tags = tuple({"Key": tag["Key"], "Value": tag["Value"]} for page in pages for tag in page["Tags"])
        return Description(taken_at, _plain(table), _plain(time_to_live), tags)

    def scan(self, segment: int, total_segments: int, after: Image | None, limit: int) -> Page:
        start: Any = {"ExclusiveStartKey": to_boto(after)} if after else {}
        with self._there():
            as_of = self._as_of()
            answer = dynamodb_wire.scan(
                self.client,
                TableName=self.name,
                Segment=segment,
                TotalSegments=total_segments,
                Limit=limit,
                ConsistentRead=True,
                ReturnConsumedCapacity="TOTAL",
                **start,
            )
        self._clock.look(answer, self.now)
        return Page(
            items=answer["Items"],
            as_of=as_of,
            next_key=answer.get("LastEvaluatedKey"),
            capacity_units=answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0),
        )

    def _as_of(self) -> int:
        """What DynamoDB's clock has reached at least, before anything is read from now on."""
        seen = self._clock.seen
        return int(self._look() if seen is None else seen) - MARGIN_SECONDS

    def _look(self) -> float:
        """The latest time by DynamoDB's clock."""
        return self._clock.look(self.client.describe_table(TableName=self.name), self.now)

    def time(self) -> int:
        with self._there():
            return int(self._look()) + 1 + MARGIN_SECONDS

    def get(self, keys: Image) -> Image | None:
        with self._there():
            answer = self.client.get_item(TableName=self.name, Key=to_boto(keys), ConsistentRead=True)
        return _image(answer.get("Item"))

    def put_all(self, images: Sequence[Image]) -> Sequence[Image]:
        try:
            with self._there():
                left = dynamodb_wire.write(
                    self.client, self.name, [{"PutRequest": {"Item": image}} for image in images]
                )
        except ClientError as error:
            told = error.response["Error"]
            if told["Code"] in _BUSY:  # it got to none
                return images
            if told["Code"] != "ValidationException":
                raise
            if len(images) > 1:  # of all of them, it names none
                return [left for image in images for left in self.put_all([image])]
            raise NotTaken(self._not_taken(images[0], told["Message"])) from error
        return [request["PutRequest"]["Item"] for request in left]

    def _not_taken(self, image: Image, why: str) -> str:
        keys = {name: image.get(name) for name in self.describe(0).key_names}
        return (
            f"table {self.name!r} does not take item {keys}: {why} If it breaks an index that came later than the item "
            "did, restore it by hand, without that attribute"
        )

    def change(self, keys: Image, before: Image | None, after: Image | None) -> None:
        try:
            with self._there():
                found = self._swap(keys, before, after)
        except self.client.exceptions.TransactionConflictException as error:
            raise _changed(keys) from error
        if not item.is_same(found, before):
            self._put_back(keys, after, found)
            raise _changed(keys)

    def _swap(self, keys: Image, before: Image | None, after: Image | None) -> Image | None:
        """Write what is after, on conditions that name what was before. Returns what it has replaced: that may have
        attributes that nobody knew of. Raises Conflict if a condition did not hold."""
        stated: Any = {
            "TableName": self.name,
            "ReturnValues": "ALL_OLD",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **condition(keys, before, after),
        }
        try:
            if after is None:
                answer: Any = self.client.delete_item(Key=to_boto(keys), **stated)
            else:
                answer = self.client.put_item(Item=to_boto(after), **stated)
        except self.client.exceptions.ConditionalCheckFailedException as error:
            if _was_ours(error, after):
                return before
            raise _changed(keys) from error
        return _image(answer.get("Attributes"))

    def _put_back(self, keys: Image, there: Image | None, theirs: Image | None) -> None:
        """Undo a write that has replaced what it should not have."""
        with suppress(Conflict):  # somebody has written over it since: that stands
            while not item.is_same(found := self._swap(keys, there, theirs), there):
                there, theirs = theirs, found

    def create(self, like: Description, tags: Sequence[dict[str, str]]) -> None:
        wanted = _creation(like, [*like.tags, *tags])
        try:
            self.client.create_table(TableName=self.name, **wanted)
        except self.client.exceptions.ResourceInUseException as error:
            raise TableExists(f"there is a table {self.name!r} already") from error
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException" or "SSESpecification" not in wanted:
                raise
            self._create_with_the_default_key(wanted, error)
        self.wait()

    def _create_with_the_default_key(self, wanted: dict[str, Any], refused: ClientError) -> None:
        """DynamoDB wants a key to be named only if it is not `alias/aws/dynamodb`, and describes a table by the key's
        ARN, which does not tell: the new table's does. Raises NotTaken if it was another.
        https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_SSESpecification.html
        """
        key = wanted["SSESpecification"]["KMSMasterKeyId"]
        self.client.create_table(TableName=self.name, **wanted | {"SSESpecification": {"Enabled": True}})
        self.wait()
        described = self.client.describe_table(TableName=self.name)["Table"]
        if described.get("SSEDescription", {}).get("KMSMasterKeyArn") != key:
            with suppress(ClientError):  # functions may not
                self.client.delete_table(TableName=self.name)
            why = f"no table can be encrypted with {key}: {refused}. If {self.name!r} is there, it is empty: delete it"
            raise NotTaken(why) from refused

    def wait(self) -> None:
        self.client.get_waiter("table_exists").wait(
            TableName=self.name,
            WaiterConfig={"Delay": _CREATION_PAUSE_SECONDS, "MaxAttempts": _CREATION_TRIES},
        )

    def expire_like(self, like: Description) -> None:
        wanted = _expiry(like.time_to_live)
        if wanted is None:
            return
        with self._there():
            found = self.client.describe_time_to_live(TableName=self.name)["TimeToLiveDescription"]
            if _expiry(found) != wanted:  # DynamoDB refuses what is so already
                self.client.update_time_to_live(
                    TableName=self.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": wanted}
                )


def _image(found: Mapping[str, Any] | None) -> Image | None:
    return from_boto(found) if found else None


def _plain(told: Any) -> Any:
    """What JSON can hold: moments as Unix seconds."""
    match told:
        case datetime():
            return told.timestamp()
        case Mapping():
            return {name: _plain(value) for name, value in told.items()}
        case list():
            return [_plain(member) for member in told]
        case _:
            return told


def _expiry(time_to_live: Mapping[str, Any]) -> str | None:
    """The attribute that tells when an item expires; None if none does."""
    if time_to_live.get("TimeToLiveStatus") not in {"ENABLED", "ENABLING"}:
        return None
    return str(time_to_live["AttributeName"])


# Conditions


def _changed(keys: Image) -> Conflict:
    return Conflict(f"{dict(keys)} was changed meanwhile")


def _was_ours(error: ClientError, after: Image | None) -> bool:
    """Whether it is as we wrote it ourselves: the answer was lost, and the SDK tried again."""
    answer: Mapping[str, Any] = error.response
    tried_again = answer["ResponseMetadata"].get("RetryAttempts", 0) > 0
    return tried_again and item.is_same(_image(answer.get("Item")), after)


def condition(keys: Image, before: Image | None, after: Image | None) -> dict[str, Any]:
    """That every attribute is as before, the key first, and that none is there which is only after: as many of them as
    an expression holds."""
    if before is None:
        return {
            "ConditionExpression": "attribute_not_exists(#0)",
            "ExpressionAttributeNames": {"#0": next(iter(keys))},
        }
    only_after = [name for name in after or {} if name not in before]
    asked = {**keys, **before, **dict.fromkeys(only_after)}
    parts, names, values, size = [], {}, {}, 0
    for number, (name, value) in enumerate(islice(asked.items(), _EXPRESSION_CONDITIONS)):
        part = f"attribute_not_exists(#{number})" if value is None else f"#{number}=:{number}"
        size += len(part) + len(_AND)
        if size > _EXPRESSION_BYTES:
            break
        parts.append(part)
        names[f"#{number}"] = name
        if value is not None:
            values[f":{number}"] = _to_boto(value)
    return {
        "ConditionExpression": _AND.join(parts),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


# Creation


def _creation(like: Description, tags: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """What `create_table` takes, of what `describe_table` told of another table."""
    table = like.table
    on_demand = table.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST"
    indexes = [*table.get("GlobalSecondaryIndexes", []), *table.get("LocalSecondaryIndexes", [])]
    schemas = [table["KeySchema"], *(index["KeySchema"] for index in indexes)]
    used = {part["AttributeName"] for schema in schemas for part in schema}
    wanted: dict[str, Any] = {
        "KeySchema": table["KeySchema"],
        "AttributeDefinitions": [one for one in table["AttributeDefinitions"] if one["AttributeName"] in used],
        "BillingMode": "PAY_PER_REQUEST" if on_demand else "PROVISIONED",
        "DeletionProtectionEnabled": False,
        **_throughput(table, on_demand),
    }
    if local := table.get("LocalSecondaryIndexes"):
        wanted["LocalSecondaryIndexes"] = [_index(index) for index in local]
    if everywhere := table.get("GlobalSecondaryIndexes"):
        wanted["GlobalSecondaryIndexes"] = [_index(index) | _throughput(index, on_demand) for index in everywhere]
    if like.has_stream:
        wanted["StreamSpecification"] = table["StreamSpecification"]
    if key := table.get("SSEDescription", {}).get("KMSMasterKeyArn"):
        wanted["SSESpecification"] = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    if table_class := table.get("TableClassSummary", {}).get("TableClass"):
        wanted["TableClass"] = table_class
    if own := {tag["Key"]: tag["Value"] for tag in tags if not tag["Key"].startswith("aws:")}:
        wanted["Tags"] = [{"Key": name, "Value": value} for name, value in own.items()]
    return wanted


def _index(index: Mapping[str, Any]) -> dict[str, Any]:
    return {name: index[name] for name in ("IndexName", "KeySchema", "Projection")}


def _throughput(told: Mapping[str, Any], on_demand: bool) -> dict[str, Any]:
    """Of a table or an index."""
    name = "OnDemandThroughput" if on_demand else "ProvisionedThroughput"
    units = (
        ("MaxReadRequestUnits", "MaxWriteRequestUnits") if on_demand else ("ReadCapacityUnits", "WriteCapacityUnits")
    )
    found = {unit: told[name][unit] for unit in units if unit in told.get(name, {})}
    return {name: found} if found else {}
