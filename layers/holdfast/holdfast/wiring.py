"""Where ports meet AWS: each function's work, handed all it needs, made once in the life of a process.

Imports stand where they are used, because a cold start waits for every one of them.
"""
# ruff: noqa: PLC0415

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from holdfast import settings
from holdfast.ports import Log

if TYPE_CHECKING:
    from holdfast.adapters.dynamodb import DynamoLedger
    from holdfast.adapters.dynamodb_objects import DynamoCopyTable
    from holdfast.adapters.s3 import S3Bucket
    from holdfast.adapters.s3_documents import S3Documents
    from holdfast.adapters.s3_fleet import S3Buckets
    from holdfast.adapters.s3_objects import S3Backups, S3Copier
    from holdfast.breaker.run import Breaker
    from holdfast.capacity.drive import Driver
    from holdfast.capacity.plot import PlotAnswer
    from holdfast.capacity.ports import StoredCopies
    from holdfast.capacity.run import Reconciled, Trimmed
    from holdfast.capacity.settings import CapacityReconcile, CapacityTrack
    from holdfast.fleet.alert.ports import Channel
    from holdfast.fleet.alert.run import Alert
    from holdfast.fleet.cost.run import Cost
    from holdfast.fleet.model import Place, Service
    from holdfast.fleet.ports import Shelf
    from holdfast.fleet.restore.plan import Drills
    from holdfast.fleet.restore.ports import Provisioner
    from holdfast.fleet.restore.steps import Restore
    from holdfast.fleet.run import Fleet
    from holdfast.fleet.sets import Positions
    from holdfast.fleet.settings import Fleet as FleetSettings
    from holdfast.fleet.settings import FleetCost as FleetCostSettings
    from holdfast.fleet.settings import FleetStatus as FleetStatusSettings
    from holdfast.fleet.settings import Systems
    from holdfast.fleet.status.run import Status
    from holdfast.fleet.status.systems import Look
    from holdfast.fleet.steps import Backup as FleetBackup
    from holdfast.fleet.steps import Discover as FleetDiscover
    from holdfast.fleet.steps import Expire as FleetExpire
    from holdfast.fleet.steps import Report as FleetReport
    from holdfast.fleet.steps import Verify as FleetVerify
    from holdfast.fleet.watch.run import Watch
    from holdfast.objects.guard import Guard
    from holdfast.objects.ports import Copier
    from holdfast.objects.reconcile import Reconciliation
    from holdfast.objects.run import Cleaned, Keeper, Replication
    from holdfast.objects.settings import ObjectsClean, ObjectsReconcile, ObjectsReplicate
    from holdfast.ports import Each
    from holdfast.tables.archive import Archive
    from holdfast.tables.check import Checks
    from holdfast.tables.layout import ItemLayout, Layout
    from holdfast.tables.restore.steps import Steps
    from holdfast.tables.run import ArchiveOf, Outcome
    from holdfast.tables.settings import TablesArchive, TablesCheck, TablesRestore
    from holdfast.tables.view import View
    from holdfast.warehouse.model import Retention
    from holdfast.warehouse.run import Scratch, Warehouse
    from holdfast.warehouse.settings import Places
    from holdfast.warehouse.steps import Commit, Copy, Discover, Plan, Report, Retire, Validate, Verify


def now() -> datetime:
    return datetime.now(UTC)


CONNECTIONS = 32
"""How many requests a process has under way at most, to each service."""

WALKS_TOGETHER = 8
"""How many stretches of a bucket are compared side by side."""


_MAKING = Lock()
"""A session makes one client at a time."""


@cache
def client(service: str, region: str | None = None, role: str = "", *, attempts: int | None = None) -> Any:
    """The one boto3 client of a service in this process; of another region, with a role's permissions, or that tries
    so often and not as often as is usual."""
    session: Any = _assumed(role) if role else boto3
    config = Config(max_pool_connections=CONNECTIONS, retries={"total_max_attempts": attempts} if attempts else None)
    with _MAKING:
        return session.client(service, region, config=config)


@cache
def _assumed(role: str) -> boto3.Session:
    from holdfast.adapters.sts import assumed

    return assumed(client("sts"), role, "holdfast")


def _watched(bucket: str) -> "S3Bucket":
    from holdfast.adapters.s3 import S3Bucket

    return S3Bucket(client("s3"), bucket)


