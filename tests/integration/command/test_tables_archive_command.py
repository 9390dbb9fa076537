"""`holdfast tables protect, backfill, check, redrive, status` on the template's table and bucket in memory: what they
say, word for word, and what they leave."""

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from zipfile import ZipFile

import pytest
from botocore.exceptions import ClientError
from moto.awslambda.models import LambdaBackend
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from holdfast import wiring
from holdfast.adapters import dynamodb_tables, failure_queue
from holdfast.adapters.dynamodb_streams import DynamoStream
from holdfast.adapters.event_source_mappings import LambdaMappings
from holdfast.adapters.failure_queue import SqsFailureQueue
from holdfast.adapters.s3_tables import S3ItemObjects, S3Store
from holdfast.adapters.stack import Stack
from holdfast.cli.stack import find
from holdfast.cli.tables import deployed
from holdfast.events import dynamodb
from holdfast.tables import backfill, naming, plan, protect, run
from holdfast.tables import check as checks
from holdfast.tables.archive import Archive
from holdfast.tables.layout import SegmentLayout
from holdfast.tables.model import Base, Description, Gap
from holdfast.tables.ports import StreamMapping, Trimmed
from holdfast.tables.restore.model import stamp
from holdfast.tables.view import FOR_EVER, View
from tests import aws
from tests.conftest import forget_wiring
from tests.integration.command.shell import NOT_APPLIED, Answer, Shell

FUNCTION = "TablesArchiveFunction"
SETTINGS: dict[str, Any] = {
    "BatchSize": 1000,
    "MaximumBatchingWindowInSeconds": 10,
    "ParallelizationFactor": 1,
    "BisectBatchOnFunctionError": True,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "MaximumRetryAttempts": 20,
    "MaximumRecordAgeInSeconds": 79200,
}
MINE = "mine"


@dataclass(frozen=True)
class Desk(Shell):
    """An operator's desk beside a deployed stack, and a table of theirs."""

    sample: str
    bucket: str
    queue: str

    def holdfast(self, *words: str) -> Answer:
        return self.run("tables", *words)

    # What happens in the table

    def make(self, **more: Any) -> None:
        """The table of these tests."""
        wiring.client("dynamodb").create_table(
            TableName=MINE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            **{"BillingMode": "PAY_PER_REQUEST"} | more,
        )

    def put(self, *names: str, value: str = "x") -> None:
        for name in names:
            item = {"pk": {"S": name}, "value": {"S": value}}
            wiring.client("dynamodb").put_item(TableName=MINE, Item=item)

    def remove(self, name: str) -> None:
        wiring.client("dynamodb").delete_item(TableName=MINE, Key={"pk": {"S": name}})

    @property
    def stream_arn(self) -> str:
        return str(self.described().get("LatestStreamArn", ""))

    def described(self) -> dict[str, Any]:
        return dict(wiring.client("dynamodb").describe_table(TableName=MINE)["Table"])

    def records(self) -> list[dict[str, Any]]:
        stream = DynamoStream(wiring.client("dynamodbstreams"), self.stream_arn)
        return [record for shard in stream.shards() for record in stream.oldest(shard.shard_id, 1000)]

    def archived(self, records: list[dict[str, Any]] | None = None) -> None:
        """Have the stream's records archived, as the function does."""
        run.archive(
            dynamodb.batch(MINE, self.stream_arn, self.records() if records is None else records, None),
            archive_of=lambda _: self.archive,
            layout=SegmentLayout(),
            tenant_column="",
            now=wiring.now,
            log=lambda *_, **__: None,
        )

    def give_up(self, records: list[dict[str, Any]], **more: Any) -> None:
        """Have Lambda give up some records."""
        stream = DynamoStream(wiring.client("dynamodbstreams"), self.stream_arn)
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        told = {
            "shardId": stream.shards()[0].shard_id,
            "startSequenceNumber": numbers[0],
            "endSequenceNumber": numbers[-1],
            "approximateArrivalOfFirstRecord": "2026-01-15T09:30:00Z",
            "approximateArrivalOfLastRecord": "2026-01-15T09:30:05Z",
            "batchSize": len(records),
            "streamArn": self.stream_arn,
        }
        condition = {"condition": "RetryAttemptsExhausted"}
        body = json.dumps({"requestContext": condition, "DDBStreamBatchInfo": told | more})
        wiring.client("sqs").send_message(QueueUrl=self.queue, MessageBody=body)

    # What is to be seen

    @property
    def archive(self) -> Archive:
        return Archive(MINE, S3Store(wiring.client("s3"), self.bucket, naming.folder("tables", MINE)))

    def names(self) -> list[str]:
        """Of the items that the archive has."""
        view = View(self.archive, S3ItemObjects(wiring.client("s3"), self.bucket), map)
        return sorted(str(change.keys["pk"]["S"]) for change in view.at(FOR_EVER).items.values())

    def objects(self) -> list[str]:
        found: Any = wiring.client("s3").list_objects_v2(Bucket=self.bucket, Prefix=f"tables/{MINE}/")
        return [one["Key"] for one in found.get("Contents", [])]

    def waiting(self) -> int:
        return SqsFailureQueue(wiring.client("sqs"), self.queue).depth()

    def mapping(self) -> StreamMapping | None:
        found = LambdaMappings(wiring.client("lambda"), FUNCTION).all()
        return next((one for one in found if one.stream_arn == self.stream_arn), None)


