"""Getting tables into the archive, and proving that they are there."""

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from random import Random
from secrets import token_hex
from typing import Annotated, cast

import typer

from holdfast import settings, wiring
from holdfast.adapters.dynamodb_streams import DynamoStream
from holdfast.adapters.event_source_mappings import LambdaMappings, MappingStuck
from holdfast.adapters.s3_tables import NotVersioned
from holdfast.adapters.stream_switch import DynamoStreamSwitch, StreamStuck
from holdfast.cli.stack import DEFAULT_STACK, Apply, StackName, console, not_applied
from holdfast.cli.tables import app
from holdfast.cli.tables.deployed import SYSTEM, Deployed, deployed
from holdfast.cli.terminal import progress
from holdfast.tables import backfill as backfills
from holdfast.tables import check as checks
from holdfast.tables import protect, redrive
from holdfast.tables.archive import Archive
from holdfast.tables.check import Checker, Comparison, Difference, Subject
from holdfast.tables.descriptions import describe
from holdfast.tables.fill import Fill, ItemFill, no_objects
from holdfast.tables.model import Base, Description, Gap, Image, Segment
from holdfast.tables.ports import StreamMapping, TableMissing
from holdfast.tables.protect import Action, CannotProtect, Facts
from holdfast.tables.redrive import Redriven, Redriver, Waiting
from holdfast.tables.restore.model import stamp
from holdfast.tables.view import FOR_EVER

PARTS = 8
"""Into how many parts a backfill divides a table: that many requests are under way."""

SHOWN = 20
"""How many differences are listed without --verbose."""

RECENT_SECONDS = 2 * 86400


class CannotBackfill(LookupError):
    """There is no backfill to go on with as it was asked for."""


MENDED_BY_THE_READER = (
    CannotBackfill,
    CannotProtect,
    MappingStuck,
    NotVersioned,
    PermissionError,
    StreamStuck,
    TableMissing,
)

TableName = Annotated[str, typer.Argument(metavar="TABLE", help="A table's name, in the stack's account and region.")]
AnyTable = Annotated[str | None, typer.Argument(metavar="[TABLE]", help="A table's name; of all that are protected.")]
ReadRate = Annotated[
    float | None,
    typer.Option(
        "--read-rate",
        metavar="UNITS",
        min=0.1,
        help="Capacity units that may be read a second. By default a quarter of what the table has; on demand, any.",
    ),
]


# What the stack has


def _sample(found: Deployed) -> str:
    return found.stack.output("TablesSampleTableName", SYSTEM)


def _protected(found: Deployed) -> tuple[str, ...]:
    return settings.names(found.stack.parameters["ProtectedTables"])


def _mappings(found: Deployed) -> LambdaMappings:
    return LambdaMappings(wiring.client("lambda"), found.stack.output("TablesArchiveFunctionName", SYSTEM))


def _stream(arn: str) -> DynamoStream:
    return DynamoStream(wiring.client("dynamodbstreams"), arn)


def _fill(found: Deployed) -> Fill:
    if found.stack.parameters["ArchiveLayout"] != "item":
        return no_objects
    layout = wiring.item_layout(
        found.bucket,
        found.prefix,
        tenant_column=found.tenant_column,
        plain_names=found.stack.parameters["PlainTextKeyAsFilename"] == "true",
        each=found.pool.map,
    )
    return ItemFill(layout, found.tenant_column, found.pool.map)


def _now() -> int:
    return int(wiring.now().timestamp())


def _say(line: str) -> None:
    console.print(line, markup=False)


def _plain(keys: Image) -> str:
    """A key as JSON in ASCII, so that none does anything to a terminal."""
    return json.dumps(keys)


def _items(count: int) -> str:
    return f"{count:,} item{'' if count == 1 else 's'}"


def _records(count: int | None) -> str:
    return "records" if count is None else f"{count:,} record{'' if count == 1 else 's'}"


# Protecting


