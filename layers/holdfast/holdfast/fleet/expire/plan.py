"""Grandfather, father, son: which backups stay, which may go, and what stands in the way. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from holdfast.fleet.model import Backup, Keep, Place, Retention, Status, Tag, moment_of

FAILED_STAY = timedelta(days=7)
"""What was never found good may be looked at for so long."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`minimum`: nothing younger goes, whatever else is said."""

    keep: Keep
    minimum: timedelta


def period(moment: datetime, retention: Retention) -> tuple[int, ...]:
    """The day, ISO week, month or year of a moment, in UTC."""
    moment = moment.astimezone(UTC)
    match retention:
        case Retention.DAILY:
            return (moment.year, moment.month, moment.day)
        case Retention.WEEKLY:
            return moment.isocalendar()[:2]
        case Retention.MONTHLY:
            return (moment.year, moment.month)
        case _:  # YEARLY
            return (moment.year,)


def retention_of(taken: datetime, good: Iterable[datetime], keep: Keep) -> Retention:
    """As what a new backup will be kept: the first good one of a year as the year's, and so on. `good`: the moments of
    the good ones that there are."""
    return next(iter(_firsts(taken, list(good), keep)), Retention.DAILY)


def expiry_of(taken: datetime, good: Iterable[datetime], rules: Rules) -> datetime:
    """Before when a backup will not go once it is found good, as long as the settings stay, and none that is older is
    found good after it. It may go much later: what counts is how many there are."""
    keep = rules.keep
    ends = [_end(taken, retention, keep.of(retention)) for retention in _firsts(taken, list(good), keep)]
    return max([taken + rules.minimum, *ends])


def _firsts(taken: datetime, good: Sequence[datetime], keep: Keep) -> list[Retention]:
    """Of which periods a new backup will be the first good one."""
    return [
        retention
        for retention in Retention
        if keep.of(retention) and period(taken, retention) not in {period(moment, retention) for moment in good}
    ]


def _end(moment: datetime, retention: Retention, count: int) -> datetime:
    """When the period begins that is so many after a moment's."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    match retention:
        case Retention.DAILY:
            return day + timedelta(days=count)
        case Retention.WEEKLY:
            return day + timedelta(weeks=count, days=-day.weekday())
        case Retention.MONTHLY:
            years, month = divmod(day.month - 1 + count, 12)
            return day.replace(year=day.year + years, month=month + 1, day=1)
        case _:  # YEARLY
            return day.replace(year=day.year + count, month=1, day=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup that stays by the rule."""

    backup: Backup
    why: str


@dataclass(frozen=True, slots=True)
class Expired:
    """A backup that may go."""

    backup: Backup
    why: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """A backup that the rule lets go, and what stands in the way."""

    backup: Backup
    why: str


type Verdict = Kept | Expired | Blocked


def judge(backups: Sequence[Backup], rules: Rules, now: datetime) -> list[Verdict]:
    """A verdict on each backup, in their order. Those in different places are kept each on their own."""
    chains: defaultdict[tuple[str, Place], list[Backup]] = defaultdict(list)
    for backup in backups:
        chains[backup.source, backup.place].append(backup)
    kept = {id(one): why for chain in chains.values() for one, why in _kept(chain, rules.keep, now)}
    # What was copied is needed until its copy is complete.
    awaited = {(one.source, one.slot) for one in backups if one.is_copy and _is_being_made(one, now)}
    return [
        Kept(one, kept[id(one)])
        if id(one) in kept
        else _judge_expired(one, rules, now, is_awaited=(one.source, one.slot) in awaited)
        for one in backups
    ]


def _kept(chain: Sequence[Backup], keep: Keep, now: datetime) -> list[tuple[Backup, str]]:
    """What is left of a good backup is kept as if it were whole: a listing may lack a part for a moment. It takes no
    whole one's place."""
    ordered = sorted(chain, key=lambda one: one.taken)
    good = [one for one in ordered if one.verified]
    with_remainders = _kept_of_the_good([one for one in ordered if one.verified or _is_remainder(one)], keep)
    return [
        *_kept_of_the_good(good, keep),
        *((one, f"{why}; a part of it is not there") for one, why in with_remainders if _is_remainder(one)),
        *_kept_of_the_others(chain, good[-1] if good else None, now),
    ]