def _ledger(object_table: str, history_table: str, *history_days: int) -> "DynamoLedger":
    from holdfast.adapters.dynamodb import DynamoLedger

    return DynamoLedger(client("dynamodb"), object_table, history_table, *history_days)


def _committing[T](work: Callable[..., T], told: "CapacityTrack | CapacityReconcile") -> partial[T]:
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


def _breaker(table: str, share_percent: int, floor: int) -> "Breaker":
    from holdfast.adapters.dynamodb_breaker import DynamoBreakerStore
    from holdfast.breaker.plan import Budget
    from holdfast.breaker.run import Breaker

    return Breaker(DynamoBreakerStore(client("dynamodb"), table), Budget(share_percent, floor), now)


# Objects


def _copy_table(table: str) -> "DynamoCopyTable":
    from holdfast.adapters.dynamodb_objects import DynamoCopyTable

    return DynamoCopyTable(client("dynamodb"), table, now)


def _guard(told: "ObjectsReplicate | ObjectsClean | ObjectsReconcile") -> "Guard":
    from holdfast.adapters.dynamodb_objects import DynamoCensus
    from holdfast.objects.guard import Guard

    breaker = _breaker(told.breaker_table, told.breaker_share_percent, told.breaker_floor)
    return Guard(breaker, DynamoCensus(client("dynamodb"), told.copy_table), now)


def _backups(bucket: str, lock_days: int) -> "S3Backups":
    from holdfast.adapters.s3_objects import S3Backups

    return S3Backups(client("s3"), bucket, versioned=lock_days > 0)


def _keeper(told: "ObjectsReplicate | ObjectsReconcile", copier: "Copier", log: Log) -> "Keeper":
    from datetime import timedelta
    from secrets import token_hex

    from holdfast.adapters.s3_objects import S3Sources
    from holdfast.objects.plan import Rules
    from holdfast.objects.run import Keeper

    return Keeper(
        table=_copy_table(told.copy_table),
        sources=S3Sources(client("s3")),
        copier=copier,
        backups=_backups(told.backup_bucket, told.lock_days),
        guard=_guard(told),
        rules=Rules(
            told.copies_to_keep,
            locked=told.lock_days > 0,
            spare_younger_than=timedelta(seconds=told.minimum_copy_age),
        ),
        now=now,
        token=partial(token_hex, 4),
        log=log,
    )


def _copier(told: "ObjectsReplicate | ObjectsReconcile") -> "S3Copier":
    from holdfast.adapters.s3_objects import S3Copier

    return S3Copier(client("s3"), told.backup_bucket, told.storage_class, told.kms_key_arn or None)


def _bulk_copier(told: "ObjectsReconcile") -> "S3Copier":
    """For a whole bucket: thirty-two at a time, the SDK alone would keep the processor busy."""
    from dataclasses import replace
    from random import random

    from holdfast.adapters.s3_bulk import CopyObject

    session = boto3.DEFAULT_SESSION or boto3.Session()
    return replace(_copier(told), copy_object=CopyObject.like(client("s3"), session, time.sleep, random))


@cache
def objects_replicate(log: Log) -> "partial[Replication]":
    from holdfast.objects import run
    from holdfast.objects.settings import ObjectsReplicate

    told = settings.read(ObjectsReplicate)
    return partial(run.replicate_all, keeper=_keeper(told, _copier(told), log), backup_bucket=told.backup_bucket)


@cache
def objects_clean(log: Log) -> "partial[Cleaned]":
    from concurrent.futures import ThreadPoolExecutor
    from datetime import timedelta

    from holdfast.objects import run
    from holdfast.objects.settings import ObjectsClean

    told = settings.read(ObjectsClean)
    return partial(
        run.clean,
        table=_copy_table(told.copy_table),
        backups=_backups(told.backup_bucket, told.lock_days),
        guard=_guard(told),
        delay=timedelta(seconds=told.disowned_delay_seconds),
        now=now,
        each=ThreadPoolExecutor(CONNECTIONS).map,
        log=log,
    )


