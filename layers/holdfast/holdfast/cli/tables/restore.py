"""Restoring a table to a moment, taking that back, and looking at an item through time."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import random
from secrets import token_hex
from typing import Annotated

import typer

from holdfast import wiring
from holdfast.adapters.stepfunctions import StateMachine
from holdfast.cli.stack import DEFAULT_STACK, Apply, StackName, console, not_applied
from holdfast.cli.tables import app
from holdfast.cli.tables.deployed import SYSTEM, Deployed, deployed
from holdfast.cli.terminal import moment_of, print_lines, progress
from holdfast.moment import ACCEPTED
from holdfast.tables import item as items
from holdfast.tables.backfill import Pace
from holdfast.tables.model import Description
from holdfast.tables.ports import NotStored, NotTaken, TableMissing
from holdfast.tables.restore import history as histories
from holdfast.tables.restore import journal as journals
from holdfast.tables.restore import keys, plan, run, steps, words
from holdfast.tables.restore.in_place import InPlace, OtherKeys
from holdfast.tables.restore.model import (
    Back,
    Done,
    Journal,
    Outcome,
    Preview,
    Refused,
    Run,
    Then,
    Wanted,
    Written,
    expiry_of,
    stamp,
)
from holdfast.tables.restore.run import NewTable
from holdfast.tables.restore.undo import Undo
from holdfast.tables.restore.write import TooBusy, Writer
from holdfast.tables.segment import Unreadable
from holdfast.tables.view import Altered
from holdfast.workflow import Execution, Status, Workflow

SHOWN = 20
"""How many items are listed one by one without --verbose."""

LARGE = 1_000_000
"""From how many changes on, that have to be read, the state machine restores, and not this command."""

LARGE_BYTES = 2_000_000_000
"""Or from how many bytes on: this command has all items in memory."""

POLL_SECONDS = 2.0

DELIVERY_SECONDS = 110
"""How long a change takes to be archived at most, if nothing holds it up; besides that, batches are gathered."""


class CannotRestore(LookupError):
    """There is nothing to restore as it was asked for."""


MENDED_BY_THE_READER = (
    CannotRestore,
    Altered,
    NotStored,
    NotTaken,
    OtherKeys,
    TableMissing,
    TooBusy,
    Unreadable,
    journals.NoSuchRun,
    keys.BadKey,
    run.Differs,
    run.NothingArchived,
    run.Occupied,
)

TableName = Annotated[str, typer.Argument(metavar="TABLE", help="The archived table's name. It may be gone.")]
At = Annotated[
    str,
    typer.Option("--at", metavar="TIME", help=f"As it was then, with every change of that second: {ACCEPTED}."),
]
To = Annotated[str | None, typer.Option("--to", metavar="NEW_TABLE", help="Restore into a new table of this name.")]
Tenant = Annotated[str | None, typer.Option("--tenant", metavar="TENANT", help="Only what is this tenant's.")]
_ITEM_HELP = 'A key: a JSON object, {"pk": "a", "sk": 3}, plain or in DynamoDB JSON; or a partition key\'s bare value.'
Rate = Annotated[
    float | None, typer.Option("--write-rate", metavar="N", min=0.1, help="Write N items a second at most.")
]
Verbose = Annotated[bool, typer.Option("--verbose", help=f"Show every item, not only the first {SHOWN}.")]


def _second(text: str) -> int:
    now = wiring.now()
    at = moment_of(text, now)
    if at > now:
        raise CannotRestore(f"{stamp(plan.second(at))} is yet to come")
    return plan.second(at)


def _now() -> int:
    return int(wiring.now().timestamp())


def _run_name() -> str:
    return f"{wiring.now():%Y%m%dT%H%M%SZ}-{token_hex(4)}"


def _pace(rate: float | None) -> Pace:
    return Pace(rate, time.monotonic, time.sleep)


def _print_some(lines: Sequence[str], *, verbose: bool) -> None:
    print_lines(lines if verbose else lines[:SHOWN])
    if not verbose and len(lines) > SHOWN:
        console.print(f"... and {len(lines) - SHOWN:,} more: --verbose shows all")


# Restore


@dataclass(frozen=True, slots=True)
class Asked:
    """What a restore is asked to do."""

    tables: Deployed
    table: str
    at: int
    wanted: Wanted
    rate: float | None
    verbose: bool
    apply: bool

    @property
    def source(self) -> str:
        return plan.source(self.table, self.at, self.wanted)

    @property
    def settled_seconds(self) -> int:
        return DELIVERY_SECONDS + int(self.tables.stack.parameters["ArchiveWindowSeconds"])

    def new(self, to: str) -> NewTable:
        return NewTable(self.tables.archive(self.table), self.tables.table(to), wiring.now)


@app.command()
def restore(
    table: TableName,
    *,
    at: At,
    to: To = None,
    in_place: Annotated[bool, typer.Option("--in-place", help="Restore the table itself.")] = False,
    tenant: Tenant = None,
    item: Annotated[str | None, typer.Option("--item", metavar="KEYS", help=f"Only one item. {_ITEM_HELP}")] = None,
    write_rate: Rate = None,
    unarchived: Annotated[
        bool,
        typer.Option(
            "--unarchived", help="In place: restore also what has changed without the archive having been told."
        ),
    ] = False,
    large: Annotated[
        bool,
        typer.Option(
            "--large",
            help=f"Have the state machine do it, as it does where more than {LARGE:,} changes are to be read.",
        ),
    ] = False,
    verbose: Verbose = False,
    apply: Apply = False,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Restore a table as it was at a moment, into a new table or in place; or one tenant's items; or one item."""
    if in_place and to is not None:
        raise typer.BadParameter("--to and --in-place are two ways to restore: give one of them")
    if apply and not in_place and to is None:
        raise typer.BadParameter("--apply needs to know where to: give --to NEW_TABLE or --in-place")
    if large and (to is None or tenant is not None or item is not None or write_rate is not None):
        raise typer.BadParameter("--large restores a whole table --to NEW_TABLE, as fast as it can")
    second = _second(at)
    with deployed(stack) as tables:
        tables.describe_at_first(table)
        wanted = _wanted(tables, table, second, tenant, item)
        asked = Asked(tables, table, second, wanted, write_rate, verbose, apply)
        if in_place:
            _in_place(asked, unarchived=unarchived)
        elif to is None:
            _show(asked)
        elif large or (wanted.is_all and write_rate is None and _is_large(asked)):
            _into_large(asked, to)
        else:
            _into_new(asked, to)


