"""Messages to Slack: what is sent, and what becomes of one that cannot be."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from holdfast.adapters.slack import SlackMessenger
from holdfast.adapters.webhooks import LONGEST

URL = "https://hooks.example.com/services/secret"


class Secrets:
    """In the place of a client of Secrets Manager."""

    def __init__(self, secret: str | None) -> None:
        self.secret = secret

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803 boto3 calls it so
        if self.secret is None:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": SecretId}}, "GetSecretValue")
        return {"SecretString": self.secret}


class Slack:
    def __init__(self, secret: str | None = f"{URL}\n", status: int | Exception = 200) -> None:
        self.status = status
        self.posted: list[tuple[str, bytes]] = []
        self.logged: list[tuple[str, Any]] = []
        client: Any = Secrets(secret)
        self.tell = SlackMessenger(client, "arn:slack", self.log, self.post)

    def log(self, message: str, **fields: object) -> None:
        self.logged.append((message, fields["reason"]))

    def post(self, url: str, body: bytes) -> int:
        if isinstance(self.status, Exception):
            raise self.status
        self.posted.append((url, body))
        return self.status


def test_a_message_goes_to_the_secrets_url_as_json() -> None:
    slack = Slack()
    slack.tell('a "run"')
    assert (slack.posted, slack.logged) == ([(URL, b'{"text": "a \\"run\\""}')], [])


def test_what_would_be_markup_is_told_as_it_is_written() -> None:
    slack = Slack()
    slack.tell("<!channel> & co")
    assert slack.posted == [(URL, b'{"text": "&lt;!channel&gt; &amp; co"}')]


def test_a_message_is_cut_to_what_slack_takes() -> None:
    slack = Slack()
    slack.tell("x" * 50_000)
    [(_, body)] = slack.posted
    assert len(body) == LONGEST + len('{"text": ""}')


@pytest.mark.parametrize(
    ("slack", "reason"),
    [
        (Slack(None), "its secret cannot be read: ResourceNotFoundException"),
        (Slack("http://hooks.example.com"), "the secret is no URL that begins with https://"),
        (Slack(status=ConnectTimeoutError(endpoint_url=URL)), "ConnectTimeoutError"),
        (Slack(status=404), "it answered 404"),
    ],
    ids=["no secret", "no URL", "no answer", "refused"],
)
def test_a_message_that_cannot_be_sent_is_logged_without_the_secret_and_fails_nothing(
    slack: Slack, reason: str
) -> None:
    slack.tell("a run")
    assert slack.logged == [("Slack was not told", reason)]
    assert URL not in str(slack.logged)
