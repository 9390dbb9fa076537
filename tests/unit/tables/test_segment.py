"""Segments: what goes in comes out, names tell enough to leave one unread, and what is damaged is named."""

import gzip
import json
from dataclasses import replace

import pytest

from holdfast.tables import segment
from holdfast.tables.model import Cause, Image, Moment, Reference, Segment
from holdfast.tables.segment import Unreadable
from tests.unit.tables.domain import T0, a_change, an_item

CHANGES = [
    a_change("b", "1", at=5, sequence=7),
    a_change("a", None, at=9, sequence=9, cause=Cause.EXPIRY),
    a_change("a", "2", at=9, sequence=8),
]


def stored() -> tuple[Segment, bytes]:
    return segment.encode("orders", CHANGES, shard="shard-1")


def test_what_goes_in_comes_out_sorted_by_item_and_moment() -> None:
    one, body = stored()
    assert list(segment.decode(one, body)) == sorted(CHANGES, key=lambda change: (change.item, change.moment))


@pytest.mark.parametrize("tenant", [None, "", "acme"])
@pytest.mark.parametrize("image", [None, CHANGES[0].image])
def test_a_change_keeps_its_tenant_and_where_its_image_is(tenant: str | None, image: Image | None) -> None:
    change = replace(CHANGES[0], image=image, stored=Reference("k", "v1", "0" * 32), tenant=tenant)
    one, body = segment.encode("orders", [change])
    assert list(segment.decode(one, body)) == [change]


def test_its_first_line_tells_what_is_in_it() -> None:
    _, body = stored()
    assert json.loads(gzip.decompress(body).splitlines()[0]) == {
        "format": 1,
        "table": "orders",
        "shard": "shard-1",
        "base": None,
        "first": {"at": T0 + 5, "sequence": "7"},
        "last": {"at": T0 + 9, "sequence": "9"},
        "count": 3,
    }


def test_its_name_tells_as_much() -> None:
    one, _ = stored()
    assert one.name.startswith("changes/2026/01/01/1767225605.7-1767225609.9-3-")
    told = segment.of_name(one.name)
    assert told
    assert (told.first, told.last, told.count) == (Moment(T0 + 5, 7), Moment(T0 + 9, 9), 3)


def test_the_same_changes_make_the_same_segment_and_others_never() -> None:
    assert segment.encode("orders", CHANGES[::-1], shard="shard-1") == stored()
    other = [*CHANGES[:-1], a_change("a", "3", at=9, sequence=8)]
    assert segment.encode("orders", other, shard="shard-1")[0].name != stored()[0].name


def test_a_backfills_segment_stands_in_its_base() -> None:
    one, _ = segment.encode("orders", CHANGES, base="run-1")
    assert one.name.startswith("bases/run-1/")
    told = segment.of_name(one.name)
    assert told
    assert told.base == "run-1"


@pytest.mark.parametrize("name", ["changes/2026/01/01/", "changes/2026/01/01/readme.txt", "bases/run-1.json"])
def test_what_is_no_segment_is_passed_over(name: str) -> None:
    assert segment.of_name(name) is None


def test_only_what_overlaps_is_read() -> None:
    one, _ = stored()
    seconds = [(0, 4), (0, 5), (6, 7), (9, 99), (10, 99)]
    found = [bool(list(segment.overlapping([one], T0 + since, T0 + until))) for since, until in seconds]
    assert found == [False, True, True, True, False]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "cannot be read"),
        (b"not gzip", "cannot be read"),
        (stored()[1][:-20], "cannot be read"),
        (gzip.compress(b"no json\n"), "cannot be read"),
        (gzip.compress(b'{"format":2}\n'), "is of format 2; this release reads 1"),
        (gzip.compress(b'{"format":1}\n{}\n'), "holds 1 changes, not 3"),
    ],
    ids=["empty", "other", "cut off", "no JSON", "later format", "fewer lines"],
)
def test_what_is_damaged_is_named(body: bytes, why: str) -> None:
    one, _ = stored()
    with pytest.raises(Unreadable, match=why) as raised:
        list(segment.decode(one, body))
    assert one.name in str(raised.value)


def test_a_line_break_in_a_value_is_no_end_of_a_line() -> None:
    change = a_change("a", "\u2028\x85\r\n\x0b")
    one, body = segment.encode("orders", [change])
    assert list(segment.decode(one, body)) == [change]
    assert change.image == an_item("a", "\u2028\x85\r\n\x0b")


def test_lines_are_read_only_as_far_as_needed_and_tell_the_same() -> None:
    one, body = segment.encode("t", CHANGES)
    assert [line.change for line in segment.heads(one, body)] == list(segment.decode(one, body))
    assert [(line.item, line.moment) for line in segment.heads(one, body)] == [
        (change.item, change.moment) for change in segment.decode(one, body)
    ]


def test_a_line_of_another_order_is_read_as_a_whole() -> None:
    one, body = segment.encode("t", CHANGES)
    told = [json.loads(line) for line in gzip.decompress(body).splitlines()]
    turned = gzip.compress("".join(json.dumps(dict(reversed(line.items()))) + "\n" for line in told).encode())
    assert list(segment.heads(one, turned)) != []
    assert [line.change for line in segment.heads(one, turned)] == list(segment.decode(one, body))
    wanted = CHANGES[0].item.__eq__
    assert list(segment.decode(one, turned, wanted)) == list(segment.decode(one, body, wanted))
