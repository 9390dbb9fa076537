"""A table of one's own, with items older than its stream: protected, each item an object under its tenant."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.tables import item
from holdfast.tables.model import Image
from local.cloud import Cloud
from tests.e2e.archived import ArchivedTable
from tests.e2e.conftest import OWN_TABLE
from tests.e2e.protected import holdfast
from tests.e2e.test_capacity import eventually

pytestmark = pytest.mark.xdist_group("protected")


def a_row(pk: str, tenant: str | None, sk: int = 1, value: str = "") -> Image:
    owner = {} if tenant is None else {"tenant": {"S": tenant}}
    return {"pk": {"S": pk}, "sk": {"N": str(sk)}, "value": {"S": value}, **owner}


@pytest.fixture(scope="module")
def own(protecting: Cloud) -> Iterator[ArchivedTable]:
    """A table that was there before the stack, with two items, and then is protected by the command."""
    client = protecting.engine.client("dynamodb")
    client.create_table(
        TableName=OWN_TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    own = ArchivedTable(protecting, OWN_TABLE)
    own.put(a_row("old/1", "acme"), a_row("old", None))
    assert "Nothing was changed" in holdfast(protecting, "tables", "protect", OWN_TABLE)
    assert not own.archive.bases()
    holdfast(protecting, "tables", "protect", OWN_TABLE, "--apply")
    yield own
    client.delete_table(TableName=OWN_TABLE)


def objects(own: ArchivedTable) -> dict[str, Any]:
    """The items' objects by what their keys end with."""
    where = f"{own.prefix}/{own.name}/"
    listed = own.s3.list_objects_v2(Bucket=own.bucket, Prefix=where).get("Contents", [])
    keys = [entry["Key"] for entry in listed]
    return {key.removeprefix(where): json.load(own.s3.get_object(Bucket=own.bucket, Key=key)["Body"]) for key in keys}


def test_what_was_there_before_is_archived_too(own: ArchivedTable) -> None:
    [base] = own.archive.bases()
    assert (base.ended is not None, base.items) == (True, 2)
    assert item.is_same(own.archived({"pk": {"S": "old/1"}, "sk": {"N": "1"}}), a_row("old/1", "acme"))
    there = objects(own)
    assert there["acme/old%2F1 | 1"] == a_row("old/1", "acme")
    assert there["%missing/old | 1"] == a_row("old", None)


def test_an_item_that_changes_its_tenant_moves_and_leaves_no_ghost(own: ArchivedTable) -> None:
    for tenant in ("acme", "umbrella"):
        own.put(a_row("moving", tenant, value=tenant))
        own.settle(a_row("moving", tenant, value=tenant))

    def there() -> list[str]:
        return [key for key in objects(own) if "moving" in key]

    eventually("no ghost", there, ["umbrella/moving | 1"].__eq__)


def test_every_version_of_an_item_is_a_version_of_its_object(own: ArchivedTable) -> None:
    for value in ("1", "2", "3"):
        own.put(a_row("versions", "acme", value=value))
        own.settle(a_row("versions", "acme", value=value))
    own.delete({"pk": {"S": "versions"}, "sk": {"N": "1"}})
    own.settle(gone=({"pk": {"S": "versions"}, "sk": {"N": "1"}},))
    where = f"{own.prefix}/{own.name}/acme/versions | 1"
    listed = own.s3.list_object_versions(Bucket=own.bucket, Prefix=where)
    assert len(listed["Versions"]) == 3
    assert len(listed["DeleteMarkers"]) == 1
    newest = own.s3.head_object(Bucket=own.bucket, Key=where, VersionId=listed["Versions"][0]["VersionId"])
    assert set(newest["Metadata"]) == {"holdfast-at", "holdfast-sequence"}


def test_protecting_again_changes_nothing(own: ArchivedTable) -> None:
    said = holdfast(own.stack, "tables", "protect", OWN_TABLE, "--apply")
    assert len(own.archive.bases()) == 1, said
    mappings = own.stack.engine.client("lambda").list_event_source_mappings(
        FunctionName=own.stack.outputs["TablesArchiveFunctionName"]
    )["EventSourceMappings"]
    assert len([one for one in mappings if f"table/{OWN_TABLE}/" in one["EventSourceArn"]]) == 1
