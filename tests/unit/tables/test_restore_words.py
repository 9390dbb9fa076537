"""How restores of tables are told, word for word."""

from dataclasses import replace

import pytest

from holdfast.tables.model import Gap, Image, State
from holdfast.tables.restore import words
from holdfast.tables.restore.model import (
    Back,
    Difference,
    Done,
    Entry,
    Holding,
    Journal,
    Kind,
    Leave,
    Look,
    Preview,
    Refused,
    Verified,
    Wanted,
    Why,
    Written,
)
from tests.unit.tables.domain import DESCRIPTION, T0, a_base, an_item, keys

STATE = State(T0, {}, None, T0, ())
LATER = T0 + 1000


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (Wanted(), "orders, as it was at the end of the second 2026-01-01T00:00:00Z:"),
        (Wanted("A\n"), "orders, what is of tenant 'A\\n', as it was at the end of the second 2026-01-01T00:00:00Z:"),
        (
            Wanted("A", keys("é\x1b")),
            (
                'orders, what is of tenant \'A\', item {"pk": "\\u00e9\\u001b"}, '
                "as it was at the end of the second 2026-01-01T00:00:00Z:"
            ),
        ),
    ],
)
def test_a_heading_says_what_moment_means(wanted: Wanted, told: str) -> None:
    assert words.heading("orders", T0, wanted) == told


@pytest.mark.parametrize(
    ("holding", "told"),
    [
        (Holding(1, 1234), ["  1 item, 1,234 bytes of DynamoDB JSON"]),
        (
            Holding(2000, 12, apart=1),
            [
                "  2,000 items",
                "  1 of them is an object of its own; the 1,999 others have 12 bytes of DynamoDB JSON",
            ],
        ),
    ],
)
def test_how_much_there_was(holding: Holding, told: list[str]) -> None:
    assert list(words.held(holding)) == told


def test_how_much_there_was_of_what_is_large() -> None:
    assert words.estimated(1, is_about=False) == "  at most 1 item"
    assert words.estimated(2_000_128, is_about=True) == "  about 2,000,128 items"
    assert words.divided(256, "arn") == "restored in 256 parts by arn"


def test_on_what_a_state_builds() -> None:
    assert words.ground(STATE) == "  built on every change since the archive began"
    based = replace(STATE, base=a_base(-10, -5))
    assert words.ground(based) == "  built on the backfill of 2025-12-31T23:59:50Z, and every change since"


@pytest.mark.parametrize(
    ("state", "now", "told"),
    [
        (STATE, LATER, []),
        (STATE, T0 + 119, ["warning: that is a moment ago: its last changes may be on their way to the archive"]),
        (
            replace(STATE, complete_since=None),
            LATER,
            [
                (
                    "warning: the archive is complete from no moment on: what was never changed since the stream began "
                    "is not in it. `holdfast tables backfill` reads it"
                )
            ],
        ),
        (
            replace(STATE, complete_since=T0 + 1),
            LATER,
            [
                (
                    "warning: the archive is complete only since 2026-01-01T00:00:01Z: what was not changed between "
                    "the stream's beginning and this moment is not in it"
                )
            ],
        ),
        (
            replace(STATE, gaps=(Gap(T0, T0 + 9, "the stream was off"), Gap(None, None, "trimmed"))),
            LATER,
            [
                "warning: changes are missing, from 2026-01-01T00:00:00Z to 2026-01-01T00:00:09Z: the stream was off",
                "warning: changes are missing, from an unknown moment to an unknown one: trimmed",
            ],
        ),
    ],
)
def test_what_makes_a_state_uncertain(state: State, now: int, told: list[str]) -> None:
    assert list(words.warnings(state, now, 120)) == told


def test_items_that_need_a_word() -> None:
    assert list(words.nobodys(0)) == list(words.over(0, None)) == []
    assert list(words.nobodys(2)) == ["warning: 2 items named no tenant then, and are left out"]
    assert list(words.over(2, "until")) == [
        "warning: 2 items have expired by 'until': once restored, DynamoDB removes what has expired"
    ]


def test_what_a_new_table_will_be_like() -> None:
    index = {
        "IndexName": "by-date",
        "KeySchema": [{"AttributeName": "n", "KeyType": "RANGE"}, {"AttributeName": "pk", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    table = {
        **DESCRIPTION.table,
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "n", "AttributeType": "N"},
        ],
        "LocalSecondaryIndexes": [index],
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 1000},
    }
    tags = ({"Key": "aws:cloudformation:stack-name", "Value": "x"}, {"Key": "team", "Value": "x"})
    like = replace(
        DESCRIPTION,
        table=table,
        time_to_live={"TimeToLiveStatus": "ENABLED", "AttributeName": "until"},
        tags=tags,
    )
    assert list(words.creation("restored", like, is_begun=True)) == [
        "goes on with 'restored', which an interrupted run of this restore has made:",
        "  key      'pk' (S)",
        "  index    'by-date', local: 'pk' (S), 'n' (N); ALL",
        "  billing  provisioned, 5 read and 1,000 write units",
        "  stream   none",
        "  ttl      'until', from when all is verified on",
        "  tags     1, and two that tell of this restore",
        (
            "  without  point-in-time recovery, autoscaling, deletion protection, resource policy, replicas, "
            "Kinesis destination"
        ),
    ]


