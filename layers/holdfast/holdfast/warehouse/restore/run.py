"""Restore Delta tables: plan, thaw, copy, verify. Each step goes on where an earlier one was ended."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast import prices
from holdfast.warehouse import database
from holdfast.warehouse.database import files, utc
from holdfast.warehouse.datasets import load_listing
from holdfast.warehouse.delta.relocate import Root
from holdfast.warehouse.model import Listed, Source, Tally, kind_of
from holdfast.warehouse.naming import KEY_LIMIT
from holdfast.warehouse.ports import Access, Bucket, Copier, SourceChanged, SourceGone, SourceUnreadable, Vault
from holdfast.warehouse.queries import text
from holdfast.warehouse.restore import plan as planning
from holdfast.warehouse.restore.closure import DATA, KEYSTONES, Closures, Gathering
from holdfast.warehouse.restore.model import (
    Archived,
    Candidate,
    Chosen,
    CopyFailed,
    Differs,
    KeyTooLong,
    LeftOut,
    NotRestorable,
    Occupied,
    Plan,
    Proof,
    Thaw,
    Wanted,
    objects,
    some,
)
from holdfast.warehouse.restore.opened import CannotOpen, DeltaReader, rows_in
from holdfast.warehouse.restore.plan import To
from holdfast.warehouse.run import Warehouse
from holdfast.warehouse.runs import recorded, sources_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CHUNK = 1_000
"""Objects that are dealt with together."""

ASKED = 10_000
"""Frozen objects of which is noted together what became of them: each note takes the database a twentieth of a second
where there are a million."""

LOOKED_AT = 10_000
"""Up to so many frozen objects are asked, for the plan, whether they thaw already."""

NAMED = 5

type Advance = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Destination:
    """Where tables are restored to. `md5`: whether an ETag there, and in the backup, is the MD5 of what was written at
    once, as it is without keys of KMS."""

    to: To
    bucket: Bucket
    copier: Copier
    reader: DeltaReader
    md5: bool = True


_SAME = """there.size = objects.size
    AND (objects.expected IS NULL OR contains(there.etag, '-') OR there.etag = objects.expected)"""
"""Whether what is at a destination is what a restore puts there. ETags of what was written in parts tell nothing."""

_OBJECTS = f"""
CREATE TABLE objects AS
SELECT DISTINCT ON (to_key) phase, to_key, size, copy_key, copy_etag, copy_size, stored_at, storage_class, local,
    CASE
        WHEN NOT $md5 THEN NULL
        WHEN local IS NOT NULL THEN CASE WHEN size < {planning.SINGLE_UPLOAD} THEN md5 END
        WHEN size <= {planning.SINGLE_COPY} AND NOT contains(copy_etag, '-') THEN copy_etag
    END AS expected
FROM closure ORDER BY to_key, root
"""
_OTHERS = f"""
SELECT key FROM there
WHERE NOT (ends_with(key, '/') AND size = 0)
  AND NOT EXISTS (FROM objects WHERE objects.to_key = there.key AND {_SAME})
ORDER BY key
"""
"""Consoles make an empty object where somebody makes a folder."""

_PENDING = """
CREATE TABLE pending AS SELECT objects.* FROM objects ANTI JOIN there ON there.key = objects.to_key
"""
_ASLEEP = """
CREATE TABLE asleep AS
SELECT copy_key, storage_class, copy_size AS size, NULL::VARCHAR AS state FROM pending
WHERE local IS NULL AND list_contains($classes, storage_class)
"""
"""What is frozen, thaws, or did so. `state`: NULL until it was looked at."""

_ABSENT = f"""
SELECT to_key FROM objects
WHERE NOT EXISTS (FROM there WHERE there.key = objects.to_key AND {_SAME})
ORDER BY to_key
"""
_DIGEST = "lpad(to_hex(coalesce(bit_xor(md5_number(key || ' ' || size)), 0::UHUGEINT)), 32, '0')"
"""Of a set of files, in whatever order."""

_OPENED = f"""
SELECT count(*), {_DIGEST} FROM (
    SELECT size_bytes AS size, CASE
        WHEN starts_with(path, $bucket) THEN coalesce(TRY(url_decode(replace(path[length($bucket) + 1:], '+', '%2B'))),
            path[length($bucket) + 1:])
        ELSE $root || coalesce(TRY(url_decode(replace(path, '+', '%2B'))), path) END AS key
    FROM opened)
