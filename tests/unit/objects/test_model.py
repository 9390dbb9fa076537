"""What the objects system knows of an object and its copies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.events.model import UNKNOWN_SEQUENCER, Sequencer, sequencer
from holdfast.objects.model import Counts, Kept, Original, Pass, Status, Stored, Walk, after, is_observed
from tests.unit.capacity.domain import HOSTILE_NAMES
from tests.unit.objects.domain import a_copy, a_version, kept, original

sequencers = st.text("0123456789ABCDEF", min_size=1, max_size=20).map(sequencer)


# Originals


@pytest.mark.parametrize("key", [*HOSTILE_NAMES, "a", "a/", "/", "//", "a/b"])
def test_an_original_key_names_one_key_of_one_bucket(key: str) -> None:
    named = str(Original("bucket", key))
    assert named == f"bucket/{key}"
    assert Original.of(named) == Original("bucket", key)


# Order


@given(sequencers, sequencers)
def test_what_was_seen_stands_behind_the_last_event_and_before_every_later_one(
    one: Sequencer, other: Sequencer
) -> None:
    earlier, later = sorted((one, other))
    assert earlier < after(earlier) < after(after(earlier))
    assert earlier == later or after(after(earlier)) < later


def test_what_was_seen_before_any_event_stands_before_every_event() -> None:
    assert after(UNKNOWN_SEQUENCER) < sequencer("01")


def test_an_order_tells_whether_an_event_told_of_it() -> None:
    assert not is_observed(sequencer("55AED"))
    assert is_observed(after(sequencer("55AED")))


# Copies


def test_a_copy_is_newer_than_another_by_its_order_whenever_it_was_made() -> None:
    older, newer = a_copy("1", made=60), a_copy("2", made=0)
    assert older.rank < newer.rank
    assert newer.original == original()


def test_versions_are_the_same_if_their_content_and_their_version_id_are() -> None:
    assert a_version("A").identity == a_version("A").identity
    assert a_version("A").identity != a_version("B").identity
    assert a_version("A").identity != a_version("A", size=2).identity
    assert a_version("A", id="v1").identity != a_version("A", id="v2").identity


# What is stored


@pytest.mark.parametrize(
    ("found", "intact"),
    [
        (Stored("etag", "CRC64NVME:one="), True),
        (Stored("etag", "CRC64NVME:other="), False),
        (Stored("etag", None), True),
        (Stored("other", None), False),
        (None, False),
    ],
)
def test_a_copy_is_intact_if_what_is_found_is_what_was_stored(found: Stored | None, intact: bool) -> None:
    assert Stored("etag", "CRC64NVME:one=").is_intact(found) is intact


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        (Stored("etag", None), Stored("etag", "CRC64NVME:one=")),
        (Stored("etag", "CRC32:one="), Stored("etag", "CRC64NVME:other=")),
    ],
    ids=["none before", "another algorithm"],
)
def test_where_checksums_do_not_compare_the_etag_decides(stored: Stored, found: Stored) -> None:
    assert stored.is_intact(found)
    assert not stored.is_intact(Stored("other", found.checksum))


def test_a_copy_that_was_encrypted_anew_has_another_etag_and_is_intact() -> None:
    """So has one that was copied onto itself, into another storage class, in parts."""
    assert Stored("etag", "CRC64NVME:one=").is_intact(Stored("other-2", "CRC64NVME:one="))


# What is kept


def test_copies_are_told_apart_by_status_the_oldest_first() -> None:
    active, disowned, pending = a_copy("3"), a_copy("2", status=Status.DISOWNED), a_copy("1", status=Status.PENDING)
    of_all = kept(active, disowned, pending)
    assert of_all.with_status(Status.ACTIVE, Status.PENDING) == [pending, active]
    assert of_all.with_status(Status.REMOVING) == []


def test_owned_are_active_copies_that_no_delete_has_overtaken() -> None:
    before, at, since = a_copy("1"), a_copy("2"), a_copy("3")
    gone = a_copy("4", status=Status.DISOWNED)
    assert kept(since, before, at, gone).owned == [before, at, since]
    assert kept(since, before, at, gone, deleted="2").owned == [since]


def test_the_last_order_is_the_newest_of_all_copies_and_of_the_deletion() -> None:
    assert Kept(original()).last_order == UNKNOWN_SEQUENCER
    assert kept(a_copy("2"), a_copy("3", status=Status.REMOVING), deleted="1").last_order == "3"
    assert kept(a_copy("2"), deleted="4").last_order == "4"


# Reconciling


def test_a_pass_counts_what_its_walks_count() -> None:
    walks = (Walk("", "m", counts=Counts(live=2, copied=1)), Walk("m", "", counts=Counts(live=3, held=1)))
    assert Pass(walks).counts == Counts(live=5, copied=1, held=1)
    assert Pass(()).counts == Counts()
