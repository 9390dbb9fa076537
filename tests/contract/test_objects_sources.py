"""`Sources`, in S3 and in memory, versioned or not: what is seen of the objects that are to be copied."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from holdfast.adapters.s3_objects import S3Sources
from holdfast.objects.model import Original
from holdfast.objects.ports import SourceUnreadable
from tests.contract.buckets import HOSTILE_KEYS, IN_UTF8_ORDER, Place, S3User, a_place, etag, keys


@pytest.fixture(params=["memory", "moto", "engine"])
def unversioned(request: pytest.FixtureRequest) -> Place:
    return a_place(request, request.param)


@pytest.fixture(params=["memory", "moto", "engine"])
def versioned(request: pytest.FixtureRequest) -> Place:
    return a_place(request, request.param, versioned=True)


@pytest.fixture(
    params=["memory", "memory versioned", "moto", "moto versioned", "engine", "engine versioned"],
)
def place(request: pytest.FixtureRequest) -> Place:
    where, *versioned = request.param.split()
    return a_place(request, where, versioned=bool(versioned))


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a page of moto's held three entries: S3's thousand would take seconds to fill."""
    monkeypatch.setattr("moto.settings.get_s3_default_max_keys", lambda: 3)


# Looking


def test_an_object_is_seen_with_its_content_and_the_time_of_its_write(place: Place) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)  # S3 tells whole seconds
    place.user.put("a", b"content")
    head = place.head("a")
    assert (head.original, head.etag, head.size) == (Original(place.bucket, "a"), etag(b"content"), 7)
    assert before <= head.written_at <= datetime.now(UTC)


def test_the_newest_write_is_what_is_seen(place: Place) -> None:
    place.user.put("a", b"old")
    place.user.put("a", b"newer")
    assert (place.head("a").etag, place.head("a").size) == (etag(b"newer"), 5)


def test_in_a_bucket_without_versions_an_object_has_no_version_id(unversioned: Place) -> None:
    unversioned.user.put("a", b"content")
    assert unversioned.head("a").version_id is None


def test_in_a_versioned_bucket_it_has_that_of_its_newest_write(versioned: Place) -> None:
    first, second = versioned.user.put("a", b"content"), versioned.user.put("a", b"content")
    assert first != second
    assert versioned.head("a").version_id == second


def test_what_a_delete_marker_covers_is_not_seen_until_the_marker_goes(versioned: Place) -> None:
    version_id = versioned.user.put("a", b"content")
    marker = versioned.user.remove("a")
    assert versioned.sources.head(Original(versioned.bucket, "a")) is None
    assert marker
    versioned.user.remove_version("a", marker)
    assert versioned.head("a").version_id == version_id


def test_under_the_newest_version_lies_the_one_before(versioned: Place) -> None:
    first, second = versioned.user.put("a", b"1"), versioned.user.put("a", b"2")
    assert second
    versioned.user.remove_version("a", second)
    assert (versioned.head("a").version_id, versioned.head("a").etag) == (first, etag(b"1"))


def test_what_is_not_there_is_not_seen(place: Place) -> None:
    place.user.put("gone", b"content")
    place.user.remove("gone")
    assert place.sources.head(Original(place.bucket, "gone")) is None
    assert place.sources.head(Original(place.bucket, "never")) is None


@pytest.mark.parametrize("where", ["moto", "engine"])
def test_what_was_written_before_its_bucket_had_versions_has_no_version_id(
    request: pytest.FixtureRequest, where: str
) -> None:
    place = a_place(request, where)
    place.user.put("a", b"content")
    assert isinstance(place.user, S3User)
    place.user.client.put_bucket_versioning(Bucket=place.bucket, VersioningConfiguration={"Status": "Enabled"})
    assert place.head("a").version_id is None


# Listing


def test_each_object_is_listed_once_as_it_is_now(place: Place) -> None:
    for key, body in (("c", b"1"), ("a", b"22"), ("c", b"333"), ("b", b"4444")):
        place.user.put(key, body)
    place.user.remove("b")
    listed = [(v.original, v.etag, v.size, v.version_id) for v in place.listing()]
    assert listed == [
        (Original(place.bucket, "a"), etag(b"22"), 2, None),
        (Original(place.bucket, "c"), etag(b"333"), 3, None),
    ]


def test_a_listing_tells_the_time_of_the_write(place: Place) -> None:
    place.user.put("a", b"content")
    [listed] = place.listing()
    assert abs(listed.written_at - place.head("a").written_at) < timedelta(seconds=1)


def test_an_empty_bucket_lists_nothing(place: Place) -> None:
    assert place.listing() == []
    assert place.sources.prefixes(place.bucket, "") == []


@pytest.mark.usefixtures("small_pages")
def test_keys_come_in_the_order_of_their_bytes(place: Place) -> None:
    for key in reversed(IN_UTF8_ORDER):
        place.user.put(key, b"1")
    assert keys(place.listing()) == IN_UTF8_ORDER


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("position", range(len(IN_UTF8_ORDER)))
def test_a_listing_goes_on_behind_a_key(unversioned: Place, position: int) -> None:
    for key in IN_UTF8_ORDER:
        unversioned.user.put(key, b"1")
    assert keys(unversioned.listing(after=IN_UTF8_ORDER[position])) == IN_UTF8_ORDER[position + 1 :]


