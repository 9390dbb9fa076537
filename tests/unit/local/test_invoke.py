"""Names of functions and of their sample events, and what is said when there is none of that name."""

from pathlib import Path

import pytest

from local import invoke
from local.invoke import Invocation, NoSuchCase, logical_id


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for function in ("capacity_track", "capacity_trim"):
        (tmp_path / "functions" / function).mkdir(parents=True)
        (tmp_path / "functions" / function / "app.py").touch()
    (tmp_path / "functions" / "__pycache__").mkdir()
    (tmp_path / "events" / "capacity_track").mkdir(parents=True)
    for case in ("s3_put", "s3_delete"):
        (tmp_path / "events" / "capacity_track" / f"{case}.json").touch()
    monkeypatch.setattr(invoke, "_FUNCTIONS", tmp_path / "functions")
    monkeypatch.setattr(invoke, "_EVENTS", tmp_path / "events")
    return tmp_path


def test_the_event_is_the_file_of_that_name(project: Path) -> None:
    named = Invocation.named("capacity_track", "s3_put")
    assert named.event == project / "events" / "capacity_track" / "s3_put.json"
    assert named.logical_id == "CapacityTrackFunction"


def test_an_unknown_function_is_answered_with_those_there_are() -> None:
    with pytest.raises(NoSuchCase, match=r"no function 'capacity_trak': choose one of capacity_track, capacity_trim$"):
        Invocation.named("capacity_trak", "s3_put")


def test_an_unknown_case_is_answered_with_those_there_are() -> None:
    with pytest.raises(NoSuchCase, match=r"no event of capacity_track called 's3': choose one of s3_delete, s3_put$"):
        Invocation.named("capacity_track", "s3")


def test_a_function_without_events_says_so() -> None:
    with pytest.raises(NoSuchCase, match=r"none yet"):
        Invocation.named("capacity_trim", "alarm")


def test_a_folder_names_a_function_of_the_template() -> None:
    assert logical_id("capacity_track") == "CapacityTrackFunction"
