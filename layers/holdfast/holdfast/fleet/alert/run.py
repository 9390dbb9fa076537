"""Tells people, by all channels: once, and at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.events import alarm, execution
from holdfast.fleet import naming
from holdfast.fleet.alert import plan
from holdfast.fleet.alert.book import Book
from holdfast.fleet.alert.incidents.plan import Noted, Ran
from holdfast.fleet.alert.model import Message, Of
from holdfast.fleet.alert.ports import Channel, NotDelivered
from holdfast.fleet.model import Slot, digest_of
from holdfast.fleet.ports import Documents
from holdfast.ports import Clock, Each, Log


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
    each: Each
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
        voice = plan.Voice(self.stack, self.now())
        match event:
            case {"kind": "failure", "run": str(run), "resource": str(digest)}:
                yield plan.failure(voice, run, self._load(naming.result(run, digest)))
            case {"kind": "run", "run": str(run)}:
                report, noted = self._load(naming.report(run)), self._book.open()
                yield plan.finished(voice, report, self._ran(run, noted), noted)
            case {"kind": "stopped", "execution": str(arn), "error": dict(error), **more}:
                yield plan.stopped(voice, arn, error, more.get("input") or {})
            case {"kind": "restore", "restore": str(restore)}:
                yield plan.restored(voice, restore, self._load(f"restores/{restore}/report.json"), self._book.open())
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

    @property
    def _book(self) -> Book:
        return Book(self.documents, self.each, self.now)

    def _ran(self, run: str, noted: Sequence[Noted]) -> Ran | None:
        """Of a run without a record of what it found, nothing is told to be over."""
        discovered = self.documents.load(naming.discovered(run))
        if discovered is None:
            return None
        arns = sorted({one.ends.what for one in noted if one.ends.of is Of.RESOURCE})
        results = self.each(lambda arn: self.documents.load(naming.result(run, digest_of(arn))), arns)
        good = [arn for arn, told in zip(arns, results, strict=True) if told and told["status"] == "done"]
        return Ran.of(Slot.parse(run), discovered, good)

    def _tell(self, message: Message) -> list[str] | None:
        """By which channels; None if it was sent before. It is written down once somebody has it: a crash in between
        tells twice, and never not at all."""
        key = f"alerts/{message.day}/{digest_of(message.once)}.json"
        if self.documents.load(key) is not None and self._is_still_open(message):
            self.log("not told again", subject=message.subject)
            self._note(message, paged=False)
            return None
        told = [channel.name for channel in self.channels if self._deliver(channel, message)]
        if not told:
            raise NobodyTold(f"no channel took the message {message.subject!r}: the log says why")
        paged = all(channel.name in told for channel in self.channels if channel.pages)
        self._note(message, paged=paged)
        if message.resolves and paged:  # or they are told to be over once more, after the next run
            self._book.close(message.resolves)
        self.documents.add(key, {"at": self.now().isoformat(), "subject": message.subject, "channels": told})
        return told

    def _note(self, message: Message, *, paged: bool) -> None:
        """That it failed once more is noted even if nobody is told: what was due before that does not end it."""
        for incident in message.triggers:
            self._book.note(incident, paged=paged)

    def _is_still_open(self, message: Message) -> bool:
        """What was over in the meantime, and fails again in the same way, is told again."""
        return all(one.ends is None or self._book.is_open(one.key) for one in message.triggers)

    def _deliver(self, channel: Channel, message: Message) -> bool:
        """One that does not work keeps nobody else from being told."""
        try:
            channel.send(message)
        except NotDelivered as refused:
            self.log("not delivered", channel=channel.name, reason=str(refused), subject=message.subject)
            return False
        self.log("told", channel=channel.name, subject=message.subject)
        return True
