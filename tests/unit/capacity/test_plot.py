"""What `GET /plot` answers, and what it keeps."""

import json
import runpy
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast import wiring
from holdfast.capacity.model import HistoryPoint
from holdfast.capacity.plot import PlotAnswer, run
from holdfast.capacity.query import RangeTooLarge

NOW = datetime(2026, 1, 2, tzinfo=UTC)
DAY_AGO = NOW - timedelta(days=1)
ROOT = Path(__file__).parents[3]
EVENTS = ROOT / "events/capacity_plot"
CONTEXT = SimpleNamespace(
    function_name="capacity_plot", memory_limit_in_mb=1769, invoked_function_arn="arn", aws_request_id="1"
)
LAMBDA_ANSWER_BYTES = 6 * 1024**2


@dataclass
class RememberedHistory:
    """A history of the bucket `watched` alone."""

    changes: list[HistoryPoint] = field(default_factory=list)
    most: int = 1_000_000

    def points(self, bucket: str, start: datetime, end: datetime) -> Iterator[HistoryPoint]:
        within = [point for point in self.changes if bucket == "watched" and start <= point.at < end]
        if len(within) > self.most:
            raise RangeTooLarge(len(within), self.most)
        return iter(within)

    def last_before(self, bucket: str, start: datetime) -> HistoryPoint | None:
        earlier = [point for point in self.changes if bucket == "watched" and point.at < start]
        return earlier[-1] if earlier else None


@dataclass
class Plots:
    """The plots that are kept: key to body and content type."""

    kept: dict[str, tuple[bytes, str]] = field(default_factory=dict)

    def put(self, key: str, body: bytes, content_type: str) -> None:
        self.kept[key] = (body, content_type)


DEMO = RememberedHistory(
    [
        HistoryPoint(DAY_AGO - timedelta(days=3), 7),
        HistoryPoint(DAY_AGO + timedelta(hours=1), 18),
        HistoryPoint(DAY_AGO + timedelta(hours=2), 46),
        HistoryPoint(DAY_AGO + timedelta(hours=3), 18, "assignment2.txt"),
    ]
)


def ask(history: RememberedHistory = DEMO, plots: Plots | None = None, **parameters: str) -> PlotAnswer:
    return run(
        {name.rstrip("_"): [value] for name, value in parameters.items()},
        bucket="watched",
        limit_bytes=20,
        history=history,
        plots=plots or Plots(),
        now=lambda: NOW,
    )


