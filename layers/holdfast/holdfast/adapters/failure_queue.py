"""The on-failure queue of a stream's mapping, in SQS."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from holdfast.tables.ports import Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

HIDDEN_SECONDS = 900
"""How long a message that was received is nobody else's: a redrive of them all takes no longer, most often."""

WAIT_SECONDS = 1
"""An answer that may wait asks all of the queue's servers: only then is an empty one an empty queue's."""

_NOT_HIDDEN = {"InvalidParameterValue", "AWS.SimpleQueueService.MessageNotInflight", "ReceiptHandleIsInvalid"}
"""A message whose time is over is the others' already. SQS has no one name for that."""

_REFUSED = {"AccessDenied", "AccessDeniedException"}


@dataclass(frozen=True, slots=True)
class SqsFailureQueue:
    """The `FailureQueue` of the tables system."""

    client: "SQSClient"
    url: str

    def receive(self) -> Iterator[Message]:
        """A message may come twice, if all takes longer than it is hidden."""
        known: set[str] = set()
        while True:
            answer = self.client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=HIDDEN_SECONDS,
                WaitTimeSeconds=WAIT_SECONDS,
            )
            found = [one for one in answer.get("Messages", []) if one["MessageId"] not in known]
            if not found:
                return
            for one in found:
                known.add(one["MessageId"])
                yield Message(one["MessageId"], one["ReceiptHandle"], one["Body"])

    def delete(self, message: Message) -> None:
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message.receipt)

    def release(self, message: Message) -> None:
        try:
            self.client.change_message_visibility(QueueUrl=self.url, ReceiptHandle=message.receipt, VisibilityTimeout=0)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _NOT_HIDDEN:
                raise

    def depth(self) -> int:
        """Raises PermissionError."""
        try:
            told = self.client.get_queue_attributes(
                QueueUrl=self.url,
                AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
            )["Attributes"]
        except ClientError as error:
            if error.response["Error"]["Code"] in _REFUSED:
                raise PermissionError(f"queue {self.url} may not be asked: you lack sqs:GetQueueAttributes") from error
            raise
        return int(told["ApproximateNumberOfMessages"]) + int(told["ApproximateNumberOfMessagesNotVisible"])
