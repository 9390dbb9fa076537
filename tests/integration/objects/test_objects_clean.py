"""objects_clean with its sample event."""

from datetime import timedelta

from tests.integration.objects.conftest import Deploy
from tests.integration.objects.deployed import BODY, DAY, NAME, Deployed, metrics
from tests.invocation import Invoked, sample

NOTHING = {
    "cleaned": 0,
    "cleaned_bytes": 0,
    "locked": 0,
    "failed": 0,
    "failure": None,
    "held": None,
    "complete": True,
}
MOMENT = timedelta(milliseconds=1)


def clean(deployed: Deployed, *, seconds_left: float = 60) -> Invoked:
    return deployed.functions.invoke("objects_clean", sample("objects_clean/schedule"), seconds_left=seconds_left)


def disown(deployed: Deployed, *names: str) -> None:
    """Have these objects written, copied and deleted."""
    for name in names:
        deployed.put_and_replicated(name)
        deployed.replicate(deployed.delete(name))


def test_a_copy_stays_until_the_delay_is_over_then_it_goes_with_its_row(deployed: Deployed) -> None:
    deployed.put_and_replicated(NAME, b"1", b"2")
    deployed.replicate(deployed.delete())
    deployed.clock.advance(DAY - MOMENT)
    assert deployed.try_out("objects_clean/schedule").answer == NOTHING
    assert deployed.copies() == [("disowned", b"1"), ("disowned", b"2")]
    deployed.clock.advance(MOMENT)
    assert deployed.try_out("objects_clean/schedule").answer == NOTHING | {"cleaned": 2, "cleaned_bytes": 2}
    assert (deployed.copies(), deployed.stored()) == ([], {})


def test_a_parameter_is_the_delay(deploy: Deploy) -> None:
    deployed = deploy(DisownedDelaySeconds="10")
    disown(deployed, NAME)
    deployed.clock.advance(timedelta(seconds=10))
    assert clean(deployed).answer["cleaned"] == 1


def test_a_run_that_finds_nothing_due_leaves_the_living_alone(deployed: Deployed) -> None:
    deployed.put_and_replicated()
    deployed.clock.advance(400 * DAY)
    assert clean(deployed).answer == NOTHING
    assert deployed.copies() == [("active", BODY)]


def test_what_was_written_anew_keeps_its_copy(deployed: Deployed) -> None:
    disown(deployed, NAME)
    deployed.put_and_replicated(NAME, b"anew")
    deployed.clock.advance(DAY)
    clean(deployed)
    assert deployed.copies() == [("active", b"anew")]


def test_a_delete_is_remembered_though_its_copies_are_cleaned(deployed: Deployed) -> None:
    written = deployed.put()
    deployed.replicate(written)
    deployed.replicate(deployed.delete())
    deployed.clock.advance(DAY)
    clean(deployed)
    deployed.replicate(written)
    assert (deployed.copies(), deployed.stored()) == ([], {})


def test_a_run_stops_before_its_time_and_the_next_goes_on(deployed: Deployed) -> None:
    disown(deployed, NAME)
    deployed.clock.advance(DAY)
    assert clean(deployed, seconds_left=15).answer == NOTHING | {"complete": False}
    assert deployed.copies() == [("disowned", BODY)]
    assert clean(deployed, seconds_left=16).answer["complete"]
    assert deployed.copies() == []


def test_a_copy_that_somebody_deleted_is_no_failure(deployed: Deployed) -> None:
    disown(deployed, NAME)
    deployed.lose(*deployed.stored())
    deployed.clock.advance(DAY)
    assert clean(deployed).answer["cleaned"] == 1
    assert deployed.copies() == []


def test_the_breaker_holds_back_what_is_too_much_for_an_hour_until_a_person_resumes_it(deploy: Deploy) -> None:
    deployed = deploy(BreakerFloor="3", BreakerSharePercent="1", DisownedDelaySeconds="10")
    disown(deployed, "a", "b", "c")
    deployed.clock.advance(timedelta(seconds=10))
    for _ in range(2):
        held = clean(deployed)
        assert held.answer["held"].startswith("1 of 3 objects would be removed, 3 were in the last hour")
        assert (held.answer["cleaned"], metrics(held)["BreakerHeld"]) == (0, 1)
        assert len(deployed.stored()) == 3
    deployed.resume_the_breaker()
    assert clean(deployed).answer["cleaned"] == 3
    assert deployed.stored() == {}


def test_each_copy_that_goes_is_one_line_of_json_and_all_are_metrics(deployed: Deployed) -> None:
    disown(deployed, NAME)
    (copy_key,) = deployed.stored()
    deployed.clock.advance(DAY)
    invoked = deployed.try_out("objects_clean/schedule")
    assert invoked.said("cleaned", "service", "copy_key", "size") == [("objects_clean", copy_key, 18)]
    measured = metrics(invoked)
    assert (measured.pop("CopiesCleaned"), measured.pop("CleanedBytes")) == (1, 18)
    assert measured == {"CopiesLocked": 0, "Failures": 0, "BreakerHeld": 0}