@cache
def objects_reconcile(log: Log) -> "partial[Reconciliation]":
    from concurrent.futures import ThreadPoolExecutor

    from holdfast.adapters.dynamodb_objects import DynamoCensus, DynamoPasses
    from holdfast.objects import reconcile
    from holdfast.objects.settings import ObjectsReconcile

    told = settings.read(ObjectsReconcile)
    return partial(
        reconcile.reconcile_all,
        told.buckets,
        keeper=_keeper(told, _bulk_copier(told), log),
        census=DynamoCensus(client("dynamodb"), told.copy_table),
        passes=DynamoPasses(client("dynamodb"), told.copy_table),
        side_by_side=ThreadPoolExecutor(WALKS_TOGETHER).map,
        each=ThreadPoolExecutor(CONNECTIONS).map,
    )


# Capacity


@cache
def capacity_track() -> partial[list[str]]:
    from holdfast.capacity import run
    from holdfast.capacity.settings import CapacityTrack

    return _committing(run.track, settings.read(CapacityTrack))


@cache
def capacity_log() -> partial[None]:
    from holdfast.capacity import run
    from holdfast.capacity.settings import CapacityLog

    told = settings.read(CapacityLog)
    return partial(run.record, ledger=_ledger(told.object_table, told.history_table))


@cache
def capacity_heartbeat() -> partial[int]:
    from holdfast.capacity import run
    from holdfast.capacity.settings import CapacityHeartbeat

    told = settings.read(CapacityHeartbeat)
    ledger = _ledger(told.object_table, told.history_table)
    return partial(run.heartbeat, bucket_name=told.bucket, ledger=ledger)


@cache
def capacity_trim() -> "partial[Trimmed]":
    from holdfast.adapters.cloudwatch import CloudWatchAlarm
    from holdfast.capacity import run
    from holdfast.capacity.settings import CapacityTrim

    told = settings.read(CapacityTrim)
    return partial(
        run.trim,
        bucket=_watched(told.bucket),
        bucket_name=told.bucket,
        ledger=_ledger(told.object_table, told.history_table),
        alarm=CloudWatchAlarm(client("cloudwatch"), told.alarm_name),
        breaker=_breaker(told.breaker_table, told.breaker_share_percent, told.breaker_floor),
        limit_bytes=told.limit_bytes,
        keep_prefixes=told.keep_prefixes,
        delete_versions=told.delete_versions,
        copies=stored_copies(
            told.bucket,
            required=told.require_backup,
            protected=told.protected_buckets,
            copy_table=told.copy_table,
        ),
    )


def stored_copies(bucket: str, *, required: bool, protected: Sequence[str], copy_table: str) -> "StoredCopies | None":
    """Who tells whether an object of the watched bucket has a copy; None if it may go without one."""
    if not (required and copy_table and bucket in protected):
        return None
    from holdfast.objects.stored_copies import TableOfCopies

    return TableOfCopies(_copy_table(copy_table))


@cache
def capacity_reconcile() -> "partial[Reconciled | None]":
    from holdfast.capacity import run
    from holdfast.capacity.settings import CapacityReconcile

    return _committing(run.reconcile, settings.read(CapacityReconcile))


@cache
def capacity_drive() -> "partial[Driver]":
    from holdfast.adapters.cloudwatch import CloudWatchAlarm
    from holdfast.adapters.dynamodb_history import DynamoHistory
    from holdfast.adapters.execute_api import SignedPlotApi
    from holdfast.adapters.lambda_ import LambdaHeart
    from holdfast.adapters.s3 import S3Uploads
    from holdfast.capacity.drive import Driver
    from holdfast.capacity.settings import CapacityDrive

    told = settings.read(CapacityDrive)
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
    from holdfast.capacity.settings import CapacityPlot

    told = settings.read(CapacityPlot)
    return partial(
        plot.run,
        bucket=told.bucket,
        limit_bytes=told.limit_bytes,
        history=DynamoHistory(client("dynamodb"), told.history_table),
        plots=S3PlotStore(client("s3"), told.plot_bucket),
        now=now,
    )


# Tables


def _archive_of(bucket: str, prefix: str) -> "ArchiveOf":
    from holdfast.adapters.s3_tables import S3Store
    from holdfast.tables import naming
    from holdfast.tables.archive import Archive

    return lambda table: Archive(table, S3Store(client("s3"), bucket, naming.folder(prefix, table)))


