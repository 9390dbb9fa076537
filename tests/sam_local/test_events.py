"""Every sample event in a container: what the function answers, and what it logs."""

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
from PIL import Image

from local.cloud import ROOT, STACK
from local.container import Application
from local.invoke import SAMPLE_BODY, SAMPLE_BUCKET, SAMPLE_KEYS, SAMPLE_LAKE, SAMPLE_TABLE, Invocation, in_process
from tests.sam_local.trial import invoke

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NAME, HOSTILE_NAME = SAMPLE_KEYS

type Part = Mapping[str, Any]
"""What is stated of an answer, or of a line in a log. It may hold more."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a sample event brings, when these objects are there and these events came before."""

    answers: Part
    logs: tuple[Part, ...] = ()
    objects: Mapping[str, int] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


def again(*message_ids: str) -> Part:
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in message_ids]}


def tracked(name: str, verdict: str, size_delta: int, total_size: int) -> Part:
    said = {"object_name": name, "verdict": verdict, "size_delta": size_delta, "total_size": total_size}
    return {"message": "tracked", "bucket_name": SAMPLE_BUCKET, **said}


def logged(name: str, size_delta: int) -> Part:
    return {"message": "event", "bucket_name": SAMPLE_BUCKET, "object_name": name, "size_delta": size_delta}


def evicted(word: str) -> Part:
    return {"message": word, "object_name": "large.txt", "size": 28}


def nothing_evicted(projected_size: int = 0) -> Part:
    return {"evicted": [], "projected_size": projected_size, "blocked": False, "breaker": None}


def plot(kind: str, *size: int) -> Part:
    return {"statusCode": 200, "body": (kind, *size)}


def refused(status: int, parameter: str, value: str) -> Part:
    return {"statusCode": status, "body": {"parameter": parameter, "value": value}}


def answered(status: int) -> tuple[Part, ...]:
    return ({"message": "answered", "status": status},)


def replicated(verdict: str, *, copied_bytes: int = 0, disowned: int = 0, name: str = NAME) -> Case:
    said = {"object_name": name, "verdict": verdict, "copied_bytes": copied_bytes, "disowned": disowned}
    disowning = ({"message": "disowned", "reason": "the object was deleted"},) * disowned
    return Case(
        {"events": [{"key": name, "verdict": verdict}]},
        (*disowning, {"message": "replicated", "bucket_name": SAMPLE_BUCKET, **said}),
    )


def compared(**found: int) -> Part:
    nothing = dict.fromkeys(("live", "copied", "deleted", "orphans", "dangling", "corrupt", "unreadable", "held"), 0)
    return {SAMPLE_BUCKET: {"complete": True, **nothing, **found}}


def archived(*sequences: str, stored: int = 1, removed: int = 0, rejected: int = 0) -> Case:
    """`sequences`: those of records that have to come again."""
    told = {"stored": stored, "removed": removed, "rejected": rejected, "come_again": list(sequences)}
    refused = tuple({"message": "rejected", "table": SAMPLE_TABLE, "sequence": sequence} for sequence in sequences)
    return Case(again(*sequences), (*refused, {"message": "archived", "table": SAMPLE_TABLE, **told}))


def step(name: str) -> tuple[Part, ...]:
    return ({"message": "step done", "step": name, "table": SAMPLE_TABLE, "to": "holdfast-restored"},)


THERE = {NAME: len(SAMPLE_BODY)}
COPIED, DISOWNED = "objects_replicate/s3_put", "objects_replicate/s3_delete"

PUT, DELETE = "capacity_track/s3_put", "capacity_track/s3_delete"
SMALL_AND_LARGE = {"small.txt": 18, "large.txt": 28}
RECONCILED = ("capacity_reconcile/by_hand",)

RUN = "20261120T030000Z-9169e3"
DISCOVERED, PLANNED = "warehouse_discover/by_hand", "warehouse_plan/source"
DATA_COPIED = (DISCOVERED, PLANNED, "warehouse_copy/data")
DATA_STORED = (*DATA_COPIED, "warehouse_commit/data")
STORED = (*DATA_STORED, "warehouse_copy/logs", "warehouse_commit/logs")
VERIFIED = (*STORED, "warehouse_verify/source")


def of_lake(message: str, answers: Part, *before: str) -> Case:
    """A step of the workflow with the one source of the sample events."""
    return Case(answers, ({"message": message, "run": RUN, "source": f"s3://{SAMPLE_LAKE}/sales"},), before=before)


ARCHIVED, CHECKED, PREPARED = "tables_archive/insert", "tables_check/schedule", "tables_restore/prepare"

