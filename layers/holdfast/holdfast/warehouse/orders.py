"""What is copied together: an order to copy, and the completion report of what became of it.

Both engines take the same manifests and write the same reports, those of S3 Batch Operations.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-examples-reports.html
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from holdfast.warehouse import database, plan
from holdfast.warehouse.model import Engine, Item, Listed, Phase, Stored
from holdfast.warehouse.ports import Bucket
from holdfast.warehouse.queries import text
from holdfast.warehouse.run import Warehouse

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LISTED = "listed.parquet"
MANIFEST = "manifest.csv"

REPORT_COLUMNS = ("Bucket", "Key", "VersionId", "TaskStatus", "ErrorCode", "HTTPStatusCode", "ResultMessage")
SUCCEEDED = "succeeded"
FAILED = "failed"


class NotAnOrder(ValueError):
    """An event tells no order to copy."""


class ReportCorrupt(ValueError):
    """A completion report is not what its manifest says: nothing of it counts."""


@dataclass(frozen=True, slots=True)
class Order:
    """`listed`: the key of the rows, as Parquet. `manifest`, `etag`: the same for S3 Batch Operations, as CSV.

    `report`: the folder of the completion report, without a slash at its end. `target`: what source keys are put
    behind, without one too, as a job wants it. `fields`: the manifest's columns. `token`: the same order, the same job.
    """

    phase: Phase
    attempt: int
    engine: Engine
    listed: str
    manifest: str
    etag: str
    objects: int
    size: int
    report: str
    target: str
    storage_class: str
    fields: tuple[str, ...]
    token: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Order":
        """Raises NotAnOrder."""
        try:
            order = cls(**{name: event["phase"][name] for name in cls.__dataclass_fields__})
            return replace(order, phase=Phase(order.phase), engine=Engine(order.engine), fields=tuple(order.fields))
        except (KeyError, TypeError, ValueError) as error:
            raise NotAnOrder(f"the event tells no phase of a copy: {error!r}") from None

    @property
    def told(self) -> dict[str, Any]:
        return asdict(self) | {"fields": list(self.fields)}


@dataclass(frozen=True, slots=True)
class Orders:
    """How orders are made: who copies how much, and into which storage class.

    Logs stay readable: the next runs and every restore read them.
    """

    direct_objects: int
    storage_class: str
    log_storage_class: str = "STANDARD"

    def place(
        self,
        connection: "DuckDBPyConnection",
        warehouse: Warehouse,
        item: Item,
        phase: Phase,
        attempt: int,
        rows: str,
    ) -> Order | None:
        """Write down what is to be copied: the rows of a query, as `Listed` has them. None if there are none."""
        connection.execute(f"CREATE OR REPLACE TEMP TABLE ordered AS {rows} ORDER BY key")
        objects, size, versions = _one(connection, "SELECT count(*), sum(size)::BIGINT, count(version_id) FROM ordered")
        if not objects:
            return None
        folder = warehouse.names.phase(item.run, item.source, phase, attempt)
        fields = ("Bucket", "Key", "VersionId") if versions else ("Bucket", "Key")
        stored = _write(connection, warehouse, folder, _manifest_rows(item.source.bucket, fields))
        return Order(
            phase=phase,
            attempt=attempt,
            engine=plan.engine(phase, objects, size, self.direct_objects),
            listed=f"{folder}{LISTED}",
            manifest=f"{folder}{MANIFEST}",
            etag=stored.etag,
            objects=objects,
            size=size,
            report=f"{folder}report",
            target=warehouse.names.copies(item.run, item.source.bucket).rstrip("/"),
            storage_class=self.log_storage_class if phase is Phase.LOGS else self.storage_class,
            fields=fields,
            token=hashlib.sha256(folder.encode()).hexdigest()[:32],
        )


def _one(connection: "DuckDBPyConnection", query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None  # noqa: S101 an aggregate has a row
    return row


def _manifest_rows(bucket: str, fields: Sequence[str]) -> str:
    """The rows of a manifest of S3 Batch Operations. A version column is there for all rows or none.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-create-job.html
    """
    columns = {
        "Bucket": text(bucket),
        "Key": "replace(url_encode(key), '%2F', '/')",
        "VersionId": "coalesce(version_id, 'null')",
    }
    return f"SELECT {', '.join(columns[field] for field in fields)} FROM ordered"


def _write(connection: "DuckDBPyConnection", warehouse: Warehouse, folder: str, manifest_rows: str) -> Stored:
    with warehouse.scratch.open() as scratch:
        listed, manifest = scratch / LISTED, scratch / MANIFEST
        database.write(connection, "FROM ordered", listed)
        connection.execute(f"COPY ({manifest_rows}) TO {text(manifest)} (FORMAT csv, HEADER false)")
        warehouse.backup.write_file(folder + LISTED, listed)
        return warehouse.backup.write_file(folder + MANIFEST, manifest)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one object."""

    listed: Listed
    code: str = ""
    status: int = 200
    message: str = "Successful"

    @property
    def row(self) -> tuple[str, ...]:
        """As a report has it, behind the bucket."""
        told = FAILED if self.code else SUCCEEDED
        key = quote(self.listed.key, safe="/")
        return key, self.listed.version_id or "", told, self.code, str(self.status), self.message


