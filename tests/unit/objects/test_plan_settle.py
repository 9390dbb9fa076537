"""What brings the copies of an object to rest, and why: the words stand in the log."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.objects.model import Copy, Kept, Status
from holdfast.objects.plan import ABANDONED_AFTER, HELD_BACK, Action, Disown, Remove, Rules, settle
from tests.unit.objects.domain import T0, THREE, a_copy, at, kept

NOW = at(7200)
LOCKED = replace(THREE, locked=True)
CAREFUL = replace(THREE, spare_younger_than=timedelta(hours=1))


def settled(*copies: Copy, deleted: str | None = None, rules: Rules = THREE, now: datetime = NOW) -> list[Action]:
    """While mass changes go on, if the rules spare anything then."""
    return settle(kept(*copies, deleted=deleted), now, rules, sparing=True)


def removed(actions: Sequence[Action]) -> list[tuple[Copy, str, bool]]:
    assert all(isinstance(action, Remove) for action in actions)
    return [(a.copy, a.reason, a.guarded) for a in actions if isinstance(a, Remove)]


@pytest.mark.parametrize("deleted", [None, "0"])
def test_up_to_as_many_copies_as_are_kept_stay(deleted: str | None) -> None:
    assert settled(deleted=deleted) == []
    assert settled(a_copy("1"), a_copy("2"), a_copy("3"), deleted=deleted) == []


# Evictions


def test_of_more_than_are_kept_the_oldest_are_evicted() -> None:
    copies = [a_copy(order) for order in "54321"]
    assert removed(settled(*copies)) == [
        (copies[4], "3 newer versions have copies", True),
        (copies[3], "3 newer versions have copies", True),
    ]


def test_the_oldest_is_who_was_written_first_whenever_it_was_copied() -> None:
    late = a_copy("1", made=100)
    assert removed(settled(late, a_copy("2"), a_copy("3"), a_copy("4")))[0][0] == late


def test_copies_that_are_not_active_neither_evict_nor_are_evicted() -> None:
    others = [a_copy("4", status=status, made=7200) for status in (Status.PENDING, Status.DISOWNED)]
    assert settled(a_copy("1"), a_copy("2"), a_copy("3"), *others) == []


def test_where_copies_are_locked_what_would_be_evicted_is_disowned() -> None:
    copies = [a_copy(order) for order in "12345"]
    assert settled(*copies, rules=LOCKED) == [
        Disown((copies[0],), disowned_at=NOW, deleted_at=None, reason="3 newer versions have copies"),
        Disown((copies[1],), disowned_at=NOW, deleted_at=None, reason="3 newer versions have copies"),
    ]


def test_a_copy_from_a_machine_whose_clock_is_ahead_evicts_like_any_other() -> None:
    copies = [a_copy(order) for order in "123"] + [a_copy("4", made=7201)]
    assert len(settled(*copies, now=at(7200))) == 1


# Evictions, while mass changes go on


def test_a_young_copy_is_spared() -> None:
    copies = [a_copy(order, made=3601) for order in "1234"]
    assert settled(*copies, rules=CAREFUL) == []
    assert len(settled(*copies)) == 1
    assert len(settle(kept(*copies), NOW, CAREFUL)) == 1, "on a quiet day"


def test_a_young_copy_does_not_evict_an_old_one() -> None:
    """Whoever overwrites an object three times in a row is not to be rid of what it was before."""
    clean = [a_copy(order, made=0) for order in "123"]
    encrypted = [a_copy(order, made=7000 + int(order)) for order in "456"]
    assert settled(*clean, *encrypted, rules=CAREFUL) == []


def test_what_was_old_when_it_became_one_too_many_long_ago_is_evicted() -> None:
    copies = [a_copy(order, made=0) for order in "1234"] + [a_copy("5", made=7000)]
    assert removed(settled(*copies, rules=CAREFUL)) == [(copies[0], "3 newer versions have copies", True)]


def counted(*made: float, rules: Rules = CAREFUL) -> list[bool]:
    """Whether what is evicted counts with the breaker, of copies made at these seconds."""
    copies = [a_copy(str(order), made=seconds) for order, seconds in enumerate(made, start=1)]
    return [action.counted for action in settle(kept(*copies), NOW, rules)]


@pytest.mark.parametrize("rules", [CAREFUL, replace(CAREFUL, locked=True)])
def test_what_young_copies_evict_is_counted(rules: Rules) -> None:
    assert counted(0, 0, 0, 7000, rules=rules) == counted(7000, 7000, 7000, 7000, rules=rules) == [True]


@pytest.mark.parametrize("rules", [CAREFUL, replace(CAREFUL, locked=True)])
def test_what_came_and_went_soon_and_long_ago_is_not_counted(rules: Rules) -> None:
    """It was spared on a busy day: it is to open no breaker on a quiet one."""
    assert counted(0, 60, 120, 3599, rules=rules) == [False]


def test_what_was_kept_for_long_is_counted_however_long_ago_the_newer_ones_were_made() -> None:
    """Somebody wants fewer copies of everything: perhaps by mistake."""
    assert counted(0, 60, 120, 3600, rules=CAREFUL) == [True]


def test_where_nothing_is_spared_everything_is_counted() -> None:
    assert [action.counted for action in settled(*map(a_copy, "12345"))] == [True, True]
    copied_late = a_copy("1", made=100)
    assert [action.counted for action in settled(copied_late, *map(a_copy, "234"))] == [True]


def test_a_delete_is_counted_however_old_the_copies_are() -> None:
    assert [action.counted for action in settled(a_copy("1"), deleted="2", rules=CAREFUL)] == [True]


def test_a_copy_is_young_until_its_very_age() -> None:
    copies = [a_copy(order, made=3600) for order in "1234"]
    assert len(settled(*copies, rules=CAREFUL, now=at(7200))) == 1
    assert settled(*copies, rules=CAREFUL, now=at(7199)) == []


def test_an_old_version_that_was_copied_just_now_is_young() -> None:
    copies = [a_copy("1", made=7000)] + [a_copy(order, made=0) for order in "234"]
    assert settled(*copies, rules=CAREFUL) == []


# Deletes


def test_copies_of_what_was_deleted_are_disowned_together_since_the_delete() -> None:
    before, at_it, since = a_copy("1"), a_copy("2"), a_copy("3")
    assert settled(before, at_it, since, deleted="2", now=at(60)) == [
        Disown((before, at_it), disowned_at=at(6), deleted_at=at(5), reason="the object was deleted")
    ]


def test_what_was_held_back_for_long_is_disowned_from_now_on() -> None:
    """Whoever resumes the breaker, days after, still has the delay to think again."""
    copy = a_copy("1")
    reason = "the object was deleted"
    soon, late = at(6) + HELD_BACK, at(7) + HELD_BACK
    assert settled(copy, deleted="2", now=soon) == [Disown((copy,), at(6), at(5), reason)]
    assert settled(copy, deleted="2", now=late) == [Disown((copy,), late, at(5), reason)]


def test_what_is_disowned_already_stays_as_it_is() -> None:
    assert settled(a_copy("1", status=Status.DISOWNED), deleted="2") == []


def test_copies_from_before_a_delete_do_not_count_to_those_from_after_it() -> None:
    actions = settled(*map(a_copy, "1234"), a_copy("6"), deleted="5")
    assert [type(action) for action in actions] == [Disown]


# What is left over


def test_a_removal_that_was_interrupted_is_gone_on_with() -> None:
    left = a_copy("1", status=Status.REMOVING)
    assert removed(settled(left)) == [(left, "its removal was interrupted", False)]


def test_what_was_announced_and_never_completed_is_removed_after_a_while() -> None:
    left = a_copy("1", status=Status.PENDING, made=0)
    assert settled(left, now=T0 + ABANDONED_AFTER) == []
    assert removed(settled(left, now=T0 + ABANDONED_AFTER + timedelta(seconds=1))) == [
        (left, "it was announced and never completed", False)
    ]


# One too many


SUPERFLUOUS = "another copy holds the same version"


def test_of_an_event_that_was_copied_twice_one_copy_stays_and_all_agree_on_which() -> None:
    one, other = a_copy("1", token="1"), a_copy("1", token="2")
    assert removed(settled(one, other)) == removed(settled(other, one)) == [(other, SUPERFLUOUS, False)]


def test_what_was_seen_before_its_event_came_gives_way() -> None:
    seen, told = a_copy("1+", "A"), a_copy("2", "A")
    assert removed(settled(seen, told)) == [(seen, SUPERFLUOUS, False)]


def test_of_what_was_seen_again_and_again_the_newest_sight_stays() -> None:
    sights = [a_copy("1+", "A"), a_copy("1++", "A"), a_copy("2+", "A")]
    assert removed(settled(*sights)) == [(sights[0], SUPERFLUOUS, False), (sights[1], SUPERFLUOUS, False)]


def test_of_one_version_of_a_versioned_bucket_the_newest_sight_stays() -> None:
    """It was covered by another version, which was deleted: it is current again."""
    written, covering, seen = a_copy("1", "A", id="v1"), a_copy("2", "B", id="v2"), a_copy("3+", "A", id="v1")
    assert removed(settled(written, covering, seen)) == [(written, SUPERFLUOUS, False)]


def test_two_writes_of_the_same_content_are_two_versions() -> None:
    assert settled(a_copy("1", "A"), a_copy("2", "A")) == []
    assert settled(a_copy("1", "A", id="v1"), a_copy("2", "A", id="v2")) == []


def test_what_was_seen_after_the_same_content_was_written_stays() -> None:
    """Something else was there in between: nobody told of the write that brought it back."""
    assert settled(a_copy("1", "A"), a_copy("2", "B"), a_copy("2+", "A")) == []


def test_what_is_one_too_many_does_not_count() -> None:
    twin = a_copy("3", "A", token="z")
    copies = [a_copy("1"), a_copy("2"), a_copy("3", "A"), twin]
    assert removed(settled(*copies)) == [(twin, SUPERFLUOUS, False)]


def test_a_disowned_copy_makes_no_other_superfluous() -> None:
    assert settled(a_copy("1", "A", status=Status.DISOWNED), a_copy("1", "A", token="2")) == []


# All at once


def test_what_is_left_over_goes_first_and_evictions_last() -> None:
    copies = [
        a_copy("0", status=Status.REMOVING),
        a_copy("1"),
        *map(a_copy, "3456"),
        a_copy("6", token="z"),
    ]
    reasons = [action.reason for action in settled(*copies, deleted="2")]
    assert reasons == [
        "its removal was interrupted",
        "the object was deleted",
        SUPERFLUOUS,
        "3 newer versions have copies",
    ]


orders = st.sampled_from(["1", "1+", "2", "2+", "2++", "3", "4"])
copies = st.builds(
    a_copy,
    orders,
    st.sampled_from(["A", "B"]),
    status=st.sampled_from(Status),
    token=st.sampled_from("xyz"),
    id=st.none() | st.sampled_from(["v1", "v2"]),
)
some = st.lists(copies, max_size=12, unique_by=lambda copy: copy.copy_key)


def carried_out(actions: Sequence[Action], of: Kept) -> Kept:
    """What is kept once actions are carried out."""
    gone = {action.copy.copy_key for action in actions if isinstance(action, Remove)}
    disowned = {copy.copy_key for action in actions if isinstance(action, Disown) for copy in action.copies}
    left = [
        replace(copy, status=Status.DISOWNED) if copy.copy_key in disowned else copy
        for copy in of.copies
        if copy.copy_key not in gone
    ]
    return replace(of, copies=tuple(left))


@given(some, st.none() | orders, st.booleans())
def test_what_is_settled_is_at_rest(of: list[Copy], deleted: str | None, locked: bool) -> None:
    rules = replace(THREE, locked=locked)
    before = kept(*of, deleted=deleted)
    assert settle(carried_out(settle(before, NOW, rules), before), NOW, rules) == []


@given(some, st.none() | orders, st.booleans())
def test_no_copy_is_acted_on_twice(of: list[Copy], deleted: str | None, locked: bool) -> None:
    actions = settle(kept(*of, deleted=deleted), NOW, replace(THREE, locked=locked))
    acted_on = [c for a in actions for c in (a.copies if isinstance(a, Disown) else (a.copy,))]
    assert len(acted_on) == len({copy.copy_key for copy in acted_on})


@given(some, st.none() | orders)
def test_the_newest_owned_version_always_keeps_a_copy(of: list[Copy], deleted: str | None) -> None:
    before = kept(*of, deleted=deleted)
    after = carried_out(settle(before, NOW, THREE), before)
    if before.owned:
        newest = before.owned[-1]
        assert (newest.order, newest.version.identity) in {(c.order, c.version.identity) for c in after.owned}


def test_ten_thousand_copies_are_settled_in_a_moment() -> None:
    """While the breaker is open nothing is evicted: what is written every few seconds has as many by the next day."""
    many = [a_copy(f"{number:05X}1") for number in range(10_000)]
    began = process_time()
    assert len(settled(*many)) == 9997
    assert process_time() - began < 2
