"""Proof: the archive of a table compared with the table, item by item; what it will miss soon, and what for good.

Both are in use meanwhile, and the archive is always a little behind. So what seems to differ is looked at again later:
what has changed, or is still in the stream, is on its way, and no difference.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import md5
from itertools import islice
from random import Random
from typing import NewType

from holdfast.events import dynamodb
from holdfast.ports import Clock, Each, Log
from holdfast.tables import item, plan
from holdfast.tables.archive import Archive
from holdfast.tables.backfill import Pace, default_rate, page_limit
from holdfast.tables.descriptions import describe
from holdfast.tables.model import Change, Description, Gap, Image, ItemId
from holdfast.tables.ports import LiveTable, NotStored, Stream, Trimmed
from holdfast.tables.view import FOR_EVER, Altered, View

type StreamOf = Callable[[str], Stream]
"""The stream of an ARN."""

RETENTION_SECONDS = 86400
"""How long a stream keeps a record."""

CATCH_UP_SECONDS = 30
"""How long the archive gets to catch up between both looks."""

GRACE_SECONDS = 900
"""How old a record is before it is missed in the archive."""

OLDEST = 100
"""How many of the oldest records of each shard are looked at."""

CONFIRMED = 10_000
"""How many items that seem to differ are looked at again. Where there are more, something is wrong in any case."""

EXPLAINED = 20_000
"""How many records of each shard are searched for those that explain a difference."""

PARTS = 64
MOST_PARTS = 1_000_000
"""Into how many parts a table is divided, and into how many to take a small sample of a large one."""

SAMPLE_SCANS = 256
"""How many parts a sample is taken from at most."""

TOGETHER = 50_000
"""How many items of an archive are in memory at most."""

Mark = NewType("Mark", bytes)
"""The MD5 of an item's canonical form: enough to compare by."""

UNREADABLE = Mark(b"")


class Kind(StrEnum):
    MISSING = "is not in the archive"
    GONE = "is in the archive, but not in the table"
    DIFFERS = "differs"
    UNREADABLE = "cannot be read from the archive"


@dataclass(frozen=True, slots=True)
class Difference:
    """An item that the archive does not have as the table has it, though nothing about it is on its way.

    `attributes`: those that differ. `archived_at`: Unix seconds of its newest change in the archive, if it has any.
    """

    keys: Image
    kind: Kind
    attributes: tuple[str, ...] = ()
    archived_at: int | None = None


@dataclass(frozen=True, slots=True)
class Unarchived:
    """Records that a shard still holds, and the archive does not have. Times are Unix seconds."""

    shard: str
    records: int
    oldest_at: int

    @property
    def lost_at(self) -> int:
        return self.oldest_at + RETENTION_SECONDS


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison found. `live`, `archived`: how many items each has, if all were compared. `on_their_way`: items
    that seemed to differ. `unconfirmed`: those that seem to, and were not looked at again. `gaps`: those that touch the
    present state. `explained`: whether the stream was searched through for what seemed to differ."""

    compared: int
    live: int | None
    archived: int | None
    differences: Sequence[Difference]
    on_their_way: int
    unarchived: Sequence[Unarchived]
    gaps: Sequence[Gap]
    complete_since: int | None
    explained: bool = True
    unconfirmed: int = 0

    @property
    def is_clean(self) -> bool:
        return not (self.differences or self.unconfirmed or self.unarchived or self.gaps)


class NoTime(Exception):
    """The time was over before all was compared. `unarchived`: what was found nevertheless."""

    unarchived: Sequence[Unarchived] = ()


class NotChecked(Exception):
    """A table could not be checked."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An item as the table had it; without a mark, it was not there. `as_of`: Unix seconds by DynamoDB's clock, no
    later than the look at it."""

    keys: Image
    mark: Mark | None
    as_of: int


# Decisions


def mark(image: Image) -> Mark:
    return Mark(md5(item.canonical(image).encode(), usedforsecurity=False).digest())


def difference(keys: Image, live: Image | None, archived: Image | None, change: Change | None) -> Difference | None:
    """How an item of the archive differs from the table's. `change`: its newest one in the archive."""
    at = change.moment.at if change else None
    if live is None and archived is None:
        return None
    if live is None:
        return Difference(keys, Kind.GONE, archived_at=at)
    if archived is None:
        return Difference(keys, Kind.MISSING, archived_at=at)
    both = {name: (live.get(name), archived.get(name)) for name in sorted({*live, *archived})}
    differing = tuple(name for name, (one, other) in both.items() if not _alike(one, other))
    return Difference(keys, Kind.DIFFERS, differing, at) if differing else None


