"""How a restore is told. Keys stand as Python writes them, so that none does anything to a terminal."""

from collections.abc import Iterator
from datetime import UTC, datetime

from holdfast.warehouse.model import Tally
from holdfast.warehouse.restore import plan as planning
from holdfast.warehouse.restore.model import Archived, Chosen, Plan, Proof, Thaw, objects, some


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def lines(plan: Plan) -> Iterator[str]:
    """A plan."""
    yield f"{plan.name!r} to {plan.to}:"
    for chosen in plan.tables:
        yield from table(chosen)
    for one in plan.left_out:
        yield f"{'refuse' if one.existed else 'skip':<8} {_name(one.root)}: {one.reason}"
    yield f"{'copy':<8} {_tally(plan.copies)}, about {_dollars(planning.copy_dollars(plan.copies, plan.slow))}"
    if plan.there.objects:
        yield f"{'':<8} {_tally(plan.there)} are there already"
    if plan.rewritten:
        yield f"{'':<8} {objects(plan.rewritten)} of logs are written anew: their absolute paths point to the new place"
    for archived in plan.archived:
        yield from thaw(archived, plan.thaw)
    if plan.within:
        yield f"{'note':<8} {plan.to} lies in the source {plan.within}: what is restored there is backed up in turn"


def table(chosen: Chosen) -> Iterator[str]:
    snapshot, run = chosen.snapshot, chosen.candidate.item.run
    rows = "rows not told" if snapshot.records is None else _count(snapshot.records, "row")
    yield (
        f"{'restore':<8} {_name(chosen.root)} version {snapshot.version} of {stamp(snapshot.at)}:"
        f" {_count(snapshot.files, 'file')}, {snapshot.size:,} bytes, {rows}; as run {run} found it"
    )
    if chosen.newest != snapshot.version:
        yield (
            f"{'':<8} not its newest: version {chosen.newest} "
            + (
                f"lacks {objects(chosen.missing_count)}: {some(chosen.missing, chosen.missing_count)}"
                if chosen.missing
                else "cannot be read: its log is damaged"
            )
        )
    if chosen.newer:
        yield f"{'':<8} not the newest: {chosen.newer}"
    if chosen.dropped:
        yield f"{'':<8} the newest run has not found this table any more: this is the last that is known of it"
    if chosen.unknown:
        first, last = chosen.unknown
        versions = f"version {first}" if first == last else f"versions {first} to {last}"
        yield f"{'':<8} no run has the log of {versions}, which may be of that time too"
    if snapshot.reader_version > 1:
        features = f" with {', '.join(snapshot.reader_features)}" if snapshot.reader_features else ""
        yield f"{'':<8} it needs readers of Delta's protocol {snapshot.reader_version}{features}"


def thaw(archived: Archived, how: Thaw) -> Iterator[str]:
    """What has to become readable first, in what time and for how much; and in which other ways it could."""
    name, asked = archived.storage_class, archived.asked
    times = planning.ARCHIVES[name]
    if asked.objects:
        dollars = planning.thaw_dollars(name, how.tier, asked, how.days)
        yield (
            f"{'thaw':<8} {_tally(asked)} of {name}: {times[how.tier]} in tier {how.tier}, about {_dollars(dollars)},"
            f" readable for {_count(how.days, 'day')} then"
        )
        others = [
            f"{tier}: {time}, {_dollars(planning.thaw_dollars(name, tier, asked, how.days))}"
            for tier, time in times.items()
            if tier != how.tier
        ]
        yield f"{'':<8} or --tier {'; '.join(others)}"
    if archived.frozen is None:
        yield f"{'':<8} some of them may thaw already: so many are looked at only with --apply"
        return
    if archived.thawing and archived.thawing.objects:
        yield f"{'':<8} {_tally(archived.thawing)} of {name} thaw already"
    readable = archived.all.objects - asked.objects - (archived.thawing.objects if archived.thawing else 0)
    if readable:
        yield f"{'':<8} {objects(readable)} of {name} can be read: they were thawed"


def pending(left: Tally) -> Iterator[str]:
    """Where a restore stops that is not to wait."""
    yield f"{_tally(left)} thaw. Nothing is copied until all can be read: then the same command goes on."


def proof(one: Proof) -> Iterator[str]:
    """What was found of a restored table."""
    snapshot = one.chosen.snapshot
    for problem in one.problems:
        yield f"{'DIFFERS':<8} {_name(one.chosen.root)}: {problem}"
    if one.unopened:
        yield f"{'unopened':<8} {_name(one.chosen.root)}: deltalake cannot read it ({one.unopened})"
        yield f"{'':<8} all {_count(one.files, 'file')} are there with their sizes, digest {one.expected}; {_rows(one)}"
    elif not one.problems:
        yield (
            f"{'verified':<8} {_name(one.chosen.root)} opens as version {snapshot.version}:"
            f" {_count(one.files, 'file')}, digest {one.found} as in the backup; {_rows(one)}"
        )


def _rows(one: Proof) -> str:
    if one.rows is None:
        return "its rows were not counted" + ("" if one.unreadable else ": deletion vectors may hide some")
    told = one.chosen.snapshot.records
    if told is None:
        return f"{_count(one.rows, 'row')} counted, of which the log does not tell"
    return f"{_count(one.rows, 'row')} counted, {'as' if one.rows == told else 'and not as'} the log tells"


def _name(root: str) -> str:
    return repr(root.rstrip("/"))


def _tally(tally: Tally) -> str:
    return f"{objects(tally.objects)}, {tally.size:,} bytes"


def _dollars(dollars: float) -> str:
    return f"${dollars:,.2f}"


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
