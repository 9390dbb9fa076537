"""Fixtures that more than one suite needs."""

from collections.abc import Iterator
from functools import cache
from unittest.mock import patch

import botocore.session
import hypothesis
import pytest

from holdfast import wiring
from tests import aws

# A slow machine is not a failure.
hypothesis.settings.register_profile("holdfast", deadline=None)
hypothesis.settings.load_profile("holdfast")

# Each account has a session of its own, and each session would search the SDK's folders for its services again.
patch("botocore.session.create_loader", cache(botocore.session.create_loader)).start()


@pytest.fixture
def account() -> Iterator[None]:
    """An empty AWS account in memory; nothing wired before is wired to it."""
    with aws.account():
        forget_wiring()
        yield
    forget_wiring()


def forget_wiring() -> None:
    for wired in vars(wiring).values():
        if hasattr(wired, "cache_clear"):
            wired.cache_clear()
