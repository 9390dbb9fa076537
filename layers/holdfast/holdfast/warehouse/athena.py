"""The plan's questions on Athena: the same texts as in DuckDB, over tables of the files as they lie in S3.

S3 keeps, beside an inventory's manifest, one for Hive: a list of its parts, from which a table can be made.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-athena-query.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from holdfast.warehouse import queries
from holdfast.warehouse.database import LEDGER, RETIREMENTS
from holdfast.warehouse.model import FileFormat, Source
from holdfast.warehouse.queries import text
from holdfast.warehouse.relations import IS_HOT, NAMES

_SERDES = {
    FileFormat.CSV: "org.apache.hadoop.hive.serde2.OpenCSVSerde",
    FileFormat.ORC: "org.apache.hadoop.hive.ql.io.orc.OrcSerde",
    FileFormat.PARQUET: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
}
_TYPES = {
    "Size": "bigint",
    "LastModifiedDate": "timestamp",
    "IsLatest": "boolean",
    "IsDeleteMarker": "boolean",
}
COMPARED = {
    "key": "VARCHAR",
    "key_size": "BIGINT",
    "version_id": "VARCHAR",
    "etag": "VARCHAR",
    "size": "BIGINT",
    "modified": "TIMESTAMP",
    "stored_key": "VARCHAR",
}
"""What `queries.compared` answers."""

_HIVE = {"VARCHAR": "string", "BIGINT": "bigint", "TIMESTAMP": "timestamp"}


def create_inventory(table: str, file_format: FileFormat, columns: Sequence[str], location: str) -> str:
    """A table of an inventory: `location` is the folder of its manifest for Hive. CSV is read by position, and as text;
    the others by name."""
    if file_format is FileFormat.CSV:
        types = {NAMES.get(name, name.lower()): "string" for name in columns}
    else:
        types = {NAMES[name]: _TYPES.get(name, "string") for name in columns if name in NAMES}
    by_name = " WITH SERDEPROPERTIES ('orc.column.index.access' = 'false')" if file_format is FileFormat.ORC else ""
    return f"""
CREATE EXTERNAL TABLE IF NOT EXISTS {table} ({_told(types)})
ROW FORMAT SERDE '{_SERDES[file_format]}'{by_name}
STORED AS INPUTFORMAT 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.IgnoreKeyTextOutputFormat'
LOCATION {_hive_text(location)}
"""


def create_ledger(table: str, location: str) -> str:
    """A table of the ledger's files below a folder."""
    return _create(table, LEDGER, location)


def create_retirements(table: str, location: str) -> str:
    return _create(table, RETIREMENTS, location)


def drop(table: str) -> str:
    return f"DROP TABLE IF EXISTS {table}"


def _create(table: str, columns: Mapping[str, str], location: str) -> str:
    types = {name: _HIVE[kind] for name, kind in columns.items()}
    return f"""
CREATE EXTERNAL TABLE IF NOT EXISTS {table} ({_told(types)})
STORED AS PARQUET
LOCATION {_hive_text(location)}
"""


def _told(types: Mapping[str, str]) -> str:
    return ", ".join(f"`{name}` {kind}" for name, kind in types.items())


def _hive_text(value: str) -> str:
    """A literal of Hive's SQL, which is that of DDL."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def inventory(table: str, file_format: FileFormat, columns: Sequence[str]) -> str:
    """The relation of the table. Keys stand encoded in CSV, a space as +, which is how Athena decodes them."""
    is_csv = file_format is FileFormat.CSV
    key = "url_decode(key)" if is_csv else "key"
    version_id = "nullif(version_id, '')" if "VersionId" in columns else "CAST(NULL AS varchar)"
    size = "CAST(nullif(size, '') AS bigint)" if is_csv else "size"
    modified = "from_iso8601_timestamp(last_modified_date) AT TIME ZONE 'UTC'" if is_csv else "last_modified_date"
    true = " = 'true'" if is_csv else ""
    current = f"WHERE is_latest{true} AND NOT is_delete_marker{true}" if "IsLatest" in columns else ""
    return f"""
SELECT
    {key} AS key, length(to_utf8({key})) AS key_size, {version_id} AS version_id, e_tag AS etag, {size} AS size,
    CAST({modified} AS timestamp(3)) AS modified, coalesce({IS_HOT}, FALSE) AS hot
FROM {table}
{current}
"""


def answer(relations: Mapping[str, str], question: str, location: str) -> str:
    """Have a question answered into Parquet files in a folder that is empty."""
    return f"""
UNLOAD (
{queries.over(relations, question)}
)
TO {text(location)}
WITH (format = 'PARQUET', compression = 'ZSTD')
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """The questions about a source. `tables`: what the names of the tables made for them begin with. `hive`, `ledger`,
    `retirements`, `answers`: folders, as s3://BUCKET/KEY/."""

    source: Source
    file_format: FileFormat
    columns: Sequence[str]
    tables: str
    hive: str
    ledger: str
    retirements: str
    answers: str
    key_limit: int
    gone_before: datetime

    def statements(self) -> list[str]:
        """One after the other: tables, answers into `copies/`, `gone/` and `listed/`, and the tables dropped."""
        tables = {name: f"{self.tables}_{name}" for name in ("inventory", "ledger", "retirements", "compared")}
        listing = {"inventory": inventory(tables["inventory"], self.file_format, self.columns)}
        books = {name: f"SELECT * FROM {tables[name]}" for name in ("ledger", "retirements")}
        differing = books | {"compared": f"SELECT * FROM {tables['compared']}"}
        return [
            create_inventory(tables["inventory"], self.file_format, self.columns, self.hive),
            create_ledger(tables["ledger"], self.ledger),
            create_retirements(tables["retirements"], self.retirements),
            answer(listing | books, queries.compared(self.source), f"{self.answers}compared/"),
            _create(tables["compared"], COMPARED, f"{self.answers}compared/"),
            answer(differing, queries.copies(self.source, self.key_limit), f"{self.answers}copies/"),
            answer(differing, queries.gone(self.gone_before), f"{self.answers}gone/"),
            answer(listing, queries.tallies(self.source), f"{self.answers}listed/"),
            *map(drop, tables.values()),
        ]
