"""Restores and drills that die at every call, and go on: nothing is made twice, and a drill leaves nothing."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest

from holdfast.fleet.proof import Ledger
from holdfast.fleet.restore import plan
from holdfast.fleet.restore.model import Mark, PieceType
from holdfast.fleet.restore.plan import Drills
from holdfast.fleet.restore.prepare import Onto
from tests.fleets import DAILY, HOME, RULES, Crash, House
from tests.model.interleave import Interleaver

pytestmark = pytest.mark.model

DRILLS = Drills(HOME, 2, subnet="subnet-isolated", db_subnet_group="isolated")
INSTANCE, CLUSTER, DATABASE = PieceType.INSTANCE, PieceType.CLUSTER, PieceType.DATABASE


def a_house(*, database: bool) -> House:
    """Slow, and with listings that lag."""
    house = House(drills=DRILLS)
    house.account.instance(HOME, DAILY, sizes=(8, 20), SourceDestCheck=False)
    if database:
        house.account.database(HOME, "orders", DAILY, BackupRetentionPeriod=7)
    house.account.database(HOME, "aurora", DAILY, cluster=True)
    house.back_up()
    house.workshop.making = house.workshop.removing = timedelta(seconds=20)
    house.workshop.lag = timedelta(seconds=25)
    return house


def killed_at_each_call(do: str) -> Iterator[House]:
    """The same, once for each call that it makes: there it dies."""
    calls, kill_at = 1_000, 0
    while kill_at < calls:
        house = a_house(database=do == "restore")
        asked = {"drill": True, "due": house.time.isoformat()} if do == "drill" else None
        before = house.calls
        house.kill_at = kill_at
        plans = [house.carry_out(asked)] if asked else [restored(house, name) for name in ("orders", "aurora", "i-")]
        assert [plan["failed"] for plan in plans] == [[]] * len(plans)
        calls = house.calls - before
        house.kill_at = None
        yield house
        kill_at += 1
    assert calls > 50


def restored(house: House, name: str) -> dict[str, object]:
    sources = [*house.account.machines, *house.account.databases]
    source = next(arn for arn in sources if f":{name}" in arn or f"/{name}" in arn)
    planned = house.again(lambda: house.plan(source))
    return house.carry_out({"restore": planned.restore})


def test_a_restore_that_dies_anywhere_makes_nothing_twice() -> None:
    for house in killed_at_each_call("restore"):
        made = sorted(one.piece.type for one in house.workshop.there())
        assert made == sorted([INSTANCE, CLUSTER, DATABASE, DATABASE]), house.workshop.things
        settings = {one.piece.type: one.settings for one in house.workshop.there() if one.settings}
        assert settings[INSTANCE] == {"SourceDestCheck": {"Value": False}}
        assert settings[DATABASE] == {"BackupRetentionPeriod": 7}


def test_a_drill_that_dies_anywhere_leaves_nothing_and_one_entry_each() -> None:
    for house in killed_at_each_call("drill"):
        assert house.workshop.there() == []
        verdict, entries = Ledger(house.documents).verify()
        assert verdict.broken is None
        assert sorted(entry["result"] for entry in entries) == ["passed"] * 2
        assert len({entry["resource"] for entry in entries}) == 2


def test_a_prefix_that_dies_anywhere_is_copied_once() -> None:
    calls, kill_at = 1_000, 0
    while kill_at < calls:
        house = House(RULES)
        house.known_bucket("photos", "photos-replica")
        for number in range(7):
            house.versions.put("photos-replica", f"a/{number}", f"body {number}", house.time)
        house.pass_by(hours=1)
        before = house.calls
        house.kill_at = kill_at
        planned = house.again(partial(house.plan, "photos", onto=Onto(prefix="a/")))
        assert house.carry_out({"restore": planned.restore})["failed"] == []
        calls = house.calls - before
        assert sorted(entry.key for entry in house.versions.buckets["photos"]) == [f"a/{number}" for number in range(7)]
        assert house.versions.copies == 7
        kill_at += 1


@pytest.mark.parametrize("seed", range(20))
def test_restores_and_drills_side_by_side_make_nothing_twice(seed: int) -> None:
    """Each is started twice; all of them die now and then."""
    random = Random(seed)
    house = a_house(database=False)
    machine = next(iter(house.account.machines.values()))
    planned = house.plan(machine.id)
    dues = [house.time.isoformat(), (house.time + timedelta(hours=1)).isoformat()]
    asked = [{"restore": planned.restore}] * 2 + [{"drill": True, "due": due} for due in dues * 2]
    ended: list[list[str]] = []
    interleaver = Interleaver(random, 0.0)

    def between() -> None:
        interleaver.step()
        if random.random() < 0.01:
            raise Crash

    def carry_out(told: Mapping[str, Any]) -> None:
        ended.append(house.carry_out(told)["failed"])

    house.between = between
    interleaver.run([partial(carry_out, told) for told in asked])
    house.between = lambda: None
    assert ended == [[]] * len(asked)
    assert [(one.piece.type, Mark.DRILL in one.tags) for one in house.workshop.there()] == [(INSTANCE, False)]
    verdict, entries = Ledger(house.documents).verify()
    assert verdict.broken is None
    assert sorted(entry["restore"] for entry in entries) == sorted(
        [plan.restore_id("drill", datetime.fromisoformat(due), "holdfast") for due in dues] * 2
    )
