"""`holdfast tables restore`, `undo` and `history` on the template's stack in memory, word for word."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from holdfast import wiring
from holdfast.adapters.dynamodb_tables import DynamoTable
from holdfast.adapters.failure_queue import SqsFailureQueue
from holdfast.adapters.memory_workflow import MemoryWorkflow
from holdfast.adapters.s3_tables import S3ItemObjects, S3Store
from holdfast.cli.tables import restore as command
from holdfast.cli.tables.deployed import Deployed
from holdfast.events import dynamodb
from holdfast.tables import naming
from holdfast.tables import run as archiving
from holdfast.tables.archive import Archive
from holdfast.tables.layout import ItemLayout, Layout, SegmentLayout
from holdfast.tables.model import Description, Gap, Image
from holdfast.tables.restore.steps import Steps
from holdfast.tables.view import View
from holdfast.workflow import Execution, Status
from tests import aws
from tests.integration.command.shell import NOT_APPLIED, Answer, Shell
from tests.unit.tables.domain import ARN, T0, TABLE, a_base, a_record, an_item, keys

AT = ("--at", "2026-01-01T00:00:05Z")
HEADING = "orders, as it was at the end of the second 2026-01-01T00:00:05Z:\n"
WITHOUT = "point-in-time recovery, autoscaling, deletion protection, resource policy, replicas, Kinesis destination"


class Numbers:
    """The sequence numbers of a stream."""

    last = 100

    def __call__(self) -> int:
        self.last += 1
        return self.last


@dataclass(frozen=True)
class Desk(Shell):
    """An operator's desk beside a stack that archives the table `orders`. Seconds are those since T0."""

    bucket: str
    layout: str
    tenant_column: str
    number: Numbers

    def holdfast(self, *words: str) -> Answer:
        return self.run("tables", *words)

    # What happens to the table

    @property
    def live(self) -> DynamoTable:
        return DynamoTable(wiring.client("dynamodb"), TABLE)

    @property
    def archive(self) -> Archive:
        return Archive(TABLE, S3Store(wiring.client("s3"), self.bucket, naming.folder("tables", TABLE)))

    @property
    def objects(self) -> S3ItemObjects:
        return S3ItemObjects(wiring.client("s3"), self.bucket)

    def _layout(self) -> Layout:
        if self.layout == "segment":
            return SegmentLayout()
        return ItemLayout(
            self.objects, "tables", bool(self.tenant_column), False, key_names=lambda _: ("pk",), each=map
        )

    def create(self) -> None:
        """The table, which is as old as its stream."""
        create: Any = wiring.client("dynamodb").create_table
        create(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "value")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-value",
                    "KeySchema": [{"AttributeName": "value", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            Tags=[{"Key": "team", "Value": "shop"}],
        )
        self.describe()

    def describe(self, **more: Any) -> Description:
        found = self.live.describe(T0)
        born = {"CreationDateTime": T0, "LatestStreamLabel": "2026-01-01T00:00:00.000"}
        found = replace(found, table={**found.table, **born, **more})
        self.archive.save_description(found)
        return found

    def put(self, name: str, value: str, at: int, **attributes: Any) -> None:
        self.write(name, an_item(name, value, **attributes), at)

    def remove(self, name: str, at: int, **more: Any) -> None:
        self.write(name, None, at, **more)

    def write(self, name: str, new: Image | None, at: int, **more: Any) -> None:
        """Change an item, and have that archived at once."""
        old = self.live.get(keys(name))
        self.live.change(keys(name), old, new)
        record = a_record(name, new, old, at=at, sequence=self.number(), **more)
        archiving.archive(
            dynamodb.from_lambda(json.loads(json.dumps({"Records": [record | {"eventSourceARN": ARN}]}))),
            archive_of=lambda _: self.archive,
            layout=self._layout(),
            tenant_column=self.tenant_column,
            now=wiring.now,
            log=lambda *_, **__: None,
        )

    # What is to be seen

    def values(self, name: str = TABLE) -> dict[str, str]:
        found = wiring.client("dynamodb").scan(TableName=name)["Items"]
        return {item["pk"]["S"]: item["value"]["S"] for item in sorted(found, key=lambda item: str(item["pk"]))}

    def tables(self) -> list[str]:
        found: list[str] = wiring.client("dynamodb").list_tables()["TableNames"]
        return [name for name in found if name in {TABLE, "restored"}]

    def steps(self) -> Steps:
        return Steps(
            view_of=lambda _: View(self.archive, self.objects, map),
            table_of=lambda name: DynamoTable(wiring.client("dynamodb"), name),
            each=map,
            now=wiring.now,
            seconds=lambda: 0.0,
            sleep=lambda _: None,
            random=lambda: 1.0,
        )


type Deploy = Callable[..., Desk]


@pytest.fixture
def deploy(account: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Deploy:
    """Deploys the stack, which archives in a layout."""

    def deploy(layout: str = "segment", tenant_column: str = "") -> Desk:
        stack = aws.deploy(ArchiveLayout=layout, MultiTenancyColumn=tenant_column)
        bucket = stack.environments["tables_archive"]["BACKUP_BUCKET"]
        queue = wiring.client("sqs").create_queue(QueueName="failed")["QueueUrl"]
        wiring.client("sqs").purge_queue(QueueUrl=queue)
        monkeypatch.setattr(Deployed, "queue", property(lambda _: SqsFailureQueue(wiring.client("sqs"), queue)))
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setattr(wiring, "now", lambda: datetime.fromtimestamp(T0 + 1000, UTC))
        return Desk(monkeypatch, capsys, bucket, layout, tenant_column, Numbers())

    return deploy


@pytest.fixture
def desk(deploy: Deploy) -> Desk:
    desk = deploy()
    desk.create()
    return desk


def a_story(desk: Desk) -> None:
    """At second 5: a is "old", gone and same are there, later is not."""
    for name in ("a", "gone", "same"):
        desk.put(name, "old", 1)
    desk.put("a", "new", 6)
    desk.remove("gone", 6)
    desk.put("later", "x", 7)


HELD = "  3 items, 114 bytes of DynamoDB JSON\n  built on every change since the archive began\n"
OLD = {"a": "old", "gone": "old", "same": "old"}
NEW = {"a": "new", "later": "x", "same": "old"}


# What was there


def test_without_a_place_it_says_what_there_was(desk: Desk) -> None:
    a_story(desk)
    answer = desk.holdfast("restore", TABLE, *AT)
    more = "\nTo restore it, add --to NEW_TABLE or --in-place: each shows its plan first.\n"
    assert (answer.status, answer.out, answer.err) == (0, HEADING + HELD + more, "")


def test_what_makes_a_moment_uncertain_is_said(desk: Desk) -> None:
    a_story(desk)
    desk.describe(CreationDateTime=T0 - 1_000_000)
    assert "warning: the archive is complete from no moment on" in desk.holdfast("restore", TABLE, *AT).out
    desk.archive.save_base(a_base(100, 200))
    desk.archive.save_gap("one", Gap(T0 + 2, None, "the stream was off"))
    out = desk.holdfast("restore", TABLE, *AT).out
    assert "warning: the archive is complete only since 2026-01-01T00:03:20Z" in out
    assert "warning: changes are missing, from 2026-01-01T00:00:02Z to an unknown one: the stream was off" in out


@pytest.mark.parametrize("how", [(), ("--to", "restored", "--large")])
def test_what_waits_to_be_redriven_is_said(desk: Desk, how: tuple[str, ...]) -> None:
    a_story(desk)
    sqs = wiring.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="failed")["QueueUrl"], MessageBody="{}")
    assert "warning: 1 failed batch waits to be archived" in desk.holdfast("restore", TABLE, *AT, *how).out

    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetQueueAttributes")
    desk.monkeypatch.setattr(sqs, "get_queue_attributes", lambda **_: (_ for _ in ()).throw(refused))
    answer = desk.holdfast("restore", TABLE, *AT, *how)
    assert answer.status == 0
    assert "warning: whether failed records wait to be archived is not known" in answer.out


