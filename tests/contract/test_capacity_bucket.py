"""`Bucket`, in S3 and in memory, versioned or not: what is seen of an object, and what goes when it is deleted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from holdfast.adapters.memory import MemoryBucket
from holdfast.adapters.s3 import S3Bucket, VersionsKept
from holdfast.capacity.model import Listed, StoredObject
from holdfast.capacity.ports import Bucket, ObjectChanged
from tests.unit.capacity.domain import HOSTILE_NAMES


class User(Protocol):
    """What a bucket's users do with it."""

    def put(self, name: str, size: int) -> None: ...

    def remove(self, name: str) -> None: ...

    def keep(self, name: str) -> None: ...

    def upload_part(self, name: str, size: int) -> None: ...


@dataclass(frozen=True)
class MemoryUser:
    bucket: MemoryBucket

    def put(self, name: str, size: int) -> None:
        self.bucket.put(name, size)

    def remove(self, name: str) -> None:
        self.bucket.remove(name)

    def keep(self, name: str) -> None:
        self.bucket.tagged_to_keep.add(name)

    def upload_part(self, name: str, size: int) -> None:
        self.bucket.parts[name] = size


@dataclass(frozen=True)
class S3User:
    client: Any
    bucket: str

    def put(self, name: str, size: int) -> None:
        self.client.put_object(Bucket=self.bucket, Key=name, Body=b"x" * size)

    def remove(self, name: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=name)

    def keep(self, name: str) -> None:
        self.tag(name, "holdfast:keep", "true")

    def tag(self, name: str, key: str, value: str) -> None:
        tags = {"TagSet": [{"Key": "team", "Value": "blue"}, {"Key": key, "Value": value}]}
        self.client.put_object_tagging(Bucket=self.bucket, Key=name, Tagging=tags)

    def upload_part(self, name: str, size: int) -> None:
        upload = self.client.create_multipart_upload(Bucket=self.bucket, Key=name)["UploadId"]
        self.client.upload_part(Bucket=self.bucket, Key=name, UploadId=upload, PartNumber=1, Body=b"x" * size)


@dataclass(frozen=True)
class Shelf:
    """A bucket and its user. `versioned`: each write keeps what was there before."""

    bucket: Bucket
    user: User
    versioned: bool

    def listing(self, after: str = "") -> list[Listed]:
        return list(self.bucket.listing(after))

    def found(self, name: str) -> StoredObject:
        found = self.bucket.head(name)
        assert found
        return found


def an_s3_bucket(name: str, *, versioned: bool) -> tuple[S3Bucket, S3User]:
    client = boto3.client("s3")
    client.create_bucket(Bucket=name)
    if versioned:
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return S3Bucket(client, name), S3User(client, name)


