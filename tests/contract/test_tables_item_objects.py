"""`ItemObjects`, in S3 and in memory: versions of items, what may lie over them, and what may not."""

from collections.abc import Callable
from hashlib import md5
from typing import Any

import pytest

from holdfast.adapters.memory_tables import MemoryItemObjects
from holdfast.adapters.s3_tables import NotVersioned, S3ItemObjects
from holdfast.tables.model import Moment, Reference
from holdfast.tables.ports import ItemObjects, NotStored
from tests.contract.buckets import HOSTILE_KEYS
from tests.contract.tables import a_bucket, a_client

SOME = Moment(1_800_000_000, 300000000000000499659)
OLDER = [Moment(SOME.at - 1, SOME.sequence + 1), Moment(SOME.at, SOME.sequence - 1), Moment(SOME.at)]
NEWER = [Moment(SOME.at + 1), Moment(SOME.at, 10 * SOME.sequence)]


@pytest.fixture(params=["memory", "moto", "engine"])
def objects(request: pytest.FixtureRequest) -> ItemObjects:
    return MemoryItemObjects() if request.param == "memory" else in_s3(request, request.param)


@pytest.fixture(params=["moto", "engine"])
def bucket(request: pytest.FixtureRequest) -> S3ItemObjects:
    return in_s3(request, request.param)


def in_s3(request: pytest.FixtureRequest, where: str) -> S3ItemObjects:
    client = a_client(request, where, "s3")
    return S3ItemObjects(client, a_bucket(client, versioned=True))


def newest(objects: ItemObjects, key: str = "key") -> bytes | None:
    """What the object of a key holds now; None behind a delete marker."""
    if isinstance(objects, MemoryItemObjects):
        version = objects.newest(key)
        return version.body if version else None
    assert isinstance(objects, S3ItemObjects)
    try:
        found: bytes = objects.client.get_object(Bucket=objects.bucket, Key=key)["Body"].read()
    except objects.client.exceptions.NoSuchKey:
        return None
    return found


# Writing and reading


def test_every_version_is_read_back_by_its_reference(objects: ItemObjects) -> None:
    bodies = [b'{"pk":{"S":"1"}}', b"", b'{"pk":{"S":"\xc3\xa9"}}']
    written = [objects.put("key", body, Moment(number)) for number, body in enumerate(bodies)]
    assert [objects.fetch(reference) for reference in written] == bodies
    assert [reference.md5 for reference in written] == [md5(body).hexdigest() for body in bodies]
    assert newest(objects) == bodies[-1]


@pytest.mark.parametrize("key", HOSTILE_KEYS)
def test_no_key_is_taken_for_another(request: pytest.FixtureRequest, key: str) -> None:
    objects = in_s3(request, "moto")
    first = objects.put(key, b"1", SOME)
    objects.remove(key)
    assert objects.put_if_newer(key, b"2", SOME)
    assert objects.fetch(first) == b"1"
    assert newest(objects, key) == b"2"


def test_a_version_tells_its_moment(bucket: S3ItemObjects) -> None:
    written = bucket.put("key", b"{}", SOME)
    head = bucket.client.head_object(Bucket=bucket.bucket, Key="key", VersionId=written.version_id)
    assert head["Metadata"] == {"holdfast-at": "1800000000", "holdfast-sequence": "300000000000000499659"}
    assert head["ContentType"] == "application/json"


def test_what_is_gone_or_was_never_there_is_not_stored(objects: ItemObjects) -> None:
    written = objects.put("key", b"{}", SOME)
    objects.forget(written)
    for reference in (written, Reference("never", written.version_id, written.md5)):
        with pytest.raises(NotStored, match=written.version_id):
            objects.fetch(reference)


# Only if newer


def test_where_nothing_is_anything_is_newer(objects: ItemObjects) -> None:
    written = objects.put_if_newer("key", b"1", SOME)
    assert written
    assert objects.fetch(written) == newest(objects) == b"1"


@pytest.mark.parametrize("moment", NEWER)
def test_a_newer_version_is_written(objects: ItemObjects, moment: Moment) -> None:
    first = objects.put("key", b"1", SOME)
    assert objects.put_if_newer("key", b"2", moment)
    assert newest(objects) == b"2"
    assert objects.fetch(first) == b"1"


@pytest.mark.parametrize("moment", [*OLDER, SOME])
def test_a_version_that_is_older_or_as_old_is_not_written(objects: ItemObjects, moment: Moment) -> None:
    objects.put("key", b"1", SOME)
    assert objects.put_if_newer("key", b"2", moment) is None
    assert newest(objects) == b"1"


