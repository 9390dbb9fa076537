"""What DuckDB is asked of Delta logs: the statements of `judge`, about in the order in which they run."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

MACROS = f"""
-- Z85, https://rfc.zeromq.org/spec/32/, of the 16 bytes of a UUID: five letters are four bytes
CREATE OR REPLACE TEMP MACRO delta_uuid(text) AS CAST(array_to_string(list_transform([1, 6, 11, 16], lambda start:
    lower(lpad(to_hex(list_reduce(
        list_transform(string_split(text[start:start + 4], ''), lambda letter: strpos('{_ALPHABET}', letter) - 1),
        lambda value, digit: value * 85 + digit)), 8, '0'))), '') AS UUID)::VARCHAR;

-- An object's key is not escaped; in a path of a log, which is a URI, `+` is no space
CREATE OR REPLACE TEMP MACRO delta_decoded(path) AS CASE
    WHEN contains(path, '%') THEN coalesce(TRY(url_decode(replace(path, '+', '%2B'))), path) ELSE path END;

-- Where a path of a log points. What is in no bucket, or in none that we understand, gets an empty one: nothing is
-- stored there, so it is missing
CREATE OR REPLACE TEMP MACRO delta_bucket(home, path) AS CASE
    WHEN regexp_matches(path, '^s3[an]?://[^/]+/', 'i') THEN regexp_extract(path, '^[^:]+://([^/]+)/', 1)
    WHEN regexp_matches(path, '^[A-Za-z][A-Za-z0-9+.-]*:/') THEN ''
    ELSE home END;
CREATE OR REPLACE TEMP MACRO delta_key(root, path) AS CASE
    WHEN regexp_matches(path, '^s3[an]?://[^/]+/', 'i') THEN delta_decoded(regexp_replace(path, '^[^:]+://[^/]+/', ''))
    WHEN regexp_matches(path, '^[A-Za-z][A-Za-z0-9+.-]*:/') THEN path
    WHEN starts_with(path, '/') THEN delta_decoded(path[2:])
    ELSE root || delta_decoded(path) END;

CREATE OR REPLACE TEMP MACRO delta_vector_file(place) AS TRY(
    CASE WHEN length(place) > 20 THEN place[:-21] || '/' ELSE '' END
    || 'deletion_vector_' || delta_uuid(place[-20:]) || '.bin');
CREATE OR REPLACE TEMP MACRO delta_vector_bucket(home, kind, place, file) AS CASE
    WHEN kind IS NULL OR kind = 'i' THEN NULL
    WHEN kind = 'p' THEN delta_bucket(home, place)
    WHEN kind = 'u' AND file IS NOT NULL THEN home
    ELSE '' END;
CREATE OR REPLACE TEMP MACRO delta_vector_key(root, kind, place, file) AS CASE
    WHEN kind IS NULL OR kind = 'i' THEN NULL
    WHEN kind = 'p' THEN delta_key(root, place)
    WHEN kind = 'u' AND file IS NOT NULL THEN root || file
    ELSE kind || place END;

-- `uniqueId` of the protocol; empty without a vector, so that it can be joined on
CREATE OR REPLACE TEMP MACRO delta_vector_id(vector) AS CASE
    WHEN struct_extract(vector, 'pathOrInlineDv') IS NULL THEN ''
    ELSE concat(struct_extract(vector, 'storageType'), struct_extract(vector, 'pathOrInlineDv'),
        '@' || struct_extract(vector, 'offset')) END;

CREATE OR REPLACE TEMP MACRO delta_records(stats) AS
    TRY_CAST(TRY(json_extract_string(stats, '$.numRecords')) AS BIGINT);
