"""What a message says: what failed, for which resource, what to do. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from holdfast.events.alarm import Change
from holdfast.events.execution import Ended
from holdfast.fleet.alert.incidents import plan as incidents
from holdfast.fleet.alert.incidents.plan import Noted, Ran
from holdfast.fleet.alert.model import Ends, Incident, Message, Severity
from holdfast.fleet.model import Slot, digest_of

SUBJECT_LIMIT = 100
"""Characters. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""

SHORT_LIMIT = 140
"""Bytes of an SMS, as one message of those that there are."""

LINES = 50
"""So many failures a message tells; the report has them all."""

LONGEST = 1_000
"""Characters of one reason."""

TOLD_BY_THE_WORKFLOW = frozenset({"FleetIncomplete", "FleetRestoreIncomplete"})
"""How our own workflows fail once they have told people why."""

STOPPED = frozenset({"FleetStopped", "FleetRestoreStopped"})
"""How they fail if they could not, or could not go on: it is the message that they would have sent, and sent once."""

_VARIABLE = re.compile(r"[0-9a-fA-F-]{8,}|\d+")
"""What differs between two errors that are the same: identifiers of requests, counts, times."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Whose messages they are: several stacks may tell the same people."""

    stack: str
    now: datetime

    def message(
        self,
        severity: Severity,
        headline: str,
        lines: Sequence[str],
        *,
        once: str,
        source: str,
        day: str = "",
        triggers: Sequence[Incident] = (),
        resolves: Sequence[str] = (),
    ) -> Message:
        subject = self.subject(severity, headline)
        return Message(
            severity,
            subject=_ascii(subject)[:SUBJECT_LIMIT],
            text="\n".join([subject, "", *lines]),
            short=_cut(_ascii(subject), SHORT_LIMIT),
            once=once,
            day=day or f"{self.now:%Y-%m-%d}",
            source=source,
            triggers=tuple(triggers),
            resolves=tuple(resolves),
        )

    def subject(self, severity: Severity, headline: str) -> str:
        mark = {Severity.FAILURE: "FAILED", Severity.RESOLVED: "OK", Severity.NOTE: "OK"}[severity]
        return _one_line(f"{self.stack} {mark}: {headline}")

    def incident(self, name: str, headline: str, ends: Ends | None = None) -> Incident:
        return Incident(self.key(name), self.subject(Severity.FAILURE, headline), ends)

    def key(self, name: str) -> str:
        """Of PagerDuty's: 255 characters at most."""
        return f"holdfast/{self.stack}/{name}"[:255]


def failure(voice: Voice, run: str, result: Mapping[str, Any]) -> Message:
    """A resource that a run could not back up, or whose backup is not good."""
    why = str(result.get("why") or "no reason was noted")
    lines = [
        *_about(result),
        f"Run: {run}",
        f"Why: {_cut(_one_line(why), LONGEST)}",
        f"What to do: {_one_line(str(result.get('mend') or _LOOK))}",
    ]
    incident = _of_failure(voice, Slot.parse(run), result)
    return voice.message(
        Severity.FAILURE,
        _failed_backup(result),
        lines,
        once=f"failure {result['arn']} {_VARIABLE.sub('#', why)}",
        source=str(result["arn"]),
        triggers=[incident],
    )


def _failed_backup(result: Mapping[str, Any]) -> str:
    return f"backup of {result['name']}: {result.get('why') or 'no reason was noted'}"


def _of_failure(voice: Voice, slot: Slot, result: Mapping[str, Any]) -> Incident:
    """Each resource has an incident of its own: whoever works on one hears when it is that one that is well again."""
    digest = digest_of(str(result["arn"]))
    return voice.incident(f"backups/{digest}", _failed_backup(result), incidents.of_failure(slot, result))


_LOOK = "look at the log of fleet_backup, mend the cause; the next run tries again"


def _about(result: Mapping[str, Any]) -> Iterator[str]:
    yield f"Resource: {_one_line(str(result['name']))} ({result['kind']}) in {result['region']}"
    yield f"ARN: {result['arn']}"


