"""How fast a bucket that already had objects is copied, and at what cost, beside programs that do nothing else."""

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

from bench.objects import peers
from bench.objects.copying import THREADS
from bench.objects.peers import Server
from bench.process import Spent, run
from bench.report import Cell, Report
from local.cloud import ROOT

SIZE = 4096
SOURCE = "source"
FIRST = "s5cmd"
"""What the others are compared with."""

WAYS = {
    "boto3 in threads": "bench.objects.copying.with_boto3",
    "ours": "bench.objects.copying.in_bulk",
    "ours, a whole reconciliation": "bench.objects.copying.reconciling",
}
"""Besides programs that do nothing else: functions that are told a bucket and where to copy it."""


class CopiedWrong(RuntimeError):
    """Not every object was copied, or not as it is."""


def report(objects: int, rounds: int, ways_in_python: Mapping[str, str] = WAYS) -> Report:
    """Copy so many objects by each way in turn, several times. Raises Missing, ServerDied, Failed, CopiedWrong."""
    folder = tempfile.TemporaryDirectory(prefix="holdfast-", ignore_cleanup_errors=True)
    with folder as made, peers.serving(Path(made)) as server:
        ways = _ways(server) | {way: _python(function) for way, function in ways_in_python.items()}
        source = _fill(server, objects)
        spent = [_round(server, ways, source, number) for number in range(rounds + 1)][1:]  # the first one warms up
    return Report(
        f"Copying {objects} objects of {SIZE} bytes from bucket to bucket",
        ["", "objects a second", "processor s / 1,000", f"wall / {FIRST}", f"processor / {FIRST}"],
        [_row(way, [(each[way], each[FIRST]) for each in spent], objects) for way in ways],
        [
            f"Medians of {rounds} rounds, each with every way once: whole processes, {THREADS} requests under way.",
            "Ours and boto3 copy on condition of the ETag of the source, with a storage class and a checksum.",
        ],
    )


def _row(way: str, spent: Sequence[tuple[Spent, Spent]], objects: int) -> list[Cell]:
    """`spent` by it, and by the first in the same round."""
    return [
        way,
        objects / median(its.wall for its, _ in spent),
        1000 / objects * median(its.processor for its, _ in spent),
        median(its.wall / first.wall for its, first in spent),
        median(its.processor / first.processor for its, first in spent),
    ]


def _ways(server: Server) -> dict[str, Sequence[str | Path]]:
    """How to copy all of SOURCE into the bucket TARGET. Settings of the others are the fastest of those tried."""
    remote = f":s3,provider=SeaweedFS,env_auth,endpoint='{server.endpoint}',region={peers.REGION},no_check_bucket:"
    rclone: list[str | Path] = [peers.rclone(), "--config", "", "copy", f"{remote}{SOURCE}", f"{remote}TARGET"]
    return {
        FIRST: [peers.s5cmd(), "--numworkers", f"{THREADS}", "cp", f"s3://{SOURCE}/*", "s3://TARGET/"],
        "rclone": [*rclone, "--transfers", f"{THREADS}", "--no-check-dest", "--s3-no-head", "-q"],
    }


def _python(function: str) -> list[str | Path]:
    """Without pyOpenSSL, as in Lambda: where it is, botocore loads it."""
    module, _, name = function.rpartition(".")
    code = f"import sys; sys.modules['OpenSSL'] = None; from {module} import {name}; {name}(*sys.argv[1:])"
    return [sys.executable, "-c", code, SOURCE, "TARGET"]


def _fill(server: Server, objects: int) -> dict[str, str]:
    """Make the source. Returns the ETags by key."""
    client, body = server.client(16), os.urandom(SIZE)
    client.create_bucket(Bucket=SOURCE)

    def put(number: int) -> tuple[str, str]:
        key = f"data/{number // 100:02}/object-{number:05}.bin"
        return key, client.put_object(Bucket=SOURCE, Key=key, Body=body, Metadata={"number": str(number)})["ETag"]

    with ThreadPoolExecutor(16) as threads:
        return dict(threads.map(put, range(objects)))


def _round(
    server: Server, ways: Mapping[str, Sequence[str | Path]], source: Mapping[str, str], number: int
) -> dict[str, Spent]:
    spent = {}
    for index, (way, command) in enumerate(ways.items()):
        target = f"target-{number}-{index}"
        client = server.client()
        client.create_bucket(Bucket=target)
        client.put_object(Bucket=target, Key="first", Body=b"")  # a bucket's first object waits for its volumes
        client.delete_object(Bucket=target, Key="first")
        told = {"S3_ENDPOINT_URL": server.endpoint, "PYTHONPATH": str(ROOT)}
        spent[way] = run([str(part).replace("TARGET", target) for part in command], server.environment() | told)
        _check(client, target, source, way)
    return spent


def _check(client: Any, target: str, source: Mapping[str, str], way: str) -> None:
    """Raise CopiedWrong unless each object has one copy with its ETag: under its key, in a folder of that name, or in
    the source's. What else lies there has other names."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=target)
    entries = (entry for page in pages for entry in page.get("Contents", []))
    found = [(entry["Key"], entry["ETag"]) for entry in entries if ".bin" in entry["Key"]]
    copied = {_original(key): etag for key, etag in found}
    if len(found) != len(source) or copied != source:
        raise CopiedWrong(f"{way} copied {len(copied.items() & source.items())} of {len(source)} objects")


def _original(key: str) -> str:
    behind = key.partition(f"{SOURCE}/")[2] or key
    return behind.partition(".bin")[0] + ".bin"
