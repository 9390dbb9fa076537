"""Which objects go, and why: the largest that may, and no more of them than it takes."""

from hypothesis import given
from hypothesis import strategies as st

from holdfast.capacity.model import Tracked
from holdfast.capacity.plan import Candidate, Evict, PassOver, TrimPlan, plan_trim
from tests.unit.capacity.domain import a_candidate, a_vanished, stored


def evicted(planned: TrimPlan) -> list[str]:
    return [eviction.found.name for eviction in planned.evictions]


def passed_over(planned: TrimPlan) -> dict[str, str]:
    return {passed.name: passed.reason for passed in planned.passed_over}


def test_the_largest_goes_and_the_plan_says_why() -> None:
    planned = plan_trim(46, 20, [a_candidate("assignment1.txt", 18), a_candidate("assignment2.txt", 28)], [])
    assert planned == TrimPlan(
        evictions=(
            Evict(
                stored("assignment2.txt", 28),
                Tracked("assignment2.txt", 28),
                "the largest that may go (28 bytes): total 46 >= limit 20",
            ),
        ),
        passed_over=(),
        projected_size=18,
        enough=True,
    )


def test_each_eviction_says_which_total_it_brings_down() -> None:
    planned = plan_trim(60, 20, [a_candidate("a", 10), a_candidate("b", 20), a_candidate("c", 30)], [])
    assert [eviction.reason for eviction in planned.evictions] == [
        "the largest that may go (30 bytes): total 60 >= limit 20",
        "the largest that may go (20 bytes): total 30 >= limit 20",
    ]


def test_a_total_at_the_limit_is_too_much() -> None:
    assert evicted(plan_trim(20, 20, [a_candidate("a", 18), a_candidate("b", 2)], [])) == ["a"]


def test_a_total_below_the_limit_is_left_alone() -> None:
    assert plan_trim(19, 20, [a_candidate("a", 19)], []) == TrimPlan((), (), 19, enough=True)


def test_of_two_of_one_size_the_first_by_name_goes() -> None:
    assert evicted(plan_trim(20, 20, [a_candidate("b", 10), a_candidate("a", 10)], [])) == ["a"]


def test_what_is_passed_over_says_why() -> None:
    planned = plan_trim(
        100,
        20,
        [
            a_vanished("a", 10),
            a_candidate("b", 0),
            a_candidate("c", 20, kept=True),
            a_candidate("logs/d", 30),
            a_candidate("e", 40, backed_up=False),
        ],
        ["keep/", "logs/"],
    )
    assert planned.evictions == ()
    assert passed_over(planned) == {
        "a": "already gone; its event is under way",
        "b": "holds no bytes",
        "c": "carries the tag holdfast:keep = true",
        "logs/d": "under the kept prefix logs/",
        "e": "has no stored copy yet",
    }
    assert not planned.enough


def test_with_nothing_to_evict_there_is_not_enough() -> None:
    assert plan_trim(20, 20, [], []) == TrimPlan((), (), 20, enough=False)


def test_what_is_gone_already_is_not_evicted_again() -> None:
    """The alarm repeats before the event of the first eviction has arrived."""
    planned = plan_trim(46, 20, [a_vanished("b", 28), a_candidate("a", 18)], [])
    assert (planned.evictions, planned.projected_size, planned.enough) == ((), 18, True)


def test_what_was_overwritten_counts_as_it_is_now() -> None:
    planned = plan_trim(46, 20, [a_candidate("b", 3, tracked=28), a_candidate("a", 18)], [])
    assert evicted(planned) == ["a"]
    assert planned.evictions[0].reason == "the largest that may go (18 bytes): total 21 >= limit 20"
    assert planned.projected_size == 3


# Against all there is

NAMES = st.text("abcdef/", min_size=1, max_size=4)
SIZES = st.integers(0, 30)
KEPT_PREFIXES = ("a", "b/")


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    names = draw(st.lists(NAMES, unique=True, max_size=8))
    return [draw(st.builds(a_vanished, st.just(name), SIZES) | candidate(name)) for name in names]


def candidate(name: str) -> st.SearchStrategy[Candidate]:
    return st.builds(
        a_candidate,
        st.just(name),
        SIZES,
        tracked=st.none() | SIZES,
        kept=st.sampled_from([False, False, True]),
        backed_up=st.sampled_from([True, True, False]),
    )


def sizes_that_may_go(looked_at: list[Candidate]) -> list[int]:
    """Largest first."""
    sizes = [
        c.found.size
        for c in looked_at
        if c.found and not c.kept and c.backed_up and not c.tracked.name.startswith(KEPT_PREFIXES)
    ]
    return sorted(filter(None, sizes), reverse=True)


@given(st.integers(0, 200), st.integers(1, 100), candidates())
def test_the_fewest_of_the_largest_go_that_bring_the_total_below_the_limit(
    surplus: int, limit: int, looked_at: list[Candidate]
) -> None:
    """`surplus`: bytes of objects that were not looked at."""
    planned = plan_trim(surplus + sum(c.tracked.size for c in looked_at), limit, looked_at, KEPT_PREFIXES)

    really = surplus + sum(c.found.size for c in looked_at if c.found)
    may_go = sizes_that_may_go(looked_at)
    below = [number for number in range(len(may_go) + 1) if really - sum(may_go[:number]) < limit]
    fewest = min(below, default=len(may_go))
    assert [eviction.found.size for eviction in planned.evictions] == may_go[:fewest]
    assert planned.projected_size == really - sum(may_go[:fewest])
    assert planned.enough == bool(below)


@given(st.integers(0, 200), st.integers(1, 100), candidates())
def test_what_is_kept_never_goes(total: int, limit: int, looked_at: list[Candidate]) -> None:
    planned = plan_trim(total, limit, looked_at, KEPT_PREFIXES)
    kept = {c.tracked.name for c in looked_at if c.kept or c.tracked.name.startswith(KEPT_PREFIXES)}
    assert kept.isdisjoint(evicted(planned))
    assert kept <= {passed.name for passed in planned.passed_over}


@given(st.integers(0, 200), st.integers(1, 100), candidates())
def test_nothing_is_both_evicted_and_passed_over(total: int, limit: int, looked_at: list[Candidate]) -> None:
    planned = plan_trim(total, limit, looked_at, KEPT_PREFIXES)
    assert set(evicted(planned)).isdisjoint(passed_over(planned))


def test_a_passed_over_object_is_named_with_its_reason() -> None:
    assert plan_trim(9, 20, [a_candidate("a", 9, kept=True)], []).passed_over == (
        PassOver("a", "carries the tag holdfast:keep = true"),
    )