type Deploy = Callable[..., Desk]


@pytest.fixture(scope="module")
def stack() -> Iterator[aws.Stack]:
    """One for all tests: each cleans up behind itself."""
    with aws.account():
        forget_wiring()
        made = aws.deploy()
        a_function()
        told = wiring.client("dynamodb").describe_table(TableName=made.tables["TablesSampleTable"])["Table"]
        LambdaMappings(wiring.client("lambda"), FUNCTION).create(told["LatestStreamArn"], SETTINGS)
        yield made
    forget_wiring()


@pytest.fixture
def deploy(stack: aws.Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Deploy]:
    """Deploys the stack with these parameters; it may read the table of these tests."""
    queue = wiring.client("sqs").create_queue(QueueName="failed")["QueueUrl"]
    bucket = stack.environments["tables_archive"]["BACKUP_BUCKET"]
    sample = stack.tables["TablesSampleTable"]

    def deploy(**parameters: str) -> Desk:
        def as_deployed(name: str) -> Stack:
            """moto made tables and buckets only."""
            found = find(name)
            told = {**found.parameters, "ProtectedTables": MINE, **parameters}
            return replace(found, parameters=told, outputs={**found.outputs, "TablesArchiveDeadLetterQueueUrl": queue})

        monkeypatch.setattr(deployed, "find", as_deployed)
        return Desk(monkeypatch, capsys, sample, bucket, queue)

    monkeypatch.setattr(checks, "CATCH_UP_SECONDS", 0)
    monkeypatch.setattr(failure_queue, "WAIT_SECONDS", 0)
    for module in (backfill, protect):  # as if streams were on for a minute: nobody waits
        monkeypatch.setattr(module, "stream_since", on_for_a_minute)
    # moto would call the function, and then forget what it has delivered.
    monkeypatch.setattr(LambdaBackend, "send_dynamodb_items", lambda *_: False)
    monkeypatch.setenv("COLUMNS", "200")
    yield deploy
    clean_up(bucket, queue)


def clean_up(bucket: str, queue: str) -> None:
    """Leave the stack as it was made."""
    wiring.client("sqs").delete_queue(QueueUrl=queue)
    with suppress(ClientError):
        wiring.client("dynamodb").delete_table(TableName=MINE)
    for mapping in LambdaMappings(wiring.client("lambda"), FUNCTION).all():
        if f":table/{MINE}/" in mapping.stream_arn:
            wiring.client("lambda").delete_event_source_mapping(UUID=mapping.mapping_id)
    versions: Any = wiring.client("s3").list_object_versions(Bucket=bucket)
    for version in versions.get("Versions", []):
        wiring.client("s3").delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])


def on_for_a_minute(description: Description) -> float | None:
    since = stream_since(description)
    return None if since is None else since - 60


stream_since = backfill.stream_since


