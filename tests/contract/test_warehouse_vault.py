"""`Vault`, in S3 and in memory: what lies in archive classes, and thawing it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from holdfast.adapters.memory_warehouse import MemoryVault, MemoryWarehouse
from holdfast.adapters.s3_warehouse import S3Vault
from holdfast.warehouse.ports import Access, Frozen, NotStored, TierRefused
from tests.contract.warehouse import ANYWHERE, Place, a_place


@pytest.fixture(params=ANYWHERE)
def place(request: pytest.FixtureRequest) -> Place:
    return a_place(request, request.param)


@pytest.mark.parametrize("storage_class", ["STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR"])
def test_what_was_never_frozen_is_readable_and_left_alone(place: Place, storage_class: str) -> None:
    place.user.put("a", b"content", storage_class)
    assert place.vault.access("a") is Access.READABLE
    place.vault.thaw("a", 1, "Standard")
    assert place.vault.access("a") is Access.READABLE
    assert place.source.read("a") == b"content"


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_what_is_frozen_thaws_when_it_is_asked_to(place: Place, storage_class: str) -> None:
    place.user.put("a", b"content", storage_class)
    assert place.vault.access("a") is Access.FROZEN
    place.vault.thaw("a", 1, "Bulk")
    assert place.vault.access("a") is not Access.FROZEN
    found = place.source.head("a")
    assert found
    assert found.storage_class == storage_class


def test_to_thaw_what_thaws_already_or_is_thawed_is_no_error(place: Place) -> None:
    place.user.put("a", b"content", "GLACIER")
    for _ in range(3):
        place.vault.thaw("a", 1, "Standard")
    assert place.vault.access("a") is not Access.FROZEN


def test_what_is_not_there_cannot_be_thawed(place: Place) -> None:
    with pytest.raises(NotStored, match="'never'"):
        place.vault.access("never")
    with pytest.raises(NotStored, match="'never'"):
        place.vault.thaw("never", 1, "Standard")


@pytest.mark.parametrize("where", ["memory", "moto"])  # in the engine it takes two seconds
def test_what_is_thawed_can_be_read(request: pytest.FixtureRequest, where: str) -> None:
    place = a_place(request, where)
    place.user.put("a", b"content", "GLACIER")
    place.vault.thaw("a", 1, "Standard")
    assert place.vault.access("a") is Access.READABLE
    assert place.source.read("a") == b"content"


# Only in memory, where time passes


def test_what_is_thawed_freezes_again() -> None:
    clock = [datetime(2026, 1, 1, tzinfo=UTC)]
    account = MemoryWarehouse(now=lambda: clock[0], thawing=timedelta(hours=4))
    bucket, seen = account.bucket("lake"), []
    vault = MemoryVault(bucket)
    bucket.put("a", b"content", "GLACIER")
    vault.thaw("a", 2, "Standard")
    for _ in range(4):
        seen.append(vault.access("a"))
        clock[0] += timedelta(hours=18)
    assert seen == [Access.THAWING, Access.READABLE, Access.READABLE, Access.FROZEN]
    with pytest.raises(Frozen):
        bucket.read("a")


def test_thawing_again_keeps_what_is_thawed_for_longer() -> None:
    clock = [datetime(2026, 1, 1, tzinfo=UTC)]
    account = MemoryWarehouse(now=lambda: clock[0], thawing=timedelta(hours=4))
    bucket = account.bucket("lake")
    vault = MemoryVault(bucket)
    bucket.put("a", b"content", "GLACIER")
    vault.thaw("a", 1, "Standard")
    clock[0] += timedelta(hours=20)
    vault.thaw("a", 1, "Standard")
    clock[0] += timedelta(hours=20)
    assert vault.access("a") is Access.READABLE


# What S3 may answer, and neither moto nor the engine does


def test_what_a_head_says_is_understood(answers: Any) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html"""
    told = {
        "frozen": {"StorageClass": "DEEP_ARCHIVE"},
        "thawing": {"StorageClass": "GLACIER", "Restore": 'ongoing-request="true"'},
        "readable": {
            "StorageClass": "GLACIER",
            "Restore": 'ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"',
        },
    }
    archived = {"StorageClass": "INTELLIGENT_TIERING", "ArchiveStatus": "ARCHIVE_ACCESS"}
    for head in [*told.values(), archived, archived | {"Restore": 'ongoing-request="true"'}]:
        answers.add_response("head_object", head)
    vault = S3Vault(answers.client, "backup")
    assert [vault.access("a") for _ in range(5)] == [*told, "frozen", "thawing"]


@pytest.mark.parametrize("code", ["RestoreAlreadyInProgress", "ObjectAlreadyInActiveTierError", "InvalidObjectState"])
def test_what_needs_no_thawing_is_no_error(answers: Any, code: str) -> None:
    answers.add_client_error("restore_object", code)
    S3Vault(answers.client, "backup").thaw("a", 1, "Standard")


@pytest.mark.parametrize("code", ["GlacierExpeditedRetrievalNotAvailable", "InvalidArgument"])
def test_a_tier_that_s3_refuses_is_told(answers: Any, code: str) -> None:
    answers.add_client_error("restore_object", code, "not now")
    with pytest.raises(TierRefused, match=rf"'a' does not thaw in tier Expedited \({code}: not now\)"):
        S3Vault(answers.client, "backup").thaw("a", 1, "Expedited")


def test_in_memory_too_a_class_may_not_have_a_tier(request: pytest.FixtureRequest) -> None:
    place = a_place(request, "memory")
    place.user.put("a", b"content", "DEEP_ARCHIVE")
    with pytest.raises(TierRefused):
        place.vault.thaw("a", 1, "Expedited")
    assert place.vault.access("a") is Access.FROZEN


@pytest.mark.parametrize(("call", "operation"), [("access", "head_object"), ("thaw", "restore_object")])
def test_a_refusal_is_not_taken_for_absence(answers: Any, call: str, operation: str) -> None:
    answers.add_client_error(operation, "403")
    arguments = ("a",) if call == "access" else ("a", 1, "Standard")
    with pytest.raises(ClientError, match="403"):
        getattr(S3Vault(answers.client, "backup"), call)(*arguments)
