"""What each system's facts say in words, and who has to look at what. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from holdfast.fleet.status.model import Row, Told
from holdfast.objects.model import Pass

SHOWN = 20
"""So many resources of a system are shown one by one, those that are worst off."""

STALE = timedelta(hours=3)
"""The watch over the fleet looks every hour."""


def ago(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def size(number: float) -> str:
    """Bytes as people read them."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if abs(number) < 1000:
            return f"{number:,.0f} {unit}" if unit == "bytes" else f"{number:,.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} PB"


# Objects


def of_objects(counted: int, passes: Mapping[str, Pass | None]) -> Told:
    """`passes`: by bucket, its last comparison with its copies."""
    completed = {bucket: one.completed_at for bucket, one in passes.items() if one and one.completed_at}
    rows = [_of_bucket(bucket, one) for bucket, one in passes.items()]
    return Told(
        f"{count(counted, 'object')} in {count(len(passes), 'bucket')}",
        verified=min(completed.values()) if len(completed) == len(passes) else None,
        wrong=tuple(f"{row.name}: {row.detail}" for row in rows if row.is_bad),
        notes=("Objects are copied as they are written; buckets and copies are compared regularly.",),
        rows=tuple(rows),
        is_empty=counted == 0,
    )


def _of_bucket(bucket: str, one: Pass | None) -> Row:
    if one is None:
        return Row(bucket, "never compared with its copies yet")
    counts = asdict(one.counts)
    told = [f"{number:,} {name}" for name, number in counts.items() if number or name == "live"]
    at = f"compared {one.completed_at:%Y-%m-%d %H:%M} UTC" if one.completed_at else "is being compared"
    return Row(bucket, f"{at}: {', '.join(told)}", is_bad=bool(counts["corrupt"] or counts["unreadable"]))


# Tables


@dataclass(frozen=True, slots=True)
class Archived:
    """A table in the archive; times in Unix seconds. `described`: when its daily check last began; `bases`: backfills
    that are complete."""

    table: str
    newest: int | None
    described: int | None
    bases: int
    gaps: int


def of_tables(tables: Sequence[Archived], now: datetime) -> Told:
    newest = [one.newest for one in tables if one.newest is not None]
    described = [one.described for one in tables if one.described is not None]
    return Told(
        count(len(tables), "table"),
        last_backup=datetime.fromtimestamp(max(newest), now.tzinfo) if newest else None,
        verified=datetime.fromtimestamp(min(described), now.tzinfo) if len(described) == len(tables) > 0 else None,
        wrong=tuple(
            f"{one.table}: {count(one.gaps, 'gap')} in its archive: holdfast tables status"
            for one in tables
            if one.gaps
        ),
        notes=("Changes are archived as they are made: a table at rest has no newer backup.",),
        rows=tuple(_of_table(one, now) for one in tables),
        is_empty=not newest and not any(one.bases for one in tables),
    )


def _of_table(one: Archived, now: datetime) -> Row:
    told = [
        f"newest change {ago(now.timestamp() - one.newest)} ago" if one.newest is not None else "no change archived"
    ]
    told.append(count(one.bases, "backfill"))
    if one.described is not None:
        told.append(f"checked {ago(now.timestamp() - one.described)} ago")
    return Row(one.table, ", ".join(told), is_bad=one.gaps > 0)


# Warehouse


def of_warehouse(report: Mapping[str, Any] | None, alarm_after: timedelta, now: datetime) -> Told:
    """`report`: of the newest run that has ended; None if none has."""
    if report is None:
        return Told(
            "nothing yet", notes=("No run has ended yet: holdfast warehouse backup begins one.",), is_empty=True
        )
    databases, ended = report["databases"], datetime.fromisoformat(report["ended"])
    age = (now - ended).total_seconds()
    tables, restorable = (sum(row[name] for row in databases) for name in ("tables", "restorable"))
    wrong = [f"{row['database']}: {row['error']}" for row in databases if row["error"]]
    if restorable < tables:
        wrong.append(f"{tables - restorable:,} of {count(tables, 'table')} cannot be restored at the newest version")
    if age > alarm_after.total_seconds():
        wrong.append(f"the last run ended {ago(age)} ago, and {alarm_after.days} days are allowed")
    return Told(
        f"{count(tables, 'table')} in {count(len(databases), 'database')}",
        last_backup=ended,
        age=age,
        verified=ended,
        wrong=tuple(wrong),
        rows=tuple(_of_database(row) for row in databases[:SHOWN]),
    )


