"""Messages to a channel of Slack, by a webhook whose URL is a secret."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session

from holdfast.ports import Log

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

TIMEOUT_SECONDS = 10
LONGEST = 39_000
"""Characters. Slack cuts what is longer than 40,000."""


def post(url: str, body: bytes) -> int:
    """Send JSON, and tell the status of the answer."""
    request = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json"})
    status: int = URLLib3Session(timeout=TIMEOUT_SECONDS).send(request.prepare()).status_code
    return status


@dataclass(frozen=True, slots=True)
class SlackMessenger:
    """The `Messenger` of the warehouse system.

    A message that cannot be sent is logged and fails nothing: whether a backup is done does not hang on Slack. Errors
    are named and not quoted, for the URL, which is the secret, stands in some of them.
    """

    client: "SecretsManagerClient"
    secret_arn: str
    log: Log
    post: Callable[[str, bytes], int] = post

    def __call__(self, message: str) -> None:
        try:
            refused = self._send(message[:LONGEST])
        except ClientError as error:
            refused = error.response["Error"]["Code"]
        except BotoCoreError as error:
            refused = type(error).__name__
        if refused:
            self.log("Slack was not told", reason=refused)

    def _send(self, message: str) -> str | None:
        """Why it was not taken; None if it was. What would be markup is escaped: a prefix may be called <!channel>.

        https://docs.slack.dev/messaging/formatting-message-text#escaping
        """
        url = self.client.get_secret_value(SecretId=self.secret_arn).get("SecretString", "").strip()
        if not url.startswith("https://"):
            return "the secret is no URL that begins with https://"
        status = self.post(url, json.dumps({"text": escape(message, quote=False)}).encode())
        return None if status == 200 else f"it answered {status}"
