"""`Bucket` of the warehouse system, in S3 and in memory: what is read, written, listed and tagged."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, IncompleteReadError
from botocore.response import StreamingBody

from holdfast.adapters.s3_body import PIECE, TRIES
from holdfast.adapters.s3_warehouse import S3WarehouseBucket
from holdfast.warehouse.model import Stored
from holdfast.warehouse.ports import Frozen, NotStored
from tests.contract.buckets import HOSTILE_KEYS, IN_UTF8_ORDER
from tests.contract.warehouse import ANYWHERE, Place, a_place, etag, keys


@pytest.fixture(params=ANYWHERE)
def place(request: pytest.FixtureRequest) -> Place:
    return a_place(request, request.param)


@pytest.fixture(params=[f"{where}, versioned" for where in ANYWHERE])
def versioned(request: pytest.FixtureRequest) -> Place:
    return a_place(request, request.param)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a page of moto's held three entries: S3's thousand would take seconds to fill."""
    monkeypatch.setattr("moto.settings.get_s3_default_max_keys", lambda: 3)


# Reading and writing


@pytest.mark.parametrize("body", [b"", b"\0\xff\r\n", b"0123456789abcdef" * (PIECE // 8)], ids=len)
def test_what_is_written_is_read_back_at_once_or_in_pieces(place: Place, body: bytes) -> None:
    place.source.write("a", body)
    pieces = list(place.source.stream("a"))
    assert place.source.read("a") == b"".join(pieces) == body
    assert all(0 < len(piece) <= PIECE for piece in pieces)


def test_what_is_written_again_is_what_is_there(place: Place) -> None:
    place.source.write("a", b"1")
    place.source.write("a", b"22")
    assert place.source.read("a") == b"22"
    assert place.source.head("a") == Stored(2, etag(b"22"))


def test_what_was_never_written_is_not_stored(place: Place) -> None:
    place.source.write("a/b", b"")
    for key in ("a", "a/", "a/bb"):
        with pytest.raises(NotStored, match=repr(key)):
            place.source.read(key)
        with pytest.raises(NotStored, match=repr(key)):
            place.source.stream(key)
        assert place.source.head(key) is None


def test_behind_a_delete_marker_nothing_is_stored(versioned: Place) -> None:
    versioned.user.put("a", b"1")
    versioned.user.remove("a")
    assert versioned.source.head("a") is None
    assert list(versioned.source.listing("")) == []
    for call in (versioned.source.read, versioned.source.stream, versioned.source.tags):
        with pytest.raises(NotStored):
            call("a")


@pytest.mark.parametrize("size", [0, 7, 9 * 1024**2])
def test_a_file_of_any_size_is_written_and_its_etag_told(place: Place, tmp_path: Path, size: int) -> None:
    """Above 8 MiB the SDK writes it in parts, and the ETag is no MD5."""
    path = tmp_path / "manifest.csv"
    path.write_bytes(b"x" * size)
    stored = place.source.write_file("m/manifest.csv", path)
    assert stored == place.source.head("m/manifest.csv")
    assert stored.size == size
    assert place.source.read("m/manifest.csv") == path.read_bytes()


@pytest.mark.parametrize("storage_class", ["STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER"])
def test_the_class_of_an_object_is_seen(place: Place, storage_class: str) -> None:
    listed = place.user.put("a", b"content", storage_class)
    stored = Stored(7, listed.etag, storage_class)
    assert place.source.head("a") == stored
    assert [found.stored for found in place.source.listing("")] == [stored]


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_what_lies_in_an_archive_class_cannot_be_read(place: Place, storage_class: str) -> None:
    place.user.put("a", b"content", storage_class)
    for call in (place.source.read, place.source.stream):
        with pytest.raises(Frozen, match="'a' in lake-"):
            call("a")


# Listing


def test_an_object_is_listed_as_it_is(place: Place) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)  # S3 tells whole seconds
    place.user.put("a", b"content")
    [found] = place.source.listing("")
    assert (found.key, found.stored) == ("a", Stored(7, etag(b"content")))
    assert before <= found.modified <= datetime.now(UTC)


def test_a_listing_is_in_the_order_of_utf_8_and_goes_on_behind_any_key(place: Place) -> None:
    for key in reversed(IN_UTF8_ORDER):
        place.user.put(key, b"1")
    assert keys(list(place.source.listing(""))) == IN_UTF8_ORDER
    for position, key in enumerate(IN_UTF8_ORDER, start=1):
        assert keys(list(place.source.listing("", after=key))) == IN_UTF8_ORDER[position:]


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize(
    ("prefix", "after", "found"),
    [
        ("a/", "", ["a/", "a/1", "a/2", "a/3/4"]),
        ("a/", "a/1", ["a/2", "a/3/4"]),
        ("a/", "a/10", ["a/2", "a/3/4"]),
        ("a/", "A", ["a/", "a/1", "a/2", "a/3/4"]),
        ("a/", "b", []),
        ("", "a/3/4", ["a0", "b/a/1"]),
    ],
)
def test_a_listing_keeps_to_its_prefix(place: Place, prefix: str, after: str, found: list[str]) -> None:
    for key in ("a", "a/", "a/1", "a/2", "a/3/4", "a0", "b/a/1"):
        place.user.put(key, b"1")
    assert keys(list(place.source.listing(prefix, after))) == found


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("", ["/", "a/", "b/", "c/", "e/", "g/", "ü\n+ %20/"]),
        ("b/", ["b/1/", "b/3/"]),
        ("c/", ["c//"]),
        ("e/", []),
        ("ü\n+ %20/", ["ü\n+ %20/'\"/"]),
    ],
)
def test_prefixes_are_what_keys_begin_with_up_to_the_next_slash(place: Place, prefix: str, found: list[str]) -> None:
    some = ("0", "a/1", "a/2", "b/1/2", "b/3/4", "b/3/5", "b", "c//d", "e/", "/f", "g/h", "ü\n+ %20/'\"/1")
    for key in some:
        place.user.put(key, b"1")
    assert list(place.source.prefixes(prefix)) == found


