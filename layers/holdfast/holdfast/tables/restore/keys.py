"""The key of one item, as a person gives it."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from holdfast.tables import item
from holdfast.tables.model import AttributeValue, Image

_NAMED = {"S": "a text", "N": "a number", "B": "bytes in base64"}


class BadKey(ValueError):
    """A text names no item of a table. Says what does."""


class _Number(str):
    """A number of JSON, to its last digit."""

    __slots__ = ()


def parse(text: str, key_types: Mapping[str, str]) -> Image:
    """The key that a text names: a JSON object, plain or in DynamoDB JSON; or the bare value of a partition key.

    `key_types`: S, N or B by the key's attributes, as a `Description` has them. Raises BadKey.
    """
    try:
        told = json.loads(text, parse_int=_Number, parse_float=_Number)
    except ValueError:
        told = None
    if isinstance(told, dict):
        return _object(told, key_types)
    if len(key_types) > 1:
        raise BadKey(f"--item {text!r} is no JSON object with the key's attributes: {example(key_types)}")
    [(name, kind)] = key_types.items()
    return {name: _value(name, kind, text)}


def example(key_types: Mapping[str, str]) -> str:
    """How a key of such a table is given."""
    values = {"S": '"..."', "N": "1", "B": '"aGk="'}
    return "{" + ", ".join(f"{json.dumps(name)}: {values[kind]}" for name, kind in key_types.items()) + "}"


def _object(told: Mapping[str, Any], key_types: Mapping[str, str]) -> Image:
    if told.keys() != key_types.keys():
        has = ", ".join(map(repr, told)) or "none"
        raise BadKey(f"the key has the attributes {has}; this table's is {example(key_types)}")
    return {name: _attribute(name, kind, told[name]) for name, kind in key_types.items()}


def _attribute(name: str, kind: str, value: Any) -> AttributeValue:
    if isinstance(value, dict) and len(value) == 1:
        [(given, content)] = value.items()
        if given == kind and type(content) is str:
            return _value(name, kind, content)
    elif isinstance(value, _Number if kind == "N" else str) and (kind == "N" or not isinstance(value, _Number)):
        return _value(name, kind, str(value))
    raise BadKey(f"key attribute {name!r} is {_NAMED[kind]}, not {_shown(value)}")


def _value(name: str, kind: str, content: str) -> AttributeValue:
    try:
        if kind == "N":
            return {kind: item.number(content)}
        if kind == "B":
            content = base64.b64encode(base64.b64decode(content, validate=True)).decode()
    except ValueError:
        raise BadKey(f"key attribute {name!r} is {_NAMED[kind]}, not {content!r}") from None
    if not content:
        raise BadKey(f"key attribute {name!r} is empty, which no key is")
    return {kind: content}


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, _Number) else repr(value)
