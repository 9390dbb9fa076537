"""The usual way to plan: twenty threads, the csv module, and sets of all keys in memory."""

import csv
import gzip
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, unquote_plus

from pyarrow import parquet

from bench.warehouse import inventories

THREADS = 20


def main(folder: Path, to: Path) -> None:
    known = {
        (key, etag)
        for path in inventories.ledger(folder)
        for batch in parquet.ParquetFile(path).iter_batches(columns=["key", "etag", "kind"])
        for key, etag, kind in zip(*(column.to_pylist() for column in batch.columns), strict=True)
        if kind == "data"
    }
    with ThreadPoolExecutor(THREADS) as threads:
        found = list(threads.map(lambda path: _part(path, known), inventories.parts(folder)))
    with (to / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        for copies, _ in found:
            writer.writerows((inventories.SOURCE.bucket, quote(key)) for key in copies)
    listed = {key for _, keys in found for key in keys}
    with (to / "gone.csv").open("w", newline="") as file:
        csv.writer(file).writerows((key, etag) for key, etag in known if key not in listed)
    print(sum(len(copies) for copies, _ in found), sum(key not in listed for key, _ in known))


def _part(path: Path, known: set[tuple[str, str]]) -> tuple[list[str], list[str]]:
    copies, keys = [], []
    with gzip.open(path, "rt", newline="") as file:
        for _, encoded, _, _, etag, storage_class, tier in csv.reader(file):
            key = unquote_plus(encoded)
            keys.append(key)
            hot = storage_class == "STANDARD" or tier == "FREQUENT"
            if "/_delta_log/" in key or (hot and key.endswith(".parquet") and (key, etag) not in known):
                copies.append(key)
    return copies, keys


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