def _wanted(tables: Deployed, table: str, at: int, tenant: str | None, item: str | None) -> Wanted:
    if tenant is not None and not tables.tenant_column:
        raise CannotRestore(f"tables of stack {tables.stack.name} have no tenants: it has no MultiTenancyColumn")
    if item is None:
        return Wanted(tenant)
    return Wanted(tenant, keys.parse(item, _description(tables, table, at).key_types))


def _description(tables: Deployed, table: str, at: int | None = None) -> Description:
    archive = tables.archive(table)
    description = archive.description(at)
    if description is None:
        raise run.nothing_of(table)
    return description


def _is_large(asked: Asked) -> bool:
    view = asked.tables.view(asked.table)
    most, size = steps.at_most(view, asked.at), plan.item_bytes(view.archive.description(asked.at))
    return most > LARGE or most * size > LARGE_BYTES


def _look(asked: Asked) -> tuple[Then, int]:
    """Read the archive, and tell what it holds of the moment. Returns that, and how many items are wanted of it."""
    with progress("reading the archive"):
        then = run.look(asked.tables.view(asked.table), asked.at, asked.wanted, asked.tables.tenant_column)
        expiry, now = expiry_of(then.description.time_to_live), _now()
        holding = plan.holding(then.state.items.values(), then.wanted, then.column, expiry, now)
    print_lines([words.heading(asked.table, asked.at, asked.wanted), *words.held(holding), words.ground(then.state)])
    print_lines([*words.warnings(then.state, now, asked.settled_seconds), *words.failed(asked.tables.failed_batches)])
    if asked.wanted.tenant is not None:
        print_lines(words.nobodys(holding.nobodys))
    if not asked.wanted.is_all and holding.items == 0:
        console.print("Nothing of it was there.")
    print_lines(words.over(holding.over, expiry))
    return then, holding.items


