"""The ledger of drills: what breaks the chain is found, and where."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.memory_fleet import MemoryDocuments
from holdfast.fleet.proof import HEAD, Broken, Drill, Ledger, LedgerBusy, as_csv, digest, key, standings, verify
from holdfast.fleet.restore.model import Check

AT = datetime(2026, 11, 21, 4, tzinfo=UTC)


def a_drill(number: int = 0, resource: str = "arn:i-1", **changes: Any) -> Drill:
    told: dict[str, Any] = {
        "at": AT + timedelta(days=number),
        "restore": f"drill-{number}",
        "resource": resource,
        "backup": "us-east-1/i-1/daily-2026-11-21T02-00-00Z",
        "taken": AT,
        "rto_seconds": 300 + number,
        "rpo_seconds": 7200,
        "result": "passed",
        "why": None,
        "checks": (Check("status checks", passed=True, text="i-2: ok"),),
    }
    return Drill(**told | changes)


def a_ledger(entries: int) -> Ledger:
    ledger = Ledger(MemoryDocuments())
    for number in range(entries):
        assert ledger.add(a_drill(number)) == number + 1
    return ledger


def change(ledger: Ledger, number: int, **told: Any) -> None:
    ledger.documents.save(key(number), {**ledger.documents.load(key(number)), **told})


def remove(ledger: Ledger, at: str) -> None:
    assert isinstance(ledger.documents, MemoryDocuments)
    del ledger.documents.stored[at]


def swap(ledger: Ledger, one: int, other: int) -> None:
    first, second = ledger.documents.load(key(one)), ledger.documents.load(key(other))
    ledger.documents.save(key(one), second)
    ledger.documents.save(key(other), first)


def forge(ledger: Ledger, number: int) -> None:
    """Change an entry, and all that follow so that they fit."""
    change(ledger, number, result="passed", rto_seconds=1)
    for following in range(number + 1, len(ledger.keys()) + 1):
        change(ledger, following, previous=digest(ledger.documents.load(key(following - 1))))


def test_a_ledger_that_nobody_touched_is_whole() -> None:
    ledger = a_ledger(5)
    verdict, entries = ledger.verify()
    assert (verdict.entries, verdict.broken) == (5, None)
    assert verdict.digest == digest(entries[-1])
    assert entries[0]["previous"] == "0" * 64
    assert [entry["n"] for entry in entries] == [1, 2, 3, 4, 5]


def test_an_empty_ledger_is_whole() -> None:
    assert a_ledger(0).verify()[0].broken is None


@pytest.mark.parametrize(
    ("touch", "number", "why"),
    [
        (
            lambda ledger: change(ledger, 2, result="failed"),
            3,
            "proof/00000003.json does not follow proof/00000002.json as it is now: one of the two was changed",
        ),
        (
            lambda ledger: change(ledger, 1, previous="1" * 64),
            1,
            "proof/00000001.json does not follow nothing as it is now: one of the two was changed",
        ),
        (
            lambda ledger: remove(ledger, key(3)),
            3,
            "proof/00000003.json is missing: what follows is proof/00000004.json",
        ),
        (
            lambda ledger: remove(ledger, key(5)),
            5,
            "proof/00000005.json is missing: proof/head.json knows of 5 entries",
        ),
        (lambda ledger: swap(ledger, 2, 3), 2, "proof/00000002.json says that it is number 3: it was moved"),
        (lambda ledger: ledger.documents.save(key(4), [1]), 4, "proof/00000004.json cannot be read"),
        (
            lambda ledger: forge(ledger, 2),
            6,
            "proof/head.json knows another entry 5: the last entries or the head were changed",
        ),
        (
            lambda ledger: change(ledger, 5, rto_seconds=1),
            6,
            "proof/head.json knows another entry 5: the last entries or the head were changed",
        ),
        (
            lambda ledger: remove(ledger, HEAD),
            6,
            "proof/head.json is missing: nobody knows how many entries there were",
        ),
        (
            lambda ledger: ledger.documents.save(HEAD, {"n": "many"}),
            6,
            "proof/00000006.json is missing: proof/head.json knows of many entries",
        ),
    ],
)
def test_what_was_touched_is_found(touch: Callable[[Ledger], None], number: int, why: str) -> None:
    ledger = a_ledger(5)
    touch(ledger)
    verdict, entries = ledger.verify()
    assert verdict.broken == Broken(number, why)
    assert len(entries) == verdict.entries == number - 1


@given(st.integers(1, 6), st.sampled_from(["at", "resource", "taken", "rto_seconds", "checks", "n", "previous"]))
def test_no_field_of_any_entry_can_be_changed(number: int, name: str) -> None:
    ledger = a_ledger(6)
    change(ledger, number, **{name: "another"})
    assert ledger.verify()[0].broken is not None


def test_what_removes_the_end_is_told_after_more_drills_too() -> None:
    ledger = a_ledger(5)
    remove(ledger, key(5))
    remove(ledger, key(4))
    assert ledger.add(a_drill(9)) == 6
    assert ledger.verify()[0].broken == Broken(4, "proof/00000004.json is missing: what follows is proof/00000006.json")


def test_a_head_that_lags_behind_is_no_fault() -> None:
    ledger = a_ledger(3)
    head = ledger.documents.load(HEAD)
    ledger.add(a_drill(3))
    ledger.documents.save(HEAD, head)
    assert ledger.verify()[0].broken is None


def test_two_who_write_at_once_both_find_their_place() -> None:
    ledger = a_ledger(2)
    others = iter([a_drill(7), a_drill(8)])

    def before(call: str, *_: str) -> None:
        """Somebody else is faster, just before an entry is added."""
        if call == "add" and (drill := next(others, None)):
            Ledger(MemoryDocuments(documents.stored)).add(drill)

    assert isinstance(ledger.documents, MemoryDocuments)
    documents = MemoryDocuments(ledger.documents.stored, before)
    assert Ledger(documents).add(a_drill(9)) == 5
    verdict, entries = Ledger(documents).verify()
    assert verdict.broken is None
    assert [entry["restore"] for entry in entries] == ["drill-0", "drill-1", "drill-7", "drill-8", "drill-9"]


def test_who_is_never_fast_enough_says_so() -> None:
    class Full(MemoryDocuments):
        def add(self, key: str, document: object) -> bool:
            return document is None or not key

    with pytest.raises(LedgerBusy):
        Ledger(Full()).add(a_drill())


def test_a_drill_has_one_entry_however_often_it_is_added() -> None:
    ledger = a_ledger(3)
    other = a_drill(2, resource="arn:i-2")
    assert ledger.add(a_drill(2)) == 3
    assert ledger.add(other) == ledger.add(other) == 4
    assert ledger.add(a_drill(1)) == 2
    assert ledger.add(a_drill(30)) == 5
    assert len(ledger.keys()) == 5


def test_standings_count_each_resource() -> None:
    ledger = a_ledger(2)
    ledger.add(a_drill(3, resource="arn:b", result="failed", why="gone", rto_seconds=None))
    ledger.add(a_drill(4, resource="arn:b"))
    found = standings(ledger.verify()[1])
    assert [(one.resource, one.drills, one.failed, one.last["n"]) for one in found] == [
        ("arn:b", 2, 1, 4),
        ("arn:i-1", 2, 0, 2),
    ]
    assert ledger.last_drilled() == {"arn:b": AT + timedelta(days=4), "arn:i-1": AT + timedelta(days=1)}


@pytest.mark.parametrize("hostile", ["=cmd|'/c calc'!A1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "|x"])
def test_a_spreadsheet_takes_nothing_for_a_formula(hostile: str) -> None:
    ledger = Ledger(MemoryDocuments())
    checks = (Check("storage", passed=True, text="20 GiB"),)
    ledger.add(a_drill(resource=hostile, why='with "quotes", commas\nand lines', checks=checks))
    lines = as_csv(ledger.verify()[1])
    assert f",'{hostile}," in lines
    assert '"with ""quotes"", commas\nand lines"' in lines
    assert lines.endswith("storage: 20 GiB\n")


def test_verifying_needs_nothing_but_the_entries() -> None:
    entries = list(a_ledger(2).entries())
    assert verify(entries, {"n": 0, "digest": "0" * 64}).broken is None
