"""Restoring an object, a prefix and what was deleted: what the buckets hold afterwards."""

from collections import Counter
from collections.abc import Iterable
from functools import partial

import pytest

from holdfast.objects.model import Original
from holdfast.objects.restore import plan
from holdfast.objects.restore.model import Decision, Failure, Keep, Refuse, Restore, Skip
from holdfast.objects.restore.ports import CopyLost, TargetChanged
from holdfast.objects.restore.run import Choice, Restorer
from holdfast.objects.restore.target import KeyTooLong, Place
from tests.unit.capacity.domain import HOSTILE_NAMES
from tests.unit.objects.restorable import BUCKET, Shop, at


def as_of(hours: float) -> Choice:
    return partial(plan.as_of, at=at(hours), copies_to_keep=3)


def planned(
    restorer: Restorer, prefix: str, choose: Choice, *, to: Place | None = None, overwrite: bool = False
) -> list[Decision]:
    return list(restorer.plan_prefix(BUCKET, prefix, choose, to=to, overwrite=overwrite))


def restores(decisions: Iterable[Decision]) -> list[Restore]:
    return [decision for decision in decisions if isinstance(decision, Restore)]


def kinds(decisions: Iterable[Decision]) -> dict[str, str]:
    return {decision.original.key: type(decision).__name__ for decision in decisions}


@pytest.fixture
def shop() -> Shop:
    return Shop()


# One object


def plan_one(shop: Shop, key: str, choose: Choice, *, to: Place | None = None, overwrite: bool = False) -> Decision:
    kept = shop.table.read(Original(BUCKET, key))
    return shop.restorer.plan(kept, choose, to=to, overwrite=overwrite)


def test_an_overwritten_version_is_restored_over_the_newer_one_if_asked_for(shop: Shop) -> None:
    shop.put("a", "old", 1)
    shop.put("a", "new", 2)
    assert isinstance(plan_one(shop, "a", as_of(1)), Refuse)

    decision = plan_one(shop, "a", as_of(1), overwrite=True)
    assert isinstance(decision, Restore)
    assert shop.contents() == {"a": "new"}
    assert shop.restorer.restore(decision).verified_by == "checksum"
    assert shop.contents() == {"a": "old"}


def test_beside_it_the_newer_one_stays(shop: Shop) -> None:
    shop.put("a", "old", 1)
    shop.put("a", "new", 2)
    decision = plan_one(shop, "a", as_of(1), to=Place("other", "restored/"))
    assert isinstance(decision, Restore)
    shop.restorer.restore(decision)
    assert shop.contents() == {"a": "new"}
    assert shop.contents("other") == {"restored/a": "old"}


def test_what_would_be_there_already_is_not_written(shop: Shop) -> None:
    shop.put("a", "same", 1)
    assert isinstance(plan_one(shop, "a", plan.newest), Keep)


def test_nothing_is_written_over_what_came_after_the_plan(shop: Shop) -> None:
    shop.put("a", "old", 1)
    shop.delete("a", 2)
    decision = plan_one(shop, "a", plan.newest)
    assert isinstance(decision, Restore)
    shop.put("a", "new", 3)
    with pytest.raises(TargetChanged):
        shop.restorer.restore(decision)
    assert shop.contents() == {"a": "new"}


def test_an_overwrite_too_is_only_of_what_the_plan_saw(shop: Shop) -> None:
    shop.put("a", "old", 1)
    shop.put("a", "new", 2)
    decision = plan_one(shop, "a", as_of(1), overwrite=True)
    assert isinstance(decision, Restore)
    shop.put("a", "newest", 3)
    with pytest.raises(TargetChanged):
        shop.restorer.restore(decision)
    assert shop.contents() == {"a": "newest"}


def test_a_copy_that_is_gone_is_an_error(shop: Shop) -> None:
    shop.lose(shop.put("a", "old", 1))
    shop.delete("a", 2)
    decision = plan_one(shop, "a", plan.newest)
    assert isinstance(decision, Restore)
    with pytest.raises(CopyLost):
        shop.restorer.restore(decision)


