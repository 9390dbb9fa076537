"""A plan whose questions Athena answers is the plan that would have been made here."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot

from holdfast.adapters.memory_warehouse import MemoryWarehouse
from holdfast.warehouse import database, planning
from holdfast.warehouse.database import LEDGER, RETIREMENTS
from holdfast.warehouse.datasets import fetch_all
from holdfast.warehouse.model import Item, Retention, Source
from holdfast.warehouse.naming import partition
from holdfast.warehouse.orders import Orders
from holdfast.warehouse.relations import NAMES
from holdfast.warehouse.run import Warehouse
from holdfast.warehouse.validate import load_manifest
from holdfast.warehouse.write_inventory import InventoryWriter, Place
from tests.warehouses import a_warehouse

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SOURCE = Source("lake", "", many=True)
RETENTION = Retention(timedelta(days=90), timedelta(days=30))
ORDERS = Orders(direct_objects=100, storage_class="GLACIER")

MEANT = {
    "AT TIME ZONE 'UTC'": "",
    "URL_DECODE(key)": "url_decode(replace(key, '+', '%20'))",
    "LENGTH(ENCODE(": "octet_length(encode(",
}
"""Where sqlglot takes the same name for the same thing, and it is not."""


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """A lake with two databases, its inventory, and a ledger that knows one file, and another that is gone."""
    account = MemoryWarehouse(now=lambda: NOW)
    lake, backup, inventories = account.bucket("lake"), account.bucket("backup"), account.bucket("inventories")
    for key in ("shop/a b/_delta_log/0.json", "shop/a b/part-1.parquet", "shop/it's.parquet", "staff/p.parquet", "x"):
        lake.put(key, key.encode())
    writer = InventoryWriter(Place(inventories, "daily/", "lake", "holdfast"), tmp_path, lambda: "1")
    writer.write([list(lake.listing(""))], NOW)
    made = a_warehouse(tmp_path, account.bucket, lambda: NOW)
    etag = hashlib.md5(b"staff/p.parquet").hexdigest()
    rows = [("staff/p.parquet", etag), ("staff/gone.parquet", "0" * 32)]
    values = ", ".join(
        f"('r1', '{key}', NULL, '{etag}', 15, TIMESTAMP '2026-01-01', 'data', TIMESTAMP '2026-01-02', 'c', 'GLACIER')"
        for key, etag in rows
    )
    path = tmp_path / "ledger.parquet"
    duckdb.sql(f"COPY (FROM (VALUES {values}) AS ledger ({', '.join(LEDGER)})) TO '{path}' (FORMAT parquet)")
    backup.write_file(f"{made.names.ledger('lake')}{partition(SOURCE)}r1.parquet", path)
    return made


def an_item(run: str) -> Item:
    return Item(run, SOURCE, "daily/lake/holdfast/2026-06-01T00-00Z/")


def answer_like_athena(warehouse: Warehouse, item: Item, statements: list[str]) -> None:
    """Do what Athena would with each UNLOAD, by transpiling what is in it; the tables are made by us."""
    with warehouse.scratch.open() as scratch, duckdb.connect() as connection:
        tables = re.findall(r"TABLE IF NOT EXISTS (\w+)", "\n".join(statements))
        inventory, ledger, retirements, compared = tables
        manifest = load_manifest(warehouse, item)
        [path] = planning._fetch_parts(warehouse, manifest, scratch).values()
        names = ", ".join(f"'{NAMES.get(name, name.lower())}': 'VARCHAR'" for name in manifest.columns)
        connection.execute(
            f"CREATE VIEW {inventory} AS FROM read_csv('{path}', columns = {{{names}}}, header = false, delim = ',',"
            " quote = '\"', escape = '\"', auto_detect = false)"
        )
        folder = warehouse.names.ledger("lake")
        database.view(connection, ledger, fetch_all(warehouse, folder, SOURCE, scratch / "ledger"), LEDGER)
        database.view(connection, retirements, [], RETIREMENTS)
        connection.execute("CREATE MACRO from_iso8601_timestamp(text) AS CAST(text AS TIMESTAMP)")
        connection.execute("CREATE MACRO to_utf8(text) AS encode(text)")
        for number, statement in enumerate(statements):
            unload = re.fullmatch(r"\s*UNLOAD \((.*)\)\nTO 's3://backup/([^']*)'\nWITH .*", statement, re.DOTALL)
            if unload:
                question = sqlglot.transpile(unload[1], read="athena", write="duckdb")[0]
                for athenas, ours in MEANT.items():
                    question = question.replace(athenas, ours)
                to = scratch / f"{number}.parquet"
                connection.execute(f"COPY ({question}) TO '{to}' (FORMAT parquet)")
                warehouse.backup.write_file(f"{unload[2]}{number}", to)
                if unload[2].endswith("/compared/"):
                    connection.execute(f"CREATE VIEW {compared} AS FROM read_parquet('{to}')")


def written(warehouse: Warehouse, item: Item) -> Any:
    """What a plan is, without the name of its run."""
    told = warehouse.load(f"{warehouse.folder(item)}plan.json")
    for phase in told["phases"]:
        del phase["token"], phase["etag"]
    return json.loads(json.dumps(told).replace(item.run, "RUN"))


def test_the_plan_is_the_same_whoever_answers(warehouse: Warehouse) -> None:
    here, there = an_item("r2"), an_item("r3")
    planning.plan_source(warehouse, here, ORDERS, RETENTION)

    asked = planning.ask_athena(warehouse, there, RETENTION)
    answer_like_athena(warehouse, there, asked["queries"])
    planning.plan_source(warehouse, there, ORDERS, RETENTION)

    assert written(warehouse, there) == written(warehouse, here)
    assert [phase["objects"] for phase in written(warehouse, here)["phases"]] == [2, 1]


def test_all_that_athena_is_asked_it_understands(warehouse: Warehouse) -> None:
    asked = planning.ask_athena(warehouse, an_item("r2"), RETENTION)["queries"]
    for statement in asked:
        sqlglot.parse_one(statement, read="athena")
    assert "'s3://inventories/daily/lake/holdfast/hive/dt=2026-06-01-00-00/'" in asked[0]
    assert [statement.split()[0] for statement in asked] == [
        *["CREATE"] * 3,
        "UNLOAD",
        "CREATE",
        *["UNLOAD"] * 3,
        *["DROP"] * 4,
    ]
