"""`Targets`, in S3 and in memory: what is written over what, and what is not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from holdfast.adapters.memory_objects import MemoryBackups
from holdfast.adapters.memory_restore import MemoryTargets
from holdfast.adapters.s3_objects import S3Backups
from holdfast.adapters.s3_restore import S3Targets
from holdfast.events.model import Sequencer
from holdfast.objects.model import Copy, Original, Status, Stored
from holdfast.objects.restore.model import Found
from holdfast.objects.restore.ports import CopyLost, TargetChanged, Targets
from tests.contract.buckets import HOSTILE_KEYS, Place, S3User, a_copy_key, a_place, content, etag
from tests.unit.capacity.domain import at


def honour_conditions(client: Any) -> None:
    """As S3 does, and neither moto nor the local engine does fully: a copy is made only on the conditions it states."""

    def refuse(params: Mapping[str, Any], **_: object) -> None:
        here = _etag(client, params["Bucket"], params["Key"])
        there = _etag(client, **params["CopySource"])
        if here and params.get("IfNoneMatch") == "*":
            raise _error("PreconditionFailed")
        if params.get("IfMatch") not in {None, here}:
            raise _error("PreconditionFailed" if here else "NoSuchKey")
        if there and params.get("CopySourceIfMatch") not in {None, there}:
            raise _error("PreconditionFailed")

    client.meta.events.register(COPYING, refuse, unique_id=HONOURED)


COPYING, HONOURED = "provide-client-params.s3.CopyObject", "conditions"


def _etag(client: Any, *where: str, **source: str) -> str | None:
    named = dict(zip(("Bucket", "Key"), where, strict=False)) | source
    try:
        etag: str = client.head_object(**named)["ETag"]
    except ClientError:
        return None
    return etag


def _error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "CopyObject")


@dataclass(frozen=True)
class Counter:
    """A source bucket, the copies of what was in it, and where they are restored to: the same bucket."""

    place: Place
    targets: Targets

    def copied(self, key: str, body: bytes, token: str = "1", **settings: Any) -> Copy:
        """A copy of what is written now."""
        self.put(key, body, **settings)
        version = self.place.head(key)
        copy_key = a_copy_key(version.original, token)
        stored = self.place.copier.copy(version, copy_key)
        return Copy(version, copy_key, Sequencer("01"), at(0), Status.ACTIVE, stored)

    def put(self, key: str, body: bytes, **settings: Any) -> None:
        if settings:
            assert isinstance(self.place.user, S3User)
            self.place.user.put(key, body, **settings)
        else:
            self.place.user.put(key, body)

    def head(self, key: str) -> Found | None:
        return self.targets.head(Original(self.place.bucket, key))

    def there(self, key: str) -> str | None:
        """The eTag of what a key of the bucket holds."""
        found = self.head(key)
        return found.etag if found else None


def a_counter(request: pytest.FixtureRequest, where: str, **versions: bool) -> Counter:
    place = a_place(request, where, **versions)
    if isinstance(place.backups, MemoryBackups):
        return Counter(place, MemoryTargets(place.backups))
    assert isinstance(place.backups, S3Backups)
    honour_conditions(place.backups.client)
    return Counter(place, S3Targets(place.backups.client, place.backups))


@pytest.fixture(params=["memory", "moto", "engine", "moto versioned", "engine versioned"])
def counter(request: pytest.FixtureRequest) -> Counter:
    where, *versioned = request.param.split()
    return a_counter(request, where, backups_versioned=bool(versioned))


@dataclass(frozen=True)
class S3Counter(Counter):
    targets: S3Targets

    @property
    def client(self) -> Any:
        return self.targets.client

    def tags(self, key: str) -> dict[str, str]:
        found = self.client.get_object_tagging(Bucket=self.place.bucket, Key=key)["TagSet"]
        return {tag["Key"]: tag["Value"] for tag in found}

    def body(self, key: str) -> bytes:
        read: bytes = self.client.get_object(Bucket=self.place.bucket, Key=key)["Body"].read()
        return read


def an_s3_counter(request: pytest.FixtureRequest, where: str) -> S3Counter:
    counter = a_counter(request, where)
    assert isinstance(counter.targets, S3Targets)
    return S3Counter(counter.place, counter.targets)


@pytest.fixture(params=["moto", "engine"])
def s3(request: pytest.FixtureRequest) -> S3Counter:
    return an_s3_counter(request, request.param)


@pytest.fixture
def answers(s3: S3Counter) -> Iterator[Stubber]:
    """What S3 answers from now on."""
    stubber = Stubber(s3.client)
    yield stubber
    stubber.deactivate()


# Looking


def test_a_target_is_seen_as_it_is(counter: Counter) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    counter.put("a", b"content")
    found = counter.head("a")
    assert found
    assert (found.etag, found.size) == (etag(b"content"), 7)
    assert before <= found.written_at <= datetime.now(UTC)
    assert found.written_at.microsecond == 0


def test_where_nothing_is_nothing_is_seen(counter: Counter) -> None:
    assert counter.head("never") is None


# Writing


def test_a_copy_is_written_where_nothing_is(counter: Counter) -> None:
    copy = counter.copied("a", b"content")
    written = counter.targets.write(copy, Original(counter.place.bucket, "restored/a"), None)
    assert written.etag == etag(b"content")
    assert copy.stored
    assert written.checksum == copy.stored.checksum
    assert counter.there("restored/a") == etag(b"content")


def test_a_copy_is_written_over_what_was_found(counter: Counter) -> None:
    copy = counter.copied("a", b"old")
    counter.put("a", b"new")
    counter.targets.write(copy, copy.original, counter.head("a"))
    assert counter.there("a") == etag(b"old")
    assert content(counter.place, copy.copy_key) == etag(b"old")


@pytest.mark.parametrize("key", HOSTILE_KEYS, ids=repr)
def test_any_key_is_restored(counter: Counter, key: str) -> None:
    copy = counter.copied(key, b"old")
    counter.put(key, b"new")
    counter.targets.write(copy, copy.original, counter.head(key))
    assert counter.there(key) == etag(b"old")


def test_where_something_came_up_nothing_is_written(counter: Counter) -> None:
    copy = counter.copied("a", b"old")
    counter.put("a", b"new")
    with pytest.raises(TargetChanged, match=r"/a' was written since"):
        counter.targets.write(copy, copy.original, None)
    assert counter.there("a") == etag(b"new")


@pytest.mark.parametrize("change", ["another", "gone"])
def test_over_what_is_not_what_was_found_nothing_is_written(counter: Counter, change: str) -> None:
    copy = counter.copied("a", b"old")
    counter.put("a", b"new")
    found = counter.head("a")
    if change == "another":
        counter.put("a", b"newest")
    else:
        counter.place.user.remove("a")
    with pytest.raises(TargetChanged):
        counter.targets.write(copy, copy.original, found)
    assert counter.there("a") == (etag(b"newest") if change == "another" else None)


def test_a_copy_that_is_gone_is_lost(counter: Counter) -> None:
    copy = counter.copied("a", b"old")
    counter.place.backups.remove(copy.copy_key)
    counter.place.user.remove("a")
    with pytest.raises(CopyLost):
        counter.targets.write(copy, copy.original, None)
    assert counter.there("a") is None


@pytest.mark.parametrize("where", ["memory", "moto"])  # the engine computes no checksums
def test_a_copy_that_was_encrypted_anew_is_restored(request: pytest.FixtureRequest, where: str) -> None:
    """That changes its ETag, and not its checksum."""
    counter = a_counter(request, where)
    copy = counter.copied("a", b"old")
    assert copy.stored
    counter.place.user.remove("a")
    counter.targets.write(replace(copy, stored=replace(copy.stored, etag="as it was stored")), copy.original, None)
    assert counter.there("a") == etag(b"old")


def test_a_copy_that_is_another_object_now_is_lost(counter: Counter) -> None:
    copy = counter.copied("a", b"old")
    assert copy.stored
    other = counter.copied("a", b"something else", token="2")
    assert other.stored
    never_stored = replace(copy, stored=replace(other.stored, version_id=None))
    counter.place.user.remove("a")
    with pytest.raises(CopyLost):
        counter.targets.write(never_stored, copy.original, None)
    assert counter.there("a") is None


def test_a_copy_that_was_never_completed_is_none(counter: Counter) -> None:
    copy = replace(counter.copied("a", b"old"), stored=None)
    with pytest.raises(CopyLost):
        counter.targets.write(copy, Original(counter.place.bucket, "b"), None)
    assert counter.there("b") is None


@pytest.mark.parametrize("where", ["moto", "engine"])
def test_of_a_versioned_backup_bucket_the_version_that_was_stored_is_restored(
    request: pytest.FixtureRequest, where: str
) -> None:
    counter = a_counter(request, where, backups_versioned=True)
    copy = counter.copied("a", b"old")
    assert isinstance(counter.place.backups, S3Backups)
    counter.place.backups.client.put_object(
        Bucket=counter.place.backups.bucket, Key=copy.copy_key, Body=b"somebody wrote over it"
    )
    counter.place.user.remove("a")
    counter.targets.write(copy, copy.original, None)
    assert counter.there("a") == etag(b"old")


# What goes along


DRESSED: dict[str, Any] = {
    "ContentType": "text/x-test",
    "CacheControl": "no-store",
    "Metadata": {"team": "blue"},
    "StorageClass": "STANDARD_IA",
}


@pytest.mark.parametrize("in_parts", [False, True])
def test_metadata_comes_back_and_the_storage_class_is_standard(s3: S3Counter, in_parts: bool) -> None:
    copy = s3.copied("a", b"content", **DRESSED)
    s3.place.user.remove("a")
    targets = replace(s3.targets, copied_at_once=0) if in_parts else s3.targets
    targets.write(copy, copy.original, None)
    found = s3.client.head_object(Bucket=s3.place.bucket, Key="a")
    assert (found["ContentType"], found["CacheControl"]) == ("text/x-test", "no-store")
    assert found["Metadata"] == {"team": "blue"}
    assert found.get("StorageClass", "STANDARD") == "STANDARD"
    assert s3.body("a") == b"content"


@pytest.mark.parametrize("where", ["moto", "engine", "moto, in parts"])  # the engine drops the tags of parts
def test_tags_come_back(request: pytest.FixtureRequest, where: str) -> None:
    s3 = an_s3_counter(request, where.partition(",")[0])
    copy = s3.copied("a", b"content", Tagging="project=x&team=blue%20%2B%20green")
    s3.place.user.remove("a")
    replace(s3.targets, copied_at_once=0 if "parts" in where else 10).write(copy, copy.original, None)
    assert s3.tags("a") == {"project": "x", "team": "blue + green"}


def test_a_large_object_is_restored_in_parts(s3: S3Counter) -> None:
    size = 5 * 1024**2  # the least that a part may have
    body = b"1" * size + b"2" * size + b"3"
    copy = s3.copied("large", body)
    s3.place.user.remove("large")
    written = replace(s3.targets, copied_at_once=size, part_size=size).write(copy, copy.original, None)
    assert written.etag.endswith("-3")
    assert s3.body("large") == body


def test_parts_too_are_written_only_where_nothing_came_up(s3: S3Counter) -> None:
    copy = s3.copied("a", b"old")
    s3.put("a", b"new")
    with pytest.raises(TargetChanged):
        replace(s3.targets, copied_at_once=0).write(copy, copy.original, None)
    assert s3.there("a") == etag(b"new")
    assert "Uploads" not in s3.client.list_multipart_uploads(Bucket=s3.place.bucket)


# What S3 says besides


def test_what_s3_forbids_is_told_as_s3_says_it(s3: S3Counter, answers: Stubber) -> None:
    copy = s3.copied("a", b"old")
    s3.client.meta.events.unregister(COPYING, unique_id=HONOURED)
    answers.add_client_error("copy_object", "AccessDenied", "not allowed to perform s3:PutObject", 403)
    answers.add_client_error("head_object", "403", "Forbidden", 403)
    answers.activate()
    with pytest.raises(ClientError, match="not allowed to perform s3:PutObject"):
        s3.targets.write(copy, copy.original, None)
    with pytest.raises(ClientError, match="Forbidden"):
        s3.targets.head(copy.original)


def test_another_writer_at_the_same_moment_is_a_change(s3: S3Counter, answers: Stubber) -> None:
    copy = s3.copied("a", b"old")
    s3.client.meta.events.unregister(COPYING, unique_id=HONOURED)
    answers.add_client_error("copy_object", "ConditionalRequestConflict", "", 409)
    answers.add_response("head_object", {"ETag": '"x"', "ContentLength": 1, "LastModified": at(0)})
    answers.activate()
    with pytest.raises(TargetChanged):
        s3.targets.write(copy, copy.original, None)


@pytest.mark.parametrize(
    ("over", "condition"),
    [(None, {"IfNoneMatch": "*"}), (Found("seen", 3, at(0)), {"IfMatch": '"seen"'})],
)
def test_a_write_states_what_the_plan_saw(
    s3: S3Counter, answers: Stubber, over: Found | None, condition: dict[str, str]
) -> None:
    """The local engine and moto ignore it on a copy: here is what they are asked."""
    copy = s3.copied("a", b"old")
    s3.client.meta.events.unregister(COPYING, unique_id=HONOURED)
    asked = {
        "Bucket": s3.place.bucket,
        "Key": "a",
        "CopySource": {"Bucket": s3.targets.backups.bucket, "Key": copy.copy_key},
        "CopySourceIfMatch": f'"{etag(b"old")}"',
        "StorageClass": "STANDARD",
        "ChecksumAlgorithm": "CRC64NVME",
    }
    told = {"CopyObjectResult": {"ETag": '"new"', "ChecksumCRC64NVME": "AAAAAAAAAAA="}}
    answers.add_response("copy_object", told, asked | condition)
    answers.activate()
    assert s3.targets.write(copy, copy.original, over) == Stored("new", "CRC64NVME:AAAAAAAAAAA=")
