"""tables_check with its sample event."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.tables.deployed import SAMPLE_TABLE, Deployed, create_sample_table, images, metrics, put
from tests.invocation import sample
from tests.unit.tables.domain import a_change

NOTHING = {"compared": 0, "differences": 0, "unarchived": 0, "gaps": 0, "failure": None}


def found(deployed: Deployed) -> Any:
    """What was found of the sample events' table."""
    return deployed.try_out("tables_check/schedule").answer[SAMPLE_TABLE]


def test_what_is_archived_as_it_is_differs_in_nothing(deployed: Deployed) -> None:
    create_sample_table()
    put(*images("insert"), *images("every_type"))
    deployed.archive_together("insert", "every_type")
    invoked = deployed.try_out("tables_check/schedule")
    own = deployed.functions.stack.tables["TablesSampleTable"]
    assert invoked.answer == {own: NOTHING, SAMPLE_TABLE: NOTHING | {"compared": 2}}
    assert metrics(invoked) == {"CheckedItems": 2, "Differences": 0, "UnarchivedRecords": 0, "Gaps": 0}


def test_of_what_was_never_archived_no_description_is_saved(deployed: Deployed) -> None:
    """It would say that the archive is as old as that."""
    create_sample_table()
    deployed.try_out("tables_check/schedule")
    assert deployed.archive().description() is None


def test_what_an_archived_table_is_like_is_saved(deployed: Deployed) -> None:
    create_sample_table()
    deployed.archive_together("remove")
    deployed.try_out("tables_check/schedule")
    description = deployed.archive().description()
    assert description is not None
    assert (description.name, description.key_names) == (SAMPLE_TABLE, ("pk", "sk"))
    assert description.taken_at == int(deployed.clock.at.timestamp())


def test_an_item_that_differs_is_named_and_measured(deployed: Deployed) -> None:
    create_sample_table(stream=False)
    put(*images("modify"))
    deployed.archive_together("insert")
    invoked = deployed.try_out("tables_check/schedule")
    assert invoked.answer[SAMPLE_TABLE] == NOTHING | {"compared": 1, "differences": 1}
    assert metrics(invoked)["Differences"] == 1
    [(table, keys, attributes)] = invoked.said("differs", "table", "keys", "attributes")
    assert (table, keys, attributes) == (SAMPLE_TABLE, {"pk": {"S": "customer#1"}, "sk": {"S": "order#1"}}, ["status"])


def test_records_that_the_stream_holds_and_the_archive_lacks_are_told_before_they_are_lost(deployed: Deployed) -> None:
    create_sample_table()
    put(*images("insert"))
    deployed.clock.at = datetime.now(UTC) + timedelta(hours=1)
    invoked = deployed.try_out("tables_check/schedule")
    assert invoked.answer[SAMPLE_TABLE]["unarchived"] == metrics(invoked)["UnarchivedRecords"] == 1
    assert invoked.said("not archived", "table", "records") == [(SAMPLE_TABLE, 1)]


def test_a_table_that_is_not_there_keeps_no_other_waiting(deployed: Deployed) -> None:
    own = deployed.functions.stack.tables["TablesSampleTable"]
    deployed.archive(own).write([a_change("removed", None)])
    with pytest.raises(ExceptionGroup, match="1 tables are not checked"):
        deployed.try_out("tables_check/schedule")
    assert deployed.archive(own).description() is not None


def test_a_check_that_has_no_time_left_says_so(deployed: Deployed) -> None:
    create_sample_table()
    with pytest.raises(ExceptionGroup, match="2 tables are not checked"):
        deployed.functions.invoke("tables_check", sample("tables_check/schedule"), seconds_left=60)
