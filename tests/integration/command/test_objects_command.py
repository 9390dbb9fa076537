"""`holdfast objects` on the template's buckets and table in memory: what it says, word for word, and what it leaves."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any

import pytest
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from holdfast import wiring
from holdfast.adapters.dynamodb_objects import DynamoCensus, DynamoCopyTable, DynamoPasses
from holdfast.adapters.s3_objects import S3Copier, S3Sources
from holdfast.adapters.stack import Stack
from holdfast.cli import objects
from holdfast.cli.stack import find
from holdfast.events.model import sequencer
from holdfast.objects.model import Copy, Counts, Deletion, Original, Pass, Status, Walk
from holdfast.objects.naming import copy_key
from holdfast.objects.restore.model import short, stamp
from tests import aws
from tests.integration.command.shell import NOT_APPLIED, Answer, Shell

T0 = datetime(2020, 6, 2, tzinfo=UTC)
"""Before anything that a test writes: S3 dates that itself."""


def at(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


@dataclass(frozen=True)
class Desk(Shell):
    """An operator's desk beside a deployed stack."""

    source: str
    backup: str
    copy_table: str

    def holdfast(self, *words: str) -> Answer:
        return self.run("objects", *words)

    # What happens in the bucket

    @property
    def table(self) -> DynamoCopyTable:
        return DynamoCopyTable(wiring.client("dynamodb"), self.copy_table, wiring.now)

    def put(self, key: str, body: bytes, hours: float) -> Copy:
        """Write an object, and have it copied, as if it had been at that hour."""
        original = Original(self.source, key)
        wiring.client("s3").put_object(Bucket=self.source, Key=key, Body=body)
        version = S3Sources(wiring.client("s3")).head(original)
        assert version
        version = type(version)(original, version.etag, version.size, at(hours))
        order = sequencer(f"{round(hours * 100):08X}1")
        copy = Copy(version, copy_key(original, at(hours), order, "t"), order, at(hours))
        self.table.announce(copy)
        self.table.activate(copy, S3Copier(wiring.client("s3"), self.backup, "STANDARD").copy(version, copy.copy_key))
        return copy

    def delete(self, key: str, hours: float) -> None:
        original = Original(self.source, key)
        wiring.client("s3").delete_object(Bucket=self.source, Key=key)
        deletion = Deletion(sequencer(f"{round(hours * 100):08X}1"), at(hours), at(hours))
        self.table.remember(original, deletion)
        for copy in self.table.read(original).with_status(Status.ACTIVE):
            self.table.disown(copy, at(hours), at(hours))

    # What is to be seen

    def contents(self, bucket: str | None = None) -> dict[str, bytes]:
        s3 = wiring.client("s3")
        bucket = bucket or self.source
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def written_at(self, key: str) -> str:
        return stamp(wiring.client("s3").head_object(Bucket=self.source, Key=key)["LastModified"])

    def sends_to_eventbridge(self, bucket: str) -> bool:
        """moto keeps it and does not tell."""
        kept = get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket].notification_configuration
        return kept is not None and kept.event_bridge is not None


type Deploy = Callable[..., Desk]


