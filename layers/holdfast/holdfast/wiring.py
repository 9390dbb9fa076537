"""Where ports meet AWS: each function's work, handed all it needs, made once in the life of a process."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import boto3

from holdfast import settings
from holdfast.adapters.cloudwatch import CloudWatchAlarm
from holdfast.adapters.dynamodb import DynamoBreakerStore, DynamoLedger
from holdfast.adapters.dynamodb_history import DynamoHistory
from holdfast.adapters.execute_api import SignedPlotApi
from holdfast.adapters.lambda_ import LambdaHeart
from holdfast.adapters.s3 import S3Bucket, S3PlotStore, S3Uploads
from holdfast.breaker.plan import Budget
from holdfast.breaker.run import Breaker
from holdfast.capacity import run
from holdfast.capacity.drive import Driver

if TYPE_CHECKING:
    from holdfast.capacity.plot import PlotAnswer


def now() -> datetime:
    return datetime.now(UTC)


@cache
def client(service: str) -> Any:
    """The one boto3 client of a service in this process."""
    return boto3.client(service)  # type: ignore[call-overload]


def _committing[T](work: Callable[..., T], told: settings.CapacityTrack | settings.CapacityReconcile) -> partial[T]:
    """Work that commits to the ledger what it learns of the bucket, beside others that do."""
    return partial(
        work,
        bucket=S3Bucket(client("s3"), told.bucket),
        bucket_name=told.bucket,
        ledger=DynamoLedger(client("dynamodb"), told.object_table, told.history_table, told.history_days),
        now=now,
        contest=run.Contest(time.sleep),
    )


@cache
def capacity_track() -> partial[list[str]]:
    return _committing(run.track, settings.read(settings.CapacityTrack))


@cache
def capacity_log() -> partial[None]:
    told = settings.read(settings.CapacityLog)
    return partial(run.record, ledger=DynamoLedger(client("dynamodb"), told.object_table, told.history_table))


@cache
def capacity_heartbeat() -> partial[int]:
    told = settings.read(settings.CapacityHeartbeat)
    return partial(
        run.heartbeat,
        bucket_name=told.bucket,
        ledger=DynamoLedger(client("dynamodb"), told.object_table, told.history_table),
    )


@cache
def capacity_trim() -> partial[run.Trimmed]:
    told = settings.read(settings.CapacityTrim)
    dynamodb = client("dynamodb")
    budget = Budget(told.breaker_share_percent, told.breaker_floor)
    return partial(
        run.trim,
        bucket=S3Bucket(client("s3"), told.bucket),
        bucket_name=told.bucket,
        ledger=DynamoLedger(dynamodb, told.object_table, told.history_table),
        alarm=CloudWatchAlarm(client("cloudwatch"), told.alarm_name),
        breaker=Breaker(DynamoBreakerStore(dynamodb, told.breaker_table), budget, now),
        limit_bytes=told.limit_bytes,
        keep_prefixes=told.keep_prefixes,
        delete_versions=told.delete_versions,
        copies=None,
    )


@cache
def capacity_reconcile() -> partial[run.Reconciled | None]:
    return _committing(run.reconcile, settings.read(settings.CapacityReconcile))


@cache
def capacity_drive() -> partial[Driver]:
    told = settings.read(settings.CapacityDrive)
    return partial(
        Driver,
        bucket_name=told.bucket,
        limit_bytes=told.limit_bytes,
        uploads=S3Uploads(client("s3"), told.bucket),
        history=DynamoHistory(client("dynamodb"), told.history_table),
        alarm=CloudWatchAlarm(client("cloudwatch"), told.alarm_name),
        heart=LambdaHeart(client("lambda"), told.heartbeat_function),
        plot=SignedPlotApi(boto3.Session(), told.plot_url),
        period_seconds=told.alarm_period_seconds,
        now=now,
        sleep=time.sleep,
    )


@cache
def capacity_plot() -> "partial[PlotAnswer]":
    from holdfast.capacity import plot  # noqa: PLC0415 it draws, and no other function has matplotlib

    told = settings.read(settings.CapacityPlot)
    return partial(
        plot.run,
        bucket=told.bucket,
        limit_bytes=told.limit_bytes,
        history=DynamoHistory(client("dynamodb"), told.history_table),
        plots=S3PlotStore(client("s3"), told.plot_bucket),
        now=now,
    )
