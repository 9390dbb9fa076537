"""What the services of the fleet take as names and tags."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.fleet_names import image_name, is_same_backup, snapshot_name, tag_value, token
from holdfast.fleet.model import Tag

NAME = "holdfast-orders-daily-2026-11-21T02-00-00Z-0a1b2c3d"


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        (NAME, NAME.lower()),
        ("orders", "orders"),
        ("my_orders", "my-orders-d38f263f"),
        ("7-orders", "holdfast-7-orders-922ff67a"),
        ("--", "holdfast-d8156bae"),
    ],
)
def test_a_name_that_rds_takes_stays_and_another_is_told_apart_by_a_digest(name: str, taken: str) -> None:
    assert snapshot_name(name) == taken


@given(st.text(max_size=400))
def test_rds_takes_any_name_of_a_snapshot(name: str) -> None:
    taken = snapshot_name(name)
    assert re.fullmatch(r"[a-z](-?[a-z0-9])*", taken)
    assert len(taken) <= 255
    assert snapshot_name(taken) == taken


@given(st.text(max_size=400))
def test_ec2_takes_any_name_of_an_image(name: str) -> None:
    taken = image_name(name)
    assert re.fullmatch(r"[A-Za-z0-9()\[\] ./\-'@_]{3,128}", taken)
    assert image_name(taken) == taken


def test_names_that_lose_something_stay_apart() -> None:
    assert len({image_name(name) for name in ("a" * 200, "a" * 201, "ü", "ö")}) == 4
    assert len({snapshot_name(name) for name in ("a" * 300, "a" * 301, "a_b", "a-b", "a.b")}) == 5


@pytest.mark.parametrize(
    "value", ["2026-11-21T02:00:00+00:00", "arn:aws:rds:eu-west-1:1:db:orders", "a b@c=d_e/f.g", ""]
)
def test_a_value_that_rds_takes_stays(value: str) -> None:
    assert tag_value(value) == value


def test_a_value_that_rds_does_not_take_is_changed_and_cut() -> None:
    assert tag_value("a,b;c") == "a_b_c"
    assert len(tag_value("a" * 300)) == 256


def test_a_token_is_the_same_for_the_same_request_alone() -> None:
    assert token("a", "b") == token("a", "b")
    assert len({token("a", "b"), token("ab"), token("b", "a")}) == 3
    assert len(token("a")) == 64


def test_parts_are_of_one_backup_if_source_and_run_are_the_same() -> None:
    tags: dict[str, str] = {Tag.STACK: "holdfast", Tag.SOURCE: "arn:i", Tag.RUN: "daily-1"}
    assert is_same_backup(tags, tags | {"other": "1"})
    for tag in tags:
        assert not is_same_backup(tags, tags | {tag: "another"})
    assert not is_same_backup({}, {})
