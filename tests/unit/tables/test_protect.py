"""What it takes to protect a table, step by step."""

from dataclasses import replace
from typing import Any

import pytest

from holdfast.tables import plan
from holdfast.tables.model import Base, Description, Gap
from holdfast.tables.ports import Settings, StreamMapping
from holdfast.tables.protect import Action, CannotProtect, Facts, deploy_line, differences, plan_protect
from tests.unit.tables.domain import ARN, T0, TABLE, a_base
from tests.unit.tables.in_use import STREAMING

SETTINGS: Settings = {"BatchSize": 1000, "MaximumRetryAttempts": 20}
TABLE_ARN = ARN.partition("/stream/")[0]
STREAMED = replace(STREAMING, table={**STREAMING.table, "TableArn": TABLE_ARN, "TableStatus": "ACTIVE"})
MAPPING = StreamMapping("m1", ARN, "Enabled", SETTINGS)


def described(**told: Any) -> Description:
    """What is None is not told."""
    whole = {**STREAMED.table, **told}
    return replace(STREAMED, table={name: of for name, of in whole.items() if of is not None})


def facts(**told: Any) -> Facts:
    """A table that is protected, but for this."""
    base: dict[str, Any] = {
        "description": STREAMED,
        "mappings": [MAPPING],
        "settings": SETTINGS,
        "bases": [a_base(50, 60)],
        "known": STREAMED,
    }
    return Facts(**base | told)


def steps(**told: Any) -> list[tuple[str, Action | None]]:
    return [(step.told, step.action) for step in plan_protect(facts(**told))]


def actions(**told: Any) -> list[Action]:
    return [action for _, action in steps(**told) if action]


def test_a_table_that_is_protected_needs_nothing() -> None:
    assert steps() == [
        ("its stream is on, with NEW_AND_OLD_IMAGES", None),
        ("mapping m1 has Lambda archive what the stream tells", None),
        ("what the table is like is saved", None),
        ("a backfill is complete", None),
    ]


def test_a_new_table_needs_all_of_it_and_the_backfill_last() -> None:
    off = described(StreamSpecification=None, LatestStreamArn=None)
    assert steps(description=off, mappings=[], bases=[], known=None) == [
        ("switch its stream on, with NEW_AND_OLD_IMAGES", Action.SWITCH_ON),
        ("have Lambda archive what the stream tells, from the oldest record on", Action.CREATE_MAPPING),
        ("save what the table is like", Action.SAVE_DESCRIPTION),
        ("read all that the table holds into the archive", Action.BACKFILL),
    ]


@pytest.mark.parametrize("view_type", ["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE"])
def test_a_stream_without_both_images_is_refused_with_what_mends_it(view_type: str) -> None:
    told = described(StreamSpecification={"StreamEnabled": True, "StreamViewType": view_type})
    with pytest.raises(CannotProtect, match=f"has the view type {view_type}.*aws dynamodb update-table --table-name"):
        plan_protect(facts(description=told))


@pytest.mark.parametrize("status", ["CREATING", "DELETING", "ARCHIVED", "INACCESSIBLE_ENCRYPTION_CREDENTIALS"])
def test_a_table_that_is_not_active_is_refused(status: str) -> None:
    with pytest.raises(CannotProtect, match=f"table {TABLE} is {status}"):
        plan_protect(facts(description=described(TableStatus=status)))


def test_a_stream_that_was_switched_off_and_on_needs_a_mapping_and_a_backfill_of_its_own() -> None:
    again = described(LatestStreamArn=f"{TABLE_ARN}/stream/2026-01-01T00:01:30.000")
    assert actions(description=again) == [Action.CREATE_MAPPING, Action.SAVE_DESCRIPTION, Action.BACKFILL]
    left_over = "mapping m1 is of a stream that orders had before: it reads nothing, and can be deleted"
    assert (left_over, None) in steps(description=again)


def test_a_backfill_from_before_the_stream_does_not_count() -> None:
    label = {"LatestStreamLabel": "2026-01-01T00:01:30.000"}
    assert actions(description=described(**label), known=described(**label)) == [Action.BACKFILL]


def test_the_mappings_of_other_tables_are_none_of_it() -> None:
    other = StreamMapping("m2", ARN.replace(TABLE, TABLE + "2"), "Enabled", SETTINGS)
    assert actions(mappings=[other]) == [Action.CREATE_MAPPING, Action.BACKFILL]
    assert len(steps(mappings=[other])) == 4


