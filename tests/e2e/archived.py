"""A table that a deployed stack archives, and what its archive knows: by the public API, as anybody could look."""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from holdfast.adapters.dynamodb_tables import DynamoTable
from holdfast.adapters.s3_tables import S3ItemObjects, S3Store
from holdfast.adapters.stack import Stack
from holdfast.tables import item, naming
from holdfast.tables.archive import Archive
from holdfast.tables.model import Image, ItemId
from holdfast.tables.view import View
from local.cloud import STACK, Cloud
from tests.e2e.test_capacity import eventually


class ArchivedTable:
    """A table of a stack, by its name."""

    def __init__(self, stack: Cloud, name: str) -> None:
        self.stack, self.name = stack, name
        self.client: Any = stack.engine.client("dynamodb")
        self.s3: Any = stack.engine.client("s3")
        self.table = DynamoTable(self.client, name)
        self.bucket = stack.outputs["TablesBackupBucketName"]
        self.prefix = Stack.find(stack.engine.client("cloudformation"), STACK).parameters["BackupPrefix"]
        self.archive = Archive(name, S3Store(self.s3, self.bucket, naming.folder(self.prefix, name)))
        self.view = View(self.archive, S3ItemObjects(self.s3, self.bucket), map)

    def put(self, *images: Image) -> None:
        assert not self.table.put_all(images)

    def delete(self, keys: Mapping[str, Any]) -> None:
        self.client.delete_item(TableName=self.name, Key=keys)

    def archived(self, keys: Image) -> Image | None:
        """The item as the archive has it now."""
        one = item.item_id(keys)
        change = self.view.newest(one.__eq__).get(one)
        return self.view.image(change) if change else None

    def settle(self, *images: Image, gone: tuple[Image, ...] = ()) -> None:
        """Wait until the archive has these items as they are here."""
        wanted = [(item.keys_of(image, self.key_names), image) for image in images]
        for keys, image in [*wanted, *((key, None) for key in gone)]:
            eventually(f"{keys} archived", partial(self.archived, keys), partial(item.is_same, image))

    @property
    def key_names(self) -> tuple[str, ...]:
        return self.table.describe(0).key_names

    def items(self, table: str | None = None) -> dict[ItemId, Image]:
        """All items of this table, or of another with the same keys."""
        page = DynamoTable(self.client, table or self.name).scan(0, 1, None, 5000)
        return {item.item_id(item.keys_of(image, self.key_names)): image for image in page.items}


def a_quiet_second() -> int:
    """A second of which the first half is over, and in which nothing is written: a stream tells seconds."""
    time.sleep(1.05 - time.time() % 1)
    at = int(time.time())
    time.sleep(1.05 - time.time() % 1)
    return at
