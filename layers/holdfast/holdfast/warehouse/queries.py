"""What the plan of a backup asks, as SQL that DuckDB and Athena both run: one text for each question.

Each text is over relations, whatever they are made of:

    inventory    key, key_size, version_id, etag, size, modified, hot    current objects; key_size: its bytes in UTF-8;
                                                                          hot: in a class from which objects are copied
    ledger       run, key, version_id, etag, size, modified, kind, stored_at, copy_etag, storage_class
    retirements  run, key, etag, state, decided_at
    compared     what `compared` answers

What differs between the two engines is how these come from files: `relations` for DuckDB, `athena`. Of what both know,
the texts use nothing else: strpos, starts_with, split_part, substr, length, window functions. Times are UTC, without a
zone. The comparison goes once over each key, which is what a plan costs: all else is about the few that differ.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from holdfast.warehouse.model import Kind, Phase, Source, State

LONG_TO_COPY = 5 * 1024**3
"""Bytes that one CopyObject, and S3 Batch Operations, take."""

TOO_LONG = "too_long"
COLD = "cold"
"""Why data or logs are not copied, where a phase would stand."""


def text(value: str | Path) -> str:
    """A literal of SQL, of anything."""
    return "'" + str(value).replace("'", "''") + "'"


def timestamp(moment: datetime) -> str:
    """A literal of SQL, of the second: Athena knows thousandths, DuckDB millionths."""
    return f"CAST('{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}' AS timestamp)"


def is_of(source: Source, key: str = "key") -> str:
    """Whether a key is of a database of a source: a condition."""
    starts = f"starts_with({key}, {text(source.prefix)})"
    return f"({starts} AND strpos(substr({key}, {len(source.prefix) + 1}), '/') > 1)" if source.many else starts


def database_of(source: Source, key: str = "key") -> str:
    """`Source.database_of` of keys that are of one, as an expression."""
    if not source.many:
        return text(source.prefix.rstrip("/") or source.bucket)
    begun = len(source.prefix)
    return f"substr({key}, 1, {begun} + strpos(substr({key}, {begun + 1}), '/') - 1)"


def is_log(key: str = "key") -> str:
    """With `is_data`, `model.kind_of` as conditions."""
    return f"(strpos({key}, '/_delta_log/') > 0 OR starts_with({key}, '_delta_log/'))"


def is_data(key: str = "key") -> str:
    """Of keys that are no logs. In CASE only the few keys that end so are taken apart."""
    name = f"split_part({key}, '/', length({key}) - length(replace({key}, '/', '')) + 1)"
    return (
        f"CASE WHEN {key} LIKE '%.parquet' THEN TRUE"
        f" WHEN {key} LIKE '%.bin' THEN starts_with({name}, 'deletion_vector_') ELSE FALSE END"
    )


LATEST = f"""
    SELECT run, key, etag, state, decided_at
    FROM (
        SELECT *, row_number() OVER (
            PARTITION BY run, key, etag
            ORDER BY CASE WHEN state = '{State.EXPIRING}' THEN 0 ELSE 1 END, decided_at DESC, state
        ) AS age
        FROM retirements
    ) AS decided
    WHERE age = 1"""
"""What counts of what was decided of each copy: the newest, but for good that the lifecycle rule has it, whatever the
clocks of those who decided said. Of two decisions of one moment the one that is first by name."""

_LATEST = f"""
latest AS ({LATEST}
)"""

_STORED = f"""
stored AS (
    SELECT ledger.key, ledger.etag, latest.run IS NOT NULL AS expiring
    FROM ledger
    LEFT JOIN latest
        ON latest.run = ledger.run AND latest.key = ledger.key AND latest.etag = ledger.etag
        AND latest.state = '{State.EXPIRING}'
    WHERE ledger.kind = '{Kind.DATA}'
)"""


def compared(source: Source) -> str:
    """Where inventory and ledger differ: data and logs that are listed and have no copy, or one of another ETag, or one
    that is about to expire, with its key as `stored_key`; and as `stored_key` alone the keys that are not listed."""
    return f"""
