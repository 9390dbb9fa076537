"""`Alarm`, in CloudWatch and in memory."""

from collections.abc import Callable
from typing import Literal

import boto3
import pytest

from holdfast.adapters.cloudwatch import AlarmMissing, CloudWatchAlarm
from holdfast.adapters.memory import MemoryAlarm
from holdfast.capacity.ports import Alarm
from tests import aws

type State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
type Switch = Callable[[State], Alarm]


@pytest.fixture(params=["memory", "cloudwatch"])
def in_state(request: pytest.FixtureRequest) -> Switch:
    """An alarm in a state."""
    if request.param == "memory":
        return lambda state: MemoryAlarm(on=state == "ALARM")
    name = request.getfixturevalue("alarm_name")
    client = boto3.client("cloudwatch")

    def switch(state: State) -> Alarm:
        client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="the test says so")
        return CloudWatchAlarm(client, name)

    return switch


@pytest.fixture
def alarm_name(stack: aws.Stack) -> str:
    return stack.environments["capacity_trim"]["ALARM_NAME"]


@pytest.mark.parametrize(("state", "on"), [("ALARM", True), ("OK", False), ("INSUFFICIENT_DATA", False)])
def test_an_alarm_is_on_in_alarm_only(in_state: Switch, state: State, on: bool) -> None:
    assert in_state(state).is_on() is on


def test_an_alarm_whose_actions_a_person_switched_off_is_off(alarm_name: str) -> None:
    client = boto3.client("cloudwatch")
    client.set_alarm_state(AlarmName=alarm_name, StateValue="ALARM", StateReason="the test says so")
    client.disable_alarm_actions(AlarmNames=[alarm_name])
    assert not CloudWatchAlarm(client, alarm_name).is_on()
    client.enable_alarm_actions(AlarmNames=[alarm_name])
    assert CloudWatchAlarm(client, alarm_name).is_on()


@pytest.mark.usefixtures("stack")
def test_an_alarm_that_is_not_there_is_an_error_with_its_name() -> None:
    with pytest.raises(AlarmMissing, match="alarm nobody does not exist: deploy the stack again to get it back"):
        CloudWatchAlarm(boto3.client("cloudwatch"), "nobody").is_on()