def finished(voice: Voice, report: Mapping[str, Any], ran: Ran | None = None, noted: Iterable[Noted] = ()) -> Message:
    """A run. It ends incidents that were opened before it (`noted`), as far as it tells. One that somebody starts again
    ends again: that is told, even if nothing has changed."""
    noted = list(noted)
    run, failed = str(report["run"]), report["failed"]
    is_good = not failed and not report["blocked"]
    done = f"{report['backed_up']:,} backed up ({_size(report['bytes'])}) in {_span(report['seconds'])}"
    lines = [f"Run: {run}", f"Backed up: {done}"]
    lines += list(_few([_failed_line(one) for one in failed]))
    if report["blocked"]:
        lines.append(f"{report['blocked']:,} expired backups could not be removed: holdfast fleet blockers says why")
    if report["removed"]:
        lines.append(f"{report['removed']:,} expired backups were removed")
    if report["unprotected"]:
        lines.append(f"{report['unprotected']:,} resources are not backed up: holdfast fleet list tells which, and why")
    count = len(failed)
    headline = f"{run}: {done}" if is_good else f"{run}: {count} failed, {report['backed_up']:,} backed up"
    if report["blocked"] and not failed:
        headline = f"{run}: {report['blocked']:,} expired backups are blocked"
    return voice.message(
        Severity.FAILURE if failed else Severity.NOTE,
        headline,
        lines,
        once=f"run {run} {report['finished']}",
        day=f"{Slot.parse(run).due:%Y-%m-%d}",
        source=run,
        triggers=incidents.unknown((_of_failure(voice, Slot.parse(run), one) for one in failed), noted),
        resolves=incidents.over(noted, ran) if ran else (),
    )


def _failed_line(result: Mapping[str, Any]) -> str:
    why = _cut(_one_line(str(result.get("why") or "no reason was noted")), LONGEST)
    mend = f" What to do: {_one_line(str(result['mend']))}" if result.get("mend") else ""
    return f"FAILED {_one_line(str(result['name']))} ({result['kind']}, {result['region']}): {why}.{mend}"


def _few(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:LINES]
    if len(lines) > LINES:
        yield f"and {len(lines) - LINES:,} more: the report has them all"


def stopped(voice: Voice, execution: str, error: Mapping[str, Any], given: Mapping[str, Any]) -> Message:
    """A run that broke off: not one resource failed, but the workflow. `given`: what it was started with."""
    name, why = str(error.get("Error", "Unknown")), str(error.get("Cause", "no cause was told"))
    headline = f"a run stopped before its end: {name}"
    return voice.message(
        Severity.FAILURE,
        headline,
        [f"Error: {name}", f"Why: {_cut(_one_line(why), LONGEST)}", *_history(execution), _AGAIN],
        once=_stopped(execution),
        source=execution,
        triggers=[_of_workflow(voice, "workflow", execution, headline, given)],
    )


def _of_workflow(voice: Voice, kind: str, execution: str, headline: str, given: Mapping[str, Any]) -> Incident:
    """Of one execution: the next run for the same schedule that ends is its end."""
    name = execution.rpartition(":")[2]
    return voice.incident(f"{kind}/{name}", headline, incidents.of_workflow(given, voice.now))


def _stopped(execution: str) -> str:
    return f"stopped {execution}"


_AGAIN = (
    "What to do: mend the cause, then start a new execution in Step Functions with the same input: it is the same run,"
    " and what was done is not done twice. A redrive of this one only fails again."
)


def _history(execution: str) -> Iterator[str]:
    yield f"Execution: {execution}"
    yield f"Its history: aws stepfunctions get-execution-history --reverse-order --execution-arn {execution}"


