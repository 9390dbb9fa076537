"""`holdfast fleet`, `sets` and `proof` on a fleet in memory: what they say, word for word, and what they leave."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from holdfast import wiring
from holdfast.adapters.memory import MemoryBreakerStore
from holdfast.breaker.plan import Budget
from holdfast.breaker.run import Breaker
from holdfast.cli import proof, sets
from holdfast.cli.fleet import restore, runs
from holdfast.cli.fleet.deployed import deployed
from holdfast.fleet import steps
from holdfast.fleet.model import Keep, Place
from holdfast.fleet.restore.plan import Drills
from holdfast.fleet.restore.steps import Restore
from holdfast.workflow import Execution, Status
from tests import aws
from tests.fleets import ABROAD, DAILY, HOME, KEY, RULES, House
from tests.integration.command.shell import NOT_APPLIED, Answer, Shell

PRICES = (
    "Prices are those of 2025 in us-east-1. Not in them: the hours of instances and databases, and data that moves "
    "between regions."
)


@dataclass
class Machine:
    """The workflows, which do at once what they are started for; or nothing, as long as they are asleep."""

    house: House
    asleep: bool = False
    executions: dict[str, Execution] = field(default_factory=dict)

    def start(self, name: str, told: Mapping[str, Any]) -> str:
        if self.asleep:
            self.executions[name] = Execution(Status.RUNNING)
            return name
        try:
            answer = self.house.carry_out(told) if "schedule" not in told else self._run(told)
            failed = answer["failed"]
            why = f"FleetRestoreIncomplete: {answer['summary']}"
            ended = Execution(Status.FAILED, why=why) if failed else Execution(Status.SUCCEEDED, answer)
        except Exception as error:  # as a workflow does
            ended = Execution(Status.FAILED, why=f"{type(error).__name__}: {error}")
        self.executions[name] = ended
        return name

    def _run(self, told: Mapping[str, Any]) -> Mapping[str, Any]:
        if told["schedule"] != "cleanup":
            self.house.back_up(str(told["schedule"]), *told.get("resources", ()))
            return {"failed": [], "summary": "all is backed up"}
        now = self.house.time.isoformat()
        run = steps.Discover(self.house.fleet)({**told, "started": now})["run"]
        breaker = Breaker(MemoryBreakerStore(), Budget(100, 0), lambda: self.house.time)
        steps.Expire(self.house.fleet, breaker)({"run": run}, time_left=lambda: True)
        return {"failed": [], "summary": "all is clean"}

    def look(self, execution: str) -> Execution:
        return self.executions[execution]


@dataclass
class Deployed:
    """In place of what commands find deployed."""

    house: House
    machine: Machine
    roles: tuple[str, ...] = ()

    @property
    def restore(self) -> Restore:
        return self.house.restore

    @property
    def fleet(self) -> Any:
        return self.house.fleet

    @property
    def documents(self) -> Any:
        return self.house.documents

    def workflow(self, _output: str) -> Machine:
        return self.machine


@dataclass(frozen=True)
class Desk(Shell):
    house: House
    machine: Machine

    def restore(self, *words: str) -> Answer:
        return self.run("fleet", "restore", *words)


def a_desk(house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    found = Deployed(house, Machine(house))
    for module in (restore, runs, sets, proof):
        monkeypatch.setattr(module, "deployed", lambda _: found)
    monkeypatch.setattr(wiring, "now", lambda: house.time)
    monkeypatch.setattr(wiring, "client", lambda _: None)
    monkeypatch.setattr(restore, "region_of", lambda _, bucket: HOME if bucket != "nowhere" else None)
    return Desk(monkeypatch, capsys, house, found.machine)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    return a_desk(House(), monkeypatch, capsys)


def first_of_all(text: str, house: House) -> str:
    """What differs from run to run by nothing but a digest."""
    for index, thing in enumerate(house.workshop.things):
        text = text.replace(thing.id, f"<{thing.piece.type} {index}>")
    return text


# Instances and databases


def test_the_plan_of_an_instance(desk: Desk) -> None:
    machine = desk.house.account.instance(
        HOME, {**DAILY, "Name": "web"}, sizes=(8, 100), kms_key=KEY, UserData="c2VjcmV0", DisableApiTermination=True
    )
    desk.house.back_up()
    answer = desk.restore("--resource", machine.id)
    image = desk.house.plan(machine.id).items[0].pieces[0].name
    assert answer.out == (
        f"{machine.id} as it was at 2026-11-21T02:00:00Z:\n"
        "\n"
        f"instance {machine.id}, from us-east-1/{machine.id}/daily-2026-11-21T02-00-00Z, taken at "
        "2026-11-21T02:00:00Z:\n"
        f"  make    image {image}, which goes once the instance is there\n"
        "  make    instance of type t3.micro in subnet-1 with sg-1\n"
        "  set     DisableApiTermination\n"
        "  check   status checks: ok, instance type: t3.micro, subnet: subnet-1, volumes: /dev/sdf 100 GiB, "
        "/dev/xvda 8 GiB, encrypted: yes\n"
        "  note    its user data runs again: cloud-init takes it for a new machine\n"
        "  note    with new addresses: elastic IPs, target groups and DNS names point to the original\n"
        "  price   $8.64 a month for 108 GiB of gp3\n"
        "\n"
        f"{PRICES}\n" + NOT_APPLIED
    )
    assert desk.house.workshop.things == []


def test_what_is_not_made_again_is_told(desk: Desk) -> None:
    machine = desk.house.account.instance(HOME, DAILY, NetworkInterfaces=3)
    desk.house.account.database(HOME, "orders", DAILY, ManageMasterUserPassword=True)
    desk.house.back_up()
    note = "  note    with one network interface of 3: attach the others by hand"
    assert note in desk.restore("--resource", machine.id).lines
    note = "  note    its password is that of its backup, and in no secret: have RDS make another one"
    assert note in desk.restore("--resource", "orders").lines


def test_the_plan_of_a_cluster(desk: Desk) -> None:
    desk.house.account.database(HOME, "aurora", DAILY, cluster=True, size=50, DBClusterParameterGroupName="tuned")
    desk.house.back_up()
    assert desk.restore("--resource", "aurora", "--name-suffix", "again").lines[2:-4] == [
        "cluster aurora, from us-east-1/aurora/daily-2026-11-21T02-00-00Z, taken at 2026-11-21T02:00:00Z:",
        "  make    cluster aurora-again of aurora-postgresql 16.4 in subnet group 'default'",
        "  make    database aurora-again-1 of class db.r6g.large",
        "  check   engine: aurora-postgresql 16.4",
        "  check   class: db.r6g.large",
        "  note    under a new endpoint: whoever uses the original has to be told",
        "  price   $5.00 a month for 50 GiB of aurora",
    ]


def test_a_restore_tells_how_it_goes_and_what_came_of_it(desk: Desk) -> None:
    desk.house.account.database(HOME, "orders", DAILY, kms_key=KEY)
    desk.house.back_up()
    desk.house.workshop.making = timedelta(minutes=10)
    answer = desk.restore("--resource", "orders", "--apply")
    assert answer.status == 0
    assert answer.lines[-7:] == [
        "02:10:00 database orders is restored, and found good",
        "restored  database orders as orders-restored-20261121-0200, in 600 seconds, and found good:",
        "          engine: orders-restored-20261121-0200: postgres 16.4",
        "          class: orders-restored-20261121-0200: db.t3.micro",
        "          storage: orders-restored-20261121-0200: 20 GiB",
        "          encrypted: orders-restored-20261121-0200: yes",
        "orders as it was at 2026-11-21T02:00:00Z: 1 of 1 restored and found good",
    ]


def test_given_again_it_tells_what_was_restored(desk: Desk) -> None:
    desk.house.account.database(HOME, "orders", DAILY)
    desk.house.back_up()
    for _ in range(2):
        answer = desk.restore("--resource", "orders", "--apply")
    assert answer.status == 0
    assert "It was restored already; --name-suffix restores it once more:" in answer.lines
    assert len(desk.house.workshop.things) == 1


def test_what_is_under_way_is_followed_and_not_started_again(desk: Desk) -> None:
    desk.house.account.database(HOME, "orders", DAILY)
    desk.house.back_up()
    machine = desk.machine
    machine.asleep = True
    assert desk.restore("--resource", "orders", "--apply", "--no-wait").lines[-1].startswith("Started: ")
    assert desk.restore("--resource", "orders", "--apply", "--no-wait").lines[-1].startswith("Under way already: ")
    assert len(machine.executions) == 1
    assert desk.house.workshop.things == []


def test_a_failed_restore_ends_with_an_error_and_is_tried_again(desk: Desk) -> None:
    machine = desk.house.account.instance(HOME, DAILY)
    desk.house.back_up()
    desk.house.workshop.worst = "impaired"
    answer = desk.restore("--resource", machine.id, "--apply")
    assert answer.status == 1
    assert answer.err == (
        f"holdfast: FleetRestoreIncomplete: {machine.id} as it was at 2026-11-21T02:00:00Z: 0 of 1 restored and found "
        f"good; failed: {machine.id}. The same command tries again what failed, and nothing else"
    )
    assert first_of_all(answer.out, desk.house).splitlines()[-3:-1] == [
        f"failed    instance {machine.id}: status checks: <instance 1>: impaired, and not ok",
        "          it stays as it is: look at it, then use it or remove it",
    ]
    desk.house.workshop.worst = "ok"
    assert desk.restore("--resource", machine.id, "--apply").status == 0


def test_a_backup_that_nobody_found_good_takes_a_word_more(desk: Desk) -> None:
    machine = desk.house.account.instance(HOME, DAILY)
    desk.house.back_up()
    for part in desk.house.account.all_parts():
        desk.house.account.change(part.id, tags={"holdfast:verified": ""})
    answer = desk.restore("--resource", machine.id)
    assert (answer.status, answer.err) == (
        1,
        (
            f"holdfast: there is no verified backup of {machine.id} in us-east-1: 1 that no check has found good "
            "would do with --unverified"
        ),
    )
    assert (
        "  warning: no check has found this backup good" in desk.restore("--resource", machine.id, "--unverified").lines
    )


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("--resource", "nobody"), "there is no backup of 'nobody': holdfast fleet list shows what there is"),
        (
            ("--resource", "orders", "--at", "2026-11-20"),
            (
                "there is no verified backup of orders in us-east-1 as old as 2026-11-20T00:00:00Z: the oldest is of "
                "2026-11-21T02:00:00Z, the newest of 2026-11-21T02:00:00Z"
            ),
        ),
        (
            ("--resource", "orders", "--run", "daily-2026-11-20T02-00-00Z"),
            (
                "there is no verified backup of orders in us-east-1 of run daily-2026-11-20T02-00-00Z: the oldest is "
                "of 2026-11-21T02:00:00Z, the newest of 2026-11-21T02:00:00Z"
            ),
        ),
        (("--set", "2026"), "there is no recovery set '2026': holdfast sets list shows them"),
        (("--resource", "orders", "--run", "tomorrow"), "'tomorrow' is no run: daily-2026-11-21T02-00-00Z is one"),
    ],
)
def test_what_there_is_not(desk: Desk, asked: tuple[str, ...], told: str) -> None:
    desk.house.account.database(HOME, "orders", DAILY)
    desk.house.back_up()
    answer = desk.restore(*asked)
    assert (answer.status, answer.err) == (1, f"holdfast: {told}")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ((), "give --resource or --set, and not both"),
        (("--resource", "a", "--set", "b"), "give --resource or --set, and not both"),
        (("--resource", "a", "--at", "-1d", "--run", "b"), "give one of them"),
        (("--resource", "a", "--to", "there"), "names no bucket"),
        (("--set", "a", "--at", "-1d"), "give neither --at nor --run with it"),
    ],
)
def test_what_does_not_go_together(desk: Desk, asked: tuple[str, ...], told: str) -> None:
    answer = desk.restore(*asked)
    assert answer.status == 2
    assert told in " ".join(answer.err.replace("│", " ").split())


def test_in_another_region_it_asks_for_a_network(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    house = House(replace(RULES, copies_to=Place(ABROAD)))
    desk = a_desk(house, monkeypatch, capsys)
    machine = house.account.instance(HOME, DAILY)
    house.account.database(HOME, "orders", DAILY, DBParameterGroupName="tuned")
    house.back_up()
    assert desk.restore("--resource", machine.id, "--region", ABROAD).err == (
        f"holdfast: {machine.id} is restored in eu-west-1, and the networks of us-east-1 are not there: give --subnet"
    )
    lines = desk.restore(
        "--resource", "orders", "--region", ABROAD, "--db-subnet-group", "dr", "--security-group", "sg-dr"
    ).lines
    assert "  make    database orders-restored-20261121-0200 of class db.t3.micro in subnet group 'dr'" in lines
    assert "  note    without 'tuned', which is of us-east-1: the default one is used" in lines


# Buckets


def test_the_plan_of_a_prefix(desk: Desk) -> None:
    desk.house.known_bucket("photos", "photos-replica")
    for name in ("a/1", "a/2", "b/1"):
        desk.house.versions.put("photos-replica", name, name, desk.house.time)
    desk.house.versions.delete("photos-replica", "a/2", desk.house.time + timedelta(hours=2))
    desk.house.pass_by(hours=3)
    words = ("--resource", "photos", "--prefix", "a/", "--at", "2026-11-21T03:00:00Z")
    answer = desk.restore(*words, "--unverified")
    assert answer.out == (
        "photos/a/ as it was at 2026-11-21T03:00:00Z:\n"
        "\n"
        "bucket photos under 'a/', from photos-replica, as it was at 2026-11-21T03:00:00Z:\n"
        "  copy    up to 2 objects, 6 bytes, to photos; what is there stays as it is\n"
        "  note    its replica was last found to have all at 2026-11-21T02:00:00Z: of what is later, some may be "
        "missing\n"
        "  price   $0.00 for the copies, then up to $0.00 a month\n"
        "\n"
        f"{PRICES}\n" + NOT_APPLIED
    )
    lines = desk.restore(*words).lines
    assert lines[0] == "photos/a/ as it was at 2026-11-21T02:00:00Z:"
    assert lines[4] == (
        "  note    until then its replica was found to have all; --unverified takes along what it has of later"
    )


def test_a_replica_that_nobody_found_good_takes_a_word_more(desk: Desk) -> None:
    desk.house.known_bucket("photos", "photos-replica", verified=False)
    assert desk.restore("--resource", "photos").err == (
        "holdfast: no check has found the replication of photos good yet: what there is in photos-replica is restored "
        "with --unverified"
    )
    lines = desk.restore("--resource", "photos", "--unverified").lines
    assert "  warning: no check has found its replication good" in lines


def test_objects_that_were_lost_again_are_restored_once_more(desk: Desk) -> None:
    desk.house.known_bucket("photos", "photos-replica")
    desk.house.versions.put("photos-replica", "a", "body", desk.house.time)
    desk.house.pass_by(hours=1)
    assert desk.restore("--resource", "photos", "--apply").status == 0
    desk.house.versions.delete("photos", "a", desk.house.time)
    again = desk.restore("--resource", "photos", "--apply")
    assert "It was restored already; --name-suffix restores it once more:" in again.lines
    assert desk.house.versions.head("photos", "a") is None
    assert desk.restore("--resource", "photos", "--name-suffix", "2", "--apply").status == 0
    assert desk.house.versions.head("photos", "a") is not None


def test_a_prefix_is_copied_to_another_bucket(desk: Desk) -> None:
    desk.house.known_bucket("photos", "photos-replica")
    for number in range(3):
        desk.house.versions.put("photos-replica", f"a/{number}", f"body {number}", desk.house.time)
    desk.house.versions.put("other", "back/a/1", "somebody's", desk.house.time)
    desk.house.pass_by(hours=1)
    words = ("--resource", "photos", "--to", "s3://other/back/")
    answer = desk.restore(*words, "--apply")
    assert answer.status == 1
    assert answer.lines[-3:-1] == [
        (
            "failed    bucket photos: 1 object is not as it was: the first is 'a/1': what is there is of "
            "2026-11-21T02:00:00Z, and not the same: --overwrite writes over it"
        ),
        "          see the error; the same command goes on where it ended",
    ]
    answer = desk.restore(*words, "--overwrite", "--apply")
    assert answer.status == 0
    assert answer.lines[-2] == "restored  bucket photos: 1 object copied, 6 bytes; 2 were there already"
    held = {entry.key: entry.etag for entry in desk.house.versions.buckets["other"]}
    assert held == {f"back/a/{number}": f"etag of body {number}" for number in range(3)}


def test_what_lies_in_an_archive_is_named(desk: Desk) -> None:
    desk.house.known_bucket("photos", "photos-replica")
    frozen = desk.house.versions.put("photos-replica", "a", "old", desk.house.time)
    desk.house.versions.archived.add(frozen.version)
    answer = desk.restore("--resource", "photos", "--apply")
    assert "the first is 'a': photos-replica/'a' lies in an archive" in answer.out


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("s3://nowhere", "there is no bucket nowhere: make it, or name another with --to"),
        ("s3://photos-replica/x", "photos-replica is the replica itself: restore to another bucket"),
    ],
)
def test_a_bucket_that_takes_nothing(desk: Desk, to: str, told: str) -> None:
    desk.house.known_bucket("photos", "photos-replica")
    assert desk.restore("--resource", "photos", "--to", to).err == f"holdfast: {told}"


# Recovery sets


def a_set(house: House, *lacking: Mapping[str, str]) -> str:
    house.account.instance(HOME, DAILY)
    house.account.database(HOME, "orders", DAILY)
    run = house.back_up()
    name = run.removeprefix("daily-")
    key = f"sets/{name}.json"
    told = house.documents.load(key)
    member = {"system": "tables", "name": "Orders", "position": "5", "at": told["at"], "skew_seconds": -3}
    told["members"].insert(0, {**member, "restore": "holdfast tables restore Orders --at 2026-11-21T02:00:00Z"})
    told["lacking"] = lacking
    house.documents.save(key, told)
    return name


WITHOUT = {"system": "warehouse", "why": "no run yet"}


def test_a_whole_set_is_restored_databases_first(desk: Desk) -> None:
    name = a_set(desk.house)
    answer = desk.restore("--set", name, "--apply")
    assert answer.status == 0
    assert [one.piece.type for one in desk.house.workshop.things] == ["database", "image", "instance"]
    assert "  holdfast tables restore Orders --at 2026-11-21T02:00:00Z" in answer.lines
    assert answer.lines[-1] == f"recovery set {name}: 2 of 2 restored and found good"


def test_what_a_set_cannot_restore_is_left_out_and_told(desk: Desk) -> None:
    name = a_set(desk.house, WITHOUT)
    for part in desk.house.account.all_parts():
        if part.of == "orders":
            desk.house.account.lose(part.id)
    answer = desk.restore("--set", name)
    assert answer.status == 1
    told = [line for line in answer.lines if line.startswith("left out")]
    assert told == [
        f"left out arn:aws:rds:{HOME}:123456789012:db:orders: there is no verified backup of orders in us-east-1",
        "left out warehouse: no run yet",
    ]


def test_the_buckets_of_a_set_that_go_to_one_lie_beside_each_other(desk: Desk) -> None:
    for name in ("photos", "films", "unchecked"):
        desk.house.known_bucket(name, f"{name}-replica", verified=name != "unchecked")
        desk.house.versions.put(f"{name}-replica", "a", name, desk.house.time)
    name = a_set(desk.house)
    answer = desk.restore("--set", name, "--to", "s3://other", "--apply")
    assert answer.status == 0
    assert sorted(entry.key for entry in desk.house.versions.buckets["other"]) == ["films/a", "photos/a"]
    assert desk.restore("--set", name, "--to", "s3://nowhere").out.count("left out") == 2


def test_sets_are_listed_and_shown(desk: Desk) -> None:
    assert desk.run("sets", "list").out == "There is no recovery set yet: each run of the fleet makes one.\n"
    name = a_set(desk.house, WITHOUT)
    listed = desk.run("sets", "list").lines
    assert [line.split() for line in listed] == [
        ["set", "run", "moment", "members", "skew", "without"],
        [name, f"daily-{name}", "2026-11-21T02:00:00+00:00", "3", "0", "s", "warehouse"],
    ]
    shown = desk.run("sets", "show", name).lines
    assert shown[0] == f"Set {name}, at 2026-11-21T02:00:00+00:00, by run daily-{name}:"
    assert shown[3].split()[:5] == ["tables", "Orders", "5", "-3", "s"]
    assert shown[-5:] == [
        "",
        "without warehouse: no run yet",
        "",
        "The furthest is 0 s from the set's moment.",
        f"What the fleet has of it, in order: holdfast fleet restore --set {name}",
    ]
    assert desk.run("sets", "show", "none").err == (
        "holdfast: there is no recovery set 'none': holdfast sets list shows them"
    )


# The ledger


def drilled(desk: Desk, times: int) -> str:
    desk.house.drills = Drills(HOME, 1, subnet="subnet-isolated")
    machine = desk.house.account.instance(HOME, DAILY)
    desk.house.back_up()
    for _ in range(times):
        desk.house.pass_by(days=1)
        assert desk.run("fleet", "drill").lines[-1].endswith("1 of 1 drilled and found good")
    return machine.arn


def test_the_ledger_is_verified_and_shown(desk: Desk) -> None:
    assert desk.run("proof").out == "No drill was run yet: holdfast fleet drill runs one now.\n"
    arn = drilled(desk, 3)
    lines = desk.run("proof").lines
    assert lines[0].split() == ["resource", "last", "drill", "result", "RTO", "RPO", "drills", "failed"]
    row = lines[1].split()
    assert (row[0], row[2], row[-2:]) == (arn, "passed", ["3", "0"])
    assert lines[3] == "3 entries, each follows the one before. The last has the digest"
    assert lines[-1] == "Noted where nobody can write to the bucket, it proves all of them later."


def test_a_ledger_that_was_tampered_with_is_told_where(desk: Desk) -> None:
    drilled(desk, 3)
    entry = desk.house.documents.load("proof/00000002.json")
    desk.house.documents.save("proof/00000002.json", {**entry, "rto_seconds": 1})
    answer = desk.run("proof")
    assert (answer.status, answer.err) == (
        1,
        (
            "holdfast: the ledger is broken at entry 3: proof/00000003.json does not follow proof/00000002.json as it "
            "is now: one of the two was changed. 2 entries before it are whole"
        ),
    )


def test_the_ledger_is_exported(desk: Desk, tmp_path: Path) -> None:
    arn = drilled(desk, 2)
    csv, document = tmp_path / "drills.csv", tmp_path / "drills.json"
    assert desk.run("proof", "--export", str(csv)).status == 0
    lines = csv.read_text().splitlines()
    assert lines[0] == "n,at,resource,backup,taken,result,rto_seconds,rpo_seconds,why,restore,previous,checks"
    assert [line.split(",")[2] for line in lines[1:]] == [arn, arn]
    assert desk.run("proof", "--export", str(document)).status == 0
    told = json.loads(document.read_text())
    assert [entry["n"] for entry in told["entries"]] == [1, 2]
    assert told["broken"] is None
    assert "ends in neither .csv nor .json" in desk.run("proof", "--export", "drills.xls").err


# Backups


def test_resources_are_listed_with_what_protects_them(desk: Desk) -> None:
    desk.house.account.database(HOME, "orders", DAILY)
    desk.house.account.database(HOME, "scratch")
    gone = desk.house.account.database(HOME, "gone", DAILY)
    desk.house.back_up()
    desk.house.account.remove(gone.arn)
    desk.house.pass_by(hours=3)
    assert [" ".join(line.split()) for line in desk.run("fleet", "list").lines] == [
        "resource kind region backed up newest good backup",
        "orders rds:db us-east-1 daily 2026-11-21T02:00:00Z, 3 h ago",
        "scratch rds:db us-east-1 no: it has no tag holdfast:backup: daily or weekly protects it none",
        "",
        "Gone, with a good backup:",
        f"{gone.arn}, of 2026-11-21T02:00:00Z",
    ]


def test_a_backup_is_started(desk: Desk) -> None:
    machine = desk.house.account.instance(HOME, DAILY)
    answer = desk.run("fleet", "backup")
    assert answer.lines[-1] == "all is backed up"
    assert {part.tags["holdfast:source"] for part in desk.house.account.all_parts()} == {machine.arn}
    desk.house.pass_by(seconds=1)
    assert desk.run("fleet", "backup", "--resource", "nobody").err.startswith(
        "holdfast: NoSuchResource: there is no nobody in us-east-1"
    )


def aged(desk: Desk) -> None:
    """Six backups, of which one is held, and two are kept."""
    desk.house.account.instance(HOME, DAILY)
    for _ in range(6):
        desk.house.back_up()
        desk.house.pass_by(days=1)
    first = min(desk.house.account.all_parts(), key=lambda part: part.tags["holdfast:taken"])
    desk.house.account.change(first.id, tags={"holdfast:legal-hold": "case 12"})


def test_cleaning_is_planned_and_done(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    house = House(replace(RULES, keep=Keep(2, 0, 0, 0)))
    desk = a_desk(house, monkeypatch, capsys)
    aged(desk)
    answer = desk.run("fleet", "expire")
    held = "2026-11-21T02-00-00Z: its tag holdfast:legal-hold is case 12: remove it to let it go"
    assert answer.lines[0].startswith("blocked us-east-1/")
    assert answer.lines[0].endswith(held)
    assert answer.lines[1].startswith("remove  us-east-1/")
    assert answer.lines[4] == "3 to remove, 1 blocked, 2 kept."
    assert answer.out.endswith(NOT_APPLIED)
    assert len(house.account.all_parts()) == 6
    assert desk.run("fleet", "expire", "--apply").lines[-3:-1] == ["all is clean", "3 removed."]
    assert len(house.account.all_parts()) == 3
    blocked = desk.run("fleet", "blockers").lines
    assert blocked[0].endswith(held)
    assert blocked[1] == "1 blocked; 0 more go when the next cleaning runs."
    assert "Nothing is to be removed." in desk.run("fleet", "expire", "--verbose").lines
    house.documents.save("runs/cleanup-2025-01-01T00-00-00Z/expired.json", "in Glacier")
    assert desk.run("fleet", "blockers").lines == blocked


# What is deployed


@pytest.mark.usefixtures("account")
def test_a_command_is_told_what_the_functions_are_told() -> None:
    parameters = {name: {"Type": "String"} for name in aws.template()["Parameters"] if name.startswith("Fleet")}
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:Backup"
    outputs = {"FleetBackupStateMachineArn": machine, "FleetBackupBucketName": "records"}
    values = {name: str(aws.template()["Parameters"][name]["Default"]) for name in parameters}
    values |= {"FleetRegions": "us-east-1,eu-west-1", "FleetCopyRegion": "eu-central-1", "FleetKeepDaily": "9"}
    boto3.client("cloudformation").create_stack(
        StackName="holdfast",
        TemplateBody=json.dumps(
            {
                "Parameters": parameters,
                "Resources": {"Records": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "records"}}},
                "Outputs": {name: {"Value": value} for name, value in outputs.items()},
            }
        ),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
    )
    found = deployed("holdfast")
    rules = found.fleet.rules
    assert (rules.regions, rules.copies_to, rules.keep.daily) == (
        ("us-east-1", "eu-west-1"),
        Place("eu-central-1"),
        9,
    )
    found.documents.save("status.json", {"a": 1})
    assert found.documents.load("status.json") == {"a": 1}
