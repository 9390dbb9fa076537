"""Parts: what is stored is what the manifest says; what is not is named, and leaves nothing behind."""

import gzip
import subprocess
import sys
import zlib
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path

import pytest

from holdfast.warehouse import parts
from holdfast.warehouse.model import FileFormat, Part
from holdfast.warehouse.parts import Limits, PartCorrupt, PartTooLarge

ROWS = b'"lake","a.parquet","1"\n' * 5000


def a_part(body: bytes) -> Part:
    return Part("data/1.csv.gz", len(body), md5(body).hexdigest())


def pieces(body: bytes, size: int = 1000) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def stored(part: Part, body: bytes, folder: Path, file_format: FileFormat = FileFormat.CSV) -> bytes:
    return parts.store(part, file_format, pieces(body), folder / "part").read_bytes()


def test_csv_is_unpacked(tmp_path: Path) -> None:
    body = gzip.compress(ROWS)
    assert stored(a_part(body), body, tmp_path) == ROWS


@pytest.mark.parametrize("file_format", [FileFormat.ORC, FileFormat.PARQUET])
def test_other_formats_stay_as_they_are(file_format: FileFormat, tmp_path: Path) -> None:
    assert stored(a_part(ROWS), ROWS, tmp_path, file_format) == ROWS


@pytest.mark.parametrize("size", [1, 7, 1000, 1_000_000])
def test_gzip_may_have_several_members(size: int, tmp_path: Path) -> None:
    body = b"".join(map(gzip.compress, (ROWS, b"", b'"b"\n', ROWS[:100])))
    path = parts.store(a_part(body), FileFormat.CSV, pieces(body, size), tmp_path / "part")
    assert path.read_bytes() == ROWS + b'"b"\n' + ROWS[:100]


PACKED = gzip.compress(ROWS, mtime=0)
FLIPPED = PACKED[:40] + bytes([PACKED[40] ^ 1]) + PACKED[41:]


@pytest.mark.parametrize(
    ("part", "body", "fact"),
    [
        (a_part(PACKED), PACKED[:-1], f"its size should be {len(PACKED)} bytes, and is {len(PACKED) - 1} bytes"),
        (a_part(PACKED), PACKED + b"x", f"its size should be {len(PACKED)} bytes, and is more"),
        (a_part(PACKED), b"", "its size should be"),
        (a_part(PACKED), PACKED[:-9] + b"\0" + PACKED[-8:], "data/1.csv.gz: its "),
        (a_part(FLIPPED), FLIPPED, "its gzip data should be whole, and is damaged"),
        (a_part(PACKED[:-9]), PACKED[:-9], "its gzip data should be whole, and is cut off"),
        (a_part(PACKED + b"x"), PACKED + b"x", "its gzip data should be whole"),
        (a_part(ROWS), ROWS, "its gzip data should be whole, and is damaged"),
        (a_part(b""), b"", "its gzip data should be whole, and is cut off"),
        (a_part(PACKED + PACKED[:20]), PACKED + PACKED[:20], "is cut off"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_what_the_manifest_says_is_named_and_gone(
    part: Part, body: bytes, fact: str, tmp_path: Path
) -> None:
    with pytest.raises(PartCorrupt, match=r"data/1\.csv\.gz: ") as raised:
        stored(part, body, tmp_path)
    assert fact in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_other_bytes_of_the_same_size_have_another_md5(tmp_path: Path) -> None:
    with pytest.raises(PartCorrupt, match="its MD5 should be"):
        stored(a_part(b"a" * 5000), b"b" * 5000, tmp_path, FileFormat.PARQUET)


def test_too_much_of_it_is_not_read_to_its_end(tmp_path: Path) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 1000

    with pytest.raises(PartCorrupt, match="and is more"):
        parts.store(a_part(b"y" * 5000), FileFormat.PARQUET, endless(), tmp_path / "part")


def test_a_part_may_be_larger_than_is_allowed_for(tmp_path: Path) -> None:
    body = gzip.compress(ROWS)
    with pytest.raises(PartTooLarge, match="more than 1,000"):
        parts.store(a_part(body), FileFormat.CSV, pieces(body), tmp_path / "part", Limits(size=1000))
    assert list(tmp_path.iterdir()) == []


_BOMB = """
import resource, sys
from pathlib import Path
from holdfast.warehouse import parts
from holdfast.warehouse.model import FileFormat, Part
resource.setrlimit(resource.RLIMIT_FSIZE, (128 * 1024**2,) * 2)
body = Path(sys.argv[1]).read_bytes()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    parts.store(Part("bomb", len(body), ""), FileFormat.CSV, [body], Path(sys.argv[2]))
except parts.PartTooLarge as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_bomb_is_stopped_before_it_takes_128_megabytes_of_memory_or_disk(tmp_path: Path) -> None:
    """A quarter of a megabyte that becomes a quarter of a gigabyte, in one piece."""
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 22)
    (tmp_path / "bomb").write_bytes(b"".join(packer.compress(zeros) for _ in range(64)) + packer.flush())
    command = [sys.executable, "-c", _BOMB, str(tmp_path / "bomb"), str(tmp_path / "part")]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert int(done.stdout) < 128 * 1024  # kilobytes
    assert not (tmp_path / "part").exists()
