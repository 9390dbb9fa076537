"""What it takes to protect a table that was there before the stack: step by step, in the order in which no change is
missed. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from holdfast.tables import plan
from holdfast.tables.backfill import stream_since
from holdfast.tables.model import Base, Description, Gap
from holdfast.tables.ports import Settings, StreamMapping
from holdfast.tables.restore.model import stamp

VIEW_TYPE = "NEW_AND_OLD_IMAGES"


class CannotProtect(ValueError):
    """A table cannot be protected as it is."""


class Action(Enum):
    SWITCH_ON = auto()
    NOTE_GAP = auto()
    CREATE_MAPPING = auto()
    UPDATE_MAPPING = auto()
    SAVE_DESCRIPTION = auto()
    BACKFILL = auto()


@dataclass(frozen=True, slots=True)
class Step:
    """Something about a table: what has to be done; or that it is so, and nothing has."""

    told: str
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """How a table is protected so far. `mappings`: those of the function that archives. `known`: its description in the
    archive. `is_sample`: whether it is the stack's own, of which `settings` of mappings are copied. `newest_change`:
    when the last one came that is archived. `gaps`: those that touch the present state."""

    description: Description
    mappings: Sequence[StreamMapping]
    settings: Settings
    bases: Sequence[Base]
    known: Description | None
    is_sample: bool = False
    newest_change: int | None = None
    gaps: Sequence[Gap] = ()

    @property
    def stream_arn(self) -> str | None:
        told = self.description.table
        return str(told["LatestStreamArn"]) if self.description.has_stream else None

    @property
    def mapping(self) -> StreamMapping | None:
        """That of the table's stream as it is now."""
        return next((one for one in self.mappings if one.stream_arn == self.stream_arn), None)

    @property
    def left_over(self) -> list[StreamMapping]:
        """Those of streams that the table had before."""
        streams = f"{self.description.table['TableArn']}/stream/"
        return [one for one in self.mappings if one.stream_arn.startswith(streams) and one != self.mapping]


def plan_protect(facts: Facts) -> list[Step]:
    """The steps, in their order: the backfill last, so that all that changes while it reads is in the stream.

    Raises CannotProtect.
    """
    table, name = facts.description.table, facts.description.name
    if table["TableStatus"] not in {"ACTIVE", "UPDATING"}:
        raise CannotProtect(f"table {name} is {table['TableStatus']}: only one that is ACTIVE can be protected")
    return [
        _stream(facts, name),
        *_lost(facts),
        _mapping(facts),
        *(
            Step(
                f"mapping {one.mapping_id} is of a stream that {name} had before: it reads nothing, and can be deleted"
            )
            for one in facts.left_over
        ),
        _description(facts),
        _backfill(facts),
    ]


def _stream(facts: Facts, name: str) -> Step:
    table = facts.description.table
    if not facts.description.has_stream:
        return Step(f"switch its stream on, with {VIEW_TYPE}", Action.SWITCH_ON)
    view_type = table["StreamSpecification"]["StreamViewType"]
    if view_type != VIEW_TYPE:
        raise CannotProtect(
            f"the stream of {name} has the view type {view_type}, and {VIEW_TYPE} is needed. That cannot be changed: "
            "it has to be switched off and on again, and whoever reads it loses what was not read yet. If nobody "
            f"does, or once all is read: aws dynamodb update-table --table-name {name} --stream-specification "
            "StreamEnabled=false, and then this command again"
        )
    return Step(f"its stream is on, with {VIEW_TYPE}")


def lost(facts: Facts) -> Gap | None:
    """What the stream has dropped because no mapping had it archived: perhaps, for nothing may have changed. What was
    missed by another stream is noted with the table's description."""
    since = stream_since(facts.description)
    if since is None or (facts.mapping and _is_enabled(facts.mapping)):
        return None
    ends = [base.ended for base in facts.bases if base.ended is not None]
    first = max([*ends, *([] if facts.newest_change is None else [facts.newest_change])], default=None)
    last = facts.description.taken_at - plan.STREAM_SECONDS
    if first is None or not since <= first < last:
        return None
    return Gap(first, last, "no mapping was enabled, and the stream has dropped what came then")


def _is_enabled(mapping: StreamMapping) -> bool:
    return mapping.state.startswith("Enabl")


def _lost(facts: Facts) -> list[Step]:
    gap = lost(facts)
    if gap is None or gap.first_at is None or gap.last_at is None:
        return []
    between = f"{stamp(gap.first_at)} and {stamp(gap.last_at)}"
    return [Step(f"note that changes between {between} may be lost: {gap.why}", Action.NOTE_GAP)]


def _mapping(facts: Facts) -> Step:
    mapping = facts.mapping
    if mapping is None:
        return Step("have Lambda archive what the stream tells, from the oldest record on", Action.CREATE_MAPPING)
    differing = differences(mapping.settings, facts.settings)
    if not _is_enabled(mapping):
        told = "; ".join([f"it is {mapping.state}", *differing])
        return Step(f"enable mapping {mapping.mapping_id}: {told}", Action.UPDATE_MAPPING)
    if differing:
        return Step(f"correct mapping {mapping.mapping_id}: {'; '.join(differing)}", Action.UPDATE_MAPPING)
    return Step(f"mapping {mapping.mapping_id} has Lambda archive what the stream tells")


def differences(settings: Settings, wanted: Settings) -> list[str]:
    """How a mapping's settings are not as the stack's own mapping's."""
    names = sorted({*settings, *wanted})
    return [
        f"{name} is {_told(settings.get(name))}, and should be {_told(wanted.get(name))}"
        for name in names
        if settings.get(name) != wanted.get(name)
    ]


def _told(value: object) -> str:
    return "not set" if value is None else str(value)


def _description(facts: Facts) -> Step:
    if facts.known is None or _has_changed(facts.known, facts.description):
        return Step("save what the table is like", Action.SAVE_DESCRIPTION)
    return Step("what the table is like is saved")


def _has_changed(known: Description, now: Description) -> bool:
    """But for what DynamoDB counts, and when it was taken."""
    counted = ("ItemCount", "TableSizeBytes", "TableStatus", "IndexStatus", "IndexSizeBytes")
    one, other = (_without(told.table, counted) for told in (known, now))
    return one != other or (known.time_to_live, known.tags) != (now.time_to_live, now.tags)


def _without(told: Any, names: Iterable[str]) -> Any:
    match told:
        case Mapping():
            return {name: _without(value, names) for name, value in told.items() if name not in names}
        case list():
            return [_without(member, names) for member in told]
        case _:
            return told


def _backfill(facts: Facts) -> Step:
    """Needed unless everything since a complete one, or since the table's creation, went through one stream and one
    mapping, and nothing is known to be missing."""
    read = Step("read all that the table holds into the archive", Action.BACKFILL)
    since = stream_since(facts.description)
    if since is None or facts.mapping is None or facts.gaps or lost(facts):
        return read
    if any(base.ended is not None and base.began >= since for base in facts.bases):
        return Step("a backfill is complete")
    if facts.is_sample and plan.complete_since(facts.description, []) is not None:
        return Step("no backfill is needed: the archive has everything since the table was made")
    return read


def deploy_line(stack: str, protected: Sequence[str], table: str) -> str:
    """The command that adds a table to those that a stack protects, and leaves its other parameters as they are."""
    names = ",".join([*protected, table])
    return (
        f"sam deploy --stack-name {stack} --capabilities CAPABILITY_IAM --resolve-s3 "
        f"--parameter-overrides ProtectedTables={names}"
    )