def test_a_listing_may_go_on_behind_a_key_that_is_not_there(unversioned: Place) -> None:
    for key in ("a", "c"):
        unversioned.user.put(key, b"1")
    assert keys(unversioned.listing(after="b")) == ["c"]
    assert keys(unversioned.listing(after="d")) == []


@pytest.mark.usefixtures("small_pages")
def test_a_listing_keeps_to_its_prefix(unversioned: Place) -> None:
    for key in ("a", "a/", "a/1", "a/2", "a/3/4", "a0", "b/a/1"):
        unversioned.user.put(key, b"1")
    assert keys(unversioned.listing("a/")) == ["a/", "a/1", "a/2", "a/3/4"]
    assert keys(unversioned.listing("a/", after="a/1")) == ["a/2", "a/3/4"]
    assert keys(unversioned.listing("a/", after="A")) == ["a/", "a/1", "a/2", "a/3/4"]
    assert keys(unversioned.listing("a/", after="b")) == []


@pytest.mark.parametrize("key", HOSTILE_KEYS, ids=lambda key: ascii(key[:20]))
def test_an_object_of_any_name_is_seen_and_listed(unversioned: Place, key: str) -> None:
    unversioned.user.put(key, b"content")
    assert unversioned.head(key).etag == etag(b"content")
    assert keys(unversioned.listing()) == [key]
    assert keys(unversioned.listing(prefix=key[:20])) == [key]
    assert keys(unversioned.listing(after=key)) == []


# Prefixes


@pytest.mark.usefixtures("small_pages")
def test_prefixes_are_what_keys_begin_with_up_to_the_next_slash(unversioned: Place) -> None:
    for key in ("0", "a/1", "a/2", "b/1/2", "b/3/4", "b/3/5", "b", "c//d", "e/", "/f", "g/h"):
        unversioned.user.put(key, b"1")
    prefixes = {prefix: unversioned.sources.prefixes(unversioned.bucket, prefix) for prefix in ("", "b/", "c/", "e/")}
    assert prefixes == {
        "": ["/", "a/", "b/", "c/", "e/", "g/"],
        "b/": ["b/1/", "b/3/"],
        "c/": ["c//"],
        "e/": [],
    }


@pytest.mark.parametrize("where", ["memory", "engine"])  # moto counts what a delete marker covers
@pytest.mark.parametrize("versioned", [False, True])
def test_a_prefix_of_what_was_deleted_is_none(request: pytest.FixtureRequest, where: str, versioned: bool) -> None:
    place = a_place(request, where, versioned=versioned)
    place.user.put("a/1", b"1")
    place.user.put("b/1", b"1")
    place.user.remove("a/1")
    assert place.sources.prefixes(place.bucket, "") == ["b/"]


@pytest.mark.parametrize("prefix", ["ü, '\"\n\t<&>/", "a+b c%20%2F/", "../", "..", "?x=y#z/"])
def test_prefixes_may_have_any_name(unversioned: Place, prefix: str) -> None:
    unversioned.user.put(f"{prefix}/a/1", b"1")
    assert unversioned.sources.prefixes(unversioned.bucket, f"{prefix}/") == [f"{prefix}/a/"]


# What S3 may answer, and neither moto nor the engine does


@pytest.mark.parametrize(
    ("status", "why"), [("403", "is closed to this function"), ("400", "a key that only its owner has")]
)
def test_a_refusal_to_look_at_an_object_is_not_taken_for_its_absence(answers: Any, status: str, why: str) -> None:
    answers.add_client_error("head_object", status)
    with pytest.raises(SourceUnreadable, match=rf"'source/a\\n' .*{why}"):
        S3Sources(answers.client).head(Original("source", "a\n"))


@pytest.mark.parametrize("status", ["500", "503"])
def test_a_breakdown_is_not_taken_for_the_objects_absence(answers: Any, status: str) -> None:
    answers.add_client_error("head_object", status)
    with pytest.raises(ClientError, match=status):
        S3Sources(answers.client).head(Original("source", "a"))


def test_a_bucket_that_may_not_be_listed_is_not_taken_for_empty(answers: Any) -> None:
    answers.add_client_error("list_objects_v2", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        list(S3Sources(answers.client).listing("source", "", ""))


def test_keys_that_no_xml_carries_are_listed_as_they_are(answers: Any) -> None:
    """S3 encodes them as it does in its events: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""
    entry = {"ETag": '"1"', "Size": 1, "LastModified": datetime(2026, 1, 1, tzinfo=UTC)}
    encoded = ["%01%7F%0D", "a+b%2Bc%25%20", "%C3%BF"]
    answers.add_response(
        "list_objects_v2",
        {"EncodingType": "url", "Contents": [{**entry, "Key": key} for key in encoded]},
    )
    assert keys(list(S3Sources(answers.client).listing("source", "", ""))) == ["\x01\x7f\r", "a b+c% ", "ÿ"]