def test_a_mapping_of_other_settings_is_corrected() -> None:
    other = replace(MAPPING, settings={"BatchSize": 1, "MaximumRetryAttempts": 20, "FilterCriteria": {"Filters": []}})
    told = (
        "correct mapping m1: BatchSize is 1, and should be 1000; "
        "FilterCriteria is {'Filters': []}, and should be not set"
    )
    assert (told, Action.UPDATE_MAPPING) in steps(mappings=[other])
    assert differences(SETTINGS, SETTINGS) == []


@pytest.mark.parametrize("state", ["Disabled", "Disabling"])
def test_a_mapping_that_was_disabled_is_enabled(state: str) -> None:
    assert (f"enable mapping m1: it is {state}", Action.UPDATE_MAPPING) in steps(
        mappings=[replace(MAPPING, state=state)]
    )


DAY = plan.STREAM_SECONDS
NOW = replace(STREAMED, taken_at=T0 + 3 * DAY)
DISABLED = replace(MAPPING, state="Disabled")
LOST = (
    "note that changes between 2026-01-02T00:00:00Z and 2026-01-03T00:00:00Z may be lost: no mapping was enabled, and "
    "the stream has dropped what came then"
)


@pytest.mark.parametrize("mappings", [[], [DISABLED]])
def test_what_the_stream_dropped_while_nobody_archived_it_is_a_gap_that_a_backfill_ends(
    mappings: list[StreamMapping],
) -> None:
    told: dict[str, Any] = {"description": NOW, "known": NOW, "mappings": mappings, "newest_change": T0 + DAY}
    assert steps(**told)[1] == (LOST, Action.NOTE_GAP)
    assert (actions(**told)[0], actions(**told)[-1]) == (Action.NOTE_GAP, Action.BACKFILL)


@pytest.mark.parametrize(
    "told",
    [
        {"mappings": [MAPPING]},  # it is archived
        {"newest_change": T0 + 2 * DAY},  # the stream holds all that came since
        {"bases": [a_base(50, 2 * DAY)]},  # so it does since that backfill
        {"newest_change": None, "bases": [a_base(50, None)]},  # nothing is archived yet
        {"bases": [], "newest_change": T0 - 1},  # of another stream: its end is noted as a gap
    ],
)
def test_where_nothing_can_be_lost_nothing_is_noted(told: dict[str, Any]) -> None:
    whole = {"description": NOW, "known": NOW, "mappings": [DISABLED], "newest_change": T0 + DAY, **told}
    assert Action.NOTE_GAP not in actions(**whole)


def test_a_gap_that_nothing_has_ended_yet_needs_a_backfill() -> None:
    assert actions(gaps=[Gap(T0 + 70, T0 + 80, "lost")]) == [Action.BACKFILL]


@pytest.mark.parametrize(
    ("told", "saved"),
    [
        ({"ItemCount": 7, "TableSizeBytes": 9, "TableStatus": "UPDATING"}, True),
        ({"GlobalSecondaryIndexes": [{"IndexName": "i", "ItemCount": 1}]}, False),
        ({"DeletionProtectionEnabled": True}, False),
    ],
)
def test_what_the_table_is_like_is_saved_if_it_changed(told: dict[str, Any], saved: bool) -> None:
    assert (Action.SAVE_DESCRIPTION in actions(description=described(**told))) is not saved


def test_an_index_that_grew_is_no_change() -> None:
    one, other = (described(GlobalSecondaryIndexes=[{"IndexName": "i", "ItemCount": count}]) for count in (1, 2))
    assert actions(description=one, known=other) == []


@pytest.mark.parametrize("bases", [[], [a_base(50, None)]])
def test_without_a_complete_backfill_one_is_made(bases: list[Base]) -> None:
    assert actions(bases=bases) == [Action.BACKFILL]


def test_the_stacks_own_table_was_archived_from_its_first_item_on() -> None:
    born = described(CreationDateTime=STREAMED.table["CreationDateTime"] + 1e6)
    told = "no backfill is needed: the archive has everything since the table was made"
    assert (told, None) in steps(description=born, known=born, bases=[], is_sample=True)
    assert actions(bases=[], is_sample=True) == [Action.BACKFILL]
    assert actions(description=born, known=born, bases=[]) == [Action.BACKFILL]


@pytest.mark.parametrize(("protected", "names"), [([], "new"), (["a", "b"], "a,b,new")])
def test_the_stack_is_told_of_the_table_besides_those_it_has(protected: list[str], names: str) -> None:
    assert deploy_line("holdfast", protected, "new") == (
        "sam deploy --stack-name holdfast --capabilities CAPABILITY_IAM --resolve-s3 "
        f"--parameter-overrides ProtectedTables={names}"
    )