CASES: dict[str, Case] = {
    PUT: Case(again(), (tracked("assignment1.txt", "applied", 18, 18),)),
    DELETE: Case(again(), (tracked("assignment1.txt", "applied", -18, 0),), before=(PUT,)),
    "capacity_track/s3_delete_marker": Case(again(), (tracked("assignment1.txt", "applied", -18, 0),), before=(PUT,)),
    "capacity_track/s3_version_delete": Case(again(), (tracked("assignment1.txt", "applied", -18, 0),), before=(PUT,)),
    "capacity_track/lifecycle_expiration": Case(
        again(), (tracked("assignment1.txt", "applied", -18, 0),), before=(PUT,)
    ),
    "capacity_track/s3_test_event": Case(again()),
    "capacity_track/hostile_key": Case(again(), (tracked(HOSTILE_NAME, "applied", 18, 18),)),
    "capacity_track/batch": Case(
        again(),
        (
            tracked("a.txt", "applied", 10, 10),
            tracked("b.txt", "applied", 20, 30),
            tracked("b.txt", "duplicate", 0, 30),
            tracked("c.txt", "applied", 40, 70),
            tracked("a.txt", "applied", 2, 72),
            tracked("c.txt", "applied", -40, 32),
        ),
    ),
    "capacity_track/poison": Case(
        again("84b5a818-42d8-4208-986f-40f6b239f3c7"),
        (
            {"message": "unreadable message", "message_id": "84b5a818-42d8-4208-986f-40f6b239f3c7"},
            tracked("a.txt", "applied", 10, 10),
            tracked("b.txt", "applied", 20, 30),
        ),
    ),
    "capacity_log/s3_put": Case(again(), (logged("assignment1.txt", 18),)),
    "capacity_log/s3_delete": Case(again(), (logged("assignment1.txt", -18),), before=(PUT, DELETE)),
    "capacity_log/poison": Case(
        again("cdbde747-58d5-4f1b-8540-f4262d8ad8c0"),
        (
            logged("a.txt", 10),
            {"message": "not logged", "message_id": "cdbde747-58d5-4f1b-8540-f4262d8ad8c0"},
            logged("b.txt", 20),
        ),
    ),
    "capacity_heartbeat/schedule": Case(
        {"total_size": 18}, ({"message": "heartbeat", "total_size": 18},), before=(PUT,)
    ),
    "capacity_trim/alarm": Case(
        {"evicted": ["large.txt"], "projected_size": 18, "blocked": False, "breaker": None},
        (evicted("evicting"), evicted("evicted")),
        objects=SMALL_AND_LARGE,
        before=RECONCILED,
    ),
    "capacity_trim/alarm_ok": Case(nothing_evicted(), objects=SMALL_AND_LARGE, before=RECONCILED),
    "capacity_trim/schedule": Case(nothing_evicted(), objects=SMALL_AND_LARGE, before=RECONCILED),
    "capacity_reconcile/by_hand": Case(
        {"due": True, "compared": 2, "repaired": 2, "complete": True, "total_size": 46},
        (
            {"message": "repaired", "object_name": "large.txt", "size_delta": 28},
            {"message": "repaired", "object_name": "small.txt", "size_delta": 18},
        ),
        objects=SMALL_AND_LARGE,
    ),
    "capacity_reconcile/schedule": Case({"due": False}, objects=SMALL_AND_LARGE, before=RECONCILED),
    "capacity_plot/png": Case(plot("PNG", 1200, 600), answered(200), before=(PUT, DELETE)),
    "capacity_plot/last_week": Case(plot("PNG", 1200, 600), answered(200), before=(PUT, DELETE)),
    "capacity_plot/png_of_a_range": Case(plot("PNG", 1600, 800), answered(200)),
    "capacity_plot/year": Case(plot("PNG", 1200, 600), answered(200)),
    "capacity_plot/svg": Case(plot("SVG"), answered(200)),
    "capacity_plot/json": Case({"statusCode": 200, "body": {"bucket": SAMPLE_BUCKET, "points": []}}, answered(200)),
    "capacity_plot/empty_range": Case({"statusCode": 200, "body": {"changes": 0, "points": []}}, answered(200)),
    "capacity_plot/bad_parameter": Case(refused(400, "size", "huge"), answered(400)),
    "capacity_plot/given_twice": Case(refused(400, "from", "-24h, -7d"), answered(400)),
    "capacity_plot/range_backwards": Case(refused(400, "from", "2026-01-15T09:30:00Z"), answered(400)),
    "capacity_plot/unknown_parameter": Case(refused(400, "start", "-24h"), answered(400)),
    "capacity_plot/unknown_bucket": Case(refused(404, "bucket", "holdfast-other"), answered(404)),
    "capacity_drive/by_hand": Case(
        {"errorType": "CannotDrive", "errorMessage": "the drive needs CapacityLimitBytes=20, the stack has 21"},
        settings={"LIMIT_BYTES": "21"},  # a whole drive is an end-to-end test
    ),
    "objects_replicate/s3_put": replace(replicated("copied", copied_bytes=18), objects=THERE),
    "objects_replicate/eventbridge_created": replace(replicated("copied", copied_bytes=18), objects=THERE),
    "objects_replicate/hostile_key": replace(
        replicated("copied", copied_bytes=18, name=HOSTILE_NAME), objects={HOSTILE_NAME: 18}
    ),
    "objects_replicate/s3_put_version": replace(replicated("gone"), objects=THERE),
    "objects_replicate/s3_delete": replace(replicated("deleted", disowned=1), objects=THERE, before=(COPIED,)),
    "objects_replicate/eventbridge_deleted": replace(
        replicated("deleted", disowned=1), objects=THERE, before=(COPIED,)
    ),
    "objects_replicate/s3_delete_marker": replicated("deleted"),
    "objects_replicate/s3_test_event": Case({"events": []}),
    "objects_clean/schedule": Case(
        {"cleaned": 1, "cleaned_bytes": 18, "locked": 0, "held": None, "complete": True},
        ({"message": "cleaned", "size": 18},),
        objects=THERE,
        before=(COPIED, DISOWNED),
        settings={"DISOWNED_DELAY_SECONDS": "0"},
    ),
    "objects_reconcile/by_hand": Case(compared(live=2, copied=2), objects=SMALL_AND_LARGE),
    "objects_reconcile/schedule": Case({}, objects=SMALL_AND_LARGE, before=("objects_reconcile/by_hand",)),
    "tables_archive/insert": archived(),
    "tables_archive/modify": archived(),
    "tables_archive/remove": archived(removed=1),
    "tables_archive/ttl_removal": archived(removed=1),
    "tables_archive/tenant_change": archived(),
    "tables_archive/every_type": archived(),
    "tables_archive/poison_among_good": archived("100000000005391461888", stored=2, rejected=1),
    "tables_check/schedule": Case(
        {SAMPLE_TABLE: {"compared": 1, "differences": 0, "unarchived": 0, "gaps": 0, "failure": None}},
        before=(ARCHIVED,),
    ),
    "tables_restore/prepare": Case({"items": 1}, step("prepare"), before=(ARCHIVED, CHECKED)),
    "tables_restore/partition": Case(
        {"prefix": "4", "items": 1}, step("partition"), before=(ARCHIVED, CHECKED, PREPARED)
    ),
    "tables_restore/verify": Case(
        {"errorType": "PartsMissing", "errorMessage": "part '0' of 'holdfast-restored' is not restored yet"},
        before=(ARCHIVED, CHECKED, PREPARED),  # all steps one behind the other are an end-to-end test
    ),
    "warehouse_discover/schedule": Case({"run": RUN}, ({"message": "discovered", "run": RUN},)),
    DISCOVERED: Case({"run": RUN}, ({"message": "discovered", "run": RUN},)),
    "warehouse_validate/inventory": of_lake("validated", {"status": "complete", "route": "lambda", "error": None}),
    "warehouse_validate/no_inventory": of_lake("validated", {"status": "corrupt", "route": None}),
    PLANNED: of_lake("planned", {}, DISCOVERED),
    "warehouse_copy/data": of_lake("copied", {"done": True}, DISCOVERED, PLANNED),
    "warehouse_copy/logs": of_lake("copied", {"done": True}, DISCOVERED, PLANNED),
    "warehouse_commit/data": of_lake("committed", {"done": True, "failed": 0, "retry": None}, *DATA_COPIED),
    "warehouse_commit/logs": of_lake(
        "committed", {"done": True, "failed": 0, "retry": None}, *DATA_STORED, "warehouse_copy/logs"
    ),
    "warehouse_verify/source": of_lake("verified", {"done": True, "restorable": 1, "broken": 0}, *STORED),
    "warehouse_retire/source": of_lake("retired", {"done": True, "marked": 0, "held": None}, *VERIFIED),
    "warehouse_report/failed": Case(
        {"failed": f"s3://{SAMPLE_LAKE}/sales"},
        ({"message": "source failed", "Error": "ManifestCorrupt"}, {"message": "reported", "step": "failed"}),
        before=(DISCOVERED,),
    ),
    "warehouse_report/report": Case(
        {"failed": []}, ({"message": "reported", "step": "report"},), before=(*VERIFIED, "warehouse_retire/source")
    ),
    "warehouse_report/watch": Case({"days_since_backup": None}, ({"message": "reported", "step": "watch"},)),
}

