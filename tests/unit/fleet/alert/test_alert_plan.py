"""What a message says: what failed, for which resource, what to do."""

from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.events.alarm import Change
from holdfast.events.execution import Ended
from holdfast.fleet.alert import plan
from holdfast.fleet.alert.model import Ends, Incident, Message, Of, Severity
from holdfast.fleet.model import Schedule

VOICE = plan.Voice("holdfast", datetime(2026, 11, 21, 3, tzinfo=UTC))
RUN = "daily-2026-11-21T02-00-00Z"
FINISHED = "2026-11-21T02:30:00+00:00"
INSTANCE = "arn:aws:ec2:eu-west-1:123456789012:instance/i-0abc"


def result(**told: Any) -> dict[str, Any]:
    named = {"arn": INSTANCE, "kind": "ec2:instance", "name": "i-0abc", "region": "eu-west-1", "status": "failed"}
    return {**named, "why": "vol-1 is gone", "mend": "attach it again", **told}


def keys(message: Message | None) -> list[str]:
    assert message is not None
    return [one.key.removeprefix("holdfast/holdfast/") for one in message.triggers]


def report(*failed: dict[str, Any], **told: Any) -> dict[str, Any]:
    counted = {"backed_up": 3, "unprotected": 0, "removed": 0, "blocked": 0, "bytes": 5 * 10**9, "seconds": 125}
    return {"run": RUN, "schedule": "daily", "failed": list(failed), "finished": FINISHED, **counted, **told}


def change(state: str = "ALARM", before: str = "OK", **told: str) -> Change:
    arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:holdfast-TablesLagAlarm"
    stated = {"name": "holdfast-TablesLagAlarm", "description": "Changes are late. Look at the log.", **told}
    return Change(
        arn=arn,
        region="eu-west-1",
        before=before,
        state=state,
        reason="Threshold Crossed",
        at="2026-11-20T23:59:59.000+0000",
        **stated,
    )


def test_a_failure_says_what_failed_of_which_resource_and_what_to_do() -> None:
    message = plan.failure(VOICE, RUN, result())
    assert message.severity is Severity.FAILURE
    assert message.subject == "holdfast FAILED: backup of i-0abc: vol-1 is gone"
    assert message.short == message.subject
    assert message.text.splitlines() == [
        message.subject,
        "",
        "Resource: i-0abc (ec2:instance) in eu-west-1",
        f"ARN: {INSTANCE}",
        f"Run: {RUN}",
        "Why: vol-1 is gone",
        "What to do: attach it again",
    ]
    due = datetime(2026, 11, 21, 2, tzinfo=UTC)
    ends = Ends(Of.RESOURCE, INSTANCE, due, "ec2 in eu-west-1", Schedule.DAILY)
    assert message.triggers == (Incident("holdfast/holdfast/backups/1eb148699cddc6a8", message.subject, ends),)
    assert message.resolves == ()


def test_a_failure_without_words_says_where_to_look() -> None:
    text = plan.failure(VOICE, RUN, result(why=None, mend=None)).text
    assert "Why: no reason was noted" in text
    assert "What to do: look at the log of fleet_backup" in text


@pytest.mark.parametrize("same", ["request 0f1e2d3c-aaaa-bbbb at 12:01", "request deadbeef-9999-8888 at 12:59"])
def test_a_failure_is_the_same_whatever_its_request_was_called(same: str) -> None:
    assert plan.failure(VOICE, RUN, result(why=same)).once == f"failure {INSTANCE} request # at #:#"


def test_failures_of_two_resources_are_two() -> None:
    other = result(arn=f"{INSTANCE}d", why="vol-1 is gone")
    assert plan.failure(VOICE, RUN, result()).once != plan.failure(VOICE, RUN, other).once


def test_a_subject_is_ascii_on_one_line_and_an_sms_fits_into_one() -> None:
    message = plan.failure(VOICE, RUN, result(why="ä\r\nBcc: all " + "x" * 300))
    assert message.subject.startswith("holdfast FAILED: backup of i-0abc: ? Bcc: all xxx")
    assert (len(message.subject), len(message.short)) == (100, 140)
    assert message.short.endswith("...")
    assert "\nBcc" not in message.text


def test_a_good_run_says_so() -> None:
    message = plan.finished(VOICE, report())
    assert message.severity is Severity.NOTE
    assert message.subject == f"holdfast OK: {RUN}: 3 backed up (5 GB) in 2 min"
    assert (message.triggers, message.resolves) == ((), ())
    assert message.day == "2026-11-21"


def test_a_run_with_failures_lists_them_and_opens_the_incident_of_each() -> None:
    message = plan.finished(VOICE, report(result(), removed=2, blocked=1, unprotected=4))
    assert message.severity is Severity.FAILURE
    assert message.subject == f"holdfast FAILED: {RUN}: 1 failed, 3 backed up"
    assert message.text.splitlines()[3:] == [
        "Backed up: 3 backed up (5 GB) in 2 min",
        "FAILED i-0abc (ec2:instance, eu-west-1): vol-1 is gone. What to do: attach it again",
        "1 expired backups could not be removed: holdfast fleet blockers says why",
        "2 expired backups were removed",
        "4 resources are not backed up: holdfast fleet list tells which, and why",
    ]
    assert message.triggers == plan.failure(VOICE, RUN, result()).triggers


def test_a_run_that_could_not_remove_everything_says_so_first() -> None:
    message = plan.finished(VOICE, report(blocked=2))
    assert message.subject == f"holdfast OK: {RUN}: 2 expired backups are blocked"


