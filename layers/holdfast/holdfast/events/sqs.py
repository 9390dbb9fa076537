"""A batch of SQS messages, each an S3 notification that SNS passed on.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from collections.abc import Iterable, Mapping
from typing import Any

from holdfast.events.model import Delivery
from holdfast.events.s3 import EventUnreadable, from_queue_body


def deliveries(event: Mapping[str, Any]) -> tuple[list[Delivery], dict[str, str]]:
    """The messages of a batch with their object events, and the ids of those that hold none, with the reason."""
    readable, unreadable = [], {}
    for record in event["Records"]:
        try:
            readable.append(Delivery(record["messageId"], tuple(from_queue_body(record["body"]))))
        except EventUnreadable as error:
            unreadable[record["messageId"]] = str(error)
    return readable, unreadable


def partial_failure(message_ids: Iterable[str]) -> dict[str, Any]:
    """The answer that makes SQS deliver these messages again, and delete the others."""
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in message_ids]}
