"""`Copier`, in S3 (at once, in bulk, in parts) and in memory: exactly the version that was asked for, or an error that
says what became of it."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from holdfast.adapters.s3_objects import S3Copier
from holdfast.objects.model import CopyKey, Original, Version
from holdfast.objects.ports import SourceChanged, SourceGone, SourceUnreadable
from tests.contract.buckets import HOSTILE_KEYS, Place, S3User, a_copy_key, a_place, content, etag, in_bulk
from tests.unit.capacity.domain import at

ANYWHERE = ["memory", "moto", "engine", "engine, in bulk", "moto, in parts", "engine, in parts"]
TRUE_TO_S3 = [where for where in ANYWHERE if where != "moto"]
"""moto ignores the condition of a copy at once."""


def at_place(request: pytest.FixtureRequest, where: str, *, versioned: bool) -> Place:
    where, _, way = where.partition(", ")
    place = a_place(request, where, versioned=versioned)
    match way:
        case "in parts":
            return replace(place, copier=replace(s3_copier(place), copied_at_once=0))
        case "in bulk":
            copy_object = in_bulk(s3_copier(place).client)
            request.addfinalizer(copy_object.close)
            return replace(place, copier=replace(s3_copier(place), copy_object=copy_object))
        case _:
            return place


@pytest.fixture(params=ANYWHERE)
def unversioned(request: pytest.FixtureRequest) -> Place:
    return at_place(request, request.param, versioned=False)


@pytest.fixture(params=TRUE_TO_S3)
def conditional(request: pytest.FixtureRequest) -> Place:
    return at_place(request, request.param, versioned=False)


@pytest.fixture(params=ANYWHERE)
def versioned(request: pytest.FixtureRequest) -> Place:
    return at_place(request, request.param, versioned=True)


@pytest.fixture(params=[f"{where}; {kind}" for where in ANYWHERE for kind in ("unversioned", "versioned")])
def place(request: pytest.FixtureRequest) -> Place:
    where, kind = request.param.split("; ")
    return at_place(request, where, versioned=kind == "versioned")


def put(place: Place, key: str, body: bytes) -> Version:
    place.user.put(key, body)
    return place.head(key)


# What was asked for


@pytest.mark.parametrize("body", [b"", b"content"], ids=["empty", "not empty"])
def test_a_copy_is_stored_as_the_copier_says(place: Place, body: bytes) -> None:
    version = put(place, "a", body)
    copy_key = a_copy_key(version.original)
    stored = place.copier.copy(version, copy_key)
    assert content(place, copy_key) == etag(body)
    assert stored.is_intact(place.backups.head(copy_key, stored.version_id))
    [listed] = place.listed()
    assert (listed.copy_key, listed.etag, listed.size) == (copy_key, stored.etag, len(body))


def test_each_attempt_has_an_object_of_its_own(place: Place) -> None:
    version = put(place, "a", b"content")
    copy_keys = [a_copy_key(version.original, token) for token in "12"]
    for copy_key in copy_keys:
        place.copier.copy(version, copy_key)
    assert [listed.copy_key for listed in place.listed()] == copy_keys


@pytest.mark.parametrize("key", HOSTILE_KEYS, ids=lambda key: ascii(key[:20]))
def test_an_object_of_any_name_is_copied(place: Place, key: str) -> None:
    version = put(place, key, b"content")
    copy_key = a_copy_key(version.original)
    place.copier.copy(version, copy_key)
    assert content(place, copy_key) == etag(b"content")


def test_the_version_of_an_event_is_copied_though_a_newer_one_is_there(versioned: Place) -> None:
    version = put(versioned, "a", b"old")
    versioned.user.put("a", b"new")
    versioned.copier.copy(version, a_copy_key(version.original))
    assert content(versioned, a_copy_key(version.original)) == etag(b"old")


@pytest.mark.parametrize("where", ["memory", "moto", "engine"])
def test_a_version_is_copied_though_a_delete_marker_covers_it(request: pytest.FixtureRequest, where: str) -> None:
    place = a_place(request, where, versioned=True)
    version = put(place, "a", b"content")
    place.user.remove("a")
    place.copier.copy(version, a_copy_key(version.original))
    assert content(place, a_copy_key(version.original)) == etag(b"content")


def test_a_second_write_of_the_same_content_is_as_good(conditional: Place) -> None:
    version = put(conditional, "a", b"content")
    conditional.user.put("a", b"content")
    conditional.copier.copy(version, a_copy_key(version.original))
    assert content(conditional, a_copy_key(version.original)) == etag(b"content")


# What became of it instead


def test_what_another_write_replaced_is_not_copied(conditional: Place) -> None:
    version = put(conditional, "a", b"old")
    conditional.user.put("a", b"new")
    with pytest.raises(SourceChanged, match="is another object now"):
        conditional.copier.copy(version, a_copy_key(version.original))
    assert conditional.listed() == []


def test_what_was_deleted_is_gone(unversioned: Place) -> None:
    version = put(unversioned, "a", b"content")
    unversioned.user.remove("a")
    with pytest.raises(SourceGone, match="is gone"):
        unversioned.copier.copy(version, a_copy_key(version.original))
    assert unversioned.listed() == []


def test_a_version_that_was_deleted_is_gone_whatever_lies_there_now(versioned: Place) -> None:
    version = put(versioned, "a", b"content")
    versioned.user.put("a", b"content")
    assert version.version_id
    versioned.user.remove_version("a", version.version_id)
    with pytest.raises(SourceGone, match=r"is gone|has no version"):
        versioned.copier.copy(version, a_copy_key(version.original))
    assert versioned.listed() == []


def test_a_delete_marker_is_no_version_to_copy(versioned: Place) -> None:
    version = put(versioned, "a", b"content")
    marker = replace(version, version_id=versioned.user.remove("a"))
    with pytest.raises(SourceGone, match=r"is gone|has no version"):
        versioned.copier.copy(marker, a_copy_key(version.original))
    assert versioned.listed() == []


def test_what_has_no_version_of_its_own_is_gone_under_a_delete_marker(versioned: Place) -> None:
    version = replace(put(versioned, "a", b"content"), version_id=None)
    versioned.user.remove("a")
    with pytest.raises(SourceGone, match="is gone"):
        versioned.copier.copy(version, a_copy_key(version.original))
    assert versioned.listed() == []


# What a copy carries


EXPIRES = datetime(2030, 1, 1, tzinfo=UTC)
TOLD: dict[str, Any] = {
    "ContentType": "text/x-odd; charset=utf-8",
    "CacheControl": "max-age=1",
    "ContentDisposition": 'attachment; filename="ü.txt"'.encode().decode("latin-1"),
    "ContentEncoding": "gzip",
    "ContentLanguage": "de",
    "Expires": EXPIRES,
    "Metadata": {"team": "blue, green", "empty": "x"},
}


@pytest.fixture(params=["moto", "engine", "engine, in bulk", "moto, in parts", "engine, in parts"])
def s3(request: pytest.FixtureRequest) -> Place:
    return at_place(request, request.param, versioned=False)


def copied(place: Place, copier: S3Copier | None = None, **settings: Any) -> dict[str, Any]:
    """What S3 says of the copy of an object that was put with these settings."""
    assert isinstance(place.user, S3User)
    place.user.put("a", b"content", **settings)
    version = place.head("a")
    copier = copier or s3_copier(place)
    copier.copy(version, a_copy_key(version.original))
    found: dict[str, Any] = copier.client.head_object(Bucket=copier.bucket, Key=a_copy_key(version.original))  # type: ignore[assignment]
    return found


def s3_copier(place: Place) -> S3Copier:
    assert isinstance(place.copier, S3Copier)
    return place.copier


def tags(copier: S3Copier, copy_key: CopyKey) -> dict[str, str]:
    found = copier.client.get_object_tagging(Bucket=copier.bucket, Key=copy_key)["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in found}


@pytest.mark.parametrize("name", TOLD)
def test_a_copy_carries_what_its_object_is_told_to_be(s3: Place, name: str) -> None:
    assert copied(s3, **{name: TOLD[name]})[name] == TOLD[name]


@pytest.mark.parametrize(
    "where", ["moto", "engine", "engine, in bulk", "moto, in parts"]
)  # the engine drops the tags of parts
def test_a_copy_carries_the_tags(request: pytest.FixtureRequest, where: str) -> None:
    place = at_place(request, where, versioned=False)
    copied(place, Tagging="team=blue%20%2B%20green&%C3%BC=&a%2Bb=c%3Dd")
    found = tags(s3_copier(place), a_copy_key(Original(place.bucket, "a")))
    assert found == {"team": "blue + green", "ü": "", "a+b": "c=d"}


def test_a_copy_is_of_the_storage_class_of_copies(s3: Place) -> None:
    copier = replace(s3_copier(s3), storage_class="STANDARD_IA")
    assert copied(s3, copier, StorageClass="ONEZONE_IA")["StorageClass"] == "STANDARD_IA"


def test_a_copy_is_encrypted_with_the_key_of_copies(s3: Place) -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    found = copied(s3, replace(s3_copier(s3), kms_key_arn=key))
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", key)


# In parts


MEBIBYTE = 1024**2


@pytest.fixture(params=["moto", "engine"])
def large(request: pytest.FixtureRequest) -> Place:
    """Where objects of more than 6 MiB are copied in parts of 5 MiB."""
    place = a_place(request, request.param, versioned=True)
    parts = replace(s3_copier(place), copied_at_once=6 * MEBIBYTE, part_size=5 * MEBIBYTE, threads=3)
    return replace(place, copier=parts)


@pytest.mark.parametrize(("size", "parts"), [(6 * MEBIBYTE, 0), (6 * MEBIBYTE + 1, 2), (15 * MEBIBYTE, 3)])
def test_only_a_large_object_is_copied_in_parts_and_byte_for_byte(large: Place, size: int, parts: int) -> None:
    body = bytes(range(251)) * (size // 251) + b"\xff" * (size % 251)
    version = put(large, "a", body)
    stored = large.copier.copy(version, a_copy_key(version.original))
    assert content(large, a_copy_key(version.original)) == etag(body)
    assert stored.etag.partition("-")[2] == (str(parts) if parts else "")
    assert uploads(large) == []


def uploads(place: Place) -> list[Any]:
    copier = s3_copier(place)
    found: list[Any] = copier.client.list_multipart_uploads(Bucket=copier.bucket).get("Uploads", [])
    return found


@pytest.mark.parametrize("call", ["UploadPartCopy", "CompleteMultipartUpload"])
def test_a_copy_that_breaks_off_leaves_no_parts(large: Place, call: str) -> None:
    version = put(large, "a", b"1" * (6 * MEBIBYTE + 1))
    client: Any = s3_copier(large).client

    def breaks(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://s3")

    client.meta.events.register(f"before-call.s3.{call}", breaks)
    try:
        with pytest.raises(EndpointConnectionError):
            large.copier.copy(version, a_copy_key(version.original))
    finally:
        client.meta.events.unregister(f"before-call.s3.{call}", breaks)
    assert (uploads(large), large.listed()) == ([], [])


@pytest.mark.parametrize("where", ["moto", "engine"])
def test_an_object_that_goes_while_it_is_copied_in_parts_is_not_put_together(
    request: pytest.FixtureRequest, where: str
) -> None:
    place = a_place(request, where)
    copier = replace(s3_copier(place), copied_at_once=0)
    version = put(place, "a", b"content")
    client: Any = copier.client

    def delete(**_: object) -> None:
        place.user.remove("a")

    client.meta.events.register("before-call.s3.CreateMultipartUpload", delete)
    try:
        with pytest.raises(SourceGone):
            copier.copy(version, a_copy_key(version.original))
    finally:
        client.meta.events.unregister("before-call.s3.CreateMultipartUpload", delete)
    assert (uploads(place), place.listed()) == ([], [])


# What S3 may answer, and neither moto nor the engine does


KEY_ARN = "arn:aws:kms:us-east-1:123456789012:key/1"
VERSION = Version(Original("source", "a\n"), "etag", 7, at(0), "v1")
COPY_KEY = a_copy_key(VERSION.original)


def a_copier(answers: Any) -> S3Copier:
    return S3Copier(answers.client, "backup", "STANDARD", KEY_ARN, copied_at_once=10, part_size=4, threads=1)


@pytest.mark.parametrize(
    ("code", "message", "meant"),
    [
        ("NoSuchVersion", "The specified version does not exist.", SourceGone),
        (
            "InvalidRequest",
            "The source of a copy request may not specifically refer to a delete marker by version id.",
            SourceGone,
        ),
        ("MethodNotAllowed", "The specified method is not allowed against this resource.", SourceGone),
        ("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", SourceChanged),
    ],
)
def test_what_s3_says_of_a_version_that_is_not_there(
    answers: Any, code: str, message: str, meant: type[Exception]
) -> None:
    answers.add_client_error("copy_object", code, message)
    with pytest.raises(meant, match=re.escape(r"'source/a\n'")):
        a_copier(answers).copy(VERSION, COPY_KEY)


@pytest.mark.parametrize(
    ("code", "message", "advice"),
    [
        ("InvalidObjectState", "The operation is not valid for the object's storage class", "restore it there"),
        ("ObjectNotInActiveTierError", "The source object is only stored in Amazon Glacier", "restore it there"),
        ("AccessDenied", "Access Denied", "let its role read it"),
        ("AccessDenied", "not authorized to perform: s3:GetObject on resource: source/a", "let its role read it"),
        ("AccessDenied", "not authorized to perform: kms:Decrypt on resource: another-key", "let its role read it"),
        ("KMS.DisabledException", "arn:aws:kms:us-east-1:123456789012:key/2 is disabled.", "enable it"),
        ("InvalidRequest", "The object was stored using a form of Server Side Encryption.", "SSE-C"),
    ],
)
def test_what_to_do_about_an_object_that_cannot_be_read(answers: Any, code: str, message: str, advice: str) -> None:
    answers.add_client_error("copy_object", code, message)
    with pytest.raises(SourceUnreadable, match=advice) as raised:
        a_copier(answers).copy(VERSION, COPY_KEY)
    assert str(raised.value).startswith(r"'source/a\n' ")
    assert f"({code}: {message})" in str(raised.value)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AccessDenied", f"not authorized to perform: s3:PutObject on resource: arn:aws:s3:::backup/{COPY_KEY}"),
        ("AccessDenied", f"not authorized to perform: kms:GenerateDataKey on resource: {KEY_ARN}"),
        ("KMS.DisabledException", f"{KEY_ARN} is disabled."),
        ("InvalidRequest", "The specified copy source is larger than the maximum allowable size"),
        ("NoSuchBucket", "The specified bucket does not exist"),
        ("SlowDown", "Please reduce your request rate."),
    ],
)
def test_what_is_wrong_on_our_side_is_not_laid_on_the_object(answers: Any, code: str, message: str) -> None:
    answers.add_client_error("copy_object", code, message)
    with pytest.raises(ClientError, match=code):
        a_copier(answers).copy(VERSION, COPY_KEY)


@pytest.mark.parametrize("status", ["404", "405", "412"])
def test_before_an_object_is_copied_in_parts_it_is_looked_at(answers: Any, status: str) -> None:
    answers.add_client_error("head_object", status)
    with pytest.raises(SourceChanged if status == "412" else SourceGone):
        a_copier(answers).copy(replace(VERSION, size=11), COPY_KEY)


WRITTEN = {"LastModified": datetime(2026, 1, 1, tzinfo=UTC)}


def expect_parts(answers: Any, *checksums: str) -> None:
    """Three parts of an object of 11 bytes, each on the same condition."""
    source = {"CopySource": {"Bucket": "source", "Key": "a\n", "VersionId": "v1"}}
    upload = {"Bucket": "backup", "Key": COPY_KEY, "UploadId": "u1"}
    answers.add_response("head_object", {"ContentLength": 11}, {"Bucket": "source", "Key": "a\n", "VersionId": "v1"})
    answers.add_response("get_object_tagging", {"TagSet": []}, {"Bucket": "source", "Key": "a\n", "VersionId": "v1"})
    answers.add_response("create_multipart_upload", {"UploadId": "u1"}, ANY_SETTINGS)
    extents = ["bytes=0-3", "bytes=4-7", "bytes=8-10"]
    for number, (extent, checksum) in enumerate(zip(extents, checksums, strict=False), start=1):
        result = {**WRITTEN, "ETag": f'"{number}"', "ChecksumCRC64NVME": checksum}
        asked = {**upload, "PartNumber": number, "CopySourceRange": extent, **source}
        answers.add_response("upload_part_copy", {"CopyPartResult": result}, asked)


ANY_SETTINGS = {
    "Bucket": "backup",
    "Key": COPY_KEY,
    "StorageClass": "STANDARD",
    "ChecksumAlgorithm": "CRC64NVME",
    "ServerSideEncryption": "aws:kms",
    "SSEKMSKeyId": KEY_ARN,
    "BucketKeyEnabled": True,
}


def test_the_checksum_of_a_copy_in_parts_is_that_of_the_whole(answers: Any) -> None:
    expect_parts(answers, "A=", "B=", "C=")
    parts = [
        {"PartNumber": number, "ETag": f'"{number}"', "ChecksumCRC64NVME": checksum}
        for number, checksum in enumerate(("A=", "B=", "C="), start=1)
    ]
    answers.add_response(
        "complete_multipart_upload",
        {"ETag": '"whole-3"', "ChecksumCRC64NVME": "W=", "ChecksumType": "FULL_OBJECT", "VersionId": "c1"},
        {
            "Bucket": "backup",
            "Key": COPY_KEY,
            "UploadId": "u1",
            "MultipartUpload": {"Parts": parts},
            "MpuObjectSize": 11,
        },
    )
    stored = a_copier(answers).copy(replace(VERSION, size=11), COPY_KEY)
    assert (stored.etag, stored.checksum, stored.version_id) == ("whole-3", "CRC64NVME:W=", "c1")
    answers.assert_no_pending_responses()


@pytest.mark.parametrize("abort_fails", [False, True])
def test_what_went_wrong_first_is_what_is_told(answers: Any, abort_fails: bool) -> None:
    expect_parts(answers, "A=")
    answers.add_client_error("upload_part_copy", "NoSuchVersion")
    if abort_fails:
        answers.add_client_error("abort_multipart_upload", "ServiceUnavailable")
    else:
        answers.add_response("abort_multipart_upload", {}, {"Bucket": "backup", "Key": COPY_KEY, "UploadId": "u1"})
    with pytest.raises(SourceGone):
        a_copier(answers).copy(replace(VERSION, size=11), COPY_KEY)
    answers.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("version_id", "asked"),
    [
        ("v1", {"CopySource": {"Bucket": "source", "Key": "a\n", "VersionId": "v1"}}),
        (None, {"CopySource": {"Bucket": "source", "Key": "a\n"}, "CopySourceIfMatch": '"etag"'}),
    ],
)
def test_a_copy_at_once_tells_its_checksum_and_version(
    answers: Any, version_id: str | None, asked: dict[str, Any]
) -> None:
    result = {**WRITTEN, "ETag": '"copy"', "ChecksumCRC64NVME": "W=", "ChecksumType": "FULL_OBJECT"}
    answers.add_response("copy_object", {"CopyObjectResult": result, "VersionId": "c1"}, ANY_SETTINGS | asked)
    stored = a_copier(answers).copy(replace(VERSION, version_id=version_id), COPY_KEY)
    assert (stored.etag, stored.checksum, stored.version_id) == ("copy", "CRC64NVME:W=", "c1")
    answers.assert_no_pending_responses()


@pytest.mark.parametrize("size", [5 * 1024**3 + 1, 2**40, 50_000 * 1024**3])
def test_objects_of_all_sizes_fit_into_ten_thousand_parts_of_five_gibibytes(answers: Any, size: int) -> None:
    """Ten thousand of these are the largest object that S3 takes."""
    ranges = S3Copier(answers.client, "backup", "STANDARD", None)._ranges(size)
    extents = [tuple(map(int, extent.removeprefix("bytes=").split("-"))) for _, extent in ranges]
    assert [number for number, _ in ranges] == list(range(1, len(ranges) + 1))
    assert len(ranges) <= 10_000
    assert all(last - first < 5 * 1024**3 for first, last in extents)
    assert [first for first, _ in extents] == [0, *(last + 1 for _, last in extents[:-1])]
    assert extents[-1][1] == size - 1
