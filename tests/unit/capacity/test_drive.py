"""The drive through the whole system, in a small world with a clock of its own."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from holdfast.adapters.memory import MemoryUploads
from holdfast.capacity.drive import EXPECTED_TOTALS, CannotDrive, Drive, Driver
from tests.unit.capacity.domain import BUCKET, T0, at
from tests.unit.capacity.watched import Log, Watched

PERIOD = 10
EVENT_DELAY = timedelta(seconds=1.1)


@dataclass
class World:
    """Events arrive after a second; the alarm judges each period by its highest total; a minute brings a heartbeat
    and a trim."""

    tracks: bool = True
    trims: int = 1000
    """How many trims are left before nobody trims any more."""
    sticks_at: int = 0
    """At which of its firings the alarm stays on for good; 0 for never."""
    fired: int = 0
    watched: Watched = field(default_factory=Watched)
    totals: dict[int, int] = field(default_factory=dict)
    """The highest total that was logged in each period."""

    def __post_init__(self) -> None:
        self.watched.now = at(3.7)
        self.watched.alarm.on = False

    def now(self) -> datetime:
        return self.watched.now

    def sleep(self, seconds: float) -> None:
        until = self.now() + timedelta(seconds=seconds)
        while self.now() < until:
            before = self.now()
            self.watched.now = min(until, before + timedelta(seconds=0.25))
            self.pass_time(before)

    def pass_time(self, before: datetime) -> None:
        if self.tracks:
            self.track()
        if self.period(before) != self.period():
            self.judge(self.totals.get(self.period(before)))
        if before.minute != self.now().minute:
            self.beat()
            self.trim(told_on=None)

    def period(self, moment: datetime | None = None) -> int:
        return int((moment or self.now()).timestamp()) // PERIOD

    def track(self) -> None:
        due = [event for event in self.watched.undelivered if event.time + EVENT_DELAY <= self.now()]
        for event in due:
            self.watched.undelivered.remove(event)
            self.watched.deliver(event)
            self.beat()

    def beat(self) -> None:
        self.totals[self.period()] = max(self.watched.total, self.totals.get(self.period(), 0))

    def judge(self, highest: int | None) -> None:
        was_on = self.watched.alarm.on
        if highest is None or (was_on and self.fired == self.sticks_at):
            return
        self.watched.alarm.on = highest >= self.watched.limit_bytes
        if self.watched.alarm.on and not was_on:
            self.fired += 1
            self.trim(told_on=True)

    def trim(self, told_on: bool | None) -> None:
        if self.watched.alarm.on and self.trims:
            self.trims -= 1
            self.watched.trim(told_on)

    def png(self, bucket: str, start: datetime, end: datetime) -> bytes:
        points = self.watched.history.points(bucket, start, end)
        return b"\x89PNG" + bytes(point.total_size for point in points)

    def driver(self, *, seconds: float = 870) -> Driver:
        return Driver(
            bucket_name=BUCKET,
            limit_bytes=self.watched.limit_bytes,
            uploads=MemoryUploads(self.watched.bucket),
            history=self.watched.history,
            alarm=self.watched.alarm,
            heart=self,
            plot=self,
            period_seconds=PERIOD,
            deadline=self.now() + timedelta(seconds=seconds),
            now=self.now,
            sleep=self.sleep,
            log=Log(),
        )


# As it should be


def test_the_bucket_grows_past_its_limit_twice_and_comes_back() -> None:
    drive = World().driver().run()
    assert drive.totals == EXPECTED_TOTALS == (0, 18, 46, 18, 20, 2)
    assert drive.remaining == ("assignment3.txt",)
    assert drive.waiting_for is None
    assert drive.as_expected


def test_the_timeline_tells_the_story() -> None:
    drive = World().driver().run()
    assert [(moment.what, moment.total_size) for moment in drive.timeline] == [
        ("uploading assignment1.txt (18 bytes)", 0),
        ("tracked", 18),
        ("uploading assignment2.txt (28 bytes)", 18),
        ("tracked", 46),
        ("assignment2.txt evicted", 18),
        ("alarm is off", 18),
        ("uploading assignment3.txt (2 bytes)", 18),
        ("tracked", 20),
        ("assignment1.txt evicted", 2),
        ("alarm is off", 2),
    ]


def test_it_starts_with_a_period_of_the_alarm() -> None:
    first = World().driver().run().timeline[0]
    assert first.at.timestamp() % PERIOD == 0
    assert first.at > T0


def test_it_asks_for_a_plot_of_all_of_it() -> None:
    drive = World().driver().run()
    assert drive.plot_bytes == len(b"\x89PNG") + len(EXPECTED_TOTALS) - 1


def test_it_clears_away_what_an_earlier_drive_left() -> None:
    world = World()
    assert world.driver().run().as_expected
    assert world.driver().run().as_expected


# What runs out is named


def waiting_for(world: World, *, seconds: float = 870) -> str | None:
    drive = world.driver(seconds=seconds).run()
    assert not drive.as_expected
    return drive.waiting_for


def test_an_earlier_drives_objects_that_are_not_tracked_away() -> None:
    world = World(tracks=False, watched=Watched().holding(**{"assignment3.txt": 2}))
    assert waiting_for(world) == "waited 110 s for the bucket to be empty; the total is 2 bytes"


def test_an_alarm_that_is_on_before_anything_happened() -> None:
    world = World(sticks_at=1, fired=1)
    world.watched.alarm.on = True
    assert waiting_for(world) == "waited 110 s for the alarm to be off before the first upload; the total is 0 bytes"


def test_an_upload_that_is_not_tracked() -> None:
    assert waiting_for(World(tracks=False)) == "waited 110 s for the total to go 0 -> 18; the total is 0 bytes"


def test_a_first_eviction_that_does_not_come() -> None:
    wait = "waited 110 s for the total to go 0 -> 18 -> 46 -> 18; the total is 46 bytes"
    assert waiting_for(World(trims=0)) == wait


@pytest.mark.parametrize(("firing", "eviction", "total"), [(1, "first", 18), (2, "second", 2)])
def test_an_alarm_that_does_not_go_off(firing: int, eviction: str, total: int) -> None:
    wait = f"waited 110 s for the alarm to be off after the {eviction} eviction; the total is {total} bytes"
    assert waiting_for(World(sticks_at=firing)) == wait


def test_a_second_eviction_that_does_not_come() -> None:
    drive = World(trims=1).driver().run()
    assert drive.waiting_for == (
        "waited 110 s for the total to go 0 -> 18 -> 46 -> 18 -> 20 -> 2; the total is 20 bytes"
    )
    assert drive.totals == (0, 18, 46, 18, 20)
    assert drive.remaining == ("assignment1.txt", "assignment3.txt")


def test_no_wait_outlasts_the_functions_own_time() -> None:
    wait = "waited 24 s for the total to go 0 -> 18; the total is 0 bytes"
    assert waiting_for(World(tracks=False), seconds=30) == wait


def test_somebody_elses_object_is_seen_in_the_totals() -> None:
    world = World()
    driver = world.driver()
    driver.heart = Stranger(world)
    drive = driver.run()
    assert drive.totals[:4] == (0, 18, 46, 18)
    assert not drive.as_expected


@dataclass
class Stranger:
    """Uses the bucket while the drive waits for the alarm."""

    world: World

    def beat(self) -> None:
        self.world.beat()
        if self.world.watched.tracked == {"assignment1.txt": 18}:
            self.world.watched.bucket.put("not mine", 1)


# Where it must not drive


def test_a_bucket_with_a_foreign_object_is_not_touched() -> None:
    world = World(watched=Watched().holding(**{"assignment1.txt": 18, "thesis.docx": 5}))
    with pytest.raises(CannotDrive) as refused:
        world.driver().run()
    assert str(refused.value) == (
        "the drive needs a bucket of its own: watched holds 'thesis.docx', which it could evict"
    )
    assert world.watched.bucket.names() == ["assignment1.txt", "thesis.docx"]


def test_a_stack_with_another_limit_is_not_driven() -> None:
    world = World(watched=Watched(limit_bytes=10**12).holding(**{"assignment1.txt": 18}))
    with pytest.raises(CannotDrive) as refused:
        world.driver().run()
    assert str(refused.value) == "the drive needs CapacityLimitBytes=20, the stack has 1000000000000"
    assert world.watched.bucket.names() == ["assignment1.txt"]


# What counts as expected


@pytest.mark.parametrize(
    "drive",
    [
        Drive(EXPECTED_TOTALS, (), ("assignment3.txt",), plot_bytes=0),
        Drive(EXPECTED_TOTALS, (), ("assignment1.txt", "assignment3.txt"), plot_bytes=9),
        Drive((0, 18, 46, 18, 20), (), ("assignment3.txt",), plot_bytes=9),
        Drive(EXPECTED_TOTALS, (), ("assignment3.txt",), plot_bytes=9, waiting_for="the alarm"),
    ],
    ids=["no plot", "an object too many", "a total missing", "a wait ran out"],
)
def test_one_thing_wrong_is_not_as_expected(drive: Drive) -> None:
    assert not drive.as_expected
