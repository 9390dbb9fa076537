"""A random history of a table: its user, its stream's shards, the archive and backfills at once, with every fault."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from holdfast.adapters.memory_tables import MemoryItemObjects, MemoryStore, MemoryTable
from holdfast.events import dynamodb
from holdfast.tables import backfill, item, run
from holdfast.tables.archive import Archive
from holdfast.tables.backfill import Pace
from holdfast.tables.fill import Fill, ItemFill, no_objects
from holdfast.tables.layout import INLINE_BYTES, ItemLayout, Layout, SegmentLayout
from holdfast.tables.model import Cause, Description, Image, ItemId
from holdfast.tables.ports import Page
from holdfast.tables.view import View
from tests.model.interleave import Interleaver, Throttled

TABLE = "orders"
ARN = f"arn:aws:dynamodb:us-east-1:123456789012:table/{TABLE}/stream/2026-01-01T00:00:00.000"
TENANTS = ("acme", "b/c", "")
BEGINNING = 1_767_225_600
MOST_TOGETHER = 6
KEY_NAMES = ("pk", "sk")
DESCRIPTION = Description(
    taken_at=BEGINNING,
    table={
        "TableName": TABLE,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "N"},
        ],
        "CreationDateTime": BEGINNING,
        "LatestStreamLabel": "2026-01-01T00:00:00.000",
    },
    time_to_live={},
)


@dataclass(frozen=True, slots=True)
class Settings:
    """`mixed`: some batches are archived in one layout, some in the other. `was_there`: items are older than the
    stream. `switched_off`: for a while in between, there is no stream."""

    layout: str = "segment"
    tenants: bool = False
    plain_names: bool = False
    mixed: bool = False
    was_there: bool = False
    switched_off: bool = False


@dataclass(frozen=True, slots=True)
class Weather:
    """How often what goes wrong. `rewinds`: chance that Lambda delivers again what it had delivered long ago.
    `naps`: chance that somebody takes long over a step."""

    crashes: float = 0.0
    throttles: float = 0.0
    rewinds: float = 0.0
    naps: float = 0.0


@dataclass(frozen=True, slots=True)
class Written:
    """What the user did, as an oracle remembers it."""

    at: int
    item: ItemId
    image: Image | None
    expired: bool


@dataclass
class Shard:
    """A shard, and how far the mapping has come in it. `parents` are delivered before it."""

    parents: list["Shard"] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    position: int = 0

    @property
    def is_done(self) -> bool:
        return self.position >= len(self.records)

    @property
    def may_be_read(self) -> bool:
        return all(parent.is_done and parent.may_be_read for parent in self.parents)


@dataclass
class LiveTable(MemoryTable):
    """A table that is in use while a page of it is read. Whoever asks learns an earlier time."""

    step: Callable[[], None] = lambda: None
    behind: Callable[[], int] = lambda: 0

    def scan(self, segment: int, total_segments: int, after: Image | None, limit: int) -> Page:
        as_of = self.now() - self.behind()
        page = super().scan(segment, total_segments, after, limit)
        read = []
        for image in page.items:
            self.step()
            now_there = self.get(item.keys_of(image, KEY_NAMES))
            read += [now_there] if now_there else []
        return Page(read, as_of, page.next_key, page.capacity_units)


@dataclass
class Tables:
    random: Random
    settings: Settings
    weather: Weather
    clock: int = BEGINNING
    sequence: int = 100
    streaming: bool = True
    written: list[Written] = field(default_factory=list)
    complete: list[list[int]] = field(default_factory=list)
    """From which second to which the archive knows everything. The last one goes on."""
    delivering: set[int] = field(default_factory=set)
    """Shards of which a batch is on its way."""

    def __post_init__(self) -> None:
        self.interleaver = Interleaver(self.random, self.weather.crashes, self.weather.throttles, self.weather.naps)
        self.store, self.objects = MemoryStore(), MemoryItemObjects()
        self.table = LiveTable(
            TABLE,
            DESCRIPTION,
            lambda: self.clock,
            step=self.interleaver.step,
            behind=lambda: self.random.randint(0, 2),
        )
        self.shards = [[Shard()], [Shard()]]
        self.keys = [
            {"pk": {"S": self.random.choice(("k", "k1", "k11"))}, "sk": {"N": self.random.choice(("1", "11", "111"))}}
            for _ in range(self.random.randint(1, 5))
        ]

    # The user

    def use(self, times: int) -> None:
        for _ in range(times):
            self.clock += self.random.choice((0, 0, 0, 1, 1, 3))
            self.interleaver.step()
            if self.random.random() < 0.05:
                self._split()
            self._change(self.random.choice(self.keys))

    def _change(self, keys: Image) -> None:
        one = item.item_id(keys)
        old = self.table.items.get(one)
        new = None if old and self.random.random() < 0.3 else self._image(keys)
        if new == old:
            return
        if new is None:
            del self.table.items[one]
        else:
            self.table.items[one] = new
        expired = new is None and self.random.random() < 0.3
        self.written.append(Written(self.clock, one, new, expired))
        if self.streaming:
            identity = {"userIdentity": dict(dynamodb.TIME_TO_LIVE)} if expired else {}
            shards = self.shards[int(one, 16) % 2]
            shards[-1].records.append(self._record(keys, old, new) | identity)

    def _image(self, keys: Image) -> Image:
        values: list[Any] = [
            {"N": "1" * self.random.randint(1, 38)},
            {"S": self.random.choice(("", "é\n", "x" * 9))},
            {"B": b64encode(self.random.randbytes(3)).decode()},
            {"SS": ["b", "a"]},
            {"M": {"": {"L": [{"NULL": True}, {"BOOL": False}]}}},
        ]
        owner = {"tenant": {"S": self.random.choice(TENANTS)}} if self.random.random() < 0.9 else {}
        return dict(keys) | owner | {"value": self.random.choice(values)}

    def _record(self, keys: Image, old: Image | None, new: Image | None) -> dict[str, Any]:
        self.sequence += self.random.randint(1, 900)
        told = {
            "Keys": dict(reversed(list(keys.items()))),
            "ApproximateCreationDateTime": self.clock,
            "SequenceNumber": str(self.sequence),
            **({"OldImage": old} if old else {}),
            **({"NewImage": new} if new else {}),
        }
        name = "REMOVE" if new is None else "MODIFY" if old else "INSERT"
        return {"eventName": name, "eventSourceARN": ARN, "dynamodb": told}

    def _split(self) -> None:
        shards = self.random.choice(self.shards)
        shards.append(Shard(parents=[shards[-1]]))

    def without_a_stream(self, changes: int) -> None:
        """Changes that nobody tells of."""
        self.streaming = False
        self.use(changes)
        self.clock += 1
        self.streaming = True

    def busy(self, backfill: str | None = None) -> None:
        """Everything at once. `backfill`: what is to be read of the table, so that from then on all is known."""
        tasks = [lambda: self.use(self.random.randint(3, 25)), *[lambda: self.deliver(12)] * 3]
        if backfill:
            tasks.append(lambda: self.backfill(backfill, 2))
        if self.random.random() < 0.5:
            tasks.append(lambda: self.sometime(lambda: self.backfill(f"for no reason {self.clock}", 3)))
        self.interleaver.run(tasks)
        if backfill:
            while (ended := self._ended(backfill)) is None:
                self.interleaver.run([lambda: self.backfill(backfill, 2), lambda: self.use(3), lambda: self.deliver(3)])
            self.complete.append([ended, ended])
        self.deliver_all()

    def sometime(self, task: Callable[[], None]) -> None:
        for _ in range(self.random.randint(0, 150)):
            self.interleaver.step()
        task()

    def _ended(self, run: str) -> int | None:
        return next((base.ended for base in self.view().archive.bases() if base.run == run), None)

    # The mapping, and the archive

    def layout(self) -> Layout:
        named = self.random.choice(("segment", "item")) if self.settings.mixed else self.settings.layout
        if named == "segment":
            return SegmentLayout()
        return ItemLayout(
            self.interleaver.port(self.objects),
            prefix="p",
            has_tenants=self.settings.tenants,
            plain_names=self.settings.plain_names,
            key_names=lambda _: KEY_NAMES,
            each=map,
            inline=self.random.choice((0, INLINE_BYTES)),
        )

    @property
    def tenant_column(self) -> str:
        return "tenant" if self.settings.tenants else ""

    def archive(self) -> Archive:
        return Archive(TABLE, self.interleaver.port(self.store))

    def deliver(self, times: int) -> None:
        """One shard's mapping: batches in order, again and again until they are stored."""
        for _ in range(times):
            self.interleaver.step()
            shards = [shard for line in self.shards for shard in line if shard.may_be_read and not shard.is_done]
            if shards:
                self._deliver(self.random.choice(shards))

    def _deliver(self, shard: Shard) -> None:
        begin = shard.position
        batch = shard.records[begin : begin + self.random.randint(1, MOST_TOGETHER)]
        shard.position = begin  # whoever else delivers of it now would not be Lambda
        with self._alone(shard) as is_alone:
            if not is_alone:
                return
            try:
                outcome = self.handle(deepcopy(batch))
            except Throttled:
                return
            failed = [n for n, record in enumerate(batch) if record["dynamodb"]["SequenceNumber"] in outcome.failed]
            shard.position = begin + min(failed, default=len(batch))
        if self.random.random() < self.weather.rewinds:
            shard.position = self.random.randint(0, shard.position)

    def _alone(self, shard: Shard) -> "_Alone":
        return _Alone(shard, self)

    def handle(self, records: list[dict[str, Any]]) -> run.Outcome:
        batch = dynamodb.from_lambda(json.loads(json.dumps({"Records": records})))
        archive = self.archive()
        return run.archive(
            batch,
            archive_of=lambda _: archive,
            layout=self.layout(),
            tenant_column=self.tenant_column,
            now=lambda: datetime.fromtimestamp(self.clock, UTC),
            log=lambda *_, **__: None,
        )

    def deliver_all(self) -> None:
        """Whatever is left, on a calm day."""
        while any(not shard.is_done for line in self.shards for shard in line):
            self.deliver(1)

    def backfill(self, run: str, parts: int) -> None:
        with suppress(Throttled):
            self._backfill(run, parts)

    def _backfill(self, run: str, parts: int) -> None:
        archive, table = self.archive(), self.interleaver.port(self.table)
        layout = self.layout()
        fill: Fill = no_objects
        if isinstance(layout, ItemLayout):
            fill = ItemFill(layout, self.tenant_column, _one_by_one)
        known = next((base for base in archive.bases() if base.run == run), None)
        backfill.backfill(
            known or backfill.begin(table, archive, run, parts),
            table=table,
            archive=archive,
            tenant_column=self.tenant_column,
            fill=fill,
            pace=Pace(None, lambda: 0.0, lambda _: None),
            limit=self.random.randint(1, 3),
            side=_one_by_one,
            progress=lambda _: None,
        )

    # What the archive has to know

    def state(self, at: int) -> dict[ItemId, Image]:
        """The oracle's."""
        items: dict[ItemId, Image] = {}
        for one in self.written:
            if one.at > at:
                break
            if one.image is None:
                items.pop(one.item, None)
            else:
                items[one.item] = one.image
        return items

    def view(self) -> View:
        return View(Archive(TABLE, self.store), self.objects, map)

    # Checks

    def check_moments(self) -> None:
        view = self.view()
        for at in self.moments():
            found = {one: view.image(change) for one, change in view.at(at).items.items()}
            assert found == self.state(at), f"at {at - BEGINNING} s"

    def check_history(self) -> None:
        """Every change of an item is told once, in its order."""
        if self.settings.was_there or self.settings.switched_off:
            return
        view = self.view()
        for keys in self.keys:
            one = item.item_id(keys)
            told = [
                (change.moment.at, view.image(change), change.cause is Cause.EXPIRY)
                for change in view.history(one)
                if change.cause is not Cause.READ
            ]
            assert told == [(w.at, w.image, w.expired) for w in self.written if w.item == one], f"history of {keys}"

    def check_objects(self) -> None:
        """Each item has one object, under its tenant, and what was removed has none."""
        if self.settings.layout == "segment" or self.settings.mixed or self.settings.switched_off:
            return
        found = [
            json.loads(newest.body or b"") for key in self.objects.versions if (newest := self.objects.newest(key))
        ]
        there = {item.item_id(item.keys_of(image, KEY_NAMES)): image for image in found}
        assert len(there) == len(found), "an item has objects under two tenants"
        assert there == self.table.items, "the newest versions are the table"

    def moments(self) -> Iterator[int]:
        """Every second of which the archive knows everything, and one behind the last."""
        for first, last in self.complete:
            yield from range(first, last + 1)


