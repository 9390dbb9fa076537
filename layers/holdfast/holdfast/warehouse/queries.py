"""What the plan of a backup asks, as SQL that DuckDB and Athena both run: one text for each question.

Each text is over three relations, whatever they are made of:

    inventory    key, key_size, version_id, etag, size, modified, hot    current objects; key_size: its bytes in UTF-8;
                                                                          hot: in a class from which objects are copied
    ledger       run, key, version_id, etag, size, modified, kind, stored_at, copy_etag, storage_class
    retirements  run, key, etag, state, decided_at

What differs between the two engines is how these come from files: `holdfast.warehouse.relations`. Of what both know,
the texts use nothing else: strpos, starts_with, split_part, substr, length, window functions. Times are UTC, without a
zone.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from holdfast.warehouse.model import Kind, Phase, Source, State

LONG_TO_COPY = 5 * 1024**3
"""Bytes that one CopyObject, and S3 Batch Operations, take."""


def text(value: str) -> str:
    """A literal of SQL, of anything."""
    return "'" + value.replace("'", "''") + "'"


def timestamp(moment: datetime) -> str:
    """A literal of SQL."""
    return f"TIMESTAMP '{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}'"


def database_of(source: Source, key: str = "key") -> str:
    """`Source.database_of` as an expression over a column of keys: NULL for a key of no database."""
    below = f"substr({key}, {len(source.prefix) + 1})"
    name = f"split_part({below}, '/', 1)"
    if source.many:
        belongs, database = f"strpos({below}, '/') > 1", f"{text(source.prefix)} || {name}"
    else:
        belongs, database = "TRUE", text(source.prefix.rstrip("/") or source.bucket)
    return f"CASE WHEN starts_with({key}, {text(source.prefix)}) AND {belongs} THEN {database} END"


def kind_of(key: str = "key") -> str:
    """`model.kind_of` as an expression over a column of keys."""
    name = f"split_part({key}, '/', length({key}) - length(replace({key}, '/', '')) + 1)"
    return (
        f"CASE WHEN strpos('/' || {key}, '/_delta_log/') > 0 THEN '{Kind.LOG}'"
        f" WHEN {key} LIKE '%.parquet' THEN '{Kind.DATA}'"
        f" WHEN {key} LIKE '%.bin' AND starts_with({name}, 'deletion_vector_') THEN '{Kind.DATA}'"
        f" ELSE '{Kind.OTHER}' END"
    )


_LATEST = """
latest AS (
    SELECT run, key, etag, state, decided_at
    FROM (
        SELECT *, row_number() OVER (PARTITION BY run, key, etag ORDER BY decided_at DESC, state) AS age
        FROM retirements
    ) AS decided
    WHERE age = 1
)"""
"""What was decided last of each copy; of two decisions of one moment the worse one, which is first by name."""


def _listed(source: Source, key_limit: int) -> str:
    return f"""
listed AS (
    SELECT key, version_id, etag, size, modified, kind,
        CASE
            WHEN kind = '{Kind.OTHER}' THEN 'other'
            WHEN kind = '{Kind.DATA}' AND NOT hot THEN 'cold'
            WHEN key_size > {key_limit} THEN 'too_long'
            WHEN kind = '{Kind.LOG}' THEN '{Phase.LOGS}'
            WHEN size > {LONG_TO_COPY} THEN '{Phase.LARGE}'
            ELSE '{Phase.DATA}'
        END AS fate,
        {database_of(source)} AS database_name
    FROM (SELECT *, {kind_of()} AS kind FROM inventory) AS objects
)"""


def copies(source: Source, key_limit: int) -> str:
    """What is to be copied, with its phase; and what cannot be, for its key is longer than `key_limit` bytes: its
    phase is `too_long`.

    Data is known if the ledger has this key with this ETag, in a copy that is not about to expire. Logs never are.
    """
    return f"""
WITH {_LATEST},
stored AS (
    SELECT ledger.key, ledger.etag
    FROM ledger
    LEFT JOIN latest
        ON latest.run = ledger.run AND latest.key = ledger.key AND latest.etag = ledger.etag
        AND latest.state = '{State.EXPIRING}'
    WHERE ledger.kind = '{Kind.DATA}' AND latest.run IS NULL
),
{_listed(source, key_limit)}
SELECT
    listed.key, listed.version_id, listed.etag, listed.size, listed.modified, listed.kind,
    listed.fate AS phase, listed.database_name
FROM listed
LEFT JOIN stored ON stored.key = listed.key AND stored.etag = listed.etag
WHERE listed.database_name IS NOT NULL AND listed.fate NOT IN ('other', 'cold') AND stored.key IS NULL
"""


def gone(source: Source, stored_before: datetime) -> str:
    """Copies of data whose key the inventory does not list, whatever its ETag, and what was decided of them last."""
    return f"""
WITH {_LATEST},
stored AS (
    SELECT * FROM ledger
    WHERE kind = '{Kind.DATA}' AND stored_at < {timestamp(stored_before)} AND {database_of(source)} IS NOT NULL
)
SELECT DISTINCT
    stored.run, stored.key, stored.version_id, stored.etag, stored.size, stored.modified, stored.kind,
    stored.stored_at, stored.copy_etag, stored.storage_class, latest.state, latest.decided_at
FROM stored
LEFT JOIN inventory ON inventory.key = stored.key
LEFT JOIN latest ON latest.run = stored.run AND latest.key = stored.key AND latest.etag = stored.etag
WHERE inventory.key IS NULL
"""


def tallies(source: Source, key_limit: int) -> str:
    """Objects and bytes that are listed, by database and by what becomes of them; nothing is compared with the ledger:
    what is listed as data and is not among the copies is known."""
    return f"""
WITH {_listed(source, key_limit)}
SELECT database_name, fate, count(*) AS objects, CAST(sum(size) AS BIGINT) AS bytes
FROM listed
WHERE database_name IS NOT NULL
GROUP BY database_name, fate
"""


def over(relations: Mapping[str, str], question: str) -> str:
    """A question with its relations before it, where there are no views of them: on Athena."""
    told = ",\n".join(f"{name} AS (\n{relation}\n)" for name, relation in relations.items())
    return f"WITH {told},\n{question.strip().removeprefix('WITH ')}"
