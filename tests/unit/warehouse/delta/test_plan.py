"""Which versions a log can be replayed to, by the names in it."""

import pytest

from holdfast.warehouse.delta.model import Log, LogFile, Segment
from holdfast.warehouse.delta.plan import (
    FILE_BYTES,
    batches,
    history,
    lacking,
    logs,
    newest_segment,
    older_segment,
    upto,
)
from tests.unit.warehouse.delta.domain import T0, UUIDS, a_log, checkpoint, commits, part, v2_checkpoint


def names(segment: Segment | None) -> list[str] | None:
    return None if segment is None else [file.name for file in segment.files]


def newest(log: Log, below: int | None = None, without: tuple[str, ...] = ()) -> list[str] | None:
    return names(newest_segment(history(log, without), below))


# Whose a file is


def test_files_are_sorted_into_the_logs_of_their_tables() -> None:
    keys = ["b/t/_delta_log/1", "_delta_log/2", "b/t/_delta_log/_sidecars/3", "b/_delta_log/4", "b/u_delta_log/5", "6"]
    found = logs("lake", [LogFile(key, 1, T0) for key in [*keys, "b/t/_delta_log/", "c/_delta_log"]])
    assert [(log.root, log.table, [file.key for file in log.files]) for log in found] == [
        ("", "", ["_delta_log/2"]),
        ("b/", "b", ["b/_delta_log/4"]),
        ("b/t/", "b/t", ["b/t/_delta_log/1", "b/t/_delta_log/_sidecars/3"]),
    ]


# The newest versions


@pytest.mark.parametrize(
    ("log", "read"),
    [
        (a_log(), None),
        (a_log("_last_checkpoint", "0.json"), None),
        (a_log(*commits(0)), commits(0)),
        (a_log(*commits(2, 0, 1)), commits(0, 1, 2)),
        (a_log(*commits(0, 1, 3)), commits(0, 1)),
        (a_log(*commits(1, 2)), None),
        (a_log(checkpoint(5)), [checkpoint(5)]),
        (a_log(checkpoint(1), checkpoint(2), *commits(0, 1, 2, 3)), [checkpoint(2), *commits(2, 3)]),
        (a_log(checkpoint(2), *commits(3, 5)), [checkpoint(2), *commits(3)]),
        (a_log(checkpoint(2), checkpoint(9), *commits(3)), [checkpoint(9)]),
        (a_log(part(2, 2, 2), part(2, 1, 2), *commits(3)), [part(2, 1, 2), part(2, 2, 2), *commits(3)]),
        (a_log(part(2, 1, 2), *commits(0, 1, 2)), commits(0, 1, 2)),
        (a_log(part(2, 1, 2), part(2, 2, 3), part(2, 3, 3)), None),
        (a_log(v2_checkpoint(2), *commits(3)), [v2_checkpoint(2), *commits(3)]),
        (a_log(v2_checkpoint(2), part(2, 1, 1), checkpoint(2)), [checkpoint(2)]),
        (a_log(v2_checkpoint(2), part(2, 1, 1)), [part(2, 1, 1)]),
        (a_log(*(v2_checkpoint(2, uuid) for uuid in UUIDS)), [v2_checkpoint(2, min(UUIDS))]),
    ],
    ids=str,
)
def test_the_newest_version_is_read_from_the_newest_complete_checkpoint(log: Log, read: list[str] | None) -> None:
    assert newest(log) == read


def test_what_is_of_no_use_is_as_if_it_were_not_there_but_its_version_is_still_the_newest() -> None:
    log = a_log(*commits(0, 1, 2), checkpoint(2), v2_checkpoint(2))
    first, second, last, one, _ = (file.key for file in log.files)
    assert newest(log, without=(one,)) == [v2_checkpoint(2), *commits(2)]
    assert newest(log, without=(one, first)) == [v2_checkpoint(2), *commits(2)]
    assert newest(a_log(*commits(0, 1, 2)), without=(second,)) == commits(0)
    assert history(a_log(*commits(0, 1, 2)), (last,)).newest == 2


def test_a_segment_tells_what_of_it_each_version_needs() -> None:
    segment = newest_segment(history(a_log(checkpoint(2), *commits(2, 3, 4))))
    assert segment
    assert (segment.first, segment.last) == (2, 4)
    assert [file.name for file in segment.files_of(2)] == [checkpoint(2), *commits(2)]
    assert [file.name for file in segment.files_of(3)] == [checkpoint(2), *commits(2, 3)]
    assert segment.files_of(4) == segment.files


# Older versions


@pytest.mark.parametrize(
    ("log", "below", "read"),
    [
        (a_log(checkpoint(2), *commits(0, 1, 2, 3)), 2, commits(0, 1)),
        (a_log(*(checkpoint(at) for at in (2, 4, 6)), *commits(0, 1, 2, 3, 4, 5, 6)), 6, commits(0, 1, 2, 3, 4, 5)),
        (
            a_log(*(checkpoint(at) for at in (2, 4, 6)), *commits(2, 3, 4, 5, 6)),
            6,
            [checkpoint(2), *commits(2, 3, 4, 5)],
        ),
        (a_log(*(checkpoint(at) for at in (2, 4, 6)), *commits(4, 5, 6)), 6, [checkpoint(4), *commits(4, 5)]),
        (a_log(checkpoint(2), v2_checkpoint(2), checkpoint(4), *commits(3, 4)), 4, [checkpoint(2), *commits(3)]),
        (a_log(checkpoint(2), checkpoint(6), *commits(0)), 2, commits(0)),
        (a_log(checkpoint(6)), 6, None),
        (a_log(checkpoint(6), *commits(4, 5, 6)), 6, None),
        (a_log(*commits(0, 1)), 0, None),
    ],
    ids=str,
)
def test_older_versions_are_read_in_one_go_from_as_far_back_as_commits_reach(
    log: Log, below: int, read: list[str] | None
) -> None:
    assert names(older_segment(history(log), below)) == read


def test_a_log_as_it_was_at_a_version_has_nothing_newer() -> None:
    log = a_log(checkpoint(2), checkpoint(4), *commits(2, 3, 4, 5), "_sidecars/x.parquet")
    assert [file.name for file in upto(log, 3).files] == [checkpoint(2), *commits(2, 3), "_sidecars/x.parquet"]


# What is not there


@pytest.mark.parametrize(
    ("log", "absent", "count"),
    [
        (a_log(), [], 0),
        (a_log(*commits(0, 1)), [], 0),
        (a_log(*commits(0, 2, 4)), commits(1, 3), 2),
        (a_log(*commits(5)), commits(0, 1, 2), 5),
        (a_log(checkpoint(2), part(9, 1, 2), *commits(9)), commits(3, 4, 5), 6),
        (a_log(part(0, 1, 2)), commits(0), 1),
        (a_log(*commits(10**18)), commits(0, 1, 2), 10**18),
    ],
    ids=str,
)
def test_commits_without_which_the_newest_version_cannot_be_read_are_named(
    log: Log, absent: list[str], count: int
) -> None:
    keys = tuple(f"sales/orders/_delta_log/{name}" for name in absent)
    assert lacking(log, history(log), 3) == (keys, count)


# How much at once


def test_logs_are_judged_in_groups_by_what_is_read_of_them() -> None:
    empty, large = a_log(), a_log(*commits(*range(9)))
    small = a_log(checkpoint(8), *commits(*range(10)))  # of which three files are read
    size = 6 * FILE_BYTES
    assert list(batches([small, empty, small, large, small], size)) == [[small, empty, small], [large], [small]]
    assert list(batches([], size)) == []