"""


def to_file(query: str, target: Path, *, compression: str = "snappy") -> str:
    """A statement that writes what a query finds to a Parquet file."""
    quoted = str(target).replace("'", "''")
    return f"COPY ({query}) TO '{quoted}' (FORMAT parquet, COMPRESSION {compression})"


def to_keep(query: str, target: Path) -> str:
    """As `to_file`; smaller, and slower to write."""
    return to_file(query, target, compression="zstd")


_VECTOR_FIELDS = {
    "storageType": "VARCHAR",
    "pathOrInlineDv": "VARCHAR",
    "offset": "BIGINT",
    "sizeInBytes": "BIGINT",
    "cardinality": "BIGINT",
}
_VECTOR = f"STRUCT({', '.join(f'"{name}" {kind}' for name, kind in _VECTOR_FIELDS.items())})"
_COLUMNS = {
    "add": f'STRUCT("path" VARCHAR, "size" BIGINT, "stats" VARCHAR, "deletionVector" {_VECTOR})',
    "remove": f'STRUCT("path" VARCHAR, "deletionVector" {_VECTOR})',
    "metaData": 'STRUCT("id" VARCHAR)',
    "protocol": 'STRUCT("minReaderVersion" INTEGER, "readerFeatures" VARCHAR[])',
    "commitInfo": 'STRUCT("timestamp" VARCHAR, "inCommitTimestamp" VARCHAR)',
    "sidecar": 'STRUCT("path" VARCHAR)',
}
"""What is read of a line. Times are texts: some writers have put other things there than a number."""

_LINE = ", ".join(f'"{name}" {kind}' for name, kind in _COLUMNS.items())
LINES = (
    "(SELECT file, unnest(line) FROM read_json($lines, format = 'newline_delimited', compression = 'none',"
    f" hive_partitioning = false, columns = {{'file': 'INTEGER', 'line': 'STRUCT({_LINE})'}}))"
)
"""The lines of JSON files, each after the number of its file, in one file: DuckDB takes milliseconds to open a file,
and a log has thousands."""
PARQUET = "read_parquet($paths, filename = true, hive_partitioning = false)"

_PARSED = "read_parquet($parsed, hive_partitioning = false) AS line JOIN delta_files AS place ON line.file = place.file"
"""Of a file of what LINES tells: each line is parsed once, though it is looked at several times."""
_CHECKPOINTS = f"{PARQUET} AS line JOIN delta_files AS place ON line.filename = place.local"

COLUMNS_OF = f"FROM {PARQUET} LIMIT 0"
EVERYTHING = "SELECT count(CAST(COLUMNS(*) AS VARCHAR)) FROM {source}"
SIDECARS = "SELECT DISTINCT sidecar.path FROM {source} WHERE sidecar.path IS NOT NULL"

_TOLD = "TRY_CAST({} AS BIGINT) BETWEEN 0 AND 253402300799999 THEN TRY_CAST({} AS BIGINT)"
_TIMES = ('"commitInfo"."inCommitTimestamp"', '"commitInfo"."timestamp"')
_TIME = f"CASE {' '.join(f'WHEN {_TOLD.format(name, name)}' for name in _TIMES)} END"
"""Milliseconds, up to the year 9999."""
TIMES = f"SELECT file, max({_TIME}) AS told_at FROM {LINES} GROUP BY file HAVING told_at IS NOT NULL"

FILES = """
CREATE OR REPLACE TEMP TABLE delta_files AS
SELECT unnest($files)::INTEGER AS file, unnest($paths) AS local, unnest($logs)::INTEGER AS log,
    unnest($versions)::BIGINT AS version, unnest($roles) AS role
"""
LOGS = """
CREATE OR REPLACE TEMP TABLE delta_logs AS
SELECT unnest($logs)::INTEGER AS log, unnest($buckets) AS bucket, unnest($roots) AS root,
    unnest($firsts)::BIGINT AS first, unnest($lasts)::BIGINT AS last
"""
"""`role`: `base`, of a checkpoint; `opening`, the commit that a checkpoint stands for; `commit`, one after it."""

ABOUT = f"""
CREATE OR REPLACE TEMP TABLE delta_about AS
SELECT place.log, place.version, protocol."minReaderVersion" AS reader_version,
    protocol."readerFeatures" AS reader_features, "metaData".id IS NOT NULL AS described, {_TIME} AS told_at
FROM {_PARSED}
WHERE protocol IS NOT NULL OR "metaData".id IS NOT NULL OR told_at IS NOT NULL
"""
"""What a log tells of its table, not of one of its files."""

_LINE_FIELDS = frozenset(
    f"add.{name}" for name in ("path", "size", "stats", *(f"deletionVector.{inner}" for inner in _VECTOR_FIELDS))
)


def fields(columns: Mapping[str, Any]) -> frozenset[str]:
    """The dotted names of what a Parquet file has, by the types of its columns."""
    found = set[str]()
    for name, kind in columns.items():
        found.add(name)
        if kind.id == "struct":
            found |= {f"{name}.{inner}" for inner in fields(dict(kind.children))}
    return frozenset(found)


def _field(there: Collection[str], name: str, kind: str) -> str:
    """A field of a Parquet file; null where the file has none such."""
    if name not in there:
        return f"NULL::{kind}"
    return "CAST({} AS {})".format(".".join(f'"{part}"' for part in name.split(".")), kind)


def about_in(there: Collection[str]) -> str:
    """`delta_about`'s rows of checkpoints."""
    return f"""
INSERT INTO delta_about
SELECT place.log, place.version, {_field(there, "protocol.minReaderVersion", "INTEGER")} AS reader_version,
    {_field(there, "protocol.readerFeatures", "VARCHAR[]")},
    {_field(there, "metaData.id", "VARCHAR")} IS NOT NULL AS described, NULL
FROM {_CHECKPOINTS}
WHERE reader_version IS NOT NULL OR described
"""