def sample_event(case: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{case}.json").read_text())
    return event


def told(answer: PlotAnswer) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(answer.body)
    return document


@pytest.mark.parametrize(
    ("form", "content_type", "beginning"),
    [
        ("png", "image/png", b"\x89PNG\r\n\x1a\n"),
        ("svg", "image/svg+xml", b"<?xml"),
        ("json", "application/json", b'{"bucket": "watched"'),
    ],
)
def test_a_plot_is_answered_as_it_is_kept(form: str, content_type: str, beginning: bytes) -> None:
    plots = Plots()
    answer = ask(plots=plots, format=form)
    assert (answer.status, answer.content_type) == (200, content_type)
    assert answer.body.startswith(beginning)
    assert plots.kept == {answer.key: (answer.body, content_type)}


def test_a_plot_is_kept_under_its_bucket_range_and_size() -> None:
    assert ask(size="800x400").key == "watched/20260101T000000Z-20260102T000000Z-800x400.png"


def test_json_has_the_points_the_limit_and_the_evictions() -> None:
    assert told(ask(format="json")) == {
        "bucket": "watched",
        "from": "2026-01-01T00:00:00.000Z",
        "to": "2026-01-02T00:00:00.000Z",
        "limit_bytes": 20,
        "size_before": 7,
        "changes": 3,
        "points": [
            {"time": "2026-01-01T01:00:00.000Z", "total_size": 18},
            {"time": "2026-01-01T02:00:00.000Z", "total_size": 46},
            {"time": "2026-01-01T03:00:00.000Z", "total_size": 18},
        ],
        "evicted": 1,
        "evictions": [
            {"time": "2026-01-01T03:00:00.000Z", "object_name": "assignment2.txt", "size": 28, "total_size": 18}
        ],
    }


def test_no_history_is_a_plot_too() -> None:
    answer = ask(RememberedHistory(), format="json")
    assert answer.status == 200
    assert (told(answer)["size_before"], told(answer)["changes"], told(answer)["points"]) == (None, 0, [])
    assert ask(RememberedHistory()).body.startswith(b"\x89PNG")


def test_one_change_is_a_plot_too() -> None:
    one = RememberedHistory([HistoryPoint(NOW - timedelta(hours=1), 18)])
    assert told(ask(one, format="json"))["points"] == [{"time": "2026-01-01T23:00:00.000Z", "total_size": 18}]
    assert ask(one).body.startswith(b"\x89PNG")


def test_a_bad_parameter_is_refused_by_its_name_and_nothing_is_kept() -> None:
    plots = Plots()
    answer = ask(plots=plots, size="1x1")
    assert (answer.status, answer.content_type, answer.key) == (400, "application/json", None)
    accepted = "WIDTHxHEIGHT in pixels, each from 300 to 4000, such as 1200x600"
    assert told(answer) == {
        "error": f"size='1x1' is not accepted: {accepted}",
        "parameter": "size",
        "value": "1x1",
        "accepted": accepted,
    }
    assert plots.kept == {}


def test_another_bucket_is_not_found() -> None:
    answer = ask(bucket="another")
    assert answer.status == 404
    assert told(answer) == {
        "error": "no history is kept of a bucket 'another'",
        "parameter": "bucket",
        "value": "another",
    }


def test_too_large_a_range_is_refused_with_its_number_of_changes_and_what_to_do() -> None:
    answer = ask(RememberedHistory(DEMO.changes, most=2))
    assert answer.status == 422
    assert told(answer) == {
        "error": "3 changes lie in this range, at most 2 are read: narrow `from` and `to`",
        "changes": 3,
        "most": 2,
    }


def test_a_fault_of_ours_is_not_an_answer() -> None:
    class Broken(RememberedHistory):
        def points(self, *_: Any, **__: Any) -> Iterator[HistoryPoint]:
            raise ValueError("a row without a total")

    with pytest.raises(ValueError, match="a row without a total"):
        ask(Broken())


def worst_history() -> RememberedHistory:
    """More changes than are drawn, all over the place, each second one an eviction with the worst of names."""
    chance = Random(0)
    step = timedelta(days=1) / 20_000
    names = ("\x01" * 1024, '"' * 1024, "\N{GRINNING FACE}" * 256)
    return RememberedHistory(
        [
            HistoryPoint(DAY_AGO + n * step, chance.randrange(2**62), chance.choice(names) if n % 2 else None)
            for n in range(20_000)
        ]
    )


@pytest.mark.parametrize("form", ["png", "svg", "json"])
def test_the_largest_answer_fits_into_what_a_function_may_return(form: str) -> None:
    answer = ask(worst_history(), format=form, size="4000x4000")
    in_base64 = len(answer.body) * 4 / 3
    as_text = len(json.dumps(answer.body.decode(errors="replace")))
    assert (in_base64 if form == "png" else as_text) < LAMBDA_ANSWER_BYTES / 2


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The function's handler, with a demo's history behind it."""
    for name in ("AWS_LAMBDA_FUNCTION_NAME", "POWERTOOLS_SERVICE_NAME"):
        monkeypatch.setenv(name, "capacity_plot")
    watched = partial(run, bucket="holdfast-sample", limit_bytes=20, history=DEMO, plots=Plots(), now=lambda: NOW)
    monkeypatch.setattr(wiring, "capacity_plot", lambda: watched)
    return runpy.run_path(str(ROOT / "functions/capacity_plot/app.py"))["lambda_handler"]


STATUSES = {
    "png": 200,
    "png_of_a_range": 200,
    "svg": 200,
    "json": 200,
    "last_week": 200,
    "year": 200,
    "empty_range": 200,
    "bad_parameter": 400,
    "unknown_parameter": 400,
    "given_twice": 400,
    "range_backwards": 400,
    "unknown_bucket": 404,
}


def test_every_sample_event_has_its_answer() -> None:
    assert {path.stem for path in EVENTS.glob("*.json")} == STATUSES.keys()


@pytest.mark.parametrize(("case", "status"), STATUSES.items())
def test_a_sample_event_is_answered_as_the_api_takes_it(handler: Any, case: str, status: int) -> None:
    answer = handler(sample_event(case), CONTEXT)
    binary = answer["headers"]["Content-Type"] == "image/png"
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (status, binary)
    if binary:
        assert b64decode(answer["body"], validate=True).startswith(b"\x89PNG")
    elif case == "svg":
        assert answer["body"].startswith("<?xml")
    else:
        assert ("error" in json.loads(answer["body"])) == (status != 200)
    assert json.loads(json.dumps(answer)) == answer


@pytest.mark.parametrize("case", STATUSES)
def test_a_sample_event_has_its_parameters_twice_as_the_api_sends_them(case: str) -> None:
    event = sample_event(case)
    every = event["multiValueQueryStringParameters"]
    assert event["queryStringParameters"] == (every and {name: values[-1] for name, values in every.items()})
    assert event["multiValueHeaders"] == {name: [value] for name, value in event["headers"].items()}
