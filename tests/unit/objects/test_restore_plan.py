"""Which copy is restored, whether it may be written to its target, and what proves that it was."""

from datetime import timedelta

import pytest

from holdfast.objects.model import Copy, Kept, Original, Status, Stored
from holdfast.objects.restore import plan
from holdfast.objects.restore.model import Found, Keep, Refuse, Restore, Skip, Why, short, stamp
from tests.unit.objects.restorable import T0, a_copy, a_deletion, at, found, kept, order_of, seen_after

SECOND = timedelta(seconds=1)


def as_of(of: Kept, hours: float) -> Copy | Skip:
    return plan.as_of(of, at(hours), copies_to_keep=3)


def reason_of(choice: object) -> str:
    assert isinstance(choice, Skip | Refuse | Keep | Restore)
    return choice.reason


# The newest


def test_without_a_time_the_newest_complete_copy_is_restored() -> None:
    assert plan.newest(kept(a_copy(2), a_copy(3), a_copy(1))) == a_copy(3)


def test_a_disowned_copy_is_complete() -> None:
    assert plan.newest(kept(a_copy(1, deleted=2))) == a_copy(1, deleted=2)


@pytest.mark.parametrize("status", [Status.PENDING, Status.REMOVING])
def test_what_is_being_written_or_removed_is_not_restored(status: Status) -> None:
    unfinished = a_copy(2, status=status)
    assert plan.newest(kept(a_copy(1), unfinished)) == a_copy(1)
    assert plan.newest(kept(unfinished)) == Skip(unfinished.original, Why.NO_COPY, "no complete copy of it is kept")


# By its name


def test_a_copy_is_named_by_its_key_or_by_the_end_of_it() -> None:
    of = kept(a_copy(1), a_copy(2))
    assert plan.named(of, a_copy(1).copy_key) == a_copy(1)
    assert plan.named(of, short(a_copy(1).copy_key)) == a_copy(1)


def test_a_name_that_no_complete_copy_has_is_said() -> None:
    of = kept(a_copy(1), a_copy(2, status=Status.PENDING))
    assert reason_of(plan.named(of, "nope")) == "there is no complete copy 'nope' of it"
    assert isinstance(plan.named(of, a_copy(2).copy_key), Skip)


# By a time


@pytest.mark.parametrize(("hours", "written"), [(1, 1), (1.5, 1), (2, 2), (2.9, 2), (3, 3), (100, 3)])
def test_the_version_of_a_time_is_the_last_that_was_written_until_then(hours: float, written: float) -> None:
    assert as_of(kept(a_copy(1), a_copy(2), a_copy(3)), hours) == a_copy(written)


def test_of_two_written_at_once_the_later_in_order_was_there_after_it() -> None:
    one, two = a_copy(1, etag="1", order=order_of(1)), a_copy(1, etag="2", order=order_of(2))
    assert as_of(kept(two, one), 1) == two


def test_before_the_oldest_copy_nothing_is_known_and_it_is_said() -> None:
    choice = as_of(kept(a_copy(1), a_copy(2)), 0.5)
    assert isinstance(choice, Skip)
    assert choice.why is Why.TOO_OLD
    assert choice.reason == (
        "it did not exist yet at 2026-11-17T00:30:00.000Z, or its copies of then are gone: the newest 3 are kept, "
        f"the oldest is of 2026-11-17T01:00:00.000Z ({short(a_copy(1).copy_key)})"
    )


def test_without_complete_copies_no_time_can_be_restored() -> None:
    assert reason_of(as_of(kept(), 1)) == "no complete copy of it is kept"


def test_an_object_that_was_deleted_by_then_did_not_exist() -> None:
    choice = as_of(kept(a_copy(1, deleted=2), deletion=a_deletion(2)), 2)
    assert isinstance(choice, Skip)
    assert choice.why is Why.DID_NOT_EXIST
    assert choice.reason == (
        "it did not exist at 2026-11-17T02:00:00.000Z: it was deleted at 2026-11-17T02:00:00.000Z; "
        f"the last copy before is of 2026-11-17T01:00:00.000Z ({short(a_copy(1).copy_key)})"
    )


def test_between_a_deletion_and_the_next_write_it_did_not_exist_and_both_neighbours_are_named() -> None:
    choice = as_of(kept(a_copy(1, deleted=2), a_copy(3), deletion=a_deletion(2)), 2.5)
    assert reason_of(choice).endswith(
        f"the last copy before is of 2026-11-17T01:00:00.000Z ({short(a_copy(1).copy_key)}), "
        f"the next of 2026-11-17T03:00:00.000Z ({short(a_copy(3).copy_key)})"
    )


