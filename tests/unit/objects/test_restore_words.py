"""How a restore is told, word for word."""

import pytest

from holdfast.objects.model import Original
from holdfast.objects.restore.model import Decision, Failure, Keep, Refuse, Restore, Skip, Why
from holdfast.objects.restore.run import Restored
from holdfast.objects.restore.words import line, outcome, summary
from tests.unit.objects.restorable import a_copy

HERE = Original("source", "a")
THERE = Original("other", "restored/a")


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        (
            Restore(a_copy(1, size=1234), HERE, None, "it is not there"),
            "restore  'a' as of 2026-11-17T01:00:00.000Z (1,234 bytes): it is not there",
        ),
        (
            Restore(a_copy(1), THERE, None, "it is not there"),
            "restore  'a' to 'other/restored/a' as of 2026-11-17T01:00:00.000Z (18 bytes): it is not there",
        ),
        (Keep(HERE, HERE, "the same is there already"), "keep     'a': the same is there already"),
        (Refuse(HERE, "it is newer"), "refuse   'a': it is newer"),
        (Skip(HERE, Why.THERE, "it is there"), "skip     'a': it is there"),
        (Failure(HERE, "ClientError: no"), "fail     'a': ClientError: no"),
    ],
)
def test_a_decision_is_one_line_with_its_reason(decision: Decision, words: str) -> None:
    assert line(decision) == words


def test_a_hostile_key_does_nothing_to_a_terminal() -> None:
    hostile = Original("source", "a\x1b[2J\n[red]b")
    assert line(Refuse(hostile, "it is newer")) == "refuse   'a\\x1b[2J\\n[red]b': it is newer"


def test_a_plan_with_nothing_in_it() -> None:
    assert list(summary([])) == ["0 objects to restore, 0 bytes."]


def test_a_plan_comes_to_numbers_and_says_why_objects_are_skipped() -> None:
    decisions: list[Decision] = [
        Restore(a_copy(1, size=1000), HERE, None, ""),
        Restore(a_copy(2, size=234), HERE, None, ""),
        Keep(HERE, HERE, ""),
        Refuse(HERE, ""),
        Refuse(HERE, ""),
        Skip(HERE, Why.DID_NOT_EXIST, ""),
        Skip(HERE, Why.TOO_OLD, ""),
        Skip(HERE, Why.DID_NOT_EXIST, ""),
        Failure(HERE, ""),
    ]
    assert list(summary(decisions)) == [
        "2 objects to restore, 1,234 bytes.",
        "1 object already there, the same.",
        "2 objects refused.",
        "3 objects skipped: 1 without a copy as old, 2 did not exist then.",
        "1 object could not be looked at.",
    ]


def test_what_was_done_says_how_it_was_verified_and_what_failed() -> None:
    restore = Restore(a_copy(1, size=1000), HERE, None, "")
    outcomes: list[Restored | Failure] = [
        Restored(restore, "checksum"),
        Restored(restore, "checksum"),
        Restored(restore, "ETag"),
        Restored(restore, None),
        Failure(HERE, "CopyLost: gone"),
    ]
    assert list(outcome(outcomes)) == [
        "4 objects restored, 4,000 bytes.",
        "2 objects verified by checksum.",
        "1 object verified by ETag.",
        "1 object could not be verified: there is no checksum of both that could be compared.",
        "1 object failed:",
        "  fail     'a': CopyLost: gone",
    ]


def test_a_single_object_that_was_restored() -> None:
    restored = Restored(Restore(a_copy(1, size=1), HERE, None, ""), "checksum")
    assert list(outcome([restored])) == ["1 object restored, 1 bytes.", "1 object verified by checksum."]
