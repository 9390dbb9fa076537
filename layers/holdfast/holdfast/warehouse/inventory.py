"""The manifest of an S3 inventory: read, and refused unless everything in it is as S3 writes it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from holdfast.warehouse.model import FileFormat, Manifest, Part

MANIFEST = "manifest.json"
CHECKSUM = "manifest.checksum"
"""The MD5 of the manifest in hex. S3 writes it last."""

FOLDER = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\dZ")
"""The name of an inventory's folder: when S3 began to list. Sorted by name, the newest is last."""

NEEDED = ("Key", "Size", "ETag", "LastModifiedDate", "StorageClass", "IntelligentTieringAccessTier")
VERSIONED = ("VersionId", "IsLatest", "IsDeleteMarker")
"""Needed besides where all versions are listed."""

_SPELLINGS = {
    "bucket": "Bucket",
    "key": "Key",
    "version_id": "VersionId",
    "is_latest": "IsLatest",
    "is_delete_marker": "IsDeleteMarker",
    "size": "Size",
    "last_modified_date": "LastModifiedDate",
    "e_tag": "ETag",
    "storage_class": "StorageClass",
    "intelligent_tiering_access_tier": "IntelligentTieringAccessTier",
}
"""ORC and Parquet inventories name their columns otherwise than CSV ones."""

_PARQUET_FIELD = re.compile(r"\b(?:required|optional)\s+\w+\s+(\w+)")
_ORC_FIELD = re.compile(r"(\w+):")
_BUCKET_ARN = re.compile(r"arn:[a-z-]+:s3:::[a-z0-9.-]{3,63}")
_MD5 = re.compile(r"[0-9a-f]{32}")


MEND = (
    "Nothing was copied or tagged by this inventory; wait for the next one, or write one with"
    " `holdfast warehouse inventory`"
)
"""What every error says that an inventory is refused by."""


class ManifestCorrupt(ValueError):
    """A manifest is not what S3 writes: nothing is done by it."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}. {MEND}")


def read_manifest(where: str, body: bytes, checksum: bytes, bucket: str) -> Manifest:
    """What a manifest says. `where`: how errors call it. `bucket`: the one whose objects it should list.

    Raises ManifestCorrupt.
    """
    if hashlib.md5(body, usedforsecurity=False).hexdigest() != checksum.strip().decode("ascii", "replace").lower():
        raise ManifestCorrupt(where, f"its MD5 is not what {CHECKSUM} says")
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ManifestCorrupt(where, f"it is no JSON: {error}") from None
    if not isinstance(said, dict):
        raise ManifestCorrupt(where, "it is no JSON object")
    manifest = _Said(where, said).manifest()
    if manifest.source_bucket != bucket:
        raise ManifestCorrupt(where, f"sourceBucket is {manifest.source_bucket!r}: {bucket!r} is wanted")
    return manifest


class _Said:
    """The fields of a manifest, each checked as it is read."""

    def __init__(self, where: str, said: Mapping[str, Any]) -> None:
        self.where = where
        self.said = said

    def manifest(self) -> Manifest:
        if self._text(self.said, "version") != "2016-11-30":
            raise self._wrong("version", "2016-11-30")
        if not _BUCKET_ARN.fullmatch(self._text(self.said, "destinationBucket")):
            raise self._wrong("destinationBucket", "the ARN of a bucket")
        file_format = self._format()
        return Manifest(
            source_bucket=self._text(self.said, "sourceBucket"),
            created_at=self._created(),
            file_format=file_format,
            columns=self._columns(file_format),
            parts=self._parts(),
        )

    def _wrong(self, name: str, wanted: str) -> ManifestCorrupt:
        return ManifestCorrupt(self.where, f"{name} is {self.said.get(name)!r}: {wanted} is wanted")

    def _text(self, said: Mapping[str, Any], name: str) -> str:
        found = said.get(name)
        if not isinstance(found, str) or not found:
            raise ManifestCorrupt(self.where, f"{name} is {found!r}: a text is wanted")
        return found

    def _format(self) -> FileFormat:
        try:
            return FileFormat(self._text(self.said, "fileFormat"))
        except ValueError:
            raise self._wrong("fileFormat", "CSV, ORC or Parquet") from None

    def _created(self) -> datetime:
        text = self._text(self.said, "creationTimestamp")
        if not re.fullmatch(r"\d{12,14}", text, re.ASCII):
            raise self._wrong("creationTimestamp", "milliseconds since 1970")
        return datetime.fromtimestamp(int(text) / 1000, UTC)

    def _columns(self, file_format: FileFormat) -> tuple[str, ...]:
        columns = _SCHEMAS[file_format](self._text(self.said, "fileSchema"))
        wanted = (*NEEDED, *(VERSIONED if set(VERSIONED) & set(columns) else ()))
        missing = [name for name in wanted if name not in columns]
        if missing:
            raise ManifestCorrupt(
                self.where,
                f"fileSchema lacks {', '.join(missing)}: add them to the inventory configuration's optional fields",
            )
        if len(set(columns)) < len(columns):
            raise self._wrong("fileSchema", "each column once")
        return columns

    def _parts(self) -> tuple[Part, ...]:
        files = self.said.get("files")
        if not isinstance(files, list) or not all(isinstance(one, dict) for one in files):
            raise ManifestCorrupt(self.where, "files is no list of objects")
        parts = tuple(map(self._part, files))
        if len({part.key for part in parts}) < len(parts):
            raise ManifestCorrupt(self.where, "a file is named twice")
        return parts

    def _part(self, file: Mapping[str, Any]) -> Part:
        size, md5 = file.get("size"), self._text(file, "MD5checksum").lower()
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise ManifestCorrupt(self.where, f"size of a file is {size!r}: a number of bytes is wanted")
        if not _MD5.fullmatch(md5):
            raise ManifestCorrupt(self.where, f"MD5checksum of a file is {md5!r}: 32 hex digits are wanted")
        return Part(self._text(file, "key"), size, md5)


def _csv_columns(schema: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in schema.split(","))


def _parquet_columns(schema: str) -> tuple[str, ...]:
    return tuple(_SPELLINGS.get(name, name) for name in _PARQUET_FIELD.findall(schema))


def _orc_columns(schema: str) -> tuple[str, ...]:
    return tuple(_SPELLINGS.get(name, name) for name in _ORC_FIELD.findall(schema))


_SCHEMAS: Mapping[FileFormat, Callable[[str], tuple[str, ...]]] = {
    FileFormat.CSV: _csv_columns,
    FileFormat.PARQUET: _parquet_columns,
    FileFormat.ORC: _orc_columns,
}
