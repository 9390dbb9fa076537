"""How the archive names things in S3.

`PREFIX/TABLE/TENANT/NAME` is an item, `PREFIX/table=TABLE/...` what there is besides items: no table's name holds `=`.
"""

import hashlib
import re
from collections.abc import Sequence

from holdfast.tables.item import number
from holdfast.tables.model import AttributeValue, Image

LIMIT = 1024
"""Bytes of a key in S3."""

TENANT_LIMIT = 256
NO_TENANT = "%missing"
"""The folder of items that name no tenant. No tenant is written so: `%` stands only before two hex digits."""

EMPTY_TENANT = "%empty"
SEPARATOR = " | "
_ESCAPED = re.compile(r"[%/|~\x00-\x1f\x7f\\]|\A\.\.?\Z|[\ud800-\udfff]")


def folder(prefix: str, table: str) -> str:
    """Where all but the items of a table is, with a slash at its end."""
    return f"{_in(prefix)}table={table}/"


def item_key(prefix: str, table: str, tenant: str | None, name: str) -> str:
    """The object of an item. `tenant`: the folder of its tenant, None where tables have none."""
    where = f"{_in(prefix)}{table}/" + (f"{tenant}/" if tenant is not None else "")
    return where + _cut(name, LIMIT - len(where.encode()))


def _in(prefix: str) -> str:
    return f"{prefix.strip('/')}/" if prefix.strip("/") else ""


def tenant_folder(tenant: str | None) -> str:
    """The folder of a tenant, of the items that name none for None."""
    if tenant is None:
        return NO_TENANT
    return _cut(_escape(tenant), TENANT_LIMIT) if tenant else EMPTY_TENANT


def plain_name(keys: Image, key_names: Sequence[str]) -> str:
    """`HASH` or `HASH | RANGE`, readable, and escaped so that no two items of a table share one."""
    return SEPARATOR.join(_escape(_plain(keys[name])) for name in key_names)


def _plain(value: AttributeValue) -> str:
    [(kind, content)] = value.items()
    return number(content) if kind == "N" else str(content)


def _escape(text: str) -> str:
    return _ESCAPED.sub(lambda found: "".join(map(_hex, found[0].encode("utf-8", "surrogatepass"))), text)


def _hex(byte: int) -> str:
    return f"%{byte:02X}"


def _cut(name: str, room: int) -> str:
    """A name that fits: of one too long the beginning, and a digest of the whole behind `~`, which no other has."""
    whole = name.encode()
    if len(whole) <= room:
        return name
    digest = hashlib.md5(whole, usedforsecurity=False).hexdigest()
    return whole[: room - 33].decode(errors="ignore") + "~" + digest
