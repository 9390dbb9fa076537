"""Try the whole system: grow the bucket past its limit twice, and watch it come back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from holdfast.capacity.model import HistoryPoint
from holdfast.capacity.ports import Alarm, Heart, History, PlotApi, Uploads
from holdfast.ports import Clock, Log

LIMIT_BYTES = 20
UPLOADS = {"assignment1.txt": 18, "assignment2.txt": 28, "assignment3.txt": 2}
EXPECTED_TOTALS = (0, 18, 46, 18, 20, 2)
POLL_SECONDS = 0.5
WAIT_PERIODS = 5
"""How many periods of the alarm a wait may take: CloudWatch is two or three behind when it is slow."""


class CannotDrive(Exception):
    """The stack is not one on which the drive can show anything without touching what is not its own."""


class WaitExpired(Exception):
    """What the drive waited for did not come about."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A line of the timeline: what happened, and the bucket's total behind it, in bytes."""

    at: datetime
    what: str
    total_size: int


@dataclass(frozen=True, slots=True)
class Drive:
    """What a drive saw. `waiting_for` names the wait that ran out, if one did."""

    totals: tuple[int, ...]
    timeline: tuple[Moment, ...]
    remaining: tuple[str, ...]
    plot_bytes: int = 0
    waiting_for: str | None = None

    @property
    def as_expected(self) -> bool:
        return (
            self.waiting_for is None
            and self.totals == EXPECTED_TOTALS
            and self.remaining == ("assignment3.txt",)
            and self.plot_bytes > 0
        )


@dataclass(slots=True)
class Driver:
    """The outside of a drive, and what it has seen so far."""

    bucket_name: str
    limit_bytes: int
    uploads: Uploads
    history: History
    alarm: Alarm
    heart: Heart
    plot: PlotApi
    period_seconds: int
    deadline: datetime
    """When the drive must have ended, whatever it waits for."""
    now: Clock
    sleep: Callable[[float], None]
    log: Log
    notes: list[Moment] = field(default_factory=list)

    def run(self) -> Drive:
        """Drive through the whole story. Raises CannotDrive before anything is touched."""
        self._check()
        start = self.now()
        plot_bytes, waiting_for = 0, None
        try:
            self._clear_own()
            self._align()
            start = self.now()
            self._story(start)
            plot_bytes = len(
                self.plot.png(self.bucket_name, start - timedelta(seconds=self.period_seconds), self.now())
            )
        except WaitExpired as expired:
            waiting_for = str(expired)
        changes = list(self._changes(start))
        told = [Moment(p.at, f"{p.evicted} evicted" if p.evicted else "tracked", p.total_size) for p in changes]
        return Drive(
            totals=(0, *(point.total_size for point in changes)),
            timeline=tuple(sorted([*self.notes, *told], key=lambda moment: moment.at)),
            remaining=tuple(self.uploads.names()),
            plot_bytes=plot_bytes,
            waiting_for=waiting_for,
        )

    def _check(self) -> None:
        if self.limit_bytes != LIMIT_BYTES:
            raise CannotDrive(f"the drive needs CapacityLimitBytes={LIMIT_BYTES}, the stack has {self.limit_bytes}")
        if foreign := [name for name in self.uploads.names() if name not in UPLOADS]:
            raise CannotDrive(
                f"the drive needs a bucket of its own: {self.bucket_name} holds {foreign[0]!r}, which it could evict"
            )

    def _clear_own(self) -> None:
        for name in self.uploads.names():
            self.uploads.delete(name)
        self._wait("the bucket to be empty", lambda: self._total() == 0)
        self._wait("the alarm to be off before the first upload", self._is_off())

    def _align(self) -> None:
        """Start with a period of the alarm, so that the first two uploads fall into one."""
        self.sleep(self.period_seconds - self.now().timestamp() % self.period_seconds)

    def _story(self, start: datetime) -> None:
        self._upload("assignment1.txt")
        self._wait_for_totals(start, (18,))
        self._upload("assignment2.txt")
        self._wait_for_totals(start, (18, 46))
        self._wait_for_totals(start, (18, 46, 18))
        self._wait("the alarm to be off after the first eviction", self._is_off())
        self._note("alarm is off")
        self._upload("assignment3.txt")
        self._wait_for_totals(start, EXPECTED_TOTALS[1:])
        self._wait("the alarm to be off after the second eviction", self._is_off())
        self._note("alarm is off")

    def _upload(self, name: str) -> None:
        self._note(f"uploading {name} ({UPLOADS[name]} bytes)")
        self.uploads.put(name, b"x" * UPLOADS[name])

    def _wait_for_totals(self, start: datetime, totals: tuple[int, ...]) -> None:
        self._wait(
            f"the total to go {' -> '.join(map(str, (0, *totals)))}",
            lambda: tuple(point.total_size for point in self._changes(start))[: len(totals)] == totals,
        )

    def _wait(self, what: str, is_so: Callable[[], bool]) -> None:
        begun = self.now()
        expires = min(self.deadline, begun + timedelta(seconds=60 + WAIT_PERIODS * self.period_seconds))
        while not is_so():
            if (now := self.now()) >= expires:
                waited = round((now - begun).total_seconds())
                raise WaitExpired(f"waited {waited} s for {what}; the total is {self._total()} bytes")
            self.sleep(POLL_SECONDS)

    def _is_off(self) -> Callable[[], bool]:
        """Ask the alarm, and see to it that each period has a value: the schedule's heartbeats are a minute apart."""
        periods: set[float] = set()

        def is_off() -> bool:
            period = self.now().timestamp() // self.period_seconds
            if period not in periods:
                periods.add(period)
                self.heart.beat()
            return not self.alarm.is_on()

        return is_off

    def _note(self, what: str) -> None:
        total = self._total()
        self.notes.append(Moment(self.now(), what, total))
        self.log(what, bucket_name=self.bucket_name, total=total)

    def _changes(self, start: datetime) -> Iterator[HistoryPoint]:
        return self.history.points(self.bucket_name, start, self.now() + timedelta(minutes=1))

    def _total(self) -> int:
        last = self.history.last_before(self.bucket_name, self.now() + timedelta(minutes=1))
        return last.total_size if last else 0
