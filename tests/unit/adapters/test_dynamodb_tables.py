"""DynamoTable where no emulator does what DynamoDB may: other clocks, lost answers, and too much to do."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.adapters.dynamodb_tables import MARGIN_SECONDS, DynamoTable, condition, from_boto, to_boto
from holdfast.ports import Conflict
from holdfast.tables.model import Description, Image
from holdfast.tables.ports import NotTaken, TableMissing

NOW = 1_800_000_000.5
DATES = {1_800_000_100: "Fri, 15 Jan 2027 08:01:40 GMT", 1_800_000_200: "Fri, 15 Jan 2027 08:03:20 GMT"}
KEYS: Image = {"pk": {"S": "a"}}
BEFORE: Image = {**KEYS, "v": {"N": "1"}}
AFTER: Image = {**KEYS, "v": {"N": "2"}}


@pytest.fixture(scope="module")
def client() -> Any:
    session = boto3.Session(region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    return session.client("dynamodb")


@pytest.fixture
def answers(client: Any) -> Iterator[Any]:
    """DynamoDB, answering as it is told."""
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def table(answers: Any) -> DynamoTable:
    return DynamoTable(answers.client, "orders", now=lambda: NOW)


def answer(stubber: Any, method: str, at: int | None = None, **told: Any) -> None:
    """The next answer, by a clock that says so; None if it does not tell."""
    headers = {} if at is None else {"date": DATES[at]}
    stubber.add_response(method, {**told, "ResponseMetadata": {"HTTPHeaders": headers}})


# The time


def scan(table: DynamoTable) -> int:
    return table.scan(0, 1, None, 10).as_of


def test_a_page_is_as_of_the_answer_before_it(answers: Any, table: DynamoTable) -> None:
    answer(answers, "describe_table", 1_800_000_100)
    answer(answers, "scan", 1_800_000_200, Items=[])
    answer(answers, "scan", 1_800_000_200, Items=[])
    assert scan(table) == 1_800_000_100 - MARGIN_SECONDS
    assert scan(table) == 1_800_000_200 - MARGIN_SECONDS


def test_a_clock_that_is_behind_takes_nothing_back(answers: Any, table: DynamoTable) -> None:
    answer(answers, "describe_table", 1_800_000_200)
    answer(answers, "scan", 1_800_000_100, Items=[])
    answer(answers, "scan", 1_800_000_100, Items=[])
    assert [scan(table), scan(table)] == [1_800_000_200 - MARGIN_SECONDS] * 2


def test_where_no_answer_tells_the_time_our_own_clock_does(answers: Any, table: DynamoTable) -> None:
    answer(answers, "describe_table")
    answer(answers, "scan", Items=[])
    assert scan(table) == 1_800_000_000 - MARGIN_SECONDS


def test_the_time_is_no_earlier_than_any_answer_before(answers: Any, table: DynamoTable) -> None:
    answer(answers, "describe_table", 1_800_000_200)
    answer(answers, "describe_table", 1_800_000_100)
    assert [table.time(), table.time()] == [1_800_000_201 + MARGIN_SECONDS] * 2


def test_many_threads_share_one_clock(answers: Any, table: DynamoTable) -> None:
    answer(answers, "describe_table", 1_800_000_100)
    for _ in range(50):
        answer(answers, "scan", 1_800_000_100, Items=[])
    scan(table)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: scan(table), range(49)))
    assert set(found) == {1_800_000_100 - MARGIN_SECONDS}


def test_all_reads_are_strongly_consistent(answers: Any, table: DynamoTable) -> None:
    answer(answers, "describe_table", 1_800_000_100)
    asked = {
        "TableName": "orders",
        "Segment": 2,
        "TotalSegments": 3,
        "Limit": 10,
        "ConsistentRead": True,
        "ReturnConsumedCapacity": "TOTAL",
        "ExclusiveStartKey": {"pk": {"B": b"a"}},
    }
    told = {"Items": [], "LastEvaluatedKey": {"pk": {"S": "b"}}, "ConsumedCapacity": {"CapacityUnits": 2.5}}
    answers.add_response("scan", {**told, "ResponseMetadata": {"HTTPHeaders": {}}}, asked)
    answers.add_response("get_item", {}, {"TableName": "orders", "Key": KEYS, "ConsistentRead": True})
    page = table.scan(2, 3, {"pk": {"B": "YQ=="}}, 10)
    assert (page.next_key, page.capacity_units) == ({"pk": {"S": "b"}}, 2.5)
    assert table.get(KEYS) is None


# Too busy


def an_item(name: str) -> dict[str, Any]:
    return {"pk": {"S": name}, "b": {"N": "1"}}


def test_what_is_left_over_is_told(answers: Any, table: DynamoTable) -> None:
    left = [{"PutRequest": {"Item": {"pk": {"S": "b"}, "b": {"N": "1"}}}}]
    answer(answers, "batch_write_item", UnprocessedItems={"orders": left})
    assert table.put_all([an_item("a"), an_item("b")]) == [an_item("b")]


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "ThrottlingException"])
def test_of_a_table_that_is_too_busy_all_is_left_over(answers: Any, table: DynamoTable, code: str) -> None:
    answers.add_client_error("batch_write_item", code)
    assert table.put_all([an_item("a"), an_item("b")]) == [an_item("a"), an_item("b")]


def test_what_is_refused_for_another_reason_is_an_error(answers: Any, table: DynamoTable) -> None:
    answers.add_client_error("batch_write_item", "AccessDeniedException")
    with pytest.raises(answers.client.exceptions.ClientError, match="AccessDeniedException"):
        table.put_all([an_item("a")])


# Lost answers


def refuse(stubber: Any, method: str, there: Image | None, *, tries: int) -> None:
    """A condition does not hold, for what is there."""
    stubber.add_client_error(
        method,
        "ConditionalCheckFailedException",
        response_meta={"RetryAttempts": tries},
        modeled_fields={"Item": to_boto(there)} if there else {},
    )


@pytest.mark.parametrize(("after", "method"), [(AFTER, "put_item"), (None, "delete_item")])
def test_what_the_sdk_wrote_twice_is_written(
    answers: Any, table: DynamoTable, after: Image | None, method: str
) -> None:
    refuse(answers, method, after, tries=1)
    table.change(KEYS, BEFORE, after)


@pytest.mark.parametrize(("there", "tries"), [(AFTER, 0), (BEFORE, 1), (None, 1)])
def test_what_somebody_else_wrote_is_not_taken_for_ours(
    answers: Any, table: DynamoTable, there: Image | None, tries: int
) -> None:
    refuse(answers, "put_item", there, tries=tries)
    with pytest.raises(Conflict):
        table.change(KEYS, BEFORE, AFTER)


def test_what_a_transaction_is_changing_is_a_conflict(answers: Any, table: DynamoTable) -> None:
    answers.add_client_error("put_item", "TransactionConflictException")
    with pytest.raises(Conflict):
        table.change(KEYS, BEFORE, AFTER)


def test_what_cannot_be_put_back_is_an_error(answers: Any, table: DynamoTable) -> None:
    answer(answers, "put_item", Attributes=to_boto({**BEFORE, "unknown": {"S": ""}}))
    answers.add_client_error("put_item", "TransactionConflictException")
    with pytest.raises(answers.client.exceptions.TransactionConflictException):
        table.change(KEYS, BEFORE, AFTER)


# Conditions

names = st.text(min_size=1, max_size=20)
images = st.dictionaries(names, st.just({"BOOL": True}), max_size=500)


@given(before=images, after=st.none() | images)
@example(before={f"{n}": {"S": ""} for n in range(500)}, after=None)
@example(before={}, after={f"{n}": {"S": ""} for n in range(500)})
def test_a_condition_fits_and_begins_with_the_key(before: Image, after: Image | None) -> None:
    stated = condition(KEYS, {**before, **KEYS}, after)
    text = stated["ConditionExpression"]
    functions, operators = text.count("attribute_not_exists"), text.count("=") + text.count(" AND ")
    assert len(text.encode()) <= 4096
    assert functions + operators <= 300
    assert text.startswith("#0=:0")
    assert (stated["ExpressionAttributeNames"]["#0"], stated["ExpressionAttributeValues"][":0"]) == ("pk", {"S": "a"})


def test_a_condition_names_what_was_and_what_is_only_after() -> None:
    stated = condition(KEYS, BEFORE, {**KEYS, "new": {"B": "AA=="}})
    assert stated == {
        "ConditionExpression": "#0=:0 AND #1=:1 AND attribute_not_exists(#2)",
        "ExpressionAttributeNames": {"#0": "pk", "#1": "v", "#2": "new"},
        "ExpressionAttributeValues": {":0": {"S": "a"}, ":1": {"N": "1"}},
    }


def test_nothing_has_no_key() -> None:
    assert condition(KEYS, None, AFTER) == {
        "ConditionExpression": "attribute_not_exists(#0)",
        "ExpressionAttributeNames": {"#0": "pk"},
    }


def test_only_bytes_have_another_form_in_boto() -> None:
    ours: Image = {"n": {"N": "1.50E+2"}, "l": {"L": [{"M": {"b": {"B": "AP8="}}}, {"BS": ["", "Yg=="]}]}}
    boto = {"n": {"N": "1.50E+2"}, "l": {"L": [{"M": {"b": {"B": b"\x00\xff"}}}, {"BS": [b"", b"b"]}]}}
    assert to_boto(ours) == boto
    assert from_boto(boto) == ours


# Tables like others

TABLE: dict[str, Any] = {
    "TableName": "orders",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "of no index any more", "AttributeType": "S"},
    ],
}
KMS = "arn:aws:kms:us-east-1:123456789012:key/1"


@pytest.mark.parametrize(
    ("told", "stated"),
    [
        ({}, {"BillingMode": "PROVISIONED"}),
        (
            {
                "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
                "ProvisionedThroughput": {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0},
                "OnDemandThroughput": {"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 20},
            },
            {
                "BillingMode": "PAY_PER_REQUEST",
                "OnDemandThroughput": {"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 20},
            },
        ),
        (
            {"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 2, "NumberOfDecreasesToday": 0}},
            {
                "BillingMode": "PROVISIONED",
                "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 2},
            },
        ),
        (
            {"TableClassSummary": {"TableClass": "STANDARD_INFREQUENT_ACCESS", "LastUpdateDateTime": 1.5}},
            {"BillingMode": "PROVISIONED", "TableClass": "STANDARD_INFREQUENT_ACCESS"},
        ),
        (
            {"SSEDescription": {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": KMS}},
            {
                "BillingMode": "PROVISIONED",
                "SSESpecification": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": KMS},
            },
        ),
        ({"StreamSpecification": {"StreamEnabled": False}}, {"BillingMode": "PROVISIONED"}),
        ({"DeletionProtectionEnabled": True}, {"BillingMode": "PROVISIONED"}),
    ],
)
def test_what_a_table_is_asked_to_be_like(
    answers: Any, table: DynamoTable, told: dict[str, Any], stated: dict[str, Any]
) -> None:
    answers.add_response(
        "create_table",
        {},
        {
            "TableName": "orders",
            "KeySchema": TABLE["KeySchema"],
            "AttributeDefinitions": TABLE["AttributeDefinitions"][:1],
            "DeletionProtectionEnabled": False,
            **stated,
        },
    )
    answer(answers, "describe_table", Table={"TableStatus": "ACTIVE"})
    table.create(Description(0, TABLE | told, {}), [])


def test_a_table_that_goes_while_it_is_described_is_missing(answers: Any, table: DynamoTable) -> None:
    answer(answers, "describe_table", Table={"TableName": "orders"})
    answers.add_client_error("describe_time_to_live", "ResourceNotFoundException")
    with pytest.raises(TableMissing):
        table.describe(0)


# The key of a table that is made anew

KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
ENCRYPTED = Description(
    taken_at=0,
    table={
        "TableName": "orders",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "SSEDescription": {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": KEY},
    },
    time_to_live={},
)


def refuse_the_key(answers: Any, actual: str) -> None:
    """DynamoDB takes no key by that name; the table that it makes without has the `actual` one."""
    described = {"TableStatus": "ACTIVE", "SSEDescription": {"KMSMasterKeyArn": actual}}
    answers.add_client_error("create_table", "ValidationException", "no such key may be named")
    answer(answers, "create_table", TableDescription=described)
    for _ in range(2):
        answer(answers, "describe_table", Table=described)


def test_the_default_key_of_dynamodb_is_not_named(answers: Any, table: DynamoTable) -> None:
    refuse_the_key(answers, KEY)
    answer(answers, "describe_table", Table={"TableStatus": "ACTIVE"})
    table.create(ENCRYPTED, [])


def test_a_table_that_gets_another_key_is_given_up(answers: Any, table: DynamoTable) -> None:
    refuse_the_key(answers, KEY + "2")
    answer(answers, "delete_table")
    with pytest.raises(NotTaken, match=f"no table can be encrypted with {KEY}: .*no such key may be named"):
        table.create(ENCRYPTED, [])
