"""The steps of the workflow as its state machine asks for them: events in, answers out.

What a step does is imported when it is done: not every function has the database, and each starts the sooner.
"""
# ruff: noqa: PLC0415

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from holdfast.warehouse.model import Item, NotAnItem, Retention, Source
from holdfast.warehouse.ports import Copier
from holdfast.warehouse.run import Warehouse

if TYPE_CHECKING:
    from holdfast.breaker.run import Breaker
    from holdfast.warehouse import retire, validate
    from holdfast.warehouse.orders import Orders
    from holdfast.warehouse.report import Messenger

type Event = Mapping[str, Any]
type Answer = dict[str, Any]
type TimeLeft = Callable[[], bool]


class SourceNotReadable(ValueError):
    """A source lies in a bucket that the functions may not read."""

    def __init__(self, source: Source, buckets: Sequence[str]) -> None:
        super().__init__(
            f"{source} lies in {source.bucket}, which is none of {', '.join(buckets)}:"
            " add it to the stack's parameter WarehouseSourceBuckets"
        )


@dataclass(frozen=True, slots=True)
class Discover:
    """`sources`: those of the stack. `buckets`: which may be read."""

    warehouse: Warehouse
    sources: Sequence[str]
    buckets: Sequence[str]

    def __call__(self, event: Event) -> Answer:
        """Of the sources that somebody asks for, else of all."""
        from holdfast.warehouse import discover

        sources = [Source.parse(text) for text in event.get("sources") or self.sources]
        for source in sources:
            if source.bucket not in self.buckets:
                raise SourceNotReadable(source, self.buckets)
        try:
            started, execution = datetime.fromisoformat(event["started"]), str(event["execution"])
        except KeyError as error:
            raise NotAnItem(f"the event tells no {error} of the execution that asks") from None
        return discover.discover(self.warehouse, sources, started=started, execution=execution)


@dataclass(frozen=True, slots=True)
class Validate:
    warehouse: Warehouse
    rules: "validate.Rules"

    def __call__(self, event: Event) -> Answer:
        from holdfast.warehouse import validate

        since = datetime.fromisoformat(event["since"])
        return validate.validate(self.warehouse, Item.of(event), self.rules, since=since)


@dataclass(frozen=True, slots=True)
class Plan:
    warehouse: Warehouse
    orders: "Orders"
    retention: Retention

    def __call__(self, event: Event) -> Answer:
        from holdfast.warehouse import planning

        if event.get("engine") == "athena":
            return planning.ask_athena(self.warehouse, Item.of(event), self.retention)
        return planning.plan_source(self.warehouse, Item.of(event), self.orders, self.retention)


@dataclass(frozen=True, slots=True)
class Copy:
    """`copier_of`: from a bucket, into a storage class."""

    warehouse: Warehouse
    copier_of: Callable[[str, str], Copier]

    def __call__(self, event: Event, *, time_left: TimeLeft) -> Answer:
        from holdfast.warehouse import copying
        from holdfast.warehouse.orders import Order

        item, order = Item.of(event), Order.of(event)
        copier = self.copier_of(item.source.bucket, order.storage_class)
        return copying.copy(self.warehouse, item, order, copier, time_left=time_left)


@dataclass(frozen=True, slots=True)
class Commit:
    warehouse: Warehouse
    orders: "Orders"

    def __call__(self, event: Event) -> Answer:
        from holdfast.warehouse import commit
        from holdfast.warehouse.orders import Order

        return commit.commit(self.warehouse, Item.of(event), Order.of(event), self.orders)


@dataclass(frozen=True, slots=True)
class Verify:
    warehouse: Warehouse

    def __call__(self, event: Event, *, time_left: TimeLeft) -> Answer:
        from holdfast.warehouse import verify

        return verify.verify(self.warehouse, Item.of(event), time_left=time_left)


@dataclass(frozen=True, slots=True)
class Retire:
    warehouse: Warehouse
    rules: "retire.Rules"
    breaker: "Breaker"

    def __call__(self, event: Event, *, time_left: TimeLeft) -> Answer:
        from holdfast.warehouse import retire

        return retire.retire(self.warehouse, Item.of(event), self.rules, self.breaker, time_left=time_left)


@dataclass(frozen=True, slots=True)
class Report:
    warehouse: Warehouse
    message: "Messenger"

    def __call__(self, event: Event) -> Answer:
        """`failed` of a source, `report` of a run, `watch` over all of them."""
        from holdfast.warehouse import report, watch

        match event.get("step"):
            case "failed":
                return report.note_failure(self.warehouse, Item.of(event), event.get("error") or {})
            case "report":
                answer = report.report(self.warehouse, event["run"], self.message)
                told = self.warehouse.load(f"{self.warehouse.names.run(event['run'])}report.json")
                return answer | {"databases": told["databases"]}
            case "watch":
                return {"days_since_backup": watch.days_since_backup(self.warehouse)}
            case other:
                raise report.NotAStep(f"{other!r} is no step of a report: failed, report or watch is")
