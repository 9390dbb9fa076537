"""The parts of an inventory: brought to local disk, where each is what the manifest says, or is named and gone.

CSV parts are unpacked on the way: by isal, three times as fast as gzip, and outside of the interpreter's lock.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from isal import igzip_lib

from holdfast.warehouse.inventory import MEND
from holdfast.warehouse.model import FileFormat, Part

_AT_ONCE = 1 << 18
"""Bytes that may come at once of a slice."""
_SLICE = 1 << 16
"""Packed bytes that are unpacked before it is asked how much came: some senders have all in one piece."""


class PartCorrupt(ValueError):
    """A part of an inventory is not what its manifest says."""

    def __init__(self, key: str, what: str, expected: object, came: object) -> None:
        super().__init__(f"{key}: {what} should be {expected}, and is {came}. {MEND}")


class PartTooLarge(ValueError):
    """A part of an inventory unpacks to more than an inventory does."""

    def __init__(self, key: str, limits: "Limits", packed: int) -> None:
        super().__init__(
            f"{key}: of {packed:,} packed bytes come more than {limits.size:,}, or more than {limits.ratio} from each:"
            f" this is no inventory, but a bomb. {MEND}"
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may come of a packed part: bytes, and bytes from each packed one, once more than `slack` came.

    Rows that S3 writes pack to between a third and a tenth.
    """

    size: int = 16 * 1024**3
    ratio: int = 100
    slack: int = 32 * 1024**2


LIMITS = Limits()


def store(part: Part, file_format: FileFormat, pieces: Iterable[bytes], path: Path, limits: Limits = LIMITS) -> Path:
    """Write a part as it comes to a file, unpacked if it is CSV. Raises PartCorrupt, PartTooLarge: then there is no
    file."""
    try:
        with path.open("wb", buffering=0) as file:
            checked = _checked(part, pieces)
            for piece in _unpacked(part, checked, limits) if file_format is FileFormat.CSV else checked:
                file.write(piece)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def _checked(part: Part, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same, compared at its end with what the manifest says."""
    digest, size = hashlib.md5(usedforsecurity=False), 0
    for piece in pieces:
        size += len(piece)
        if size > part.size:
            raise PartCorrupt(part.key, "its size", f"{part.size} bytes", "more")
        digest.update(piece)
        yield piece
    if size < part.size:
        raise PartCorrupt(part.key, "its size", f"{part.size} bytes", f"{size} bytes")
    if digest.hexdigest() != part.md5:
        raise PartCorrupt(part.key, "its MD5", part.md5, digest.hexdigest())


def _unpacked(part: Part, pieces: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    """What gzip members one after the other hold."""
    packed = unpacked = 0
    member = _member()
    for rest in (piece[at : at + _SLICE] for piece in pieces for at in range(0, len(piece), _SLICE)):
        packed += len(rest)
        while rest or not (member.eof or member.needs_input):
            if member.eof:
                member = _member()
            came = _from_member(part, member, rest)
            rest = member.unused_data if member.eof else b""  # noqa: PLW2901 what the next member begins with
            unpacked += len(came)
            if unpacked > min(limits.size, limits.slack + packed * limits.ratio):
                raise PartTooLarge(part.key, limits, packed)
            yield came
    if not member.eof:
        raise PartCorrupt(part.key, "its gzip data", "whole", "cut off")


def _member() -> igzip_lib.IgzipDecompressor:
    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)


def _from_member(part: Part, member: igzip_lib.IgzipDecompressor, piece: bytes) -> bytes:
    try:
        return member.decompress(piece, _AT_ONCE)
    except igzip_lib.IsalError as error:  # type: ignore[misc] # its stub takes the class for an instance
        raise PartCorrupt(part.key, "its gzip data", "whole", f"damaged ({error})") from None
