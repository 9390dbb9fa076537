"""What a run is to back up, and what no run does."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from holdfast.fleet import naming, plan
from holdfast.fleet.model import NotARun, Place, Resource, Schedule, Service, Slot
from holdfast.fleet.run import SNAPSHOT_SERVICES, Fleet

CONCURRENCY = {Service.EC2: 20, Service.RDS: 10, Service.S3: 5}
"""How many resources of a service are backed up side by side."""


class NoSuchResource(LookupError):
    """Somebody asks for the backup of what is not there."""

    def __init__(
        self, names: Collection[str], regions: Sequence[str], undiscovered: Sequence[Mapping[str, str]]
    ) -> None:
        unseen = "".join(f"; nothing of {one['service']} in {one['region']} could be seen" for one in undiscovered)
        super().__init__(
            f"there is no {', '.join(sorted(names))} in {', '.join(regions)}: give an ARN, an instance's ID, or the"
            f' name of a database or bucket, as "holdfast fleet list" shows them{unseen}'
        )


@dataclass(frozen=True, slots=True)
class Request:
    """`resources`: ARNs or names that somebody asks for; empty for all that the schedule is for."""

    slot: Slot
    started: datetime
    resources: tuple[str, ...] = ()


def discover(fleet: Fleet, request: Request) -> dict[str, Any]:
    """Name the run, and tell by service what it backs up. Asked again, it answers as the first time, unless it could
    not see everything then. Raises NoSuchResource; NotARun if a run of this name is of others."""
    run = str(request.slot)
    told = fleet.documents.load(naming.discovered(run))
    if told and told["asked"] != sorted(request.resources):
        raise NotARun(f"{run} is a run already, of {', '.join(told['asked']) or 'all resources'}: start another, later")
    if told is None or told["undiscovered"]:
        told = _discover(fleet, request, began=told["began"] if told else request.started.isoformat())
    chosen = [Resource.of(one) for one in told["resources"]]
    services = [
        {"service": service.value, "concurrency": CONCURRENCY[service], "resources": digests}
        for service in Service
        if (digests := [one.digest for one in chosen if one.kind.service is service])
    ]
    return {
        "run": run,
        "cleanup": request.slot.schedule is Schedule.CLEANUP,
        "services": services,
        "unprotected": len(told["unprotected"]),
        "undiscovered": told["undiscovered"],
    }


def _discover(fleet: Fleet, request: Request, began: str) -> dict[str, Any]:
    """The document that tells of all comes last: what it names is there."""
    slot, run = request.slot, str(request.slot)
    found, undiscovered = look(fleet)
    chosen, unprotected = plan.choose(found, slot.schedule, include_all=fleet.rules.include_all)
    if request.resources:
        chosen = _asked_for(found, request.resources)
        if missing := set(request.resources) - {name for one in chosen for name in (one.arn, one.name)}:
            raise NoSuchResource(missing, fleet.rules.regions, undiscovered)
    list(fleet.each(lambda one: fleet.documents.save(naming.resource(run, one.digest), one.as_json()), chosen))
    told = {
        "run": run,
        "schedule": slot.schedule.value,
        "due": slot.due.isoformat(),
        "began": began,
        "asked": sorted(request.resources),
        "set": slot.set,
        "resources": [one.as_json() for one in chosen],
        "unprotected": [
            {**{name: one.resource.as_json()[name] for name in ("arn", "kind", "name", "region")}, "why": one.why}
            for one in unprotected
        ],
        "undiscovered": undiscovered,
    }
    fleet.documents.save(naming.discovered(run), told)
    return told


def look(fleet: Fleet) -> tuple[list[Resource], list[dict[str, str]]]:
    """Everything that there is, and where nothing could be seen: a region that does not answer is no reason to leave
    the others without a backup."""
    places = [(service, region) for region in fleet.rules.regions for service in Service]
    found: list[Resource] = []
    undiscovered = []
    for (service, region), answer in zip(places, fleet.each(lambda place: _look(fleet, *place), places), strict=True):
        if isinstance(answer, str):
            undiscovered.append({"service": service.value, "region": region, "why": answer})
        else:
            found += answer
    return found, undiscovered


def _look(fleet: Fleet, service: Service, region: str) -> list[Resource] | str:
    try:
        if service in SNAPSHOT_SERVICES:
            return list(fleet.shelf_of(service, Place(region)).resources())
        return list(fleet.buckets_of(region).resources())
    except Exception as error:  # whatever keeps it from us is told, and counts as a failure of the run
        fleet.log("could not be looked at", service=service.value, region=region, reason=str(error))
        return f"{type(error).__name__}: {error}"


def _asked_for(found: Iterable[Resource], names: Collection[str]) -> list[Resource]:
    return [one for one in found if one.arn in names or one.name in names]
