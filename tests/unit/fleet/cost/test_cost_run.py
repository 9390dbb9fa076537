"""What is added up, of a stack with some systems and without."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from holdfast.adapters.memory_fleet import MemoryDocuments
from holdfast.fleet import measures
from holdfast.fleet.cost.plan import GB, Lifecycle
from holdfast.fleet.cost.run import Bucket, Cost, SpendUnknown, Table
from holdfast.fleet.model import Backup, Keep, Kind, Part, PartType, Place, Schedule, Slot, Status

NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)


@dataclass
class Measures:
    """The sizes that AWS would tell."""

    buckets: Mapping[tuple[str, str], Mapping[str, float]] = field(default_factory=dict)
    tables: Mapping[str, float] = field(default_factory=dict)

    def bucket(self, name: str, region: str, now: datetime) -> Mapping[str, float]:  # noqa: ARG002 it is always now
        return self.buckets.get((name, region), {})

    def table(self, name: str) -> float:
        return self.tables.get(name, 0)


@dataclass
class Bill:
    answer: Mapping[str, float] | None = None

    def this_month(self, now: datetime) -> Mapping[str, float]:  # noqa: ARG002 it is always now
        if self.answer is None:
            raise SpendUnknown("AccessDeniedException")
        return self.answer


def backups() -> list[Backup]:
    part = Part(PartType.SNAPSHOT, "x", "x", "eu-west-1", Status.COMPLETE, {}, of="vol-1", size=100 * GB)
    return [Backup("arn:i", Kind.INSTANCE, Place("eu-west-1"), Slot(NOW, Schedule.DAILY), NOW, (part,))]


def cost(**told: Any) -> Cost:
    sizes = Measures(
        {
            ("copies", "eu-west-1"): {"STANDARD": 10 * GB},
            ("records", "eu-west-1"): {"GLACIER": GB, "STANDARD": GB},
            ("media-holdfast", "eu-central-1"): {"STANDARD": 20 * GB},
        },
        {"rows": 2 * GB},
    )
    documents = MemoryDocuments()
    documents.save("buckets/1.json", {"replica": "media-holdfast"})
    documents.save("status.json", {"resources": [{}, {}]})
    whole = Cost(
        documents=documents,
        backups=backups,
        buckets=[Bucket("objects", "copies", "eu-west-1"), Bucket("fleet", "records", "eu-west-1", ages=True)],
        tables=[Table("objects", "rows"), Table("capacity", "gone")],
        region="eu-west-1",
        replicas="eu-central-1",
        keep=Keep(7, 4, 12, 3),
        lifecycle=Lifecycle(),
        sizes=sizes,
        spend=None,
        each=map,
        now=lambda: NOW,
        log=lambda *_, **__: None,
    )
    return replace(whole, **told)


def test_everything_that_is_stored_is_added_up_and_written_down() -> None:
    whole = cost()
    answer = whole({})
    fleet = 100 * 0.05 + 0.0036 + 0.023 + 20 * 0.023 + 2 * 0.30
    assert answer["systems"] == {"fleet": round(fleet, 4), "objects": round(10 * 0.023 + 2 * 0.25, 4)}
    assert whole.documents is not None
    told = whole.documents.load("costs/2026-11-21.json")
    assert told["total"] == answer["total"]
    assert [(one["name"], one["tier"]) for one in told["items"]] == [
        ("arn:i", "ebs snapshot"),
        ("copies", "s3 STANDARD"),
        ("records", "s3 GLACIER"),
        ("records", "s3 STANDARD"),
        ("media-holdfast", "s3 STANDARD"),
        ("rows", "dynamodb standard"),
    ]
    assert told["billed"] is None


def test_each_system_has_a_metric() -> None:
    told = list(measures.of_cost(cost()({})))
    assert [(one.name, one.dimensions) for one in told] == [
        ("Cost", {"system": "fleet"}),
        ("Cost", {"system": "objects"}),
    ]


def test_a_stack_without_a_fleet_is_added_up_too() -> None:
    answer = cost(documents=None, backups=list)({})
    assert answer["systems"].keys() == {"fleet", "objects"}
    assert answer["systems"]["fleet"] == round(0.0036 + 0.023, 4)


def test_where_nothing_is_replicated_no_replica_is_asked_for() -> None:
    assert "media-holdfast" not in str(cost(replicas="").facts())


def test_a_fleet_that_was_never_watched_has_no_metrics() -> None:
    assert cost(documents=MemoryDocuments()).facts().metrics == 0


def test_what_aws_has_billed_stands_beside_the_sum() -> None:
    told = cost(spend=Bill({"Amazon EC2": 1.23456}))
    assert told.look(told.facts())["billed"] == {"Amazon EC2": 1.2346}


def test_the_sum_stands_where_cost_explorer_tells_nothing() -> None:
    logged: list[object] = []
    told = cost(spend=Bill(), log=lambda *said, **_: logged.append(said))
    assert told.look(told.facts())["billed"] is None
    assert logged == [("Cost Explorer tells nothing",)]