def _key_names(table: str) -> Sequence[str]:
    from holdfast.tables.model import Description

    return Description(0, client("dynamodb").describe_table(TableName=table)["Table"], {}).key_names


def item_layout(bucket: str, prefix: str, *, tenant_column: str, plain_names: bool, each: "Each") -> "ItemLayout":
    """The layout `item`: a table is asked for its key once, however many items it has."""
    from holdfast.adapters.s3_tables import S3ItemObjects
    from holdfast.tables.layout import ItemLayout

    return ItemLayout(
        S3ItemObjects(client("s3"), bucket),
        prefix,
        has_tenants=bool(tenant_column),
        plain_names=plain_names,
        key_names=cache(_key_names),
        each=each,
    )


def _layout(told: "TablesArchive") -> "Layout":
    from holdfast.tables.layout import SegmentLayout

    match told.archive_layout:
        case "segment":
            return SegmentLayout()
        case "item":
            from concurrent.futures import ThreadPoolExecutor

            return item_layout(
                told.backup_bucket,
                told.backup_prefix,
                tenant_column=told.multi_tenancy_column,
                plain_names=told.plain_text_key_as_filename,
                each=ThreadPoolExecutor(CONNECTIONS).map,
            )
        case other:
            raise settings.SettingInvalid("ARCHIVE_LAYOUT", other, "segment or item")


@cache
def tables_archive(log: Log) -> "partial[Outcome]":
    from holdfast.tables import run
    from holdfast.tables.settings import TablesArchive

    told = settings.read(TablesArchive)
    return partial(
        run.archive,
        archive_of=_archive_of(told.backup_bucket, told.backup_prefix),
        layout=_layout(told),
        tenant_column=told.multi_tenancy_column,
        now=now,
        log=log,
    )


def _view_of(told: "TablesCheck | TablesRestore", each: "Each") -> "Callable[[str], View]":
    from holdfast.adapters.s3_tables import S3ItemObjects
    from holdfast.tables.view import View

    archive_of = _archive_of(told.backup_bucket, told.backup_prefix)
    return lambda table: View(archive_of(table), S3ItemObjects(client("s3"), told.backup_bucket), each)


@cache
def tables_check(log: Log) -> "partial[Checks]":
    from concurrent.futures import ThreadPoolExecutor
    from random import Random

    from holdfast.adapters.dynamodb_streams import DynamoStream
    from holdfast.adapters.dynamodb_tables import DynamoTable
    from holdfast.tables import check
    from holdfast.tables.settings import TablesCheck

    told = settings.read(TablesCheck)
    each = ThreadPoolExecutor(CONNECTIONS).map
    view_of = _view_of(told, each)
    return partial(
        check.check_all,
        told.tables,
        subject_of=lambda table: check.Subject(DynamoTable(client("dynamodb"), table), view_of(table)),
        stream_of=partial(DynamoStream, client("dynamodbstreams")),
        sample=told.check_items,
        each=each,
        now=now,
        sleep=time.sleep,
        random=Random(),  # noqa: S311 it chooses a sample
        log=log,
    )


@cache
def tables_restore() -> "Steps":
    from concurrent.futures import ThreadPoolExecutor
    from random import random

    from holdfast.adapters.dynamodb_tables import DynamoTable
    from holdfast.tables.restore.steps import Steps
    from holdfast.tables.settings import TablesRestore

    told = settings.read(TablesRestore)
    each = ThreadPoolExecutor(CONNECTIONS).map
    return Steps(
        view_of=_view_of(told, each),
        table_of=partial(DynamoTable, client("dynamodb")),
        each=each,
        now=now,
        seconds=time.monotonic,
        sleep=time.sleep,
        random=random,
    )


# Warehouse


def _warehouse(told: "Places", log: Log) -> "Warehouse":
    """Steps without a database use little memory, and next to no disk."""
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path
    from tempfile import gettempdir

    from holdfast.warehouse.run import Scratch
    from holdfast.warehouse.settings import Database

    scratch = Scratch(Path(gettempdir()), 128 * 1024**2, 1)
    if isinstance(told, Database):
        scratch = Scratch(Path(told.scratch_folder), told.database_megabytes * 1024**2, told.database_threads)
    return warehouse(told, scratch, ThreadPoolExecutor(CONNECTIONS).map, log)


