"""`holdfast warehouse inventory` in memory: what it says, word for word, and what the workflow reads of it."""

import csv
import gzip
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote_plus

import pytest

from holdfast import wiring
from holdfast.adapters.s3_warehouse import S3WarehouseBucket
from holdfast.adapters.stack import Stack
from holdfast.cli.warehouse import inventory as command
from holdfast.warehouse.inventory import CHECKSUM, MANIFEST, read_manifest
from holdfast.warehouse.model import FileFormat, Manifest
from tests.contract.buckets import HOSTILE_KEYS
from tests.integration.command.shell import Answer, Shell

BEGAN = datetime(2026, 11, 20, 1, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Desk(Shell):
    """An operator's desk, a bucket `lake`, and one for inventories."""

    def holdfast(self, *words: str) -> Answer:
        return self.run("warehouse", "inventory", *words)

    def put(self, *keys: str, storage_class: str = "STANDARD") -> None:
        for key in keys:
            wiring.client("s3").put_object(Bucket="lake", Key=key, Body=b"content", StorageClass=storage_class)

    @property
    def inventories(self) -> S3WarehouseBucket:
        return S3WarehouseBucket(wiring.client("s3"), "inventories")

    def manifest(self, folder: str) -> Manifest:
        body, checksum = self.inventories.read(folder + MANIFEST), self.inventories.read(folder + CHECKSUM)
        return read_manifest(folder, body, checksum, "lake")

    def keys(self, manifest: Manifest) -> list[str]:
        bodies = [gzip.decompress(self.inventories.read(part.key)).decode() for part in manifest.parts]
        rows = [row for body in bodies for row in csv.reader(body.splitlines())]
        return [unquote_plus(dict(zip(manifest.columns, row, strict=True))["Key"]) for row in rows]


@pytest.fixture
def desk(account: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    for bucket in ("lake", "inventories"):
        wiring.client("s3").create_bucket(Bucket=bucket)
    monkeypatch.setattr(wiring, "now", lambda: BEGAN)
    return Desk(monkeypatch, capsys)


TO = ("--to", "s3://inventories/of")
FOLDER = "of/lake/holdfast/2026-11-20T01-05Z/"


def test_all_of_a_bucket_is_listed_and_where_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moto.settings.get_s3_default_max_keys", lambda: 7)
    keys = [*HOSTILE_KEYS, *(f"sales/part-{number:03}" for number in range(40))]
    desk.put(*keys)
    answer = desk.holdfast("lake", *TO)
    assert (answer.status, answer.out) == (
        0,
        f"{len(keys)} objects, {7 * len(keys)} bytes, in 1 file.\ns3://inventories/{FOLDER}manifest.json\n",
    ), answer.err
    assert sorted(desk.keys(desk.manifest(FOLDER))) == sorted(keys)


@pytest.mark.parametrize("source", ["lake/sales", "lake/sales/", "s3://lake/sales", "s3://lake/sales/*"])
def test_only_what_is_below_a_prefix_is_listed(desk: Desk, source: str) -> None:
    desk.put("sales/a", "sales/b/c", "sales2/a", "a")
    assert desk.holdfast(source, *TO).lines[0] == "2 objects, 14 bytes, in 1 file."
    assert sorted(desk.keys(desk.manifest(FOLDER))) == ["sales/a", "sales/b/c"]


@pytest.mark.parametrize("words", [("lake", "--id", "weekly"), ("lake#weekly",), ("lake#daily", "--id", "weekly")])
def test_an_inventory_may_have_another_name(desk: Desk, words: tuple[str, ...]) -> None:
    desk.put("a")
    answer = desk.holdfast(*words, *TO)
    assert answer.out.endswith("s3://inventories/of/lake/weekly/2026-11-20T01-05Z/manifest.json\n")


def test_what_a_listing_cannot_tell_is_said(desk: Desk) -> None:
    desk.put("a", storage_class="INTELLIGENT_TIERING")
    desk.put("b")
    assert desk.holdfast("lake", "--to", "s3://inventories").lines[:2] == [
        "2 objects, 14 bytes, in 1 file.",
        "1 of INTELLIGENT_TIERING, whose tier no listing tells: FREQUENT is written.",
    ]


def test_an_empty_bucket_has_an_inventory_too(desk: Desk) -> None:
    assert desk.holdfast("lake", *TO).lines[0] == "0 objects, 0 bytes, in 0 files."
    assert desk.manifest(FOLDER).parts == ()


def test_it_may_be_of_parquet(desk: Desk) -> None:
    desk.put("a")
    assert desk.holdfast("lake", *TO, "--format", "parquet", "--workers", "1").status == 0
    manifest = desk.manifest(FOLDER)
    assert manifest.file_format is FileFormat.PARQUET
    assert manifest.parts[0].key.endswith(".parquet")


def test_a_second_one_of_the_same_minute_is_named_by_the_next(desk: Desk) -> None:
    first, second = desk.holdfast("lake", *TO), desk.holdfast("lake", *TO)
    assert (first.status, second.status) == (0, 0)
    assert first.out.splitlines()[-1] != second.out.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("Lake", *TO), "'s3://Lake' names no source"),
        (("lake", "--to", "inventories"), "--to 'inventories' names no place: s3://BUCKET or s3://BUCKET/PREFIX does"),
        (("nobodys", *TO), "NoSuchBucket"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(desk: Desk, words: tuple[str, ...], told: str) -> None:
    answer = desk.holdfast(*words)
    assert answer.status == 1
    assert told in answer.err
    assert list(desk.inventories.listing("")) == []


# Where the stack looks


@pytest.fixture
def stack(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = {
        "WarehouseInventoryPlace": "s3://inventories/inventories",
        "WarehouseSourceNames": "s3://lake/sales,s3://lake/w/*,s3://lake/hr#weekly,s3://pond",
    }
    monkeypatch.setattr(command, "find", lambda name: Stack(name, outputs, {}))


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("words", [("lake",), ("lake/hr", "--id", "weekly"), ("lake/sales", "--id", "other")])
def test_an_inventory_goes_where_the_stack_looks_for_it(desk: Desk, words: tuple[str, ...]) -> None:
    answer = desk.holdfast(*words)
    name = words[-1] if len(words) > 1 else "holdfast"
    assert answer.lines[-1] == f"s3://inventories/inventories/lake/{name}/2026-11-20T01-05Z/manifest.json"


@pytest.mark.usefixtures("stack")
def test_an_inventory_that_would_hide_what_another_source_has_is_refused(desk: Desk) -> None:
    answer = desk.holdfast("lake/sales")
    assert answer.status == 1
    assert answer.err == (
        "holdfast: source s3://lake/w/* reads inventory 'holdfast' of lake too, and would take for gone what is not"
        " below 'sales/'. List all of it (holdfast warehouse inventory lake), or give this one another name with --id"
    )
    assert list(desk.inventories.listing("")) == []


def test_a_stack_without_the_system_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find", lambda name: Stack(name, {}, {}))
    assert desk.holdfast("lake").err == (
        "holdfast: stack holdfast has no warehouse system: deploy it with EnableWarehouse=true"
    )