FLEET_RUN = "manual-2026-11-21T09-30-00Z"
FLEET_ASKED, FLEET_FAILED = "fleet_discover/by_hand", "fleet_report/failed"


def discovered_fleet(run: str) -> Case:
    return Case({"run": run, "undiscovered": []}, ({"message": "discovered", "run": run},))


def told() -> Case:
    said = {"message": "told", "channel": "sns"}
    return Case({"sent": 1, "suppressed": 0, "undelivered": 0}, (said, {"message": "alerted", "sent": 1}))


def nothing_known(error: str) -> Case:
    """A whole restore, and what is told of a run, are tests of their own."""
    return Case({"errorType": error})


CASES |= {
    "fleet_discover/schedule": discovered_fleet("daily-2026-11-21T02-00-00Z"),
    "fleet_discover/cleanup": discovered_fleet("cleanup-2026-12-01T00-00-00Z"),
    FLEET_ASKED: discovered_fleet(FLEET_RUN),
    "fleet_backup/resource": Case(
        {"status": "failed"}, ({"message": "backed up", "run": FLEET_RUN, "status": "failed"},), before=(FLEET_ASKED,)
    ),
    "fleet_verify/resource": Case(
        {"errorType": "EndpointConnectionError"},  # the engine has no jobs of S3 Batch Operations
        before=(FLEET_ASKED,),
    ),
    FLEET_FAILED: Case({}, ({"message": "reported", "step": "failed"},), before=(FLEET_ASKED,)),
    "fleet_report/report": Case(
        {"run": FLEET_RUN, "failed": [SAMPLE_BUCKET]},
        ({"message": "reported", "step": "report"},),
        before=(FLEET_ASKED, FLEET_FAILED),
    ),
    "fleet_expire/run": Case({"done": True, "removed": 0}, ({"message": "expired", "held": None},)),
    **{f"fleet_alert/{case}": told() for case in ("alarm", "alarm_ok", "execution", "stopped")},
    **{f"fleet_alert/{case}": nothing_known("NothingToTell") for case in ("failure", "run", "restore")},
    **{
        f"fleet_restore/{step}": nothing_known("NoSuchRestore")
        for step in ("prepare", "provision", "configure", "validate", "destroy", "failed", "report")
    },
    "fleet_restore/drill": Case({"stages": [], "drill": True}, ({"message": "step done", "step": "prepare"},)),
    "fleet_watch/schedule": Case({"over_target": 0, "missed": []}, ({"message": "watched", "over_target": 0},)),
    "fleet_cost/schedule": Case({"total": 0.0}, ({"message": "counted"},)),
    "fleet_status/json": Case({"statusCode": 200, "body": {"stack": STACK}}, answered(200)),
    "fleet_status/page": Case({"statusCode": 200, "isBase64Encoded": False}, answered(200)),
}


