"""The warehouse system as it is deployed: its state machine, its functions with their own permissions, the commands."""

import json
from io import StringIO

from rich.console import Console

from local.cloud import Cloud
from local.demo import warehouse as demo
from tests.e2e.protected import holdfast


def test_the_demo_tells_what_is_so(stack: Cloud) -> None:
    shown = StringIO()
    story = demo.tell(stack, Console(file=shown, width=200))
    assert story.as_expected, f"{shown.getvalue()}\n{json.dumps(story.seen, indent=1)}"

    status = holdfast(stack, "warehouse", "status")
    assert "shop" in status
    assert "2 of 2" in status
