"""The fleet system's chain on moto, by the adapters that AWS is asked with: random fleets and schedules over months,
a run that is killed at any call, one of which every call is throttled."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber

from holdfast.adapters.ec2_fleet import Ec2Shelf
from holdfast.adapters.memory import MemoryBreakerStore
from holdfast.adapters.rds_fleet import RdsShelf
from holdfast.adapters.s3_documents import S3Documents
from holdfast.breaker.plan import Budget
from holdfast.breaker.run import Breaker
from holdfast.fleet.model import Backup, Keep, Place, Service, Status
from holdfast.fleet.run import Fleet, Rules
from tests.aws import session
from tests.model.fleet_workflow import Crash, Workflow, must_stay, schedules

pytestmark = pytest.mark.model

ACCOUNT, HOME, COPIES = "123456789012", "eu-west-1", "eu-central-1"
BEGINNING = datetime(2025, 12, 27, 2, tzinfo=UTC)
HISTORIES, DAYS = 2, 65
EVERY = int(os.environ.get("EVERY", "17"))
"""A run is killed at every seventeenth call: at all 170, which takes minutes, with EVERY=1."""


@dataclass
class Ours:
    """A function's clients, made once for all accounts: whatever they ask is counted, and may not come through."""

    before: Callable[[], AWSResponse | None] = lambda: None
    clients: dict[tuple[str, str, int], Any] = field(default_factory=dict)
    has_refused: bool = False

    def client(self, service: str, region: str, attempts: int = 3) -> Any:
        key = (service, region, attempts)
        if key not in self.clients:
            retries = Config(retries={"total_max_attempts": attempts})
            self.clients[key] = session().client(service, region_name=region, config=retries)  # type: ignore[call-overload]
            self.clients[key].meta.events.register_first("before-send.*", self._before)
        return self.clients[key]

    def _before(self, **_: Any) -> AWSResponse | None:
        refusal = self.before()
        self.has_refused = refusal is not None
        return refusal


OURS = Ours()


@dataclass
class Account:
    """An account on moto, and its stack's fleet. `at_each_call`: called before a request is sent, with its number."""

    random: Random
    keep: Keep
    at_each_call: Callable[[int], AWSResponse | None] = lambda _: None
    time: datetime = BEGINNING
    calls: int = 0
    good: dict[tuple[str, Place], dict[str, datetime]] = field(default_factory=lambda: defaultdict(dict))

    def __post_init__(self) -> None:
        OURS.before = self._before
        self.client("s3").create_bucket(Bucket="ours", CreateBucketConfiguration={"LocationConstraint": HOME})
        rules = Rules(
            regions=(HOME,),
            include_all=False,
            images=False,
            copies_to=Place(COPIES),
            keep=self.keep,
            minimum=timedelta(0),
            require_encryption=False,
            patience=timedelta(hours=1),
            poll_seconds=60,
            replica_suffix="-replica",
        )
        self.fleet = Fleet(
            stack="holdfast",
            rules=rules,
            documents=S3Documents(OURS.client("s3", HOME), "ours"),
            shelf_of=self._shelf,
            buckets_of=lambda _: NoBuckets(),  # type: ignore[arg-type, return-value]
            each=lambda function, items: [function(item) for item in items],
            now=lambda: self.time,
            log=lambda *_, **__: None,
        )
        breaker = Breaker(MemoryBreakerStore(), Budget(100, 0), self.fleet.now)
        self.workflow = Workflow(self.fleet, breaker, self.random, self._pass_by, poll=timedelta(minutes=11))

    def _pass_by(self, time: timedelta) -> None:
        self.time += time

    def client(self, service: str, region: str = HOME) -> Any:
        """A user's."""
        return session().client(service, region_name=region)  # type: ignore[call-overload]

    def _before(self) -> AWSResponse | None:
        self.calls += 1
        return self.at_each_call(self.calls - 1)

    def _shelf(self, service: Service, place: Place) -> Ec2Shelf | RdsShelf:
        client, kms = OURS.client(service.value, place.region), OURS.client("kms", place.region)
        if service is Service.RDS:
            return RdsShelf(client, kms, place.region, ACCOUNT, "holdfast", ACCOUNT)
        once = partial(OURS.client, "ec2", place.region, attempts=1)
        return Ec2Shelf(client, kms, place.region, ACCOUNT, "holdfast", home=ACCOUNT, locks=False, once=once)

    # The users

    def instance(self, often: str, *sizes: int) -> str:
        ec2 = self.client("ec2")
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "ours"}, *_tags(often)]}]
        made = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, TagSpecifications=tags)["Instances"][0]
        zone, name = made["Placement"]["AvailabilityZone"], str(made["InstanceId"])
        for number, size in enumerate(sizes):
            volume = ec2.create_volume(Size=size, AvailabilityZone=zone)["VolumeId"]
            ec2.attach_volume(VolumeId=volume, InstanceId=name, Device=f"/dev/sd{chr(ord('f') + number)}")
        return name

    def database(self, name: str, often: str) -> None:
        self.client("rds").create_db_instance(
            DBInstanceIdentifier=name,
            DBInstanceClass="db.t3.micro",
            Engine="postgres",
            AllocatedStorage=20,
            MasterUsername="holdfast",
            MasterUserPassword="not-a-secret",
            Tags=_tags(often),
        )

    def cluster(self, name: str, often: str) -> None:
        self.client("rds").create_db_cluster(
            DBClusterIdentifier=name,
            Engine="aurora-postgresql",
            MasterUsername="holdfast",
            MasterUserPassword="not-a-secret",
            Tags=_tags(often),
        )

    # Runs, and what is there after them

    def run(self, schedule: str) -> dict[str, Any]:
        found = self.workflow.discover(schedule)
        self.workflow.back_up(found)
        if found["cleanup"]:
            stay = must_stay(self.good, self.keep)
            self.workflow.clean(found)
            self.look_after_cleaning(stay)
        return self.workflow.report(found)

    def backups(self) -> list[Backup]:
        quiet, self.at_each_call = self.at_each_call, lambda _: None
        found = self.fleet.backups()
        self.at_each_call = quiet
        return found

    def look(self) -> None:
        """Nothing was made twice, and all of it is good."""
        for backup in self.backups():
            pieces = Counter(part.of for part in backup.parts)
            assert set(pieces.values()) == {1}, f"{backup.id} has {pieces}"
            assert backup.status is Status.COMPLETE, backup.id
            assert backup.verified, backup.id
            self.good[backup.source, backup.place][str(backup.slot)] = backup.taken

    def look_after_cleaning(self, stay: set[tuple[str, str, Place]]) -> None:
        """What the rule keeps is there, and nothing else."""
        there = {(one.source, str(one.slot), one.place) for one in self.backups()}
        assert there == stay
        self.good.clear()
        self.look()