def _is_remainder(backup: Backup) -> bool:
    """Whether it was found good, and a part of it is gone: it was deleted by hand, or its removal was cut off."""
    return backup.status is Status.PARTIAL and any(Tag.VERIFIED in part.tags for part in backup.parts)


def _kept_of_the_good(good: Sequence[Backup], keep: Keep) -> list[tuple[Backup, str]]:
    reasons: defaultdict[int, list[str]] = defaultdict(list)
    for retention in Retention:
        firsts: dict[tuple[int, ...], int] = {}
        for index, backup in enumerate(good):
            firsts.setdefault(period(backup.taken, retention), index)
        newest = list(firsts.values())[::-1][: keep.of(retention)]
        for rank, index in enumerate(newest, start=1):
            reasons[index].append(f"{retention} {rank} of {keep.of(retention)}")
    if good:
        reasons[len(good) - 1].append("the last good one")
    return [(good[index], ", ".join(why)) for index, why in reasons.items()]


def _kept_of_the_others(chain: Iterable[Backup], newest: Backup | None, now: datetime) -> list[tuple[Backup, str]]:
    """`newest`: the last good one. What is newer may be all that there is of what was changed since."""
    kept = []
    for backup in chain:
        if backup.verified or _is_remainder(backup):
            continue
        if _is_being_made(backup, now):
            kept.append((backup, "AWS is still making it"))
        elif now - backup.taken < FAILED_STAY:
            kept.append((backup, f"never found good; it can be looked at for {FAILED_STAY.days} days"))
        elif not _is_empty(backup) and (newest is None or newest.taken < backup.taken):
            kept.append((backup, "never found good, but none that was is newer"))
    return kept


def _is_empty(backup: Backup) -> bool:
    """AWS made nothing of it."""
    return all(part.status is Status.FAILED for part in backup.parts)


def _is_being_made(backup: Backup, now: datetime) -> bool:
    return backup.status is Status.PENDING and now - backup.taken < FAILED_STAY


def _judge_expired(backup: Backup, rules: Rules, now: datetime, *, is_awaited: bool) -> Verdict:
    if why := _in_the_way(backup, rules, now, is_awaited=is_awaited):
        return Blocked(backup, why)
    if backup.verified:
        return Expired(backup, f"kept as none of {_words(rules.keep)}")
    if _is_remainder(backup):
        return Expired(backup, "what is left of one that is kept no longer")
    if _is_empty(backup):
        return Expired(backup, "AWS failed to make it")
    return Expired(backup, "never found good, and one that was is newer")


def is_early(expired: Expired, now: datetime) -> bool:
    """Whether a backup goes before the moment that its tag tells: the settings keep fewer than they did. An ordinary
    cleaning removes more than half of what there is, and nothing of it early."""
    told = moment_of(expired.backup.tags.get(Tag.EXPIRY, ""))
    return not _is_empty(expired.backup) and (told is None or now < told)


def _words(keep: Keep) -> str:
    return ", ".join(f"{keep.of(retention)} {retention}" for retention in reversed(Retention))


def _in_the_way(backup: Backup, rules: Rules, now: datetime, *, is_awaited: bool) -> str:
    if backup.held:
        return f"its tag holdfast:legal-hold is {backup.held}: remove it to let it go"
    for part in backup.parts:
        if part.locked:
            return f"{part.id} is locked until {part.locked}"
        if part.used_by:
            return f"{part.id} is used by {', '.join(part.used_by)}: deregister it to let it go"
    if is_awaited:
        return "it is being copied"
    if now - backup.taken < rules.minimum:
        return f"it is younger than {rules.minimum.days} days, the least that the stack keeps"
    return ""
