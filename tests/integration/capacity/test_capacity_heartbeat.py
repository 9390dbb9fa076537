"""capacity_heartbeat with its sample event."""

from tests import aws
from tests.integration.capacity.deployed import Deployed, metric


def test_a_heartbeat_gives_the_metric_the_total_as_it_is(deployed: Deployed) -> None:
    deployed.holding(a=18, b=28)
    invoked = deployed.try_out("capacity_heartbeat/schedule")
    assert invoked.answer == {"total_size": 46}
    assert metric(invoked) == [({"bucket_name": aws.SAMPLE_BUCKET}, 46)]
    assert invoked.said("heartbeat", "service") == [("capacity_heartbeat",)]


def test_before_anything_happened_the_total_is_zero(deployed: Deployed) -> None:
    assert metric(deployed.try_out("capacity_heartbeat/schedule")) == [({"bucket_name": aws.SAMPLE_BUCKET}, 0)]