@pytest.fixture
def deploy(account: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Deploy:
    """Deploys the stack; it protects these buckets besides its own."""

    def deploy(*protected: str) -> Desk:
        stack = aws.deploy(ProtectedBuckets=",".join(protected))

        def told_as_cloudformation_does(name: str) -> Stack:
            """moto tells lists as Python writes them."""
            found = find(name)
            return replace(found, parameters={**found.parameters, "ProtectedBuckets": ",".join(protected)})

        monkeypatch.setattr(objects, "find", told_as_cloudformation_does)
        return a_desk(stack, monkeypatch, capsys)

    return deploy


@pytest.fixture
def desk(deploy: Deploy) -> Desk:
    return deploy()


def a_desk(stack: aws.Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    environment = stack.environments["objects_reconcile"]
    monkeypatch.setenv("COLUMNS", "200")
    return Desk(
        monkeypatch,
        capsys,
        source=environment["BUCKETS"].split(",")[0],
        backup=environment["BACKUP_BUCKET"],
        copy_table=environment["COPY_TABLE"],
    )


# list


def test_list_shows_the_copies_of_a_key_the_newest_first(desk: Desk) -> None:
    old, new = desk.put("in/a", b"old", 1), desk.put("in/a", b"newer", 2)
    desk.put("in/b", b"x", 1)
    desk.delete("in/a", 3)
    lines = desk.holdfast("list", "in/a").out.splitlines()
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    assert rows == [
        ["'in/a'", stamp(at(2)), "5", "disowned", stamp(at(3)), short(new.copy_key)],
        ["'in/a'", stamp(at(1)), "3", "disowned", stamp(at(3)), short(old.copy_key)],
    ]


def test_list_shows_all_keys_under_a_prefix_and_hostile_ones_escaped(desk: Desk) -> None:
    for key in ("in/\x1b[31m\n", "in/[red]x[/red]", "out"):
        desk.put(key, b"x", 1)
    out = desk.holdfast("list", "in/").out
    assert r"'in/\x1b[31m\n'" in out
    assert "'in/[red]x[/red]'" in out
    assert "out" not in out


def test_list_shows_the_first_keys_and_says_that_there_are_more(desk: Desk) -> None:
    for number in range(21):
        desk.put(f"{number:02}", b"x", 1)
    few = desk.holdfast("list", "").out
    assert "'19'" in few
    assert "'20'" not in few
    assert few.endswith("There are more keys than these 20: --verbose shows all.\n")
    assert "'20'" in desk.holdfast("list", "", "--verbose").out


def test_list_says_so_if_nothing_is_kept(desk: Desk) -> None:
    assert (
        desk.holdfast("list", "a\n").out == f"No copy is kept of anything in {desk.source} that begins with 'a\\n'.\n"
    )


# restore


def test_a_deleted_object_is_restored_only_on_apply(desk: Desk) -> None:
    desk.put("a", b"content", 1)
    desk.delete("a", 2)
    planned = "restore  'a' as of 2020-06-02T01:00:00.000Z (7 bytes): it is not there\n"
    answer = desk.holdfast("restore", "a")
    assert (answer.status, answer.out) == (0, planned + NOT_APPLIED)
    assert desk.contents() == {}

    answer = desk.holdfast("restore", "a", "--apply")
    assert (answer.status, answer.out) == (
        0,
        planned + "1 object restored, 7 bytes.\n1 object verified by checksum.\n",
    )
    assert desk.contents() == {"a": b"content"}


def test_a_newer_object_stays_without_overwrite(desk: Desk) -> None:
    desk.put("a", b"old", 1)
    desk.put("a", b"new", 2)
    answer = desk.holdfast("restore", "a", "--at", "2020-06-02T01:30", "--apply")
    there = f"what is there is of {desk.written_at('a')}"
    assert (answer.status, answer.out) == (
        1,
        f"refuse   'a': {there}, not older than the copy: --overwrite writes over it\n",
    )
    assert desk.contents() == {"a": b"new"}

    answer = desk.holdfast("restore", "a", "--at", "2020-06-02T01:30", "--overwrite", "--apply")
    assert answer.status == 0, answer.out
    assert desk.contents() == {"a": b"old"}


@pytest.mark.parametrize("name", [str, short])
def test_a_copy_is_restored_by_its_name_beside_the_original(desk: Desk, name: Any) -> None:
    old = desk.put("a", b"old", 1)
    desk.put("a", b"new", 2)
    answer = desk.holdfast("restore", "a", "--copy", name(old.copy_key), "--to", f"{desk.source}/restored/", "--apply")
    assert answer.status == 0, answer.err
    assert answer.out.startswith(
        f"restore  'a' to '{desk.source}/restored/a' as of 2020-06-02T01:00:00.000Z (3 bytes): it is not there\n"
    )
    assert desk.contents() == {"a": b"new", "restored/a": b"old"}


def test_what_is_there_already_needs_nothing(desk: Desk) -> None:
    desk.put("a", b"new", 2)
    answer = desk.holdfast("restore", "a", "--apply")
    assert (answer.status, answer.out) == (0, "keep     'a': the same is there already\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("restore", "never"), "holdfast: no copy is kept of 'never' in {source}"),
        (
            ("restore", "a", "--at", "2020-06-01"),
            "holdfast: 'a': it did not exist yet at 2020-06-01T00:00:00.000Z, or its copies of then are gone: {newest}",
        ),
        (("restore", "a", "--copy", "nope"), "holdfast: 'a': there is no complete copy 'nope' of it"),
        (("restore", "a", "--to", "/x"), "holdfast: --to '/x' names no bucket: it is BUCKET/PREFIX"),
        (
            ("restore", "a", "--to", "{backup}/x"),
            "holdfast: --to '{backup}/x' is the backup bucket, which holds copies and nothing else",
        ),
        (
            ("restore", "a", "--to", "{source}/" + "k" * 1024),
            "holdfast: under {source}/" + "k" * 1024 + " its key has 1,025 bytes, and S3 takes 1,024",
        ),
        (
            ("protect", "{backup}"),
            "holdfast: {backup} is the backup bucket: it holds copies, and of copies no copies are made",
        ),
        (("restore", "a", "--to", "nowhere/x"), "holdfast: --to 'nowhere/x' is in no bucket that there is"),
        (("protect", "nowhere"), "holdfast: there is no bucket nowhere"),
        (("list", "a", "--stack", "nope"), "holdfast: there is no stack nope in us-east-1: name yours with --stack"),
    ],
)
def test_a_mistake_ends_with_one_line_that_mends_it(desk: Desk, words: tuple[str, ...], sentence: str) -> None:
    copy = desk.put("a", b"x", 1)
    newest = f"the newest 3 are kept, the oldest is of 2020-06-02T01:00:00.000Z ({short(copy.copy_key)})"
    names = {"source": desk.source, "backup": desk.backup, "newest": newest}
    answer = desk.holdfast(*(word.format(**names) for word in words))
    assert (answer.status, answer.out, answer.err) == (1, "", sentence.format(**names))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("restore", "a", "--at", "yesterday"), "'yesterday' is not a date or time of 2000 to 2099"),
        (("undelete", "", "--since", "2020-13-01"), "'2020-13-01' is not a date or time of 2000 to 2099"),
        (("restore", "a", "--at", "-1d", "--copy", "x"), "--at and --copy each name a copy: give one of them"),
    ],
)
def test_what_cannot_be_meant_is_a_mistake_of_usage(desk: Desk, words: tuple[str, ...], said: str) -> None:
    answer = desk.holdfast(*words)
    assert answer.status == 2
    assert said in answer.err


