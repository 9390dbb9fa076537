"""What a batch makes the real handler call. A change that costs more shows here."""

from itertools import islice

import pytest

from bench.tables import orders
from bench.tables.cost import DESIGNS, Design, measure
from bench.usage import MILLION
from holdfast.events import dynamodb

USUAL, ITEM, SEGMENT = DESIGNS


@pytest.mark.parametrize(
    ("design", "calls"),
    [
        (USUAL, {"DeleteObject": 1, "PutObject": 19}),
        (ITEM, {"DeleteObject": 1, "PutObject": 19 + 2}),
        (SEGMENT, {"PutObject": 2}),
    ],
    ids=[design.name for design in DESIGNS],
)
def test_two_batches_of_ten_make_these_calls(design: Design, calls: dict[str, int]) -> None:
    counted = measure(design, batch=10, records=20)
    assert {name: round(number * 20 / MILLION) for name, number in counted.usage.calls.items()} == calls


def test_segments_take_at_most_a_fiftieth_of_items_requests_at_batches_of_100() -> None:
    item, segment = (measure(design, batch=100, records=200).requests for design in (ITEM, SEGMENT))
    assert segment <= item / 50


def test_the_orders_are_what_a_stream_tells() -> None:
    batch = dynamodb.from_lambda({"Records": list(islice(orders.records(), 200))})
    assert (batch.table, len(batch.records), list(batch.bad)) == (orders.TABLE, 200, [])
    assert {record.name for record in batch.records} == {"INSERT", "MODIFY", "REMOVE"}
