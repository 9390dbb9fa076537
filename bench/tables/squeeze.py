"""Compresses the files of a folder by each way there is, and prints what it came to as JSON.

It is run as a file, by the interpreter that has zstandard.
"""

import gzip
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import zstandard

ROUNDS = 5

type Squeeze = Callable[[bytes], bytes]


def _gzip(level: int) -> tuple[Squeeze, Squeeze]:
    return lambda whole: gzip.compress(whole, level, mtime=0), gzip.decompress


def _zstd(level: int) -> tuple[Squeeze, Squeeze]:
    return zstandard.ZstdCompressor(level).compress, zstandard.ZstdDecompressor().decompress


WAYS = {f"gzip -{level}": _gzip(level) for level in (1, 6, 9)} | {f"zstd -{level}": _zstd(level) for level in (1, 3, 9)}


def _seconds(squeeze: Squeeze, wholes: Sequence[bytes]) -> float:
    """Of processor time, in the best round."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for whole in wholes:
            squeeze(whole)
        rounds.append(time.process_time() - began)
    return min(rounds)


def main(folder: Path) -> None:
    wholes = [file.read_bytes() for file in sorted(folder.iterdir())]
    told = {}
    for name, (squeeze, expand) in WAYS.items():
        squeezed = list(map(squeeze, wholes))
        told[name] = [sum(map(len, squeezed)), _seconds(squeeze, wholes), _seconds(expand, squeezed)]
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
