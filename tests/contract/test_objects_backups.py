"""`Backups`, in S3 and in memory, with and without versions: what is stored of copies, and that they go for good."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from holdfast.adapters.memory_objects import MemoryBackups
from holdfast.adapters.s3_objects import S3Backups
from holdfast.objects.model import BackupObject, CopyKey, Original, Stored
from holdfast.objects.ports import Locked
from tests.contract.buckets import HOSTILE_KEYS, IN_UTF8_ORDER, Place, a_copy_key, a_place, content, etag
from tests.unit.capacity.domain import at

ANYWHERE = ["memory", "moto", "moto versioned", "engine", "engine versioned"]


@pytest.fixture(params=ANYWHERE)
def place(request: pytest.FixtureRequest) -> Place:
    where, *versioned = request.param.split()
    return a_place(request, where, backups_versioned=bool(versioned))


@pytest.fixture(params=["moto", "engine"])
def versioned(request: pytest.FixtureRequest) -> Place:
    return a_place(request, request.param, backups_versioned=True)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a page of moto's held three entries: S3's thousand would take seconds to fill."""
    monkeypatch.setattr("moto.settings.get_s3_default_max_keys", lambda: 3)


def store(place: Place, copy_key: str, body: bytes = b"content") -> Stored:
    """Copy an object of this content to this key."""
    place.user.put("a", body)
    return place.copier.copy(place.head("a"), CopyKey(copy_key))


def found(place: Place, copy_key: str, version_id: str | None = None) -> Stored | None:
    return place.backups.head(CopyKey(copy_key), version_id)


def names(place: Place, prefix: str = "", after: str = "") -> list[str]:
    return [entry.copy_key for entry in place.backups.listing(prefix, after)]


# Looking


def test_what_is_stored_is_found_by_its_key_and_by_its_version(place: Place) -> None:
    stored = store(place, "a/1")
    for version_id in (None, stored.version_id):
        head = found(place, "a/1", version_id)
        assert head
        assert stored.is_intact(head)
        assert head.version_id == stored.version_id


def test_another_content_is_not_what_was_stored(place: Place) -> None:
    stored = store(place, "a/1")
    store(place, "a/1", b"another")
    assert not stored.is_intact(found(place, "a/1"))


def test_the_version_that_was_stored_is_found_though_another_lies_over_it(versioned: Place) -> None:
    stored = store(versioned, "a/1")
    store(versioned, "a/1", b"another")
    assert stored.is_intact(found(versioned, "a/1", stored.version_id))


def test_what_was_never_stored_or_is_gone_is_not_found(place: Place) -> None:
    store(place, "a/1")
    place.backups.remove(CopyKey("a/1"))
    assert found(place, "a/1") is None
    assert found(place, "never") is None


def test_a_version_that_is_gone_is_not_found(versioned: Place) -> None:
    stored = store(versioned, "a/1")
    versioned.backups.remove(CopyKey("a/1"))
    store(versioned, "a/1")
    assert found(versioned, "a/1", stored.version_id) is None


# Removing


def test_only_what_is_removed_goes(place: Place) -> None:
    for copy_key in ("a/1", "a/11", "a/1/1", "a", "b/1"):
        store(place, copy_key)
    place.backups.remove(CopyKey("a/1"))
    assert names(place) == ["a", "a/1/1", "a/11", "b/1"]


def test_what_is_removed_twice_or_was_never_there_is_no_error(place: Place) -> None:
    store(place, "a/1")
    for copy_key in ("a/1", "a/1", "never"):
        place.backups.remove(CopyKey(copy_key))
    assert names(place) == []


@pytest.mark.usefixtures("small_pages")
def test_no_version_of_what_is_removed_is_left_nor_any_marker(versioned: Place) -> None:
    backups = s3_backups(versioned)
    for body in (b"1", b"2", b"3"):
        store(versioned, "a/1", body)
        backups.client.delete_object(Bucket=backups.bucket, Key="a/1")
        store(versioned, "a/10", body)
    backups.remove(CopyKey("a/1"))
    left = backups.client.list_object_versions(Bucket=backups.bucket)
    assert {entry["Key"] for entry in left["Versions"]} == {"a/10"}
    assert left.get("DeleteMarkers", []) == []
    assert content(versioned, CopyKey("a/10")) == etag(b"3")


