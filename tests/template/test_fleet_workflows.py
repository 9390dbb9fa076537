"""The workflows of the fleet: what they may do, and each path through them, played in memory.

Resources and items run as executions of their own. The interpreter plays them within the parent, and there hides their
failures: so what one goes through is played as a machine, too.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.engine import ACCOUNT, REGION
from tests.template import player
from tests.template.machine import MACHINES, Machine
from tests.template.player import Ended, answered, definition, interpreter, raised
from tests.template.role import machine_statements
from tests.template.stack import LAYER, deployed, of_type

[BACKUP] = [machine for machine in MACHINES if machine.path.stem == "fleet_backup.asl"]
[RESTORE] = [machine for machine in MACHINES if machine.path.stem == "fleet_restore.asl"]
EACH = pytest.mark.parametrize("machine", [BACKUP, RESTORE], ids=lambda machine: machine.name)

RUN = "daily-2026-11-21T02-00-00Z"
ITEM = {"run": RUN, "resource": "d1"}
RESTORED = {"restore": "R", "item": "shop"}

WAITING = {"status": "waiting", "wait": 0}
DONE = {"status": "done", "wait": 0}
FAILED = {"status": "failed", "wait": 0}
ALL_IS_WELL = {"failed": [], "summary": "all is well"}


def service(name: str, *digests: str) -> Mapping[str, Any]:
    return {"service": name, "concurrency": 2, "resources": list(digests)}


def discovered(*services: Mapping[str, Any], cleanup: bool = False) -> Mapping[str, Any]:
    return {"run": RUN, "cleanup": cleanup, "services": list(services)}


@dataclass
class World:
    """What is called in the place of functions, by its word and the step or kind that it is asked for.

    `answers`: given in turn, the last one from then on; what is an error is raised. `called`: by whom, and with what.
    """

    answers: dict[str, list[Any]] = field(default_factory=dict)
    called: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def of(self, name: str) -> list[Mapping[str, Any]]:
        return [told for called, told in self.called if called == name]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.called]

    def invoke(self, *, FunctionName: str, Payload: Any, **_: object) -> dict[str, Any]:  # noqa: N803 boto3's names
        event = json.loads(Payload)
        word = FunctionName.rpartition(":")[2].removeprefix("Fleet").removesuffix("Function")
        name = " ".join(filter(None, [word, event.get("step") or event.get("kind")]))
        answers = {**DEFAULTS, **self.answers}[name]
        answer = answers[min(len(self.of(name)), len(answers) - 1)]
        self.called.append((name, event))
        return raised(type(answer).__name__, str(answer)) if isinstance(answer, Exception) else answered(answer)


class SettingInvalid(Exception):
    pass


DEFAULTS: dict[str, list[Any]] = {
    "Discover": [discovered(service("ec2", "d1", "d2"), service("s3", "d3"))],
    "Backup": [DONE],
    "Verify": [{"status": "verified"}],
    "Expire": [{"done": True, "removed": 0, "blocked": 0, "held": None}],
    "Report report": [ALL_IS_WELL],
    "Restore prepare": [{"restore": "R", "stages": [{"items": ["shop"]}, {"items": ["web"]}], "drill": False}],
    "Restore report": [ALL_IS_WELL],
    **{f"Restore {step}": [DONE] for step in ("provision", "configure", "validate", "destroy")},
    **{f"Alert {kind}": [{"sent": 1}] for kind in ("failure", "run", "stopped", "restore")},
    **{f"{word} failed": [{}] for word in ("Report", "Restore")},
}

type Play = Callable[[Mapping[str, Any], Mapping[str, Any], World], Ended]


@pytest.fixture(scope="module")
def play() -> Iterator[Play]:
    with interpreter() as states:
        yield lambda stated, given, world: player.play(states, stated, given, lambda _service: world)


def child(machine: Machine, outer: str, inner: str) -> dict[str, Any]:
    """What one resource, or one item, goes through."""
    within = definition(machine)["States"][outer]["ItemProcessor"]["States"][inner]["ItemProcessor"]
    return {"StartAt": within["StartAt"], "States": within["States"]}


@pytest.fixture
def back_up(play: Play) -> Callable[..., Ended]:
    return lambda world, **given: play(definition(BACKUP), given, world)


@pytest.fixture
def back_up_one(play: Play) -> Callable[[World], Ended]:
    return lambda world: play(child(BACKUP, "FleetServices", "FleetResources"), ITEM, world)


@pytest.fixture
def restore(play: Play) -> Callable[..., Ended]:
    return lambda world, **given: play(definition(RESTORE), given, world)


@pytest.fixture
def restore_one(play: Play) -> Callable[..., Ended]:
    stated = child(RESTORE, "FleetRestoreStages", "FleetRestoreItems")
    return lambda world, *, drill=False: play(stated, RESTORED | {"drill": drill}, world)


# A backup


def test_a_run_backs_up_and_verifies_all_resources_of_all_services_and_reports(back_up: Callable[..., Ended]) -> None:
    world = World()
    ended = back_up(world, schedule="daily", due="2026-11-21T02:00:00Z")
    assert (ended.status, ended.output) == ("SUCCEEDED", ALL_IS_WELL)
    [asked] = world.of("Discover")
    assert asked == {
        "schedule": "daily",
        "due": "2026-11-21T02:00:00Z",
        "resources": None,
        "started": asked["started"],
    }
    assert sorted(event["resource"] for event in world.of("Backup")) == ["d1", "d2", "d3"]
    assert sorted(event["resource"] for event in world.of("Verify")) == ["d1", "d2", "d3"]
    assert world.called[-2:] == [
        ("Report report", {"step": "report", "run": RUN}),
        ("Alert run", {"kind": "run", "run": RUN}),
    ]
    assert world.of("Expire") == []


def test_who_starts_a_run_by_hand_names_nothing_or_some_resources(back_up: Callable[..., Ended]) -> None:
    for given in ({}, {"resources": ["arn:aws:s3:::media"]}):
        world = World({"Discover": [discovered()]})
        assert back_up(world, **given).status == "SUCCEEDED"
        [asked] = world.of("Discover")
        assert (asked["schedule"], asked["due"], asked["resources"]) == ("manual", None, given.get("resources"))


def test_a_cleanup_makes_no_backups_and_goes_on_until_all_is_removed(back_up: Callable[..., Ended]) -> None:
    more = {"done": False, "removed": 9, "blocked": 0, "held": None}
    world = World({"Discover": [discovered(cleanup=True)], "Expire": [more, more, DEFAULTS["Expire"][0]]})
    assert back_up(world, schedule="cleanup").status == "SUCCEEDED"
    assert world.names == ["Discover", "Expire", "Expire", "Expire", "Report report", "Alert run"]
    assert world.of("Expire")[0] == {"run": RUN}


def test_a_run_in_which_resources_failed_fails_with_the_report_once_it_was_told(back_up: Callable[..., Ended]) -> None:
    world = World({"Report report": [{"failed": ["shop"], "summary": "1 failed: shop"}]})
    ended = back_up(world)
    assert (ended.status, ended.error, ended.cause) == ("FAILED", "FleetIncomplete", "1 failed: shop")
    assert world.names[-1] == "Alert run"


@pytest.mark.parametrize("name", ["Discover", "Report report"])
def test_what_no_run_can_do_without_is_told_at_once_and_ends_it(back_up: Callable[..., Ended], name: str) -> None:
    world = World({"Discover": [discovered(cleanup=True)], name: [SettingInvalid("REGIONS")]})
    ended = back_up(world, schedule="cleanup")
    assert (ended.status, ended.error) == ("FAILED", "FleetStopped")
    assert ended.cause is not None
    assert json.loads(ended.cause)["Error"] == "SettingInvalid"
    assert world.names.count(name) == 1
    [told] = world.of("Alert stopped")
    assert told["execution"].startswith("arn:aws:states:")
    assert told["error"]["Error"] == "SettingInvalid"
    assert told["input"] == {"schedule": "cleanup"}


def test_a_run_of_which_nobody_could_be_told_fails(back_up: Callable[..., Ended]) -> None:
    world = World({"Discover": [discovered()], "Alert run": [SettingInvalid("TOPIC_ARN")]})
    assert back_up(world).error == "FleetStopped"
    stopped = World({"Discover": [SettingInvalid("REGIONS")], "Alert stopped": [SettingInvalid("TOPIC_ARN")]})
    assert back_up(stopped).error == "FleetStopped"


# One resource


def test_a_backup_is_waited_for_between_calls_and_then_verified(back_up_one: Callable[[World], Ended]) -> None:
    world = World({"Backup": [WAITING, WAITING, DONE]})
    ended = back_up_one(world)
    assert (ended.status, ended.output) == ("SUCCEEDED", "d1")
    assert ended.states.count("FleetBackupWait") == 2
    assert world.called == [*[("Backup", ITEM)] * 3, ("Verify", ITEM)]


@pytest.mark.parametrize(
    ("answers", "called"),
    [
        ({"Backup": [FAILED]}, ["Backup", "Alert failure"]),
        ({"Verify": [FAILED]}, ["Backup", "Verify", "Alert failure"]),
    ],
    ids=["not made", "not good"],
)
def test_what_the_function_has_written_down_as_failed_is_told(
    back_up_one: Callable[[World], Ended], answers: dict[str, list[Any]], called: list[str]
) -> None:
    world = World(answers)
    assert back_up_one(world).status == "SUCCEEDED"
    assert world.names == called
    assert world.of("Alert failure") == [{"kind": "failure", **ITEM}]


@pytest.mark.parametrize("name", ["Backup", "Verify"])
def test_an_error_is_written_down_and_told_and_the_others_go_on(
    back_up_one: Callable[[World], Ended], name: str
) -> None:
    world = World({name: [SettingInvalid("REGIONS")]})
    assert back_up_one(world).status == "SUCCEEDED"
    assert world.names[-2:] == ["Report failed", "Alert failure"]
    [written] = world.of("Report failed")
    assert {**ITEM, "step": "failed", "error": written["error"]} == written
    assert written["error"]["Error"] == "SettingInvalid"


def test_an_error_that_passes_is_no_failure(back_up_one: Callable[[World], Ended]) -> None:
    world = World({"Backup": [ConnectionError("throttled"), DONE]})
    assert back_up_one(world).status == "SUCCEEDED"
    assert world.names == ["Backup", "Backup", "Verify"]


def test_who_cannot_write_a_failure_down_tells_it_and_who_cannot_tell_it_goes_on(
    back_up_one: Callable[[World], Ended],
) -> None:
    broken = SettingInvalid("FLEET_BUCKET")
    world = World({"Backup": [broken], "Report failed": [broken], "Alert failure": [broken]})
    assert back_up_one(world).status == "SUCCEEDED"
    assert world.names == ["Backup", "Report failed", "Alert failure"]


# A restore


def test_a_restore_goes_through_its_stages_in_order_and_is_told(restore: Callable[..., Ended]) -> None:
    world = World()
    assert restore(world, restore="R").status == "SUCCEEDED"
    [asked] = world.of("Restore prepare")
    assert {**asked, "started": ""} == {"step": "prepare", "restore": "R", "drill": False, "due": None, "started": ""}
    steps = [f"Restore {step}" for step in ("provision", "configure", "validate")]
    assert world.names == ["Restore prepare", *steps, *steps, "Restore report", "Alert restore"]
    assert [event["item"] for event in world.of("Restore provision")] == ["shop", "web"]
    assert world.of("Alert restore") == [{"kind": "restore", "restore": "R"}]


def test_a_drill_is_planned_by_its_first_step(restore: Callable[..., Ended]) -> None:
    prepared = {"restore": "drill-1", "stages": [{"items": ["shop"]}], "drill": True}
    world = World({"Restore prepare": [prepared]})
    assert restore(world, drill=True, due="2026-11-21T04:00:00Z").status == "SUCCEEDED"
    [asked] = world.of("Restore prepare")
    assert (asked["restore"], asked["drill"], asked["due"]) == (None, True, "2026-11-21T04:00:00Z")
    assert world.of("Restore destroy") == [{"step": "destroy", "restore": "drill-1", "item": "shop"}]


def test_a_restore_of_which_something_failed_fails_once_it_was_told(restore: Callable[..., Ended]) -> None:
    world = World({"Restore report": [{"failed": ["shop"], "summary": "shop failed"}]})
    ended = restore(world, restore="R")
    assert (ended.status, ended.error, ended.cause) == ("FAILED", "FleetRestoreIncomplete", "shop failed")
    assert world.names[-1] == "Alert restore"


@pytest.mark.parametrize("name", ["Restore prepare", "Restore report"])
def test_a_restore_that_cannot_go_on_is_told_at_once(restore: Callable[..., Ended], name: str) -> None:
    world = World({name: [SettingInvalid("REGIONS")]})
    assert restore(world, restore="R").error == "FleetRestoreStopped"
    assert world.names[-1] == "Alert stopped"


def test_each_step_of_an_item_is_waited_for(restore_one: Callable[..., Ended]) -> None:
    steps = ("provision", "configure", "validate", "destroy")
    world = World({f"Restore {step}": [WAITING, DONE] for step in steps})
    assert restore_one(world, drill=True).output == "shop"
    assert world.names == [f"Restore {step}" for step in steps for _ in range(2)]


@pytest.mark.parametrize(
    ("step", "failed"), [("provision", FAILED), ("configure", SettingInvalid("REGIONS")), ("validate", FAILED)]
)
def test_what_a_drill_has_made_is_removed_however_it_went(
    restore_one: Callable[..., Ended], step: str, failed: Any
) -> None:
    world = World({f"Restore {step}": [failed]})
    assert restore_one(world, drill=True).status == "SUCCEEDED"
    assert world.names[-1] == "Restore destroy"
    assert ("Restore failed" in world.names) == isinstance(failed, Exception)


def test_what_a_restore_has_made_stays_however_it_went(restore_one: Callable[..., Ended]) -> None:
    for answer in (FAILED, SettingInvalid("REGIONS")):
        world = World({"Restore validate": [answer]})
        assert restore_one(world).status == "SUCCEEDED"
        assert world.of("Restore destroy") == []


def test_what_could_not_be_removed_is_written_down(restore_one: Callable[..., Ended]) -> None:
    world = World({"Restore destroy": [SettingInvalid("REGIONS")]})
    assert restore_one(world, drill=True).status == "SUCCEEDED"
    assert world.names[-2:] == ["Restore destroy", "Restore failed"]


# As they are written


def test_resources_and_items_are_executions_of_their_own_and_fail_for_themselves() -> None:
    """An execution's history holds 25,000 events: too few for all polls of all resources."""
    within = {name: state for machine in (BACKUP, RESTORE) for name, state in machine.states()}
    for name in ("FleetResources", "FleetRestoreItems"):
        assert within[name]["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
        assert within[name]["ToleratedFailurePercentage"] == 100
    assert within["FleetResources"]["MaxConcurrencyPath"] == "$.concurrency"
    assert (within["FleetRestoreStages"]["MaxConcurrency"], within["FleetRestoreItems"]["MaxConcurrency"]) == (1, 10)


@EACH
def test_what_is_not_tried_again_is_an_error_that_somebody_raises(machine: Machine) -> None:
    named = {
        name for _, state in machine.states() for one in state.get("Retry", [])[:-1] for name in one["ErrorEquals"]
    }
    sources = (path.read_text() for path in LAYER.rglob("*.py"))
    classes = {name for source in sources for name in re.findall(r"^class (\w+)", source, re.MULTILINE)}
    assert named
    assert named - classes == set()


@EACH
def test_a_workflow_may_call_its_functions_run_its_own_parts_and_log(machine: Machine) -> None:
    place, slug = f"{REGION}:{ACCOUNT}:", re.sub(r"^Fleet|StateMachine$", "", machine.name).lower()
    allowed: dict[str, set[str]] = {}
    for statement in machine_statements(machine.name):
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        allowed.setdefault(statement["Sid"], set()).update(resources)
    functions = {f"arn:aws:lambda:{place}function:{called}" for _, called in machine.calls()}
    assert allowed == {
        "RunSteps": functions,
        "StartParts": {f"arn:aws:states:{place}stateMachine:holdfast-fleet-{slug}"},
        "FollowAndStopParts": {f"arn:aws:states:{place}execution:holdfast-fleet-{slug}/*"},
        "DeliverItsLog": {"*"},
    }


SCHEDULED = {
    "FleetDailyRun": ("cron(0 2 * * ? *)", "daily"),
    "FleetWeeklyRun": ("cron(0 1 ? * SUN *)", "weekly"),
    "FleetCleanupRun": ("cron(0 0 1 * ? *)", "cleanup"),
}


@pytest.mark.parametrize("name", SCHEDULED)
def test_a_schedule_starts_the_backup_with_the_moment_for_which_it_was_due(name: str) -> None:
    stated = of_type("AWS::Scheduler::Schedule")[name]
    expression, schedule = SCHEDULED[name]
    assert (stated["ScheduleExpression"], stated["ScheduleExpressionTimezone"]) == (expression, "UTC")
    assert json.loads(stated["Target"]["Input"]) == {"schedule": schedule, "due": "<aws.scheduler.scheduled-time>"}
    assert stated["Target"]["Arn"].endswith(":stateMachine:holdfast-fleet-backup")


def test_drills_are_started_only_where_somebody_asks_for_them() -> None:
    assert "FleetDrillRun" not in deployed()
    asked = {"FleetDrillSchedule": "cron(0 4 ? * MON#1 *)", "FleetDrillSubnetId": "subnet-0123abcd"}
    stated = of_type("AWS::Scheduler::Schedule", **asked)["FleetDrillRun"]
    assert stated["ScheduleExpression"] == asked["FleetDrillSchedule"]
    assert json.loads(stated["Target"]["Input"]) == {"drill": True, "due": "<aws.scheduler.scheduled-time>"}
    assert stated["Target"]["Arn"].endswith(":stateMachine:holdfast-fleet-restore")