@app.command("protect")
def protect_table(table: TableName, *, apply: Apply = False, stack: StackName = DEFAULT_STACK) -> None:
    """Have every change of a table of yours archived, and all that it holds already."""
    with deployed(stack) as found:
        facts = _facts(found, table)
        steps = protect.plan_protect(facts)
        _say(f"{table}:")
        for step in steps:
            _say(f"  {'+' if step.action else '='} {step.told}")
        actions = [step.action for step in steps if step.action]
        if Action.BACKFILL in actions:
            _tell_cost(found, facts.description, _todo(facts.description, None, PARTS, facts.bases))
        if not facts.is_sample and table not in _protected(found):
            console.print(f"\nThe functions of stack {stack} may not read {table} yet. Build it, and deploy it with")
            _say(f"  {protect.deploy_line(stack, _protected(found), table)}")
            console.print("first, then run this command again.")
            raise typer.Exit(1 if apply else 0)
        if not actions:
            console.print("It is protected: nothing to do.")
        elif apply:
            _protect(found, facts, actions)
            console.print("[green]Done.[/green]")
        else:
            not_applied()


def _facts(found: Deployed, table: str) -> Facts:
    """Raises TableMissing, CannotProtect."""
    archive = found.archive(table)
    description = found.table(table).describe(_now())
    mappings, newest = _mappings(found).all(), _newest(archive)
    return Facts(
        description=description,
        mappings=mappings,
        settings=_sample_mapping(mappings, _sample(found)).settings,
        bases=archive.bases(),
        known=archive.description(),
        is_sample=table == _sample(found),
        newest_change=newest.last.at if newest else None,
        gaps=found.view(table).ground(FOR_EVER).gaps,
    )


def _sample_mapping(mappings: Sequence[StreamMapping], sample: str) -> StreamMapping:
    for one in mappings:
        if f":table/{sample}/stream/" in one.stream_arn:
            return one
    raise CannotProtect(f"the stack's own mapping of {sample} is gone, of which the settings are copied: deploy again")


def _protect(found: Deployed, facts: Facts, actions: Sequence[Action]) -> None:
    """In the order of the plan."""
    table, arn = facts.description.name, facts.stream_arn
    for action in actions:
        match action:
            case Action.SWITCH_ON:
                arn = DynamoStreamSwitch(wiring.client("dynamodb"), table).on()
                _say(f"The stream of {table} is on.")
            case Action.NOTE_GAP:
                gap = cast("Gap", protect.lost(facts))
                found.archive(table).save_gap(f"mapping-{gap.last_at}", gap)
                _say("What may be lost is noted as a gap.")
            case Action.CREATE_MAPPING:
                _mappings(found).create(cast("str", arn), facts.settings)
                _say("What it tells is archived.")
            case Action.UPDATE_MAPPING:
                _mappings(found).update(cast("StreamMapping", facts.mapping), facts.settings)
                _say("The mapping is as the stack's own.")
            case Action.SAVE_DESCRIPTION:
                describe(found.archive(table), found.table(table), _now())
                _say("What the table is like is saved.")
            case Action.BACKFILL:
                description = describe(found.archive(table), found.table(table), _now())
                _run_backfill(found, description, _todo(description, None, PARTS, found.archive(table).bases()))


# Backfills


@dataclass(frozen=True, slots=True)
class _Todo:
    """The backfill that is to be done. `base`: the one to go on with."""

    parts: int
    rate: float | None
    base: Base | None = None


def _todo(description: Description, rate: float | None, parts: int, bases: Sequence[Base] = ()) -> _Todo:
    rate = backfills.default_rate(description) if rate is None else rate
    base = backfills.resumable(bases, description, _now())
    return _Todo(base.total_segments if base else parts, rate, base)