def s3_backups(place: Place) -> S3Backups:
    assert isinstance(place.backups, S3Backups)
    return place.backups


# Locks


def memory_lock(place: Place) -> None:
    assert isinstance(place.backups, MemoryBackups)
    place.backups.locked.add(CopyKey("a/1"))


def legal_hold(place: Place) -> None:
    backups = s3_backups(place)
    backups.client.put_object_legal_hold(Bucket=backups.bucket, Key="a/1", LegalHold={"Status": "ON"})


def retention(place: Place) -> None:
    backups = s3_backups(place)
    until = datetime(2100, 1, 1, tzinfo=UTC)
    backups.client.put_object_retention(
        Bucket=backups.bucket, Key="a/1", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until}
    )


def default_retention(place: Place) -> None:
    """That of the bucket. It holds what is stored from now on."""
    backups = s3_backups(place)
    backups.client.put_object_lock_configuration(
        Bucket=backups.bucket,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}},
        },
    )
    backups.remove(CopyKey("a/1"))
    backups.client.put_object(Bucket=backups.bucket, Key="a/1", Body=b"content")


LOCKS = {
    "memory": [memory_lock],
    "moto": [legal_hold, retention],  # it wants an empty bucket for a default
    "engine": [legal_hold, retention, default_retention],
}


@pytest.mark.parametrize(("where", "lock"), [(where, lock) for where, locks in LOCKS.items() for lock in locks])
def test_what_is_locked_stays_and_the_others_go(
    request: pytest.FixtureRequest, where: str, lock: Callable[[Place], None]
) -> None:
    place = a_place(request, where, lockable=True)
    for copy_key in ("a/1", "a/2"):
        store(place, copy_key)
    lock(place)
    with pytest.raises(Locked, match="'a/1' is locked"):
        place.backups.remove(CopyKey("a/1"))
    place.backups.remove(CopyKey("a/2"))
    assert names(place) == ["a/1"]
    assert content(place, CopyKey("a/1")) == etag(b"content")


# Listing


def test_each_copy_is_listed_as_it_was_stored(place: Place) -> None:
    first, second = store(place, "a/1", b"1"), store(place, "a/2", b"22")
    assert place.listed() == [
        BackupObject(CopyKey("a/1"), 1, first.etag, first.version_id),
        BackupObject(CopyKey("a/2"), 2, second.etag, second.version_id),
    ]


def test_only_the_newest_version_is_listed_and_none_under_a_delete_marker(versioned: Place) -> None:
    backups = s3_backups(versioned)
    for copy_key in ("a/1", "a/2"):
        store(versioned, copy_key, b"1")
        newest = store(versioned, copy_key, b"22")
    backups.client.delete_object(Bucket=backups.bucket, Key="a/1")
    assert versioned.listed() == [BackupObject(CopyKey("a/2"), 2, newest.etag, newest.version_id)]


def test_all_that_is_stored_is_named_under_its_prefix(place: Place) -> None:
    for copy_key in ("a/1", "a/2", "ab/1"):
        store(place, copy_key)
    assert set(place.backups.names("a/")) == {"a/1", "a/2"}


@pytest.mark.usefixtures("small_pages")
def test_what_somebody_hid_behind_a_delete_marker_is_named_too(versioned: Place) -> None:
    backups = s3_backups(versioned)
    for number in range(4):
        store(versioned, f"a/{number}")
        backups.client.delete_object(Bucket=backups.bucket, Key=f"a/{number}")
    assert set(backups.names("a/")) == {"a/0", "a/1", "a/2", "a/3"}
    assert names(versioned) == []


def test_an_empty_bucket_lists_nothing(place: Place) -> None:
    assert place.listed() == []


@pytest.mark.usefixtures("small_pages")
def test_copies_come_in_the_order_of_their_keys_bytes(place: Place) -> None:
    for copy_key in reversed(IN_UTF8_ORDER):
        store(place, copy_key)
    assert names(place) == IN_UTF8_ORDER


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("position", range(len(IN_UTF8_ORDER)))
def test_a_listing_goes_on_behind_a_key(place: Place, position: int) -> None:
    for copy_key in IN_UTF8_ORDER:
        store(place, copy_key)
    assert names(place, after=IN_UTF8_ORDER[position]) == IN_UTF8_ORDER[position + 1 :]


