"""How copies are named: after their original, sortable by age, within S3's limit for any key that S3 takes.

`BUCKET/KEY/20261121T073121.123Z-SEQUENCER-TOKEN`. The sequencer is as events tell it; the token makes every attempt's
name its own, so that no attempt ever writes where another's copy lies. A key that leaves no room for that is cut, and
its SHA-256 takes the place of what was cut; so is a key that somebody gave the name that another was cut to.
"""

import hashlib
import re
from datetime import UTC, datetime

from holdfast.events.model import Sequencer
from holdfast.objects.model import CopyKey, Original

LIMIT = 1024
"""Bytes of a key in S3, and of a sort key in DynamoDB."""

_STAMP_BYTES = 80
_ROOM = LIMIT - 1 - _STAMP_BYTES
_ORDER_BYTES = 40
_CUT_FOLDER = re.compile(r"~[0-9a-f]{64}\Z")
_STAMP = re.compile(r"(\d{8}T\d{6}\.\d{3}Z)-([0-9A-F]*\+*)-[0-9a-z]+\Z")


def folder(original: Original) -> str:
    """What the names of all copies of an original begin with, up to the last slash."""
    whole = str(original)
    if len(whole.encode()) <= _ROOM and not is_cut(whole):
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()
    return f"{beginning(original)}~{digest}"


def beginning(original: Original) -> str:
    """What the names of the copies of all keys begin with that begin with this one's."""
    return str(original).encode()[: _ROOM - 65].decode(errors="ignore")


def copy_key(original: Original, written_at: datetime, order: Sequencer, token: str) -> CopyKey:
    """The name of a copy. `token`: up to 16 letters and digits that no other attempt has."""
    return CopyKey(f"{folder(original)}/{_stamp(written_at)}-{order[:_ORDER_BYTES]}-{token}")


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.") + f"{at.microsecond // 1000:03d}Z"


def parse(key: str) -> tuple[str, datetime, Sequencer] | None:
    """Folder, time and order of a copy's name; None if it is not one."""
    where, _, stamp = key.rpartition("/")
    match = _STAMP.match(stamp)
    if not match or "/" not in where:
        return None
    try:
        at = datetime.strptime(match[1], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return where, at, Sequencer(match[2])


def is_cut(name: str) -> bool:
    """Whether a folder stands for another name, which only the copy table knows."""
    return len(name.encode()) > _ROOM - 4 and bool(_CUT_FOLDER.search(name))
