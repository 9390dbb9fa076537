"""The relations that the plan's questions are over, made of files: on local disk for DuckDB, in S3 for Athena."""

from collections.abc import Sequence
from pathlib import Path

from holdfast.warehouse.database import files
from holdfast.warehouse.model import FileFormat
from holdfast.warehouse.queries import text

NAMES = {
    "Key": "key",
    "VersionId": "version_id",
    "IsLatest": "is_latest",
    "IsDeleteMarker": "is_delete_marker",
    "Size": "size",
    "LastModifiedDate": "last_modified_date",
    "ETag": "e_tag",
    "StorageClass": "storage_class",
    "IntelligentTieringAccessTier": "intelligent_tiering_access_tier",
}
"""What is needed of an inventory: as CSV ones and manifests name it, and as ORC and Parquet ones do."""

_TYPES = {"Size": "BIGINT", "LastModifiedDate": "TIMESTAMP", "IsLatest": "BOOLEAN", "IsDeleteMarker": "BOOLEAN"}

IS_HOT = (
    "storage_class = 'STANDARD'"
    " OR (storage_class = 'INTELLIGENT_TIERING' AND intelligent_tiering_access_tier = 'FREQUENT')"
)
"""Objects of Intelligent-Tiering never say STANDARD: what counts is their tier."""

_NOTHING = """
SELECT NULL::VARCHAR AS key, NULL::BIGINT AS key_size, NULL::VARCHAR AS version_id, NULL::VARCHAR AS etag,
    NULL::BIGINT AS size, NULL::TIMESTAMP AS modified, NULL::BOOLEAN AS hot
WHERE false
"""


def inventory(file_format: FileFormat, columns: Sequence[str], paths: Sequence[Path]) -> str:
    """The relation for DuckDB, from unpacked CSV files, else from Parquet ones. `columns`: as the manifest names them;
    without those of versions every row is a current object. A row that is not as S3 writes it is an error."""
    if not paths:
        return _NOTHING
    rows = _from_csv(columns, paths) if file_format is FileFormat.CSV else f"read_parquet({files(paths)})"
    current = f"WHERE {_there('is_latest')} AND NOT {_there('is_delete_marker')}" if "IsLatest" in columns else ""
    return f"""
SELECT
    {_there("key")} AS key,
    strlen(key) AS key_size,
    {"nullif(version_id, '')" if "VersionId" in columns else "NULL::VARCHAR"} AS version_id,
    {_there("e_tag")} AS etag,
    CAST({_there("size")} AS BIGINT) AS size,
    CAST({_there("last_modified_date")} AS TIMESTAMP) AS modified,
    {_there("storage_class")} IS NOT NULL AND coalesce({IS_HOT}, false) AS hot
FROM {rows}
{current}
"""


def _there(column: str) -> str:
    return f"coalesce({column}, error('a row has no {column}'))"


def _from_csv(columns: Sequence[str], paths: Sequence[Path]) -> str:
    """Under the names of the other formats, with keys as they are: in CSV they stand encoded, a space as +."""
    types = ", ".join(f"{text(name)}: '{_TYPES.get(name, 'VARCHAR')}'" for name in columns)
    others = ", ".join(f'"{name}" AS {NAMES[name]}' for name in columns if name in NAMES and name != "Key")
    return f"""(
    SELECT url_decode(CASE WHEN contains("Key", '+') THEN replace("Key", '+', ' ') ELSE "Key" END) AS key, {others}
    FROM read_csv({files(paths)}, auto_detect = false, header = false, columns = {{{types}}}, delim = ',',
        quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = true, strict_mode = true)
)"""
