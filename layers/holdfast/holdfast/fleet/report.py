"""Sums a run up: for people, metrics, and the status page."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from holdfast.fleet import naming, sets
from holdfast.fleet.model import Schedule, Slot
from holdfast.fleet.plan import Failed
from holdfast.fleet.results import save_failed, unwritten
from holdfast.fleet.run import Fleet, Item, discovered

ENDED = Failed(
    "the workflow ended before it was backed up: it ran out of time, or was stopped",
    "Try again: holdfast fleet backup --resource NAME",
)

MEND = "the error is in the function's log: sam logs --tail. Try again: holdfast fleet backup --resource NAME"


NAMED = 1000
"""So many failures the answer names: what goes through Step Functions is limited. The document has all."""


def failed(fleet: Fleet, item: Item, error: Mapping[str, Any]) -> dict[str, Any]:
    """Write down that a step of the workflow ended with an error."""
    why = f"{error.get('Error')}: {_cause(str(error.get('Cause') or ''))}"
    save_failed(fleet, item, item.resource(fleet.documents), Failed(why[:2000], MEND))
    return {"failed": [item.digest]}


def _cause(cause: str) -> str:
    """The message alone, of an error that a function raised: what else Lambda tells is for its log."""
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, TypeError, KeyError):
        return cause


def report(fleet: Fleet, slot: Slot, systems: Mapping[str, sets.Positions]) -> dict[str, Any]:
    """Of what was discovered and has no result, nothing is known to be backed up: it failed."""
    run = str(slot)
    told = discovered(fleet, run)
    results = {one["arn"]: one for one in _results(fleet, run)}
    failures = [one for one in results.values() if one["status"] != "done"]
    failures += [unwritten(one, ENDED) for one in told["resources"] if one["arn"] not in results]
    failures += [_undiscovered(one) for one in told["undiscovered"]]
    done = [one for one in results.values() if one["status"] == "done"]
    cleaned = fleet.documents.load(naming.expired(run)) or {"removed": [], "blocked": [], "held": None}
    makes_backups = slot.schedule is not Schedule.CLEANUP
    recovery_set = sets.save(fleet, slot, failures, systems, told["asked"]) if makes_backups else None
    finished = fleet.now()
    document = {
        "run": run,
        "schedule": slot.schedule.value,
        "due": slot.due.isoformat(),
        "began": told["began"],
        "finished": finished.isoformat(),
        "seconds": round((finished - datetime.fromisoformat(told["began"])).total_seconds()),
        "backed_up": len(done),
        "failed": failures,
        "unprotected": len(told["unprotected"]),
        "removed": len(cleaned["removed"]),
        "blocked": len(cleaned["blocked"]),
        "held": cleaned["held"],
        "bytes": sum(one["bytes"] for one in done),
        "set": recovery_set["set"] if recovery_set else None,
        "skew_seconds": recovery_set["skew_seconds"] if recovery_set else None,
    }
    fleet.documents.save(naming.report(run), document)
    return {**document, "failed": [one["name"] for one in failures][:NAMED], "summary": _summary(document)}


def _results(fleet: Fleet, run: str) -> list[dict[str, Any]]:
    keys = fleet.documents.keys(naming.results(run))
    return [one for one in fleet.each(fleet.documents.load, keys) if one]


def _undiscovered(place: Mapping[str, str]) -> dict[str, Any]:
    """All of a service in a region."""
    name = f"{place['service']} in {place['region']}"
    whose = {"arn": name, "kind": place["service"], "name": name, "region": place["region"]}
    why = f"nothing of it could be seen: {place['why']}"
    return unwritten(whose, Failed(why, "is the region enabled, and is fleet_discover allowed to look?"))


def _summary(told: Mapping[str, Any]) -> str:
    failures = told["failed"]
    parts = [f"{told['backed_up']} backed up", f"{len(failures)} failed"]
    if told["unprotected"]:
        parts.append(f"{told['unprotected']} not protected")
    if told["removed"] or told["blocked"]:
        parts.append(f"{told['removed']} removed, {told['blocked']} expired and still here")
    text = f"{told['run']}: {', '.join(parts)}"
    if told["held"]:
        text += f". The breaker holds the cleaning: {told['held']}"
    if failures:
        named = "; ".join(f"{one['name']}: {one['why']}" for one in failures[:5])
        more = f"; and {len(failures) - 5} more" if len(failures) > 5 else ""
        text += f". {named}{more}"
    return text
