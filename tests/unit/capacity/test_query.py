"""What `GET /plot` accepts, and how it refuses the rest."""

from datetime import UTC, datetime, timedelta

import pytest

from holdfast.capacity.query import BadParameter, Format, PlotQuery, UnknownBucket, parse_query

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def parsed(**parameters: str) -> PlotQuery:
    return parse_query({name.rstrip("_"): [value] for name, value in parameters.items()}, bucket="watched", now=NOW)


def test_nothing_asked_is_a_png_of_the_last_day_of_the_watched_bucket() -> None:
    assert parsed() == PlotQuery("watched", NOW - timedelta(days=1), NOW, Format.PNG, 1200, 600)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-02-28", datetime(2026, 2, 28, tzinfo=UTC)),
        ("2026-02-28T10:00", datetime(2026, 2, 28, 10, tzinfo=UTC)),
        ("2026-02-28T10:00:00Z", datetime(2026, 2, 28, 10, tzinfo=UTC)),
        ("2026-02-28T10:00:00+02:00", datetime(2026, 2, 28, 8, tzinfo=UTC)),
        ("2026-02-28T10:00:00 02:00", datetime(2026, 2, 28, 8, tzinfo=UTC)),
        ("2026-02-28T10:00:00.25-08:00", datetime(2026, 2, 28, 18, 0, 0, 250_000, tzinfo=UTC)),
        ("-90m", NOW - timedelta(minutes=90)),
        ("-24h", NOW - timedelta(hours=24)),
        ("-7d", NOW - timedelta(days=7)),
        ("-4w", NOW - timedelta(weeks=4)),
    ],
)
def test_a_time_is_a_date_a_moment_or_how_long_ago(text: str, at: datetime) -> None:
    assert parsed(from_=text).start == at


def test_a_range_that_only_ends_is_the_day_before_its_end() -> None:
    asked = parsed(to="2026-01-02")
    assert (asked.start, asked.end) == (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


def test_a_year_can_be_asked_for() -> None:
    asked = parsed(from_="2025-01-01", to="2026-01-01")
    assert asked.end - asked.start == timedelta(days=365)


@pytest.mark.parametrize("size", ["300x300", "4000x4000", "1600x900"])
def test_a_size_is_width_and_height(size: str) -> None:
    asked = parsed(size=size)
    assert f"{asked.width}x{asked.height}" == size


@pytest.mark.parametrize("form", ["png", "svg", "json"])
def test_a_format_is_one_of_three(form: str) -> None:
    assert parsed(format=form).format == form


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("from", "yesterday"),
        ("from", ""),
        ("from", "-24"),
        ("from", "-24h "),
        ("from", "-\N{ARABIC-INDIC DIGIT TWO}h"),
        ("from", "-999999w"),
        ("from", "0001-01-01T00:00:00+14:00"),
        ("from", "1999-12-31"),
        ("to", "2100-01-01"),
        ("to", "2026-02-30"),
        ("to", "1772366400"),
        ("format", "PNG"),
        ("format", "pdf"),
        ("size", "1200"),
        ("size", "1200X600"),
        ("size", "299x600"),
        ("size", "1200x4001"),
        ("size", "-1200x600"),
        ("size", "99999999999999999999x600"),
    ],
)
def test_what_is_not_accepted_is_named_with_its_value_and_what_is(parameter: str, value: str) -> None:
    with pytest.raises(BadParameter) as refused:
        parse_query({parameter: [value]}, bucket="watched", now=NOW)
    assert (refused.value.parameter, refused.value.value) == (parameter, value)


def test_a_refusal_reads_as_a_sentence() -> None:
    with pytest.raises(BadParameter) as refused:
        parsed(size="1x1")
    assert str(refused.value) == (
        "size='1x1' is not accepted: WIDTHxHEIGHT in pixels, each from 300 to 4000, such as 1200x600"
    )


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-02-02", "2026-02-01"), ("2026-02-01", "2026-02-01"), ("2026-02-01T00:00:00.5", "2026-02-01T00:00:01")],
)
def test_a_range_is_at_least_a_second(start: str, end: str) -> None:
    with pytest.raises(BadParameter, match="a second or more before `to`, which is 2026-02-01") as refused:
        parsed(from_=start, to=end)
    assert refused.value.parameter == "from"


def test_an_unknown_parameter_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadParameter, match="the parameters are bucket, from, to, format, size"):
        parsed(start="-24h")


def test_a_parameter_that_is_given_twice_is_refused() -> None:
    with pytest.raises(BadParameter, match="it is given once") as refused:
        parse_query({"from": ["-1h", "-2h"]}, bucket="watched", now=NOW)
    assert refused.value.value == "-1h, -2h"


def test_another_bucket_is_unknown() -> None:
    assert parsed(bucket="watched").bucket == "watched"
    with pytest.raises(UnknownBucket, match="'someone-elses'"):
        parsed(bucket="someone-elses")
