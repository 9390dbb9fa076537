"""The workflow of the warehouse's backup: what it may do, and each path through it, played in memory.

Sources run as executions of their own. The interpreter plays them within the parent, and there hides their failures:
so what one source goes through is played as a machine, too.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from local.engine import ACCOUNT, REGION
from tests.template import player
from tests.template.machine import MACHINES
from tests.template.player import Ended, answered, definition, interpreter, raised
from tests.template.role import machine_statements
from tests.template.stack import EVERYTHING, deployed, of_type

[BACKUP] = [machine for machine in MACHINES if machine.path.stem == "warehouse_backup.asl"]
STATES = dict(BACKUP.states())

FILLED = {
    "Partition": "aws",
    "AccountId": ACCOUNT,
    "BackupBucket": "backup",
    "CopyJobRoleArn": f"arn:aws:iam::{ACCOUNT}:role/copies",
    "WorkGroup": "holdfast-warehouse",
    "Database": "reports-and-ledger",
    "Cluster": "cluster",
    "TaskDefinition": "task",
    "SecurityGroup": "sg-1",
    "Subnets": "subnet-1,subnet-2",
}

ITEM = {"run": "R", "source": "s3://lake/sales", "inventory": "inventories/lake/holdfast/2026-11-20T01-00Z/"}


def phase(name: str, engine: str = "direct", attempt: int = 1) -> dict[str, Any]:
    folder = f"warehouse/runs/R/lake%2Fsales/{name}-{attempt}/"
    return {
        "phase": name,
        "attempt": attempt,
        "engine": engine,
        "listed": f"{folder}listed.parquet",
        "manifest": f"{folder}manifest.csv",
        "etag": "e1",
        "objects": 3,
        "size": 30,
        "report": f"{folder}report",
        "target": "warehouse/copies/R/lake",
        "storage_class": "GLACIER",
        "fields": ["Bucket", "Key"],
        "token": f"token-{name}-{attempt}",
    }


type Answers = Callable[[Mapping[str, Any], int], Any]
"""What a function answers to an event, given how often it was called before. An exception is raised."""


def always(answer: Any) -> Answers:
    return lambda _event, _before: answer


def in_turn(*answers: Any) -> Answers:
    """The last one is given from then on."""
    return lambda _event, before: answers[min(before, len(answers) - 1)]


COMPLETE = {"status": "complete", "route": "lambda", "error": None}
INCOMPLETE = {"status": "incomplete", "route": None, "error": {"Error": "InventoryIncomplete", "Cause": "a part"}}
EXPIRED = INCOMPLETE | {"status": "expired"}
CORRUPT = {"status": "corrupt", "route": None, "error": {"Error": "ManifestCorrupt", "Cause": "its MD5"}}
COMMITTED = {"done": True, "failed": 0, "retry": None}


@dataclass
class World:
    """What is called in the place of functions, jobs, tasks and queries. `called`: by whom, and with what."""

    answers: dict[str, Answers] = field(default_factory=dict)
    statuses: list[str] = field(default_factory=lambda: ["Active", "Complete"])
    """Of a job, each time that somebody asks."""
    called: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def client(self, service: str) -> Any:
        return {"lambda": Functions, "s3control": Jobs, "ecs": Tasks, "athena": Queries}[service](self)

    def of(self, name: str) -> list[Mapping[str, Any]]:
        return [told for called, told in self.called if called == name]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.called]

    def note(self, name: str, told: Mapping[str, Any]) -> int:
        self.called.append((name, told))
        return len(self.of(name)) - 1


DEFAULTS: dict[str, Answers] = {
    "Discover": always({"run": "R", "sources": [ITEM]}),
    "Validate": always(COMPLETE),
    "Plan": always({"phases": [phase("data"), phase("logs")]}),
    "Copy": always({"done": True}),
    "Commit": always(COMMITTED),
    "Verify": always({"done": True, "restorable": 1, "broken": 0}),
    "Retire": always({"done": True, "marked": 0, "expiring": 0, "kept": 0, "held": None}),
    "Report": always({"failed": [], "summary": "all is well", "ended": "2026-11-21T03:00:00+00:00"}),
}


@dataclass
class Functions:
    world: World

    def invoke(self, *, FunctionName: str, Payload: Any, **_: object) -> dict[str, Any]:  # noqa: N803
        name = FunctionName.rpartition(":")[2].removeprefix("Warehouse").removesuffix("Function")
        event = json.loads(Payload)
        before = self.world.note(name, event)
        answer = self.world.answers.get(name, DEFAULTS[name])(event, before)
        return raised(type(answer).__name__, str(answer)) if isinstance(answer, Exception) else answered(answer)


@dataclass
class Jobs:
    world: World

    def create_job(self, **told: Any) -> dict[str, Any]:
        self.world.note("createJob", told)
        return {"JobId": "job-1"}

    def describe_job(self, **told: Any) -> dict[str, Any]:
        asked = self.world.note("describeJob", told)
        return {"Job": {"JobId": told["JobId"], "Status": self.world.statuses[asked]}}


@dataclass
class Tasks:
    world: World

    def run_task(self, **told: Any) -> dict[str, Any]:
        self.world.note("runTask", told)
        return self.describe_tasks()

    def describe_tasks(self, **_: object) -> dict[str, Any]:
        """The interpreter looks for either spelling."""
        task = {"taskArn": "task-1", "clusterArn": "cluster", "lastStatus": "STOPPED"}
        return {"tasks": [task], "Tasks": [{"TaskArn": "task-1", "ClusterArn": "cluster", "LastStatus": "STOPPED"}]}


@dataclass
class Queries:
    world: World

    def start_query_execution(self, **told: Any) -> dict[str, Any]:
        self.world.note("query", told)
        return {"QueryExecution": {"QueryExecutionId": "q1"}}


# As they run: the whole


type Play = Callable[[World], Ended]


@pytest.fixture(scope="module")
def states() -> Iterator[Any]:
    with interpreter() as client:
        yield client


@pytest.fixture
def play(states: Any) -> Play:
    """The whole machine, as the schedule starts it."""
    return lambda world: player.play(states, definition(BACKUP, **FILLED), {}, world.client)


@pytest.fixture
def play_source(states: Any) -> Play:
    """What one source goes through."""
    child = definition(BACKUP, **FILLED)["States"]["WarehouseSources"]["ItemProcessor"]
    stated = {"StartAt": child["StartAt"], "States": child["States"]}
    return lambda world: player.play(states, stated, ITEM, world.client)


def test_a_backup_goes_through_all_steps_of_all_sources_and_reports(play: Play) -> None:
    other = ITEM | {"source": "s3://lake/stock"}
    world = World({"Discover": always({"run": "R", "sources": [ITEM, other]})})
    ended = play(world)
    assert ended.status == "SUCCEEDED"
    assert ended.states[-3:] == ["WarehouseReport", "WarehouseReported", "WarehouseDone"]
    [asked] = world.of("Discover")
    assert asked["sources"] == []
    assert datetime.fromisoformat(asked["started"]).tzinfo
    assert asked["execution"] == "once"
    assert sorted(event["source"] for event in world.of("Retire")) == [ITEM["source"], other["source"]]
    assert world.of("Report") == [{"step": "report", "run": "R"}]


def test_somebody_asks_for_some_sources_alone(states: Any) -> None:
    world = World()
    given = {"sources": ["s3://lake/sales"]}
    ended = player.play(states, definition(BACKUP, **FILLED), given, world.client)
    assert ended.status == "SUCCEEDED"
    assert "WarehouseEverySource" not in ended.states
    assert world.of("Discover")[0]["sources"] == ["s3://lake/sales"]


def test_a_run_in_which_sources_failed_fails_with_the_report(play: Play) -> None:
    world = World({"Report": always({"failed": ["s3://lake/sales"], "summary": "1 of 1 FAILED", "ended": ""})})
    ended = play(world)
    assert (ended.status, ended.error, ended.cause) == ("FAILED", "WarehouseIncomplete", "1 of 1 FAILED")


def test_a_source_that_fails_is_written_down_and_the_others_go_on(play: Play) -> None:
    good = ITEM | {"source": "s3://lake/stock"}

    def validated(event: Mapping[str, Any], _before: int) -> Any:
        return COMPLETE if event["source"] == good["source"] else CORRUPT

    world = World({"Discover": always({"run": "R", "sources": [ITEM, good]}), "Validate": validated})
    assert play(world).status == "SUCCEEDED"
    assert [event["source"] for event in world.of("Retire")] == [good["source"]]
    *failed, report = world.of("Report")
    assert failed == [{"step": "failed", **ITEM, "error": CORRUPT["error"]}]
    assert report == {"step": "report", "run": "R"}


@pytest.mark.parametrize("name", ["Discover", "Report"])
def test_what_cannot_be_done_for_any_source_stops_the_run_and_says_why(play: Play, name: str) -> None:
    class SettingInvalid(Exception):
        pass

    world = World({name: always(SettingInvalid("SOURCES"))})
    ended = play(world)
    assert (ended.status, ended.error, ended.states[-1]) == ("FAILED", "WarehouseStopped", "WarehouseStopped")
    assert ended.cause is not None
    assert json.loads(ended.cause)["Error"] == "SettingInvalid"
    assert world.names.count(name) == 1


# One source


def test_a_source_is_validated_planned_copied_verified_and_retired_in_this_order(play_source: Play) -> None:
    world = World()
    ended = play_source(world)
    assert (ended.status, ended.output) == ("SUCCEEDED", ITEM["source"])
    assert world.names == ["Validate", "Plan", "Copy", "Commit", "Copy", "Commit", "Verify", "Retire"]
    assert [event["phase"]["phase"] for event in world.of("Copy")] == ["data", "logs"]
    [validated] = world.of("Validate")
    assert {**ITEM, "since": validated["since"]} == validated
    assert world.of("Plan") == world.of("Verify") == world.of("Retire") == [ITEM]
    assert world.of("Copy")[0] == {**ITEM, "phase": phase("data")}
    assert world.of("Commit")[0] == {**ITEM, "phase": phase("data"), "job": None}


def test_a_source_with_nothing_to_copy_is_verified_and_retired_all_the_same(play_source: Play) -> None:
    world = World({"Plan": always({"phases": []})})
    assert play_source(world).status == "SUCCEEDED"
    assert world.names == ["Validate", "Plan", "Verify", "Retire"]


def test_an_incomplete_inventory_is_waited_for(play_source: Play) -> None:
    world = World({"Validate": in_turn(INCOMPLETE, INCOMPLETE, COMPLETE)})
    ended = play_source(world)
    assert ended.states.count("WarehouseWait") == 2
    assert world.names[:4] == ["Validate", "Validate", "Validate", "Plan"]
    assert len({event["since"] for event in world.of("Validate")}) == 1


@pytest.mark.parametrize(
    ("validated", "waits"), [([INCOMPLETE, INCOMPLETE, EXPIRED], 2), ([CORRUPT], 0)], ids=["incomplete", "corrupt"]
)
def test_an_inventory_that_stays_incomplete_or_is_corrupt_fails_its_source_by_name(
    play_source: Play, validated: list[Any], waits: int
) -> None:
    world = World({"Validate": in_turn(*validated)})
    ended = play_source(world)
    assert (ended.status, ended.output) == ("SUCCEEDED", ITEM["source"])
    assert ended.states.count("WarehouseWait") == waits
    assert set(world.names) == {"Validate", "Report"}
    assert world.of("Report") == [{"step": "failed", **ITEM, "error": validated[-1]["error"]}]


def test_an_inventory_too_large_for_a_function_is_planned_by_the_task(play_source: Play) -> None:
    world = World({"Validate": always(COMPLETE | {"route": "task"})})
    assert play_source(world).status == "SUCCEEDED"
    assert world.names[:3] == ["Validate", "runTask", "Plan"]
    [told] = world.of("runTask")
    network = told["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network == {"AssignPublicIp": "DISABLED", "Subnets": ["subnet-1", "subnet-2"], "SecurityGroups": ["sg-1"]}
    [container] = told["Overrides"]["ContainerOverrides"]
    [variable] = container["Environment"]
    assert variable["Name"] == "HOLDFAST_REQUEST"
    assert json.loads(variable["Value"]) == {"step": "plan", **ITEM}
    [stated] = of_type("AWS::ECS::TaskDefinition", **EVERYTHING).values()
    assert [one["Name"] for one in stated["ContainerDefinitions"]] == [container["Name"]]


def test_an_inventory_too_large_for_the_task_is_planned_by_athena(play_source: Play) -> None:
    queries = ["SELECT 0", "SELECT 1"]

    def planned(event: Mapping[str, Any], _before: int) -> Any:
        return {"queries": queries} if event.get("engine") == "athena" else {"phases": [phase("data")]}

    world = World({"Validate": always(COMPLETE | {"route": "athena"}), "Plan": planned})
    assert play_source(world).status == "SUCCEEDED"
    assert world.names[:6] == ["Validate", "Plan", "query", "query", "Plan", "Copy"]
    assert [told["QueryString"] for told in world.of("query")] == ["SELECT 0", "SELECT 1"]
    assert {told["WorkGroup"] for told in world.of("query")} == {"holdfast-warehouse"}
    assert [told["QueryExecutionContext"] for told in world.of("query")] == [{"Database": "reports-and-ledger"}] * 2
    assert world.of("Plan") == [ITEM | {"engine": "athena"}, ITEM]


def test_a_direct_copy_goes_on_until_it_is_done(play_source: Play) -> None:
    world = World({"Copy": in_turn({"done": False}, {"done": False}, {"done": True})})
    assert play_source(world).status == "SUCCEEDED"
    assert world.names[2:6] == ["Copy", "Copy", "Copy", "Commit"]


@pytest.mark.parametrize("name", ["Commit", "Verify", "Retire"])
def test_a_step_whose_time_ran_out_goes_on(play_source: Play, name: str) -> None:
    def goes_on(event: Mapping[str, Any], before: int) -> Any:
        answer = DEFAULTS[name](event, before)
        return answer | {"done": before > 0}

    world = World({"Plan": always({"phases": [phase("data")]}), name: goes_on})
    assert play_source(world).status == "SUCCEEDED"
    assert world.names.count(name) == 2


@pytest.mark.parametrize("last", ["Complete", "Failed", "Cancelled"])
def test_a_job_is_waited_for_and_its_report_is_committed_however_it_ended(play_source: Play, last: str) -> None:
    world = World({"Plan": always({"phases": [phase("data", "batch")]})}, statuses=["New", "Active", last])
    ended = play_source(world)
    assert ended.states.count("WarehouseCopyJobWait") == 3
    assert world.names == [
        *("Validate", "Plan", "createJob", "describeJob", "describeJob", "describeJob"),
        *("Commit", "Verify", "Retire"),
    ]
    [committed] = world.of("Commit")
    assert committed["job"] == {"id": "job-1", "status": last}


def test_a_job_copies_what_its_manifest_names_and_says_what_became_of_each_object(play_source: Play) -> None:
    world = World({"Plan": always({"phases": [phase("data", "batch")]})})
    play_source(world)
    [job] = world.of("createJob")
    order = phase("data")
    assert (job["AccountId"], job["ClientRequestToken"], job["ConfirmationRequired"]) == (
        ACCOUNT,
        "token-data-1",
        False,
    )
    assert job["RoleArn"] == FILLED["CopyJobRoleArn"]
    assert job["Operation"]["S3PutObjectCopy"] == {
        "TargetResource": "arn:aws:s3:::backup",
        "TargetKeyPrefix": order["target"],
        "StorageClass": "GLACIER",
        "MetadataDirective": "COPY",
        "NewObjectTagging": [],
    }
    assert job["Manifest"] == {
        "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
        "Location": {"ObjectArn": f"arn:aws:s3:::backup/{order['manifest']}", "ETag": "e1"},
    }
    assert job["Report"] == {
        "Enabled": True,
        "Bucket": "arn:aws:s3:::backup",
        "Prefix": order["report"],
        "Format": "Report_CSV_20180820",
        "ReportScope": "AllTasks",
    }
    assert {"Key": "holdfast:run", "Value": "R"} in job["Tags"]


@pytest.mark.parametrize("engine", ["direct", "batch"])
def test_what_failed_of_a_copy_is_tried_once_more_as_a_phase_of_its_own(play_source: Play, engine: str) -> None:
    again = phase("data", "direct", attempt=2)
    failed = {"done": True, "failed": 2}
    world = World(
        {
            "Plan": always({"phases": [phase("data", engine), phase("logs")]}),
            "Commit": in_turn(failed | {"retry": again}, failed | {"retry": None}, COMMITTED),
        }
    )
    ended = play_source(world)
    assert ended.status == "SUCCEEDED"
    assert ended.states.count("WarehouseCommitRetry") == 1
    committed = world.of("Commit")
    assert [(event["phase"]["phase"], event["phase"]["attempt"]) for event in committed] == [
        ("data", 1),
        ("data", 2),
        ("logs", 1),
    ]
    assert committed[1]["job"] is None
    assert world.names[-2:] == ["Verify", "Retire"]


class ManifestCorrupt(Exception):
    pass


@pytest.mark.parametrize("name", ["Validate", "Plan", "Copy", "Commit", "Verify", "Retire"])
def test_an_error_in_any_step_is_written_down_once_and_ends_the_source(play_source: Play, name: str) -> None:
    world = World({name: always(ManifestCorrupt("a part changed"))})
    ended = play_source(world)
    assert (ended.status, ended.output) == ("SUCCEEDED", ITEM["source"])
    assert world.names.count(name) == 1
    assert world.names[-2:] == [name, "Report"]
    [failed] = world.of("Report")
    assert failed["step"] == "failed"
    assert failed["error"]["Error"] == "ManifestCorrupt"
    assert "a part changed" in failed["error"]["Cause"]


def test_what_passes_is_tried_again(play_source: Play) -> None:
    world = World({"Plan": in_turn(ConnectionError("throttled"), {"phases": []})})
    assert play_source(world).status == "SUCCEEDED"
    assert world.names == ["Validate", "Plan", "Plan", "Verify", "Retire"]


# As it is written


def test_many_sources_run_at_a_time_each_as_an_execution_of_its_own_and_none_stops_the_others() -> None:
    sources = BACKUP.definition["States"]["WarehouseSources"]
    assert sources["MaxConcurrency"] == 40
    assert sources["ToleratedFailurePercentage"] == 100
    assert sources["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    assert sources["ResultPath"] is None


def test_phases_and_queries_run_one_after_the_other() -> None:
    assert {STATES[name]["MaxConcurrency"] for name in ("WarehousePhases", "WarehouseQueries")} == {1}


def test_the_wait_for_an_inventory_is_a_minute_and_that_for_a_job_five() -> None:
    """A machine's history holds 25,000 events, and each look at a job makes eleven."""
    assert STATES["WarehouseWait"]["Seconds"] == 60
    assert STATES["WarehouseCopyJobWait"]["Seconds"] == 300
    assert 25_000 / 11 * 300 > 7 * 24 * 60 * 60