def warehouse(places: "Places", scratch: "Scratch", each: "Each", log: Log) -> "Warehouse":
    """The buckets of a stack's warehouse, for its functions and for commands."""
    from holdfast.adapters.s3_warehouse import S3WarehouseBucket
    from holdfast.warehouse.naming import Names
    from holdfast.warehouse.run import Warehouse

    bucket_of = partial(S3WarehouseBucket, client("s3"))
    inventory_bucket, _, folder = places.inventories.removeprefix("s3://").partition("/")
    return Warehouse(
        backup=bucket_of(places.backup_bucket),
        names=Names(f"{places.backup_prefix}/"),
        inventory_bucket=bucket_of(inventory_bucket),
        inventories=f"{folder}/" if folder else "",
        bucket_of=bucket_of,
        scratch=scratch,
        each=each,
        now=now,
        log=log,
    )


@cache
def warehouse_discover(log: Log) -> "Discover":
    from holdfast.warehouse.settings import WarehouseDiscover
    from holdfast.warehouse.steps import Discover

    told = settings.read(WarehouseDiscover)
    return Discover(_warehouse(told, log), told.sources, told.source_buckets)


@cache
def warehouse_validate(log: Log) -> "Validate":
    from datetime import timedelta

    from holdfast.warehouse.model import Limits
    from holdfast.warehouse.settings import WarehouseValidate
    from holdfast.warehouse.steps import Validate
    from holdfast.warehouse.validate import Rules

    told = settings.read(WarehouseValidate)
    limits = Limits(told.lambda_files, told.lambda_bytes, told.task_bytes)
    rules = Rules(limits, timedelta(days=told.max_inventory_age_days), told.has_task)
    return Validate(_warehouse(told, log), rules)


@cache
def warehouse_plan(log: Log) -> "Plan":
    from holdfast.warehouse.orders import Orders
    from holdfast.warehouse.settings import WarehousePlan
    from holdfast.warehouse.steps import Plan

    told = settings.read(WarehousePlan)
    orders = Orders(told.direct_objects, told.storage_class)
    return Plan(_warehouse(told, log), orders, _retention(told.retire_after_days, told.grace_days))


def _retention(retire_after_days: int, grace_days: int) -> "Retention":
    from datetime import timedelta

    from holdfast.warehouse.model import Retention

    return Retention(timedelta(days=retire_after_days), timedelta(days=grace_days))


@cache
def warehouse_copy(log: Log) -> "Copy":
    from random import random

    from holdfast.adapters.s3_bulk import CopyObject
    from holdfast.adapters.s3_objects import S3Copier
    from holdfast.adapters.s3_warehouse import S3WarehouseCopier
    from holdfast.warehouse.settings import WarehouseCopy
    from holdfast.warehouse.steps import Copy

    told = settings.read(WarehouseCopy)
    session = boto3.DEFAULT_SESSION or boto3.Session()
    copy_object = CopyObject.like(client("s3"), session, time.sleep, random)

    def copier_of(bucket: str, storage_class: str) -> S3WarehouseCopier:
        copier = S3Copier(client("s3"), told.backup_bucket, storage_class, copy_object=copy_object)
        return S3WarehouseCopier.from_bucket(bucket, copier)

    return Copy(_warehouse(told, log), copier_of)


@cache
def warehouse_commit(log: Log) -> "Commit":
    from holdfast.warehouse.orders import Orders
    from holdfast.warehouse.settings import WarehouseCommit
    from holdfast.warehouse.steps import Commit

    told = settings.read(WarehouseCommit)
    return Commit(_warehouse(told, log), Orders(told.direct_objects, told.storage_class))


@cache
def warehouse_verify(log: Log) -> "Verify":
    from holdfast.warehouse.settings import WarehouseVerify
    from holdfast.warehouse.steps import Verify

    return Verify(_warehouse(settings.read(WarehouseVerify), log))


@cache
def warehouse_retire(log: Log) -> "Retire":
    from holdfast.warehouse.retire import Rules
    from holdfast.warehouse.settings import WarehouseRetire
    from holdfast.warehouse.steps import Retire

    told = settings.read(WarehouseRetire)
    retention = _retention(told.retire_after_days, told.grace_days)
    breaker = _breaker(told.breaker_table, told.breaker_share_percent, told.breaker_floor)
    return Retire(_warehouse(told, log), Rules(retention, told.keep_runs), breaker)


