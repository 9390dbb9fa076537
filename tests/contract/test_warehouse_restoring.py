"""What a restore asks of S3 besides: the end of an object, what an ETag is, and how deltalake gets there."""

from typing import Any

import boto3
import pytest

from holdfast.adapters.s3_warehouse import delta_options, etags_are_md5
from holdfast.warehouse.ports import Frozen, NotStored
from tests.contract.warehouse import ANYWHERE, Place, a_place


@pytest.fixture(params=ANYWHERE)
def place(request: pytest.FixtureRequest) -> Place:
    return a_place(request, request.param)


@pytest.mark.parametrize(("start", "end"), [(0, b"content"), (3, b"tent"), (6, b"t")])
def test_an_object_is_read_from_a_byte_on(place: Place, start: int, end: bytes) -> None:
    place.user.put("a", b"content")
    assert place.source.read_from("a", start) == end


def test_what_is_not_there_or_frozen_has_no_end(place: Place) -> None:
    place.user.put("frozen", b"content", "GLACIER")
    with pytest.raises(Frozen):
        place.source.read_from("frozen", 3)
    with pytest.raises(NotStored):
        place.source.read_from("missing", 3)


@pytest.mark.usefixtures("moto_account")
@pytest.mark.parametrize(("algorithm", "are"), [(None, True), ("AES256", True), ("aws:kms", False)])
def test_an_etag_is_an_md5_where_no_key_of_kms_is_used(bucket_name: str, algorithm: str | None, *, are: bool) -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket=bucket_name)
    if algorithm:
        rules: Any = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}]
        client.put_bucket_encryption(Bucket=bucket_name, ServerSideEncryptionConfiguration={"Rules": rules})
    assert etags_are_md5(client, bucket_name) is are


def test_where_nobody_may_ask_an_etag_is_not_relied_on(answers: Any) -> None:
    answers.add_client_error("get_bucket_encryption", "AccessDenied", http_status_code=403)
    assert not etags_are_md5(answers.client, "new")


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        (None, {}),
        ("https://minio:9000", {"AWS_ENDPOINT": "https://minio:9000", "AWS_ALLOW_HTTP": "false"}),
        ("http://minio:9000", {"AWS_ENDPOINT": "http://minio:9000", "AWS_ALLOW_HTTP": "true"}),
    ],
)
def test_deltalake_goes_where_the_client_goes(
    monkeypatch: pytest.MonkeyPatch, endpoint: str | None, told: dict[str, str]
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    session = boto3.Session("a", "b", "c", region_name="eu-west-1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    assert delta_options(session.client("s3", endpoint_url=endpoint), "eu-central-1") == {
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_SESSION_TOKEN": "c",
        **told,
    }