def test_each_step_of_a_source_that_may_fail_leads_to_where_failures_are_written_down() -> None:
    child = BACKUP.definition["States"]["WarehouseSources"]["ItemProcessor"]["States"]
    for name, state in child.items():
        if state["Type"] in {"Task", "Map"} and name != "WarehouseReportFailed":
            [catch] = state["Catch"]
            assert catch == {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "WarehouseReportFailed"}


@pytest.mark.parametrize("name", [name for name, state in STATES.items() if state["Type"] == "Task"])
def test_every_task_is_tried_again_at_random_times(name: str) -> None:
    retry = STATES[name]["Retry"][-1]
    assert (retry["ErrorEquals"], retry["JitterStrategy"], retry["BackoffRate"]) == (["States.ALL"], "FULL", 2)
    assert retry["MaxAttempts"] >= 3


# What it may do


def allowed(**parameters: str) -> dict[str, set[str]]:
    """By the reason, what may be done: actions and resources."""
    return {
        statement["Sid"]: {*each(statement["Action"]), *each(statement["Resource"])}
        for statement in machine_statements("WarehouseBackupStateMachine", **parameters)
    }


def each(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def statement_of(reason: str) -> Mapping[str, Any]:
    found = machine_statements("WarehouseBackupStateMachine", **EVERYTHING)
    [one] = [statement for statement in found if statement["Sid"] == reason]
    return one


def test_it_calls_its_own_functions_and_no_others() -> None:
    called = {arn for arn in allowed()["RunSteps"] if arn.startswith("arn:")}
    assert called == {f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}" for _, name in BACKUP.calls()}


def test_it_creates_jobs_that_copy_and_no_others() -> None:
    created = statement_of("CreateCopyJobs")
    assert created["Action"] == "s3:CreateJob"
    assert created["Condition"] == {"StringEquals": {"s3:RequestJobOperation": "S3PutObjectCopy"}}


@pytest.mark.parametrize(
    ("reason", "service"),
    [("LetCopyJobsCopy", "batchoperations.s3.amazonaws.com"), ("LetTheTaskPlan", "ecs-tasks.amazonaws.com")],
)
def test_it_hands_a_role_to_the_service_that_it_is_for(reason: str, service: str) -> None:
    assert statement_of(reason)["Condition"] == {"StringEquals": {"iam:PassedToService": service}}


def test_where_there_is_no_task_it_may_run_none() -> None:
    assert {"RunTheTask", "FollowAndStopTheTask", "LetTheTaskPlan", "HearThatTheTaskEnded"} & allowed().keys() == set()


def test_it_is_allowed_everything_of_nothing_but_what_has_no_name() -> None:
    everything = [
        one for one in machine_statements("WarehouseBackupStateMachine", **EVERYTHING) if one["Resource"] == "*"
    ]
    assert {one["Sid"] for one in everything} == {"CreateCopyJobs", "FollowAndStopTheTask", "DeliverItsLog"}
    assert [one["Sid"] for one in everything if "Condition" not in one] == ["DeliverItsLog"]


def test_it_deletes_nothing_of_a_bucket() -> None:
    actions = {action for told in allowed(**EVERYTHING).values() for action in told if not action.startswith("arn:")}
    assert {action for action in actions if action.startswith("s3:Delete") or "Tagging" in action} == {
        "s3:PutJobTagging"
    }


def test_the_schedule_starts_it_and_tells_what_it_could_not_start() -> None:
    target = deployed()["WarehouseBackupSchedule"].properties["Target"]
    assert target["Arn"] == f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:holdfast-warehouse-backup"
    assert json.loads(target["Input"]) == {}
    assert target["DeadLetterConfig"]["Arn"].endswith(":WarehouseScheduleDeadLetterQueue")
