"""The names of copies: of any key, in S3's limit, by age, and back again."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.events.model import UNKNOWN_SEQUENCER, Sequencer, sequencer
from holdfast.objects.model import Original, after
from holdfast.objects.naming import LIMIT, beginning, copy_key, folder, is_cut, parse
from tests.unit.capacity.domain import HOSTILE_NAMES

WRITTEN = datetime(2026, 11, 21, 7, 31, 21, 123_456, tzinfo=UTC)
ORDER = sequencer("0055AED6DCD90281E5")
TOKEN = "0123456789abcdef"
CUT = "~" + "0" * 64


def fit(key: str) -> str:
    """As much of a key as S3 takes."""
    return key.encode()[:1024].decode(errors="ignore")


characters = st.characters(codec="utf-8")
short_keys = st.text(characters, min_size=1, max_size=40)
long_keys = st.builds(
    lambda filler, rest: fit(filler * 1024)[: -len(rest) or None] + rest,
    characters,
    st.text(characters, max_size=12) | st.just(CUT),
).map(fit)
keys = short_keys | long_keys
buckets = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-", min_size=3, max_size=63)
originals = st.builds(Original, buckets, keys)
moments = st.datetimes(datetime(2006, 3, 14), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
orders = st.builds(
    lambda order, times_seen: Sequencer(order + times_seen * "+"),
    st.text("0123456789ABCDEF", max_size=40).map(sequencer),
    st.integers(0, 60),
)
tokens = st.text("0123456789abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=16)


def name(key: str, *, bucket: str = "source", at: datetime = WRITTEN, order: Sequencer = ORDER) -> str:
    return copy_key(Original(bucket, key), at, order, TOKEN)


def test_a_copy_is_named_after_its_original_its_time_and_its_order() -> None:
    assert name("a/b.txt") == "source/a/b.txt/20261121T073121.123Z-0055AED6DCD90281E5-0123456789abcdef"


@given(originals, moments, orders, tokens)
@example(Original("b" * 63, "é" * 512), WRITTEN, ORDER, TOKEN)
@example(Original("b" * 63, "k" * (1024 - 65) + CUT), WRITTEN, after(ORDER), TOKEN)
def test_a_name_of_a_copy_fits_whatever_the_key(original: Original, at: datetime, order: Sequencer, token: str) -> None:
    assert len(copy_key(original, at, order, token).encode()) <= LIMIT


@given(originals, moments, orders, tokens)
def test_a_name_tells_its_folder_time_and_order(original: Original, at: datetime, order: Sequencer, token: str) -> None:
    to_the_millisecond = at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert parse(copy_key(original, at, order, token)) == (folder(original), to_the_millisecond, order[:40])


@given(originals)
def test_a_folder_is_the_original_key_unless_it_had_to_be_cut(original: Original) -> None:
    assert is_cut(folder(original)) or folder(original) == str(original)


@given(originals, originals)
def test_two_originals_never_share_a_folder(one: Original, other: Original) -> None:
    assert one == other or folder(one) != folder(other)


@pytest.mark.parametrize("key", [*HOSTILE_NAMES, "a/", "/", "20261121T073121.123Z-0-a", CUT])
def test_a_hostile_key_comes_back_whole_or_is_cut(key: str) -> None:
    where, _, _ = parse(name(key)) or ("", None, None)
    assert where == folder(Original("source", key))
    assert (Original.of(where) == Original("source", key)) is not is_cut(where)


@given(originals, st.lists(moments, min_size=2, max_size=5), orders)
def test_the_copies_of_an_original_sort_by_age(original: Original, times: list[datetime], order: Sequencer) -> None:
    in_time = [copy_key(original, at, order, TOKEN).encode() for at in sorted(times)]
    assert in_time == sorted(in_time)


def test_a_time_is_told_in_utc_whatever_its_zone() -> None:
    elsewhere = WRITTEN.astimezone(timezone(timedelta(hours=-8)))
    assert name("a", at=elsewhere) == name("a")


def test_what_no_event_told_of_has_an_order_too() -> None:
    _, _, order = parse(name("a", order=after(UNKNOWN_SEQUENCER))) or ("", None, None)
    assert order == "+"


# Cut names


def test_a_key_that_leaves_no_room_is_cut_and_its_digest_stands_for_the_rest() -> None:
    long = "k" * 1024
    where = folder(Original("source", long))
    assert where.startswith("source/kkk")
    assert where[-65:-64] == "~"
    assert is_cut(where)
    assert where != folder(Original("source", long[:-1] + "l"))


def test_the_longest_key_that_is_not_cut_is_as_long_as_the_room_that_is_left() -> None:
    room = LIMIT - len("/20261121T073121.123Z-") - 40 - len("-") - 16 - len("source/") - 2
    assert folder(Original("source", "k" * room)) == "source/" + "k" * room
    assert is_cut(folder(Original("source", "k" * (room + 1))))


def test_a_cut_does_not_go_through_a_character() -> None:
    for padding in range(4):
        where = folder(Original("source", "p" * padding + "\N{GRINNING FACE}" * 255))
        assert where.encode().decode() == where
        assert is_cut(where)


def test_a_key_that_has_the_name_that_another_was_cut_to_is_cut_itself() -> None:
    long = Original("source", "k" * 1024)
    squatter = Original.of(folder(long))
    assert folder(squatter) != folder(long)
    assert is_cut(folder(squatter))


@given(originals, originals)
def test_all_names_of_keys_that_begin_alike_begin_alike(prefix: Original, other: Original) -> None:
    """A prefix finds all copies of the keys that begin with it."""
    original = Original(prefix.bucket, fit(prefix.key + other.key))
    if original.key.startswith(prefix.key):
        assert folder(original).startswith(beginning(prefix))


def test_a_short_key_that_ends_like_a_cut_name_is_whole() -> None:
    assert folder(Original("source", CUT)) == f"source/{CUT}"


# What is not the name of a copy


@pytest.mark.parametrize(
    "key",
    [
        "",
        "a",
        "source/a",
        "source/a/",
        "20261121T073121.123Z-0-a",
        "a/20261121T073121.123Z-0-a",
        "source/a/20261121T073121.123Z",
        "source/a/20261121T073121.123Z-0",
        "source/a/20261121T073121.123Z-0-",
        "source/a/20261121T073121.123Z-0-A",
        "source/a/20261121T073121.123Z-g-a",
        "source/a/20261121T073121.123Z-+0-a",
        "source/a/20261321T073121.123Z-0-a",
        "source/a/20261121T256121.123Z-0-a",
        "source/a/20261121T073121Z-0-a",
        "source/a/20261121T073121.123Z-0-a\n",
        "source/a/20261121T073121.123Z-0-a.txt",
        "source/a/x20261121T073121.123Z-0-a",
    ],
)
def test_what_is_not_named_like_a_copy_is_none(key: str) -> None:
    assert parse(key) is None


def test_a_name_of_an_object_without_a_key_is_none() -> None:
    """A bucket's name alone is no original."""
    assert parse("source/20261121T073121.123Z-0-a") is None
