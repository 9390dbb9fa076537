"""The archive of one table: its segments, bases, descriptions and gaps, as documents in its folder."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from holdfast.tables import segment as segments
from holdfast.tables.model import Base, Change, Description, Gap, Segment
from holdfast.tables.ports import NotStored, Store

DESCRIPTIONS = "descriptions/"
GAPS = "gaps/"
REJECTED = "rejected/"
STATES = "backfills/"

_DAY = 86400


@dataclass(frozen=True, slots=True)
class Archive:
    """What is kept of one table."""

    table: str
    store: Store

    # Segments

    def write(self, changes: Sequence[Change], *, shard: str | None = None, base: str | None = None) -> Segment:
        """Store some changes, one at least, together."""
        segment, body = segments.encode(self.table, changes, shard=shard, base=base)
        self.store.write(segment.name, body)
        return segment

    def segments(self, since: int, until: int) -> list[Segment]:
        """Those of the stream that may hold changes of these Unix seconds, both included.

        A batch spans a day at most, as long as a stream keeps records; so what began two days before is over.
        """
        first = datetime.fromtimestamp(max(since - 2 * _DAY, 0), UTC)
        changes = self.store.names(segments.CHANGES, f"{segments.CHANGES}{first:%Y/%m/%d}")
        last = f"{segments.CHANGES}{datetime.fromtimestamp(until, UTC):%Y/%m/%d}/~"
        named = map(segments.of_name, _until(changes, last))
        return list(segments.overlapping(filter(None, named), since, until))

    def base_segments(self, run: str | None = None) -> list[Segment]:
        """Those of a backfill, of all of them for None."""
        named = self.store.names(f"{segments.BASES}{run}/" if run else segments.BASES)
        return list(filter(None, map(segments.of_name, named)))

    def changes(self, segment: Segment) -> Iterator[Change]:
        """Raises Unreadable, NotStored."""
        return segments.decode(segment, self.store.read(segment.name))

    # Bases

    def save_base(self, base: Base) -> None:
        told = asdict(base) | {"done": {str(number): last for number, last in base.done.items()}}
        self.store.write(f"{STATES}{base.run}.json", _json(told))

    def bases(self) -> list[Base]:
        """All backfills, the oldest first."""
        return sorted(map(self._base, self.store.names(STATES)), key=lambda base: base.began)

    def _base(self, name: str) -> Base:
        told = json.loads(self.store.read(name))
        return Base(**told | {"done": {int(number): last for number, last in told["done"].items()}})

    @property
    def is_begun(self) -> bool:
        """Whether anything of the table was ever archived."""
        names = (next(self.store.names(where), None) for where in (segments.CHANGES, segments.BASES))
        return any(names)

    # What the table is like

    def save_description(self, description: Description) -> None:
        self.store.write(f"{DESCRIPTIONS}{_stamp(description.taken_at)}.json", _json(asdict(description)))

    def description(self, at: int | None = None) -> Description | None:
        """The newest one at a moment, in Unix seconds; of none so old, the oldest."""
        names = list(self.store.names(DESCRIPTIONS))
        if not names:
            return None
        old_enough = [name for name in names if at is None or name <= f"{DESCRIPTIONS}{_stamp(at)}.json"]
        told = json.loads(self.store.read(old_enough[-1] if old_enough else names[0]))
        return Description(told["taken_at"], told["table"], told["time_to_live"], tuple(told["tags"]))

    # What went wrong

    def save_gap(self, name: str, gap: Gap) -> None:
        """`name`: the same for the same gap."""
        self.store.write(f"{GAPS}{name}.json", _json(asdict(gap)))

    def gap(self, name: str) -> Gap | None:
        try:
            return Gap(**json.loads(self.store.read(f"{GAPS}{name}.json")))
        except NotStored:
            return None

    def gaps(self) -> list[Gap]:
        """Those that are of something."""
        noted = (Gap(**json.loads(self.store.read(name))) for name in self.store.names(GAPS))
        return [gap for gap in noted if gap.records != 0]

    def reject(self, sequence: str, raw: Mapping[str, Any]) -> None:
        """Keep a record that cannot be read, as it came: longer than the stream does."""
        self.store.write(f"{REJECTED}{sequence or 'unknown'}.json", _json(raw))

    def rejected_between(self, first: int, last: int) -> Iterator[Mapping[str, Any]]:
        """The records of these sequence numbers, both included, that were kept as they came."""
        for name in self.store.names(REJECTED):
            sequence = name.removeprefix(REJECTED).removesuffix(".json")
            if sequence.isdecimal() and first <= int(sequence) <= last:
                yield json.loads(self.store.read(name))

    def rejected(self, sequence: str) -> Mapping[str, Any] | None:
        try:
            told: Mapping[str, Any] = json.loads(self.store.read(f"{REJECTED}{sequence}.json"))
        except NotStored:
            return None
        return told


def _until(names: Iterator[str], last: str) -> Iterator[str]:
    for name in names:
        if name > last:
            return
        yield name


def _stamp(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}"


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, default=str).encode()
