"""How small segments get, and how long that takes, with gzip and with zstd."""

import gzip
import json
from collections.abc import Iterator
from itertools import batched, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import process
from bench.objects.peers import program
from bench.report import Report
from bench.tables import orders
from bench.tables.cost import BATCHES
from holdfast.events import dynamodb
from holdfast.tables import plan, segment

SQUEEZE = Path(__file__).with_name("squeeze.py")


def reports(records: int) -> Iterator[Report]:
    """Of so many records, in segments of each size. Raises Missing, Failed."""
    return (_report(batch, records) for batch in BATCHES)


def _report(batch: int, records: int) -> Report:
    with TemporaryDirectory(prefix="holdfast-") as folder:
        wholes = list(_segments(batch, records))
        for number, whole in enumerate(wholes):
            (Path(folder) / f"{number:06d}").write_bytes(whole)
        told = process.run([program("python", "bin/python"), SQUEEZE, folder], {"PATH": "/usr/bin:/bin"}).output
    size = sum(map(len, wholes))
    return Report(
        f"Compressing segments of {batch} records",
        ["", "bytes a record", "of the whole", "us a record", "us to read one"],
        [
            ["not at all", size / records, 1.0, None, None],
            *(
                [way, squeezed / records, squeezed / size, 1e6 * there / records, 1e6 * back / records]
                for way, (squeezed, there, back) in json.loads(told).items()
            ),
        ],
        ["Processor time of the compression alone, the best of five rounds."],
    )


def _segments(batch: int, records: int) -> Iterator[bytes]:
    for some in batched(islice(orders.records(), records), batch, strict=False):
        changes = [plan.archived(record, "").change for record in dynamodb.from_lambda({"Records": some}).records]
        yield gzip.decompress(segment.encode(orders.TABLE, changes)[1])