def test_until_it_was_deleted_it_existed() -> None:
    assert as_of(kept(a_copy(1, deleted=2), deletion=a_deletion(2)), 1.99) == a_copy(1, deleted=2)


def test_written_again_it_exists_again() -> None:
    assert as_of(kept(a_copy(1, deleted=2), a_copy(3), deletion=a_deletion(2)), 3) == a_copy(3)


def test_a_deletion_counts_though_its_copies_could_not_be_disowned_yet() -> None:
    choice = as_of(kept(a_copy(1), deletion=a_deletion(2)), 3)
    assert isinstance(choice, Skip)
    assert choice.why is Why.DID_NOT_EXIST


def test_an_object_that_lived_twice_did_not_exist_in_between() -> None:
    of = kept(a_copy(1, deleted=2), a_copy(3, deleted=4), deletion=a_deletion(4))
    assert as_of(of, 1.5) == a_copy(1, deleted=2)
    assert isinstance(as_of(of, 2.5), Skip)
    assert as_of(of, 3.5) == a_copy(3, deleted=4)
    assert isinstance(as_of(of, 4.5), Skip)


def test_a_deletion_of_the_same_order_as_a_copy_overtakes_it() -> None:
    assert isinstance(as_of(kept(a_copy(1), deletion=a_deletion(2, order=a_copy(1).order)), 3), Skip)


def test_a_deletion_says_nothing_of_what_was_written_behind_it() -> None:
    assert as_of(kept(a_copy(3), deletion=a_deletion(2)), 4) == a_copy(3)


def test_what_no_event_told_of_was_there_since_it_was_written() -> None:
    backfilled = a_copy(1, order=seen_after(order_of(0)), seen=5)
    assert as_of(kept(backfilled), 2) == backfilled


def test_that_it_was_deleted_later_changes_nothing_of_it() -> None:
    backfilled = a_copy(1, order=seen_after(order_of(0)), seen=4, deleted=5)
    assert as_of(kept(backfilled, deletion=a_deletion(5)), 2) == backfilled


def test_an_older_version_that_came_to_light_again_was_there_since_it_was_seen() -> None:
    covered = a_copy(2)
    uncovered = a_copy(1, order=seen_after(order_of(2)), seen=5)
    of = kept(covered, uncovered)
    assert as_of(of, 4) == covered
    assert as_of(of, 5) == uncovered


def test_an_object_whose_delete_marker_was_removed_was_gone_in_between() -> None:
    before = a_copy(1, deleted=2)
    again = a_copy(1, order=seen_after(order_of(2)), seen=3)
    of = kept(before, again, deletion=a_deletion(2))
    assert isinstance(as_of(of, 2.5), Skip)
    assert as_of(of, 3) == again


def test_a_time_cut_to_the_second_does_not_make_a_version_older_than_the_one_before() -> None:
    first = a_copy(1 + 0.9 / 3600)
    cut = a_copy(1, order=seen_after(first.order), seen=5)
    assert as_of(kept(first, cut), 2) == cut


# What is at the target


TARGET = Original("source", "a")


def test_where_nothing_is_the_copy_is_written() -> None:
    assert plan.decide(a_copy(1), TARGET, None, overwrite=False) == Restore(a_copy(1), TARGET, None, "it is not there")


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize(
    "there",
    [
        found(9, etag="e1"),
        found(9, etag="other", checksum="CRC64NVME:AA="),
    ],
)
def test_where_the_same_is_nothing_is_written(there: Found, overwrite: bool) -> None:
    copy = a_copy(1, checksum="CRC64NVME:AA=")
    decision = plan.decide(copy, TARGET, there, overwrite=overwrite)
    assert decision == Keep(copy.original, TARGET, "the same is there already")


def test_what_was_stored_under_another_etag_is_the_same_too() -> None:
    """A copy in parts, restored as it was: the ETags of both tell of the parts, the original's did not."""
    copy = Copy(a_copy(1).version, a_copy(1).copy_key, a_copy(1).order, at(1), Status.ACTIVE, Stored("stored-2"))
    assert isinstance(plan.decide(copy, TARGET, found(9, etag="stored-2"), overwrite=False), Keep)


@pytest.mark.parametrize(
    "there", [found(9, etag="e1", size=19), found(9), found(9, checksum="CRC64NVME:BB="), found(9, checksum=None)]
)
def test_another_size_or_another_content_is_not_the_same(there: Found) -> None:
    copy = a_copy(1, checksum="CRC64NVME:AA=")
    assert isinstance(plan.decide(copy, TARGET, there, overwrite=False), Refuse)