def _alike(one: object, other: object) -> bool:
    if one is None or other is None or one == other:
        return one == other
    return item.is_same({"": one}, {"": other})  # type: ignore[dict-item]


def is_on_its_way(first: Seen, second: Mark | None, change: Change | None) -> bool:
    """Whether an item changed between both looks; or the archive has a change of it that may be newer than the first
    look, and will have the rest soon. `change`: its newest one in the archive, after the first look."""
    return second != first.mark or (change is not None and change.moment.at >= first.as_of)


def gap_of(differences: Sequence[Difference], since: int | None, now: int) -> Gap:
    """What was lost, by what differs now: changes behind the newest ones that are archived of these items. `since`:
    from when on the archive holds every item."""
    known = [since if one.archived_at is None else one.archived_at for one in differences]
    first = None if None in known else min(at for at in known if at is not None)
    why = "the table differs from its archive, and its stream does not hold what would explain it"
    return Gap(first, now, why, records=len(differences))


def widened(gap: Gap, known: Gap | None) -> Gap:
    """A gap that was found again, perhaps of other items."""
    if known is None:
        return gap
    firsts = (known.first_at, gap.first_at)
    first = None if None in firsts else min(at for at in firsts if at is not None)
    return replace(gap, first_at=first, records=max(gap.records or 0, known.records or 0))


def share(number: int, of: int) -> Callable[[ItemId], bool]:
    """One of so many shares of all items."""
    return lambda one: int(one[:8], 16) % of == number


# Comparing


@dataclass(frozen=True, slots=True)
class Subject:
    """A table and its archive."""

    table: LiveTable
    view: View

    @property
    def archive(self) -> Archive:
        return self.view.archive


@dataclass(frozen=True, slots=True)
class Checker:
    """Compares tables with their archives. `time_left`: whether to go on. `rate`: how many capacity units a second may
    be read; None for a quarter of what is provisioned."""

    stream_of: StreamOf
    each: Each
    now: Clock
    sleep: Callable[[float], None]
    random: Random
    time_left: Callable[[], bool] = lambda: True
    rate: float | None = None
    progress: Callable[[int], None] = lambda _: None

    def compare(self, subject: Subject, sample: int | None = None) -> Comparison:
        """Compare all items, or about so many of them, taken at random. Raises TableMissing, NoTime."""
        archive, view = subject.archive, self._while_there_is_time(subject.view)
        description = subject.table.describe(int(self.now().timestamp()))
        stream = self._stream(description)
        look = _Look(self, subject.table, view, description, as_of=subject.table.scan(0, 1, None, 1).as_of)
        unarchived = list(self.unarchived(archive, stream)) if stream else []
        try:
            first = look.all() if sample is None else look.some(sample)
            suspects = dict(islice(first.suspects.items(), CONFIRMED))
            differences, on_their_way, explained = look.confirm(suspects, stream)
        except NoTime as error:
            error.unarchived = unarchived
            raise
        ground = view.ground(FOR_EVER)
        return Comparison(
            compared=first.compared,
            live=first.live,
            archived=first.archived,
            differences=differences,
            on_their_way=on_their_way,
            unarchived=unarchived,
            gaps=ground.gaps,
            complete_since=ground.complete_since,
            explained=explained,
            unconfirmed=len(first.suspects) - len(suspects),
        )

    def _stream(self, description: Description) -> Stream | None:
        return self.stream_of(description.table["LatestStreamArn"]) if description.has_stream else None

    def _while_there_is_time(self, view: View) -> View:
        def together[T, R](read: Callable[[T], R], some: Iterable[T], /) -> Iterable[R]:
            self.check_time()
            return view.together(read, some)

        return replace(view, together=together)

    def check_time(self) -> None:
        """Raises NoTime."""
        if not self.time_left():
            raise NoTime("the time was over before all was compared")

    def unarchived(self, archive: Archive, stream: Stream) -> Iterator[Unarchived]:
        """Of each shard's oldest records those that the archive does not have, and should. What it keeps as unreadable
        is left out: that waits to be redriven, and is not lost with the stream."""
        before = int(self.now().timestamp()) - GRACE_SECONDS
        for shard in stream.shards():
            try:
                raw = stream.oldest(shard.shard_id, OLDEST)
            except Trimmed:
                continue
            records = dynamodb.batch(archive.table, stream.arn, raw, shard.shard_id).records
            due = [record for record in records if record.at <= before]
            known = _archived(archive, due)
            missing = [record for record in due if record.sequence not in known]
            if missing:
                yield Unarchived(shard.shard_id, len(missing), min(record.at for record in missing))