# A new table


def test_a_new_table_is_made_only_on_apply(desk: Desk) -> None:
    a_story(desk)
    plan = (
        HEADING + HELD + "creates 'restored', like 'orders' as it was described at 2026-01-01T00:00:00Z:\n"
        "  key      'pk' (S)\n"
        "  index    'by-value', global: 'value' (S); KEYS_ONLY\n"
        "  billing  on demand\n"
        "  stream   NEW_AND_OLD_IMAGES\n"
        "  ttl      none\n"
        "  tags     1, and two that tell of this restore\n"
        f"  without  {WITHOUT}\n"
    )
    answer = desk.holdfast("restore", TABLE, *AT, "--to", "restored")
    assert (answer.status, answer.out) == (0, plan + NOT_APPLIED)
    assert desk.tables() == [TABLE]

    answer = desk.holdfast("restore", TABLE, *AT, "--to", "restored", "--apply")
    assert answer.status == 0, answer.err
    assert re.fullmatch(
        re.escape(plan) + "3 items restored into 'restored'.\n"
        r"3 items verified: table and archive have the digest [0-9a-f]{32}\.\n"
        "To archive the new table too: holdfast tables protect restored --apply\n",
        answer.out,
    )
    assert desk.values("restored") == OLD
    assert desk.values() == NEW


