"""The manifest of an inventory: read as S3 writes it, and refused by the name of whatever is wrong in it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import md5
from typing import Any

import pytest

from holdfast.warehouse.inventory import FOLDER, NEEDED, VERSIONED, ManifestCorrupt, read_manifest
from holdfast.warehouse.model import FileFormat, Manifest, Part

WHERE = "s3://inventories/lake/holdfast/2026-11-20T01-00Z/manifest.json"

CSV = (
    "Bucket, Key, Size, LastModifiedDate, ETag, StorageClass, IsMultipartUploaded, ReplicationStatus, EncryptionStatus,"
    " IntelligentTieringAccessTier"
)
CSV_VERSIONS = CSV.replace("Key,", "Key, VersionId, IsLatest, IsDeleteMarker,")
ORC = (
    "struct<bucket:string,key:string,size:bigint,last_modified_date:timestamp,e_tag:string,storage_class:string,"
    "is_multipart_uploaded:boolean,replication_status:string,encryption_status:string,"
    "intelligent_tiering_access_tier:string>"
)
ORC_VERSIONS = ORC.replace("key:string,", "key:string,version_id:string,is_latest:boolean,is_delete_marker:boolean,")
PARQUET = (
    "message s3.inventory {  required binary bucket (STRING);  required binary key (STRING);  optional int64 size;"
    "  optional int64 last_modified_date (TIMESTAMP(MILLIS,true));  optional binary e_tag (STRING);"
    "  optional binary storage_class (STRING);  optional boolean is_multipart_uploaded;"
    "  optional binary replication_status (STRING);  optional binary encryption_status (STRING);"
    "  optional binary intelligent_tiering_access_tier (STRING);}"
)
PARQUET_VERSIONS = PARQUET.replace(
    "key (STRING);",
    "key (STRING);  optional binary version_id (STRING);  optional boolean is_latest;"
    "  optional boolean is_delete_marker;",
)
PARQUET_FORMERLY = PARQUET.replace("(STRING)", "(UTF8)").replace("(TIMESTAMP(MILLIS,true))", "(TIMESTAMP_MILLIS)")

FILE = {"key": "lake/holdfast/data/1.csv.gz", "size": 56291, "MD5checksum": "5925f4e78e1695c2d020b9f6ee000001"}
SAID: Mapping[str, Any] = {
    "sourceBucket": "lake",
    "destinationBucket": "arn:aws:s3:::inventories",
    "version": "2016-11-30",
    "creationTimestamp": "1514944800000",
    "fileFormat": "CSV",
    "fileSchema": CSV,
    "files": [FILE, FILE | {"key": "lake/holdfast/data/2.csv.gz"}],
}


def read(body: bytes, bucket: str = "lake") -> Manifest:
    return read_manifest(WHERE, body, md5(body).hexdigest().encode(), bucket)


def read_with(**changed: Any) -> Manifest:
    """The manifest with other fields; None takes one away."""
    return read(json.dumps({name: value for name, value in {**SAID, **changed}.items() if value is not None}).encode())


# As S3 writes it


def test_a_manifest_is_read() -> None:
    manifest = read_with()
    assert manifest == Manifest(
        source_bucket="lake",
        created_at=datetime(2018, 1, 3, 2, 0, tzinfo=UTC),
        file_format=FileFormat.CSV,
        columns=tuple(CSV.split(", ")),
        parts=(
            Part("lake/holdfast/data/1.csv.gz", 56291, "5925f4e78e1695c2d020b9f6ee000001"),
            Part("lake/holdfast/data/2.csv.gz", 56291, "5925f4e78e1695c2d020b9f6ee000001"),
        ),
    )
    assert manifest.size == 2 * 56291


@pytest.mark.parametrize(
    ("file_format", "schema"),
    [("CSV", CSV), ("ORC", ORC), ("Parquet", PARQUET), ("Parquet", PARQUET_FORMERLY)],
)
def test_columns_have_one_spelling_and_their_order(file_format: str, schema: str) -> None:
    columns = read_with(fileFormat=file_format, fileSchema=schema).columns
    known = ("Bucket", *NEEDED)
    assert [name for name in columns if name in known] == [name for name in CSV.split(", ") if name in known]
    assert len(columns) == len(CSV.split(", "))
    assert columns.index("ETag") == 4


@pytest.mark.parametrize(
    ("file_format", "schema"), [("CSV", CSV_VERSIONS), ("ORC", ORC_VERSIONS), ("Parquet", PARQUET_VERSIONS)]
)
def test_where_versions_are_listed_their_columns_are_read(file_format: str, schema: str) -> None:
    columns = read_with(fileFormat=file_format, fileSchema=schema).columns
    assert columns[:5] == ("Bucket", "Key", *VERSIONED)


@pytest.mark.parametrize("line", ["{}", "{}\n", " {}\r\n"])
def test_a_checksum_may_end_with_a_line(line: str) -> None:
    body = json.dumps(SAID).encode()
    checksum = line.format(md5(body).hexdigest().upper()).encode()
    assert read_manifest(WHERE, body, checksum, "lake").source_bucket == "lake"


def test_an_empty_bucket_has_no_files() -> None:
    manifest = read_with(files=[])
    assert (manifest.parts, manifest.size) == ((), 0)


def test_a_part_may_be_empty() -> None:
    assert read_with(files=[FILE | {"size": 0}]).parts[0].size == 0


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_an_inventory_may_lie_in_any_partition(partition: str) -> None:
    assert read_with(destinationBucket=f"arn:{partition}:s3:::inventories").parts


def test_the_name_of_a_folder_is_a_minute() -> None:
    names = ["2026-11-20T01-00Z", "2026-11-20T01-00Z/", "data", "hive", "2026-11-20T01:00Z"]
    assert [bool(FOLDER.fullmatch(name)) for name in names] == [True, False, False, False, False]


# Refused


@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize("value", [None, "", 7, True, {}, ["x"], "corrupt", "\0"], ids=ascii)
def test_every_field_that_is_not_what_s3_writes_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ManifestCorrupt, match=name) as refused:
        read_with(**{name: value})
    assert str(refused.value).startswith(f"{WHERE}: ")
    assert "Nothing was copied or tagged" in str(refused.value)


@pytest.mark.parametrize("name", FILE)
@pytest.mark.parametrize("value", [None, "", [], 7.5, -1, True, "5925F4E78E1695C2D020B9F6EE00000", "x" * 32], ids=ascii)
def test_every_field_of_a_file_that_is_not_what_s3_writes_is_refused_by_name(name: str, value: Any) -> None:
    if name == "key" and isinstance(value, str) and value:
        return  # a key may be any text; that its object is not there is found when it is looked for
    file = {field: of for field, of in {**FILE, name: value}.items() if of is not None}
    with pytest.raises(ManifestCorrupt, match=name):
        read_with(files=[FILE, file])


@pytest.mark.parametrize("at", ["", "12", "1514944800000.0", "1514944800000 ", "-514944800000", "٣" * 13, "9" * 15])
def test_a_time_of_creation_that_is_no_milliseconds_is_refused(at: str) -> None:
    with pytest.raises(ManifestCorrupt, match="creationTimestamp"):
        read_with(creationTimestamp=at)


@pytest.mark.parametrize("file_format", ["csv", "ORC ", "Avro"])
def test_a_format_that_there_is_not_is_refused(file_format: str) -> None:
    with pytest.raises(ManifestCorrupt, match=r"fileFormat is .*: CSV, ORC or Parquet is wanted"):
        read_with(fileFormat=file_format)


@pytest.mark.parametrize("file_format", ["ORC", "Parquet"])
def test_a_schema_of_another_format_is_refused(file_format: str) -> None:
    with pytest.raises(ManifestCorrupt, match="fileSchema lacks Key"):
        read_with(fileFormat=file_format)


@pytest.mark.parametrize("name", NEEDED)
def test_a_column_that_is_needed_and_not_there_is_named_with_what_to_do(name: str) -> None:
    with pytest.raises(ManifestCorrupt, match=rf"fileSchema lacks {name}: add them .* optional fields"):
        read_with(fileSchema=CSV.replace(f", {name}", ""))


@pytest.mark.parametrize("name", VERSIONED)
def test_where_versions_are_listed_all_their_columns_are_needed(name: str) -> None:
    with pytest.raises(ManifestCorrupt, match=f"fileSchema lacks {name}"):
        read_with(fileSchema=CSV_VERSIONS.replace(f", {name}", ""))


@pytest.mark.parametrize("schema", [f"{CSV}, Size", f"{CSV}, Other, Other"])
def test_a_column_that_is_there_twice_is_refused(schema: str) -> None:
    with pytest.raises(ManifestCorrupt, match=r"fileSchema .*each column once"):
        read_with(fileSchema=schema)


def test_a_file_that_is_named_twice_is_refused() -> None:
    with pytest.raises(ManifestCorrupt, match="a file is named twice"):
        read_with(files=[FILE, FILE])


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b'{"version": ', b"[" * 100_000, json.dumps(SAID).encode()[:-1]],
    ids=["empty", "begun", "no text", "cut off", "deep", "one byte short"],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ManifestCorrupt, match="it is no JSON"):
        read(body)


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"1"])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(ManifestCorrupt, match="it is no JSON object"):
        read(body)


@pytest.mark.parametrize(
    "checksum",
    [b"", b"0" * 32, b"\xff\xfe", md5(json.dumps(SAID).encode()).hexdigest()[:-1].encode()],
    ids=["empty", "another", "no text", "cut off"],
)
def test_a_manifest_of_another_checksum_is_refused(checksum: bytes) -> None:
    with pytest.raises(ManifestCorrupt, match=r"its MD5 is not what manifest\.checksum says"):
        read_manifest(WHERE, json.dumps(SAID).encode(), checksum, "lake")


def test_any_bit_that_changes_is_refused() -> None:
    body = json.dumps(SAID).encode()
    checksum = md5(body).hexdigest().encode()
    for position in range(0, len(body), 13):
        changed = body[:position] + bytes([body[position] ^ 1]) + body[position + 1 :]
        with pytest.raises(ManifestCorrupt):
            read_manifest(WHERE, changed, checksum, "lake")


def test_the_inventory_of_another_bucket_is_refused() -> None:
    with pytest.raises(ManifestCorrupt, match="sourceBucket is 'lake': 'lake2' is wanted"):
        read(json.dumps(SAID).encode(), bucket="lake2")
