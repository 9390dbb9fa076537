"""`Copier` of the warehouse system, in S3 (at once, in bulk, in parts) and in memory: exactly the version that was
asked for, or an error that says what became of it."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from holdfast.adapters.memory_warehouse import COPIED_AT_ONCE
from holdfast.adapters.s3_objects import S3Copier
from holdfast.adapters.s3_warehouse import S3WarehouseCopier
from holdfast.warehouse.model import Stored
from holdfast.warehouse.ports import SourceChanged, SourceGone, SourceUnreadable
from tests.contract.buckets import HOSTILE_KEYS
from tests.contract.warehouse import Place, S3User, a_place, in_memory

EVERYWHERE = ["memory", "moto", "engine", "engine, in bulk", "moto, in parts", "engine, in parts"]
TRUE_TO_S3 = [where for where in EVERYWHERE if where != "moto"]
"""moto ignores the condition of a copy at once."""

COPY_KEY = "copies/20261120T010000Z-1/lake/a"


@pytest.fixture(params=EVERYWHERE)
def place(request: pytest.FixtureRequest) -> Place:
    return a_place(request, request.param)


@pytest.fixture(params=TRUE_TO_S3)
def conditional(request: pytest.FixtureRequest) -> Place:
    return a_place(request, request.param)


@pytest.fixture(params=[f"{where}, versioned" for where in EVERYWHERE])
def versioned(request: pytest.FixtureRequest) -> Place:
    return a_place(request, request.param)


@pytest.mark.parametrize("body", [b"", b"content"], ids=["empty", "not empty"])
def test_a_copy_is_stored_as_the_copier_says(place: Place, body: bytes) -> None:
    listed = place.user.put("a", body)
    stored = place.copier(listed, COPY_KEY)
    assert stored == place.backup.head(COPY_KEY)
    assert place.content(COPY_KEY) == body


@pytest.mark.parametrize("where", EVERYWHERE)
def test_a_copy_is_of_the_class_of_copies(request: pytest.FixtureRequest, where: str) -> None:
    place = a_place(request, where, storage_class="GLACIER_IR")
    stored = place.copier(place.user.put("a", b"content", "STANDARD_IA"), COPY_KEY)
    assert stored.storage_class == "GLACIER_IR"
    assert place.backup.head(COPY_KEY) == stored


@pytest.mark.parametrize("key", HOSTILE_KEYS, ids=lambda key: ascii(key[:20]))
def test_an_object_of_any_name_is_copied(place: Place, key: str) -> None:
    copy_key = f"c/{key}" if len(key.encode()) <= 1022 else COPY_KEY
    place.copier(place.user.put(key, b"content"), copy_key)
    assert place.copies() == [copy_key]
    assert place.content(copy_key) == b"content"


@pytest.mark.parametrize("where", ["memory", "moto"])
def test_what_has_too_long_a_name_to_be_copied_is_told_from_a_fault(request: pytest.FixtureRequest, where: str) -> None:
    place = a_place(request, where)
    listed = place.user.put("é" * 500, b"content")
    place.copier(listed, f"{'c' * 24}{listed.key}")
    with pytest.raises(SourceUnreadable, match=r"too long a name: its copy's would have 1,025 bytes"):
        place.copier(listed, f"{'c' * 25}{listed.key}")


def test_the_version_that_is_listed_is_copied_though_a_newer_one_is_there(versioned: Place) -> None:
    listed = versioned.user.put("a", b"old")
    versioned.user.put("a", b"new")
    versioned.copier(listed, COPY_KEY)
    assert versioned.content(COPY_KEY) == b"old"


def test_without_a_version_id_the_current_version_is_copied_if_it_is_what_is_listed(versioned: Place) -> None:
    listed = replace(versioned.user.put("a", b"content"), version_id=None)
    versioned.copier(listed, COPY_KEY)
    assert versioned.content(COPY_KEY) == b"content"


@pytest.mark.parametrize("version_id", [None, "null"])
def test_what_another_write_replaced_is_not_copied(conditional: Place, version_id: str | None) -> None:
    listed = replace(conditional.user.put("a", b"old"), version_id=version_id)
    conditional.user.put("a", b"new")
    with pytest.raises(SourceChanged, match=r"a' is another object now"):
        conditional.copier(listed, COPY_KEY)
    assert conditional.copies() == []


@pytest.mark.parametrize("version_id", [None, "null"])
def test_what_was_written_without_versions_is_copied(place: Place, version_id: str | None) -> None:
    place.copier(replace(place.user.put("a", b"content"), version_id=version_id), COPY_KEY)
    assert place.content(COPY_KEY) == b"content"


def test_what_was_deleted_is_gone(place: Place) -> None:
    listed = place.user.put("a", b"content")
    place.user.remove("a")
    with pytest.raises(SourceGone, match=r"a' is gone"):
        place.copier(listed, COPY_KEY)
    assert place.copies() == []


def test_a_version_that_was_deleted_is_gone_whatever_lies_there_now(versioned: Place) -> None:
    listed = versioned.user.put("a", b"content")
    versioned.user.put("a", b"content")
    assert listed.version_id
    versioned.user.remove_version("a", listed.version_id)
    with pytest.raises(SourceGone, match=r"a' is gone"):
        versioned.copier(listed, COPY_KEY)
    assert versioned.copies() == []


@pytest.mark.parametrize("where", ["memory", "moto"])  # the engine copies what is frozen
@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_what_lies_in_an_archive_class_is_copied_once_it_is_thawed(
    request: pytest.FixtureRequest, where: str, storage_class: str
) -> None:
    place = a_place(request, where)
    listed = place.user.put("a", b"content", storage_class)
    with pytest.raises(SourceUnreadable, match=r"a' lies in an archive"):
        place.copier(listed, COPY_KEY)
    assert place.copies() == []
    place.vault.thaw("a", 1, "Standard")
    place.copier(listed, COPY_KEY)
    assert place.content(COPY_KEY) == b"content"


@pytest.mark.parametrize("where", ["memory", "engine", "engine, in bulk", "moto, in parts", "engine, in parts"])
def test_a_copy_has_none_of_the_tags_on_which_a_lifecycle_may_act(request: pytest.FixtureRequest, where: str) -> None:
    """moto keeps the tags of a copy at once: it looks for new ones, and finds none."""
    place = a_place(request, where)
    listed = place.user.put("a", b"content")
    place.source.tag("a", {"holdfast-state": "expire"})
    place.copier(listed, COPY_KEY)
    assert place.backup.tags(COPY_KEY) == {}


# Only in memory


def test_in_memory_a_copy_in_parts_has_an_etag_of_its_own(request: pytest.FixtureRequest) -> None:
    place = a_place(request, "memory")
    listed = in_memory(place).put("a", b"content", size=COPIED_AT_ONCE + 1)
    stored = place.copier(listed, COPY_KEY)
    assert (stored.size, stored.etag) == (COPIED_AT_ONCE + 1, f"{listed.etag}-2")


def test_in_memory_somebody_may_come_before_any_call(request: pytest.FixtureRequest) -> None:
    place = a_place(request, "memory")
    bucket = in_memory(place)
    listed = place.user.put("a", b"content")

    def delete(call: str, of_bucket: str, key: str) -> None:
        if (call, of_bucket, key) == ("copy", bucket.name, "a"):
            bucket.remove("a")

    bucket.account.before = delete
    with pytest.raises(SourceGone):
        place.copier(listed, COPY_KEY)


# What S3 may answer, and neither moto nor the engine does


@pytest.mark.parametrize(
    ("code", "message", "meant"),
    [
        ("ObjectNotInActiveTierError", "The source object of the COPY action is not in the active tier", "an archive"),
        ("AccessDenied", "not authorized to perform: s3:GetObject on resource: lake/a", "is closed"),
        ("KMS.DisabledException", "arn:aws:kms:us-east-1:123456789012:key/2 is disabled.", "enable it"),
    ],
)
def test_what_cannot_be_read_is_told_with_the_reason(
    request: pytest.FixtureRequest, answers: Any, code: str, message: str, meant: str
) -> None:
    listed = a_place(request, "memory").user.put("a", b"content")
    answers.add_client_error("copy_object", code, message)
    with pytest.raises(SourceUnreadable, match=meant):
        S3WarehouseCopier.from_bucket("lake", S3Copier(answers.client, "backup", "GLACIER"))(listed, COPY_KEY)


def test_what_is_wrong_on_our_side_is_not_laid_on_the_object(request: pytest.FixtureRequest, answers: Any) -> None:
    listed = a_place(request, "memory").user.put("a", b"content")
    answers.add_client_error("copy_object", "NoSuchBucket", "The specified bucket does not exist")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        S3WarehouseCopier.from_bucket("lake", S3Copier(answers.client, "backup", "GLACIER"))(listed, COPY_KEY)


def test_s3_is_asked_for_a_copy_without_tags(request: pytest.FixtureRequest, answers: Any) -> None:
    listed = a_place(request, "memory").user.put("a", b"content")
    answers.add_response(
        "copy_object",
        {"CopyObjectResult": {"ETag": '"e2"'}},
        {
            "Bucket": "backup",
            "Key": COPY_KEY,
            "CopySource": {"Bucket": "lake", "Key": "a"},
            "CopySourceIfMatch": f'"{listed.etag}"',
            "StorageClass": "GLACIER",
            "ChecksumAlgorithm": "CRC64NVME",
            "TaggingDirective": "REPLACE",
        },
    )
    copier = S3WarehouseCopier.from_bucket("lake", S3Copier(answers.client, "backup", "GLACIER"))
    assert copier(listed, COPY_KEY) == Stored(7, "e2", "GLACIER")


def test_in_the_engine_the_source_of_a_copy_keeps_its_tags(request: pytest.FixtureRequest) -> None:
    place = a_place(request, "engine")
    assert isinstance(place.user, S3User)
    listed = place.user.put("a", b"content", Tagging="team=blue")
    place.copier(listed, COPY_KEY)
    assert place.source.tags("a") == {"team": "blue"}