def test_every_sample_event_has_its_case() -> None:
    assert {f"{event.parent.name}/{event.stem}" for event in ROOT.glob("events/*/*.json")} == CASES.keys()


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("name", CASES)
def test_a_sample_event_in_a_container(name: str, application: Application, s3: "S3Client") -> None:
    case = CASES[name]
    for key, size in case.objects.items():
        s3.put_object(Bucket=SAMPLE_BUCKET, Key=key, Body=b"x" * size)
    for event in case.before:
        assert in_process(application.engine, named(event)) == 0
    tried = invoke(application, named(name), case.settings)
    assert stated(case.answers, legible(tried.answer)) == case.answers
    assert [stated(part, line) for part, line in zip(case.logs, tried.logged, strict=False)] == list(case.logs)
    assert len(tried.logged) == len(case.logs)


def named(event: str) -> Invocation:
    return Invocation.named(*event.split("/"))


def legible(answer: Part) -> Part:
    """An HTTP answer with its body as what it is said to be; any other answer as it is."""
    match answer.get("headers"):
        case {"Content-Type": "application/json"}:
            return {**answer, "body": json.loads(answer["body"])}
        case {"Content-Type": "image/svg+xml"}:
            kind = ElementTree.fromstring(answer["body"]).tag.rpartition("}")[2]
            return {**answer, "body": (kind.upper(),)}
        case {"Content-Type": "image/png"}:
            image = Image.open(BytesIO(b64decode(answer["body"], validate=True)))
            image.load()
            return {**answer, "body": (image.format, *image.size)}
        case _:
            return answer


def stated(part: Any, whole: Any) -> Any:
    """Of the whole what the part speaks of."""
    if isinstance(part, Mapping) and isinstance(whole, Mapping):
        return {name: stated(part[name], whole.get(name)) for name in part}
    return whole
