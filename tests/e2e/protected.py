"""A protected bucket of a deployed stack, and what is kept of its objects."""

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from holdfast.adapters.dynamodb_objects import DynamoCopyTable
from holdfast.objects.model import Kept, Original, Status
from local import deploy
from local.cloud import STACK, Cloud
from tests.e2e.test_capacity import eventually


class Protected:
    """A bucket, the stack that protects it, and its copies: by the public API, as anybody could look."""

    def __init__(self, stack: Cloud, bucket: str) -> None:
        self.stack = stack
        self.bucket = bucket
        self.backup_bucket = stack.outputs["ObjectsBackupBucketName"]
        self.s3: Any = stack.engine.client("s3")
        self._functions: Any = stack.engine.client("lambda")

    @cached_property
    def _table(self) -> DynamoCopyTable:
        client = self.stack.engine.client("dynamodb")
        return DynamoCopyTable(client, self.stack.outputs["CopyTableName"], lambda: datetime.now(UTC))

    @cached_property
    def names(self) -> dict[str, str]:
        """What the logical names of the template's resources have become."""
        return deploy.physical_names(self.stack.engine, STACK)

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=key)

    def rows(self, key: str) -> Kept:
        return self._table.read(Original(self.bucket, key))

    def copies(self, key: str) -> list[tuple[Status, bytes | None]]:
        """What the rows of a key say of its copies, the oldest first, and what is stored under each of their names."""
        rows = sorted(self.rows(key).copies, key=lambda copy: copy.rank)
        return [(copy.status, self._stored(copy.copy_key)) for copy in rows]

    def _stored(self, copy_key: str) -> bytes | None:
        try:
            body: bytes = self.s3.get_object(Bucket=self.backup_bucket, Key=copy_key)["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            return None
        return body

    def settle(self, key: str, *copies: tuple[Status, bytes | None]) -> None:
        """Wait until these are the copies of a key."""
        eventually(f"the copies of {key!r}", lambda: self.copies(key), lambda seen: seen == list(copies))

    def invoke(self, function: str, event: Mapping[str, Any] = MappingProxyType({})) -> Any:
        """What a function answers, by its logical name."""
        answer = self._functions.invoke(FunctionName=self.names[function], Payload=json.dumps(dict(event)))
        return json.load(answer["Payload"])

    def send(self, function: str, event: Mapping[str, Any]) -> None:
        """Have a function called as S3 calls it: it is tried again, and its failures are kept."""
        self._functions.invoke(
            FunctionName=self.names[function], InvocationType="Event", Payload=json.dumps(dict(event))
        )


def holdfast(stack: Cloud, *words: str) -> str:
    """What the command says to an operator."""
    command = [str(Path(sys.executable).with_name("holdfast")), *words]
    environment = {**stack.engine.environment(), "COLUMNS": "200"}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