def test_what_was_written_between_plan_and_restore_stays(desk: Desk) -> None:
    """As S3 answers then; in memory nothing keeps that condition."""
    desk.put("a", b"old", 1)
    desk.delete("a", 2)

    def written_meanwhile(params: Any, **_: object) -> None:
        assert params["IfNoneMatch"] == "*"
        wiring.client("s3").put_object(Bucket=desk.source, Key="a", Body=b"newest")
        refused = {"Error": {"Code": "PreconditionFailed", "Message": ""}}
        raise wiring.client("s3").exceptions.ClientError(refused, "CopyObject")

    wiring.client("s3").meta.events.register("provide-client-params.s3.CopyObject", written_meanwhile)
    answer = desk.holdfast("restore", "a", "--apply")
    assert (answer.status, answer.err) == (1, f"holdfast: '{desk.source}/a' was written since it was looked at")
    assert desk.contents() == {"a": b"newest"}


# restore-prefix


def a_history(desk: Desk) -> None:
    desk.put("in/changed", b"old", 1)
    desk.put("in/gone", b"gone", 1)
    desk.put("in/same", b"same", 1)
    desk.put("in/changed", b"newer", 3)
    desk.put("in/later", b"later", 3)
    desk.put("out", b"out", 3)
    desk.delete("in/gone", 3)