def restored(voice: Voice, restore: str, report: Mapping[str, Any], noted: Iterable[Noted] = ()) -> Message:
    """A restore that a person asked for, or a drill. What a drill could not remove has failed, too. It ends incidents
    of workflows that broke off before it (`noted`)."""
    failed = [str(one) for one in report["failed"]]
    drill = bool(report["drill"])
    what = "restore drill" if drill else "restore"
    told = {str(one["name"]): one for one in report["items"]}
    lines = [f"Restore: {restore}", *(_one_line(one) for one in str(report["summary"]).splitlines())]
    lines += list(_few([_failed_item(name, told.get(name, {})) for name in failed]))
    lines.append(f"restores/{restore}/report.json says all of it." if failed else "Nothing is to be done.")
    incident = incidents.DRILL if drill else incidents.of_restore(restore)
    headline = f"{what} {restore}: {len(failed)} failed" if failed else f"{what} {restore} is done"
    over = incidents.ended(noted, incident)
    return voice.message(
        Severity.FAILURE if failed else Severity.NOTE,
        headline,
        lines,
        once=f"restore {restore} {' '.join(sorted(failed))}",
        source=restore,
        triggers=[voice.incident(incident, headline)] if failed else (),
        resolves=over if failed else [voice.key(incident), *over],
    )


def _failed_item(name: str, item: Mapping[str, Any]) -> str:
    why = _cut(_one_line(str(item.get("why") or "see the summary")), LONGEST)
    mend = f" What to do: {_one_line(str(item['mend']))}" if item.get("mend") else ""
    return f"FAILED {_one_line(name)}: {why}{'' if why.endswith('.') else '.'}{mend}"


def alarmed(voice: Voice, change: Change) -> Message | None:
    """An alarm of CloudWatch that went on or off. That it has too little to tell by is no message."""
    if change.state not in ("ALARM", "OK") or (change.state == "OK" and change.before != "ALARM"):
        return None
    is_on = change.state == "ALARM"
    lines = [
        f"Alarm: {change.name} in {change.region}",
        f"What to do: {_one_line(change.description)}" if is_on else f"It was on: {_one_line(change.description)}",
        f"Since: {change.at}",
        f"CloudWatch says: {_cut(_one_line(change.reason), LONGEST)}",
    ]
    incident = f"alarm/{change.name}"
    headline = f"{change.name}: {change.description}" if is_on else f"{change.name} is off again"
    return voice.message(
        Severity.FAILURE if is_on else Severity.RESOLVED,
        headline,
        lines,
        once=f"alarm {change.arn} {change.state} {change.at}",
        day=change.at[:10],
        source=change.arn,
        triggers=[voice.incident(incident, headline)] if is_on else (),
        resolves=() if is_on else [voice.key(incident)],
    )


def ended(voice: Voice, execution: Ended) -> Message | None:
    """A workflow that did not succeed. None for one that has told why itself."""
    if execution.error in TOLD_BY_THE_WORKFLOW:
        return None
    name = execution.machine.rpartition(":")[2]
    how = {"TIMED_OUT": "took too long", "ABORTED": "was stopped by somebody"}.get(execution.status, "failed")
    why = ": ".join(filter(None, [execution.error, execution.cause])) or "no cause was told"
    headline, broke_off = f"workflow {name} {how}", execution.error in STOPPED
    kind = "workflow" if broke_off else "execution"
    return voice.message(
        Severity.FAILURE,
        headline,
        [
            f"Why: {_cut(_one_line(why), LONGEST)}",
            *_history(execution.arn),
            "What to do: mend the cause, start it again.",
        ],
        once=_stopped(execution.arn) if broke_off else f"execution {execution.arn} {execution.status}",
        source=execution.arn,
        triggers=[_of_workflow(voice, kind, execution.arn, headline, execution.given)],
    )


def _one_line(text: str) -> str:
    """Whatever a name holds, it writes no lines of its own."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _ascii(text: str) -> str:
    """SNS takes no other characters in a subject."""
    return text.encode("ascii", "replace").decode()


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def _size(size: float) -> str:
    for unit in _UNITS[:-1]:
        if size < 1000:
            return f"{size:,.0f} {unit}"
        size /= 1000
    return f"{size:,.0f} {_UNITS[-1]}"


def _span(seconds: float) -> str:
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min" if rest >= 60 else f"{rest} s"
