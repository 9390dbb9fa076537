"""What is done in a source bucket, and the events that tell of it."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import md5
from itertools import count, islice
from typing import Any
from uuid import UUID

from bench.notification import notification

BUCKET = "team-exports-2f6b1c9d"
BEGINNING = datetime(2026, 5, 1, tzinfo=UTC)
BETWEEN_EVENTS = timedelta(milliseconds=100)
SCHEDULE: Mapping[str, Any] = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}

type Event = Mapping[str, Any]


@dataclass(slots=True)
class Bucket:
    """A source bucket, and the clock that all share. Each change takes place when its event is asked for."""

    client: Any
    now: datetime = BEGINNING
    live: list[str] = field(default_factory=list)
    """Keys, what was left alone for the longest first."""
    chance: random.Random = field(default_factory=lambda: random.Random(20260501))
    sequence: Iterator[int] = field(default_factory=lambda: count(1))

    def create(self) -> Event:
        number = next(self.sequence)
        return self._put(
            f"exports/2026/05/01/part-{number:05d}-{UUID(int=self.chance.getrandbits(128))}.snappy.parquet"
        )

    def overwrite(self) -> Event:
        return self._put(self.live.pop(0))

    def delete(self) -> Event:
        key = self.live.pop(0)
        self.client.delete_object(Bucket=BUCKET, Key=key)
        return self._event("ObjectRemoved:Delete", {"key": key})

    def _put(self, key: str) -> Event:
        body = str(next(self.sequence)).encode()
        self.client.put_object(Bucket=BUCKET, Key=key, Body=body)
        self.live.append(key)
        etag = md5(body, usedforsecurity=False).hexdigest()
        return self._event("ObjectCreated:Put", {"key": key, "size": len(body), "eTag": etag})

    def _event(self, kind: str, entity: Mapping[str, Any]) -> Event:
        self.now += BETWEEN_EVENTS
        return notification(BUCKET, kind, self.now, {**entity, "sequencer": f"0066{next(self.sequence):012X}"})


@dataclass(frozen=True, slots=True)
class Phase:
    """Events of one function, each made when it is asked for; the first of them so long after what was before."""

    function: str
    events: Callable[[Bucket], Iterator[Event]]
    after: timedelta = timedelta()


def changes(change: Callable[[Bucket], Event], times: int) -> Phase:
    return Phase("objects_replicate", lambda bucket: (change(bucket) for _ in range(times)))


def mixed(events: int) -> Phase:
    """60 % new, 25 % overwritten, 15 % deleted."""

    def of(bucket: Bucket) -> Iterator[Event]:
        while True:
            yield bucket.chance.choices([Bucket.create, Bucket.overwrite, Bucket.delete], [60, 25, 15])[0](bucket)

    return Phase("objects_replicate", lambda bucket: islice(of(bucket), events))


def twice(times: int) -> tuple[Phase, Phase]:
    """So many creations, and the same events once more."""
    told: list[Event] = []

    def first(bucket: Bucket) -> Iterator[Event]:
        told.clear()
        for _ in range(times):
            told.append(bucket.create())
            yield told[-1]

    return Phase("objects_replicate", first), Phase("objects_replicate", lambda _: iter(told))


def cleaning() -> Phase:
    """One run, once everything disowned is due."""
    return Phase("objects_clean", lambda _: iter([SCHEDULE]), after=timedelta(days=2))


@dataclass(frozen=True, slots=True)
class Story:
    """What is counted, by so many events, and what has to be there before."""

    name: str
    events: int
    before: tuple[Phase, ...]
    counted: tuple[Phase, ...]


MIXED = "mixed"
"""60 % new, 25 % overwritten, 15 % deleted, and what was deleted is cleaned."""


def stories(events: int) -> list[Story]:
    """What can become of an object, so many times each, and a mixture of it."""
    create, overwrite, delete = (changes(change, events) for change in (Bucket.create, Bucket.overwrite, Bucket.delete))
    thrice = (create, overwrite, overwrite)
    first, again = twice(events)
    return [
        Story("a new object", events, (), (create,)),
        Story("an overwrite, up to three copies", events, (create,), (overwrite,)),
        Story("an overwrite that evicts a copy", events, thrice, (overwrite,)),
        Story("a delete, one copy", events, (create,), (delete,)),
        Story("a delete, three copies", events, thrice, (delete,)),
        Story("a copy that is cleaned", events, (create, delete), (cleaning(),)),
        Story("an event that comes again", events, (first,), (again,)),
        Story(MIXED, events, (create,), (mixed(events), cleaning())),
    ]