@pytest.fixture(params=["memory", "memory versioned", "s3", "s3 versioned"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    place, *versioned = request.param.split()
    if place == "memory":
        memory = MemoryBucket(versioned=bool(versioned))
        return Shelf(memory, MemoryUser(memory), bool(versioned))
    request.getfixturevalue("stack")
    bucket, user = an_s3_bucket(request.getfixturevalue("bucket_name"), versioned=bool(versioned))
    return Shelf(bucket, user, bool(versioned))


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a page held three entries: S3's thousand would take seconds to fill."""
    monkeypatch.setattr("moto.settings.get_s3_default_max_keys", lambda: 3)


# Looking


def test_an_object_is_found_as_it_is(shelf: Shelf) -> None:
    shelf.user.put("a", 18)
    found = shelf.found("a")
    assert (found.name, found.size) == ("a", 18)


def test_another_content_is_another_object(shelf: Shelf) -> None:
    shelf.user.put("a", 18)
    before = shelf.found("a")
    shelf.user.put("a", 28)
    assert shelf.found("a").etag != before.etag


def test_what_is_not_there_is_not_found(shelf: Shelf) -> None:
    shelf.user.put("a", 18)
    shelf.user.remove("a")
    assert shelf.bucket.head("a") is None
    assert shelf.bucket.head("never") is None


def test_only_what_is_tagged_so_is_kept(shelf: Shelf) -> None:
    shelf.user.put("a", 18)
    shelf.user.put("b", 18)
    shelf.user.keep("a")
    assert shelf.bucket.kept("a")
    assert not shelf.bucket.kept("b")
    assert not shelf.bucket.kept("never")


def test_an_overwrite_takes_the_tag_away(shelf: Shelf) -> None:
    shelf.user.put("a", 18)
    shelf.user.keep("a")
    shelf.user.put("a", 28)
    assert not shelf.bucket.kept("a")


# Deleting


@pytest.mark.parametrize("versions", [True, False])
def test_the_object_that_was_found_goes(shelf: Shelf, versions: bool) -> None:
    shelf.user.put("a", 18)
    assert shelf.bucket.delete(shelf.found("a"), versions=versions)
    assert shelf.bucket.head("a") is None


@pytest.mark.parametrize("versions", [True, False])
def test_what_is_gone_already_is_no_error(shelf: Shelf, versions: bool) -> None:
    shelf.user.put("a", 18)
    found = shelf.found("a")
    shelf.user.remove("a")
    assert not shelf.bucket.delete(found, versions=versions)


def test_what_was_never_there_is_no_error_and_leaves_no_marker(shelf: Shelf) -> None:
    assert not shelf.bucket.delete(StoredObject("never", 1, '"0"'), versions=True)
    assert shelf.listing() == []


@pytest.mark.parametrize("versions", [True, False])
def test_what_was_overwritten_stays_with_all_its_versions(shelf: Shelf, versions: bool) -> None:
    shelf.user.put("a", 18)
    found = shelf.found("a")
    shelf.user.put("a", 28)
    with pytest.raises(ObjectChanged, match="'a' is not the object that was looked at"):
        shelf.bucket.delete(found, versions=versions)
    assert shelf.listing() == [Listed("a", 28, 18 if shelf.versioned else 0)]


def test_with_its_versions_no_byte_of_it_is_left(shelf: Shelf) -> None:
    shelf.user.put("a", 18)
    shelf.user.remove("a")
    shelf.user.put("a", 28)
    shelf.bucket.delete(shelf.found("a"), versions=True)
    assert shelf.listing() == []


def test_without_its_versions_a_versioned_object_is_only_hidden(shelf: Shelf) -> None:
    shelf.user.put("a", 18)
    shelf.bucket.delete(shelf.found("a"), versions=False)
    assert shelf.listing() == ([Listed("a", None, 18)] if shelf.versioned else [])


@pytest.mark.usefixtures("small_pages")
def test_objects_whose_names_only_begin_alike_stay(shelf: Shelf) -> None:
    for name in ("a", "a", "a", "a", "a/b", "ab"):
        shelf.user.put(name, 1)
    shelf.bucket.delete(shelf.found("a"), versions=True)
    assert shelf.listing() == [Listed("a/b", 1), Listed("ab", 1)]


# Listing


def test_each_key_is_listed_once_with_its_bytes(shelf: Shelf) -> None:
    for name, size in (("c", 18), ("a", 5), ("c", 28), ("b", 7)):
        shelf.user.put(name, size)
    shelf.user.remove("b")
    if shelf.versioned:
        assert shelf.listing() == [Listed("a", 5), Listed("b", None, 7), Listed("c", 28, 18)]
    else:
        assert shelf.listing() == [Listed("a", 5), Listed("c", 28)]


def test_an_empty_bucket_lists_nothing(shelf: Shelf) -> None:
    assert shelf.listing() == []


IN_UTF8_ORDER = ["A", "a", "a/b", "ab", "é", "日", "\N{REPLACEMENT CHARACTER}", "\N{GRINNING FACE}"]
"""In UTF-16 the last would come before the one but last."""


@pytest.mark.usefixtures("small_pages")
def test_keys_come_in_the_order_of_their_bytes(shelf: Shelf) -> None:
    for name in reversed(IN_UTF8_ORDER):
        shelf.user.put(name, 1)
    assert [listed.name for listed in shelf.listing()] == IN_UTF8_ORDER


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("position", range(len(IN_UTF8_ORDER)))
def test_a_listing_goes_on_behind_a_key(shelf: Shelf, position: int) -> None:
    for name in IN_UTF8_ORDER:
        shelf.user.put(name, 1)
    assert [listed.name for listed in shelf.listing(after=IN_UTF8_ORDER[position])] == IN_UTF8_ORDER[position + 1 :]


@pytest.mark.usefixtures("small_pages")
def test_the_versions_of_a_key_may_lie_on_several_pages(shelf: Shelf) -> None:
    for name in ("a", "b", "c"):
        for size in range(1, 6):
            shelf.user.put(name, size)
    shelf.user.remove("b")
    if shelf.versioned:
        assert shelf.listing() == [Listed("a", 5, 10), Listed("b", None, 15), Listed("c", 5, 10)]
    else:
        assert shelf.listing() == [Listed("a", 5), Listed("c", 5)]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=lambda name: ascii(name[:20]))
def test_an_object_of_any_name_is_seen_listed_and_deleted(shelf: Shelf, name: str) -> None:
    shelf.user.put(name, 18)
    shelf.user.keep(name)
    assert shelf.found(name).size == 18
    assert shelf.bucket.kept(name)
    assert shelf.listing() == [Listed(name, 18)]
    assert shelf.listing(after=name) == []
    assert shelf.bucket.delete(shelf.found(name), versions=True)
    assert shelf.listing() == []


# Unfinished uploads


def test_a_bucket_without_unfinished_uploads_has_no_bytes_in_them(shelf: Shelf) -> None:
    shelf.user.put("a", 18)
    assert shelf.bucket.multipart_size() == 0


def test_the_parts_of_unfinished_uploads_are_added_up(shelf: Shelf) -> None:
    shelf.user.upload_part("a", 77)
    shelf.user.upload_part("ü/日", 5)
    assert shelf.bucket.multipart_size() == 82
    assert shelf.listing() == []


# What only S3 has


@pytest.fixture
def s3(stack: object, bucket_name: str) -> Callable[..., tuple[S3Bucket, S3User]]:
    return lambda *, versioned: an_s3_bucket(bucket_name, versioned=versioned)


@pytest.mark.parametrize(("key", "value"), [("holdfast:keep", "false"), ("holdfast:keep", "TRUE"), ("keep", "true")])
def test_no_other_tag_keeps(s3: Callable[..., tuple[S3Bucket, S3User]], key: str, value: str) -> None:
    bucket, user = s3(versioned=False)
    user.put("a", 18)
    user.tag("a", key, value)
    assert not bucket.kept("a")


@pytest.mark.xfail(reason="moto passes over one version only; S3 over all of the key that the listing goes on behind")
def test_a_versioned_listing_goes_on_behind_all_versions_of_a_key(
    s3: Callable[..., tuple[S3Bucket, S3User]],
) -> None:
    """Seen in S3 itself: https://github.com/versity/versitygw/issues/2178"""
    bucket, user = s3(versioned=True)
    for name in ("a", "a", "b"):
        user.put(name, 1)
    assert list(bucket.listing("a")) == [Listed("b", 1)]


def test_versions_written_before_versioning_was_suspended_still_count_and_go(
    s3: Callable[..., tuple[S3Bucket, S3User]],
) -> None:
    bucket, user = s3(versioned=True)
    user.put("a", 18)
    user.put("a", 28)
    user.client.put_bucket_versioning(Bucket=user.bucket, VersioningConfiguration={"Status": "Suspended"})
    assert list(bucket.listing("")) == [Listed("a", 28, 18)]
    found = bucket.head("a")
    assert found
    bucket.delete(found, versions=True)
    assert list(bucket.listing("")) == []


def test_a_version_under_a_lock_is_an_error_that_names_it(stack: object, bucket_name: str) -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket=bucket_name, ObjectLockEnabledForBucket=True)
    client.put_object(Bucket=bucket_name, Key="a", Body=b"x", ObjectLockLegalHoldStatus="ON")
    bucket = S3Bucket(client, bucket_name)
    found = bucket.head("a")
    assert found
    with pytest.raises(VersionsKept, match=r"version .+ of 'a' stays: AccessDenied"):
        bucket.delete(found, versions=True)