@pytest.mark.parametrize("key", HOSTILE_KEYS, ids=lambda key: ascii(key[:20]))
def test_an_object_of_any_name_is_written_read_tagged_and_listed(place: Place, key: str) -> None:
    place.source.write(key, b"content")
    place.source.tag(key, {"a": "b"})
    assert place.source.read(key) == b"content"
    assert place.source.head(key) == Stored(7, etag(b"content"))
    assert place.source.tags(key) == {"a": "b"}
    assert keys(list(place.source.listing(key[:20]))) == [key]
    assert keys(list(place.source.listing("", after=key))) == []


# Tags


def test_tags_replace_each_other(place: Place) -> None:
    place.user.put("a", b"1")
    assert place.source.tags("a") == {}
    place.source.tag("a", {"holdfast-state": "retired", "holdfast-since": "2026-11-20T01:00:00Z"})
    assert place.source.tags("a") == {"holdfast-state": "retired", "holdfast-since": "2026-11-20T01:00:00Z"}
    place.source.tag("a", {"holdfast-state": "expire"})
    assert place.source.tags("a") == {"holdfast-state": "expire"}


@pytest.mark.parametrize("where", ["memory", "engine"])  # moto takes no empty set
def test_no_tags_replace_those_that_were_there(request: pytest.FixtureRequest, where: str) -> None:
    place = a_place(request, where)
    place.user.put("a", b"1")
    place.source.tag("a", {"holdfast-state": "retired"})
    place.source.tag("a", {})
    assert place.source.tags("a") == {}


def test_a_tag_leaves_an_object_as_it_is(place: Place) -> None:
    place.user.put("a", b"1", "GLACIER_IR")
    [before] = place.source.listing("")
    place.source.tag("a", {"state": "retired"})
    assert list(place.source.listing("")) == [before]
    assert place.source.read("a") == b"1"


def test_a_new_version_has_no_tags(versioned: Place) -> None:
    versioned.user.put("a", b"1")
    versioned.source.tag("a", {"state": "retired"})
    versioned.user.put("a", b"2")
    assert versioned.source.tags("a") == {}


