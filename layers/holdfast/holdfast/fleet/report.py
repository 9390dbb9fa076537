"""Sums a run up: for people, metrics, and the status page."""

from collections.abc import Mapping
from typing import Any

from holdfast.fleet import naming, sets
from holdfast.fleet.model import Schedule, Slot
from holdfast.fleet.plan import Failed
from holdfast.fleet.results import save_failed
from holdfast.fleet.run import Fleet, Item, began

MEND = "the error is in the function's log: sam logs --tail. Try again: holdfast fleet backup --resource NAME"


def failed(fleet: Fleet, item: Item, error: Mapping[str, Any]) -> dict[str, Any]:
    """Write down that a step of the workflow ended with an error."""
    cause = str(error.get("Cause") or "")
    save_failed(fleet, item, item.resource(fleet.documents), Failed(f"{error.get('Error')}: {cause}"[:2000], MEND))
    return {"failed": [item.digest]}


def report(fleet: Fleet, slot: Slot, systems: Mapping[str, sets.Positions]) -> dict[str, Any]:
    """Of what was discovered and has no result, nothing is known to be backed up: it failed."""
    run = str(slot)
    told = fleet.documents.load(naming.discovered(run))
    results = {one["arn"]: one for one in _results(fleet, run)}
    missing = [_without_result(one) for one in told["resources"] if one["arn"] not in results]
    failures = [one for one in results.values() if one["status"] != "done"] + missing
    failures += [_undiscovered(one) for one in told["undiscovered"]]
    done = [one for one in results.values() if one["status"] == "done"]
    cleaned = fleet.documents.load(naming.expired(run)) or {"removed": [], "blocked": []}
    makes_backups = slot.schedule is not Schedule.CLEANUP
    recovery_set = sets.save(fleet, slot, fleet.backups(), systems) if makes_backups else None
    finished = fleet.now()
    document = {
        "run": run,
        "schedule": slot.schedule.value,
        "due": slot.due.isoformat(),
        "began": told["began"],
        "finished": finished.isoformat(),
        "seconds": round((finished - began(fleet, run)).total_seconds()),
        "backed_up": len(done),
        "failed": failures,
        "unprotected": len(told["unprotected"]),
        "removed": len(cleaned["removed"]),
        "blocked": len(cleaned["blocked"]),
        "bytes": sum(one["bytes"] for one in done),
        "set": recovery_set["set"] if recovery_set else None,
        "skew_seconds": recovery_set["skew_seconds"] if recovery_set else None,
    }
    fleet.documents.save(naming.report(run), document)
    return {**document, "failed": [one["name"] for one in failures], "summary": _summary(document)}


def _results(fleet: Fleet, run: str) -> list[dict[str, Any]]:
    keys = fleet.documents.keys(naming.results(run))
    return [one for one in fleet.each(fleet.documents.load, keys) if one]


def _without_result(resource: Mapping[str, Any]) -> dict[str, Any]:
    whose = {name: resource[name] for name in ("arn", "kind", "name", "region")}
    why = "the workflow ended before it was backed up: it ran out of time, or was stopped"
    return {**whose, "status": "failed", "why": why, "mend": MEND}


def _undiscovered(place: Mapping[str, str]) -> dict[str, Any]:
    """All of a service in a region."""
    name = f"{place['service']} in {place['region']}"
    why = f"nothing of it could be seen: {place['why']}"
    return {
        "arn": name,
        "kind": place["service"],
        "name": name,
        "region": place["region"],
        "status": "failed",
        "why": why,
        "mend": "is the region enabled, and is fleet_discover allowed to look?",
    }


def _summary(told: Mapping[str, Any]) -> str:
    failures = told["failed"]
    parts = [f"{told['backed_up']} backed up", f"{len(failures)} failed"]
    if told["removed"] or told["blocked"]:
        parts.append(f"{told['removed']} removed, {told['blocked']} expired and still here")
    text = f"{told['run']}: {', '.join(parts)}"
    if failures:
        named = "; ".join(f"{one['name']}: {one['why']}" for one in failures[:5])
        more = f"; and {len(failures) - 5} more" if len(failures) > 5 else ""
        text += f". {named}{more}"
    return text
