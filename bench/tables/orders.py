"""Orders of a shop, as items of a table, and what the table's stream tells of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import md5
from itertools import count
from random import Random
from typing import Any

TABLE = "orders"
STREAM = f"arn:aws:dynamodb:us-east-1:123456789012:table/{TABLE}/stream/2026-01-09T23:06:40.000"
BEGAN = 1_768_000_000
"""When the first order came, in Unix seconds."""

_STEPS = ("placed", "paid", "packed", "sent", "delivered", "returned")
_GOODS = ("chair, oak", "desk lamp", "bookshelf, narrow", "rug 140x200", "mirror", "coat rack", "stool", "side table")
_STREETS = ("Long Street", "Mill Lane", "Church Road", "Station Road", "High Street", "Park Avenue")

type Item = dict[str, Any]
"""An item, or the key of one, in DynamoDB JSON."""


def key(number: int) -> Item:
    return {"pk": {"S": f"customer#{number % 50_000:05d}"}, "sk": {"S": f"order#{number:08d}"}}


def item(number: int, version: int) -> Item:
    """An order as it is from one of its versions on: 780 bytes of DynamoDB JSON, the same in each run."""
    digest = md5(f"{number}".encode(), usedforsecurity=False).digest()
    a, b, c, *more = digest
    lines = [
        {
            "M": {
                "sku": {"S": f"{_GOODS[one % 8][:3].upper()}-{one:03d}"},
                "name": {"S": _GOODS[one % 8]},
                "count": {"N": str(1 + one % 3)},
                "price": {"N": f"{one}.{99 - one % 50}"},
            }
        }
        for one in more[: 1 + a % 3]
    ]
    return {
        **key(number),
        "id": {"S": digest.hex()},
        "status": {"S": _STEPS[version % 6]},
        "version": {"N": str(version + 1)},
        "total": {"N": f"{a}{b}.{c % 90 + 10}"},
        "currency": {"S": "EUR"},
        "placed_at": {"S": _time(BEGAN + number)},
        "changed_at": {"S": _time(BEGAN + number + version * (1000 + a))},
        "email": {"S": f"{digest[:4].hex()}@example.com"},
        "address": {
            "M": {
                "street": {"S": f"{_STREETS[b % 6]} {c}"},
                "city": {"S": "Springfield"},
                "postcode": {"S": f"{b:03d}{c % 100:02d}"},
                "country": {"S": "DE"},
            }
        },
        "lines": {"L": lines},
        "paid": {"BOOL": version > 0},
        "voucher": {"NULL": True} if c % 4 else {"S": digest[4:9].hex().upper()},
    }


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def record(number: int, before: int | None, after: int | None, at: int, sequence: int) -> Item:
    """What the stream tells when an order goes from one version to another; None is where it is not there."""
    images = {"OldImage": before, "NewImage": after}
    return {
        "eventID": md5(f"{sequence}".encode(), usedforsecurity=False).hexdigest(),
        "eventName": "INSERT" if before is None else "REMOVE" if after is None else "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": float(at),
            "Keys": key(number),
            **{name: item(number, version) for name, version in images.items() if version is not None},
            "SequenceNumber": str(sequence),
            "SizeBytes": 900,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": STREAM,
    }


def records() -> Iterator[Item]:
    """A shard of a shop in business: of ten changes, three are new orders, six change one of the newest thousand, one
    removes the oldest of those. 50 come in a second."""
    chance, live, sequence, new = Random(20260109), dict[int, int](), count(1), count(1)
    while True:
        known = list(live)[-1000:]
        for _ in range(3):
            number = next(new)
            live[number] = 0
            yield _next(number, None, 0, next(sequence))
        for _ in range(6 if known else 0):
            number = chance.choice(known)
            live[number] += 1
            yield _next(number, live[number] - 1, live[number], next(sequence))
        if known:
            number = next(iter(live))
            yield _next(number, live.pop(number), None, next(sequence))


def _next(number: int, before: int | None, after: int | None, sequence: int) -> Item:
    return record(number, before, after, BEGAN + sequence // 50, 100_000_000_000_000_000_000 + sequence)
