"""The total, logged when nothing happens."""

from holdfast.capacity.run import heartbeat
from tests.unit.capacity.domain import BUCKET
from tests.unit.capacity.watched import Watched


def test_a_heartbeat_logs_the_total_as_it_is() -> None:
    watched = Watched().holding(a=18, b=28)
    assert heartbeat(bucket_name=BUCKET, ledger=watched.ledger, log=watched.log) == 46
    assert watched.log.lines == [("heartbeat", {"bucket_name": BUCKET, "total_size": 46})]


def test_a_bucket_of_which_nothing_is_known_has_a_total_of_zero() -> None:
    watched = Watched()
    assert heartbeat(bucket_name=BUCKET, ledger=watched.ledger, log=watched.log) == 0
    assert watched.log.lines == [("heartbeat", {"bucket_name": BUCKET, "total_size": 0})]
