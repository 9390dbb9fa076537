"""A table's stream, switched on in DynamoDB."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PAUSE_SECONDS = 2
TRIES = 150


class StreamStuck(Exception):
    """DynamoDB does not switch a stream on."""


@dataclass(frozen=True, slots=True)
class DynamoStreamSwitch:
    """The `StreamSwitch` of a table."""

    client: "DynamoDBClient"
    table: str
    sleep: Callable[[float], None] = time.sleep

    def on(self) -> str:
        self.client.update_table(
            TableName=self.table,
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        for _ in range(TRIES):
            told = self.client.describe_table(TableName=self.table)["Table"]
            if told["TableStatus"] == "ACTIVE" and "LatestStreamArn" in told:
                return told["LatestStreamArn"]
            self.sleep(PAUSE_SECONDS)
        raise StreamStuck(f"the stream of {self.table} is not on after {TRIES * PAUSE_SECONDS} seconds")