def test_a_prefix_is_restored_as_it_was(desk: Desk) -> None:
    a_history(desk)
    words = ("restore-prefix", "in/", "--at", "2020-06-02T02:00Z", "--overwrite")
    plan = (
        f"What begins with 'in/' in {desk.source}, as it was at 2020-06-02T02:00:00.000Z:\n"
        "restore  'in/changed' as of 2020-06-02T01:00:00.000Z (3 bytes): "
        f"what is there is of {desk.written_at('in/changed')}, and is overwritten\n"
        "restore  'in/gone' as of 2020-06-02T01:00:00.000Z (4 bytes): it is not there\n"
        "2 objects to restore, 7 bytes.\n"
        "1 object already there, the same.\n"
        "1 object skipped: 1 without a copy as old.\n"
    )
    before = desk.contents()
    answer = desk.holdfast(*words)
    assert (answer.status, answer.out, answer.err) == (0, plan + NOT_APPLIED, "")
    assert desk.contents() == before

    answer = desk.holdfast(*words, "--apply")
    assert (answer.status, answer.out, answer.err) == (
        0,
        plan + "2 objects restored, 7 bytes.\n2 objects verified by checksum.\n",
        "",
    )
    assert desk.contents() == {
        "in/changed": b"old",
        "in/gone": b"gone",
        "in/later": b"later",
        "in/same": b"same",
        "out": b"out",
    }


def test_what_may_not_be_overwritten_is_listed_and_the_rest_restored(desk: Desk) -> None:
    a_history(desk)
    answer = desk.holdfast("restore-prefix", "in/", "--at", "2020-06-02T02:00Z", "--apply")
    assert answer.status == 1
    assert f"refuse   'in/changed': what is there is of {desk.written_at('in/changed')}, not older" in answer.out
    assert "1 object refused.\n" in answer.out
    assert desk.contents()["in/gone"] == b"gone"
    assert desk.contents()["in/changed"] == b"newer"


def test_verbose_shows_what_stays_too(desk: Desk) -> None:
    a_history(desk)
    answer = desk.holdfast("restore-prefix", "in/", "--at", "2020-06-02T02:00Z", "--overwrite", "--verbose")
    assert "keep     'in/same': the same is there already\n" in answer.out
    assert "skip     'in/later': it did not exist yet at 2020-06-02T02:00:00.000Z" in answer.out


def test_a_prefix_is_restored_beside_itself(desk: Desk) -> None:
    a_history(desk)
    before = desk.contents()
    words = ("restore-prefix", "in/", "--at", "2020-06-02T02:00Z", "--to", f"{desk.source}/then/", "--apply")
    assert desk.holdfast(*words).status == 0
    assert desk.contents() == before | {
        "then/in/changed": b"old",
        "then/in/gone": b"gone",
        "then/in/same": b"same",
    }


def test_a_long_plan_shows_its_beginning(desk: Desk) -> None:
    for number in range(22):
        desk.put(f"{number:02}", b"x", 1)
        desk.delete(f"{number:02}", 3)
    out = desk.holdfast("restore-prefix", "", "--at", "2020-06-02T02:00Z").out
    assert "'19'" in out
    assert "'20'" not in out
    assert "... and 2 more: --verbose shows all\n22 objects to restore, 22 bytes.\n" in out