def _show(asked: Asked) -> None:
    _look(asked)
    console.print("\nTo restore it, add --to NEW_TABLE or --in-place: each shows its plan first.")


# Into a new table


def _into_new(asked: Asked, to: str) -> None:
    new = asked.new(to)
    begun = new.standing(asked.source)
    then, count = _look(asked)
    print_lines(words.creation(to, then.description, is_begun=begun is not None))
    if not asked.apply:
        not_applied()
        return
    wanted = Run(_run_name(), asked.source, asked.table, asked.at, to, (), count)
    view, each = asked.tables.view(asked.table), asked.tables.pool.map
    with progress("writing and verifying", 2 * count) as advance:
        writer = Writer(new.table, view, each, _pace(asked.rate), random, advance)
        written = run.restore(new, wanted, then, writer, progress=advance)
    print_lines(words.created(to, written, expiry_of(then.description.time_to_live)))


def _into_large(asked: Asked, to: str) -> None:
    new, view = asked.new(to), asked.tables.view(asked.table)
    begun = new.standing(asked.source)
    description = _description(asked.tables, asked.table, asked.at)
    with progress("reading a sample of the archive"):
        count, is_about = steps.estimate(view, asked.at)
    machine = asked.tables.stack.output("TablesRestoreStateMachineArn", SYSTEM)
    ground, prefixes = view.ground(asked.at), plan.prefixes(count, plan.item_bytes(description))
    print_lines([words.heading(asked.table, asked.at, asked.wanted), words.estimated(count, is_about=is_about)])
    print_lines([words.ground(ground), *words.warnings(ground, _now(), asked.settled_seconds)])
    print_lines(words.failed(asked.tables.failed_batches))
    print_lines(words.creation(to, description, is_begun=begun is not None))
    console.print(words.divided(len(prefixes), machine), markup=False)
    if not asked.apply:
        not_applied()
        return
    name = begun.run if begun else _run_name()
    workflow = StateMachine(wiring.client("stepfunctions"), machine)
    told = {"table": asked.table, "at": stamp(asked.at), "to": to, "run": name}
    execution = workflow.start(f"{name}-{token_hex(2)}", told)
    console.print(f"Started {execution}: it goes on if this command is ended.", markup=False)
    ended = _follow(workflow, execution, new, name, len(prefixes))
    if ended.status is Status.FAILED or ended.answer is None:
        raise CannotRestore(f"the state machine failed: {ended.why}; the same command goes on where it ended")
    written = Written(ended.answer["items"], ended.answer["digest"])
    print_lines(words.created(to, written, expiry_of(description.time_to_live)))


def _follow(workflow: Workflow, execution: str, new: NewTable, name: str, parts: int) -> Execution:
    """Wait until a state machine is done, and show how many parts are."""
    seen = 0
    with progress("restoring parts", parts) as advance:
        while (found := workflow.look(execution)).status is Status.RUNNING:
            done = sum(1 for _ in new.archive.store.names(steps.parts_of(name)))
            advance(done - seen)
            seen = done
            time.sleep(POLL_SECONDS)
    return found


# In place