WITH {_LATEST}, {_STORED}
SELECT
    listed.key, listed.key_size, listed.version_id, listed.etag, listed.size, listed.modified, stored.key AS stored_key
FROM inventory AS listed
FULL JOIN stored ON stored.key = listed.key
WHERE (listed.key IS NULL AND {is_of(source, "stored.key")})
    OR (
        (stored.key IS NULL OR stored.expiring OR stored.etag <> listed.etag)
        AND {is_of(source, "listed.key")}
        AND ({is_log("listed.key")} OR (listed.hot AND {is_data("listed.key")}))
    )
"""


def copies(source: Source, key_limit: int) -> str:
    """What is to be copied, with its phase; and what cannot be, for its key is longer than `key_limit` bytes: its
    phase is `too_long`.

    Data is known if the ledger has this key with this ETag, in a copy that is not about to expire. Logs never are.
    """
    columns = "key, key_size, version_id, etag, size, modified"
    return f"""
WITH {_LATEST}, {_STORED},
unknown AS (
    SELECT {columns} FROM compared WHERE stored_key IS NULL
    UNION ALL
    SELECT DISTINCT {", ".join(f"changed.{column}" for column in columns.split(", "))}
    FROM (SELECT * FROM compared WHERE key IS NOT NULL AND stored_key IS NOT NULL) AS changed
    LEFT JOIN stored ON stored.key = changed.key AND stored.etag = changed.etag AND NOT stored.expiring
    WHERE stored.key IS NULL
)
SELECT
    key, version_id, etag, size, modified,
    CASE WHEN {is_log()} THEN '{Kind.LOG}' ELSE '{Kind.DATA}' END AS kind,
    CASE
        WHEN key_size > {key_limit} THEN '{TOO_LONG}'
        WHEN {is_log()} THEN '{Phase.LOGS}'
        WHEN size > {LONG_TO_COPY} THEN '{Phase.LARGE}'
        ELSE '{Phase.DATA}'
    END AS phase,
    {database_of(source)} AS database_name
FROM unknown
"""


def gone(stored_before: datetime) -> str:
    """Copies of data whose key the inventory does not list, whatever its ETag, and what was decided of them last."""
    return f"""
WITH {_LATEST},
unlisted AS (SELECT DISTINCT stored_key FROM compared WHERE key IS NULL)
SELECT DISTINCT
    ledger.run, ledger.key, ledger.version_id, ledger.etag, ledger.size, ledger.modified, ledger.kind,
    ledger.stored_at, ledger.copy_etag, ledger.storage_class, latest.state, latest.decided_at
FROM ledger
JOIN unlisted ON unlisted.stored_key = ledger.key
LEFT JOIN latest ON latest.run = ledger.run AND latest.key = ledger.key AND latest.etag = ledger.etag
WHERE ledger.kind = '{Kind.DATA}' AND ledger.stored_at < {timestamp(stored_before)}
"""


def tallies(source: Source) -> str:
    """Objects and bytes that are listed, by database: logs, data, data in a class that is not copied, and others."""
    return f"""
SELECT database_name, fate, count(*) AS objects, CAST(sum(size) AS BIGINT) AS bytes
FROM (
    SELECT
        size, {database_of(source)} AS database_name,
        CASE
            WHEN {is_log()} THEN '{Kind.LOG}'
            WHEN NOT {is_data()} THEN '{Kind.OTHER}'
            WHEN hot THEN '{Kind.DATA}'
            ELSE '{COLD}'
        END AS fate
    FROM inventory
    WHERE {is_of(source)}
) AS listed
GROUP BY database_name, fate
"""


def over(relations: Mapping[str, str], question: str) -> str:
    """A question with its relations before it, where there are no views of them."""
    told = ",\n".join(f"{name} AS (\n{relation.strip()}\n)" for name, relation in relations.items())
    stripped = question.strip()
    rest = f",\n{stripped.removeprefix('WITH ')}" if stripped.startswith("WITH ") else f"\n{stripped}"
    return f"WITH {told}{rest}"
