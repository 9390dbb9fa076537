"""Reading a log group that grows: the same on the engine and on the twin that the unit tests use."""

from typing import Any

import pytest

from local.cloudwatch.tail import PAGE, Tail
from tests.integration.local.account import GROUP, Account
from tests.unit.local.cloudwatch.domain import LogGroupTwin

pytestmark = pytest.mark.e2e


@pytest.fixture(params=["twin", "engine"])
def logs(request: pytest.FixtureRequest) -> Any:
    """(a client, what writes to its group)"""
    if request.param == "twin":
        twin = LogGroupTwin()
        return twin, twin.write
    account: Account = request.getfixturevalue("account")
    account.log_group()
    return account.logs, account.write


def read(tail: Tail, client: Any, now: float) -> list[str]:
    return [event["message"] for event in tail.read(client, now)]


def test_each_read_gives_what_has_come_since(logs: Any) -> None:
    client, write = logs
    tail = Tail(GROUP, since=1000)
    write(1001, "one", "two", "two")
    assert read(tail, client, 1002) == ["one", "two", "two"]
    assert read(tail, client, 1003) == []
    write(1001, "two")
    write(999, "before")
    write(995, "late")
    assert read(tail, client, 1004) == ["late", "before", "two"]
    assert read(tail, client, 1005) == []


def test_more_than_a_page_is_read_whole(logs: Any) -> None:
    client, write = logs
    first, second = PAGE - 5, 20
    write(1001, *(f"first {number}" for number in range(first)))
    write(1002, *(f"second {number}" for number in range(second)))
    tail = Tail(GROUP, since=1000)
    lines = read(tail, client, 1003)
    assert len(lines) == len(set(lines)) == first + second
    assert read(tail, client, 1004) == []