def test_a_copy_that_cannot_be_read_is_named_and_the_others_are_restored(desk: Desk) -> None:
    lost = desk.put("a", b"x", 1)
    desk.put("b", b"y", 1)
    for key in ("a", "b"):
        desk.delete(key, 2)

    def lose(params: Any, **_: object) -> None:
        if params["Key"] == "a":
            wiring.client("s3").delete_object(Bucket=desk.backup, Key=lost.copy_key)

    wiring.client("s3").meta.events.register("provide-client-params.s3.CopyObject", lose)
    answer = desk.holdfast("undelete", "", "--since", "2020-06-02", "--apply")
    assert answer.status == 1
    assert answer.out.endswith(
        "1 object restored, 1 bytes.\n1 object verified by checksum.\n1 object failed:\n"
        f"  fail     'a': CopyLost: {lost.copy_key!r} is not in {desk.backup} as it was stored\n"
    )
    assert desk.contents() == {"b": b"y"}


def test_nothing_under_a_prefix_is_nothing_to_do(desk: Desk) -> None:
    answer = desk.holdfast("restore-prefix", "never/", "--at", "-1h", "--apply")
    assert answer.status == 0
    assert answer.out.endswith(":\n0 objects to restore, 0 bytes.\n")


# undelete


def test_what_was_deleted_since_is_brought_back(desk: Desk) -> None:
    desk.put("in/a", b"old", 1)
    desk.put("in/a", b"last", 2)
    desk.put("in/before", b"x", 1)
    desk.put("in/there", b"x", 1)
    desk.delete("in/before", 2)
    desk.delete("in/a", 4)
    plan = (
        f"What begins with 'in/' in {desk.source}, and was deleted at 2020-06-02T03:00:00.000Z or later:\n"
        "restore  'in/a' as of 2020-06-02T02:00:00.000Z (4 bytes): it was deleted at 2020-06-02T04:00:00.000Z\n"
        "1 object to restore, 4 bytes.\n"
        "2 objects skipped: 1 deleted before, 1 not deleted.\n"
    )
    answer = desk.holdfast("undelete", "in/", "--since", "2020-06-02T03:00Z")
    assert (answer.status, answer.out) == (0, plan + NOT_APPLIED)
    assert desk.contents() == {"in/there": b"x"}

    answer = desk.holdfast("undelete", "in/", "--since", "2020-06-02T03:00Z", "--apply")
    assert answer.out == plan + "1 object restored, 4 bytes.\n1 object verified by checksum.\n"
    assert desk.contents() == {"in/a": b"last", "in/there": b"x"}


# status


def test_status_tells_of_the_census_and_of_each_pass(desk: Desk) -> None:
    assert "never" in desk.holdfast("status").out

    client = wiring.client("dynamodb")
    DynamoCensus(client, desk.copy_table).set(1234)
    walks = (Walk("", "k", done=True, counts=Counts(live=1000, copied=2)), Walk("k", "", counts=Counts(corrupt=1)))
    passes = DynamoPasses(client, desk.copy_table)
    passes.save(desk.source, Pass(walks))
    out = desk.holdfast("status").out
    assert out.startswith(f"1,234 objects have copies in {desk.backup}.\n")
    assert "1 of 2 parts so far" in out
    assert "1,000 live, 2 copied, 1 corrupt" in out

    passes.save(desk.source, Pass(walks, completed_at=at(1)))
    assert stamp(at(1)) in desk.holdfast("status").out


# protect


