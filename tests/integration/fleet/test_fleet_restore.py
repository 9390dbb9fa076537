"""fleet_restore with its sample events: a database is restored, and drilled."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast import settings, wiring
from holdfast.fleet.proof import Ledger
from holdfast.fleet.restore.model import Placement, Plan
from holdfast.fleet.restore.plan import Wanted
from holdfast.fleet.restore.prepare import Onto, Planner
from holdfast.fleet.restore.record import NoSuchRestore, Record
from holdfast.fleet.run import Fleet
from holdfast.fleet.settings import FleetRestore
from tests import aws
from tests.integration.clock import Clock
from tests.invocation import Functions, Invoked

BEGINNING = datetime(2026, 1, 15, 2, tzinfo=UTC)
EVENTS = Path("events/fleet_restore")
RUN = "daily-2026-01-15T02-00-00Z"


@dataclass(frozen=True)
class Deployed:
    """A stack that has backed a database up, and the restore that is planned of it."""

    functions: Functions
    clock: Clock

    @property
    def fleet(self) -> Fleet:
        """As the function has it."""
        told = settings.read(FleetRestore, self.functions.stack.environments["fleet_restore"])
        return wiring.fleet(told, lambda *_, **__: None)

    def invoke(self, case: str, **changes: Any) -> Invoked:
        """A sample event of fleet_restore, about what is there."""
        event = json.loads((EVENTS / f"{case}.json").read_text())
        return self.functions.invoke("fleet_restore", event | changes)

    def back_up(self) -> None:
        """As the workflow has it."""
        asked = {"schedule": "daily", "due": BEGINNING.isoformat(), "started": BEGINNING.isoformat()}
        found = self.functions.invoke("fleet_discover", asked).answer
        (digest,) = found["services"][0]["resources"]
        item = {"run": found["run"], "resource": digest}
        while self.functions.invoke("fleet_backup", item).answer["status"] == "waiting":
            self.clock.advance(timedelta(minutes=1))
        assert self.functions.invoke("fleet_verify", item).answer["status"] == "verified"

    def plan(self) -> Plan:
        planned = Planner(self.fleet, Wanted(), Placement(), Onto()).resource("orders")
        return Record(self.fleet.documents, planned.restore).add(planned)

    def until_it_ends(self, step: str, restore: str, item: str) -> Invoked:
        while (invoked := self.invoke(step, restore=restore, item=item)).answer["status"] == "waiting":
            self.clock.advance(timedelta(seconds=invoked.answer["wait"]))
        return invoked


def databases() -> list[str]:
    return [one["DBInstanceIdentifier"] for one in wiring.client("rds").describe_db_instances()["DBInstances"]]


@pytest.fixture
def deployed(account: None, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    clock = Clock(BEGINNING)
    monkeypatch.setattr(wiring, "now", clock.now)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    found = Deployed(Functions(aws.deploy(FleetDrillDbSubnetGroup="isolated")), clock)
    subnet = wiring.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    rds = wiring.client("rds")
    rds.create_db_subnet_group(DBSubnetGroupName="isolated", DBSubnetGroupDescription="isolated", SubnetIds=[subnet])
    rds.create_db_instance(
        DBInstanceIdentifier="orders",
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="u",
        MasterUserPassword="password",
        Tags=[{"Key": "holdfast:backup", "Value": "daily"}],
    )
    found.back_up()
    clock.advance(timedelta(hours=1))
    with pytest.raises(NoSuchRestore):
        found.invoke("prepare")
    return found


def test_a_database_is_restored_step_by_step(deployed: Deployed) -> None:
    planned = deployed.plan()
    restore, item = planned.restore, planned.items[0].name
    assert deployed.invoke("prepare", restore=restore).answer == {
        "restore": restore,
        "stages": [{"items": [item]}],
        "drill": False,
    }
    for step in ("provision", "configure", "validate"):
        assert deployed.until_it_ends(step, restore, item).answer["status"] == "done"
    invoked = deployed.invoke("report", restore=restore)
    assert invoked.answer["failed"] == []
    assert invoked.said("step done", "step", "restore") == [("report", restore)]
    assert databases() == ["orders", "orders-restored-20260115-0200"]


def test_an_item_that_failed_is_reported(deployed: Deployed) -> None:
    planned = deployed.plan()
    deployed.invoke("failed", restore=planned.restore, item=planned.items[0].name)
    answer = deployed.invoke("report", restore=planned.restore).answer
    assert (answer["failed"], answer["rto_seconds"]) == (["orders"], None)
    assert databases() == ["orders"]


def test_a_drill_restores_measures_and_destroys(deployed: Deployed) -> None:
    prepared = deployed.invoke("drill").answer
    restore, item = prepared["restore"], prepared["stages"][0]["items"][0]
    for step in ("provision", "configure", "validate"):
        assert deployed.until_it_ends(step, restore, item).answer["status"] == "done"
    assert len(databases()) == 2
    assert deployed.until_it_ends("destroy", restore, item).answer["status"] == "done"
    assert databases() == ["orders"]
    invoked = deployed.invoke("report", restore=restore)
    assert (invoked.answer["failed"], invoked.answer["drill"]) == ([], True)
    assert [line["FailedDrills"] for line in invoked.lines if "FailedDrills" in line] == [[0.0]]
    verdict, entries = Ledger(deployed.fleet.documents).verify()
    assert verdict.broken is None
    assert [(entry["resource"], entry["result"]) for entry in entries] == [
        ("arn:aws:rds:us-east-1:123456789012:db:orders", "passed")
    ]
    assert entries[0]["backup"] == f"us-east-1/orders/{RUN}"