def report_part(bucket: str, outcomes: Iterable[Outcome]) -> bytes:
    """Some rows of a completion report."""
    rows = io.StringIO()
    csv.writer(rows, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows((bucket, *one.row) for one in outcomes)
    return rows.getvalue().encode()


def report_manifest(backup: Bucket, parts: Iterable[str], created_at: str) -> bytes:
    """The manifest of a report whose parts are stored."""
    results = [
        {
            "TaskExecutionStatus": SUCCEEDED,
            "Bucket": backup.name,
            "MD5Checksum": hashlib.md5(backup.read(part), usedforsecurity=False).hexdigest(),
            "Key": part,
        }
        for part in parts
    ]
    told = {"Format": "Report_CSV_20180820", "ReportCreationDate": created_at, "Results": results}
    return json.dumps(told | {"ReportSchema": ", ".join(REPORT_COLUMNS)}).encode()


@dataclass(frozen=True, slots=True)
class Report:
    """A completion report on local disk: its columns, in their order, and its files."""

    columns: tuple[str, ...]
    paths: tuple[Path, ...]


def fetch_reports(backup: Bucket, folder: str, into: Path) -> Iterator[Report]:
    """The completion reports below a folder, each file checked. Raises ReportCorrupt."""
    for found in backup.listing(f"{folder}/"):
        if found.key.endswith("/manifest.json"):
            yield _fetch(backup, found.key, into)


def _fetch(backup: Bucket, key: str, into: Path) -> Report:
    try:
        told = json.loads(backup.read(key))
        columns = tuple(name.strip() for name in told["ReportSchema"].split(","))
        files = [(str(result["Key"]), str(result["MD5Checksum"]).lower()) for result in told["Results"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReportCorrupt(f"{key} is no manifest of a completion report: {error!r}") from None
    if lacking := set(REPORT_COLUMNS) - set(columns):
        raise ReportCorrupt(f"{key}: its ReportSchema lacks {', '.join(sorted(lacking))}")
    paths = []
    for name, md5 in files:
        path = into / f"report-{hashlib.sha256(name.encode()).hexdigest()[:16]}.csv"
        digest = hashlib.md5(usedforsecurity=False)
        with path.open("wb") as file:
            for piece in backup.stream(name):
                digest.update(piece)
                file.write(piece)
        if digest.hexdigest() != md5:
            raise ReportCorrupt(f"{name}: its MD5 is not what {key} says")
        paths.append(path)
    return Report(columns, tuple(paths))