def a_function() -> None:
    """The one that archives; here it does nothing."""
    code = io.BytesIO()
    with ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def lambda_handler(event, context): ...")
    trust = {"Version": "2012-10-17", "Statement": []}
    role = wiring.client("iam").create_role(RoleName="archive", AssumeRolePolicyDocument=json.dumps(trust))
    wiring.client("lambda").create_function(
        FunctionName=FUNCTION,
        Runtime="python3.13",
        Role=role["Role"]["Arn"],
        Handler="app.lambda_handler",
        Code={"ZipFile": code.getvalue()},
    )


@pytest.fixture
def desk(deploy: Deploy) -> Desk:
    return deploy()


@pytest.fixture
def protected(desk: Desk) -> Desk:
    """Three items; all is archived."""
    desk.make()
    desk.put("a", "b", "c")
    assert desk.holdfast("protect", MINE, "--apply").status == 0
    return desk


# protect

PLAN = """mine:
  + switch its stream on, with NEW_AND_OLD_IMAGES
  + have Lambda archive what the stream tells, from the oldest record on
  + save what the table is like
  + read all that the table holds into the archive
    about 2 items, 1 read capacity units, as fast as it goes, in 8 parts
"""


def test_a_table_is_protected_only_on_apply(desk: Desk) -> None:
    desk.make()
    desk.put("a", "b")
    answer = desk.holdfast("protect", MINE)
    assert (answer.status, re.sub(r"\d+ read", "1 read", answer.out)) == (0, PLAN + NOT_APPLIED)
    assert desk.stream_arn == ""
    assert desk.archive.bases() == []

    answer = desk.holdfast("protect", MINE, "--apply")
    assert answer.status == 0
    [base] = desk.archive.bases()
    assert base.ended
    assert [line for line in answer.lines if not line.startswith("  ")] == [
        "mine:",
        "The stream of mine is on.",
        "What it tells is archived.",
        "What the table is like is saved.",
        f"Backfill {base.run}: if it is interrupted, the same command goes on with it.",
        f"2 items stored. From {stamp(base.ended)} on the archive holds every item.",
        "Done.",
    ]
    assert desk.described()["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    mapping = desk.mapping()
    assert mapping
    assert mapping.settings == SETTINGS
    assert desk.names() == ["a", "b"]

    answer = desk.holdfast("protect", MINE, "--apply")
    assert (answer.status, answer.lines[-1]) == (0, "It is protected: nothing to do.")
    assert len(desk.archive.bases()) == 1


def test_a_mapping_that_differs_from_the_stacks_own_is_corrected(protected: Desk) -> None:
    mapping = protected.mapping()
    assert mapping
    wiring.client("lambda").update_event_source_mapping(UUID=mapping.mapping_id, BatchSize=7, Enabled=False)
    correction = f"  + enable mapping {mapping.mapping_id}: it is Disabled; BatchSize is 7, and should be 1000"
    assert correction in protected.holdfast("protect", MINE).lines
    assert protected.holdfast("protect", MINE, "--apply").lines[-1] == "Done."
    assert protected.mapping() == mapping


def test_a_table_that_the_stack_may_not_read_yet_needs_a_deploy_first(deploy: Deploy) -> None:
    desk = deploy(ProtectedTables="one,two")
    desk.make()
    told = """
The functions of stack holdfast may not read mine yet. Build it, and deploy it with
  sam deploy --stack-name holdfast --capabilities CAPABILITY_IAM --resolve-s3 --parameter-overrides ProtectedTables=one,two,mine
first, then run this command again.
"""  # noqa: E501
    for words, status in (((), 0), (("--apply",), 1)):
        answer = desk.holdfast("protect", MINE, *words)
        assert answer.status == status
        assert answer.out.endswith(told)
    assert desk.stream_arn == ""


def test_the_stacks_own_table_is_protected_already(desk: Desk) -> None:
    answer = desk.holdfast("protect", desk.sample, "--apply")
    assert "  = no backfill is needed: the archive has everything since the table was made" in answer.lines
    assert desk.holdfast("protect", desk.sample).lines[-1] == "It is protected: nothing to do."


def test_a_stream_of_another_view_type_is_told_with_what_mends_it(desk: Desk) -> None:
    desk.make(StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    answer = desk.holdfast("protect", MINE, "--apply")
    assert answer.status == 1
    assert answer.err.startswith("holdfast: the stream of mine has the view type KEYS_ONLY")
    assert desk.mapping() is None


@pytest.mark.parametrize("words", [("protect", "gone"), ("backfill", "gone"), ("check", "gone")])
def test_a_table_that_is_not_there_is_told(desk: Desk, words: tuple[str, ...]) -> None:
    answer = desk.holdfast(*words)
    assert (answer.status, answer.err) == (1, "holdfast: there is no table 'gone'")


# backfill


def test_a_backfill_is_made_only_on_apply_and_can_be_repeated(protected: Desk) -> None:
    protected.put("d")
    answer = protected.holdfast("backfill", MINE, "--segments", "2", "--read-rate", "500")
    assert answer.status == 0
    assert answer.lines[:2] == ["mine:", "  + read all that the table holds into the archive"]
    assert re.match(r"    about 4 items, \d+ read capacity units, 500 a second at most, in 2 parts$", answer.lines[2])
    assert answer.out.endswith(NOT_APPLIED)
    assert len(protected.archive.bases()) == 1

    assert protected.holdfast("backfill", MINE, "--segments", "2", "--apply").lines[-1].startswith("4 items stored.")
    assert sorted((base.total_segments, base.items) for base in protected.archive.bases()) == [(2, 4), (8, 3)]


def an_interrupted(desk: Desk, run_name: str, began: int) -> Base:
    base = Base(run_name, began, None, items=3, total_segments=2, done={0: None, 1: None})
    desk.archive.save_base(base)
    return base


def test_an_interrupted_backfill_is_gone_on_with(protected: Desk) -> None:
    now = int(wiring.now().timestamp())
    an_interrupted(protected, "broken", now + 1)
    answer = protected.holdfast("backfill", MINE, "--apply")
    assert answer.lines[1] == "  + go on with backfill broken, which has read 3 items so far"
    assert answer.lines[2].endswith("in 2 parts")
    assert answer.lines[-1].startswith("3 items stored.")
    assert all(base.ended for base in protected.archive.bases())


def test_an_old_backfill_is_gone_on_with_if_it_is_named(protected: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    an_interrupted(protected, "old", int(wiring.now().timestamp()) + 1)
    monkeypatch.setattr(backfill, "RESUMABLE_SECONDS", -10)
    assert "go on with" not in protected.holdfast("backfill", MINE).out
    assert "  + go on with backfill old" in protected.holdfast("backfill", MINE, "--run", "old").out
    answer = protected.holdfast("backfill", MINE, "--run", "new", "--apply")
    assert answer.err == "holdfast: there is no backfill new of mine; those that are not complete: old"
    complete = protected.archive.bases()[0].run
    answer = protected.holdfast("backfill", MINE, "--run", complete, "--apply")
    assert answer.err == f"holdfast: backfill {complete} of mine is complete: without --run, a new one is begun"


def test_a_backfill_that_is_older_than_the_stream_is_not_gone_on_with(protected: Desk) -> None:
    an_interrupted(protected, "old", 1_700_000_000)
    answer = protected.holdfast("backfill", MINE, "--run", "old", "--apply")
    assert answer.err.startswith("holdfast: backfill old of mine began before the table's stream was on, at 20")
    assert not any(base.ended for base in protected.archive.bases() if base.run == "old")


def test_a_backfill_of_a_table_without_a_stream_says_what_that_lacks(desk: Desk) -> None:
    desk.make()
    warning = "    Its stream is off: what changes from now on is not archived. holdfast tables protect mends that."
    assert warning in desk.holdfast("backfill", MINE).lines


def test_a_backfill_of_a_table_without_a_mapping_says_what_that_lacks(protected: Desk) -> None:
    assert "is not archived" not in protected.holdfast("backfill", MINE).out
    [mapping] = [one for one in LambdaMappings(wiring.client("lambda"), FUNCTION).all() if MINE in one.stream_arn]
    wiring.client("lambda").delete_event_source_mapping(UUID=mapping.mapping_id)
    assert "    Its stream has no mapping that is enabled: what changes" in protected.holdfast("backfill", MINE).out


def test_a_backfill_puts_objects_of_items_in_their_layout(deploy: Deploy) -> None:
    desk = deploy(ArchiveLayout="item", PlainTextKeyAsFilename="true", MultiTenancyColumn="value")
    desk.make()
    desk.put("a", "b", value="x")
    assert desk.holdfast("backfill", MINE, "--apply").status == 0
    assert desk.objects() == ["tables/mine/x/a", "tables/mine/x/b"]


# check


def test_an_archive_that_holds_everything_is_clean(protected: Desk) -> None:
    protected.put("d")
    protected.remove("a")
    protected.archived()
    answer = protected.holdfast("check", MINE)
    assert (answer.status, answer.out) == (
        0,
        "mine: 3 items in the table, 3 in its archive, 3 compared.\nThe archive holds what the table holds.\n",
    )
    answer = protected.holdfast("check", MINE, "--sample", "2")
    assert answer.status == 0
    assert re.match(r"mine: \d items? compared, taken at random.\n", answer.out)


def test_what_is_still_in_the_stream_is_on_its_way(protected: Desk) -> None:
    protected.put("d")
    protected.remove("a")
    answer = protected.holdfast("check", MINE)
    assert (answer.status, answer.lines[1]) == (0, "2 items seemed to differ, and were on their way into the archive.")


def forget_records() -> None:
    """The stream does not hold what it has told."""
    shard = get_backend("dynamodb")[DEFAULT_ACCOUNT_ID][aws.REGION].tables[MINE].stream_shard
    assert shard
    shard.items.clear()


def lose(desk: Desk) -> None:
    """Changes that nobody archives."""
    desk.put("a", value="lost")
    desk.remove("b")
    desk.put("\x1b[31m", value="lost")
    forget_records()


def test_what_was_lost_is_listed_and_noted_as_a_gap(protected: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    lose(protected)
    monkeypatch.setattr(dynamodb_tables, "MARGIN_SECONDS", 0)  # as if the backfill was some seconds ago
    answer = protected.holdfast("check", MINE)
    assert answer.status == 1
    [base] = protected.archive.bases()
    as_of = protected.archive.changes(protected.archive.base_segments()[0]).__next__().moment.at
    when = stamp(as_of)
    assert answer.lines[0] == "mine: 3 items in the table, 3 in its archive, 4 compared."
    assert sorted(answer.lines[1:4]) == [
        '  {"pk": {"S": "\\u001b[31m"}} is not in the archive',
        f'  {{"pk": {{"S": "a"}}}} differs in \'value\'; archived last as of {when}',
        f'  {{"pk": {{"S": "b"}}}} is in the archive, but not in the table; archived last as of {when}',
    ]
    assert answer.lines[4] == "3 items differ: see the how-to page on gaps."
    [gap] = protected.archive.gaps()
    assert (gap.first_at, gap.records) == (base.began, 3)
    assert answer.lines[5].startswith(f"Noted as a gap: 3 records from {stamp(base.began)} to ")

    assert "Gap: 3 records from " in protected.holdfast("check", MINE).out


def test_many_differences_show_their_beginning(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.make()
    desk.put(*(str(number) for number in range(22)))
    answer = desk.holdfast("check", MINE)
    assert answer.status == 1
    assert answer.lines[1].startswith("No backfill is complete")
    assert "  ... and 2 more: --verbose shows all" in answer.lines
    assert "more" not in desk.holdfast("check", MINE, "--verbose").out
    monkeypatch.setattr(checks, "CONFIRMED", 21)
    assert "1 item more seemed to differ: too many to look at each of them again." in desk.holdfast("check", MINE).out


def test_what_the_stream_will_lose_is_told(protected: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "GRACE_SECONDS", -10)
    protected.put("d")
    answer = protected.holdfast("check", MINE)
    assert answer.status == 1
    assert re.search(
        r"^1 record of shard \S+ is not archived, and will be lost from \S+ on\.$", answer.out, re.MULTILINE
    )


# redrive


def test_what_was_given_up_is_listed_and_replayed_on_apply(protected: Desk) -> None:
    protected.put("d", "e")
    protected.give_up(protected.records())
    answer = protected.holdfast("redrive")
    assert answer.status == 0
    assert re.match(
        r"mine  shard \S+  2 records \(\d+ to \d+\)  2026-01-15T09:30:00Z to 2026-01-15T09:30:05Z  "
        r"RetryAttemptsExhausted\n",
        answer.out,
    )
    assert answer.out.endswith(NOT_APPLIED)
    assert protected.names() == ["a", "b", "c"]

    answer = protected.holdfast("redrive", MINE, "--apply")
    assert (answer.status, answer.lines[1:]) == (0, ["  2 records stored"])
    assert protected.names() == ["a", "b", "c", "d", "e"]
    assert protected.waiting() == 0
    assert protected.holdfast("redrive", "--apply").out == "No failed batch is waiting.\n"


def test_what_nobody_has_any_more_becomes_a_gap(protected: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    protected.put("d")
    protected.give_up(protected.records())

    def trimmed(*_: object) -> None:
        raise Trimmed

    monkeypatch.setattr(DynamoStream, "records", trimmed)
    monkeypatch.setattr(DynamoStream, "oldest", trimmed)
    answer = protected.holdfast("redrive", "--apply")
    assert (answer.status, answer.lines[1:]) == (0, ["  1 record lost, noted as a gap"])
    assert [gap.records for gap in protected.archive.gaps()] == [1]
    assert protected.waiting() == 0


def test_a_message_that_nobody_understands_stays(desk: Desk) -> None:
    wiring.client("sqs").send_message(QueueUrl=desk.queue, MessageBody="hello")
    answer = desk.holdfast("redrive", "--apply")
    assert answer.status == 1
    assert re.match(r"message \S+\n  stays in the queue: it is not what Lambda tells of a stream's failed", answer.out)
    assert desk.waiting() == 1


# status


def test_status_tells_how_each_table_is_archived(protected: Desk) -> None:
    protected.put("d")
    protected.archived()
    protected.give_up(protected.records())
    protected.archive.save_gap("some", Gap(None, None, "because", records=1))
    mapping = protected.mapping()
    [base] = protected.archive.bases()
    assert mapping
    answer = protected.holdfast("status")
    assert answer.status == 0
    head, sample, mine = answer.out.split("\n\n")
    assert head == (
        f"Layout segment, in {protected.bucket} under 'tables'.\n1 failed batch waiting: holdfast tables redrive"
    )
    assert sample.startswith(f"{protected.sample}\n  stream         on, mapping ")
    told = dict(re.findall(r"^  (\S.{13}) (.*)$", re.sub(r"\d+ s ago", "just now", mine), re.MULTILINE))
    description = protected.archive.description()
    since = plan.complete_since(description, [base])
    assert description
    assert since
    assert {name.strip(): value for name, value in told.items()} == {
        "stream": f"on, mapping {mapping.mapping_id} is Enabled",
        "complete since": stamp(since),
        "newest change": f"{stamp(protected.archive.segments(0, FOR_EVER)[-1].last.at)}, just now",
        "backfills": f"{base.run} of 3 items",
        "description": f"of {stamp(description.taken_at)}, just now",
        "gaps": "1 record from an unknown time to an unknown time: because",
    }


def test_status_of_a_table_that_is_not_protected_says_what_to_do(desk: Desk) -> None:
    desk.make()
    assert desk.holdfast("status", MINE).lines[1:] == [
        "",
        "mine",
        "  stream         off: holdfast tables protect",
        "  complete since never: holdfast tables backfill",
        "  newest change  none",
        "  backfills      none",
        "  description    none",
        "  gaps           none",
    ]
    wiring.client("dynamodb").delete_table(TableName=MINE)
    assert "  stream         the table is gone" in desk.holdfast("status", MINE).lines


def test_a_stack_without_the_system_says_how_to_get_it(deploy: Deploy) -> None:
    desk = deploy()
    desk.monkeypatch.setattr(deployed, "find", lambda name: replace(find(name), outputs={}))
    answer = desk.holdfast("status")
    assert answer.err == "holdfast: stack holdfast has no tables system: deploy it with EnableTables=true"