# What S3 may answer, and moto does not


@pytest.fixture
def answers() -> Iterator[Any]:
    """S3, answering as it is told."""
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stubber:
        yield stubber


FOUND = StoredObject("a", 18, '"1"')


@pytest.mark.parametrize("code", ["PreconditionFailed", "ConditionalRequestConflict"])
def test_an_object_that_changes_while_it_is_being_deleted_stays(answers: Any, code: str) -> None:
    answers.add_client_error("delete_object", code)
    with pytest.raises(ObjectChanged):
        S3Bucket(answers.client, "watched").delete(FOUND, versions=False)


@pytest.mark.parametrize(
    ("call", "ask"),
    [
        ("head_object", lambda bucket: bucket.head("a")),
        ("get_object_tagging", lambda bucket: bucket.kept("a")),
        ("delete_object", lambda bucket: bucket.delete(FOUND, versions=False)),
    ],
)
def test_a_refusal_is_not_taken_for_an_absence(answers: Any, call: str, ask: Callable[[S3Bucket], object]) -> None:
    answers.add_client_error(call, "AccessDenied", http_status_code=403)
    with pytest.raises(ClientError, match="AccessDenied"):
        ask(S3Bucket(answers.client, "watched"))


def test_an_upload_that_ends_while_it_is_looked_at_has_no_bytes(answers: Any) -> None:
    answers.add_response("list_multipart_uploads", {"Uploads": [{"Key": "a", "UploadId": "1"}]})
    answers.add_client_error("list_parts", "NoSuchUpload")
    assert S3Bucket(answers.client, "watched").multipart_size() == 0


def test_an_upload_that_may_not_be_looked_at_is_not_taken_for_empty(answers: Any) -> None:
    answers.add_response("list_multipart_uploads", {"Uploads": [{"Key": "a", "UploadId": "1"}]})
    answers.add_client_error("list_parts", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        S3Bucket(answers.client, "watched").multipart_size()