def test_tags_that_find_no_room_are_told() -> None:
    tags = tuple({"Key": str(number), "Value": "x"} for number in range(50))
    described = replace(DESCRIPTION, tags=tags, table={**DESCRIPTION.table, "ProvisionedThroughput": {}})
    told = list(words.creation("restored", described, is_begun=False))
    assert "  tags     48, and two that tell of this restore" in told
    assert "warning: 2 of its tags find no room: a table has 50 at most" in told


def test_what_came_of_a_new_table() -> None:
    assert list(words.created("restored", Written(1, "d1"), "until")) == [
        "1 item restored into 'restored'.",
        "1 item verified: table and archive have the digest d1.",
        "Items expire by 'until' again.",
        "To archive the new table too: holdfast tables protect restored --apply",
    ]


# In place

ADD = Difference(Kind.ADD, keys("a"), None, an_item("a"), "it is not there now")
CHANGE = Difference(Kind.CHANGE, keys("b"), an_item("b"), an_item("b", "x"), "it differs in 'value'")
REMOVE = Difference(Kind.REMOVE, keys("c"), an_item("c"), None, "it was not there then")
LEAVE = Leave(keys("d"), Why.OTHERS_THEN, "it was of tenant 'B' then")


def test_each_item_is_a_line_with_its_reason() -> None:
    assert words.lines(Preview((ADD, CHANGE, REMOVE), (LEAVE,), 0)) == [
        'add     {"pk": "a"}: it is not there now',
        'change  {"pk": "b"}: it differs in \'value\'',
        'remove  {"pk": "c"}: it was not there then',
        'leave   {"pk": "d"}: it was of tenant \'B\' then',
    ]


def test_a_preview_comes_to_numbers() -> None:
    left = (LEAVE, LEAVE, Leave(keys("e"), Why.UNSEEN, ""))
    assert list(words.counts(Preview((ADD, ADD, REMOVE), left, 1234))) == [
        "  add                2",
        "  change             0",
        "  remove             1",
        "  leave              3  2 not the tenant's then, 1 without an archived change since then",
        "  as it was      1,234",
    ]


def test_what_was_left_alone_is_named() -> None:
    refused = [Refused(keys(name), "it was changed") for name in "abc"]
    assert list(words.refusals([Done(keys("d"))], None)) == []
    assert list(words.refusals([Done(keys("d")), *refused[:1]], None)) == [
        "1 item left alone:",
        '  {"pk": "a"}: it was changed',
    ]
    assert list(words.refusals(refused, 1)) == [
        "3 items left alone:",
        '  {"pk": "a"}: it was changed',
        "  ... and 2 more: --verbose shows all",
    ]


def test_what_was_read_after_a_restore() -> None:
    assert list(words.verified(Verified(2, "d", "d", ()))) == [
        "2 items restored and verified: table and archive have the digest d."
    ]
    assert list(words.verified(Verified(2, "d", "e", (keys("a"),)))) == [
        "2 items restored.",
        "1 of them is not as restored, because somebody has written since:",
        '  {"pk": "a"}',
    ]


# Taking it back


@pytest.mark.parametrize(
    ("back", "before", "told"),
    [
        (Back.UNDO, None, 'undo      {"pk": "a"}: it is as restored, and becomes removed'),
        (Back.UNDO, an_item("a"), 'undo      {"pk": "a"}: it is as restored, and becomes what it was before'),
        (Back.DONE, None, 'done      {"pk": "a"}: it is what it was before'),
        (Back.CONFLICT, None, 'conflict  {"pk": "a"}: it was changed since the restore, and is left alone'),
    ],
)
def test_an_item_of_a_journal_is_one_line(back: Back, before: Image | None, told: str) -> None:
    assert words.look(Look(Entry(keys("a"), before, an_item("a", "x")), back)) == told


def test_a_journal_and_what_taking_it_back_comes_to() -> None:
    assert words.journal(Journal("orders@1", "orders", T0, T0 + 60, 1)) == (
        "orders@1 began at 2026-01-01T00:01:00Z to restore 1 item of 'orders' in place, as of 2026-01-01T00:00:00Z:"
    )
    looks = [Look(Entry(keys("a"), None, None), back) for back in (Back.UNDO, Back.UNDO, Back.CONFLICT)]
    assert list(words.backs(looks)) == [
        "  undo               2",
        "  done               0",
        "  conflict           1",
    ]


def test_how_far_a_history_goes_back() -> None:
    assert list(words.known_since(T0)) == ["The archive is complete since 2026-01-01T00:00:00Z."]
    assert list(words.known_since(None)) == [
        "What it was before its first change that the stream told of, nobody knows: the archive has no backfill."
    ]
