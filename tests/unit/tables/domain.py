"""Short ways to say what tests of tables are about."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from holdfast.adapters.memory_tables import MemoryItemObjects, MemoryStore
from holdfast.events import dynamodb
from holdfast.tables import item, run
from holdfast.tables.archive import Archive
from holdfast.tables.layout import INLINE_BYTES, ItemLayout, Layout, SegmentLayout
from holdfast.tables.model import Base, Cause, Change, Description, Image, ItemId, Moment
from holdfast.tables.view import View

TABLE = "orders"
ARN = f"arn:aws:dynamodb:us-east-1:123456789012:table/{TABLE}/stream/2026-01-01T00:00:00.000"
T0 = 1_767_225_600
"""2026-01-01T00:00:00Z, when the table of these tests is created."""

LARGE = "x" * INLINE_BYTES
"""A value that no line of the layout `item` holds."""

KEY_NAMES = ("pk",)
DESCRIPTION = Description(
    taken_at=T0,
    table={
        "TableName": TABLE,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "CreationDateTime": T0,
        "LatestStreamLabel": "2026-01-01T00:00:00.000",
    },
    time_to_live={},
)


def keys(name: str) -> Image:
    return {"pk": {"S": name}}


def an_item(name: str, value: str = "", **attributes: Any) -> Image:
    return {**keys(name), "value": {"S": value}, **attributes}


def id_of(name: str) -> ItemId:
    return item.item_id(keys(name))


def a_record(
    name: str, new: Image | None = None, old: Image | None = None, *, at: int = 0, sequence: int = 1, **more: Any
) -> dict[str, Any]:
    """A record as Lambda delivers it. `at`: seconds since T0."""
    told: dict[str, Any] = {
        "Keys": keys(name),
        "ApproximateCreationDateTime": T0 + at,
        "SequenceNumber": str(sequence),
    }
    told |= {"NewImage": new} if new else {}
    told |= {"OldImage": old} if old else {}
    kind = "REMOVE" if new is None else "MODIFY" if old else "INSERT"
    return {"eventName": kind, "eventSourceARN": ARN, "dynamodb": told, **more}


def a_change(
    name: str, value: str | None = "", *, at: int = 0, sequence: int = 1, cause: Cause = Cause.WRITE
) -> Change:
    """An item that was put; or removed, if it has no value."""
    image = None if value is None else an_item(name, value)
    return Change(id_of(name), keys(name), Moment(T0 + at, sequence), cause, image)


def a_base(began: int, ended: int | None, run: str = "run") -> Base:
    """Seconds since T0."""
    return Base(run, T0 + began, None if ended is None else T0 + ended, items=0, total_segments=1, done={})


class Archived:
    """A table's archive in memory, and what was logged."""

    def __init__(self, layout: str = "segment", *, tenant_column: str = "", plain_names: bool = False) -> None:
        self.store, self.objects = MemoryStore(), MemoryItemObjects()
        self.archive = Archive(TABLE, self.store)
        self.tenant_column = tenant_column
        self.log: list[tuple[str, dict[str, object]]] = []
        self.layout: Layout = SegmentLayout()
        if layout == "item":
            self.layout = ItemLayout(
                self.objects, "p", bool(tenant_column), plain_names, key_names=lambda _: KEY_NAMES, each=map
            )

    def __call__(self, *records: dict[str, Any], now: int = 0) -> run.Outcome:
        """Archive a batch."""
        return run.archive(
            dynamodb.from_lambda(json.loads(json.dumps({"Records": records}))),
            archive_of=lambda _: self.archive,
            layout=self.layout,
            tenant_column=self.tenant_column,
            now=lambda: datetime.fromtimestamp(T0 + now, UTC),
            log=lambda message, **fields: self.log.append((message, fields)),
        )

    @property
    def view(self) -> View:
        return View(self.archive, self.objects, map)

    def at(self, seconds: int) -> list[Image]:
        """The items of a moment, in the order of their names."""
        view = self.view
        images = [view.image(change) for change in view.at(T0 + seconds).items.values()]
        return sorted((image for image in images if image), key=lambda image: str(image["pk"]))

    def objects_there(self) -> dict[str, Image]:
        """The newest versions of items' objects, by key."""
        found = {key: self.objects.newest(key) for key in self.objects.versions}
        return {key: json.loads(one.body or b"") for key, one in found.items() if one}


def names(images: Sequence[Image]) -> list[str]:
    return [str(image["pk"]["S"]) for image in images]
