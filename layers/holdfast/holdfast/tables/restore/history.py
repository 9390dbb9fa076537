"""An item through time, told version by version. Pure."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from holdfast.tables import item
from holdfast.tables.model import AttributeValue, Cause, Change, Image
from holdfast.tables.restore.model import stamp

SHORT = 60
"""Characters of a value that are shown."""

_PLAIN = re.compile(r"[A-Za-z_][\w.-]*\Z", re.ASCII)


def versions(known: Iterable[tuple[Change, Image | None]]) -> Iterator[str]:
    """A line for each change of an item, in their order: when, its sequence number, and what changed.

    `known`: each change with what the item held from it on, None if it was removed.
    """
    before: Image | None = None
    for change, image in known:
        sequence = str(change.moment.sequence) if change.moment.sequence else "-"
        yield f"{stamp(change.moment.at)}  {sequence}  {_told(change.cause, before, image)}"
        before = image


def _told(cause: Cause, before: Image | None, image: Image | None) -> str:
    if image is None:
        return "removed by DynamoDB: its time to live was over" if cause is Cause.EXPIRY else "removed"
    if before is None:
        what, changes = "put", [f"{_name(name)}: {shown(image[name])}" for name in sorted(image)]
    else:
        what, changes = "changed", list(_changes(before, image))
    if cause is Cause.READ:
        what = "found in the table" if changes else "found in the table, the same"
    elif not changes:
        return "put, the same"
    return what + (f"  {', '.join(changes)}" if changes else "")


def _changes(before: Image, after: Image) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield f"- {_name(name)}: {shown(before[name])}"
        elif name not in before:
            yield f"+ {_name(name)}: {shown(after[name])}"
        elif not item.is_same({name: before[name]}, {name: after[name]}):
            yield f"{_name(name)}: {shown(before[name])} -> {shown(after[name])}"


def _name(name: str) -> str:
    return name if _PLAIN.match(name) else repr(name)


def shown(value: AttributeValue) -> str:
    """A value as a reader takes it in: texts quoted and escaped, numbers bare, what is long cut off."""
    text = _shown(value)
    return text if len(text) <= SHORT else f"{text[: SHORT - 1]}…"


def _shown(value: AttributeValue) -> str:
    [(kind, content)] = value.items()
    match kind:
        case "SS" | "NS" | "BS":
            return "{" + ", ".join(_scalar(kind[0], member) for member in sorted(content)) + "}"
        case "L":
            return "[" + ", ".join(map(_shown, content)) + "]"
        case "M":
            return "{" + ", ".join(f"{_name(name)}: {_shown(inner)}" for name, inner in content.items()) + "}"
        case _:
            return _scalar(kind, content)


def _scalar(kind: str, content: Any) -> str:
    match kind:
        case "S":
            return repr(content)
        case "N":
            return str(content)
        case "B":
            return f"base64 {content!r}"
        case _:
            return "null" if kind == "NULL" else str(content).lower()


def plain(keys: Image) -> str:
    """A key as `--item` takes it: JSON, all ASCII, so that it does nothing to a terminal."""
    return "{" + ", ".join(f"{json.dumps(name)}: {_json(value)}" for name, value in keys.items()) + "}"


def _json(value: AttributeValue) -> str:
    [(kind, content)] = value.items()
    return item.number(content) if kind == "N" else json.dumps(content)
