"""Messages of the warehouse system to a channel of Slack, by a webhook whose URL is a secret."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.adapters.webhooks import Post, Webhook, post, slack_text
from holdfast.fleet.alert.ports import NotDelivered
from holdfast.ports import Log

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


@dataclass(frozen=True, slots=True)
class SlackMessenger:
    """The `Messenger` of the warehouse system.

    A message that cannot be sent is logged and fails nothing: whether a backup is done does not hang on Slack.
    """

    client: "SecretsManagerClient"
    secret_arn: str
    log: Log
    post: Post = post

    def __call__(self, message: str) -> None:
        webhook = Webhook(self.client, self.secret_arn, self.post)
        try:
            webhook.send(webhook.url(), slack_text(message), accepted=200)
        except NotDelivered as refused:
            self.log("Slack was not told", reason=str(refused))
