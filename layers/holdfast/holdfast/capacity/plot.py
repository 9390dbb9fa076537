"""The plot of a bucket's history: read, drawn, kept, answered."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from holdfast.capacity.chart import Chart, draw
from holdfast.capacity.ports import History, PlotStore
from holdfast.capacity.query import BadParameter, Format, PlotQuery, RangeTooLarge, UnknownBucket, parse_query
from holdfast.capacity.sampling import sample
from holdfast.ports import Clock

COLUMNS = 1000
MOST_EVICTIONS = 200
"""With 4,000 points and 200 names of 1,024 bytes, no answer comes near the 6 MB that a function may return."""

_TYPES = {Format.PNG: "image/png", Format.SVG: "image/svg+xml", Format.JSON: "application/json"}


@dataclass(frozen=True, slots=True)
class PlotAnswer:
    """An HTTP answer. `key` is the one under which the plot is kept; None if there is no plot."""

    status: int
    content_type: str
    body: bytes
    key: str | None = None


def run(
    parameters: Mapping[str, Sequence[str]],
    *,
    bucket: str,
    limit_bytes: int,
    history: History,
    plots: PlotStore,
    now: Clock,
) -> PlotAnswer:
    """Answer a query string's parameters with a plot, or with what is wrong with them."""
    moment = now()
    try:
        query = parse_query(parameters, bucket=bucket, now=moment)
        chart = _read(query, limit_bytes, history, moment)
    except BadParameter as error:
        return _refusal(400, error, parameter=error.parameter, value=error.value, accepted=error.accepted)
    except UnknownBucket as error:
        return _refusal(404, error, parameter="bucket", value=error.bucket)
    except RangeTooLarge as error:
        return _refusal(422, error, changes=error.changes, most=error.most)
    answer = PlotAnswer(200, _TYPES[query.format], _body(query, chart), _key(query))
    plots.put(_key(query), answer.body, answer.content_type)
    return answer


def _refusal(status: int, error: Exception, **details: object) -> PlotAnswer:
    return PlotAnswer(status, _TYPES[Format.JSON], json.dumps({"error": str(error), **details}).encode())


def _read(query: PlotQuery, limit_bytes: int, history: History, now: datetime) -> Chart:
    before = history.last_before(query.bucket, query.start)
    size_before = before.total_size if before else None
    taken = sample(
        history.points(query.bucket, query.start, query.end),
        start=query.start,
        end=query.end,
        size_before=size_before,
        columns=COLUMNS,
        most_evictions=MOST_EVICTIONS,
    )
    return Chart(
        bucket=query.bucket,
        start=query.start,
        end=query.end,
        known_until=min(query.end, now),
        limit_bytes=limit_bytes,
        size_before=size_before,
        sample=taken,
    )


def _key(query: PlotQuery) -> str:
    """The same plot, asked for again, takes the same place."""
    start, end = (f"{at:%Y%m%dT%H%M%SZ}" for at in (query.start, query.end))
    return f"{query.bucket}/{start}-{end}-{query.width}x{query.height}.{query.format}"


def _body(query: PlotQuery, chart: Chart) -> bytes:
    match query.format:
        case Format.PNG:
            return draw(chart, "png", query.width, query.height)
        case Format.SVG:
            return draw(chart, "svg", query.width, query.height)
        case Format.JSON:
            return json.dumps(_document(chart)).encode()


def _document(chart: Chart) -> dict[str, object]:
    """The chart as JSON: sizes in bytes, times in UTC; of many changes those that a plot needs."""
    sampled = chart.sample
    return {
        "bucket": chart.bucket,
        "from": _utc(chart.start),
        "to": _utc(chart.end),
        "limit_bytes": chart.limit_bytes,
        "size_before": chart.size_before,
        "changes": sampled.changes,
        "points": [{"time": _utc(point.at), "total_size": point.total_size} for point in sampled.points],
        "evicted": sampled.evicted,
        "evictions": [
            {
                "time": _utc(eviction.at),
                "object_name": eviction.object_name,
                "size": eviction.size,
                "total_size": eviction.size_after,
            }
            for eviction in sampled.evictions
        ],
    }


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
