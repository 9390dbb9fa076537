"""`Uploads`, in S3 and in memory: what the drive puts into the bucket and takes away."""

import boto3
import pytest

from holdfast.adapters.memory import MemoryBucket, MemoryUploads
from holdfast.adapters.s3 import S3Uploads
from holdfast.capacity.ports import Uploads


@pytest.fixture(params=["memory", "s3"])
def uploads(request: pytest.FixtureRequest, bucket_name: str) -> Uploads:
    if request.param == "memory":
        return MemoryUploads(MemoryBucket())
    request.getfixturevalue("stack")
    client = boto3.client("s3")
    client.create_bucket(Bucket=bucket_name)
    return S3Uploads(client, bucket_name)


def test_an_empty_bucket_has_no_names(uploads: Uploads) -> None:
    assert uploads.names() == []


def test_names_are_sorted(uploads: Uploads) -> None:
    for name in ("b", "a", "\N{GRINNING FACE}", "\N{REPLACEMENT CHARACTER}"):
        uploads.put(name, b"x")
    assert uploads.names() == ["a", "b", "\N{REPLACEMENT CHARACTER}", "\N{GRINNING FACE}"]


def test_what_is_put_again_is_there_once(uploads: Uploads) -> None:
    uploads.put("a", b"x")
    uploads.put("a", b"xx")
    assert uploads.names() == ["a"]


def test_what_is_deleted_is_gone_and_deleting_it_again_no_error(uploads: Uploads) -> None:
    uploads.put("a", b"x")
    uploads.put("b", b"x")
    uploads.delete("a")
    uploads.delete("a")
    assert uploads.names() == ["b"]


def test_of_many_names_the_first_thousand_come(uploads: Uploads) -> None:
    for n in reversed(range(1001)):
        uploads.put(f"{n:04}", b"")
    assert uploads.names() == [f"{n:04}" for n in range(1000)]


@pytest.mark.usefixtures("stack")
def test_the_body_arrives(bucket_name: str) -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket=bucket_name)
    S3Uploads(client, bucket_name).put("a", b"x" * 18)
    assert client.get_object(Bucket=bucket_name, Key="a")["Body"].read() == b"x" * 18
