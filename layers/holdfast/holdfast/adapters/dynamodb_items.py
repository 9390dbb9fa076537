"""Items in DynamoDB's own form, and how one is put that nobody has changed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

type Item = dict[str, "AttributeValueTypeDef"]

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def to_item(values: Mapping[str, Any]) -> Item:
    """DynamoDB's form of an item; a None is an attribute that is not there."""
    return {name: _serialize(value) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _deserialize(value) for name, value in item.items()}


def conditional_put(table: str, item: Mapping[str, Any], seen: Mapping[str, Any]) -> "TransactWriteItemTypeDef":
    """A put on condition that these attributes still are as they were seen; None means not there."""
    conditions = [
        f"attribute_not_exists(#{name})" if value is None else f"#{name} = :{name}" for name, value in seen.items()
    ]
    put: Any = {
        "TableName": table,
        "Item": to_item(item),
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": {f"#{name}": name for name in seen},
    }
    if values := to_item({f":{name}": value for name, value in seen.items()}):
        put["ExpressionAttributeValues"] = values
    return {"Put": put}