def test_a_table_that_is_gone_is_restored_with_its_time_to_live(desk: Desk) -> None:
    dynamodb = wiring.client("dynamodb")
    dynamodb.update_time_to_live(TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})
    desk.describe()
    desk.put("over", "x", 1, until={"N": str(T0 + 500)})
    desk.put("valid", "x", 1, until={"N": str(T0 + 5000)})
    dynamodb.delete_table(TableName=TABLE)
    answer = desk.holdfast("restore", TABLE, *AT, "--to", TABLE, "--apply")
    assert answer.status == 0, answer.err
    assert "warning: 1 item has expired by 'until': once restored, DynamoDB removes what has expired\n" in answer.out
    assert "  ttl      'until', from when all is verified on\n" in answer.out
    assert "Items expire by 'until' again.\n" in answer.out
    assert desk.values() == {"over": "x", "valid": "x"}
    assert dynamodb.describe_time_to_live(TableName=TABLE)["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED"


def test_items_of_the_layout_item_are_restored(deploy: Deploy) -> None:
    desk = deploy("item")
    desk.create()
    a_story(desk)
    answer = desk.holdfast("restore", TABLE, *AT, "--to", "restored", "--apply")
    assert answer.status == 0, answer.err
    assert "3 items restored into 'restored'.\n" in answer.out
    assert desk.values("restored") == OLD


def test_one_tenant_is_restored_into_a_table_of_its_own(deploy: Deploy) -> None:
    desk = deploy(tenant_column="owner")
    desk.create()
    desk.put("a", "1", 1, owner={"S": "A"})
    desk.put("b", "1", 1, owner={"S": "B"})
    desk.put("c", "1", 1)
    answer = desk.holdfast("restore", TABLE, *AT, "--to", "restored", "--tenant", "A", "--apply")
    assert answer.out.startswith("orders, what is of tenant 'A', as it was at the end of the second ")
    assert "warning: 1 item named no tenant then, and is left out\n" in answer.out
    assert desk.values("restored") == {"a": "1"}


def test_an_interrupted_restore_goes_on(desk: Desk) -> None:
    a_story(desk)

    def dies(**_: object) -> None:
        raise KeyboardInterrupt

    events = wiring.client("dynamodb").meta.events
    events.register("provide-client-params.dynamodb.BatchWriteItem", dies, unique_id="dies")
    assert desk.holdfast("restore", TABLE, *AT, "--to", "restored", "--apply").status != 0
    events.unregister("provide-client-params.dynamodb.BatchWriteItem", unique_id="dies")
    answer = desk.holdfast("restore", TABLE, *AT, "--to", "restored", "--apply")
    assert "goes on with 'restored', which an interrupted run of this restore has made:\n" in answer.out
    assert desk.values("restored") == OLD
    answer = desk.holdfast("restore", TABLE, *AT, "--to", "restored", "--apply")
    assert (answer.status, answer.out, answer.err) == (
        1,
        "",
        "holdfast: table 'restored' is this very restore, and was finished at 2026-01-01T00:16:40Z",
    )


# A large one


def test_the_state_machine_restores_what_is_large(desk: Desk) -> None:
    a_story(desk)
    desk.monkeypatch.setattr(command, "LARGE", 2)
    desk.monkeypatch.setattr(command, "StateMachine", lambda *_: MemoryWorkflow(desk.steps()))
    answer = desk.holdfast("restore", TABLE, *AT, "--to", "restored")
    assert answer.out.startswith(HEADING + "  at most 3 items\n  built on every change since the archive began\n")
    assert answer.out.endswith("restored in 16 parts by TablesRestoreStateMachine\n" + NOT_APPLIED)

    answer = desk.holdfast("restore", TABLE, *AT, "--to", "restored", "--apply")
    assert answer.status == 0, answer.err
    assert re.search(r"\nStarted 20260101T001640Z-\w{8}-\w{4}: it goes on if this command is ended\.\n", answer.out)
    assert "3 items restored into 'restored'.\n" in answer.out
    assert desk.values("restored") == OLD


def test_a_state_machine_is_followed_until_it_fails(desk: Desk) -> None:
    a_story(desk)
    states = [Execution(Status.RUNNING), Execution(Status.RUNNING), Execution(Status.FAILED, why="TooBusy: no")]

    class Failing:
        def start(self, *_: object) -> str:
            return "execution"

        def look(self, _: str) -> Execution:
            return states.pop(0)

    desk.monkeypatch.setattr(command, "StateMachine", lambda *_: Failing())
    desk.monkeypatch.setattr(command, "POLL_SECONDS", 0.0)
    answer = desk.holdfast("restore", TABLE, *AT, "--to", "restored", "--large", "--apply")
    why = "the state machine failed: TooBusy: no; the same command goes on where it ended"
    assert (answer.status, answer.err) == (1, f"holdfast: {why}")


# In place


PREVIEW = (
    HEADING + HELD + 'add     {"pk": "gone"}: it is not there now\n'
    'change  {"pk": "a"}: it differs in \'value\'\n'
    'remove  {"pk": "later"}: it was not there then\n'
    "  add                1\n"
    "  change             1\n"
    "  remove             1\n"
    "  leave              0\n"
    "  as it was          1\n"
)


def run_of(answer: Answer) -> str:
    [run] = re.findall(r"\n  holdfast tables undo (\S+) --apply\n", answer.out)
    return str(run)


def test_a_table_is_restored_in_place_only_on_apply_and_that_is_taken_back(desk: Desk) -> None:
    a_story(desk)
    answer = desk.holdfast("restore", TABLE, *AT, "--in-place")
    assert (answer.status, answer.out) == (0, PREVIEW + NOT_APPLIED)
    assert desk.values() == NEW

    answer = desk.holdfast("restore", TABLE, *AT, "--in-place", "--apply")
    assert answer.status == 0, answer.err
    run = run_of(answer)
    assert answer.out.startswith(PREVIEW + "\nWhat this run does is taken back, however far it comes, by\n")
    assert re.search(
        r"\n3 items restored and verified: table and archive have the digest [0-9a-f]{32}\.\n\Z", answer.out
    )
    assert desk.values() == OLD

    planned = (
        f"{run} began at 2026-01-01T00:16:40Z to restore 3 items of 'orders' in place, as of 2026-01-01T00:00:05Z:\n"
        'undo      {"pk": "gone"}: it is as restored, and becomes removed\n'
        'undo      {"pk": "a"}: it is as restored, and becomes what it was before\n'
        'undo      {"pk": "later"}: it is as restored, and becomes what it was before\n'
        "  undo               3\n"
        "  done               0\n"
        "  conflict           0\n"
    )
    answer = desk.holdfast("undo", run)
    assert (answer.status, answer.out) == (0, planned + NOT_APPLIED)
    assert desk.values() == OLD

    answer = desk.holdfast("undo", run, "--apply")
    assert (answer.status, answer.out) == (0, planned + "3 items taken back.\n")
    assert desk.values() == NEW

    answer = desk.holdfast("undo", run, "--apply")
    assert answer.status == 0
    assert answer.out.endswith("  done               3\n  conflict           0\nNothing to take back.\n")


def test_one_item_is_restored_in_place(desk: Desk) -> None:
    a_story(desk)
    answer = desk.holdfast("restore", TABLE, *AT, "--in-place", "--item", "gone", "--apply")
    assert answer.out.startswith('orders, item {"pk": "gone"}, as it was at the end of the second ')
    assert desk.values() == {**NEW, "gone": "old"}
    answer = desk.holdfast("restore", TABLE, *AT, "--in-place", "--item", '{"pk": "gone"}', "--apply")
    assert answer.out.endswith("  as it was          1\nNothing to restore.\n")


def test_one_tenant_is_rewound(deploy: Deploy) -> None:
    desk = deploy(tenant_column="owner")
    desk.create()
    for name, tenant in (("a", "A"), ("b", "B")):
        desk.put(name, "old", 1, owner={"S": tenant})
        desk.put(name, "new", 6, owner={"S": tenant})
    desk.put("moved", "1", 1, owner={"S": "B"})
    desk.put("moved", "2", 6, owner={"S": "A"})
    answer = desk.holdfast("restore", TABLE, *AT, "--in-place", "--tenant", "A", "--apply")
    assert answer.status == 0, answer.err
    assert 'leave   {"pk": "moved"}: it was of tenant \'B\' then\n' in answer.out
    assert "  leave              1  1 not the tenant's then\n" in answer.out
    assert desk.values() == {"a": "old", "b": "new", "moved": "2"}


def test_what_is_written_meanwhile_stays_and_is_named(desk: Desk) -> None:
    a_story(desk)
    written = [False]

    def meanwhile(params: Any, **_: object) -> None:
        if params["Item"]["pk"] == {"S": "a"} and not written[0]:
            written[0] = True
            item: Any = an_item("a", "newest")
            wiring.client("dynamodb").put_item(TableName=TABLE, Item=item)

    wiring.client("dynamodb").meta.events.register("provide-client-params.dynamodb.PutItem", meanwhile)
    answer = desk.holdfast("restore", TABLE, *AT, "--in-place", "--apply")
    assert answer.status == 1
    assert "2 items restored and verified: " in answer.out
    assert answer.out.endswith('1 item left alone:\n  {"pk": "a"}: it was changed since it was looked at\n')
    assert desk.values() == {"a": "newest", "gone": "old", "same": "old"}

    answer = desk.holdfast("undo", run_of(answer), "--apply")
    assert answer.status == 1
    assert 'conflict  {"pk": "a"}: it was changed since the restore, and is left alone\n' in answer.out
    assert desk.values() == {"a": "newest", "later": "x", "same": "old"}


def test_a_long_preview_shows_its_beginning(desk: Desk) -> None:
    for number in range(22):
        desk.put(f"{number:02}", "x", 7)
    words = ("restore", TABLE, *AT, "--in-place")
    out = desk.holdfast(*words).out
    assert 'remove  {"pk": "19"}' in out
    assert 'remove  {"pk": "20"}' not in out
    assert "... and 2 more: --verbose shows all\n" in out
    assert 'remove  {"pk": "21"}' in desk.holdfast(*words, "--verbose").out


# History


def test_the_history_of_an_item(desk: Desk) -> None:
    desk.put("a", "1", 1)
    desk.put("b", "1", 1)
    desk.put("a", "2", 2, size={"N": "3"})
    expired = {"userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}}
    desk.remove("a", 3, **expired)
    answer = desk.holdfast("history", TABLE, "--item", "a")
    assert answer.status == 0
    assert answer.out == (
        "2026-01-01T00:00:01Z  101  put  pk: 'a', value: '1'\n"
        "2026-01-01T00:00:02Z  103  changed  + size: 3, value: '1' -> '2'\n"
        "2026-01-01T00:00:03Z  104  removed by DynamoDB: its time to live was over\n"
        "The archive is complete since 2026-01-01T00:00:00Z.\n"
    )
    assert desk.holdfast("history", TABLE, "--item", "never").out == (
        'The archive knows nothing of {"pk": "never"} in orders.\nThe archive is complete since 2026-01-01T00:00:00Z.\n'
    )


# Mistakes


MISTAKES = [
    (
        ("restore", "never", *AT),
        "nothing is archived of a table 'never': `holdfast tables protect` is where that begins",
    ),
    (
        ("history", "never", "--item", "a"),
        "nothing is archived of a table 'never': `holdfast tables protect` is where that begins",
    ),
    (("restore", TABLE, "--at", "2026-01-02"), "2026-01-02T00:00:00Z is yet to come"),
    (
        ("restore", TABLE, *AT, "--tenant", "A"),
        "tables of stack holdfast have no tenants: it has no MultiTenancyColumn",
    ),
    (
        ("restore", TABLE, *AT, "--item", '{"sk": 1}'),
        'the key has the attributes \'sk\'; this table\'s is {"pk": "..."}',
    ),
    (
        ("restore", TABLE, *AT, "--to", TABLE),
        "there is a table 'orders' already: a restore writes to new tables only",
    ),
    (("undo", "orders"), "'orders' names no run of a restore in place: those are called TABLE@TIME-NUMBER"),
    (("undo", "orders@1"), "there was no restore in place 'orders@1' of table 'orders'"),
]


def test_a_mistake_ends_with_one_line_that_mends_it(desk: Desk) -> None:
    for words, sentence in MISTAKES:
        answer = desk.holdfast(*words)
        assert (answer.status, answer.out, answer.err) == (1, "", f"holdfast: {sentence}")


def test_a_table_that_is_gone_is_not_restored_in_place(desk: Desk) -> None:
    wiring.client("dynamodb").delete_table(TableName=TABLE)
    answer = desk.holdfast("restore", TABLE, *AT, "--in-place")
    assert (answer.status, answer.out, answer.err) == (1, "", "holdfast: there is no table 'orders'")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("restore", TABLE, "--at", "noon"), "'noon' is not a date or time of 2000 to 2099"),
        (("restore", TABLE, *AT, "--to", "x", "--in-place"), "--to and --in-place are two ways to restore"),
        (("restore", TABLE, *AT, "--apply"), "--apply needs to know where to"),
        (("restore", TABLE, *AT, "--to", "x", "--large", "--tenant", "A"), "--large restores a whole table"),
    ],
)
def test_what_cannot_be_meant_is_a_mistake_of_usage(
    account: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    said: str,
) -> None:
    answer = Desk(monkeypatch, capsys, "none", "segment", "", Numbers()).holdfast(*words)
    assert answer.status == 2
    assert said in answer.err


def test_a_stack_without_the_system_says_how_to_get_it(
    account: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.deploy(EnableTables="false")
    desk = Desk(monkeypatch, capsys, "none", "segment", "", Numbers())
    for words in (("restore", TABLE, *AT), ("undo", "orders@1"), ("history", TABLE, "--item", "a")):
        answer = desk.holdfast(*words)
        assert (answer.status, answer.out, answer.err) == (
            1,
            "",
            "holdfast: stack holdfast has no tables system: deploy it with EnableTables=true",
        )
