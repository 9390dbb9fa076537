"""Items and their keys: one canonical form of each, so that equal ones are equal whoever wrote them."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from holdfast.tables.model import AttributeValue, Image, ItemId

_EXACT = Context(prec=60)
"""DynamoDB keeps 38 digits."""

_LARGEST = Decimal("9.9999999999999999999999999999999999999E+125")
_DIGITS = 38
_IN_ONE_FORM = re.compile(r"0|-?[1-9][0-9]{0,37}|-?(?:0|[1-9][0-9]{0,18})\.[0-9]{0,18}[1-9]")
"""Numbers that stay as they are written: nearly all."""

_SCALARS = frozenset({"S", "N", "B", "BOOL", "NULL"})
_SETS = frozenset({"SS", "NS", "BS"})


class NotAnItem(ValueError):
    """Something is not what DynamoDB JSON holds. The message says where and what."""


def number(text: str) -> str:
    """One way to write a number: no sign of zero, no zeros at its ends, no exponent. `1.50E1` is `15`.

    Raises NotAnItem for what DynamoDB does not store.
    """
    if _IN_ONE_FORM.fullmatch(text):
        return text
    try:
        value = _EXACT.create_decimal(text)
    except InvalidOperation:
        raise NotAnItem(f"{text!r} is not a number") from None
    if not value.is_finite() or value.copy_abs() > _LARGEST or len(value.normalize(_EXACT).as_tuple().digits) > _DIGITS:
        raise NotAnItem(f"{text!r} is not a number that DynamoDB stores")
    return format(value.normalize(_EXACT), "f") if value else "0"


def check(image: Any, where: str = "the item") -> None:
    """Raises NotAnItem if it is no map of attributes in DynamoDB JSON."""
    _attributes(image, where)


def wire(image: Image) -> bytes:
    """An item as it came: what `aws dynamodb put-item --item file://...` takes."""
    return json.dumps(image, separators=(",", ":"), ensure_ascii=False).encode()


def canonical(image: Image) -> str:
    """The one text of an item: names in order, numbers in one form, sets in order. Raises NotAnItem."""
    return _text(_attributes(image, "the item"))


def _attributes(image: Any, where: str) -> Image:
    if not isinstance(image, Mapping):
        raise NotAnItem(f"{where} is {type(image).__name__}, not a map of attributes")
    done = {}
    for name, value in image.items():
        try:
            done[name] = _canonical(value)
        except _Odd as odd:
            raise NotAnItem(f"{where}: attribute {name!r}{odd.where} {odd.why}") from None
    return done


class _Odd(Exception):
    """What is wrong with a value, and where in it. Put together on the way out: millions of values are as they should
    be."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(where, why)
        self.where, self.why = where, why


def _canonical(value: Any) -> AttributeValue:
    """Raises _Odd; NotAnItem for a number."""
    kind, content = _typed(value)
    if kind == "S" and isinstance(content, str):  # most are, by far
        return value  # type: ignore[no-any-return]
    if kind in _SCALARS:
        return {kind: _scalar(kind, content)}
    if kind == "M" and isinstance(content, Mapping):
        return {"M": {name: _inner(inner, f".{name}") for name, inner in content.items()}}
    if kind == "L" and isinstance(content, list):
        return {"L": [_inner(inner, f"[{index}]") for index, inner in enumerate(content)]}
    if kind in _SETS and isinstance(content, list) and content:
        return {kind: sorted(_scalar(kind[0], member) for member in content)}
    raise _no_such_value(kind)


def _typed(value: Any) -> tuple[Any, Any]:
    if isinstance(value, (dict, Mapping)) and len(value) == 1:
        [typed] = value.items()
        return typed
    raise _Odd("", "is not one typed value")


def _inner(value: Any, where: str) -> AttributeValue:
    try:
        return _canonical(value)
    except _Odd as odd:
        raise _Odd(where + odd.where, odd.why) from None


def _scalar(kind: str, content: Any) -> Any:
    match kind, content:
        case ("S", str()) | ("BOOL", bool()) | ("NULL", True):
            return content
        case "N", str():
            return number(content)
        case "B", str():
            return _binary(content)
        case _:
            raise _no_such_value(kind)


def _no_such_value(kind: Any) -> _Odd:
    return _Odd("", f"is of type {kind!r}, and holds no value of such a type")


def _binary(text: str) -> str:
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)).decode()
    except ValueError:
        raise _Odd("", "is not base64") from None


_text = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def item_id(keys: Image) -> ItemId:
    """What names an item, by its key. Raises NotAnItem."""
    return ItemId(hashlib.md5(canonical(keys).encode(), usedforsecurity=False).hexdigest())


def keys_of(image: Image, key_names: Iterable[str]) -> Image:
    """The key of an item. Raises NotAnItem if it lacks one of its attributes."""
    try:
        return {name: image[name] for name in key_names}
    except KeyError as missing:
        raise NotAnItem(f"the item has no key attribute {missing.args[0]!r}") from None


def is_same(one: Image | None, other: Image | None) -> bool:
    """Whether two items hold the same, however they are written."""
    if one is None or other is None or one == other:
        return one == other
    return canonical(one) == canonical(other)


class Digest:
    """Of a set of items, whatever their order: how many they are, and the sum of their MD5s."""

    def __init__(self) -> None:
        self.items = 0
        self._sum = 0

    def add(self, image: Image) -> None:
        self.items += 1
        whole = hashlib.md5(canonical(image).encode(), usedforsecurity=False).digest()
        self._sum = (self._sum + int.from_bytes(whole)) % 2**128

    def merge(self, items: int, digest: str) -> None:
        """Add what another has summed up."""
        self.items += items
        self._sum = (self._sum + int(digest, 16)) % 2**128

    @property
    def hex(self) -> str:
        return f"{self._sum:032x}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digest) and (self.items, self._sum) == (other.items, other._sum)

    __hash__ = None  # type: ignore[assignment]
