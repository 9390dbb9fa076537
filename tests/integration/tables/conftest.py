"""The tables system of the template in an account in memory, with the table of the sample events."""

import time
from collections.abc import Callable

import pytest

from holdfast import wiring
from tests import aws
from tests.integration.clock import Clock
from tests.integration.tables.deployed import BEGINNING, SAMPLE_TABLE, Deployed
from tests.invocation import Functions

type Deploy = Callable[..., Deployed]


@pytest.fixture
def deploy(account: None, monkeypatch: pytest.MonkeyPatch) -> Deploy:
    """Deploys the stack with these parameters."""

    def deploy(**parameters: str) -> Deployed:
        clock = Clock(BEGINNING)
        monkeypatch.setattr(wiring, "now", clock.now)
        monkeypatch.setattr(time, "sleep", lambda _: None)
        return Deployed(Functions(aws.deploy(**{"ProtectedTables": SAMPLE_TABLE} | parameters)), clock)

    return deploy


@pytest.fixture
def deployed(deploy: Deploy) -> Deployed:
    """As a deploy makes it, whoever asks for nothing else."""
    return deploy()
