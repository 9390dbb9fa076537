"""tables_restore with its sample events."""

from typing import Any

import pytest

from holdfast import wiring
from holdfast.tables.restore.run import NothingArchived, Occupied
from holdfast.tables.restore.steps import NotAStep, PartsMissing
from tests.integration.tables.conftest import Deploy
from tests.integration.tables.deployed import Deployed, create_sample_table, images
from tests.invocation import sample

RESTORED = "holdfast-restored"


def archived(deployed: Deployed) -> None:
    """The sample table is archived, and then gone."""
    create_sample_table()
    deployed.try_out("tables_archive/insert", "tables_archive/modify", "tables_check/schedule")
    wiring.client("dynamodb").delete_table(TableName="holdfast-sample")


def restored() -> list[Any]:
    items: list[Any] = wiring.client("dynamodb").scan(TableName=RESTORED)["Items"]
    return items


def restore(deployed: Deployed) -> Any:
    """All steps, as the state machine has them done."""
    prepared = deployed.try_out("tables_restore/prepare").answer
    for prefix in prepared["prefixes"]:
        deployed.functions.invoke("tables_restore", sample("tables_restore/partition") | {"prefix": prefix})
    return deployed.try_out("tables_restore/verify").answer


def test_the_first_step_makes_the_table_and_divides_the_work(deployed: Deployed) -> None:
    archived(deployed)
    answer = deployed.try_out("tables_restore/prepare").answer
    event = sample("tables_restore/prepare")
    assert answer == {
        **{name: event[name] for name in ("table", "at", "to", "run")},
        "prefixes": list("0123456789abcdef"),
        "items": 1,
    }
    table = wiring.client("dynamodb").describe_table(TableName=RESTORED)["Table"]
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    assert restored() == []


def test_a_part_writes_its_items_as_they_were_then(deployed: Deployed) -> None:
    archived(deployed)
    deployed.try_out("tables_restore/prepare")
    invoked = deployed.try_out("tables_restore/partition")
    assert (invoked.answer["prefix"], invoked.answer["items"]) == ("4", 1)
    assert restored() == images("insert")
    assert invoked.said("step done", "step", "to") == [("partition", RESTORED)]


@pytest.mark.parametrize("layout", ["segment", "item"])
def test_the_last_step_verifies_the_whole(deploy: Deploy, layout: str) -> None:
    deployed = deploy(ArchiveLayout=layout)
    archived(deployed)
    answer = restore(deployed)
    assert (answer["items"], answer["verified"]) == (1, True)
    assert restored() == images("insert")


def test_steps_that_are_done_again_change_nothing(deployed: Deployed) -> None:
    archived(deployed)
    deployed.try_out("tables_restore/prepare", "tables_restore/prepare")
    first, second = (deployed.try_out("tables_restore/partition").answer for _ in range(2))
    assert first == second
    assert restored() == images("insert")


def test_somebody_elses_items_in_the_new_table_are_told(deployed: Deployed) -> None:
    archived(deployed)
    deployed.try_out("tables_restore/prepare")
    wiring.client("dynamodb").put_item(TableName=RESTORED, Item={"pk": {"S": "mine"}, "sk": {"S": "x"}})
    answer = restore(deployed)
    assert answer["verified"] is False
    assert "did anybody write to it?" in answer["why"]


def test_the_whole_is_not_verified_before_each_part_is_there(deployed: Deployed) -> None:
    archived(deployed)
    with pytest.raises(PartsMissing):
        deployed.try_out("tables_restore/prepare", "tables_restore/verify")


def test_no_table_is_written_over(deployed: Deployed) -> None:
    archived(deployed)
    restore(deployed)
    with pytest.raises(Occupied):
        deployed.try_out("tables_restore/prepare")


def test_a_table_of_which_nothing_is_archived_is_told(deployed: Deployed) -> None:
    with pytest.raises(NothingArchived):
        deployed.try_out("tables_restore/prepare")


def test_whatever_is_no_step_is_told(deployed: Deployed) -> None:
    with pytest.raises(NotAStep, match="'clean' is no step"):
        deployed.functions.invoke("tables_restore", sample("tables_restore/verify") | {"step": "clean"})