@cache
def warehouse_report(log: Log) -> "Report":
    from holdfast.adapters.slack import SlackMessenger
    from holdfast.warehouse.settings import WarehouseReport
    from holdfast.warehouse.steps import Report

    told = settings.read(WarehouseReport)
    message = SlackMessenger(client("secretsmanager"), told.slack_secret_arn, log) if told.slack_secret_arn else _nobody
    return Report(_warehouse(told, log), message)


def _nobody(message: str) -> None:
    """Where there is nobody to tell."""


# Fleet


def fleet(told: "FleetSettings", log: Log) -> "Fleet":
    """What a stack's fleet is, for its functions and for commands."""
    from concurrent.futures import ThreadPoolExecutor
    from datetime import timedelta

    from holdfast.fleet.model import Keep
    from holdfast.fleet.run import Fleet, Rules

    return Fleet(
        stack=told.owner,
        rules=Rules(
            regions=told.regions,
            include_all=told.include_all,
            images=told.images,
            copies_to=_copies_to(told),
            keep=Keep(told.keep_daily, told.keep_weekly, told.keep_monthly, told.keep_yearly),
            minimum=timedelta(days=told.minimum_days),
            require_encryption=told.require_encryption,
            patience=timedelta(minutes=told.patience_minutes),
            poll_seconds=told.poll_seconds,
            replica_suffix=told.replica_suffix,
        ),
        documents=_documents(told.fleet_bucket),
        shelf_of=partial(_shelf, told),
        buckets_of=partial(_buckets, told),
        each=ThreadPoolExecutor(CONNECTIONS).map,
        now=now,
        log=log,
    )


def _documents(bucket: str) -> "S3Documents":
    from holdfast.adapters.s3_documents import S3Documents

    return S3Documents(client("s3"), bucket)


def _copies_to(told: "FleetSettings") -> "Place | None":
    from holdfast.fleet.model import Place

    if not told.copy_region:
        return None
    account = told.copy_role_arn.split(":")[4] if told.copy_role_arn else told.account
    return Place(told.copy_region, account if account != told.account else "")


def _in_place(told: "FleetSettings", service: str, place: "Place", attempts: int | None = None) -> Any:
    """A client of a service in a place."""
    return client(service, place.region, told.copy_role_arn if place.account else "", attempts=attempts)


def _shelf(told: "FleetSettings", service: "Service", place: "Place") -> "Shelf":
    from holdfast.adapters.ec2_fleet import Ec2Shelf
    from holdfast.adapters.rds_fleet import RdsShelf
    from holdfast.fleet.model import Service

    made = _in_place(told, service.value, place)
    kms = _in_place(told, "kms", place)
    account = place.account or told.account
    key = told.copy_kms_key_arn if place == _copies_to(told) else ""
    if service is Service.RDS:
        return RdsShelf(made, kms, place.region, account, told.owner, told.account, key)
    once = partial(_in_place, told, service.value, place, attempts=1)
    where = (place.region, account, told.owner, told.partition, told.account)
    return Ec2Shelf(made, kms, *where, key, images=told.images, once=once)


def _buckets(told: "FleetSettings", region: str) -> "S3Buckets":
    from holdfast.adapters.s3_fleet import S3Buckets, S3Replicas

    there = told.copy_region or region
    return S3Buckets(
        client("s3", region),
        client("s3control", region),
        S3Replicas(client("s3", there), there, told.owner, "" if told.copy_role_arn else told.copy_kms_key_arn),
        region,
        told.account,
        told.replication_role_arn,
        told.partition,
        switch=told.switch_versioning_on,
    )


@cache
def fleet_discover(log: Log) -> "FleetDiscover":
    from holdfast.fleet import settings as fleet_settings
    from holdfast.fleet.steps import Discover

    return Discover(fleet(settings.read(fleet_settings.FleetDiscover), log))


@cache
def fleet_backup(log: Log) -> "FleetBackup":
    from holdfast.fleet import settings as fleet_settings
    from holdfast.fleet.steps import Backup

    return Backup(fleet(settings.read(fleet_settings.FleetBackup), log))


@cache
def fleet_verify(log: Log) -> "FleetVerify":
    from holdfast.fleet import settings as fleet_settings
    from holdfast.fleet.steps import Verify

    return Verify(fleet(settings.read(fleet_settings.FleetVerify), log))


