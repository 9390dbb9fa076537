"""A message, as each channel takes of it what it can. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from holdfast.fleet.model import Schedule


class Severity(StrEnum):
    """What a subscription may choose by."""

    FAILURE = "failure"
    RESOLVED = "resolved"
    """An alarm that was on is off."""
    NOTE = "note"
    """A run without failures."""


class Of(StrEnum):
    """What an incident is about."""

    RESOURCE = "resource"
    PLACE = "place"
    """All of a service in a region: it could not be seen."""
    WORKFLOW = "workflow"


@dataclass(frozen=True, slots=True)
class Ends:
    """By what later runs tell that an incident is over. `what`: an ARN, a place, what the workflow was to do; `since`:
    when the run was due that failed; `place`, `schedule`: where the resource is, and what for it was backed up."""

    of: Of
    what: str
    since: datetime
    place: str = ""
    schedule: Schedule | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """What somebody is called for. `key`: what a pager knows it by; `ends`: None where a message of its own tells that
    it is over."""

    key: str
    summary: str
    ends: Ends | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """`once`: what makes it the message that it is. The same is not sent twice in a `day`.

    `subject`: at most 100 printable ASCII characters. `text`: what failed, for which resource, what to do. `short`: the
    same in an SMS. `triggers`: the incidents that it opens or adds to; `resolves`: the keys of those that are over.
    """

    severity: Severity
    subject: str
    text: str
    short: str
    once: str
    day: str
    source: str
    triggers: tuple[Incident, ...] = ()
    resolves: tuple[str, ...] = ()