def test_what_is_not_there_has_no_tags_to_read_or_write(place: Place) -> None:
    with pytest.raises(NotStored, match="'never'"):
        place.source.tags("never")
    with pytest.raises(NotStored, match="'never'"):
        place.source.tag("never", {"a": "b"})
    assert place.source.head("never") is None


# What S3 may answer, and neither moto nor the engine does


class Broken:
    """A body whose connection breaks, behind so many bytes."""

    def __init__(self, body: bytes = b"") -> None:
        self.body = BytesIO(body)

    def read(self, amount: int | None = None) -> bytes:
        if amount and (piece := self.body.read(amount)):
            return piece
        raise IncompleteReadError(actual_bytes=1, expected_bytes=2)


def answer(answers: Any, body: Any, size: int, **asked: str) -> None:
    expected = {"Bucket": "lake", "Key": "a", **asked}
    answers.add_response("get_object", {"Body": body, "ETag": '"e"', "ContentLength": size}, expected)


def whole(body: bytes) -> StreamingBody:
    return StreamingBody(BytesIO(body), len(body))


def test_a_body_that_breaks_off_is_read_again(answers: Any) -> None:
    for body in (Broken(b"who"), Broken(), whole(b"whole")):
        answer(answers, body, 5)
    assert S3WarehouseBucket(answers.client, "lake").read("a") == b"whole"


def test_a_body_that_keeps_breaking_off_is_no_body(answers: Any) -> None:
    for _ in range(TRIES):
        answer(answers, Broken(), 5)
    with pytest.raises(IncompleteReadError):
        S3WarehouseBucket(answers.client, "lake").read("a")


def test_a_stream_that_breaks_off_goes_on_where_it_was_if_the_object_is_still_the_same(answers: Any) -> None:
    answer(answers, Broken(b"01234"), 10)
    answer(answers, Broken(), 5, Range="bytes=5-", IfMatch='"e"')
    answer(answers, Broken(b"567"), 5, Range="bytes=5-", IfMatch='"e"')
    answer(answers, whole(b"89"), 2, Range="bytes=8-", IfMatch='"e"')
    assert b"".join(S3WarehouseBucket(answers.client, "lake").stream("a")) == b"0123456789"


def test_a_stream_that_breaks_off_behind_its_last_byte_is_whole(answers: Any) -> None:
    answer(answers, Broken(b"0123"), 4)
    assert b"".join(S3WarehouseBucket(answers.client, "lake").stream("a")) == b"0123"


def test_a_stream_that_comes_no_further_ends_with_the_error(answers: Any) -> None:
    answer(answers, Broken(b"0"), 2)
    for _ in range(TRIES - 1):
        answer(answers, Broken(), 1, Range="bytes=1-", IfMatch='"e"')
    with pytest.raises(IncompleteReadError):
        list(S3WarehouseBucket(answers.client, "lake").stream("a"))


@pytest.mark.parametrize("call", ["read", "stream", "tags"])
def test_what_may_not_be_read_is_not_taken_for_missing(answers: Any, call: str) -> None:
    answers.add_client_error("get_object_tagging" if call == "tags" else "get_object", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        getattr(S3WarehouseBucket(answers.client, "lake"), call)("a")


@pytest.mark.parametrize("status", ["403", "500", "503"])
def test_what_may_not_be_looked_at_is_not_taken_for_missing(answers: Any, status: str) -> None:
    answers.add_client_error("head_object", status)
    with pytest.raises(ClientError, match=status):
        S3WarehouseBucket(answers.client, "lake").head("a")


def test_keys_that_no_xml_carries_are_listed_as_they_are(answers: Any) -> None:
    entry = {"ETag": '"1"', "Size": 1, "LastModified": datetime(2026, 1, 1, tzinfo=UTC)}
    encoded = ["%01%7F%0D", "a+b%2Bc%25%20", "%C3%BF"]
    answers.add_response(
        "list_objects_v2", {"EncodingType": "url", "Contents": [{**entry, "Key": key} for key in encoded]}
    )
    found = S3WarehouseBucket(answers.client, "lake").listing("")
    assert keys(list(found)) == ["\x01\x7f\r", "a b+c% ", "ÿ"]
