"""The picture: what it tells, in every case that a bucket can bring about."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from io import BytesIO
from itertools import combinations
from typing import Literal
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from holdfast.capacity.chart import Chart, draw, human_size, legible
from holdfast.capacity.model import HistoryPoint
from holdfast.capacity.sampling import sample

START = datetime(2026, 1, 1, tzinfo=UTC)
KIB, GIB = 1024, 1024**3
BLUE, VERMILLION = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)


def chart(
    *changes: tuple[float, int] | tuple[float, int, str],
    span: timedelta = timedelta(days=1),
    limit: int = 20 * GIB,
    before: int | None = None,
    known: float = 1.0,
    bucket: str = "watched",
) -> Chart:
    """Changes are (share of the range, total behind it, what was evicted); `known` is the share that is past."""
    points = [HistoryPoint(START + span * at, total, *evicted) for at, total, *evicted in changes]
    taken = sample(points, start=START, end=START + span, size_before=before, columns=1000, most_evictions=200)
    return Chart(bucket, START, START + span, START + span * known, limit, before, taken)


def evicting(times: int, name: str = "part-{}.parquet") -> Chart:
    """A bucket that fills up and is trimmed, time and again."""
    ups_and_downs = [
        change
        for n in range(times)
        for change in (((n + 0.4) / times, 25 * GIB), ((n + 0.8) / times, 10 * GIB + n, name.format(n)))
    ]
    return chart(*ups_and_downs, before=10 * GIB)


def words(drawn: Chart) -> list[str]:
    """All that is written in the picture: an SVG has each text as a comment beside its outlines."""
    comments = re.findall(r"<!-- (.*?) -->", draw(drawn, "svg", 1200, 600).decode(), re.DOTALL)
    return [unescape(comment).replace("- -", "--") for comment in comments]


def colours(drawn: Chart) -> set[object]:
    image = Image.open(BytesIO(draw(drawn, "png", 1200, 600))).convert("RGB")
    return {colour for _, colour in image.getcolors(maxcolors=1200 * 600) or []}


DEMO = chart(
    (0.1, 18), (0.2, 46), (0.4, 18, "assignment2.txt"), (0.6, 20), (0.8, 2, "assignment1.txt"), limit=20, before=0
)
CASES = {
    "the demo": DEMO,
    "no history": chart(),
    "nothing happened": chart(before=5 * GIB),
    "one change": chart((0.3, 5 * GIB)),
    "a limit of nothing": chart((0.3, 5), limit=0),
    "an empty bucket": chart((0.3, 0), before=0),
    "exbibytes": chart((0.3, 2**62), limit=2**61),
    "two hundred evictions": evicting(200),
    "a second": chart((0.5, 5 * GIB), span=timedelta(seconds=1)),
    "a year": chart((0.5, 5 * GIB), span=timedelta(days=365)),
    "a century": chart((0.5, 5 * GIB), span=timedelta(days=36_500)),
    "a range that has not begun": chart(before=5 * GIB, known=-1),
    "a bucket with a long name": chart(bucket="b" * 63),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", [(300, 300), (1200, 600), (300, 2000), (2000, 300)])
def test_every_case_is_a_picture_of_the_size_that_was_asked_for(case: str, size: tuple[int, int]) -> None:
    image = Image.open(BytesIO(draw(CASES[case], "png", *size)))
    assert (image.format, image.size) == ("PNG", size)


@pytest.mark.parametrize("image_format", ["png", "svg"])
def test_the_same_chart_is_the_same_picture(image_format: Literal["png", "svg"]) -> None:
    assert draw(DEMO, image_format, 1200, 600) == draw(DEMO, image_format, 1200, 600)


def test_it_says_which_bucket_when_and_what_happened() -> None:
    said = words(DEMO)
    assert "Size of watched" in said
    assert "2026-01-01 to 2026-01-02 UTC  ·  ▼ 2 evictions  ·  peak 46 B  ·  5 changes" in said


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(days=7), "2026-01-01 to 2026-01-08 UTC"),
        (timedelta(hours=36), "2026-01-01 00:00 to 2026-01-02 12:00 UTC"),
        (timedelta(seconds=90), "2026-01-01 00:00:00 to 2026-01-01 00:01:30 UTC"),
    ],
)
def test_it_says_its_range_as_exactly_as_needed(span: timedelta, said: str) -> None:
    assert said in words(chart(span=span))


def test_it_names_what_was_evicted_with_its_size() -> None:
    said = words(DEMO)
    assert "assignment2.txt, 28 B" in said
    assert "assignment1.txt, 18 B" in said


def test_of_many_evictions_only_a_few_are_named() -> None:
    assert 1 <= sum("parquet" in text for text in words(evicting(150))) <= 8


def test_it_says_how_many_evictions_are_not_marked() -> None:
    assert any("▼ 300 evictions, the largest 200 marked" in text for text in words(evicting(300)))


def test_names_do_not_cover_each_other() -> None:
    name = "0" * 20
    svg = draw(evicting(40, name), "svg", 1200, 600).decode()
    places = re.findall(name + r", .*? -->\s*<g transform=\"translate\(([\d.]+) ([\d.]+)\)", svg)
    corners = [(float(x), float(y)) for x, y in places]
    width, height = 0.6 * 8 * len(name), 8  # points: a digit is as wide as 0.6 of its height
    assert len(corners) >= 3
    assert all(abs(x - u) > width or abs(y - v) > height for (x, y), (u, v) in combinations(corners, 2))


def test_the_limit_is_a_labelled_line() -> None:
    drawn = chart(before=5 * GIB)
    assert {"limit", "20 GiB"} <= set(words(drawn))
    assert VERMILLION in colours(drawn)


def test_a_limit_far_above_is_told_and_does_not_flatten_the_line() -> None:
    drawn = chart((0.5, GIB), limit=1024 * GIB)
    assert VERMILLION not in colours(drawn)
    assert any("limit 1 TiB, far above" in text for text in words(drawn))


def test_the_last_total_is_written_beside_the_line() -> None:
    drawn = chart((0.5, 7 * GIB), before=5 * GIB)
    assert "7 GiB" in words(drawn)
    assert BLUE in colours(drawn)


def test_no_history_is_said_and_not_drawn_as_zero() -> None:
    assert "no history in this range" in words(chart())
    assert BLUE not in colours(chart())


def test_the_line_begins_at_the_left_edge_with_the_total_before_and_ends_at_the_present() -> None:
    day = timedelta(days=1)
    assert chart((0.25, 7), before=5, known=0.5).steps == [(START, 5), (START + day / 4, 7), (START + day / 2, 7)]


def test_without_a_total_before_the_line_begins_at_the_first_change() -> None:
    day = timedelta(days=1)
    assert chart((0.25, 7)).steps == [(START + day / 4, 7), (START + day, 7)]


def test_nothing_known_is_no_line() -> None:
    assert chart().steps == []


HOSTILE = [
    "$\\nonsense{$ for $5 and $6",
    "a\nb\r\t\0c",
    "<script>alert('1')</script>",
    '"--><!-- ]]> &amp; %s {}',
    "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe",
    "日本語/\N{GRINNING FACE}",
    "é" * 512,
    " ",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_legible_and_the_svg_stays_well_formed(name: str) -> None:
    drawn = chart((0.2, 30 * GIB), (0.3, GIB, name), bucket="watched")
    assert f"{legible(name)}, 29 GiB" in words(drawn)
    ElementTree.fromstring(draw(drawn, "svg", 1200, 600))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain name.txt", "plain name.txt"),
        ("Ünïcödé/имя.txt", "Ünïcödé/имя.txt"),
        ("a\nb", "a\\nb"),
        ("a\u202eb", "a\\u202eb"),
        ("日本", "□□"),
        ("x" * 100, "x" * 16 + "…" + "x" * 16),
    ],
)
def test_a_name_becomes_one_short_line(name: str, shown: str) -> None:
    assert legible(name) == shown


@given(st.text(max_size=200))
def test_any_name_becomes_something_that_can_be_seen(name: str) -> None:
    assert legible(name).isprintable()


@given(st.text(min_size=1, max_size=60))
@settings(max_examples=15, deadline=None)
def test_any_name_can_be_drawn(name: str) -> None:
    ElementTree.fromstring(draw(chart((0.2, 30 * GIB), (0.3, GIB, name)), "svg", 1200, 600))


@pytest.mark.parametrize(
    ("size", "read"),
    [
        (0, "0 B"),
        (46, "46 B"),
        (1023, "1,023 B"),
        (KIB, "1 KiB"),
        (1536, "1.5 KiB"),
        (int(12.34 * KIB), "12.3 KiB"),
        (1000 * KIB, "1,000 KiB"),
        (20 * GIB, "20 GiB"),
        (5 * 1024**6, "5 EiB"),
        (5000 * 1024**6, "5,000 EiB"),
    ],
)
def test_sizes_are_read_in_binary_units(size: int, read: str) -> None:
    assert human_size(size) == read
