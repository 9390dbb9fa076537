"""What became of a resource in a run, written down for the report."""

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.fleet import naming
from holdfast.fleet.model import Backup, Resource
from holdfast.fleet.plan import Failed, Finding, Severity, is_good
from holdfast.fleet.run import Fleet, Item, began

_NOTHING: dict[str, Any] = {
    "backup": None,
    "taken": None,
    "bytes": 0,
    "findings": [],
    "verified": False,
    "why": None,
    "mend": None,
}


def _save(fleet: Fleet, item: Item, resource: Resource, told: Mapping[str, Any]) -> None:
    whose = {name: resource.as_json()[name] for name in ("arn", "kind", "name", "region")}
    seconds = round((fleet.now() - began(fleet, item.run)).total_seconds())
    fleet.documents.save(naming.result(item.run, item.digest), {**whose, **_NOTHING, "seconds": seconds, **told})


def unwritten(whose: Mapping[str, Any], failed: Failed) -> dict[str, Any]:
    """As the result of a failure is, of what none was written of."""
    told = {name: whose[name] for name in ("arn", "kind", "name", "region")}
    return {**told, **_NOTHING, "seconds": 0, **_failed(failed)}


def save_failed(fleet: Fleet, item: Item, resource: Resource, failed: Failed) -> None:
    _save(fleet, item, resource, _failed(failed))


def _failed(failed: Failed) -> dict[str, Any]:
    return {"status": "failed", "why": failed.why, "mend": failed.mend}


def save_checked(fleet: Fleet, item: Item, resource: Resource, backup: Backup, findings: Sequence[Finding]) -> None:
    """Of a backup that was made, and checked."""
    told = {"backup": backup.id, "taken": backup.taken.isoformat(), "bytes": backup.size}
    _save(fleet, item, resource, {**told, **_checked(findings)})


def save_replicated(
    fleet: Fleet, item: Item, resource: Resource, replica: str, taken: str | None, findings: Sequence[Finding]
) -> None:
    """Of a bucket whose replication was looked at."""
    _save(fleet, item, resource, {"backup": replica, "taken": taken, **_checked(findings)})


def _checked(findings: Sequence[Finding]) -> dict[str, Any]:
    good = is_good(findings)
    told: dict[str, Any] = {
        "status": "done" if good else "failed",
        "verified": good,
        "findings": [finding.as_json() for finding in findings],
    }
    if not good:
        told["why"] = "; ".join(finding.text for finding in findings if finding.severity is Severity.FAULT)
        told["mend"] = (
            "see the findings; the last good backup is kept. Try again: holdfast fleet backup --resource NAME"
        )
    return told