@cache
def fleet_expire(log: Log) -> "FleetExpire":
    from holdfast.fleet import settings as fleet_settings
    from holdfast.fleet.steps import Expire

    told = settings.read(fleet_settings.FleetExpire)
    breaker = _breaker(told.breaker_table, told.breaker_share_percent, told.breaker_floor)
    return Expire(fleet(told, log), breaker)


@cache
def fleet_report(log: Log) -> "FleetReport":
    from holdfast.fleet import settings as fleet_settings
    from holdfast.fleet.steps import Report

    told = settings.read(fleet_settings.FleetReport)
    return Report(fleet(told, log), _positions(told, log))


def _positions(told: "Systems", log: Log) -> "dict[str, Positions]":
    """What each of the other systems that are deployed has of a moment."""
    from holdfast.adapters.dynamodb_objects import DynamoPasses
    from holdfast.fleet import positions

    found = {}
    if told.copy_table:
        found["objects"] = positions.objects(DynamoPasses(client("dynamodb"), told.copy_table), told.objects_buckets)
    if told.archive_bucket:
        found["tables"] = positions.tables(_archives(told))
    if told.warehouse_bucket:
        found["warehouse"] = positions.warehouse(_lake(told, log))
    return found


def _archives(told: "Systems") -> "list[Archive]":
    return list(map(_archive_of(told.archive_bucket, told.archive_prefix), told.archived_tables))


def _lake(told: "Systems", log: Log) -> "Warehouse":
    from holdfast.warehouse.settings import Places

    return _warehouse(Places(told.inventories, told.warehouse_bucket, told.warehouse_prefix), log)


@cache
def fleet_status(log: Log) -> "Status":
    from holdfast.fleet.settings import FleetStatus

    return status(settings.read(FleetStatus), log)


def status(told: "FleetStatusSettings", log: Log) -> "Status":
    """Who tells how all systems stand, for the function and for commands."""
    from concurrent.futures import ThreadPoolExecutor

    from holdfast.adapters.cloudwatch import StackAlarms
    from holdfast.adapters.dynamodb_breaker import DynamoBreakerStore
    from holdfast.fleet.status.run import Status

    breakers = DynamoBreakerStore(client("dynamodb"), told.breaker_table)
    return Status(
        told.stack,
        _looks(told, log),
        StackAlarms(client("cloudwatch"), told.stack),
        breakers=("objects", "capacity", "warehouse", "fleet"),
        why_open=lambda system: breakers.load(system).open_reason,
        each=ThreadPoolExecutor(CONNECTIONS).map,
        now=now,
        log=log,
    )


def _looks(told: "FleetStatusSettings", log: Log) -> "dict[str, Look]":
    """How the systems that are deployed are looked at."""
    from datetime import timedelta

    from holdfast.adapters.dynamodb_objects import DynamoCensus, DynamoPasses
    from holdfast.fleet.status import systems
    from holdfast.warehouse.runs import newest_first

    found: dict[str, Look] = {}
    if told.fleet_bucket:
        found["fleet"] = systems.fleet(_documents(told.fleet_bucket))
    if told.copy_table:
        census = DynamoCensus(client("dynamodb"), told.copy_table)
        found["objects"] = systems.objects(
            census, DynamoPasses(client("dynamodb"), told.copy_table), told.objects_buckets
        )
    if told.archive_bucket:
        found["tables"] = systems.tables(_archives(told))
    if told.warehouse_bucket:
        lake = _lake(told, log)
        alarm_after = timedelta(days=told.warehouse_alarm_after_days)
        found["warehouse"] = systems.warehouse(
            lambda: next(filter(None, (run.report(lake) for run in newest_first(lake))), None), alarm_after
        )
    if told.object_table:
        ledger = _ledger(told.object_table, told.history_table)
        found["capacity"] = systems.capacity(ledger, told.capacity_bucket, told.limit_bytes)
    return found


