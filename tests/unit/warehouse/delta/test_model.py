"""What the names in a Delta log tell."""

import pytest

from holdfast.warehouse.delta.model import LogFile, LogName, Role, named
from tests.unit.warehouse.delta.domain import T0

V7 = "00000000000000000007"
UUID = "80a083e8-7026-4e79-81be-64bd76c43a11"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (f"{V7}.json", LogName(Role.COMMIT, 7)),
        (f"{V7}.checkpoint.parquet", LogName(Role.CHECKPOINT, 7)),
        (f"{V7}.checkpoint.0000000002.0000000003.parquet", LogName(Role.PART, 7, 2, 3)),
        (f"{V7}.checkpoint.{UUID}.json", LogName(Role.V2_CHECKPOINT, 7)),
        (f"{V7}.checkpoint.{UUID}.parquet", LogName(Role.V2_CHECKPOINT, 7)),
        (f"_sidecars/{UUID}.parquet", LogName(Role.SIDECAR)),
        ("_last_checkpoint", LogName(Role.LAST_CHECKPOINT)),
        (f"{V7}.crc", LogName(Role.CHECKSUM, 7)),
        (f"00000000000000000004.{V7}.compacted.json", LogName(Role.COMPACTION, 7)),
        (f"_staged_commits/{V7}.{UUID}.json", LogName(Role.STAGED, 7)),
        ("09223372036854775807.json", LogName(Role.COMMIT, 2**63 - 1)),
    ],
)
def test_a_name_tells_what_the_file_is(name: str, told: LogName) -> None:
    assert named(name) == told


@pytest.mark.parametrize(
    "name",
    [
        "",
        "7.json",
        f"{V7}.json.tmp",
        f".{V7}.json.crc",
        f"{V7}.json\n",
        "\u0667" * 20 + ".json",  # digits to Python, not to Delta
        "09223372036854775808.json",  # more than 64 bits
        f"{V7}.checkpoint.0000000000.0000000003.parquet",
        f"{V7}.checkpoint.0000000004.0000000003.parquet",
        f"{V7}.checkpoint.{UUID}.orc",
        f"_sidecars/deeper/{UUID}.parquet",
        f"elsewhere/{V7}.json",
        f"_staged_commits/{V7}.json",
    ],
)
def test_other_names_tell_nothing(name: str) -> None:
    assert named(name) == LogName(Role.OTHER)


def test_a_file_s_name_is_what_comes_behind_the_log_s_folder() -> None:
    assert LogFile("sales/orders/_delta_log/_sidecars/x.parquet", 1, T0).name == "_sidecars/x.parquet"