def added_in(there: Collection[str], source: str = _CHECKPOINTS) -> str:
    """The logical files of checkpoints."""
    vector = ", ".join(
        f"'{name}': {_field(there, f'add.deletionVector.{name}', kind)}" for name, kind in _VECTOR_FIELDS.items()
    )
    stats = _field(there, "add.stats_parsed.numRecords", "BIGINT")
    return f"""
SELECT place.log, place.version, {_field(there, "add.path", "VARCHAR")} AS path,
    {{{vector}}} AS vector, delta_vector_id(vector) AS vector_id,
    {_field(there, "add.size", "BIGINT")} AS size,
    coalesce({stats}, delta_records({_field(there, "add.stats", "VARCHAR")})) AS records
FROM {source}
WHERE place.role = 'base' AND path IS NOT NULL
"""


ADDED_IN_LINES = added_in(_LINE_FIELDS, _PARSED)

CHANGES = f"""
CREATE OR REPLACE TEMP TABLE delta_changes AS
SELECT log, version, true AS added, add.path AS path, delta_vector_id(add."deletionVector") AS vector_id,
    add."deletionVector" AS vector, add.size AS size, delta_records(add.stats) AS records
FROM {_PARSED}
WHERE role = 'commit' AND add.path IS NOT NULL
UNION ALL
SELECT log, version, false, remove.path, delta_vector_id(remove."deletionVector"), NULL, NULL, NULL
FROM {_PARSED}
WHERE role = 'commit' AND remove.path IS NOT NULL
"""

FIRST_CHANGES = """
CREATE OR REPLACE TEMP TABLE delta_first_changes AS
SELECT log, path, vector_id, min(version) AS until FROM delta_changes GROUP BY ALL
"""

SPANS = """
SELECT log, since, until,
    delta_bucket(home.bucket, path) AS bucket, delta_key(home.root, path) AS key, size,
    TRY(records - coalesce(vector."cardinality", 0)) AS records,
    delta_vector_bucket(home.bucket, vector."storageType", vector."pathOrInlineDv", vector_file) AS vector_bucket,
    delta_vector_key(home.root, vector."storageType", vector."pathOrInlineDv", vector_file) AS vector_key,
    TRY(coalesce(vector."offset", 0) + vector."sizeInBytes" + 8) AS vector_size
FROM (SELECT *, delta_vector_file(vector."pathOrInlineDv") AS vector_file FROM ({spans}))
JOIN delta_logs AS home USING (log)
"""
"""Where each logical file lies, and in which versions it is live. Of a file of deletion vectors, which may hold
several, only the least size is known: a vector has its length before it and its checksum behind it. Numbers beyond
all reason are none: they must not keep other tables from being judged."""

SPANS_OF_BASE = """
    SELECT base.*, base.version AS since, change.until
    FROM ({added}) AS base LEFT JOIN delta_first_changes AS change USING (log, path, vector_id)
"""
SPANS_OF_COMMITS = """
    SELECT *, version AS since FROM (
        SELECT *, lead(version) OVER (PARTITION BY log, path, vector_id ORDER BY version, added) AS until
        FROM delta_changes
    ) WHERE added AND until IS DISTINCT FROM version
"""
"""Where a commit both removes and adds one logical file, which the protocol forbids, it counts as added: what is kept
too long does no harm."""

ABSENT = """
CREATE OR REPLACE TEMP TABLE delta_absent (log INTEGER, since BIGINT, until BIGINT, bucket VARCHAR, key VARCHAR)
"""
ABSENT_DATA = """
INSERT INTO delta_absent
WITH stored AS ({stored})
SELECT log, since, until, bucket, key FROM read_parquet($spans) AS span
WHERE NOT EXISTS (
    FROM stored WHERE stored.bucket = span.bucket AND stored.key = span.key AND stored.size = span.size)
"""
HAVE_VECTORS = "SELECT count(vector_key) > 0 FROM read_parquet($spans)"
ABSENT_VECTORS = """
INSERT INTO delta_absent
WITH stored AS ({stored})
SELECT log, since, until, vector_bucket, vector_key FROM read_parquet($spans) AS span
WHERE vector_key IS NOT NULL AND NOT EXISTS (
    FROM stored WHERE stored.bucket = span.vector_bucket AND stored.key = span.vector_key
        AND stored.size >= span.vector_size)
"""