class NoBuckets:
    """Moto has no S3 Batch Operations: buckets and their replicas are tested by their contracts."""

    def resources(self) -> Iterator[Any]:
        return iter(())


def _tags(often: str) -> list[dict[str, str]]:
    return [{"Key": "holdfast:backup", "Value": often}] if often else []


@pytest.fixture(autouse=True)
def no_images_of_amazon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of which moto would look through more than a thousand snapshots at each listing."""
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")


# Random fleets and schedules


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_what_is_there_after_months_is_what_the_rule_keeps(seed: int) -> None:
    random = Random(seed)
    with mock_aws():
        account = Account(random, random.choice([Keep(3, 2, 1, 1), Keep(2, 0, 0, 0), Keep(1, 1, 2, 0)]))
        for day in range(DAYS):
            account.time = BEGINNING + timedelta(days=day)
            if random.random() < 0.06 or not day:
                something_new(account, f"name-{day}", random)
            for schedule in schedules(account.time, random):
                report = account.run(schedule)
                assert not report["failed"], report["summary"]
                account.look()
                account.time += timedelta(minutes=1)


def something_new(account: Account, name: str, random: Random) -> None:
    often = random.choice(["daily", "daily", "weekly", "none", ""])
    match random.randrange(4):
        case 0:
            account.database(name, often)
        case 1:
            account.cluster(name, often)
        case _:
            account.instance(often, *random.choices(range(1, 50), k=random.randrange(3)))


# Killed and throttled


def a_small_account() -> Account:
    """With one good backup of each, which the next cleaning removes."""
    account = Account(Random(1), Keep(1, 0, 0, 0))
    account.instance("daily", 20)
    account.database("orders", "daily")
    account.run("daily")
    account.look()
    account.time += timedelta(days=1)
    return account


def run_and_clean(account: Account) -> list[tuple[str, str, str, int]]:
    """What is there afterwards."""
    account.calls = 0
    account.run("daily")
    account.look()
    account.time = account.time.replace(hour=5, minute=0, second=0)
    account.run("cleanup")
    return sorted((one.kind.value, str(one.slot), str(one.place), len(one.parts)) for one in account.backups())


EXPECTED = [
    ("ec2:instance", "daily-2025-12-28", "eu-central-1", 2),
    ("ec2:instance", "daily-2025-12-28", "eu-west-1", 2),
    ("rds:db", "daily-2025-12-28", "eu-central-1", 1),
    ("rds:db", "daily-2025-12-28", "eu-west-1", 1),
]


def without_time(backups: list[tuple[str, str, str, int]]) -> list[tuple[str, str, str, int]]:
    return [(kind, slot[: len("daily-2025-12-28")], place, parts) for kind, slot, place, parts in backups]


def test_a_run_that_is_killed_at_any_call_makes_and_removes_the_same() -> None:
    with mock_aws():
        calm = a_small_account()
        assert without_time(run_and_clean(calm)) == EXPECTED
    assert calm.calls > 50
    for number in range(0, calm.calls, EVERY):
        with mock_aws():
            account = a_small_account()
            account.at_each_call = KilledAt(number)
            assert without_time(run_and_clean(account)) == EXPECTED, f"killed at call {number}"


@dataclass
class KilledAt:
    """Kills the function before one call, once."""

    number: int
    is_over: bool = False

    def __call__(self, number: int) -> None:
        if number == self.number and not self.is_over:
            self.is_over = True
            raise Crash


@pytest.mark.parametrize("answer", ["lost", "throttled"])
def test_a_run_of_which_every_other_call_fails_makes_and_removes_the_same(
    answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either AWS has done what it was asked for, and nobody hears of it; or it has not."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    if answer == "throttled":
        monkeypatch.setattr(BotocoreStubber, "__call__", not_what_is_throttled)
    with mock_aws():
        account = a_small_account()
        account.at_each_call = Unlucky(Random(2))
        assert without_time(run_and_clean(account)) == EXPECTED


@dataclass
class Unlucky:
    """Every other call fails; some fail as often as they are tried."""

    random: Random

    def __call__(self, _: int) -> AWSResponse | None:
        return AWSResponse("https://aws", 503, HTTPHeaders(), Refusal()) if self.random.random() < 0.5 else None


MOTO = BotocoreStubber.__call__


def not_what_is_throttled(stubber: BotocoreStubber, **asked: Any) -> AWSResponse | None:
    """Moto answers each request besides: of one that is refused it must not hear."""
    refused, OURS.has_refused = OURS.has_refused, False
    return None if refused else MOTO(stubber, **asked)


class Refusal:
    """The body of an answer that S3, EC2 and RDS give alike to who asks too often."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield b"<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"