def test_without_any_checksum_two_objects_are_not_the_same() -> None:
    assert isinstance(plan.decide(a_copy(1), TARGET, found(9), overwrite=False), Refuse)


def test_over_what_is_older_the_copy_is_written() -> None:
    decision = plan.decide(a_copy(2), TARGET, found(1), overwrite=False)
    assert decision == Restore(a_copy(2), TARGET, found(1), "what is there is of 2026-11-17T01:00:00.000Z, older")


def test_what_is_newer_stays() -> None:
    decision = plan.decide(a_copy(1), TARGET, found(2), overwrite=False)
    assert decision == Refuse(
        TARGET,
        "what is there is of 2026-11-17T02:00:00.000Z, not older than the copy: --overwrite writes over it",
    )


def test_what_is_newer_is_overwritten_if_that_was_asked_for() -> None:
    decision = plan.decide(a_copy(1), TARGET, found(2), overwrite=True)
    assert decision == Restore(
        a_copy(1), TARGET, found(2), "what is there is of 2026-11-17T02:00:00.000Z, and is overwritten"
    )


def test_within_one_second_nothing_counts_as_older() -> None:
    """The target's time is cut to the second: 01:00:00 may have been 01:00:00.999."""
    just_behind = a_copy(1 + 0.5 / 3600)
    assert isinstance(plan.decide(just_behind, TARGET, found(1), overwrite=False), Refuse)
    a_second_behind = a_copy(1 + 1 / 3600)
    assert isinstance(plan.decide(a_second_behind, TARGET, found(1), overwrite=False), Restore)


# Undoing deletions


def test_what_was_deleted_since_then_is_brought_back() -> None:
    of = kept(a_copy(1, deleted=3), deletion=a_deletion(3))
    copy = plan.undelete(of, at(3))
    assert copy == a_copy(1, deleted=3)
    assert plan.decide_undelete(a_copy(1, deleted=3), of, None) == Restore(
        a_copy(1, deleted=3), TARGET, None, "it was deleted at 2026-11-17T03:00:00.000Z"
    )


def test_what_was_deleted_before_stays_deleted() -> None:
    choice = plan.undelete(kept(a_copy(1, deleted=3), deletion=a_deletion(3)), at(3.1))
    assert isinstance(choice, Skip)
    assert choice.why is Why.DELETED_BEFORE
    assert choice.reason == "it was deleted at 2026-11-17T03:00:00.000Z, before"


def test_what_is_there_is_left_alone() -> None:
    of = kept(a_copy(1), deletion=None)
    assert plan.decide_undelete(a_copy(1), of, found(1)) == Skip(TARGET, Why.THERE, "it is there")


def test_what_is_gone_without_anybody_having_told_of_it_is_brought_back() -> None:
    of = kept(a_copy(1))
    assert plan.undelete(of, at(9)) == a_copy(1)
    assert reason_of(plan.decide_undelete(a_copy(1), of, None)) == "it is gone, and nobody has told of it yet"


def test_a_deletion_without_copies_cannot_be_undone() -> None:
    choice = plan.undelete(kept(deletion=a_deletion(3)), T0)
    assert isinstance(choice, Skip)
    assert choice.why is Why.NO_COPY


# Proof


@pytest.mark.parametrize(
    ("was", "now", "by"),
    [
        (Stored("e", "CRC64NVME:AA="), Stored("other", "CRC64NVME:AA="), "checksum"),
        (Stored("e"), Stored("e"), "ETag"),
        (Stored("e", "CRC32:AA="), Stored("e", "SHA256:BB="), "ETag"),
        (Stored("e", "SHA256:AA=-2"), Stored("e", "SHA256:BB=-3"), "ETag"),
        (Stored("e-2"), Stored("e"), None),
        (Stored("e-2"), Stored("e-3"), None),
    ],
)
def test_a_restore_is_proved_by_checksum_or_else_by_etag(was: Stored, now: Stored, by: str | None) -> None:
    assert plan.verify(was, now) == by


@pytest.mark.parametrize(
    ("was", "now", "sentence"),
    [
        (
            Stored("e", "CRC64NVME:AA="),
            Stored("e", "CRC64NVME:BB="),
            "what was written has the checksum CRC64NVME:BB=, and not CRC64NVME:AA=",
        ),
        (Stored("e"), Stored("f"), "what was written has the ETag f, and not e"),
    ],
)
def test_another_checksum_is_an_error(was: Stored, now: Stored, sentence: str) -> None:
    with pytest.raises(plan.Differs, match=f"^{sentence}$"):
        plan.verify(was, now)


def test_a_moment_is_shown_so_that_it_can_be_given_back() -> None:
    assert stamp(at(1.5)) == "2026-11-17T01:30:00.000Z"