@app.command()
def backfill(
    table: TableName,
    *,
    segments: Annotated[
        int, typer.Option("--segments", metavar="N", min=1, max=wiring.CONNECTIONS, help="Parts to read side by side.")
    ] = PARTS,
    read_rate: ReadRate = None,
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="Go on with this backfill, however old it is.")
    ] = None,
    apply: Apply = False,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Read all that a table holds into the archive. One that was interrupted within the last day is gone on with."""
    with deployed(stack) as found:
        description = found.table(table).describe(_now())
        bases = found.archive(table).bases()
        todo = _todo(description, read_rate, segments, bases)
        if run is not None:
            base = _named(bases, run, description)
            todo = replace(todo, base=base, parts=base.total_segments)
        _say(f"{table}:")
        if todo.base:
            _say(f"  + go on with backfill {todo.base.run}, which has read {_items(todo.base.items)} so far")
        else:
            _say("  + read all that the table holds into the archive")
        _tell_cost(found, description, todo)
        if lacking := _lacking(found, description):
            _say(f"    {lacking}: what changes from now on is not archived. holdfast tables protect mends that.")
        if not apply:
            not_applied()
            return
        _run_backfill(found, description, todo)


def _lacking(found: Deployed, description: Description) -> str | None:
    """What keeps a table's changes from being archived."""
    if backfills.stream_since(description) is None:
        return "Its stream is off"
    arn = description.table["LatestStreamArn"]
    fed = any(one.stream_arn == arn and one.state.startswith("Enabl") for one in _mappings(found).all())
    return None if fed else "Its stream has no mapping that is enabled"


def _named(bases: Sequence[Base], run: str, description: Description) -> Base:
    """Raises CannotBackfill."""
    table, since = description.name, backfills.stream_since(description)
    for base in bases:
        if base.run == run and base.ended is None:
            if since is not None and since > base.began:
                raise CannotBackfill(
                    f"backfill {run} of {table} began before the table's stream was on, at {stamp(int(since))}: nobody "
                    "knows what changed between. Without --run, a new one is begun"
                )
            return base
        if base.run == run:
            raise CannotBackfill(f"backfill {run} of {table} is complete: without --run, a new one is begun")
    known = ", ".join(base.run for base in bases if base.ended is None) or "none"
    raise CannotBackfill(f"there is no backfill {run} of {table}; those that are not complete: {known}")


def _tell_cost(found: Deployed, description: Description, todo: _Todo) -> None:
    """DynamoDB counts items and bytes every six hours. Where an item has an object of its own, it is read once more."""
    count = int(description.table.get("ItemCount", 0))
    units = backfills.read_units(description) + (count if found.stack.parameters["ArchiveLayout"] == "item" else 0)
    speed = "as fast as it goes" if todo.rate is None else f"{todo.rate:,.4g} a second at most"
    _say(f"    about {_items(count)}, {units:,} read capacity units, {speed}, in {todo.parts} parts")


def _run_backfill(found: Deployed, description: Description, todo: _Todo) -> None:
    table, archive = found.table(description.name), found.archive(description.name)
    base = todo.base
    if base is None:
        name = f"{wiring.now():%Y%m%dT%H%M%SZ}-{token_hex(3)}"
        since = backfills.stream_since(description) or 0.0
        base = backfills.begin(table, archive, name, todo.parts, since=since)
    _say(f"Backfill {base.run}: if it is interrupted, the same command goes on with it.")
    total = max(0, int(description.table.get("ItemCount", 0)) - base.items)
    # Its parts are apart from those who put items' objects: nobody must wait for a thread of its own kind.
    with ThreadPoolExecutor(base.total_segments) as parts, progress("reading", total or None) as advance:
        done = backfills.backfill(
            base,
            table=table,
            archive=archive,
            tenant_column=found.tenant_column,
            fill=_fill(found),
            pace=backfills.Pace(todo.rate, time.monotonic, time.sleep),
            limit=backfills.page_limit(description, todo.rate, base.total_segments),
            side=parts.map,
            progress=advance,
        )
    _say(f"{_items(done.items)} stored. From {stamp(cast('int', done.ended))} on the archive holds every item.")


# Checking


