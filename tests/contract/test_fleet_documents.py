"""`Documents`, in S3 and in memory."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY

from holdfast.adapters.memory_fleet import MemoryDocuments
from holdfast.adapters.s3_documents import TRIES, S3Documents
from holdfast.fleet.ports import Documents
from tests.contract.buckets import IN_UTF8_ORDER, a_client

DOCUMENT = {"run": "daily-2026-11-21T02-00-00Z", "failed": [], "bytes": 2**40, "why": None, "who": "é日\n"}


@pytest.fixture(params=["memory", "moto", "engine"])
def documents(request: pytest.FixtureRequest, bucket_name: str) -> Documents:
    if request.param == "memory":
        return MemoryDocuments()
    client = a_client(request, request.param)
    region = client.meta.region_name
    elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region != "us-east-1" else {}
    client.create_bucket(Bucket=bucket_name, **elsewhere)
    return S3Documents(client, bucket_name)


def test_what_was_saved_is_loaded_and_saving_again_replaces_it(documents: Documents) -> None:
    documents.save("status.json", {"old": True})
    documents.save("status.json", DOCUMENT)
    assert documents.load("status.json") == DOCUMENT
    assert documents.load("status") is documents.load("never.json") is None


def test_what_is_loaded_is_nobody_else_s(documents: Documents) -> None:
    documents.save("a.json", DOCUMENT)
    documents.load("a.json")["failed"].append("web")
    assert documents.load("a.json") == DOCUMENT


def test_only_the_first_to_add_a_document_stores_it(documents: Documents) -> None:
    assert documents.add("proof/00000001.json", DOCUMENT)
    assert not documents.add("proof/00000001.json", {"other": 1})
    assert not documents.add("proof/00000001.json", DOCUMENT)
    documents.save("saved.json", {})
    assert not documents.add("saved.json", DOCUMENT)
    assert (documents.load("proof/00000001.json"), documents.load("saved.json")) == (DOCUMENT, {})


def test_keys_are_listed_by_prefix_in_the_order_of_their_bytes(documents: Documents) -> None:
    for name in reversed(IN_UTF8_ORDER):
        documents.save(f"runs/{name}", {})
    documents.save("runs", {})
    documents.save("sets/1.json", {})
    assert list(documents.keys("runs/")) == [f"runs/{name}" for name in IN_UTF8_ORDER]
    assert list(documents.keys("never/")) == []


def test_in_memory_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError):
        MemoryDocuments().save("a.json", {"when": object()})


# What S3 may answer, and neither moto nor the engine does

REFUSED: Any = {"service_error_code": "PreconditionFailed", "http_status_code": 412}
CONFLICT: Any = {"service_error_code": "ConditionalRequestConflict", "http_status_code": 409}


def test_somebody_else_who_adds_at_the_same_moment_is_waited_for(answers: Any) -> None:
    asked = {"Bucket": "b", "Key": "a", "Body": b'{"a": 1}', "ContentType": "application/json", "IfNoneMatch": "*"}
    answers.add_client_error("put_object", **CONFLICT, expected_params=asked)
    answers.add_response("put_object", {}, asked)
    assert S3Documents(answers.client, "b").add("a", {"a": 1})
    answers.assert_no_pending_responses()


def test_a_conflict_that_does_not_end_is_told(answers: Any) -> None:
    for _ in range(TRIES):
        answers.add_client_error("put_object", **CONFLICT)
    with pytest.raises(ClientError, match="ConditionalRequestConflict"):
        S3Documents(answers.client, "b").add("a", {})
    answers.assert_no_pending_responses()


@pytest.mark.parametrize(("stored", "ours"), [(b'{"a": 1}', True), (b'{"a": 2}', False)])
def test_what_was_added_by_a_try_whose_answer_was_lost_was_added(answers: Any, stored: bytes, *, ours: bool) -> None:
    """The SDK tries again, and is told that the key is taken."""
    answers.add_client_error("put_object", **REFUSED, response_meta={"RetryAttempts": 1})
    answers.add_response("get_object", {"Body": Body(stored)}, {"Bucket": "b", "Key": ANY})
    assert S3Documents(answers.client, "b").add("a", {"a": 1}) is ours


class Body:
    def __init__(self, body: bytes) -> None:
        self.body = body

    def read(self) -> bytes:
        return self.body


@pytest.mark.parametrize("operation", ["get_object", "put_object"])
def test_what_may_not_be_done_is_not_taken_for_missing_or_there(answers: Any, operation: str) -> None:
    answers.add_client_error(operation, "AccessDenied", http_status_code=403)
    documents = S3Documents(answers.client, "b")
    with pytest.raises(ClientError, match="AccessDenied"):
        documents.load("a") if operation == "get_object" else documents.add("a", {})
