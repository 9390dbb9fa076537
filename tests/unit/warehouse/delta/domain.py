"""Logs by their names alone."""

from datetime import UTC, datetime

from holdfast.warehouse.delta.model import LOG_FOLDER, Log, LogFile, commit_name

T0 = datetime(2026, 1, 1, tzinfo=UTC)
UUIDS = ("80a083e8-7026-4e79-81be-64bd76c43a11", "3a0d65cd-4056-49b8-937b-95f9e3ee90e5")


def commits(*versions: int) -> list[str]:
    return [commit_name(version) for version in versions]


def checkpoint(version: int) -> str:
    return f"{version:020}.checkpoint.parquet"


def part(version: int, number: int, parts: int) -> str:
    return f"{version:020}.checkpoint.{number:010}.{parts:010}.parquet"


def v2_checkpoint(version: int, uuid: str = UUIDS[0], suffix: str = "json") -> str:
    return f"{version:020}.checkpoint.{uuid}.{suffix}"


def a_log(*names: str, root: str = "sales/orders/") -> Log:
    return Log("lake", root, [LogFile(f"{root}{LOG_FOLDER}/{name}", 100, T0) for name in names])