@app.command()
def check(
    table: TableName,
    *,
    sample: Annotated[
        int | None, typer.Option("--sample", metavar="N", min=1, help="Compare about so many items; all by default.")
    ] = None,
    read_rate: ReadRate = None,
    verbose: Annotated[bool, typer.Option("--verbose", help=f"Show more than {SHOWN} differences.")] = False,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Compare a table with its archive, item by item. Status 1 if something is wrong with the archive."""
    with deployed(stack) as found:
        subject = Subject(found.table(table), found.view(table))
        total = int(subject.table.describe(0).table.get("ItemCount", 0))
        with progress("comparing", sample or total or None) as advance:
            checker = Checker(
                stream_of=_stream,
                each=found.pool.map,
                now=wiring.now,
                sleep=time.sleep,
                random=Random(),  # noqa: S311 it chooses a sample
                rate=read_rate,
                progress=advance,
            )
            compared = checker.compare(subject, sample)
        for line in _told(table, compared, verbose=verbose):
            _say(line)
        gap = checks.save_gap(subject.archive, compared, _now())
        if gap:
            _say(f"Noted as a gap: {_gap(gap)}")
    if not compared.is_clean:
        raise typer.Exit(1)


def _told(table: str, compared: Comparison, *, verbose: bool) -> Iterator[str]:
    if compared.live is None:
        yield f"{table}: {_items(compared.compared)} compared, taken at random."
    else:
        archived = f"{compared.archived:,} in its archive"
        yield f"{table}: {_items(compared.live)} in the table, {archived}, {compared.compared:,} compared."
    if compared.complete_since is None:
        yield "No backfill is complete: the archive lacks what was there before. holdfast tables backfill mends that."
    if compared.on_their_way:
        were = "was on its way" if compared.on_their_way == 1 else "were on their way"
        yield f"{_items(compared.on_their_way)} seemed to differ, and {were} into the archive."
    few = compared.differences if verbose else compared.differences[:SHOWN]
    yield from (f"  {_difference(one)}" for one in few)
    if more := len(compared.differences) - len(few):
        yield f"  ... and {more:,} more: --verbose shows all"
    if compared.differences:
        differ = "differs" if len(compared.differences) == 1 else "differ"
        yield f"{_items(len(compared.differences))} {differ}: see the how-to page on gaps."
    if compared.unconfirmed:
        yield f"{_items(compared.unconfirmed)} more seemed to differ: too many to look at each of them again."
    for some in compared.unarchived:
        are = "is" if some.records == 1 else "are"
        yield (
            f"{_records(some.records)} of shard {some.shard} {are} not archived, "
            f"and will be lost from {stamp(some.lost_at)} on."
        )
    for gap in compared.gaps:
        yield f"Gap: {_gap(gap)}"
    if compared.is_clean:
        yield "The archive holds what the table holds."


def _difference(one: Difference) -> str:
    what = f" in {', '.join(map(repr, one.attributes))}" if one.attributes else ""
    when = "" if one.archived_at is None else f"; archived last as of {stamp(one.archived_at)}"
    return f"{_plain(one.keys)} {one.kind}{what}{when}"


def _gap(gap: Gap) -> str:
    first = "an unknown time" if gap.first_at is None else stamp(gap.first_at)
    last = "an unknown time" if gap.last_at is None else stamp(gap.last_at)
    return f"{_records(gap.records)} from {first} to {last}: {gap.why}"


# Redriving


@app.command("redrive")
def redrive_failed(table: AnyTable = None, *, apply: Apply = False, stack: StackName = DEFAULT_STACK) -> None:
    """Replay what Lambda gave up of the streams of tables, and complete the archive."""
    with deployed(stack) as found:
        queue = found.queue
        waiting = redrive.waiting(queue, table)
        redriver = Redriver(
            queue=queue,
            stream_of=_stream,
            table_of=found.table,
            archive_of=found.archive,
            fill=_fill(found),
            tenant_column=found.tenant_column,
            now=wiring.now,
            log=_silent,
        )
        if not waiting:
            console.print("No failed batch is waiting.")
            return
        stayed = _redrive(redriver, waiting) if apply else _list(redriver, waiting)
    if stayed:
        raise typer.Exit(1)


def _list(redriver: Redriver, waiting: Sequence[Waiting]) -> int:
    for one in waiting:
        redriver.queue.release(one.message)
        _say(_line(one))
    not_applied()
    return 0


def _redrive(redriver: Redriver, waiting: Sequence[Waiting]) -> int:
    """Returns how many messages stay."""
    left, stayed = list(waiting), 0
    try:
        while left:
            _say(_line(left[0]))
            done = redriver.redrive(left[0])
            left.pop(0)
            stayed += done.stays is not None
            _say(f"  {_outcome(done)}")
    finally:
        for one in left:
            redriver.queue.release(one.message)
    return stayed


def _silent(message: str, **fields: object) -> None:
    """What the function would log, this command prints."""


def _line(one: Waiting) -> str:
    batch = one.batch
    if batch is None:
        return f"message {one.message.message_id}"
    numbers = f"{batch.first} to {batch.last}" if batch.first != batch.last else f"{batch.first}"
    return (
        f"{batch.table}  shard {batch.shard}  {_records(batch.records)} ({numbers})  "
        f"{stamp(batch.first_at)} to {stamp(batch.last_at)}  {batch.condition}"
    )


def _outcome(done: Redriven) -> str:
    told = [f"{_records(done.stored)} stored"] if done.stored else []
    if done.gap:
        told.append(f"{_records(done.gap.records)} lost, noted as a gap")
    if done.stays:
        told.append(f"stays in the queue: {done.stays}")
    return "; ".join(told) or "all was stored before"


# Status


@app.command()
def status(table: AnyTable = None, *, stack: StackName = DEFAULT_STACK) -> None:
    """Show what is archived of tables, and how far behind the archive is."""
    with deployed(stack) as found:
        mappings = _mappings(found).all()
        _say(f"Layout {found.stack.parameters['ArchiveLayout']}, in {found.bucket} under {found.prefix!r}.")
        depth = found.queue.depth()
        if depth:
            _say(f"{depth:,} failed batch{'' if depth == 1 else 'es'} waiting: holdfast tables redrive")
        for name in [table] if table else [_sample(found), *_protected(found)]:
            _say(f"\n{name}")
            for label, told in _status(found, found.archive(name), mappings):
                _say(f"  {label:<15}{told}")


def _status(found: Deployed, archive: Archive, mappings: Sequence[StreamMapping]) -> Iterator[tuple[str, str]]:
    ground, known = found.view(archive.table).ground(FOR_EVER), archive.description()
    since = ground.complete_since
    yield "stream", _streaming(found, archive.table, mappings)
    yield "complete since", stamp(since) if since is not None else "never: holdfast tables backfill"
    newest = _newest(archive)
    yield "newest change", f"{stamp(newest.last.at)}, {_ago(newest.last.at)}" if newest else "none"
    yield "backfills", "; ".join(map(_told_base, archive.bases())) or "none"
    yield "description", f"of {stamp(known.taken_at)}, {_ago(known.taken_at)}" if known else "none"
    yield "gaps", "; ".join(map(_gap, ground.gaps)) or "none"


def _streaming(found: Deployed, table: str, mappings: Sequence[StreamMapping]) -> str:
    try:
        described = found.table(table).describe(0)
    except TableMissing:
        return "the table is gone"
    if not described.has_stream:
        return "off: holdfast tables protect"
    for mapping in mappings:
        if mapping.stream_arn == described.table["LatestStreamArn"]:
            return f"on, mapping {mapping.mapping_id} is {mapping.state}"
    return "on, and nobody archives it: holdfast tables protect"


def _newest(archive: Archive) -> Segment | None:
    """The segment with the newest change of the stream: of the last days, or of all."""
    for since in (_now() - RECENT_SECONDS, 0):
        if found := archive.segments(since, FOR_EVER):
            return max(found, key=lambda segment: segment.last)
    return None


def _told_base(base: Base) -> str:
    if base.ended is None:
        return f"{base.run} is not complete ({_items(base.items)} so far)"
    return f"{base.run} of {_items(base.items)}"


def _ago(at: int) -> str:
    seconds = max(0, _now() - at)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"
