"""The steps of a restore as its state machine asks for them: events in, answers out.

Each may be killed anywhere and called again: what AWS makes has a name or a token of its own, which the plan holds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from holdfast.fleet.model import Kind, Place, Service
from holdfast.fleet.ports import LimitReached, NotAvailable
from holdfast.fleet.proof import Drill, Ledger
from holdfast.fleet.restore import plan, prepare
from holdfast.fleet.restore.model import Item, Made, Plan, Prefix
from holdfast.fleet.restore.plan import Drills
from holdfast.fleet.restore.ports import Provisioner, Refused, Versions
from holdfast.fleet.restore.prefix import Copying
from holdfast.fleet.restore.record import Copied, Progress, Record
from holdfast.fleet.run import Fleet

type Event = Mapping[str, Any]
type Answer = dict[str, Any]
type TimeLeft = Callable[[], bool]

PATIENCE = timedelta(hours=12)
"""A database of many terabytes takes hours. What takes longer has failed."""

GRACE = {Kind.INSTANCE: timedelta(minutes=2)}
"""For so long a listing of EC2 may lack what was made: a drill that removes looks so much longer."""

POLL_SECONDS = {Kind.INSTANCE: 15, Kind.DATABASE: 30, Kind.CLUSTER: 30, Kind.BUCKET: 1}

SEE = "see the error; the same command goes on where it ended"

PLAN_ANEW = "plan it anew, with another --name-suffix; if nobody has deployed since, find out who wrote the plan"


class NotAStep(ValueError):
    """A request asks for a step that there is not."""


class NoDrills(ValueError):
    """A drill is asked for, and the stack has nowhere to drill."""


@dataclass(frozen=True, slots=True)
class Work:
    """An item of a restore, and how far it is."""

    record: Record
    plan: Plan
    item: Item
    progress: Progress

    def save(self, progress: Progress) -> "Work":
        self.record.save(self.item.name, progress)
        return replace(self, progress=progress)


@dataclass(frozen=True, slots=True)
class Restore:
    """`provisioner_of`: EC2 or RDS in a place, as who makes. `drills`: None where the stack has none."""

    fleet: Fleet
    provisioner_of: Callable[[Service, Place], Provisioner]
    versions: Versions
    drills: Drills | None = None

    def __call__(self, event: Event, *, time_left: TimeLeft = lambda: True) -> Answer:
        """Raises NotAStep, NoDrills, record.NoSuchRestore."""
        match event.get("step"):
            case "prepare":
                return self.prepare(event)
            case "report":
                return self.report(Record(self.fleet.documents, str(event["restore"])))
            case "failed":
                return self.fail(self._work(event), event["error"])
            case "destroy":
                return self.destroy(self._work(event))
            case "provision" | "configure" | "validate" as step:
                return self._advance(step, self._work(event), time_left)
            case other:
                raise NotAStep(f"{other!r} is no step of a restore: prepare is the first")

    def _work(self, event: Event) -> Work:
        record = Record(self.fleet.documents, str(event["restore"]))
        planned = record.plan()
        item = planned.item(str(event["item"]))
        known = record.progress(item.name)
        work = Work(record, planned, item, known or Progress("begun", self.fleet.now()))
        return work if known else work.save(work.progress)

    def _provisioner(self, item: Item) -> Provisioner:
        return self.provisioner_of(item.kind.service, item.place)

    # Prepare

    def prepare(self, event: Event) -> Answer:
        """Plan a drill, or take up a restore that was planned; look whether what it is made from is still there."""
        record, planned = self._planned(event)
        lacking = prepare.missing_parts(self.fleet, planned.items)
        now = self.fleet.now()
        for item in planned.items:
            known = record.progress(item.name)
            if known and known.status == "failed" and not planned.drill:  # whoever asks again wants it tried again
                known = Progress("begun", now, attempt=known.attempt + 1)
                record.save(item.name, known)
            if why := item.hopeless or (lacking.get(item.name) if known is None or known.status == "begun" else None):
                progress = known or Progress("begun", now)
                record.save(item.name, progress)
                mend = "restore another backup: holdfast fleet list shows them"
                record.end(item.name, progress.failed(why, mend, now))
        stages = [{"items": [item.name for item in stage]} for stage in plan.stages(planned.items)]
        return {"restore": planned.restore, "stages": stages, "drill": planned.drill}

    def _planned(self, event: Event) -> tuple[Record, Plan]:
        if not event.get("drill"):
            record = Record(self.fleet.documents, str(event["restore"]))
            return record, record.plan()
        if self.drills is None:
            raise NoDrills("the stack has nowhere to drill: set FleetDrillSubnetId or FleetDrillDbSubnetGroup")
        due = _moment(event.get("due")) or datetime.fromisoformat(event["started"])
        restore = plan.restore_id("drill", due, self.fleet.stack)
        record = Record(self.fleet.documents, restore)
        return record, record.stored() or record.add(prepare.drill(self.fleet, self.drills, due))

    # Make, configure, validate

    def _advance(self, step: str, work: Work, time_left: TimeLeft) -> Answer:
        """One step on. What AWS cannot do now is tried again, until patience ends."""
        if work.progress.status in ("done", "failed"):
            return _answer(work.progress.status)
        try:
            answer = self._do(step, work, time_left)
        except (LimitReached, NotAvailable) as error:
            answer = self._wait(work, str(error))
        except Refused as error:
            answer = self._fail(work, str(error), SEE)
        self.fleet.log(step, restore=work.record.restore, source=work.item.source, **answer)
        return answer

    def _do(self, step: str, work: Work, time_left: TimeLeft) -> Answer:
        match step, work.item.prefix:
            case "provision", None:
                return self._provision(work)
            case "configure", None:
                return self._configure(work)
            case "validate", None:
                return self._validate(work)
            case "provision", Prefix() as prefix:
                return self._copy(work, prefix, time_left)
            case "validate", Prefix() as prefix:
                return self._look_at_copies(work, self._copying(work, prefix), time_left)
            case _:
                return _answer("done")

    def _pause(self, kind: Kind) -> int:
        """Seconds until AWS is asked again."""
        return min(POLL_SECONDS[kind], self.fleet.rules.poll_seconds)

    def _wait(self, work: Work, why: str) -> Answer:
        if self.fleet.now() - work.progress.began < PATIENCE:
            return _answer("waiting", self._pause(work.item.kind), why)
        hours = PATIENCE // timedelta(hours=1)
        return self._fail(work, f"{why}, for {hours} hours", "look at it in the console; then give the command again")

    def _fail(self, work: Work, why: str, mend: str) -> Answer:
        """What somebody else has found good meanwhile, and perhaps removed, has not failed."""
        ended = work.record.end(work.item.name, work.progress.failed(why, mend, self.fleet.now()))
        return _answer(ended.status, why=ended.why or "")

    def _done(self, work: Work, progress: Progress) -> Answer:
        done = replace(progress, status="done", ended=self.fleet.now())
        ended = work.record.end(work.item.name, done)
        return _answer(ended.status, why=ended.why or "")

    def _provision(self, work: Work) -> Answer:
        if work.progress.status != "begun":
            return _answer("done")
        provisioner = self._provisioner(work.item)
        made = provisioner.find(work.item.pieces)
        match plan.next_step(work.item, made, work.record.restore):
            case plan.Make(pieces, image):
                if why := prepare.unlike(self.fleet, work.plan, work.item):
                    return self._fail(work, why, PLAN_ANEW)
                for piece in pieces:
                    provisioner.make(piece, image)
                return self._wait(work, "it was asked for")
            case plan.Wait(why):
                return self._wait(work, why)
            case plan.Failed(why, mend):
                return self._fail(work, why, mend)
            case plan.Ready():
                ids = tuple(one.id for one in _lasting(work.item, made))
                work.save(replace(work.progress, status="provisioned", made=ids))
                return _answer("done")
            case other:
                assert_never(other)

    def _configure(self, work: Work) -> Answer:
        """What making did not set; and what was needed for making alone goes."""
        provisioner = self._provisioner(work.item)
        pieces = {piece.name: piece for piece in work.item.pieces}
        found = provisioner.find(work.item.pieces)
        made = [one for one in found if one.name in pieces and plan.is_of(one, work.record.restore)]
        if work.progress.status == "provisioned":
            if why := prepare.unlike(self.fleet, work.plan, work.item):
                return self._fail(work, why, PLAN_ANEW)
            for one in made:
                if pieces[one.name].temporary:
                    provisioner.remove(one)
                elif pieces[one.name].settings:
                    provisioner.configure(one, pieces[one.name])
            work = work.save(replace(work.progress, status="configured"))
            made = provisioner.find(work.item.pieces)
        match plan.next_step(work.item, made, work.record.restore):
            case plan.Ready():
                return _answer("done")
            case plan.Wait(why):
                return self._wait(work, why)
            case plan.Failed(why, mend):
                return self._fail(work, why, mend)
            case plan.Make():
                return self._fail(work, f"{', '.join(work.progress.made)}: somebody has removed it", SEE)
            case other:
                assert_never(other)

    def _validate(self, work: Work) -> Answer:
        checks = plan.checks(work.item, self._provisioner(work.item).find(work.item.pieces))
        if checks is None:
            return self._wait(work, "AWS has not finished its status checks")
        wrong = [f"{check.name}: {check.text}" for check in checks if not check.passed]
        progress = replace(work.progress, checks=checks)
        if wrong:
            mend = "it stays as it is: look at it, then use it or remove it"
            return self._fail(replace(work, progress=progress), "; ".join(wrong), mend)
        return self._done(work, progress)

    # Objects

    def _copying(self, work: Work, prefix: Prefix) -> Copying:
        return Copying(self.versions, prefix, work.progress.began, self.fleet.each)

    def _copy(self, work: Work, prefix: Prefix, time_left: TimeLeft) -> Answer:
        if work.progress.status != "begun":
            return _answer("done")
        if why := prepare.closed(self.fleet, self.versions, work.item, prefix):
            return self._fail(work, why, "give another bucket with --to")
        copying, progress = self._copying(work, prefix), work.progress

        def save(copied: Copied) -> None:
            nonlocal progress
            progress = replace(progress, copied=copied)
            work.save(progress)

        if not copying.copy(progress.copied, time_left, save):
            return _answer("waiting", POLL_SECONDS[Kind.BUCKET], "there is more to copy")
        work.save(replace(progress, status="configured"))
        return _answer("done")

    def _look_at_copies(self, work: Work, copying: Copying, time_left: TimeLeft) -> Answer:
        progress = work.progress

        def save(looked: Copied) -> None:
            nonlocal progress
            progress = replace(progress, looked=looked)
            work.save(progress)

        if not copying.look(progress.looked, time_left, save):
            return _answer("waiting", POLL_SECONDS[Kind.BUCKET], "there is more to look at")
        if progress.copied.failed or progress.looked.failed:
            return self._fail(replace(work, progress=progress), _refused(progress), SEE)
        return self._done(work, progress)

    # What failed, and what a drill leaves

    def fail(self, work: Work, error: Mapping[str, Any]) -> Answer:
        """Note what a step raised. What was found good stays so, though a drill could not remove it."""
        if work.progress.status in ("failed", "done"):
            return _answer("failed", why=work.progress.why or "")
        return self._fail(work, f"{error.get('Error')}: {error.get('Cause')}", SEE)

    def destroy(self, work: Work) -> Answer:
        """Remove all that a drill has made of an item; wait until it is gone, and nothing more comes."""
        if work.progress.destroyed:
            return _answer("done")
        provisioner, restore = self._provisioner(work.item), work.record.restore
        left = [
            one
            for one in plan.removals(provisioner.made(restore), restore, work.item.name)
            if isinstance(one, plan.Remove)
        ]
        now = self.fleet.now()
        for removal in left:
            self.fleet.log("destroys", id=removal.made.id, reason=removal.why)
            try:
                provisioner.remove(removal.made)
            except NotAvailable as error:
                self.fleet.log("cannot be destroyed yet", id=removal.made.id, why=str(error))
        since = now - (work.progress.ended or work.progress.began)
        if left and since > PATIENCE:
            return _answer("failed", why=f"{left[0].made.id} is not removed after {since}")
        if left or since < GRACE.get(work.item.kind, timedelta(0)):
            return _answer("waiting", self._pause(work.item.kind), "AWS removes it")
        work.record.destroyed(work.item.name, work.progress, now)
        return _answer("done")

    # Report

    def report(self, record: Record) -> Answer:
        """What became of all; of a drill also in the ledger."""
        planned = record.plan()
        told = [self._told(item, record.progress(item.name)) for item in planned.items]
        if planned.drill:
            for item in planned.items:
                Ledger(self.fleet.documents).add(self._drilled(planned, item, record.progress(item.name)))
        failed = [str(one["name"]) for one in told if one["status"] != "done"]
        left = [str(one["name"]) for one in told if planned.drill and not one["destroyed"]]
        wrong = [*failed, *(name for name in left if name not in failed)]
        summary = _summary(planned, failed, left)
        record.save_report(
            {
                "restore": planned.restore,
                "asked": planned.asked,
                "drill": planned.drill,
                "finished": self.fleet.now().isoformat(),
                "items": told,
                "failed": wrong,
                "left": left,
                "summary": summary,
            }
        )
        return {
            "failed": wrong,
            "summary": summary,
            "drill": planned.drill,
            "rto_seconds": max((one["rto_seconds"] for one in told if one["status"] == "done"), default=None),
            "rpo_seconds": max((one["rpo_seconds"] for one in told), default=None),
        }

    def _told(self, item: Item, progress: Progress | None) -> dict[str, Any]:
        found = progress or Progress("begun", self.fleet.now())
        return {
            "name": item.label,
            "source": item.source,
            "kind": item.kind.value,
            "region": item.place.region,
            "backup": item.backup,
            "taken": item.taken.isoformat(),
            "rto_seconds": _seconds(found),
            "rpo_seconds": round((found.began - item.taken).total_seconds()),
            **found.as_json(),
        }

    def _drilled(self, planned: Plan, item: Item, progress: Progress | None) -> Drill:
        found = progress or Progress("begun", self.fleet.now())
        passed = found.status == "done"
        return Drill(
            at=found.ended or found.began,
            restore=planned.restore,
            resource=item.source,
            backup=item.backup,
            taken=item.taken,
            rto_seconds=_seconds(found) if passed else None,
            rpo_seconds=round((found.began - item.taken).total_seconds()),
            result="passed" if passed else "failed",
            why=None if passed else found.why or f"it ended {found.status}",
            checks=found.checks,
        )


def _lasting(item: Item, made: Sequence[Made]) -> list[Made]:
    lasting = {piece.name for piece in item.pieces if not piece.temporary}
    return [one for one in made if one.name in lasting]


def _answer(status: str, wait: int = 0, why: str = "") -> Answer:
    return {"status": status, "wait": wait, "why": why}


def _seconds(progress: Progress) -> int | None:
    """How long it took."""
    return round((progress.ended - progress.began).total_seconds()) if progress.ended else None


def _refused(progress: Progress) -> str:
    failed = max(progress.copied.failed, progress.looked.failed)
    key, why = (progress.copied.refused or progress.looked.refused)[0]
    what = "1 object is not as it was" if failed == 1 else f"{failed:,} objects are not as they were"
    return f"{what}: the first is {key!r}: {why}"


def _summary(planned: Plan, failed: Sequence[str], left: Sequence[str]) -> str:
    what = f"{planned.asked}: {len(planned.items) - len(failed)} of {len(planned.items)} "
    said = what + ("drilled and found good" if planned.drill else "restored and found good")
    if failed:
        said += f"; failed: {', '.join(failed)}"
    if left:
        said += f"; still there, remove by hand: {', '.join(left)}"
    return said


def _moment(text: object) -> datetime | None:
    """When a drill was due; what names no moment was not due at one."""
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
