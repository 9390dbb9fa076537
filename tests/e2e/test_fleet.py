"""The fleet system as it is deployed: its state machines, its functions with their own permissions, the commands."""

import json
from io import StringIO

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session
from rich.console import Console

from local.cloud import Cloud
from local.demo import fleet as demo
from local.engine import REGION, sdk
from tests.e2e.protected import holdfast


def test_the_demo_tells_what_is_so(stack: Cloud) -> None:
    shown = StringIO()
    story = demo.tell(stack, Console(file=shown, width=200))
    assert story.as_expected, f"{shown.getvalue()}\n{json.dumps(story.seen, indent=1)}"

    assert "orders" in holdfast(stack, "sets", "show", story.seen["set"])


def test_the_status_is_json_for_programs_and_a_page_for_people(stack: Cloud) -> None:
    told = json.loads(ask(stack, "application/json"))
    assert {system["system"] for system in told["systems"]} == {"objects", "tables", "warehouse", "fleet", "capacity"}
    assert ask(stack, "text/html").startswith("<!DOCTYPE html>")


def ask(stack: Cloud, accept: str) -> str:
    """GET /status, signed as AWS wants it."""
    request = AWSRequest("GET", stack.outputs["StatusUrl"], headers={"Accept": accept})
    credentials = sdk().get_credentials()
    assert credentials
    SigV4Auth(credentials, "execute-api", REGION).add_auth(request)
    answer = URLLib3Session(proxies={}).send(request.prepare())
    assert answer.status_code == 200, answer.text
    return str(answer.text)
