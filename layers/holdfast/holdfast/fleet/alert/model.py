"""A message, as each channel takes of it what it can. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a subscription may choose by."""

    FAILURE = "failure"
    RESOLVED = "resolved"
    """An alarm that was on is off."""
    NOTE = "note"
    """A run without failures."""


@dataclass(frozen=True, slots=True)
class Message:
    """`once`: what makes it the message that it is. The same is not sent twice in a `day`.

    `subject`: at most 100 printable ASCII characters. `text`: what failed, for which resource, what to do. `short`: the
    same in an SMS. `triggers`: the incident that it opens or adds to, empty for none; `resolves`: those that are over.
    """

    severity: Severity
    subject: str
    text: str
    short: str
    once: str
    day: str
    source: str
    triggers: str = ""
    resolves: tuple[str, ...] = ()
