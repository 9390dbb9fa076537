"""The plan's questions: one text each for both engines, which say of keys what the model says."""

from datetime import UTC, datetime, timedelta, timezone

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from holdfast.warehouse import athena, database, queries
from holdfast.warehouse.model import FileFormat, Kind, Source, kind_of
from tests.unit.warehouse.listings import COLUMNS, WITH_VERSIONS, keys

PREFIXES = ["s3://lake/warehouse/*", "s3://lake/it's \"\\ é\n-- ;/*", "s3://lake/it''s", "s3://lake/*", "s3://lake"]
BEFORE = datetime(2026, 1, 1, tzinfo=UTC)


def questions(source: Source) -> dict[str, str]:
    return {
        "compared": queries.compared(source),
        "copies": queries.copies(source, 1000),
        "gone": queries.gone(BEFORE),
        "tallies": queries.tallies(source),
    }


@pytest.mark.parametrize("name", questions(Source.parse(PREFIXES[0])))
@pytest.mark.parametrize("source", PREFIXES)
def test_both_engines_take_a_text_for_the_same(source: str, name: str) -> None:
    """There is one text: what Athena understands by it is what DuckDB does, there and back."""
    question = questions(Source.parse(source))[name]
    in_athena, in_duckdb = sqlglot.parse_one(question, read="athena"), sqlglot.parse_one(question, read="duckdb")
    assert in_athena.sql("duckdb") == in_duckdb.sql("duckdb")
    there = sqlglot.transpile(question, read="duckdb", write="athena")[0]
    assert sqlglot.parse_one(there, read="athena").sql("duckdb") == in_duckdb.sql("duckdb")


@pytest.mark.parametrize("source", PREFIXES)
def test_what_a_text_says_of_keys_is_what_the_model_says(source: str) -> None:
    one = Source.parse(source)
    some = [*keys(), *(one.prefix + key.removeprefix("warehouse/") for key in keys())]
    with duckdb.connect() as connection:
        said = connection.execute(
            f"SELECT key, {queries.is_of(one)}, {queries.database_of(one)}, {queries.is_log()}, {queries.is_data()}"
            " FROM (SELECT unnest(?::VARCHAR[]) AS key)",
            [some],
        ).fetchall()
    assert len(said) == len(some)
    for key, is_of, name, is_log, is_data in said:
        assert (name if is_of else None) == one.database_of(key)
        assert (Kind.LOG if is_log else Kind.DATA if is_data else Kind.OTHER) is kind_of(key)


@pytest.mark.parametrize("value", ["", "'", "''", "\\'", "a\nb", "é", "'); DROP TABLE ledger; --", "\N{GRINNING FACE}"])
def test_a_literal_is_what_it_was_made_of(value: str) -> None:
    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT {queries.text(value)}").fetchone() == (value,)
    assert sqlglot.parse_one(f"SELECT {queries.text(value)}", read="athena").expressions[0].this == value


def test_a_moment_is_told_in_utc() -> None:
    moment = datetime(2026, 1, 1, 1, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert queries.timestamp(moment) == "CAST('2025-12-31 23:00:00' AS timestamp)"


RELATIONS = {"inventory": "SELECT * FROM i", "ledger": "SELECT * FROM l", "retirements": "SELECT * FROM r"}


def test_a_question_may_bring_its_relations() -> None:
    source = Source.parse(PREFIXES[0])
    relations = RELATIONS | {"compared": queries.compared(source)}
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE i (key TEXT, key_size INT, version_id TEXT, etag TEXT, size INT, modified DATE, hot BOOL)"
        )
        database.view(connection, "l", [], database.LEDGER)
        database.view(connection, "r", [], database.RETIREMENTS)
        connection.execute("INSERT INTO i VALUES ('warehouse/d/a.parquet', 1, NULL, 'e', 7, '2026-01-01', true)")
        copies = connection.execute(queries.over(relations, queries.copies(source, 1000))).fetchall()
        tallies = connection.execute(queries.over(RELATIONS, queries.tallies(source))).fetchall()
    assert [row[0] for row in copies] == ["warehouse/d/a.parquet"]
    assert tallies == [("warehouse/d", "data", 1, 7)]


@pytest.mark.parametrize("columns", [COLUMNS, WITH_VERSIONS])
@pytest.mark.parametrize("file_format", list(FileFormat))
def test_athena_takes_the_relation_of_an_inventory(file_format: FileFormat, columns: tuple[str, ...]) -> None:
    relation = sqlglot.parse_one(athena.inventory('"w"."i"', file_format, columns), read="athena", into=exp.Select)
    assert relation.named_selects == ["key", "key_size", "version_id", "etag", "size", "modified", "hot"]
    assert ("is_latest" in relation.sql()) is (columns is WITH_VERSIONS)
    assert ("URL_DECODE" in relation.sql().upper()) is (file_format is FileFormat.CSV)


def test_the_table_of_a_csv_inventory_has_its_columns_in_their_order_as_text() -> None:
    assert athena.create_inventory("i", FileFormat.CSV, ("Key", "ReplicationStatus", "Size"), "s3://b/it's/").split(
        "\n"
    )[1:3] == [
        "CREATE EXTERNAL TABLE IF NOT EXISTS i (`key` string, `replicationstatus` string, `size` string)",
        "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'",
    ]


def test_the_table_of_another_inventory_has_what_is_needed_by_name() -> None:
    told = athena.create_inventory("i", FileFormat.ORC, ("Key", "ReplicationStatus", "Size"), "s3://b/it's/")
    assert "(`key` string, `size` bigint)" in told
    assert "'orc.column.index.access' = 'false'" in told
    assert told.endswith("LOCATION 's3://b/it\\'s/'\n")


def test_an_answer_is_unloaded_with_its_relations() -> None:
    told = athena.answer(RELATIONS, queries.gone(BEFORE), "s3://b/it's/")
    assert told.startswith("\nUNLOAD (\nWITH inventory AS (")
    assert told.endswith(")\nTO 's3://b/it''s/'\nWITH (format = 'PARQUET', compression = 'ZSTD')\n")
    inner = told[told.index("(") + 1 : told.rindex(")\nTO")]
    assert sqlglot.parse_one(inner, read="athena", into=exp.Select).named_selects[-2:] == ["state", "decided_at"]


def test_tables_of_datasets_have_their_columns() -> None:
    assert "`decided_at` timestamp" in athena.create_retirements("r", "s3://b/r/")
    assert "`size` bigint, `modified` timestamp" in athena.create_ledger("l", "s3://b/l/")
    assert athena.drop("r") == "DROP TABLE IF EXISTS r"
