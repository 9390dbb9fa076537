"""Where ports meet AWS: each function's work, handed all it needs, made once in the life of a process.

Imports stand where they are used, because a cold start waits for every one of them.
"""
# ruff: noqa: PLC0415

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import boto3

from holdfast import settings

if TYPE_CHECKING:
    from holdfast.adapters.dynamodb import DynamoLedger
    from holdfast.adapters.s3 import S3Bucket
    from holdfast.capacity.drive import Driver
    from holdfast.capacity.plot import PlotAnswer
    from holdfast.capacity.run import Reconciled, Trimmed


def now() -> datetime:
    return datetime.now(UTC)


@cache
def client(service: str) -> Any:
    """The one boto3 client of a service in this process."""
    return boto3.client(service)  # type: ignore[call-overload]


def _watched(bucket: str) -> "S3Bucket":
    from holdfast.adapters.s3 import S3Bucket

    return S3Bucket(client("s3"), bucket)


def _ledger(object_table: str, history_table: str, *history_days: int) -> "DynamoLedger":
    from holdfast.adapters.dynamodb import DynamoLedger

    return DynamoLedger(client("dynamodb"), object_table, history_table, *history_days)


def _committing[T](work: Callable[..., T], told: settings.CapacityTrack | settings.CapacityReconcile) -> partial[T]:
    """Work that commits to the ledger what it learns of the bucket, beside others that do."""
    from holdfast.capacity.run import Contest

    return partial(
        work,
        bucket=_watched(told.bucket),
        bucket_name=told.bucket,
        ledger=_ledger(told.object_table, told.history_table, told.history_days),
        now=now,
        contest=Contest(time.sleep),
    )


@cache
def capacity_track() -> partial[list[str]]:
    from holdfast.capacity import run

    return _committing(run.track, settings.read(settings.CapacityTrack))


@cache
def capacity_log() -> partial[None]:
    from holdfast.capacity import run

    told = settings.read(settings.CapacityLog)
    return partial(run.record, ledger=_ledger(told.object_table, told.history_table))


@cache
def capacity_heartbeat() -> partial[int]:
    from holdfast.capacity import run

    told = settings.read(settings.CapacityHeartbeat)
    ledger = _ledger(told.object_table, told.history_table)
    return partial(run.heartbeat, bucket_name=told.bucket, ledger=ledger)


@cache
def capacity_trim() -> "partial[Trimmed]":
    from holdfast.adapters.cloudwatch import CloudWatchAlarm
    from holdfast.adapters.dynamodb import DynamoBreakerStore
    from holdfast.breaker.plan import Budget
    from holdfast.breaker.run import Breaker
    from holdfast.capacity import run

    told = settings.read(settings.CapacityTrim)
    budget = Budget(told.breaker_share_percent, told.breaker_floor)
    return partial(
        run.trim,
        bucket=_watched(told.bucket),
        bucket_name=told.bucket,
        ledger=_ledger(told.object_table, told.history_table),
        alarm=CloudWatchAlarm(client("cloudwatch"), told.alarm_name),
        breaker=Breaker(DynamoBreakerStore(client("dynamodb"), told.breaker_table), budget, now),
        limit_bytes=told.limit_bytes,
        keep_prefixes=told.keep_prefixes,
        delete_versions=told.delete_versions,
        copies=None,
    )


@cache
def capacity_reconcile() -> "partial[Reconciled | None]":
    from holdfast.capacity import run

    return _committing(run.reconcile, settings.read(settings.CapacityReconcile))


@cache
def capacity_drive() -> "partial[Driver]":
    from holdfast.adapters.cloudwatch import CloudWatchAlarm
    from holdfast.adapters.dynamodb_history import DynamoHistory
    from holdfast.adapters.execute_api import SignedPlotApi
    from holdfast.adapters.lambda_ import LambdaHeart
    from holdfast.adapters.s3 import S3Uploads
    from holdfast.capacity.drive import Driver

    told = settings.read(settings.CapacityDrive)
    return partial(
        Driver,
        bucket_name=told.bucket,
        limit_bytes=told.limit_bytes,
        uploads=S3Uploads(client("s3"), told.bucket),
        history=DynamoHistory(client("dynamodb"), told.history_table),
        alarm=CloudWatchAlarm(client("cloudwatch"), told.alarm_name),
        heart=LambdaHeart(client("lambda"), told.heartbeat_function),
        plot=SignedPlotApi(boto3.DEFAULT_SESSION or boto3.Session(), told.plot_url),
        period_seconds=told.alarm_period_seconds,
        now=now,
        sleep=time.sleep,
    )


@cache
def capacity_plot() -> "partial[PlotAnswer]":
    from holdfast.adapters.dynamodb_history import DynamoHistory
    from holdfast.adapters.s3 import S3PlotStore
    from holdfast.capacity import plot

    told = settings.read(settings.CapacityPlot)
    return partial(
        plot.run,
        bucket=told.bucket,
        limit_bytes=told.limit_bytes,
        history=DynamoHistory(client("dynamodb"), told.history_table),
        plots=S3PlotStore(client("s3"), told.plot_bucket),
        now=now,
    )
