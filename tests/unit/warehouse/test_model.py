"""Sources, databases, kinds and tallies."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.warehouse.model import Item, Kind, NotAnItem, Source, SourceInvalid, Tally, kind_of, total

# Sources


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("s3://lake", Source("lake", "")),
        ("s3://lake/", Source("lake", "")),
        ("s3://lake/*", Source("lake", "", many=True)),
        ("s3://lake/sales", Source("lake", "sales/")),
        ("s3://lake/sales/", Source("lake", "sales/")),
        ("s3://lake/a/b c/", Source("lake", "a/b c/")),
        ("s3://lake/warehouse/*", Source("lake", "warehouse/", many=True)),
        ("s3://lake/sales#weekly", Source("lake", "sales/", inventory_id="weekly")),
        ("s3://lake/*#a.b_c-D", Source("lake", "", many=True, inventory_id="a.b_c-D")),
        ("s3://lake#weekly", Source("lake", "", inventory_id="weekly")),
        ("s3://lake.of.data-1/ü+%20", Source("lake.of.data-1", "ü+%20/")),
    ],
)
def test_a_source_is_read(text: str, source: Source) -> None:
    assert Source.parse(text) == source


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lake/sales",
        "s3://",
        "s3://la",
        "s3://Lake",
        "s3:///sales",
        "S3://lake/sales",
        "s3://lake/*/sales",
        "s3://lake/sales*",
        "s3://lake/**",
        "s3://lake/a#b#c",
        "s3://lake/sales#",
        "s3://lake/sales#a b",
        "s3://lake/sales#" + "a" * 65,
        "s3://lake/a,s3://lake/b",
        " s3://lake",
    ],
)
def test_what_names_no_source_is_refused_with_what_does(text: str) -> None:
    with pytest.raises(SourceInvalid, match=r"names no source: s3://BUCKET/PREFIX is one database"):
        Source.parse(text)


PATHS = st.text(st.sampled_from("ab/ é%+\n."), max_size=6)


@given(PATHS, st.booleans(), st.sampled_from(["", "#holdfast", "#weekly"]))
def test_a_source_is_written_as_it_is_read(path: str, many: bool, id_: str) -> None:
    source = Source.parse(f"s3://lake/{path}{'/*' if many else ''}{id_}")
    assert Source.parse(str(source)) == source
    assert source.many is many
    assert source.prefix == "" or source.prefix.endswith("/")


def test_the_usual_inventory_goes_without_saying() -> None:
    assert str(Source("lake", "sales/")) == "s3://lake/sales"
    assert str(Source("lake", "", many=True, inventory_id="weekly")) == "s3://lake/*#weekly"
    assert Source("lake", "sales/", inventory_id="weekly").name == "lake/sales"


@pytest.mark.parametrize(
    ("source", "key", "database"),
    [
        ("s3://lake", "any/thing", "lake"),
        ("s3://lake/a/sales", "a/sales/orders/1.parquet", "a/sales"),
        ("s3://lake/sales", "sales/", "sales"),
        ("s3://lake/sales", "sales2/1.parquet", None),
        ("s3://lake/sales", "sales", None),
        ("s3://lake/*", "sales/orders/1.parquet", "sales"),
        ("s3://lake/*", "1.parquet", None),
        ("s3://lake/*", "/1.parquet", None),
        ("s3://lake/w/*", "w/sales/1.parquet", "w/sales"),
        ("s3://lake/w/*", "w/1.parquet", None),
        ("s3://lake/w/*", "sales/1.parquet", None),
    ],
)
def test_a_key_belongs_to_one_database_or_to_none(source: str, key: str, database: str | None) -> None:
    assert Source.parse(source).database_of(key) == database


# Kinds


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("t/_delta_log/00000000000000000000.json", Kind.LOG),
        ("t/_delta_log/_last_checkpoint", Kind.LOG),
        ("t/_delta_log/00000000000000000010.checkpoint.0000000001.0000000002.parquet", Kind.LOG),
        ("t/_delta_log/_sidecars/x.parquet", Kind.LOG),
        ("t/_delta_log/_commits/deletion_vector_x.bin", Kind.LOG),
        ("_delta_log/a", Kind.LOG),
        ("t/_delta_log/", Kind.LOG),
        ("t/part-00000.snappy.parquet", Kind.DATA),
        ("t/date=2026-01-01/.parquet", Kind.DATA),
        ("deletion_vector_1.bin", Kind.DATA),
        ("t/ab/deletion_vector_1.bin", Kind.DATA),
        ("t/_delta_log", Kind.OTHER),
        ("t/my_delta_log/1.json", Kind.OTHER),
        ("t/_delta_log2/1.json", Kind.OTHER),
        ("t/1.parquet.crc", Kind.OTHER),
        ("t/1.PARQUET", Kind.OTHER),
        ("t/a_deletion_vector_1.bin", Kind.OTHER),
        ("t/deletion_vector_1.bin/x", Kind.OTHER),
        ("t/x.parquet/", Kind.OTHER),
        ("", Kind.OTHER),
    ],
)
def test_a_key_says_what_it_is_to_a_table(key: str, kind: Kind) -> None:
    assert kind_of(key) is kind


# Tallies


def test_tallies_add_up() -> None:
    assert total([Tally(1, 10), Tally(2, 20)]) == Tally(3, 30)
    assert total([]) == Tally()


# Items

ITEM: dict[str, Any] = {"run": "r", "source": "s3://lake/sales", "inventory": "daily/lake/holdfast/2026-11-20T01-05Z/"}


def test_an_item_is_read_as_it_is_told() -> None:
    assert Item.of(ITEM).told == ITEM
    assert Item.of(ITEM | {"inventory": None}).inventory is None


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({"run": "r", "source": "s3://lake"}, "tells no 'inventory'"),
        (ITEM | {"run": 1}, "are to be texts"),
        (ITEM | {"source": None}, "are to be texts"),
        (ITEM | {"inventory": 1}, "are to be texts"),
    ],
)
def test_what_tells_no_item_is_refused(event: dict[str, Any], why: str) -> None:
    with pytest.raises(NotAnItem, match=why):
        Item.of(event)
