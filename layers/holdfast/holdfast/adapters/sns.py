"""Topics of SNS: e-mail and SMS."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from holdfast.fleet.alert.model import Message
from holdfast.fleet.alert.ports import NotDelivered

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

LONGEST = 60_000
"""Characters of a text: a message has 256 KB at most, and holds it twice, each character of up to four bytes.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""


def confirmed(client: "SNSClient", topic_arn: str) -> int:
    """How many subscriptions of a topic get what is published."""
    return int(client.get_topic_attributes(TopicArn=topic_arn)["Attributes"].get("SubscriptionsConfirmed", "0"))


@dataclass(frozen=True, slots=True)
class SnsChannel:
    """A `Channel`: a topic. Subscriptions may filter by the attributes `severity`, and `alarm`: whether the message is
    of one, of which another topic has told by e-mail already."""

    client: "SNSClient"
    topic_arn: str
    name: str = "sns"
    pages: bool = False

    def send(self, message: Message) -> None:
        text = message.text.encode()[:LONGEST].decode(errors="ignore")
        told = {"default": text, "email": text, "sms": message.short}
        attributes = {"severity": message.severity.value, "alarm": str(":alarm:" in message.source).lower()}
        try:
            self.client.publish(
                TopicArn=self.topic_arn,
                Subject=message.subject,
                Message=json.dumps(told, ensure_ascii=False),
                MessageStructure="json",
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
                },
            )
        except ClientError as error:
            raise NotDelivered(error.response["Error"]["Code"]) from error
        except BotoCoreError as error:
            raise NotDelivered(type(error).__name__) from error