def _one_by_one[T, R](function: Callable[[T], R], items: Iterable[T]) -> Iterable[R]:
    return [function(one) for one in items]


@dataclass
class _Alone:
    """Lambda delivers one batch of a shard at a time."""

    shard: Shard
    tables: Tables

    def __enter__(self) -> bool:
        self.entered = id(self.shard) not in self.tables.delivering
        if self.entered:
            self.tables.delivering.add(id(self.shard))
        return self.entered

    def __exit__(self, *_: object) -> None:
        if self.entered:
            self.tables.delivering.discard(id(self.shard))


def a_world(random: Random) -> Tables:
    """Some settings, and some weather: a third of all histories have no fault."""
    settings = Settings(
        layout=random.choice(("segment", "item")),
        tenants=random.random() < 0.5,
        plain_names=random.random() < 0.5,
        mixed=random.random() < 0.3,
        was_there=random.random() < 0.5,
        switched_off=random.random() < 0.3,
    )
    if random.random() < 0.3:
        return Tables(random, settings, Weather(naps=random.choice((0.0, 0.1))))
    weather = Weather(
        crashes=random.choice((0.0, 0.02, 0.1)),
        throttles=random.choice((0.0, 0.05)),
        rewinds=random.choice((0.0, 0.1)),
        naps=random.choice((0.0, 0.1)),
    )
    return Tables(random, settings, weather)


def play(seed: int) -> int:
    """Returns how many moments were compared with the oracle."""
    world = played(seed)
    world.check_moments()
    world.check_history()
    world.check_objects()
    return len(list(world.moments()))


def played(seed: int) -> Tables:
    """A history up to its end, when all is archived."""
    world = a_world(Random(seed))
    if world.settings.was_there:
        world.without_a_stream(5)
        world.busy("first")
    else:
        world.complete.append([BEGINNING - 1, BEGINNING])
        world.busy()
    if world.settings.switched_off:
        world.clock += 1
        world.complete[-1][1] = world.clock - 1
        world.without_a_stream(8)
        world.busy("second")
    world.complete[-1][1] = world.clock + 1
    return world
