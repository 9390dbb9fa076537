"""The tables system: items are written, changed and removed; the table as it was in between comes back beside it."""

import json
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from holdfast.adapters.dynamodb_tables import DynamoTable
from holdfast.adapters.s3_tables import S3ItemObjects, S3Store
from holdfast.adapters.stack import Stack
from holdfast.tables import item, naming
from holdfast.tables.archive import Archive
from holdfast.tables.item import Digest
from holdfast.tables.model import Image, ItemId
from holdfast.tables.view import View
from local.cloud import STACK, Cloud
from local.demo import Story
from local.demo.stage import Stage, now, said

KEYS = ("pk", "sk")
WIDEST = 14
"""Characters of a value that is shown."""


def order(customer: str, number: str, **attributes: Any) -> Image:
    return {"pk": {"S": f"customer#{customer}"}, "sk": {"S": f"order#{number}"}, **attributes}


BEFORE = [
    order("ada", "1", state={"S": "paid"}, total={"N": "12.50"}),
    order("ada", "2", state={"S": "open"}, total={"N": "0.12345678901234567890123456789012345678"}),
    order("bob", "1", state={"S": "open"}, lines={"L": [{"M": {"sku": {"S": "x-1"}, "n": {"N": "3"}}}]}),
]
"""What is in the table at the moment that is restored."""

CHANGED = order("ada", "1", state={"S": "refunded"}, total={"N": "0"})
REMOVED = order("bob", "1")
ADDED = order("eve", "1", state={"S": "fraud"})


def tell(cloud: Cloud, console: Console) -> Story:
    """Write, wait a second, change everything, and restore what was there in between."""
    play = _Play(Stage("tables", cloud, console))
    console.print(f"\n[bold]tables[/bold]  every change of the DynamoDB table {play.live.name}, in S3\n")
    return play.stage.play([play.write, play.change, play.restore])


@dataclass
class _Play:
    """The acts of the story."""

    stage: Stage
    at: datetime = field(default_factory=now)
    restored_to: str = ""

    def __post_init__(self) -> None:
        cloud = self.stage.cloud
        self._dynamodb, s3 = cloud.engine.client("dynamodb"), cloud.engine.client("s3")
        self.live = DynamoTable(self._dynamodb, cloud.outputs["TablesSampleTableName"])
        bucket = cloud.outputs["TablesBackupBucketName"]
        stack = Stack.find(cloud.engine.client("cloudformation"), STACK)
        folder = naming.folder(stack.parameters["BackupPrefix"], self.live.name)
        self._view = View(Archive(self.live.name, S3Store(s3, bucket, folder)), S3ItemObjects(s3, bucket), map)

    # The acts

    def write(self) -> None:
        for image in BEFORE:
            self._put(image)
        self._until_archived(*BEFORE)
        _until_the_next_second()  # a stream tells seconds: this one is to have no write in it
        self.at = now()
        self.stage.say("moment", f"{self.at:%H:%M:%S}: this is what will come back")
        _until_the_next_second()

    def change(self) -> None:
        self._put(CHANGED, "changed")
        self._dynamodb.delete_item(TableName=self.live.name, Key=_key(REMOVED))
        self.stage.say("removed", _named(REMOVED))
        self._put(ADDED)
        self._until_archived(CHANGED, ADDED, removed=REMOVED)

    def restore(self) -> None:
        self.restored_to = f"{self.live.name}-{self.at:%H%M%S}"
        moment = f"{self.at:%Y-%m-%dT%H:%M:%SZ}"
        command = ["tables", "restore", self.live.name, "--at", moment, "--to", self.restored_to, "--apply"]
        self.stage.say("restoring", f"$ holdfast {' '.join(command)}")
        done = self.stage.command(*command)
        self.stage.seen["restored"] = {"command": command, "said": said(done)}
        self.stage.check("the restore ended well", is_so=done.returncode == 0)
        if done.returncode == 0:
            self._compare()

    def _compare(self) -> None:
        """Every item of any: as it was then, as it is in the restored table, and as it is in the live one."""
        then = {_id(image): image for image in BEFORE}
        restored, live = self._items(self.restored_to), self._items(self.live.name)
        shown = Table("item", f"at {self.at:%H:%M:%S}", "restored", "live", box=None, padding=(0, 2), pad_edge=False)
        for one, image in sorted((then | restored | live).items(), key=lambda pair: _named(pair[1])):
            shown.add_row(_named(image), *(_told(items.get(one)) for items in (then, restored, live)))
        self.stage.console.print()
        self.stage.console.print(Padding(shown, (0, 0, 0, 2)))
        self.stage.seen["compared"] = {
            name: sorted(items.values(), key=_named)
            for name, items in {"then": then, "restored": restored, "live": live}.items()
        }
        self.stage.check("the restored table is what was there then", is_so=_digest(restored) == _digest(then))
        self.stage.check("the live table is as it was left", is_so=_id(ADDED) in live and _id(REMOVED) not in live)

    # What is seen

    def _put(self, image: Image, what: str = "written") -> None:
        self.live.put_all([image])
        self.stage.say(what, Text(f"{_named(image)}  ").append(_told(image), style="dim"))

    def _until_archived(self, *written: Image, removed: Image | None = None) -> None:
        began = time.monotonic()

        def are_archived() -> bool | None:
            items = self._view.at(int(time.time())).items
            there = {one: self._view.image(change) for one, change in items.items()}
            as_written = all(item.is_same(there.get(_id(image)), image) for image in written)
            return True if as_written and not (removed and _id(removed) in there) else None

        self.stage.until("the changes in the archive", are_archived)
        self.stage.say("archived", f"all of it, {time.monotonic() - began:.1f} s after the last write")

    def _items(self, table: str) -> dict[ItemId, Image]:
        page = DynamoTable(self._dynamodb, table).scan(0, 1, None, 1000)
        ours = {_id(image) for image in (*BEFORE, ADDED)}
        return {one: image for image in page.items if (one := _id(image)) in ours}


def _until_the_next_second() -> None:
    time.sleep(1.05 - time.time() % 1)


def _key(image: Image) -> dict[str, Any]:
    return {name: dict(image[name]) for name in KEYS}


def _id(image: Image) -> ItemId:
    return item.item_id(item.keys_of(image, KEYS))


def _digest(items: dict[ItemId, Image]) -> Digest:
    digest = Digest()
    for image in items.values():
        digest.add(image)
    return digest


def _named(image: Image) -> str:
    return f"{image['pk']['S']} {image['sk']['S']}"


def _told(image: Image | None) -> str:
    """What an item holds besides its key, on a line."""
    if image is None:
        return "-"
    values = {name: next(iter(value.values())) for name, value in image.items() if name not in KEYS}
    return ", ".join(f"{name} {_short(value)}" for name, value in values.items())


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 5]}…{text[-4:]}"
