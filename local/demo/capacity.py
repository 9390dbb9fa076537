"""The capacity system: a bucket grows past its limit twice, and twice its largest object goes."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from botocore.config import Config
from rich.console import Console
from rich.text import Text

from local.cloud import Cloud
from local.demo import PICTURES, Story
from local.engine import sdk

LIMIT_BYTES = 20
PATIENCE = Config(read_timeout=900, retries={"total_max_attempts": 1}, proxies={})
"""The driver answers when all is over: to ask again would be to start again."""

_deserialize = TypeDeserializer().deserialize


class DriveFailed(RuntimeError):
    """capacity_drive ended with an error."""


def tell(cloud: Cloud, console: Console) -> Story:
    """Run capacity_drive and show what happens meanwhile. Raises DriveFailed."""
    console.print(
        f"\n[bold]capacity[/bold]  a limit of {LIMIT_BYTES} bytes on s3://{cloud.outputs['CapacityBucketName']}\n"
    )
    with ThreadPoolExecutor(1) as background, console.status("waiting for the alarm's next period") as status:
        drive = background.submit(_drive, cloud)
        for line in _Watch(cloud).lines(drive):
            console.print(line)
            status.update("the story goes on")
        seen = drive.result()
    seen["plot"] = str(_save_plot(cloud, PICTURES / "plot.png"))
    console.print()
    totals = " → ".join(map(str, seen["totals"]))
    if seen["as_expected"]:
        console.print(f"  [green]as expected[/green]: {totals} bytes, {seen['remaining'][0]} remains")
    else:
        expected = " → ".join(map(str, seen["expected_totals"]))
        console.print(f"  [red]not as expected[/red]: {totals} bytes, where {expected} should have come")
        console.print(f"  {seen['waiting_for'] or 'remaining: ' + ', '.join(seen['remaining'])}", markup=False)
    console.print(f"  the plot: {seen['plot']}", markup=False)
    return Story("capacity", seen["as_expected"], seen)


def _drive(cloud: Cloud) -> dict[str, Any]:
    functions = sdk().client("lambda", endpoint_url=cloud.engine.endpoint, config=PATIENCE)
    answer = functions.invoke(FunctionName=cloud.outputs["CapacityDriveFunctionName"])
    payload: dict[str, Any] = json.load(answer["Payload"])
    if answer.get("FunctionError"):
        raise DriveFailed(f"{payload.get('errorType')}: {payload.get('errorMessage')}")
    return payload


def _save_plot(cloud: Cloud, place: Path) -> Path:
    """The plot that the driver asked the API for, as the API stored it."""
    s3 = cloud.engine.client("s3")
    plots = s3.list_objects_v2(Bucket=cloud.outputs["PlotBucketName"]).get("Contents", [])
    newest = max((plot for plot in plots if plot["Key"].endswith(".png")), key=lambda plot: plot["LastModified"])
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(s3.get_object(Bucket=cloud.outputs["PlotBucketName"], Key=newest["Key"])["Body"].read())
    return place


@dataclass
class _Watch:
    """Follows the history of the total and the state of the alarm, through the same public API as anybody."""

    cloud: Cloud
    begun: float = field(default_factory=time.time)
    seen: str = "0"
    alarm: str = ""

    def __post_init__(self) -> None:
        self._dynamodb = self.cloud.engine.client("dynamodb")
        self._cloudwatch = self.cloud.engine.client("cloudwatch")

    def lines(self, drive: Future[dict[str, Any]]) -> Iterator[Text]:
        """A line for each thing that happens, in its order, until the driver has ended."""
        over = False
        while not over:
            over = drive.done()  # before the last look, so that nothing is missed
            for at, what, rest in sorted([*self._changes(), *self._alarm()], key=lambda happened: happened[0]):
                yield Text(f"  {max(0, at - self.begun):5.1f} s  {what:<10}").append_text(rest)
            self.cloud.check()
            time.sleep(0.1)

    def _changes(self) -> Iterator[tuple[float, str, Text]]:
        answer = self._dynamodb.query(
            TableName=self.cloud.outputs["HistoryTableName"],
            KeyConditionExpression="bucket_name = :bucket AND event_key > :seen",
            ExpressionAttributeValues={
                ":bucket": {"S": self.cloud.outputs["CapacityBucketName"]},
                ":seen": {"S": self.seen},
            },
            ConsistentRead=True,
        )
        for item in answer["Items"]:
            row = {name: _deserialize(value) for name, value in item.items()}
            self.seen = row["event_key"]
            what = "evicted" if "eviction" in row else "deleted" if row["size_delta"] < 0 else "uploaded"
            yield int(self.seen.split("#")[0]) / 1000, what, _change(row)

    def _alarm(self) -> Iterator[tuple[float, str, Text]]:
        alarms = self._cloudwatch.describe_alarms(AlarmNames=[self.cloud.outputs["CapacityAlarmName"]])
        alarm = alarms["MetricAlarms"][0]
        if alarm["StateValue"] != self.alarm:
            self.alarm = alarm["StateValue"]
            style = "bold red" if self.alarm == "ALARM" else "bold green"
            yield time.time(), "alarm", Text(self.alarm, style)


def _change(row: dict[str, Any]) -> Text:
    total = int(row["total_size"])
    line = Text(f"{row['object_name']:<16}{row['size_delta']:>+4}  total {total:>3}  ")
    line.append("█" * round(total / 2), style="red" if total >= LIMIT_BYTES else "green")
    if "eviction" in row:
        line.append(f"\n{'':21}{row['eviction']}", style="dim")
    return line