def test_a_bucket_is_protected_only_on_apply_and_keeps_its_other_notifications(desk: Desk) -> None:
    s3 = wiring.client("s3")
    s3.create_bucket(Bucket="mine")
    topic = {"TopicArn": wiring.client("sns").create_topic(Name="other")["TopicArn"], "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(Bucket="mine", NotificationConfiguration={"TopicConfigurations": [topic]})
    plan = (
        "mine would send to EventBridge:\n"
        "  + all its events\n"
        "  = 1 notifications that it has already stay as they are\n"
        "\nStack holdfast does not listen to mine yet. Build it, and deploy it with\n"
        "  sam deploy --stack-name holdfast --capabilities CAPABILITY_IAM --resolve-s3 "
        "--parameter-overrides ProtectedBuckets=mine\n"
    )
    answer = desk.holdfast("protect", "mine")
    assert (answer.status, answer.out) == (0, plan + NOT_APPLIED)
    assert not desk.sends_to_eventbridge("mine")

    backfill = (
        "\nWhat the bucket holds already is copied within 16 minutes of the deploy, or at once with\n"
        "  aws lambda invoke --function-name ObjectsReconcileFunction --invocation-type Event /dev/null\n"
    )
    answer = desk.holdfast("protect", "mine", "--apply")
    assert (answer.status, answer.out) == (0, plan + "Done.\n" + backfill)
    assert desk.sends_to_eventbridge("mine")
    kept = s3.get_bucket_notification_configuration(Bucket="mine")["TopicConfigurations"]
    assert [told["TopicArn"] for told in kept] == [topic["TopicArn"]]


def test_a_bucket_is_added_to_those_that_the_stack_protects_already(deploy: Deploy) -> None:
    desk = deploy("one", "two")
    wiring.client("s3").create_bucket(Bucket="mine")
    assert "--parameter-overrides ProtectedBuckets=one,two,mine\n" in desk.holdfast("protect", "mine").out


def test_a_bucket_that_the_stack_listens_to_needs_no_deploy(deploy: Deploy) -> None:
    desk = deploy("mine")
    wiring.client("s3").create_bucket(Bucket="mine")
    out = desk.holdfast("protect", "mine", "--apply").out
    assert "sam deploy" not in out
    assert desk.sends_to_eventbridge("mine")


def test_status_tells_of_every_protected_bucket(deploy: Deploy) -> None:
    out = deploy("one", "two").holdfast("status").out
    assert re.findall(r"│ (\S+) +│ never", out)[1:] == ["one", "two"]


def test_the_stacks_own_bucket_is_protected_already(desk: Desk) -> None:
    answer = desk.holdfast("protect", desk.source)
    assert answer.out == f"{desk.source} is the stack's own source bucket: it is protected already.\n"


def test_a_bucket_of_another_region_cannot_be_protected(desk: Desk) -> None:
    wiring.client("s3").create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    answer = desk.holdfast("protect", "far", "--apply")
    assert (answer.status, answer.err) == (
        1,
        "holdfast: far is in eu-west-1, and its events reach no stack in us-east-1",
    )


# A stack without the system


@pytest.mark.parametrize(
    "words",
    [
        ("list", "a"),
        ("status",),
        ("restore", "a"),
        ("restore-prefix", "", "--at", "-1h"),
        ("undelete", "", "--since", "-1h"),
        ("protect", "a"),
    ],
)
def test_a_stack_without_the_system_says_how_to_get_it(
    account: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    aws.deploy(EnableObjects="false")
    answer = Desk(monkeypatch, capsys, "none", "none", "none").holdfast(*words)
    assert (answer.status, answer.out, answer.err) == (
        1,
        "",
        "holdfast: stack holdfast has no objects system: deploy it with EnableObjects=true",
    )


# Any key


def test_a_key_of_another_protected_bucket_is_restored_there(desk: Desk) -> None:
    wiring.client("s3").create_bucket(Bucket="mine")
    other = Desk(desk.monkeypatch, desk.capsys, "mine", desk.backup, desk.copy_table)
    other.put("a", b"content", 1)
    other.delete("a", 2)
    assert desk.holdfast("restore", "a").status == 1
    assert desk.holdfast("restore", "a", "--bucket", "mine", "--apply").status == 0
    assert desk.contents("mine") == {"a": b"content"}
    assert md5(b"content").hexdigest() in wiring.client("s3").head_object(Bucket="mine", Key="a")["ETag"]


def test_a_key_that_looks_like_an_option_is_given_behind_two_dashes(desk: Desk) -> None:
    desk.put("--apply", b"x", 1)
    assert desk.holdfast("restore", "--", "--apply").out == "keep     '--apply': the same is there already\n"