def _archived(archive: Archive, records: Sequence[dynamodb.StreamRecord]) -> set[int]:
    """The sequence numbers of changes that the archive has of the seconds of these records."""
    if not records:
        return set()
    since, until = min(record.at for record in records), max(record.at for record in records)
    return {change.moment.sequence for segment in archive.segments(since, until) for change in archive.changes(segment)}


def _shares(items: int) -> Iterator[Callable[[ItemId], bool]]:
    """As few shares of so many items as fit into memory one by one."""
    shares = 1 + items // TOGETHER
    return (share(number, shares) for number in range(shares))


def _both(
    mine: Callable[[ItemId], bool], one: Callable[[ItemId], bool], other: Callable[[ItemId], bool]
) -> Callable[[ItemId], bool]:
    """What is mine of two."""
    return lambda item: mine(item) and (one(item) or other(item))


@dataclass(frozen=True, slots=True)
class _First:
    """What the first look found. `suspects`: what seems to differ."""

    suspects: dict[ItemId, Seen]
    compared: int
    live: int | None = None
    archived: int | None = None


@dataclass(frozen=True, slots=True)
class _Look:
    """One comparison. `as_of`: Unix seconds by DynamoDB's clock, from before it."""

    checker: Checker
    table: LiveTable
    view: View
    description: Description
    as_of: int

    # The first look

    def all(self) -> _First:
        """Of every item: first of the table's, then of the archive's."""
        pace = self._pace()
        parts = self.checker.each(lambda number: dict(self._part(number, PARTS, pace)), range(PARTS))
        live = {one: seen for part in parts for one, seen in part.items()}
        suspects: dict[ItemId, Seen] = {}
        gone = archived = 0
        for mine in _shares(len(live)):
            kept = self.view.at(FOR_EVER, mine).items
            seen = {one: found for one, found in live.items() if mine(one)}
            not_seen = {one: Seen(kept[one].keys, None, self.as_of) for one in kept if one not in live}
            suspects |= self._differing(seen | not_seen, kept)
            gone += len(not_seen)
            archived += len(kept)
        return _First(suspects, len(live) + gone, len(live), archived)

    def some(self, wanted: int) -> _First:
        """Of some items of the table, and some of the archive's."""
        live = self._sample(wanted)
        at_random = self._random_share(wanted, len(live))
        shares = list(_shares(2 * wanted))
        suspects: dict[ItemId, Seen] = {}
        compared = 0
        for mine in shares:
            kept = self.view.at(FOR_EVER, _both(mine, live.__contains__, at_random)).items
            others = [one for one in kept if one not in live]
            others = self.checker.random.sample(others, min(-(-wanted // len(shares)), len(others)))
            seen = {one: found for one, found in live.items() if mine(one)}
            seen |= self._looked_up([kept[one] for one in others])
            suspects |= self._differing(seen, {one: kept[one] for one in kept if one in seen})
            compared += len(seen)
        return _First(suspects, compared)

    def _looked_up(self, others: Sequence[Change]) -> dict[ItemId, Seen]:
        """Items of the archive, as the table has them."""
        there = self.checker.each(lambda change: self._live(change.keys), others)
        return {
            change.item: Seen(change.keys, mark(image) if image else None, self.as_of)
            for change, image in zip(others, there, strict=True)
        }

    def _sample(self, wanted: int) -> dict[ItemId, Seen]:
        """Items of parts of the table that are taken at random."""
        count, pace = int(self.description.table.get("ItemCount", 0)), self._pace()
        parts = min(MOST_PARTS, max(PARTS, count * 8 // wanted))
        found: dict[ItemId, Seen] = {}
        for number in self.checker.random.sample(range(parts), min(parts, SAMPLE_SCANS)):
            for one, seen in self._part(number, parts, pace):
                found[one] = seen
                if len(found) >= wanted:
                    return found
        return found

    def _random_share(self, wanted: int, found: int) -> Callable[[ItemId], bool]:
        """About so many of the archive's items."""
        count = max(found, int(self.description.table.get("ItemCount", 0)), self._archived())
        every = max(1, count // wanted)
        mine = self.checker.random.randrange(every)
        # By other digits than those by which the items are shared out.
        return lambda one: int(one[8:16], 16) % every == mine

    def _archived(self) -> int:
        """About how many items the archive has: those of its backfill, or all that it was ever told."""
        base = self.view.ground(FOR_EVER).base
        if base:
            return base.items
        return sum(segment.count for segment in self.view.archive.segments(0, FOR_EVER))

    def _pace(self) -> Pace:
        rate = default_rate(self.description) if self.checker.rate is None else self.checker.rate
        return Pace(rate, lambda: self.checker.now().timestamp(), self.checker.sleep)

    def _part(self, number: int, parts: int, pace: Pace) -> Iterator[tuple[ItemId, Seen]]:
        limit = page_limit(self.description, pace.rate, parts)
        after, more = None, True
        while more:
            self.checker.check_time()
            page = self.table.scan(number, parts, after, limit)
            for image in page.items:
                keys = item.keys_of(image, self.description.key_names)
                yield item.item_id(keys), Seen(keys, mark(image), page.as_of)
            self.checker.progress(len(page.items))
            pace.wait(page.capacity_units)
            after = page.next_key
            more = after is not None

    def _live(self, keys: Image) -> Image | None:
        self.checker.check_time()
        return self.table.get(keys)

    def _differing(self, seen: Mapping[ItemId, Seen], kept: Mapping[ItemId, Change]) -> dict[ItemId, Seen]:
        marks = dict(zip(kept, self.checker.each(self._mark, kept.values()), strict=True))
        return {one: found for one, found in seen.items() if marks.get(one) != found.mark}

    def _mark(self, change: Change) -> Mark:
        try:
            image = self.view.proven(change)
        except (NotStored, Altered):
            return UNREADABLE
        return mark(image or {})

    # The second look

    def confirm(self, suspects: Mapping[ItemId, Seen], stream: Stream | None) -> tuple[list[Difference], int, bool]:
        """Which of them differ indeed, how many are on their way, and whether the stream was searched through."""
        if not suspects:
            return [], 0, True
        self.checker.sleep(CATCH_UP_SECONDS)
        newest = self.view.newest(suspects.__contains__)
        pairs = [(seen, newest.get(one)) for one, seen in suspects.items()]
        judged = self.checker.each(lambda pair: self._judge(*pair), pairs)
        found = {one: verdict for one, verdict in zip(suspects, judged, strict=True) if verdict}
        awaited, explained = self._awaited(found, stream)
        left = [verdict for one, verdict in found.items() if one not in awaited]
        return left, len(suspects) - len(left), explained

    def _judge(self, first: Seen, change: Change | None) -> Difference | None:
        """How an item differs now, unless that is on its way."""
        live = self._live(first.keys)
        try:
            archived = self.view.proven(change) if change else None
        except (NotStored, Altered):
            return Difference(first.keys, Kind.UNREADABLE, archived_at=change.moment.at if change else None)
        if is_on_its_way(first, mark(live) if live else None, change):
            return None
        return difference(first.keys, live, archived, change)

    def _awaited(self, found: Mapping[ItemId, Difference], stream: Stream | None) -> tuple[set[ItemId], bool]:
        """Of which items the stream holds a change that is newer than all that is archived of them; and whether it was
        searched through."""
        if not found or stream is None:
            return set(), True
        awaited: set[ItemId] = set()
        through = True
        newest = self.view.newest(found.__contains__)
        for shard in stream.shards():
            try:
                raw = stream.oldest(shard.shard_id, EXPLAINED)
            except Trimmed:
                continue
            through &= len(raw) < EXPLAINED
            for record in dynamodb.batch(self.table.name, stream.arn, raw, shard.shard_id).records:
                change = plan.archived(record, "").change
                known = newest.get(change.item)
                if change.item in found and (known is None or known.moment < change.moment):
                    awaited.add(change.item)
        return awaited, through


# Every day


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of a table found: numbers. `failure`: why it could not be checked."""

    compared: int = 0
    differences: int = 0
    unarchived: int = 0
    gaps: int = 0
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Checks:
    """What was found of each table, and what kept some from being checked."""

    tables: Mapping[str, Checked]
    failures: tuple[Exception, ...] = ()

    def raise_failures(self) -> None:
        if self.failures:
            raise ExceptionGroup(f"{len(self.failures)} tables are not checked", self.failures)


def check_all(
    tables: Sequence[str],
    *,
    subject_of: Callable[[str], Subject],
    stream_of: StreamOf,
    sample: int,
    each: Each,
    now: Clock,
    sleep: Callable[[float], None],
    random: Random,
    log: Log,
    time_left: Callable[[], bool],
) -> Checks:
    """Save what each table is like, and compare about `sample` items of it with its archive. One that fails does not
    keep the others from being checked; nor does one that takes all the time, every day: their order is random."""
    checker = Checker(stream_of, each, now, sleep, random, time_left)
    found: dict[str, Checked] = {}
    failures: list[Exception] = []
    for name in random.sample(tables, len(tables)):
        try:
            found[name] = _checked(subject_of(name), checker, sample, log)
        except Exception as error:
            log("not checked", table=name, error=repr(error))
            soon_lost = error.unarchived if isinstance(error, NoTime) else ()
            _tell_unarchived(name, soon_lost, log)
            unarchived = sum(one.records for one in soon_lost)
            found[name] = Checked(unarchived=unarchived, failure=str(error) or repr(error))
            failures.append(error)
    return Checks({name: found[name] for name in tables}, tuple(failures))


def _checked(subject: Subject, checker: Checker, sample: int, log: Log) -> Checked:
    now = int(checker.now().timestamp())
    if subject.archive.is_begun:  # else a description would say that it was archived from then on
        describe(subject.archive, subject.table, now)
    compared = checker.compare(subject, sample)
    tell(subject.archive.table, compared, log)
    save_gap(subject.archive, compared, now)
    return Checked(
        compared=compared.compared,
        differences=len(compared.differences),
        unarchived=sum(one.records for one in compared.unarchived),
        gaps=len(compared.gaps),
    )


def tell(table: str, compared: Comparison, log: Log) -> None:
    """Name everything that was found, a line each."""
    for one in compared.differences:
        log("differs", table=table, keys=dict(one.keys), how=one.kind, attributes=list(one.attributes))
    _tell_unarchived(table, compared.unarchived, log)
    for gap in compared.gaps:
        log("gap", table=table, first_at=gap.first_at, last_at=gap.last_at, why=gap.why)


def _tell_unarchived(table: str, unarchived: Sequence[Unarchived], log: Log) -> None:
    for some in unarchived:
        log("not archived", table=table, shard=some.shard, records=some.records, lost_at=some.lost_at)


def save_gap(archive: Archive, compared: Comparison, now: int) -> Gap | None:
    """Note that changes are lost, if something differs that nothing is going to mend: one gap for each backfill that
    the archive builds on, which the next one closes. An archive that is not complete yet lacks more than its gaps."""
    if not compared.differences or not compared.explained or compared.complete_since is None:
        return None
    base = plan.base_for(archive.bases(), now)
    name = f"check-{base.run if base else 'creation'}"
    gap = gap_of(compared.differences, base.began if base else compared.complete_since, now)
    gap = widened(gap, archive.gap(name))
    archive.save_gap(name, gap)
    return gap