@cache
def fleet_alert(log: Log) -> "Alert":
    from concurrent.futures import ThreadPoolExecutor

    from holdfast.adapters.sns import SnsChannel
    from holdfast.adapters.webhooks import PagerDutyChannel, SlackChannel, Webhook
    from holdfast.fleet.alert.run import Alert
    from holdfast.fleet.settings import FleetAlert

    told = settings.read(FleetAlert)
    each = ThreadPoolExecutor(CONNECTIONS).map
    channels: list[Channel] = [SnsChannel(client("sns"), told.topic_arn)]
    if told.slack_secret_arn:
        channels.append(SlackChannel(Webhook(client("secretsmanager"), told.slack_secret_arn)))
    if told.pager_duty_secret_arn:
        channels.append(PagerDutyChannel(Webhook(client("secretsmanager"), told.pager_duty_secret_arn), each=each))
    return Alert(told.stack, _documents(told.fleet_bucket), channels, each, now, log)


def restoring(told: "FleetSettings", drills: "Drills | None", log: Log) -> "Restore":
    """Who restores, for the function and for commands."""
    from holdfast.adapters.s3_objects import S3Copier
    from holdfast.adapters.s3_versions import S3Versions
    from holdfast.fleet.restore.steps import Restore

    versions = S3Versions(client("s3"), lambda bucket: S3Copier(client("s3"), bucket, "STANDARD"))
    return Restore(fleet(told, log), partial(_provisioner, told), versions, drills)


def _provisioner(told: "FleetSettings", service: "Service", place: "Place") -> "Provisioner":
    from holdfast.adapters.ec2_restore import Ec2Provisioner
    from holdfast.adapters.rds_restore import RdsProvisioner
    from holdfast.fleet.model import Service

    made = _in_place(told, service.value, place)
    if service is Service.RDS:
        return RdsProvisioner(made)
    return Ec2Provisioner(made, place.region, place.account or told.account, told.partition)


@cache
def fleet_restore(log: Log) -> "Restore":
    from holdfast.fleet.restore.plan import Drills
    from holdfast.fleet.settings import FleetRestore

    told = settings.read(FleetRestore)
    drills = Drills(told.region, told.drill_count, told.drill_subnet_id, told.drill_db_subnet_group)
    can_drill = told.drill_subnet_id or told.drill_db_subnet_group
    return restoring(told, drills if can_drill else None, log)


@cache
def fleet_watch(log: Log) -> "Watch":
    from datetime import timedelta

    from holdfast.adapters.sns import confirmed
    from holdfast.fleet.settings import FleetWatch
    from holdfast.fleet.watch.plan import Rules
    from holdfast.fleet.watch.run import Watch

    told = settings.read(FleetWatch)
    webhooks = len([secret for secret in (told.slack_secret_arn, told.pager_duty_secret_arn) if secret])
    return Watch(
        fleet(told, log),
        Rules(timedelta(hours=told.rpo_hours), timedelta(hours=told.grace_hours)),
        lambda: confirmed(client("sns"), told.topic_arn) + webhooks,
    )


@cache
def fleet_cost(log: Log) -> "Cost":
    from holdfast.fleet.settings import FleetCost

    return costs(settings.read(FleetCost), log)


def costs(told: "FleetCostSettings", log: Log) -> "Cost":
    """Who adds costs up, for the function and for commands."""
    from holdfast.adapters.cost_explorer import CostExplorer
    from holdfast.adapters.stored_sizes import MeasuredSizes
    from holdfast.fleet.cost.plan import Lifecycle
    from holdfast.fleet.cost.run import Bucket, Cost, Table

    mine = fleet(told, log)
    buckets = [Bucket(*_named(pair), told.region) for pair in told.system_buckets]
    return Cost(
        documents=mine.documents,
        backups=mine.backups,
        buckets=[*buckets, Bucket("fleet", told.fleet_bucket, told.region, ages=True)],
        tables=[Table(*_named(pair)) for pair in told.system_tables],
        region=told.region,
        replicas=told.copy_region,
        keep=mine.rules.keep,
        lifecycle=Lifecycle(told.infrequent_access_days, told.glacier_days, told.deep_archive_days),
        sizes=MeasuredSizes(partial(client, "cloudwatch"), client("dynamodb")),
        spend=CostExplorer(client("ce", "us-east-1")) if told.cost_explorer else None,
        each=mine.each,
        now=now,
        log=log,
    )


def _named(pair: str) -> tuple[str, str]:
    """What SYSTEM=NAME says."""
    system, _, name = pair.partition("=")
    return system, name
