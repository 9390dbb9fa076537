"""The warehouse system: Delta tables are backed up twice, lost, and come back; what nobody needs is retired."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from rich.console import Console

from local.cloud import Cloud
from local.demo import Story
from local.demo.stage import Stage, said

DATABASE = "shop"
ORDERS = f"{DATABASE}/orders"
"""A table with three commits, of which the last two remove files that the first has written."""

PEOPLE = f"{DATABASE}/people"


def tell(cloud: Cloud, console: Console) -> Story:
    """Write, back up, change, back up again, lose everything, restore."""
    play = _Play(Stage("warehouse", cloud, console))
    console.print(f"\n[bold]warehouse[/bold]  Delta tables in the bucket {play.lake}, backed up by its inventory\n")
    return play.stage.play([play.write, play.back_up, play.change, play.back_up_again, play.lose, play.restore])


@dataclass
class _Play:
    """The acts of the story."""

    stage: Stage
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        cloud = self.stage.cloud
        self._s3, self._workflow = cloud.engine.client("s3"), cloud.engine.client("stepfunctions")
        self.lake = cloud.outputs["WarehouseSampleBucketName"]
        self.backup = cloud.outputs["WarehouseBackupBucketName"]
        environment = cloud.engine.environment()
        self._options = {
            "AWS_ALLOW_HTTP": "true",
            **{name: environment[f"AWS_{name}"] for name in ("ENDPOINT_URL", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY")},
            "AWS_REGION": environment["AWS_REGION"],
        }

    # The acts

    def write(self) -> None:
        self._append(ORDERS, [(1, "ada", 12.5), (2, "bob", 3.0)])
        self._append(ORDERS, [(3, "eve", 99.0)])
        self._append(PEOPLE, [(1, "ada", 0.0)])

    def back_up(self) -> None:
        """An inventory of S3's own would take two days to come; the command writes one now."""
        self._back_up()
        self.stage.check("the first run copied everything", is_so=self._copied() == len(self._data()))

    def change(self) -> None:
        self._append(ORDERS, [(4, "kim", 1.0)])
        table = self._table(self.lake, ORDERS)
        table.delete("who = 'eve'")
        table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
        self.stage.say("changed", f"{ORDERS}: a row more, eve's is deleted, VACUUM removed her file")

    def back_up_again(self) -> None:
        self._back_up()
        self.stage.check("the second run copied only what is new", is_so=self._copied() == 1)
        retired = sum(row["retired"] for row in self.reports[-1]["databases"] if row["database"] == DATABASE)
        self.stage.check("what VACUUM removed is retired, and nothing else", is_so=retired == 1)

    def lose(self) -> None:
        self.rows = {table: self._rows(self.lake, table) for table in (ORDERS, PEOPLE)}
        keys = [found["Key"] for found in self._objects(self.lake)]
        for key in keys:
            self._s3.delete_object(Bucket=self.lake, Key=key)
        self.stage.say("lost", f"all {len(keys)} objects of {self.lake}")

    def restore(self) -> None:
        to = f"s3://{self.lake}/rescued"
        command = ["warehouse", "restore", DATABASE, "--to", to, "--tier", "Expedited", "--apply"]
        self.stage.say("restoring", f"$ holdfast {' '.join(command)}")
        done = self.stage.command(*command)
        self.stage.seen["restored"] = {"command": command, "said": said(done)}
        self.stage.check("the restore ended well", is_so=done.returncode == 0)
        if done.returncode == 0:
            for table, rows in self.rows.items():
                found = self._rows(self.lake, f"rescued/{table.removeprefix(f'{DATABASE}/')}")
                self.stage.say("read", f"{table}: " + ", ".join(f"{row['who']} {row['total']}" for row in found))
                self.stage.check(f"{table} reads as it did", is_so=found == rows)

    # What is done

    def _append(self, table: str, rows: list[tuple[int, str, float]]) -> None:
        columns = zip(*rows, strict=True)
        data = pa.table(dict(zip(("id", "who", "total"), map(list, columns), strict=True)))
        write_deltalake(f"s3://{self.lake}/{table}", data, mode="append", storage_options=self._options)
        self.stage.say("written", f"{table}: " + ", ".join(who for _, who, _ in rows))

    def _back_up(self) -> None:
        done = self.stage.command("warehouse", "inventory", self.lake)
        self.stage.check("the inventory was written", is_so=done.returncode == 0)
        execution = self._workflow.start_execution(
            stateMachineArn=self.stage.cloud.outputs["WarehouseBackupStateMachineArn"], input="{}"
        )["executionArn"]
        began = time.monotonic()
        ended = self.stage.until("the end of the backup", lambda: self._ended(execution))
        self.stage.check("the backup ended well", is_so=ended["status"] == "SUCCEEDED")
        report = self._newest_report()
        self.reports.append(report)
        self.stage.seen.setdefault("reports", []).append(report)
        self.stage.say("backed up", f"in {time.monotonic() - began:.1f} s")
        for line in report["summary"].splitlines()[1:]:
            self.stage.say("", line)

    def _ended(self, execution: str) -> Any:
        told = self._workflow.describe_execution(executionArn=execution)
        return None if told["status"] == "RUNNING" else told

    # What is seen

    def _objects(self, bucket: str, prefix: str = "") -> Iterator[Any]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from page.get("Contents", [])

    def _data(self) -> list[str]:
        keys = (found["Key"] for found in self._objects(self.lake, f"{DATABASE}/"))
        return [key for key in keys if "_delta_log/" not in key]

    def _newest_report(self) -> Any:
        keys = [found["Key"] for found in self._objects(self.backup, "warehouse/runs/")]
        newest = max(key for key in keys if key.endswith("/report.json"))
        return json.loads(self._s3.get_object(Bucket=self.backup, Key=newest)["Body"].read())

    def _copied(self) -> int:
        """Data files that the newest run has copied: of this story, for the bucket may have more in it."""
        run = self.reports[-1]["databases"][0]["run"]
        copies = f"warehouse/copies/{run}/{self.lake}/{DATABASE}/"
        return sum("_delta_log/" not in found["Key"] for found in self._objects(self.backup, copies))

    def _table(self, bucket: str, table: str) -> DeltaTable:
        return DeltaTable(f"s3://{bucket}/{table}", storage_options=self._options)

    def _rows(self, bucket: str, table: str) -> list[dict[str, Any]]:
        return sorted(self._table(bucket, table).to_pyarrow_table().to_pylist(), key=lambda row: row["id"])