@pytest.mark.usefixtures("small_pages")
def test_a_listing_keeps_to_its_prefix(place: Place) -> None:
    for copy_key in ("a", "a/1", "a/2", "a/3/4", "a0", "b/a/1"):
        store(place, copy_key)
    assert names(place, "a/") == ["a/1", "a/2", "a/3/4"]
    assert names(place, "a/", after="a/1") == ["a/2", "a/3/4"]


@pytest.mark.parametrize("where", ["memory", "moto", "engine", "engine versioned"])  # moto passes over a version more
def test_a_listing_may_go_on_behind_a_key_that_is_not_there(request: pytest.FixtureRequest, where: str) -> None:
    where, *versioned = where.split()
    place = a_place(request, where, backups_versioned=bool(versioned))
    for copy_key in ("a/1", "a/2", "a/3"):
        store(place, copy_key)
    assert names(place, after="a/11") == ["a/2", "a/3"]
    assert names(place, "a/", after="a/") == ["a/1", "a/2", "a/3"]
    assert names(place, after="b") == []


@pytest.mark.parametrize("key", HOSTILE_KEYS, ids=lambda key: ascii(key[:20]))
def test_a_copy_of_any_name_is_found_listed_and_removed(place: Place, key: str) -> None:
    copy_key = a_copy_key(Original("source", key))
    stored = store(place, copy_key)
    assert stored.is_intact(found(place, copy_key, stored.version_id))
    assert names(place) == [copy_key]
    assert names(place, "source/") == [copy_key]
    assert names(place, "source/", after=copy_key) == []
    place.backups.remove(copy_key)
    assert names(place) == []


# What S3 may answer, and neither moto nor the engine does


REFUSALS = [
    ("AccessDenied", "Access Denied"),
    ("AccessDenied", "not authorized to perform: s3:DeleteObject on resource: arn:aws:s3:::backup/a/1"),
    ("SlowDown", "Please reduce your request rate."),
]


@pytest.mark.parametrize(("code", "message"), REFUSALS)
@pytest.mark.parametrize("versioned", [False, True])
def test_no_other_refusal_is_taken_for_a_lock(answers: Any, code: str, message: str, versioned: bool) -> None:
    if versioned:
        answers.add_response("list_object_versions", {"Versions": [{"Key": "a/1", "VersionId": "1"}]})
    answers.add_client_error("delete_object", code, message)
    with pytest.raises(ClientError, match=code):
        S3Backups(answers.client, "backup", versioned).remove(CopyKey("a/1"))


@pytest.mark.parametrize("status", ["400", "403", "500"])
def test_a_refusal_to_look_is_not_taken_for_an_absence(answers: Any, status: str) -> None:
    answers.add_client_error("head_object", status)
    with pytest.raises(ClientError, match=status):
        S3Backups(answers.client, "backup", versioned=False).head(CopyKey("a/1"), None)


def test_the_checksum_that_s3_keeps_is_told_with_its_algorithm(answers: Any) -> None:
    told = {"ETag": '"1"', "ChecksumCRC64NVME": "W=", "ChecksumType": "FULL_OBJECT", "VersionId": "null"}
    answers.add_response("head_object", told, {"Bucket": "backup", "Key": "a/1", "ChecksumMode": "ENABLED"})
    found = S3Backups(answers.client, "backup", versioned=False).head(CopyKey("a/1"), None)
    assert found == Stored("1", "CRC64NVME:W=", None)


def test_versions_of_keys_that_no_xml_carries_are_listed_and_removed(answers: Any) -> None:
    """S3 encodes them as it does in its events; the SDK asks for it, and decodes them."""
    entry = {"ETag": '"1"', "Size": 1, "LastModified": at(0), "IsLatest": True, "VersionId": "v1"}
    answers.add_response(
        "list_object_versions",
        {"EncodingType": "url", "Versions": [{**entry, "Key": "%01%0D"}, {**entry, "Key": "a+b%2Bc%25"}]},
    )
    backups = S3Backups(answers.client, "backup", versioned=True)
    assert [entry.copy_key for entry in backups.listing("", "")] == ["\x01\r", "a b+c%"]
    answers.add_response("list_object_versions", {"EncodingType": "url", "Versions": [{**entry, "Key": "%01%0D"}]})
    answers.add_response("delete_object", {}, {"Bucket": "backup", "Key": "\x01\r", "VersionId": "v1"})
    backups.remove(CopyKey("\x01\r"))
    answers.assert_no_pending_responses()
