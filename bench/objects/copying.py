"""Our own ways to copy a bucket into another. Each is the whole work of a process that is measured."""

import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from random import random
from secrets import token_hex
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from holdfast.adapters.memory import MemoryBreakerStore
from holdfast.adapters.memory_objects import MemoryCopyTable
from holdfast.adapters.s3_bulk import CopyObject
from holdfast.adapters.s3_objects import S3Backups, S3Copier, S3Sources
from holdfast.breaker.plan import Budget
from holdfast.breaker.run import Breaker
from holdfast.objects.guard import Guard
from holdfast.objects.model import Copy, CopyKey, Kept, Original, Stored, Version
from holdfast.objects.plan import Rules
from holdfast.objects.reconcile import reconcile
from holdfast.objects.run import Keeper

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

THREADS = 64
"""As many requests are under way as s5cmd and rclone are allowed."""


def now() -> datetime:
    return datetime.now(UTC)


def with_boto3(source: str, target: str) -> None:
    _copy_all(source, S3Copier(_client(), target, "STANDARD"))


def in_bulk(source: str, target: str) -> None:
    with bulk_copier(target) as copier:
        _copy_all(source, copier)


class Partitions(MemoryCopyTable):
    """A copy table in memory for many threads and originals: what is kept of each is a table of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = defaultdict[Original, MemoryCopyTable](MemoryCopyTable)

    def read(self, original: Original) -> Kept:
        return self.tables[original].read(original)

    def announce(self, copy: Copy) -> None:
        self.tables[copy.original].announce(copy)

    def activate(self, copy: Copy, stored: Stored) -> None:
        self.tables[copy.original].activate(copy, stored)


def reconciling(source: str, target: str) -> None:
    """A pass of objects_reconcile over a bucket without copies; what it keeps in tables is kept in memory."""
    table = Partitions()
    with bulk_copier(target) as copier, ThreadPoolExecutor(THREADS) as threads:
        keeper = Keeper(
            table=table,
            sources=S3Sources(copier.client),
            copier=copier,
            backups=S3Backups(copier.client, target, versioned=False),
            guard=Guard(Breaker(MemoryBreakerStore(), Budget(10, 1), now), table, now),
            rules=Rules(copies_to_keep=3),
            now=now,
            token=lambda: token_hex(4),
            log=lambda *_, **__: None,
        )
        reconcile(
            source,
            by_schedule=False,
            keeper=keeper,
            passes=table,
            time_left=lambda: True,
            side_by_side=map,
            each=threads.map,
        )


def _copy_all(source: str, copier: S3Copier) -> None:
    def copy(found: Version) -> None:
        copier.copy(found, CopyKey(found.original.key))

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(copy, S3Sources(copier.client).listing(source, "", "")))


@contextmanager
def bulk_copier(target: str) -> Iterator[S3Copier]:
    client = _client()
    copy_object = CopyObject.like(client, boto3.DEFAULT_SESSION or boto3.Session(), time.sleep, random)
    yield S3Copier(client, target, "STANDARD", copy_object=copy_object)
    copy_object.close()


def _client() -> "S3Client":
    return boto3.client("s3", config=Config(max_pool_connections=THREADS))
