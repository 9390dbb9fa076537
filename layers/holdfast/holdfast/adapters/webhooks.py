"""Services that take messages over HTTPS, and whose URLs or keys are secrets."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session

from holdfast.fleet.alert.model import Incident, Message, Severity
from holdfast.fleet.alert.ports import NotDelivered
from holdfast.ports import Each

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

TIMEOUT_SECONDS = 5
"""Three tries of two services are within the minute that the function has."""

TRIES = 3
TOO_MANY, BROKEN = 429, 500
PAUSE_SECONDS = 1
"""Before the second try; twice as long before the third."""

type Post = Callable[[str, bytes], int]
"""Sends JSON, and tells the status of the answer."""


def post(url: str, body: bytes) -> int:
    request = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json"})
    status: int = URLLib3Session(timeout=TIMEOUT_SECONDS).send(request.prepare()).status_code
    return status


@dataclass(frozen=True, slots=True)
class Webhook:
    """Errors are named and not quoted: the secret stands in some of them."""

    client: "SecretsManagerClient"
    secret_arn: str
    post: Post = post
    sleep: Callable[[float], None] = time.sleep

    def secret(self) -> str:
        """Raises NotDelivered."""
        try:
            return self.client.get_secret_value(SecretId=self.secret_arn).get("SecretString", "").strip()
        except (ClientError, BotoCoreError) as error:
            raise NotDelivered(f"its secret cannot be read: {named(error)}") from None

    def url(self) -> str:
        """A secret that is a URL. Raises NotDelivered."""
        url = self.secret()
        if not url.startswith("https://"):
            raise NotDelivered("the secret is no URL that begins with https://")
        return url

    def send(self, url: str, told: object, *, accepted: int) -> None:
        """Tried again where the service has too much to do, or fails. Raises NotDelivered."""
        body = json.dumps(told).encode()
        status = self._post(url, body)
        for tried in range(1, TRIES):
            if not (status == TOO_MANY or status >= BROKEN):
                break
            self.sleep(PAUSE_SECONDS * tried)
            status = self._post(url, body)
        if status != accepted:
            raise NotDelivered(f"it answered {status}")

    def _post(self, url: str, body: bytes) -> int:
        try:
            return self.post(url, body)
        except Exception as error:  # whatever goes wrong on the way, the other channels are to be tried
            raise NotDelivered(named(error)) from None


def named(error: Exception) -> str:
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__


LONGEST = 39_000
"""Characters. Slack cuts what is longer than 40,000."""


def slack_text(text: str) -> dict[str, str]:
    """What would be markup is escaped: a bucket may be called <!channel>.

    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    return {"text": escape(text[:LONGEST], quote=False)}


@dataclass(frozen=True, slots=True)
class SlackChannel:
    """A `Channel`: one of Slack, by an incoming webhook."""

    webhook: Webhook
    name: str = "slack"
    pages: bool = False

    def send(self, message: Message) -> None:
        self.webhook.send(self.webhook.url(), slack_text(message.text), accepted=200)


PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"
SUMMARY = 1024
DETAILS = 20_000
"""Characters: what PagerDuty takes of a summary, and well below the 512 KB of an event.

https://developer.pagerduty.com/docs/send-alert-event
"""


@dataclass(frozen=True, slots=True)
class PagerDutyChannel:
    """A `Channel`: an integration of Events API v2, whose routing key is the secret. It hears of what is wrong, and of
    its end; not of what goes well."""

    webhook: Webhook
    url: str = PAGERDUTY
    name: str = "pagerduty"
    pages: bool = True
    each: Each = map

    def send(self, message: Message) -> None:
        if not message.triggers and not message.resolves:
            return
        key = self.webhook.secret()
        events = [
            {"event_action": "trigger", "dedup_key": one.key, "payload": _payload(message, one)}
            for one in message.triggers
        ]
        events += [{"event_action": "resolve", "dedup_key": one} for one in message.resolves]
        refused = [one for one in self.each(lambda event: self._enqueue({"routing_key": key, **event}), events) if one]
        if refused:
            raise refused[0]

    def _enqueue(self, event: object) -> NotDelivered | None:
        """One that is not taken keeps no other back."""
        try:
            self.webhook.send(self.url, event, accepted=202)
        except NotDelivered as error:
            return error
        return None


def _payload(message: Message, incident: Incident) -> dict[str, Any]:
    return {
        "summary": incident.summary[:SUMMARY],
        "source": message.source,
        "severity": "error" if message.severity is Severity.FAILURE else "info",
        "component": "holdfast",
        "custom_details": {"text": message.text[:DETAILS]},
    }