"""


@contextmanager
def planned(
    warehouse: Warehouse, name: str, wanted: Wanted, destination: Destination, vault: Vault, thaw: Thaw
) -> Iterator[tuple[Plan, "Restoring"]]:
    """What it would take to restore a database, or a table; and the means to do it.

    Raises DatabaseUnknown, NameAmbiguous, BadDestination, NotRestorable, TierMissing, KeyTooLong, Occupied.
    """
    to = destination.to
    to.check(warehouse.backup.name, warehouse.names.prefix)
    bucket, prefix = planning.place(sources_of(warehouse, name), name)
    found = [(one.item, one.below(prefix)) for one in recorded(warehouse)]
    candidates, dropped = planning.candidates(found, bucket, prefix)
    if isinstance(wanted, int) and len(candidates) > 1:
        raise NotRestorable(f"{name!r} has {len(candidates):,} tables, each with versions of its own: name one of them")
    root = Root(bucket, prefix, to.bucket, to.prefix)
    with warehouse.scratch.open() as folder, database.connect(warehouse.scratch, folder) as connection:
        closures = Gathering(warehouse, wanted, root, dropped, folder).gather(candidates)
        if not closures.tables:
            raise NotRestorable(_why_none(closures.left_out, candidates))
        restoring = Restoring(connection, warehouse, root, destination, vault, thaw, closures, folder)
        restoring.prepare()
        yield restoring.plan(name, to.within({item.source: None for item, _ in found})), restoring


def _why_none(left_out: Sequence[LeftOut], candidates: Mapping[str, Sequence[Candidate]]) -> str:
    if len(left_out) > 1:
        told = "; ".join(f"{one.root.rstrip('/')!r}: {one.reason}" for one in left_out)
        return f"none of the tables can be restored. {told}"
    (one,) = left_out
    versions = sorted({told.version for told in candidates[one.root] if told.version is not None})
    had = f". Runs found these versions to be restorable: {', '.join(map(str, versions))}" if versions else ""
    return f"{one.root.rstrip('/')!r}: {one.reason}{had}"


@dataclass(frozen=True, slots=True)
class Restoring:
    """A restore, step by step. `root`: what is restored, and where it lies then."""

    connection: "DuckDBPyConnection"
    warehouse: Warehouse
    root: Root
    destination: Destination
    vault: Vault
    thaw: Thaw
    closures: Closures
    folder: Path

    # The plan

    def prepare(self) -> None:
        """Compare what is to be restored with what is there. Raises KeyTooLong, Occupied, TierMissing."""
        self.connection.execute(f"CREATE VIEW closure AS FROM read_parquet({files(self.closures.objects)})")
        self.connection.execute(_OBJECTS, {"md5": self.destination.md5})
        self._refuse_long_keys()
        self._look_at_the_destination()
        self._refuse_others()
        self.connection.execute(_PENDING)
        self.connection.execute(_ASLEEP, {"classes": list(planning.ARCHIVES)})
        for (storage_class,) in self._rows("SELECT DISTINCT storage_class FROM asleep ORDER BY ALL"):
            planning.check_tier(storage_class, self.thaw.tier)

    def plan(self, name: str, within: Source | None) -> Plan:
        if self._tally("asleep").objects <= LOOKED_AT:
            self.look()
        slow = "SELECT storage_class, count(*), sum(size)::BIGINT FROM pending WHERE list_contains(?, storage_class)"
        rates = list(prices.prices()["s3"]["retrieval_gb"])
        return Plan(
            name=name,
            to=str(self.destination.to),
            tables=self.closures.tables,
            left_out=self.closures.left_out,
            copies=self._tally("pending"),
            there=self._tally("objects SEMI JOIN there ON there.key = objects.to_key"),
            rewritten=self._tally("pending WHERE local IS NOT NULL").objects,
            archived=list(self._archived()),
            slow={one: Tally(*told) for one, *told in self._rows(f"{slow} AND local IS NULL GROUP BY 1", [rates])},
            thaw=self.thaw,
            within=within,
        )

    def _archived(self) -> Iterator[Archived]:
        for (name,) in self._rows("SELECT DISTINCT storage_class FROM asleep ORDER BY ALL"):
            mine = f"asleep WHERE storage_class = {text(name)}"
            told = {state: self._tally(f"{mine} AND state = {text(state)}") for state in Access}
            looked = self._tally(f"{mine} AND state IS NULL").objects == 0
            yield Archived(
                storage_class=name,
                all=self._tally(mine),
                frozen=told[Access.FROZEN] if looked else None,
                thawing=told[Access.THAWING] if looked else None,
            )

    def _refuse_long_keys(self) -> None:
        long = f"objects WHERE strlen(to_key) > {KEY_LIMIT}"
        if count := self._tally(long).objects:
            ((key,),) = self._rows(f"SELECT min(to_key) FROM {long}")
            raise KeyTooLong(
                f"under {self.destination.to} the keys of {objects(count)} have more than {KEY_LIMIT:,} bytes, such as"
                f" {key!r}: restore to a shorter prefix"
            )

    def _look_at_the_destination(self) -> None:
        """What lies there now."""
        to = self.destination
        load_listing(self.connection, self.warehouse, "there", to.bucket, to.to.prefix, self.folder)

    def _refuse_others(self) -> None:
        others = [key for (key,) in self._rows(f"SELECT key FROM ({_OTHERS}) LIMIT {NAMED}")]
        if others:
            raise Occupied(str(self.destination.to), others, self._tally(f"({_OTHERS})", "0").objects)

    # Thawing

    def look(self, advance: Advance = lambda _: None) -> None:
        """Find out of all that may be frozen whether it is."""
        for keys in self._keys("state IS NULL"):
            self._note(keys, self._each(self.vault.access, keys, advance))

    def ask(self, advance: Advance = lambda _: None) -> None:
        """Have thawed what is frozen and nobody has asked for. Raises TierRefused."""
        self.look()

        def thaw(key: str) -> Access:
            self.vault.thaw(key, self.thaw.days, self.thaw.tier)
            return Access.THAWING

        for keys in self._keys(f"state = {text(Access.FROZEN)}"):
            self._note(keys, self._each(thaw, keys, advance))

    def _each(self, function: Callable[[str], Access], keys: Sequence[str], advance: Advance) -> Iterator[Access]:
        for access in self.warehouse.each(function, keys):
            advance(1)
            yield access

    @property
    def unreadable(self) -> Tally:
        """What has yet to thaw."""
        return self._tally(f"asleep WHERE state <> {text(Access.READABLE)}")

    def wait(self, sleep: Callable[[float], object], advance: Advance = lambda _: None) -> None:
        """Until all can be read. What freezes anew meanwhile is asked for anew."""
        pauses = planning.pauses()
        while left := self.unreadable.objects:
            self._look_again()
            self.ask()
            advance(left - (now := self.unreadable.objects))
            if now:
                sleep(next(pauses))

    def _look_again(self) -> None:
        """At what thaws, as far as it does: what was asked for first is readable first."""
        for keys in self._keys(f"state = {text(Access.THAWING)}"):
            states = list(self.warehouse.each(self.vault.access, keys))
            self._note(keys, states)
            if all(state is Access.THAWING for state in states):
                return

    def _keys(self, condition: str) -> Iterator[list[str]]:
        for rows in self._chunks(f"SELECT copy_key FROM asleep WHERE {condition} ORDER BY copy_key", size=ASKED):
            yield [key for (key,) in rows]

    def _note(self, keys: Sequence[str], states: Iterable[Access]) -> None:
        self.connection.execute(
            "UPDATE asleep SET state = told.state FROM"
            " (SELECT unnest($keys) AS copy_key, unnest($states) AS state) AS told"
            " WHERE told.copy_key = asleep.copy_key",
            {"keys": list(keys), "states": [str(state) for state in states]},
        )

    # Copying

    def copy(self, advance: Advance = lambda _: None) -> None:
        """Copy what is not there: data first, and of each log that file last without which it is none.

        Raises CopyFailed; then no log was begun that needs what is not there.
        """
        for phase in range(DATA, KEYSTONES + 1):
            failed, named = 0, list[str]()
            rows = "SELECT to_key, copy_key, copy_etag, copy_size, stored_at, local FROM pending WHERE phase = ?"
            for chunk in self._chunks(f"{rows} ORDER BY size DESC, to_key", [phase]):
                for problem in self.warehouse.each(lambda row: self._copy(*row), chunk):
                    advance(1)
                    if problem:
                        failed += 1
                        named += [problem][: NAMED - len(named)]
            if failed:
                raise CopyFailed(named, failed)

    def _copy(
        self, to_key: str, copy_key: str, copy_etag: str, size: int, stored_at: datetime, local: str | None
    ) -> str | None:
        """What went wrong, if something did."""
        try:
            if local:
                self.destination.bucket.write_file(to_key, Path(local))
            else:
                copy = Listed(copy_key, None, copy_etag, size, utc(stored_at), kind_of(copy_key))
                self.destination.copier(copy, to_key)
        except (SourceGone, SourceChanged, SourceUnreadable) as error:
            return str(error)
        return None

    # The proof

    def verify(self, advance: Advance = lambda _: None) -> Iterator[Proof]:
        """Look at all that was written, and open each table. Raises Differs where something is not there."""
        self._look_at_the_destination()
        absent = [key for (key,) in self._rows(f"SELECT to_key FROM ({_ABSENT}) LIMIT {NAMED}")]
        if absent:
            count = self._tally(f"({_ABSENT})", "0").objects
            raise Differs(f"{objects(count)} are not as they were written: {some(absent, count)}")
        for chosen in self.closures.tables:
            yield self._prove(chosen, advance)

    def _prove(self, chosen: Chosen, advance: Advance) -> Proof:
        prefix = self.root.to_prefix + chosen.root.removeprefix(self.root.prefix)
        own = f"closure WHERE root = {text(chosen.root)} AND phase = {DATA}"
        ((count, expected),) = self._rows(
            f"SELECT count(*), {_DIGEST} FROM (SELECT to_key AS key, told_size AS size FROM {own})"
        )
        rows, unreadable = self._count_rows(own, advance)
        try:
            opened = self.destination.reader.open(prefix)
        except CannotOpen as error:
            counted = None if "deletionVectors" in chosen.snapshot.reader_features else rows
            return Proof(chosen, count, expected, None, None, counted, str(error), unreadable)
        self.connection.register("opened", opened.files)
        values = {"bucket": f"s3://{self.root.to_bucket}/", "root": prefix}
        ((count, found),) = self._rows(_OPENED, values)
        self.connection.unregister("opened")
        counted = None if opened.hidden is None or rows is None else rows - opened.hidden
        return Proof(chosen, count, expected, found, opened.version, counted, unreadable=unreadable)

    def _count_rows(self, own: str, advance: Advance) -> tuple[int | None, Sequence[str]]:
        """Of all files; and some of those that have no footer, if there are such."""
        bucket, rows, unreadable = self.destination.bucket, 0, list[str]()
        for chunk in self._chunks(f"SELECT to_key, size FROM {own}"):
            counts = self.warehouse.each(lambda row: rows_in(bucket, *row), chunk)
            for (key, _), counted in zip(chunk, counts, strict=True):
                rows += counted or 0
                unreadable += [key] if counted is None and len(unreadable) < NAMED else []
                advance(1)
        return None if unreadable else rows, unreadable

    # The database

    def _rows(self, query: str, values: Any = None) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, values).fetchall()

    def _tally(self, source: str, size: str = "size") -> Tally:
        ((count, total),) = self._rows(f"SELECT count(*), coalesce(sum({size}), 0)::BIGINT FROM {source}")
        return Tally(count, total)

    def _chunks(self, query: str, values: Any = None, size: int = CHUNK) -> Iterator[list[tuple[Any, ...]]]:
        """Rows, some at a time; what else is asked meanwhile does not end this."""
        with self.connection.cursor() as cursor:
            cursor.execute(query, values)
            while rows := cursor.fetchmany(size):
                yield rows
