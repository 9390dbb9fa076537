"""Items by the thousand as they are on the wire, past the SDK's conversions.

An archive holds what DynamoDB takes and gives. boto3 checks each value of each item against its model on the way out,
and turns each into its own form on the way in: that takes several times as long as everything else in a restore. Here
the SDK does all of a call but that: it signs, sends, tries again, and raises what it raises.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import local
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_NOTHING: Any = {"DeleteRequest": {"Key": {}}}
"""What the SDK believes that it sends: it wants to know the table, and no list may be empty."""

LARGEST = 15_000_000
"""Bytes of a request. DynamoDB takes 16 MB, and 25 items of 400 KB, as bytes or with many signs to escape, are more."""


class _Wire(local):
    """What this thread's call sends as its body, and whether its answer stays as it comes."""

    body: bytes | None = None
    raw = False


_wire = _Wire()


def attach(client: "DynamoDBClient") -> None:
    """Have a client do so, for `write` and `scan` alone."""
    events = client.meta.events
    events.register("before-call.dynamodb.BatchWriteItem", _send, unique_id="holdfast-wire-send")
    for operation in ("BatchWriteItem", "Scan"):
        events.register(f"before-parse.dynamodb.{operation}", _take, unique_id=f"holdfast-wire-{operation}")


def write(client: "DynamoDBClient", table: str, requests: Sequence[Any]) -> list[Any]:
    """BatchWriteItem, of one table, in as many calls as it takes. Returns the requests that DynamoDB did not get to."""
    body = json.dumps({"RequestItems": {table: requests}}, ensure_ascii=False).encode()
    if len(body) > LARGEST and len(requests) > 1:
        half = len(requests) // 2
        return write(client, table, requests[:half]) + write(client, table, requests[half:])
    with _on_the_wire(body):
        answer: Any = client.batch_write_item(RequestItems={table: [_NOTHING]})
    left: list[Any] = answer.get("UnprocessedItems", {}).get(table, [])
    return left


def scan(client: "DynamoDBClient", **asked: Any) -> Mapping[str, Any]:
    """Scan. What the answer has of items is DynamoDB JSON."""
    with _on_the_wire():
        return client.scan(**asked)


@contextmanager
def _on_the_wire(body: bytes | None = None) -> Iterator[None]:
    _wire.body, _wire.raw = body, True
    try:
        yield
    finally:
        _wire.body, _wire.raw = None, False


def _send(params: dict[str, Any], **_: object) -> None:
    if _wire.body is not None:
        params["body"] = _wire.body


def _take(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    """Errors stay the SDK's."""
    if _wire.raw and response_dict["status_code"] < 300:
        customized_response_dict.update(json.loads(response_dict["body"]))
        response_dict["body"] = b"{}"