def _in_place(asked: Asked, *, unarchived: bool) -> None:
    tables, live = asked.tables, asked.tables.table(asked.table)
    live.describe(0)
    then, _ = _look(asked)

    def restorer(advance: Callable[[int], None]) -> InPlace:
        return InPlace(tables.view(asked.table), live, tables.pool.map, _pace(asked.rate), advance)

    with progress("comparing with the table") as advance:
        preview = restorer(advance).preview(then, unarchived=unarchived)
    _print_some(words.lines(preview), verbose=asked.verbose)
    print_lines(words.counts(preview))
    if not preview.differences:
        console.print("Nothing to restore.")
    elif not asked.apply:
        not_applied()
    else:
        _carry_out(asked, preview, restorer)


def _carry_out(asked: Asked, preview: Preview, restorer: Callable[[Callable[[int], None]], InPlace]) -> None:
    count = len(preview.differences)
    journal = Journal(f"{asked.table}@{_run_name()}", asked.table, asked.at, _now(), count)
    print_lines(
        [
            "\nWhat this run does is taken back, however far it comes, by",
            f"  holdfast tables undo {journal.run} --apply",
        ]
    )
    with progress("restoring", count) as advance:
        outcomes = list(restorer(advance).apply(preview, journal))
    with progress("verifying", count) as advance:
        found = restorer(advance).verify(preview, outcomes)
    print_lines([*words.verified(found), *words.refusals(outcomes, None if asked.verbose else SHOWN)])
    if found.differing or _any_refused(outcomes):
        raise typer.Exit(1)


def _any_refused(outcomes: Iterable[Outcome]) -> bool:
    return any(isinstance(one, Refused) for one in outcomes)


# Undo


@app.command()
def undo(
    name: Annotated[str, typer.Argument(metavar="RUN", help="A restore in place, as it told its name.")],
    *,
    write_rate: Rate = None,
    verbose: Verbose = False,
    apply: Apply = False,
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Take back a restore in place: what still is as it was restored becomes what it was before."""
    table = journals.table_of(name)
    with deployed(stack) as tables:
        archive = tables.archive(table)
        journal = journals.load(archive, name)
        live, each, pace = tables.table(table), tables.pool.map, _pace(write_rate)
        with progress("looking at the table", journal.items) as advance:
            looks = list(Undo(live, each, pace, advance).look(journals.Pages(archive.store, name).entries()))
        console.print(words.journal(journal), markup=False)
        shown = [one for one in looks if verbose or one.back is not Back.DONE]
        _print_some([words.look(one) for one in shown], verbose=verbose)
        print_lines(words.backs(looks))
        todo = sum(one.back is Back.UNDO for one in looks)
        if todo == 0:
            console.print("Nothing to take back.")
        elif not apply:
            not_applied()
            return
        with progress("taking back", todo) as advance:
            outcomes = list(Undo(live, each, pace, advance).apply(looks))
    if todo:
        console.print(f"{words.items(sum(isinstance(one, Done) for one in outcomes))} taken back.")
    print_lines(words.refusals(outcomes, None if verbose else SHOWN))
    if _any_refused(outcomes) or any(one.back is Back.CONFLICT for one in looks):
        raise typer.Exit(1)


# History


@app.command()
def history(
    table: TableName,
    *,
    item: Annotated[str, typer.Option("--item", metavar="KEYS", help=_ITEM_HELP)],
    stack: StackName = DEFAULT_STACK,
) -> None:
    """Show every version of an item: when it came, what changed, and whether DynamoDB itself removed it."""
    with deployed(stack) as tables:
        tables.describe_at_first(table)
        key = keys.parse(item, _description(tables, table).key_types)
        view = tables.view(table)
        with progress("reading the archive"):
            changes = view.history(items.item_id(key))
            known = list(zip(changes, tables.pool.map(view.image, changes), strict=True))
        since = view.ground(_now()).complete_since
    if not known:
        console.print(f"The archive knows nothing of {histories.plain(key)} in {table}.", markup=False)
    print_lines(histories.versions(known))
    print_lines(words.known_since(since))