def test_the_same_is_written_again_only_if_that_is_wanted(objects: ItemObjects) -> None:
    objects.put("key", b"1", SOME)
    assert objects.put_if_newer("key", b"1", NEWER[0], if_other=True) is None
    assert objects.put_if_newer("key", b"1", NEWER[1])
    assert objects.put_if_newer("key", b"2", NEWER[0], if_other=True)
    objects.remove("key")
    assert objects.put_if_newer("key", b"2", NEWER[0], if_other=True)


def test_behind_a_delete_marker_anything_is_newer(objects: ItemObjects) -> None:
    objects.put("key", b"1", SOME)
    objects.remove("key")
    assert objects.put_if_newer("key", b"2", OLDER[0])
    assert newest(objects) == b"2"


def test_over_what_tells_no_moment_anything_is_newer(bucket: S3ItemObjects) -> None:
    bucket.client.put_object(Bucket=bucket.bucket, Key="key", Body=b"a user's")
    assert bucket.put_if_newer("key", b"2", Moment(0))
    assert newest(bucket) == b"2"


def meanwhile(objects: S3ItemObjects, act: Callable[[], object]) -> None:
    """Do something between the look at an object and the write that follows, once."""
    asked: list[str] = []

    def interrupt(**_: object) -> None:
        asked.append("put")
        if len(asked) == 1:
            act()

    objects.client.meta.events.register_first("before-call.s3.PutObject", interrupt)


def written_by_another(bucket: S3ItemObjects) -> None:
    bucket.put("key", b"another's", SOME)


def removed_by_another(bucket: S3ItemObjects) -> None:
    bucket.remove("key")


@pytest.mark.parametrize(
    ("there", "act", "left"),
    [
        (False, written_by_another, b"another's"),
        (True, written_by_another, b"another's"),
        (True, removed_by_another, None),
    ],
)
def test_what_somebody_does_at_the_same_time_stands(
    bucket: S3ItemObjects, there: bool, act: Callable[[S3ItemObjects], object], left: bytes | None
) -> None:
    if there:
        bucket.put("key", b"1", Moment(0))
    meanwhile(bucket, lambda: act(bucket))
    assert bucket.put_if_newer("key", b"2", NEWER[0]) is None
    assert newest(bucket) == left


def test_where_two_write_at_once_one_gives_way(answers: Any) -> None:
    answers.add_client_error("head_object", "404", http_status_code=404)
    answers.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)
    assert S3ItemObjects(answers.client, "archive").put_if_newer("key", b"2", SOME) is None


# Removing and forgetting


def test_what_is_removed_is_covered_and_nothing_of_it_lost(objects: ItemObjects) -> None:
    written = objects.put("key", b"1", SOME)
    objects.remove("key")
    assert newest(objects) is None
    assert objects.fetch(written) == b"1"


def test_what_is_removed_twice_or_was_never_there_is_no_error(objects: ItemObjects) -> None:
    objects.put("key", b"1", SOME)
    for key in ("key", "key", "never"):
        objects.remove(key)
    assert newest(objects) is None


def test_only_the_version_that_is_forgotten_goes(objects: ItemObjects) -> None:
    first, second, third = (objects.put("key", body, SOME) for body in (b"1", b"2", b"3"))
    objects.forget(second)
    assert newest(objects) == b"3"
    objects.forget(third)
    assert newest(objects) == objects.fetch(first) == b"1"


def test_behind_what_is_forgotten_the_delete_marker_is_back(objects: ItemObjects) -> None:
    objects.put("key", b"1", SOME)
    objects.remove("key")
    written = objects.put("key", b"2", SOME)
    objects.forget(written)
    objects.forget(written)
    assert newest(objects) is None


# Buckets without versions


@pytest.mark.parametrize("state", ["never", "Suspended"])
@pytest.mark.parametrize("where", ["moto", "engine"])
def test_a_bucket_that_keeps_no_versions_is_named(request: pytest.FixtureRequest, where: str, state: str) -> None:
    client = a_client(request, where, "s3")
    bucket = a_bucket(client, versioned=state == "Suspended")
    if state == "Suspended":
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": state})
    with pytest.raises(NotVersioned, match=f"bucket '{bucket}' keeps no versions.*put-bucket-versioning"):
        S3ItemObjects(client, bucket).put("key", b"1", SOME)