def test_a_run_with_many_failures_tells_some_and_how_many_more() -> None:
    text = plan.finished(VOICE, report(*(result(name=f"i-{number}", mend=None) for number in range(60)))).text
    assert text.count("FAILED i-") == plan.LINES
    assert text.endswith("and 10 more: the report has them all")


def test_a_run_that_somebody_starts_again_is_told_again_even_if_nothing_has_changed() -> None:
    again = report(result(), finished="2026-11-21T05:00:00+00:00")
    assert plan.finished(VOICE, report(result())).once == plan.finished(VOICE, report(result())).once
    assert plan.finished(VOICE, again).once != plan.finished(VOICE, report(result())).once


def test_a_run_that_stopped_says_how_to_go_on() -> None:
    message = plan.stopped(VOICE, "arn:aws:states:eu-west-1:1:execution:fleet:x", {"Error": "E", "Cause": "why"}, {})
    assert message.subject == "holdfast FAILED: a run stopped before its end: E"
    assert "Why: why" in message.text
    assert "get-execution-history --reverse-order --execution-arn arn:aws:states:eu-west-1:1:execution:fleet:x" in (
        message.text
    )
    assert "start a new execution in Step Functions with the same input" in message.text
    assert keys(message) == ["workflow/x"]


def test_a_restore_that_failed_says_of_each_item_why_and_what_to_do() -> None:
    items = [{"name": "orders", "why": "no subnet group", "mend": "name one"}, {"name": "users", "why": None}]
    told = {"failed": ["orders", "users"], "summary": "0 of 2\ndone", "drill": False, "items": items}
    message = plan.restored(VOICE, "r1", told)
    assert message.subject == "holdfast FAILED: restore r1: 2 failed"
    assert message.text.splitlines()[2:] == [
        "Restore: r1",
        "0 of 2",
        "done",
        "FAILED orders: no subnet group. What to do: name one",
        "FAILED users: see the summary.",
        "restores/r1/report.json says all of it.",
    ]
    assert keys(message) == ["restore/r1"]


def test_a_good_drill_ends_the_incident_of_the_drills_before_it() -> None:
    message = plan.restored(VOICE, "r2", {"failed": [], "drill": True, "summary": "1 of 1", "items": []})
    assert (message.subject, message.triggers) == ("holdfast OK: restore drill r2 is done", ())
    assert message.resolves == ("holdfast/holdfast/drill",)


def test_an_alarm_says_what_its_description_says_to_do() -> None:
    message = plan.alarmed(VOICE, change())
    assert message is not None
    assert message.subject.startswith("holdfast FAILED: holdfast-TablesLagAlarm: Changes are late.")
    assert "What to do: Changes are late. Look at the log." in message.text
    assert keys(message) == ["alarm/holdfast-TablesLagAlarm"]
    assert message.day == "2026-11-20"


def test_an_alarm_that_is_off_again_ends_its_incident() -> None:
    message = plan.alarmed(VOICE, change("OK", "ALARM"))
    assert message is not None
    assert message.severity is Severity.RESOLVED
    assert message.subject == "holdfast OK: holdfast-TablesLagAlarm is off again"
    assert message.resolves == ("holdfast/holdfast/alarm/holdfast-TablesLagAlarm",)


@pytest.mark.parametrize(
    ("state", "before"), [("OK", "INSUFFICIENT_DATA"), ("INSUFFICIENT_DATA", "ALARM"), ("INSUFFICIENT_DATA", "OK")]
)
def test_an_alarm_that_begins_to_know_or_knows_nothing_is_no_message(state: str, before: str) -> None:
    assert plan.alarmed(VOICE, change(state, before)) is None


@pytest.mark.parametrize(
    ("status", "how"),
    [("FAILED", "failed"), ("TIMED_OUT", "took too long"), ("ABORTED", "was stopped by somebody")],
)
def test_a_workflow_that_did_not_succeed_is_told(status: str, how: str) -> None:
    message = plan.ended(VOICE, Ended("arn:x", "arn:aws:states:eu-west-1:1:stateMachine:Warehouse", status))
    assert message is not None
    assert message.subject == f"holdfast FAILED: workflow Warehouse {how}"
    assert "Why: no cause was told" in message.text


def test_a_workflow_that_failed_is_told_with_its_error_and_cause() -> None:
    message = plan.ended(VOICE, Ended("arn:x", "arn:y:Warehouse", "FAILED", "Boom", "it burst"))
    assert message is not None
    assert "Why: Boom: it burst" in message.text


def test_a_workflow_has_one_incident_for_each_execution_whoever_tells_of_it() -> None:
    arn = "arn:aws:states:eu-west-1:1:execution:fleet:x"
    assert keys(plan.ended(VOICE, Ended(arn, "arn:y:fleet", "TIMED_OUT"))) == ["execution/x"]
    assert keys(plan.ended(VOICE, Ended(arn, "arn:y:fleet", "FAILED", "FleetStopped"))) == ["workflow/x"]


@pytest.mark.parametrize("error", sorted(plan.TOLD_BY_THE_WORKFLOW))
def test_a_workflow_that_has_told_why_itself_is_not_told_again(error: str) -> None:
    assert plan.ended(VOICE, Ended("arn:x", "arn:y", "FAILED", error)) is None


@pytest.mark.parametrize(
    ("size", "seconds", "words"),
    [(0, 5, "(0 bytes) in 5 s"), (10**19, 7260, "(10,000 PB) in 2 h 1 min")],
)
def test_sizes_and_times_are_told_as_people_read_them(size: int, seconds: int, words: str) -> None:
    assert words in plan.finished(VOICE, report(bytes=size, seconds=seconds)).subject
