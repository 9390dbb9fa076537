"""capacity_drive with its sample event."""

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from holdfast import wiring
from holdfast.capacity.drive import CannotDrive
from tests import aws
from tests.integration.capacity.conftest import Deploy
from tests.integration.capacity.deployed import Deployed
from tests.integration.capacity.plot_api import PNG, PlotApi, serving

LIMIT_BYTES = 20


@dataclass
class World:
    """Goes on while the drive sleeps: the table catches up with the bucket, the alarm judges, and trim works. It does
    not while the drive only waits."""

    deployed: Deployed
    clock: datetime = datetime(2026, 1, 15, 9, 30, 7, tzinfo=UTC)
    states: list[str] = field(default_factory=lambda: ["OK"])

    def now(self) -> datetime:
        return self.clock

    def wait(self, seconds: float) -> None:
        self.clock += timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        self.wait(seconds)
        self.deployed.try_out("capacity_reconcile/by_hand")
        self.states.append("ALARM" if self.deployed.total >= LIMIT_BYTES else "OK")
        self.deployed.set_alarm(self.states[-1])
        if self.states[-2:] == ["OK", "ALARM"]:
            self.deployed.try_out("capacity_trim/alarm")


@pytest.fixture
def plot_api(account: None) -> PlotApi:
    return PlotApi()


def make_heartbeat_function(name: str) -> None:
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = wiring.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    wiring.client("lambda").create_function(
        FunctionName=name, Role=role, Runtime="python3.13", Handler="app.lambda_handler", Code={"ZipFile": b"nothing"}
    )


def test_it_drives_through_the_story_and_answers_the_timeline(
    deploy: Deploy, plot_api: PlotApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(plot_api):
        deployed = deploy(ApiEndpoint=plot_api.url)
        make_heartbeat_function(deployed.functions.stack.environments["capacity_drive"]["HEARTBEAT_FUNCTION"])
        world = World(deployed)
        monkeypatch.setattr(wiring, "now", world.now)
        monkeypatch.setattr(time, "sleep", world.sleep)
        answer = deployed.functions.try_out("capacity_drive/by_hand").answer
    assert answer["as_expected"], answer
    assert answer["totals"] == answer["expected_totals"] == [0, 18, 46, 18, 20, 2]
    assert answer["remaining"] == ["assignment3.txt"]
    assert answer["plot_bytes"] == len(PNG)
    assert [(moment["what"], moment["total_size"]) for moment in answer["timeline"] if "evicted" in moment["what"]] == [
        ("assignment2.txt evicted", 18),
        ("assignment1.txt evicted", 2),
    ]
    assert datetime.fromisoformat(answer["timeline"][0]["at"]) == datetime(2026, 1, 15, 9, 31, tzinfo=UTC)
    assert [(path, query["bucket"]) for path, query, _ in plot_api.asked] == [("/Api/prod/plot", aws.SAMPLE_BUCKET)]


def test_it_answers_which_wait_ran_out(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own leftovers are deleted, and nobody tracks that."""
    world = World(deployed)
    monkeypatch.setattr(wiring, "now", world.now)
    monkeypatch.setattr(time, "sleep", world.wait)
    deployed.holding(**{"assignment3.txt": 2})
    answer = deployed.functions.try_out("capacity_drive/by_hand").answer
    assert not answer["as_expected"]
    assert answer["waiting_for"].startswith("waited 270 s for the bucket to be empty")


def test_a_stack_with_another_limit_is_refused_and_nothing_is_touched(deploy: Deploy) -> None:
    deployed = deploy(CapacityLimitBytes="1099511627776").holding(**{"assignment1.txt": 18})
    with pytest.raises(CannotDrive, match="the drive needs CapacityLimitBytes=20, the stack has 1099511627776"):
        deployed.try_out("capacity_drive/by_hand")
    assert deployed.names() == ["assignment1.txt"]
