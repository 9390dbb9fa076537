"""Tells people, by all channels: once, and at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from holdfast.events import alarm, execution
from holdfast.fleet.alert import plan
from holdfast.fleet.alert.model import Message
from holdfast.fleet.alert.ports import Channel, NotDelivered
from holdfast.fleet.ports import Documents
from holdfast.ports import Clock, Log


class NothingToTell(LookupError):
    """An event is about something of which nothing was written down, or is of no kind that alerts know."""


class NobodyTold(Exception):
    """No channel took a message."""


@dataclass(frozen=True, slots=True)
class Alert:
    """`stack`: whose messages these are."""

    stack: str
    documents: Documents
    channels: Sequence[Channel]
    now: Clock
    log: Log

    def __call__(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Raises NothingToTell, NobodyTold."""
        outcomes = [self._tell(message) for message in self._messages(event)]
        return {
            "sent": sum(bool(one) for one in outcomes),
            "suppressed": sum(one is None for one in outcomes),
            "undelivered": sum(len(self.channels) - len(one) for one in outcomes if one is not None),
        }

    def _messages(self, event: Mapping[str, Any]) -> Iterator[Message]:
        voice = plan.Voice(self.stack, f"{self.now():%Y-%m-%d}")
        match event:
            case {"kind": "failure", "run": str(run), "resource": str(digest)}:
                yield plan.failure(voice, run, self._load(f"runs/{run}/results/{digest}.json"))
            case {"kind": "run", "run": str(run)}:
                yield plan.finished(voice, self._load(f"runs/{run}/report.json"))
            case {"kind": "stopped", "execution": str(arn), "error": dict(error)}:
                yield plan.stopped(voice, arn, error)
            case {"kind": "restore", "restore": str(restore)}:
                yield plan.restored(voice, restore, self._load(f"restores/{restore}/report.json"))
            case {"Records": _}:
                yield from filter(None, (plan.alarmed(voice, change) for change in alarm.changes(event)))
            case _:
                if (ended := execution.ended(event)) is None:
                    raise NothingToTell(f"an event that tells of nothing: {sorted(event)}")
                yield from filter(None, [plan.ended(voice, ended)])

    def _load(self, key: str) -> dict[str, Any]:
        told = self.documents.load(key)
        if told is None:
            raise NothingToTell(f"there is no {key}")
        return dict(told)

    def _tell(self, message: Message) -> list[str] | None:
        """By which channels; None if it was sent before. It is written down once somebody has it: a crash in between
        tells twice, and never not at all."""
        key = f"alerts/{message.day}/{sha256(message.once.encode()).hexdigest()[:16]}.json"
        if self.documents.load(key) is not None:
            self.log("not told again", subject=message.subject)
            return None
        told = [channel.name for channel in self.channels if self._deliver(channel, message)]
        if not told:
            raise NobodyTold(f"no channel took the message {message.subject!r}: the log says why")
        self.documents.add(key, {"at": self.now().isoformat(), "subject": message.subject, "channels": told})
        return told

    def _deliver(self, channel: Channel, message: Message) -> bool:
        """One that does not work keeps nobody else from being told."""
        try:
            channel.send(message)
        except NotDelivered as refused:
            self.log("not delivered", channel=channel.name, reason=str(refused), subject=message.subject)
            return False
        self.log("told", channel=channel.name, subject=message.subject)
        return True
