import json
import logging
import time
import urllib.request
from collections.abc import Iterator

import pytest

from local.cloudwatch.watcher import Clients, Watcher
from local.engine import Engine
from tests.integration.local.account import Account


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The real local engine, empty, on a free port."""
    running = Engine.start(tmp_path_factory.mktemp("engine"))
    yield running
    running.stop()


@pytest.fixture
def account(engine: Engine) -> Account:
    """An account with nothing in it."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    answer = opener.open(urllib.request.Request(f"{engine.endpoint}/_ministack/reset", method="POST"), timeout=10)
    assert json.load(answer)
    return Account(engine)


@pytest.fixture
def watcher(account: Account) -> Watcher:
    """The stand-in in this process, moved by hand: each test says what time it is."""
    return Watcher(
        Clients(account.logs, account.cloudwatch, account.functions, account.queues),
        logging.getLogger("tests.local.cloudwatch"),
    )


@pytest.fixture
def dawn() -> int:
    """A full minute of today, in seconds since the epoch."""
    return int(time.time()) // 60 * 60