def _of_database(row: Mapping[str, Any]) -> Row:
    told = f"{row['restorable']} of {row['tables']} tables restorable, {row['copied']:,} objects copied"
    return Row(str(row["database"]), str(row["error"]) or told, is_bad=bool(row["error"]))


# Capacity


def of_capacity(bucket: str, total: int, objects: int, limit: int, compared: datetime | None) -> Told:
    share = total / limit if limit else 0.0
    return Told(
        f"{bucket}: {size(total)} of {size(limit)} ({share:.0%}) in {count(objects, 'object')}",
        verified=compared,
        notes=("It watches, and backs up nothing.",),
    )


# Fleet


def of_fleet(status: Mapping[str, Any] | None, drill: Mapping[str, Any] | None, now: datetime) -> Told:
    """`status`: what the watch wrote down; `drill`: the last entry of the ledger."""
    if status is None:
        return Told("nothing yet", notes=("fleet_watch has not looked yet: it does so every hour.",), is_empty=True)
    resources = status["resources"]
    taken = [datetime.fromisoformat(one["taken"]) for one in resources if one["taken"]]
    verified = [datetime.fromisoformat(one["verified"]) for one in resources if one["verified"]]
    return Told(
        f"{count(len(resources), 'resource')}; {status['unprotected']:,} without protection",
        last_backup=max(taken, default=None),
        age=max((one["age_seconds"] for one in resources), default=None),
        verified=max(verified, default=None),
        wrong=tuple(_wrong_with_the_fleet(status, now)),
        notes=tuple(_notes(status, drill)),
        rows=tuple(_of_resource(one) for one in resources[:SHOWN]),
        is_empty=not taken,
    )


def _wrong_with_the_fleet(status: Mapping[str, Any], now: datetime) -> list[str]:
    wrong = []
    over = sum(one["over"] for one in status["resources"])
    if over:
        wrong.append(f"{count(over, 'resource')} without a good backup within the target")
    wrong += [f"{one['service']} in {one['place']} could not be looked at: {one['why']}" for one in _unseen(status)]
    if unheard := status.get("unheard"):
        wrong.append(unheard)
    wrong += [f"no {schedule} run has finished when one was due" for schedule in status["missed"]]
    wrong += [f"{one['run']}: {count(one['failed'], 'failure')}" for one in status["runs"].values() if one["failed"]]
    looked = now - datetime.fromisoformat(status["at"])
    if looked > STALE:
        wrong.append(f"fleet_watch has not looked for {ago(looked.total_seconds())}: what is shown is as old")
    return wrong


def _unseen(status: Mapping[str, Any]) -> Sequence[Mapping[str, str]]:
    """What an earlier version wrote down does not say."""
    told: Sequence[Mapping[str, str]] = status.get("unseen", ())
    return told


def _notes(status: Mapping[str, Any], drill: Mapping[str, Any] | None) -> list[str]:
    notes = [
        f"not protected: {one['name']} in {one['region']}: {one['why']}"
        for one in status["unprotected_resources"][:SHOWN]
    ]
    if more := status["unprotected"] - len(notes):
        notes.append(f"and {more:,} more that are not protected")
    if drill is not None:
        rto = f", restored and checked in {ago(drill['rto_seconds'])}" if drill["rto_seconds"] is not None else ""
        notes.append(f"last drill: {drill['resource']} {drill['result']}{rto}")
    return notes


def _of_resource(one: Mapping[str, Any]) -> Row:
    name = f"{one['name']} ({one['region']})"
    if not one["taken"]:
        return Row(name, f"never backed up, seen first {ago(one['age_seconds'])} ago", is_bad=one["over"])
    return Row(name, f"{one['schedule']}, {ago(one['age_seconds'])} old, verified", is_bad=one["over"])
