"""capacity_reconcile with its sample events."""

from tests.integration.capacity.conftest import Deploy
from tests.integration.capacity.deployed import Deployed
from tests.invocation import sample


def test_the_first_schedule_counts_what_was_there_before_the_stack(deployed: Deployed) -> None:
    deployed.put(a=18, b=28)
    assert deployed.try_out("capacity_reconcile/schedule").answer == {
        "due": True,
        "compared": 2,
        "repaired": 2,
        "complete": True,
        "total_size": 46,
        "noncurrent_size": 0,
        "multipart_size": 0,
    }
    assert deployed.tracked() == {"a": 18, "b": 28}


def test_the_next_schedule_of_the_day_has_nothing_to_do(deployed: Deployed) -> None:
    deployed.try_out("capacity_reconcile/schedule")
    deployed.put(a=18)
    assert deployed.try_out("capacity_reconcile/schedule").answer == {"due": False}
    assert deployed.tracked() == {}


def test_a_person_has_it_done_at_once(deployed: Deployed) -> None:
    deployed.try_out("capacity_reconcile/schedule")
    deployed.put(a=18)
    invoked = deployed.try_out("capacity_reconcile/by_hand")
    assert invoked.answer["repaired"] == 1
    assert invoked.said("repaired", "object_name", "kind", "size_delta") == [("a", "Reconcile:Missing", 18)]
    assert deployed.tracked() == {"a": 18}


def test_bytes_beside_the_total_have_figures_of_their_own(deploy: Deploy) -> None:
    deployed = deploy(versioned=True).holding(a=18)
    deployed.put(a=5)
    answer = deployed.try_out("capacity_reconcile/by_hand").answer
    assert (answer["total_size"], answer["noncurrent_size"]) == (5, 18)


def test_a_run_stops_a_minute_before_its_time_and_the_next_schedule_goes_on(deployed: Deployed) -> None:
    deployed.put(a=18)
    stopped = deployed.functions.invoke("capacity_reconcile", sample("capacity_reconcile/schedule"), seconds_left=60)
    assert not stopped.answer["complete"]
    assert deployed.try_out("capacity_reconcile/schedule").answer["complete"]
    assert deployed.try_out("capacity_reconcile/schedule").answer == {"due": False}