def test_what_was_written_is_compared_with_what_was_kept(shop: Shop) -> None:
    shop.put("a", "good", 1)
    shop.delete("a", 2)
    decision = plan_one(shop, "a", plan.newest)
    assert isinstance(decision, Restore)
    write = shop.targets.write

    def garbled(*arguments: object) -> object:
        stored = write(*arguments)  # type: ignore[arg-type]
        return type(stored)("bad", "MEMORY:bad")

    shop.targets.write = garbled  # type: ignore[method-assign, assignment]
    with pytest.raises(plan.Differs, match="has the checksum MEMORY:bad, and not MEMORY:good"):
        shop.restorer.restore(decision)


def test_a_key_too_long_for_its_place_is_refused(shop: Shop) -> None:
    shop.put("k" * 1024, "x", 1)
    with pytest.raises(KeyTooLong):
        plan_one(shop, "k" * 1024, plan.newest, to=Place("other", "restored/"))


# A prefix


def test_a_prefix_is_restored_as_it_was(shop: Shop) -> None:
    shop.put("in/changed", "old", 1)
    shop.put("in/gone", "gone", 1)
    shop.put("in/same", "same", 1)
    shop.put("outside", "old", 1)
    shop.put("in/changed", "new", 3)
    shop.put("in/later", "later", 3)
    shop.put("outside", "new", 3)
    shop.delete("in/gone", 3)

    decisions = planned(shop.restorer, "in/", as_of(2), overwrite=True)
    assert kinds(decisions) == {
        "in/changed": "Restore",
        "in/gone": "Restore",
        "in/later": "Skip",
        "in/same": "Keep",
    }
    outcomes = list(shop.restorer.restore_all(restores(decisions)))
    assert not [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    assert shop.contents() == {
        "in/changed": "old",
        "in/gone": "gone",
        "in/later": "later",
        "in/same": "same",
        "outside": "new",
    }


def test_without_being_asked_to_overwrite_only_what_is_gone_comes_back(shop: Shop) -> None:
    shop.put("changed", "old", 1)
    shop.put("gone", "gone", 1)
    shop.put("changed", "new", 3)
    shop.delete("gone", 3)
    decisions = planned(shop.restorer, "", as_of(2))
    assert kinds(decisions) == {"changed": "Refuse", "gone": "Restore"}
    list(shop.restorer.restore_all(restores(decisions)))
    assert shop.contents() == {"changed": "new", "gone": "gone"}


def test_a_second_time_there_is_nothing_to_do(shop: Shop) -> None:
    shop.put("a", "old", 1)
    shop.put("a", "new", 3)
    list(shop.restorer.restore_all(restores(planned(shop.restorer, "", as_of(2), overwrite=True))))
    assert kinds(planned(shop.restorer, "", as_of(2), overwrite=True)) == {"a": "Keep"}


def test_every_legal_key_is_found_and_restored(shop: Shop) -> None:
    for name in HOSTILE_NAMES:
        shop.put(name, "old", 1)
        shop.delete(name, 2)
    decisions = planned(shop.restorer, "", as_of(1.5))
    assert len(decisions) == len(HOSTILE_NAMES)
    list(shop.restorer.restore_all(restores(decisions)))
    assert shop.contents() == dict.fromkeys(HOSTILE_NAMES, "old")


def test_a_prefix_longer_than_the_names_of_copies_finds_what_it_begins(shop: Shop) -> None:
    shop.put("p" * 1000 + "/in", "x", 1)
    shop.put("p" * 1000 + "-out", "x", 1)
    decisions = planned(shop.restorer, "p" * 1000 + "/", plan.newest)
    assert [decision.original.key for decision in decisions] == ["p" * 1000 + "/in"]


def test_a_key_whose_copies_lie_on_both_sides_of_anothers_is_decided_once(shop: Shop) -> None:
    shop.put("a", "1", 1)
    shop.put("a/20261117T013000", "between", 1)
    shop.put("a", "2", 2)
    counted = Counter(decision.original.key for decision in planned(shop.restorer, "", plan.newest))
    assert counted == {"a": 1, "a/20261117T013000": 1}


def test_what_only_lies_in_the_backup_bucket_is_left_alone(shop: Shop) -> None:
    copy = shop.put("a", "x", 1)
    shop.backups.objects["source/readme"] = shop.backups.objects[copy.copy_key]  # type: ignore[index]
    assert kinds(planned(shop.restorer, "", plan.newest)) == {"a": "Keep"}


def test_a_key_too_long_for_its_place_does_not_keep_the_others_back(shop: Shop) -> None:
    shop.put("k" * 1024, "x", 1)
    shop.put("a", "x", 1)
    decisions = planned(shop.restorer, "", plan.newest, to=Place("other", "restored/"))
    assert kinds(decisions) == {"a": "Restore", "k" * 1024: "Refuse"}


def test_what_cannot_be_looked_at_is_told_and_does_not_keep_the_others_back(shop: Shop) -> None:
    shop.put("a", "x", 1)
    shop.put("b", "x", 1)
    shop.delete("b", 2)
    head = shop.targets.head

    def closed(target: Original) -> object:
        if target.key == "a":
            raise PermissionError("closed")
        return head(target)

    shop.targets.head = closed  # type: ignore[method-assign, assignment]
    decisions = planned(shop.restorer, "", plan.newest)
    assert kinds(decisions) == {"a": "Failure", "b": "Restore"}
    assert Failure(Original(BUCKET, "a"), "PermissionError: closed") in decisions


def test_a_copy_that_is_lost_between_plan_and_write_is_told(shop: Shop) -> None:
    lost = shop.put("a", "x", 1)
    shop.put("b", "y", 1)
    for key in ("a", "b"):
        shop.delete(key, 2)
    todo = restores(planned(shop.restorer, "", as_of(1.5)))
    shop.lose(lost)
    outcomes = list(shop.restorer.restore_all(todo))
    assert [o for o in outcomes if isinstance(o, Failure)] == [
        Failure(Original(BUCKET, "a"), f"CopyLost: {lost.copy_key!r} is not what was stored")
    ]
    assert shop.contents() == {"b": "y"}


def test_progress_is_told_for_every_object_that_is_looked_at_and_written(shop: Shop) -> None:
    for key in "abc":
        shop.put(key, "x", 1)
    shop.delete("a", 2)
    decisions = planned(shop.restorer, "", plan.newest)
    assert len(shop.progress) == 3
    list(shop.restorer.restore_all(restores(decisions)))
    assert len(shop.progress) == 4


def test_the_largest_are_written_first(shop: Shop) -> None:
    for size, key in enumerate("abc"):
        shop.put(key, key, 1, size=size)
        shop.delete(key, 2)
    outcomes = list(shop.restorer.restore_all(restores(planned(shop.restorer, "", plan.newest))))
    assert [outcome.restore.target.key for outcome in outcomes if not isinstance(outcome, Failure)] == ["c", "b", "a"]


# What was deleted


def undeleted(shop: Shop, prefix: str, hours: float) -> list[Decision]:
    return list(shop.restorer.plan_undelete(BUCKET, prefix, at(hours)))


def test_what_was_deleted_since_comes_back_as_it_was_last(shop: Shop) -> None:
    shop.put("in/a", "1", 1)
    shop.put("in/a", "2", 2)
    shop.put("in/long-gone", "x", 1)
    shop.put("in/there", "x", 1)
    shop.put("out", "x", 1)
    shop.delete("in/long-gone", 2)
    shop.delete("in/a", 3)
    shop.delete("out", 3)

    decisions = undeleted(shop, "in/", 2.5)
    assert kinds(decisions) == {"in/a": "Restore", "in/long-gone": "Skip", "in/there": "Skip"}
    list(shop.restorer.restore_all(restores(decisions)))
    assert shop.contents() == {"in/a": "2", "in/there": "x"}


def test_what_was_deleted_a_moment_ago_comes_back_though_no_event_told_of_it(shop: Shop) -> None:
    shop.put("a", "1", 1)
    shop.sources.remove(Original(BUCKET, "a"))
    list(shop.restorer.restore_all(restores(undeleted(shop, "", 2))))
    assert shop.contents() == {"a": "1"}


def test_what_was_written_again_stays_as_it_is(shop: Shop) -> None:
    shop.put("a", "1", 1)
    shop.delete("a", 2)
    shop.put("a", "2", 3)
    [decision] = undeleted(shop, "", 0)
    assert isinstance(decision, Skip)
    assert decision.reason == "it is there"


# What is kept


def test_all_that_is_kept_under_a_prefix_is_told(shop: Shop) -> None:
    copies = [shop.put("in/a", "1", 1), shop.put("in/a", "2", 2), shop.put("in/b", "x", 1)]
    shop.put("out", "x", 1)
    kept = list(shop.restorer.kept(BUCKET, "in/"))
    assert [copy for of in kept for copy in of.copies] == copies
