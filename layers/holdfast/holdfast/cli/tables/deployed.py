"""The tables system of a stack, as the commands of this package use it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from holdfast import wiring
from holdfast.adapters.dynamodb_tables import DynamoTable
from holdfast.adapters.failure_queue import SqsFailureQueue
from holdfast.adapters.s3_tables import S3ItemObjects, S3Store
from holdfast.adapters.stack import Stack
from holdfast.cli.stack import find
from holdfast.tables import naming
from holdfast.tables.archive import Archive
from holdfast.tables.descriptions import describe
from holdfast.tables.ports import TableMissing
from holdfast.tables.view import View

SYSTEM = "tables"


@dataclass(frozen=True, slots=True)
class Deployed:
    """Where a stack keeps what it archives, and the threads that a command has."""

    stack: Stack
    pool: ThreadPoolExecutor

    @property
    def bucket(self) -> str:
        return self.stack.output("TablesBackupBucketName", SYSTEM)

    @property
    def prefix(self) -> str:
        return self.stack.parameters["BackupPrefix"]

    @property
    def tenant_column(self) -> str:
        return self.stack.parameters["MultiTenancyColumn"]

    @property
    def objects(self) -> S3ItemObjects:
        return S3ItemObjects(wiring.client("s3"), self.bucket)

    @property
    def queue(self) -> SqsFailureQueue:
        return SqsFailureQueue(wiring.client("sqs"), self.stack.output("TablesArchiveDeadLetterQueueUrl", SYSTEM))

    @property
    def failed_batches(self) -> int | None:
        """About how many were not redriven yet; None for whom may not know."""
        try:
            return self.queue.depth()
        except PermissionError:
            return None

    def archive(self, table: str) -> Archive:
        return Archive(table, S3Store(wiring.client("s3"), self.bucket, naming.folder(self.prefix, table)))

    def describe_at_first(self, table: str) -> None:
        """Save what an archived table is like if that was never done, so that it is known once the table is gone."""
        archive = self.archive(table)
        if archive.is_begun and archive.description() is None:
            with suppress(TableMissing):
                describe(archive, self.table(table), int(wiring.now().timestamp()))

    def view(self, table: str) -> View:
        return View(self.archive(table), self.objects, self.pool.map)

    def table(self, name: str) -> DynamoTable:
        return DynamoTable(wiring.client("dynamodb"), name)


@contextmanager
def deployed(stack_name: str) -> Iterator[Deployed]:
    """Raises StackMissing; SystemNotDeployed where the stack has no tables system."""
    pool = ThreadPoolExecutor(wiring.CONNECTIONS)
    try:
        found = Deployed(find(stack_name), pool)
        found.stack.output("TablesBackupBucketName", SYSTEM)
        yield found
    finally:
        pool.shutdown(cancel_futures=True)
