"""Which backups stay, which go, and what stands in the way."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.fleet.expire.plan import Blocked, Expired, Kept, Rules, expiry_of, is_early, judge, period, retention_of
from holdfast.fleet.model import Backup, Keep, PartType, Retention, Schedule, Status, Tag
from tests.unit.fleet.domain import ABROAD, DUE, backup, bad, copied, good, instance, part, slot

KEEP = Keep(daily=2, weekly=2, monthly=2, yearly=2)
NOTHING = Keep(0, 0, 0, 0)
NOW = datetime(2027, 3, 1, tzinfo=UTC)


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def verdicts(
    backups: Sequence[Backup], keep: Keep = NOTHING, now: datetime = NOW, minimum: timedelta = timedelta(0)
) -> list[tuple[str, str]]:
    names = {Kept: "kept", Expired: "expired", Blocked: "blocked"}
    return [(names[type(one)], one.why) for one in judge(backups, Rules(keep, minimum), now)]


def which(told: Sequence[tuple[str, str]]) -> list[str]:
    return [what for what, _ in told]


# The rule


def test_the_first_good_one_of_each_of_the_newest_periods_stays() -> None:
    taken = [
        datetime(2025, 7, 1, tzinfo=UTC),  # the first of a year
        datetime(2025, 12, 31, tzinfo=UTC),
        datetime(2026, 1, 5, tzinfo=UTC),  # the first of the next
        datetime(2026, 1, 20, tzinfo=UTC),
        datetime(2026, 2, 1, tzinfo=UTC),  # a Sunday, the first of a month
        datetime(2026, 2, 2, tzinfo=UTC),  # the first of a week
        datetime(2026, 2, 3, 1, tzinfo=UTC),
        datetime(2026, 2, 3, 2, tzinfo=UTC),
        datetime(2026, 2, 4, tzinfo=UTC),
    ]
    assert verdicts([good(moment) for moment in taken], KEEP) == [
        ("kept", "yearly 2 of 2"),
        ("expired", "kept as none of 2 daily, 2 weekly, 2 monthly, 2 yearly"),
        ("kept", "yearly 1 of 2, monthly 2 of 2"),
        ("expired", "kept as none of 2 daily, 2 weekly, 2 monthly, 2 yearly"),
        ("kept", "monthly 1 of 2, weekly 2 of 2"),
        ("kept", "weekly 1 of 2"),
        ("kept", "daily 2 of 2"),
        ("expired", "kept as none of 2 daily, 2 weekly, 2 monthly, 2 yearly"),
        ("kept", "daily 1 of 2, the last good one"),
    ]


def test_keeping_none_of_anything_keeps_the_last_good_one() -> None:
    assert verdicts([good(days_ago(30)), good(days_ago(20))]) == [
        ("expired", "kept as none of 0 daily, 0 weekly, 0 monthly, 0 yearly"),
        ("kept", "the last good one"),
    ]


@pytest.mark.parametrize("days", [1, 366, 36_600 / 10])
def test_the_last_good_one_never_goes(days: float) -> None:
    assert which(verdicts([good(days_ago(days))])) == ["kept"]


def test_an_iso_week_may_begin_in_the_other_year() -> None:
    eve, day = datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 1, 3, tzinfo=UTC)
    assert period(eve, Retention.WEEKLY) == period(day, Retention.WEEKLY) == (2026, 53)
    backups = [good(datetime(2026, 12, 27, tzinfo=UTC)), good(eve), good(day), good(datetime(2027, 1, 4, tzinfo=UTC))]
    assert which(verdicts(backups, Keep(0, 2, 0, 0))) == ["expired", "kept", "expired", "kept"]


def test_a_day_is_one_of_utc() -> None:
    late = datetime.fromisoformat("2026-11-21T23:30:00-05:00")
    assert period(late, Retention.DAILY) == (2026, 11, 22)


def test_of_two_runs_on_a_sunday_the_first_stays() -> None:
    sunday = datetime(2026, 11, 22, tzinfo=UTC)
    weekly = slot(sunday + timedelta(hours=1), Schedule.WEEKLY)
    daily = slot(sunday + timedelta(hours=2))
    backups = [backup(part(run=one, verified=True)) for one in (weekly, daily)]
    assert which(verdicts([*backups, good(days_ago(20))], Keep(9, 0, 0, 0))) == ["kept", "expired", "kept"]


def test_each_source_and_each_place_keeps_its_own() -> None:
    other = replace(instance(), arn="arn:aws:ec2:eu-central-1:123456789012:instance/i-1")
    here = part(verified=True)
    backups = [backup(here), backup(copied(here, ABROAD)), backup(part(verified=True, resource=other))]
    assert which(verdicts(backups)) == ["kept", "kept", "kept"]


def test_a_copy_stays_when_its_origin_is_gone() -> None:
    copies = [backup(copied(part(run=slot(days_ago(age)), verified=True))) for age in (40, 30)]
    assert which(verdicts(copies)) == ["expired", "kept"]


# What was never found good


def test_what_aws_is_still_making_stays() -> None:
    pending = [bad(days_ago(age), status=Status.PENDING) for age in (7, 6)]
    assert verdicts([*pending, good(days_ago(1))])[:2] == [
        ("expired", "never found good, and one that was is newer"),
        ("kept", "AWS is still making it"),
    ]


@pytest.mark.parametrize("status", [Status.COMPLETE, Status.FAILED])
def test_what_was_never_found_good_can_be_looked_at_for_a_week(status: Status) -> None:
    told = verdicts([bad(days_ago(6.9), status=status), bad(days_ago(7), status=status), good(days_ago(1))])
    assert told[0] == ("kept", "never found good; it can be looked at for 7 days")
    assert told[1][0] == "expired"


def test_what_was_never_found_good_goes_only_for_a_newer_one_that_was() -> None:
    """A check that has failed for months must not end in there being nothing of these months."""
    backups = [bad(days_ago(90)), good(days_ago(80)), *(bad(days_ago(age)) for age in (70, 60, 50))]
    assert verdicts(backups) == [
        ("expired", "never found good, and one that was is newer"),
        ("kept", "the last good one"),
        *[("kept", "never found good, but none that was is newer")] * 3,
    ]


def test_without_any_good_one_all_stay() -> None:
    backups = [bad(days_ago(age), status=status) for age in (90, 80) for status in (Status.COMPLETE, Status.PENDING)]
    assert set(verdicts(backups)) == {("kept", "never found good, but none that was is newer")}


def test_what_aws_failed_to_make_goes_and_what_holds_a_part_does_not() -> None:
    failed = part("snap-1", status=Status.FAILED, run=slot(days_ago(9)))
    assert verdicts([backup(failed)]) == [("expired", "AWS failed to make it")]
    half = backup(failed, part("snap-2", run=slot(days_ago(9))))
    assert which(verdicts([half])) == ["kept"]


def test_a_backup_half_removed_goes_on_to_go() -> None:
    left = backup(part("snap-2", run=slot(days_ago(60)), parts=3, verified=True))
    assert which(verdicts([left, good(days_ago(30))])) == ["expired", "kept"]


def test_what_is_left_of_a_good_one_stays_where_the_whole_one_would() -> None:
    """A listing may lack a part for a moment."""
    left = backup(part("snap-2", run=slot(days_ago(1)), parts=3, verified=True))
    assert verdicts([left, good(days_ago(0))], KEEP) == [
        ("kept", "yearly 1 of 2, monthly 2 of 2, weekly 2 of 2, daily 2 of 2; a part of it is not there"),
        ("kept", "yearly 1 of 2, monthly 1 of 2, weekly 1 of 2, daily 1 of 2, the last good one"),
    ]


def test_a_removal_that_was_cut_off_a_moment_ago_goes_on() -> None:
    left = backup(part("snap-2", run=slot(days_ago(3)), parts=3, verified=True))
    assert verdicts([left, good(days_ago(1))]) == [
        ("expired", "what is left of one that is kept no longer"),
        ("kept", "the last good one"),
    ]


def test_what_is_left_takes_no_whole_ones_place() -> None:
    left = backup(part("snap-2", run=slot(NOW.replace(hour=1)), parts=3, verified=True))
    whole = good(NOW.replace(hour=2))
    assert which(verdicts([left, whole], KEEP)) == ["kept", "kept"]


# What stands in the way


def blocked(*parts_of_one: Backup, minimum: timedelta = timedelta(0)) -> str:
    """Why the first of them is still there, of which only the last is kept."""
    what, why = verdicts([*parts_of_one, good(days_ago(1))], minimum=minimum)[0]
    assert what == "blocked"
    return why


def old(**more: object) -> Backup:
    return good(days_ago(60), **more)


def test_a_legal_hold_on_any_part() -> None:
    run = slot(days_ago(60))
    one = part("snap-1", run=run, parts=2, verified=True)
    other = part("snap-2", run=run, parts=2, verified=True, tags={Tag.HOLD: "case 12"})
    assert blocked(backup(one, other)) == "its tag holdfast:legal-hold is case 12: remove it to let it go"


def test_a_legal_hold_on_what_was_never_found_good() -> None:
    assert "legal-hold" in blocked(bad(days_ago(60), tags={Tag.HOLD: ""}))


def test_a_lock() -> None:
    assert blocked(old(locked="2028-01-01")) == "snap-2026123100 is locked until 2028-01-01"


def test_an_image_that_is_not_ours() -> None:
    why = "snap-2026123100 is used by ami-1, ami-2: deregister it to let it go"
    assert blocked(old(used_by=("ami-1", "ami-2"))) == why


def test_a_copy_that_is_being_made_of_it() -> None:
    young = good(days_ago(6))
    assert blocked(young, backup(copied(young.parts[0], status=Status.PENDING))) == "it is being copied"


def test_a_copy_that_is_never_complete_is_not_waited_for() -> None:
    origin = old()
    copy = backup(copied(origin.parts[0], status=Status.PENDING))
    assert which(verdicts([origin, copy, good(days_ago(1))])) == ["expired", "kept", "kept"]


def test_the_minimum_duration() -> None:
    week = timedelta(days=7)
    assert blocked(good(days_ago(6.9)), minimum=week) == "it is younger than 7 days, the least that the stack keeps"
    assert which(verdicts([good(days_ago(7)), good(days_ago(1))], minimum=week)) == ["expired", "kept"]


def test_what_is_kept_is_not_called_blocked() -> None:
    assert which(verdicts([old(tags={Tag.HOLD: "case 12"})])) == ["kept"]


def test_an_image_alone_is_judged_like_any_other() -> None:
    assert which(verdicts([old(type=PartType.IMAGE), good(days_ago(1))])) == ["expired", "kept"]


# What a new backup is tagged with


def test_a_new_backup_is_tagged_as_the_longest_that_it_is_kept_as() -> None:
    first, now = datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)
    assert retention_of(now, [], KEEP) is Retention.YEARLY
    assert retention_of(now, [], replace(KEEP, yearly=0)) is Retention.MONTHLY
    assert retention_of(now, [first], KEEP) is Retention.WEEKLY
    assert retention_of(now, [first, datetime(2026, 11, 17, tzinfo=UTC)], KEEP) is Retention.DAILY
    assert retention_of(now, [now], KEEP) is Retention.DAILY
    assert retention_of(now, [], NOTHING) is Retention.DAILY


@pytest.mark.parametrize(
    ("keep", "good_ones", "expiry"),
    [
        (Keep(7, 0, 0, 0), [], "2026-11-28"),
        (Keep(0, 2, 0, 0), [], "2026-11-30"),
        (Keep(0, 0, 2, 0), [], "2027-01-01"),
        (Keep(0, 0, 14, 0), [], "2028-01-01"),
        (Keep(0, 0, 0, 2), [], "2028-01-01"),
        (Keep(60, 0, 0, 1), [], "2027-01-20"),
        (Keep(7, 4, 12, 3), ["2026-11-21T00:00:00+00:00"], "2026-11-22"),
        (NOTHING, [], "2026-11-22"),
    ],
)
def test_an_expiry_is_where_the_newest_periods_leave_it_behind(keep: Keep, good_ones: list[str], expiry: str) -> None:
    taken = datetime(2026, 11, 21, tzinfo=UTC)
    there = map(datetime.fromisoformat, good_ones)
    assert f"{expiry_of(taken, there, Rules(keep, timedelta(days=1))):%Y-%m-%d}" == expiry


@pytest.mark.parametrize(
    ("tags", "is_told_early"),
    [
        ({Tag.EXPIRY: NOW.isoformat()}, False),
        ({Tag.EXPIRY: (NOW + timedelta(seconds=1)).isoformat()}, True),
        ({Tag.EXPIRY: "soon"}, True),
        ({}, True),
    ],
)
def test_what_goes_before_the_moment_of_its_tag_goes_early(tags: dict[str, str], is_told_early: bool) -> None:
    assert is_early(Expired(old(tags=tags), ""), NOW) is is_told_early
    assert not is_early(Expired(bad(days_ago(60), status=Status.FAILED, tags=tags), ""), NOW)


# The rule, said in another way

COUNTS = st.integers(0, 4)
KEEPS = st.builds(Keep, COUNTS, COUNTS, COUNTS, COUNTS)
HOURS = st.lists(st.integers(0, 24 * 800), min_size=1, max_size=40, unique=True).map(sorted)
FORMS = {"daily": "%Y-%m-%d", "weekly": "%G-%V", "monthly": "%Y-%m", "yearly": "%Y"}


def must_stay(taken: Sequence[datetime], keep: Keep) -> set[datetime]:
    """Walks from the newest to the oldest: the last seen of a period is its first."""
    stay = {max(taken)}
    for name, form in FORMS.items():
        firsts: dict[str, datetime] = {}
        for moment in sorted(taken, reverse=True):
            firsts[moment.strftime(form)] = moment
        stay |= set(list(firsts.values())[: getattr(keep, name)])
    return stay


@given(HOURS, KEEPS)
def test_the_rule_keeps_what_another_way_of_saying_it_does(hours: list[int], keep: Keep) -> None:
    backups = [good(DUE + timedelta(hours=hour)) for hour in hours]
    now = DUE + timedelta(days=900)
    kept = {one.backup.taken for one in judge(backups, Rules(keep, timedelta(0)), now) if isinstance(one, Kept)}
    assert kept == must_stay([one.taken for one in backups], keep)


@given(HOURS, KEEPS)
def test_cleaning_twice_removes_no_more_than_cleaning_once(hours: list[int], keep: Keep) -> None:
    rules, now = Rules(keep, timedelta(0)), DUE + timedelta(days=900)
    backups = [good(DUE + timedelta(hours=hour)) for hour in hours]
    left = [one.backup for one in judge(backups, rules, now) if isinstance(one, Kept)]
    assert all(isinstance(one, Kept) for one in judge(left, rules, now))


@given(HOURS, KEEPS, st.integers(0, 40))
@example([0, 24 * 41, 24 * 400], Keep(0, 0, 0, 2), 1)
def test_nothing_goes_before_the_expiry_that_its_tag_tells(hours: list[int], keep: Keep, minimum: int) -> None:
    """Cleaned after each backup."""
    rules = Rules(keep, timedelta(days=minimum))
    there: list[tuple[Backup, datetime]] = []
    for hour in hours:
        now = DUE + timedelta(hours=hour)
        expiry = expiry_of(now, [one.taken for one, _ in there], rules)
        there.append((good(now), expiry))
        judged = judge([one for one, _ in there], rules, now)
        gone = [(now, told) for one, (_, told) in zip(judged, there, strict=True) if isinstance(one, Expired)]
        assert all(told <= now for now, told in gone)
        there = [each for one, each in zip(judged, there, strict=True) if not isinstance(one, Expired)]