DECISIONS = """
CREATE OR REPLACE TEMP TABLE delta_chosen AS
WITH spans AS (
    SELECT DISTINCT log, since, coalesce(until, 9223372036854775807) AS until FROM delta_absent
), marked AS (
    SELECT *, max(until) OVER (
        PARTITION BY log ORDER BY since, until ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM spans
), last_gap AS ( -- the newest versions without interruption that lack a file: from `since` until `until`
    SELECT log, max(since) FILTER (WHERE before IS NULL OR before < since) AS since, max(until) AS until
    FROM marked GROUP BY log
), readable AS ( -- a version needs to know its schema and its protocol
    SELECT log, greatest(
        min(version) FILTER (WHERE described), min(version) FILTER (WHERE reader_version IS NOT NULL)) AS since
    FROM delta_about GROUP BY log
    HAVING bool_or(described) AND bool_or(reader_version IS NOT NULL)
)
SELECT log, CASE WHEN last_gap.until > home.last THEN last_gap.since - 1 ELSE home.last END AS version
FROM delta_logs AS home JOIN readable USING (log) LEFT JOIN last_gap USING (log)
WHERE CASE WHEN last_gap.until > home.last THEN last_gap.since - 1 ELSE home.last END
    >= greatest(home.first, readable.since)
"""

_LIVE = "JOIN delta_chosen AS chosen USING (log) WHERE since <= version AND (until IS NULL OR until > version)"

FIGURES = f"""
WITH data AS (
    SELECT log, count(*) AS files, sum(size) AS size,
        CASE WHEN count(records) = count(*) THEN sum(records) END AS records,
        count(DISTINCT (vector_bucket, vector_key)) FILTER (WHERE vector_key IS NOT NULL) AS vectors
    FROM read_parquet($spans) {_LIVE} GROUP BY log
), protocol AS (
    SELECT log, arg_max((reader_version, reader_features), about.version) AS needed
    FROM delta_about AS about JOIN delta_chosen AS chosen USING (log)
    WHERE about.version <= chosen.version AND reader_version IS NOT NULL GROUP BY log
), times AS (
    SELECT log, max(told_at) AS told_at FROM delta_about JOIN delta_chosen USING (log, version) GROUP BY log
)
SELECT log, version, told_at, coalesce(files, 0), CAST(least(coalesce(size, 0), 9223372036854775807) AS BIGINT),
    coalesce(vectors, 0), TRY_CAST(CASE WHEN files IS NULL THEN 0 ELSE records END AS BIGINT), needed[1], needed[2]
FROM delta_chosen JOIN protocol USING (log) LEFT JOIN data USING (log) LEFT JOIN times USING (log)
"""

NEEDED = f"""
SELECT home.bucket AS table_bucket, home.root AS table_root, version, span.bucket, span.key, span.size,
    true AS exact, 'data' AS kind
FROM read_parquet($spans) AS span JOIN delta_logs AS home USING (log) {_LIVE}
UNION ALL
SELECT home.bucket, home.root, version, vector_bucket, vector_key, max(vector_size), false, 'vector'
FROM read_parquet($spans) AS span JOIN delta_logs AS home USING (log) {_LIVE} AND vector_key IS NOT NULL
GROUP BY ALL
UNION ALL
SELECT home.bucket, home.root, version, home.bucket, file.key, file.size, true, 'log'
FROM delta_needed_logs AS file JOIN delta_logs AS home USING (log) JOIN delta_chosen USING (log)
"""

MISSING = """
SELECT log, count(DISTINCT name), min(DISTINCT name, $named) FROM (
    SELECT log, CASE
        WHEN absent.bucket = home.bucket OR absent.bucket = '' THEN key
        ELSE 's3://' || absent.bucket || '/' || key END AS name
    FROM delta_absent AS absent JOIN delta_logs AS home USING (log)
    WHERE since <= home.last AND (until IS NULL OR until > home.last)
) GROUP BY log
"""

NOTHING_NEEDED = """
SELECT ''::VARCHAR AS table_bucket, ''::VARCHAR AS table_root, 0::BIGINT AS version, ''::VARCHAR AS bucket,
    ''::VARCHAR AS key, 0::BIGINT AS size, true AS exact, ''::VARCHAR AS kind WHERE false
"""

NEEDED_LOGS = """
CREATE OR REPLACE TEMP TABLE delta_needed_logs AS
SELECT unnest($logs)::INTEGER AS log, unnest($keys) AS key, unnest($sizes)::BIGINT AS size
"""
ALL_NEEDED = "FROM read_parquet($parts)"

SCRATCH = (
    "delta_files",
    "delta_logs",
    "delta_changes",
    "delta_first_changes",
    "delta_about",
    "delta_absent",
    "delta_chosen",
    "delta_needed_logs",
)
"""Temporary tables."""
