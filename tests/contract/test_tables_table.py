"""`LiveTable`, in DynamoDB and in memory: what is read, what is changed and what is not, and tables like others."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from holdfast.adapters.dynamodb_tables import DynamoTable
from holdfast.ports import Conflict
from holdfast.tables import item
from holdfast.tables.model import Description, Image
from holdfast.tables.ports import LiveTable, NotTaken, TableExists, TableMissing
from tests.contract.tables import EVERY_TYPE, KEYS, STREAM, a_table, an_item, keys, no_table

ANYWHERE = ["memory", "moto", "engine"]
EVERYTHING = an_item("everything", 1, **EVERY_TYPE)
ONE = {"S": "one"}
TWO = {"S": "two"}


@pytest.fixture(params=ANYWHERE)
def table(request: pytest.FixtureRequest) -> LiveTable:
    return a_table(request, request.param)


@pytest.fixture(params=["memory", "moto"])
def quick_table(request: pytest.FixtureRequest) -> LiveTable:
    """For tests of many cases, of which the local engine is spared most."""
    return a_table(request, request.param)


@pytest.fixture(params=["moto", "engine"])
def in_dynamodb(request: pytest.FixtureRequest) -> DynamoTable:
    table = a_table(request, request.param)
    assert isinstance(table, DynamoTable)
    return table


@pytest.fixture(params=ANYWHERE)
def missing(request: pytest.FixtureRequest) -> LiveTable:
    return no_table(request, request.param)


def scan(table: LiveTable, total: int = 1, limit: int = 100) -> list[Image]:
    """All items, each as often as it came."""
    found: list[Image] = []
    for segment in range(total):
        after: Image | None = None
        while True:
            page = table.scan(segment, total, after, limit)
            assert len(page.items) <= limit
            found += page.items
            after = page.next_key
            if after is None:
                break
    return found


def put(table: LiveTable, *images: Image | None) -> None:
    if there := [image for image in images if image]:
        assert table.put_all(there) == []


def names(images: list[Image]) -> list[str]:
    return sorted(str(image["pk"]["S"]) for image in images)


# Reading


def test_every_type_of_value_comes_back_as_it_was(table: LiveTable) -> None:
    table.put_all([EVERYTHING])
    found = table.get(keys("everything", 1))
    assert found is not None
    for name, value in EVERY_TYPE.items():
        kind = next(iter(value))
        assert sorted(found[name][kind]) == value[kind] if kind in ("SS", "NS", "BS") else found[name] == value, name
    assert found.keys() == EVERYTHING.keys()
    assert item.canonical(scan(table)[0]) == item.canonical(EVERYTHING)


def test_what_is_not_there_is_none(table: LiveTable) -> None:
    table.put_all([an_item("a")])
    assert table.get(keys("a", 1)) is None
    assert table.get(keys("b")) is None


def test_what_is_put_again_is_as_it_was_put_last(table: LiveTable) -> None:
    assert table.put_all([an_item("a", v=ONE, gone=ONE)]) == []
    assert table.put_all([an_item("a", v=TWO)]) == []
    assert scan(table) == [an_item("a", v=TWO)]


def test_an_item_that_the_table_does_not_take_is_named(in_dynamodb: DynamoTable) -> None:
    bad = {**keys("b"), "sk": {"S": "text"}}
    with pytest.raises(NotTaken, match=r"does not take item \{'pk': \{'S': 'b'\}, 'sk': \{'S': 'text'\}\}: "):
        in_dynamodb.put_all([an_item("a"), bad, an_item("c")])
    assert scan(in_dynamodb) == [an_item("a")]


def test_what_is_too_large_for_one_call_is_put_by_several(
    in_dynamodb: DynamoTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = list[bytes]()

    def sends(params: dict[str, Any], **_: object) -> None:
        bodies.append(params["body"])

    in_dynamodb.client.meta.events.register_last("before-call.dynamodb.BatchWriteItem", sends, unique_id="sends")
    monkeypatch.setattr("holdfast.adapters.dynamodb_wire.LARGEST", 400)
    there = [an_item(name, v={"S": 50 * "\N{CYRILLIC SMALL LETTER YA}"}) for name in "abcde"]
    assert in_dynamodb.put_all(there) == []
    assert sorted(scan(in_dynamodb), key=str) == there
    assert len(bodies) > 1
    assert all(len(body) <= 400 for body in bodies)


def test_an_empty_table_has_one_empty_page(table: LiveTable) -> None:
    page = table.scan(0, 1, None, 10)
    assert (page.items, page.next_key) == ([], None)


@pytest.mark.parametrize(("total", "limit"), [(1, 100), (1, 3), (4, 2)])
def test_a_scan_meets_each_item_once(table: LiveTable, total: int, limit: int) -> None:
    table.put_all([an_item(f"{number:02}", number) for number in range(20)])
    assert names(scan(table, total, limit)) == [f"{number:02}" for number in range(20)]


def test_reading_takes_capacity_and_time(table: LiveTable) -> None:
    table.put_all([an_item("a")])
    before = table.time()
    page = table.scan(0, 1, None, 10)
    assert page.capacity_units > 0
    assert before - 60 < page.as_of <= before
    assert page.as_of <= table.time()


def test_of_a_table_that_is_not_there_it_is_told_whatever_is_asked(missing: LiveTable) -> None:
    asked: list[Callable[[], object]] = [
        lambda: missing.describe(0),
        lambda: missing.scan(0, 1, None, 10),
        lambda: missing.get(keys("a")),
        missing.time,
        lambda: missing.put_all([an_item("a")]),
        lambda: missing.change(keys("a"), None, an_item("a")),
    ]
    for ask in asked:
        with pytest.raises(TableMissing, match=repr(missing.name)):
            ask()


# Changing


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, an_item("a", v=ONE)),
        (an_item("a", v=ONE), an_item("a", v=TWO)),
        (an_item("a", v=ONE, old=ONE), an_item("a", new=TWO)),
        (an_item("a"), an_item("a", **EVERY_TYPE)),
        (an_item("a", **EVERY_TYPE), an_item("a")),
        (an_item("a", **EVERY_TYPE), None),
        (an_item("a", v=ONE), an_item("a", v=ONE)),
        (None, None),
    ],
)
def test_what_is_as_expected_is_changed(quick_table: LiveTable, before: Image | None, after: Image | None) -> None:
    put(quick_table, an_item("b"), before)
    quick_table.change(keys("a"), before, after)
    assert item.is_same(quick_table.get(keys("a")), after)
    assert quick_table.get(keys("b")) == an_item("b")


@pytest.mark.parametrize("after", [an_item("a", v={"S": "mine"}, new=ONE), None], ids=["put", "removed"])
@pytest.mark.parametrize(
    ("before", "there"),
    [
        (None, an_item("a")),
        (an_item("a", v=ONE), None),
        (an_item("a", v=ONE), an_item("a", v=TWO)),
        (an_item("a", v=ONE), an_item("a")),
        (an_item("a", v=ONE), an_item("a", v={"B": "b25l"})),
        (an_item("a", v=ONE), an_item("a", v=ONE, new=TWO)),
        (an_item("a", v=ONE), an_item("a", v=ONE, unknown=TWO)),
        (an_item("a", v={"M": {"x": ONE}}), an_item("a", v={"M": {"x": ONE, "y": ONE}})),
    ],
)
def test_what_is_anything_else_stays(
    quick_table: LiveTable, before: Image | None, there: Image | None, after: Image | None
) -> None:
    put(quick_table, there)
    with pytest.raises(Conflict, match="'a'"):
        quick_table.change(keys("a"), before, after)
    assert quick_table.get(keys("a")) == there


def a_wide_item(**attributes: Any) -> Image:
    """One of more attributes than a condition can name."""
    many: Any = {f"attribute {number}": {"N": str(number)} for number in range(160)}
    return an_item("a", **many, **attributes)


@pytest.mark.parametrize("after", [an_item("a"), a_wide_item(v=TWO), None], ids=["less", "more", "none"])
def test_an_item_of_many_attributes_is_changed_like_any_other(table: LiveTable, after: Image | None) -> None:
    table.put_all([a_wide_item(v=ONE)])
    table.change(keys("a"), a_wide_item(v=ONE), after)
    assert table.get(keys("a")) == after


@pytest.mark.parametrize("after", [an_item("a"), a_wide_item(v=TWO), None], ids=["less", "more", "none"])
@pytest.mark.parametrize("there", [a_wide_item(v=TWO), a_wide_item(), a_wide_item(v=ONE, w=ONE)])
def test_an_item_of_many_attributes_of_which_one_differs_stays(
    quick_table: LiveTable, there: Image, after: Image | None
) -> None:
    quick_table.put_all([there])
    with pytest.raises(Conflict):
        quick_table.change(keys("a"), a_wide_item(v=ONE), after)
    assert quick_table.get(keys("a")) == there


def meanwhile(table: DynamoTable, act: Callable[[], object], before_write: int) -> None:
    """Do something right before a write, the how manieth."""
    writes: list[str] = []

    def interrupt(model: Any, **_: object) -> None:
        if model.name in ("PutItem", "DeleteItem"):
            writes.append(model.name)
            if len(writes) == before_write:
                act()

    table.client.meta.events.register_first("before-call.dynamodb", interrupt)


def adds(table: DynamoTable, name: str) -> Callable[[], object]:
    """Somebody adds an attribute."""
    return lambda: table.client.update_item(
        TableName=table.name,
        Key=keys("a"),
        UpdateExpression="SET #name = :one",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues={":one": ONE},
    )


def test_what_somebody_adds_at_the_same_time_is_not_lost(in_dynamodb: DynamoTable) -> None:
    before = an_item("a", v=ONE)
    in_dynamodb.put_all([before])
    meanwhile(in_dynamodb, adds(in_dynamodb, "added"), before_write=1)
    with pytest.raises(Conflict):
        in_dynamodb.change(keys("a"), before, an_item("a", v=TWO))
    assert in_dynamodb.get(keys("a")) == an_item("a", v=ONE, added=ONE)


def test_what_is_added_while_that_is_put_back_is_not_lost_either(in_dynamodb: DynamoTable) -> None:
    before = an_item("a", v=ONE)
    in_dynamodb.put_all([{**before, "unknown": TWO}])
    meanwhile(in_dynamodb, adds(in_dynamodb, "added"), before_write=2)
    with pytest.raises(Conflict):
        in_dynamodb.change(keys("a"), before, an_item("a", v=TWO))
    assert in_dynamodb.get(keys("a")) == an_item("a", v=TWO, added=ONE)


def test_what_is_written_over_before_it_is_put_back_stands(in_dynamodb: DynamoTable) -> None:
    before = an_item("a", v=ONE)
    in_dynamodb.put_all([{**before, "unknown": TWO}])
    newest = an_item("a", v={"S": "newest"})
    meanwhile(in_dynamodb, lambda: in_dynamodb.put_all([newest]), before_write=2)
    with pytest.raises(Conflict):
        in_dynamodb.change(keys("a"), before, None)
    assert in_dynamodb.get(keys("a")) == newest


def test_what_is_removed_before_it_is_changed_stays_removed(in_dynamodb: DynamoTable) -> None:
    before = an_item("a", v=ONE)
    in_dynamodb.put_all([before])
    remove: Any = {"TableName": in_dynamodb.name, "Key": keys("a")}
    meanwhile(in_dynamodb, lambda: in_dynamodb.client.delete_item(**remove), before_write=1)
    with pytest.raises(Conflict):
        in_dynamodb.change(keys("a"), before, an_item("a", v=TWO))
    assert in_dynamodb.get(keys("a")) is None


# Tables like others

INDEXED: Mapping[str, Any] = {
    "KeySchema": KEYS["KeySchema"],
    "AttributeDefinitions": [
        *KEYS["AttributeDefinitions"],
        {"AttributeName": "email", "AttributeType": "S"},
        {"AttributeName": "digest", "AttributeType": "B"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-email",
            "KeySchema": [{"AttributeName": "email", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["name"]},
        }
    ],
    "LocalSecondaryIndexes": [
        {
            "IndexName": "by-digest",
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "digest", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
    "StreamSpecification": STREAM,
}
UNITS = {"ReadCapacityUnits": 7, "WriteCapacityUnits": 5}
PROVISIONED: Mapping[str, Any] = {
    **INDEXED,
    "BillingMode": "PROVISIONED",
    "ProvisionedThroughput": UNITS,
    "GlobalSecondaryIndexes": [{**INDEXED["GlobalSecondaryIndexes"][0], "ProvisionedThroughput": UNITS}],
}
TAGS = [{"Key": "team", "Value": "shop"}, {"Key": "aws:cloudformation:stack-name", "Value": "shop"}]


def stated(description: Description) -> dict[str, Any]:
    """What a table was created with, of what is told of it."""
    table = description.table
    indexes = [*table.get("GlobalSecondaryIndexes", []), *table.get("LocalSecondaryIndexes", [])]
    return {
        "keys": description.key_types,
        "names": description.key_names,
        "attributes": sorted(one["AttributeName"] for one in table["AttributeDefinitions"]),
        "stream": table.get("StreamSpecification"),
        "billing": table.get("BillingModeSummary", {}).get("BillingMode"),
        "units": _units(table),
        "indexes": {one["IndexName"]: (one["KeySchema"], one["Projection"], _units(one)) for one in indexes},
        "encryption": table.get("SSEDescription"),
    }


def _units(told: Mapping[str, Any]) -> dict[str, int]:
    return {unit: told.get("ProvisionedThroughput", {}).get(unit) for unit in UNITS}


@pytest.mark.parametrize(
    "settings",
    [KEYS, INDEXED, PROVISIONED, {**KEYS, "SSESpecification": {"Enabled": True, "SSEType": "KMS"}}],
    ids=["plain", "indexed", "provisioned", "encrypted"],
)
@pytest.mark.parametrize("where", ANYWHERE)
def test_a_table_is_created_like_another(
    request: pytest.FixtureRequest, where: str, settings: Mapping[str, Any]
) -> None:
    table = a_table(request, where, Tags=TAGS, **settings)
    like = table.describe(taken_at=5)
    twin = no_table(request, where)
    twin.create(like, [{"Key": "holdfast:restored-from", "Value": table.name}])
    found = twin.describe(taken_at=6)
    assert stated(found) == stated(like)
    assert found.name == twin.name != like.name
    twin.put_all([EVERYTHING])
    assert item.is_same(twin.get(keys("everything", 1)), EVERYTHING)
    assert table.get(keys("everything", 1)) is None


@pytest.mark.parametrize("where", ANYWHERE)
def test_tags_come_along_save_those_of_aws_and_those_that_are_given_anew(
    request: pytest.FixtureRequest, where: str
) -> None:
    like = Description(0, {"TableName": "gone", **KEYS, "BillingModeSummary": ON_DEMAND}, {}, tuple(TAGS))
    twin = no_table(request, where)
    twin.create(like, [{"Key": "team", "Value": "books"}, {"Key": "more", "Value": "1"}])
    assert sorted(one["Key"] + one["Value"] for one in twin.describe(0).tags) == ["more1", "teambooks"]


ON_DEMAND = {"BillingMode": "PAY_PER_REQUEST"}


def test_where_a_table_is_none_is_created(table: LiveTable) -> None:
    table.put_all([an_item("a")])
    with pytest.raises(TableExists, match=repr(table.name)):
        table.create(table.describe(0), [])
    assert scan(table) == [an_item("a")]


@pytest.mark.parametrize("where", ANYWHERE)
def test_what_is_told_of_a_table_survives_json(request: pytest.FixtureRequest, where: str) -> None:
    found = a_table(request, where, **PROVISIONED).describe(taken_at=5)
    assert found.taken_at == 5
    assert json.loads(json.dumps(found.table)) == found.table
    assert found.key_names == ("pk", "sk")
    assert found.key_types == {"pk": "S", "sk": "N"}


@pytest.mark.parametrize("where", ["moto", "engine"])
def test_the_times_of_a_table_are_unix_seconds(request: pytest.FixtureRequest, where: str) -> None:
    table = a_table(request, where, StreamSpecification=STREAM)
    created = table.describe(0).table["CreationDateTime"]
    assert table.time() - 60 < created <= table.time()


def test_items_expire_as_in_another_table(table: LiveTable) -> None:
    like = Description(0, {}, {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"})
    for _ in range(2):
        table.expire_like(like)
        assert table.describe(0).time_to_live == like.time_to_live


@pytest.mark.parametrize("told", [{}, {"TimeToLiveStatus": "DISABLED"}, {"TimeToLiveStatus": "DISABLING"}])
def test_items_do_not_expire_where_they_did_not(quick_table: LiveTable, told: Mapping[str, Any]) -> None:
    quick_table.expire_like(Description(0, {}, told))
    assert quick_table.describe(0).time_to_live == {"TimeToLiveStatus": "DISABLED"}
