"""The picture of a bucket's total over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from heapq import nlargest
from io import BytesIO
from itertools import product
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.ft2font import FT2Font
from matplotlib.path import Path
from matplotlib.transforms import Bbox, BboxBase, ScaledTranslation, Transform

from holdfast.capacity.sampling import Eviction, Sample

# Okabe and Ito's: told apart with every kind of colour vision, and in grey.
_BLUE, _VERMILLION, _BLACK = "#0072b2", "#d55e00", "#000000"
_FAINT, _FAINTEST = "#666666", "#e8e8e8"

type _Side = Literal["top", "center", "bottom"]

_FONT = "DejaVu Sans"
_STYLE: dict[Any, Any] = {
    "font.family": _FONT,
    "font.size": 9,
    "text.parse_math": False,
    "axes.edgecolor": _FAINT,
    "axes.spines.left": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": _FAINTEST,
    "xtick.color": _FAINT,
    "ytick.color": _FAINT,
    "ytick.major.size": 0,
    "svg.hashsalt": "holdfast",
}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 68, 50, 36
"""Margins, in points."""

_HEADROOM = 46
"""Points above the highest line, for the names of what was evicted."""

_NAMED = 8
"""Of more evictions than so many the largest are named, the others only marked."""

_LIMIT_IN_SIGHT = 5
"""A limit further above the peak than so many times would press the line flat: it is told, not drawn."""


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn. Sizes are bytes; `size_before` is the total at `start`, None if there was no history yet.

    `known_until` is where the line ends: at `end`, or at the present if that is earlier.
    """

    bucket: str
    start: datetime
    end: datetime
    known_until: datetime
    limit_bytes: int
    size_before: int | None
    sample: Sample

    @property
    def steps(self) -> list[tuple[datetime, int]]:
        """Each total and since when it holds, and the last once more at the end; empty if none is known."""
        steps = [(point.at, point.total_size) for point in self.sample.points]
        if self.size_before is not None:
            steps.insert(0, (self.start, self.size_before))
        return [*steps, (max(self.known_until, steps[-1][0]), steps[-1][1])] if steps else []

    @property
    def peak(self) -> int:
        return max(self.size_before or 0, *(point.total_size for point in self.sample.points), 0)

    @property
    def limit_in_sight(self) -> bool:
        return not self.peak or self.limit_bytes <= _LIMIT_IN_SIGHT * self.peak


def draw(chart: Chart, image_format: Literal["png", "svg"], width: int, height: int) -> bytes:
    """A picture of `width` by `height` pixels. A larger one shows the same, larger."""
    dpi = max(72.0, 96 * min(width / 1200, height / 600))
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width / dpi, height / dpi), dpi=dpi)
        FigureCanvasAgg(figure)
        _fill(figure, chart, width * 72 / dpi, height * 72 / dpi)
        image = BytesIO()
        figure.savefig(image, format=image_format, metadata={"Date": None} if image_format == "svg" else None)
    return image.getvalue()


def human_size(size: int) -> str:
    """Bytes as a person reads them: about three digits, and a binary unit."""
    value, unit = float(size), 0
    while value >= 1024 and unit < 6:
        value, unit = value / 1024, unit + 1
    decimals = 0 if value >= 100 or unit == 0 else 1 if value >= 10 else 2
    number = f"{value:,.{decimals}f}"
    number = number.rstrip("0").rstrip(".") if decimals else number
    return f"{number} {('B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB')[unit]}"


def legible(name: str, most: int = 32) -> str:
    """A name from outside as a short line: what cannot be seen is escaped, what the font lacks is a box, and of more
    than `most` characters only both ends are left."""
    ends = name if len(name) <= most else f"{name[: most // 2]}…{name[-(most // 2) :]}"
    return "".join(_visible(character) for character in ends)


def _visible(character: str) -> str:
    if not character.isprintable():
        return character.encode("unicode_escape").decode()
    return character if _font().get_char_index(ord(character)) else "\N{WHITE SQUARE}"


@cache
def _font() -> FT2Font:
    return get_font(findfont(_FONT))


def _fill(figure: Figure, chart: Chart, width: float, height: float) -> None:
    """Width and height, here and below, are in points."""
    inner_width, inner_height = width - _LEFT - _RIGHT, height - _TOP - _BOTTOM
    axes = figure.add_axes((_LEFT / width, _BOTTOM / height, inner_width / width, inner_height / height))
    _time_scale(axes, chart, inner_width)
    _size_scale(axes, chart, inner_height)
    _headings(axes, chart, inner_width)
    if chart.limit_in_sight:
        axes.axhline(chart.limit_bytes, color=_VERMILLION, linewidth=1.2, linestyle=(0, (5, 3)))
    if chart.steps:
        line = _line(axes, chart)
        _evictions(axes, chart.sample.evictions, line)
    else:
        words = "no history in this range"
        on_white = {"facecolor": "white", "edgecolor": "none"}
        axes.text(0.5, 0.4, words, transform=axes.transAxes, ha="center", size=11, color=_FAINT, bbox=on_white)
    _values(axes, chart)


def _time_scale(axes: Axes, chart: Chart, width: float) -> None:
    axes.set_xlim(_days(chart.start), _days(chart.end))
    dates = AutoDateLocator(tz=UTC, minticks=2, maxticks=max(6, int(width / 50)))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(dates)
    axes.xaxis.set_major_formatter(
        ConciseDateFormatter(  # type: ignore[no-untyped-call]
            dates,
            tz=UTC,
            formats=["%Y", "%b", "%d %b", "%H:%M", "%H:%M", ":%S.%f"],
            zero_formats=["", "%Y", "%d %b", "%d %b", "%H:%M", "%H:%M"],
            show_offset=False,
        )
    )


def _size_scale(axes: Axes, chart: Chart, height: float) -> None:
    top = max(chart.peak, chart.limit_bytes if chart.limit_in_sight else 0, 1)
    ticks = _ticks(top, most=int(height / 36))
    axes.set_ylim(0, top * height / (height - min(_HEADROOM, height / 4)))
    axes.set_yticks(ticks, [human_size(tick) for tick in ticks])
    axes.grid(axis="y")


def _ticks(top: int, most: int) -> list[int]:
    """Round sizes from 0 to `top`, at most six steps, each round in a binary unit."""
    rounds = (times * 1024**unit for unit, times in product(range(7), (1, 2, 5, 10, 20, 50, 100, 256, 512)))
    step = next(step for step in rounds if top <= step * min(max(2, most), 6))
    return list(range(0, top + 1, step))


def _headings(axes: Axes, chart: Chart, width: float) -> None:
    title = f"Size of {legible(chart.bucket, int(width / 9))}"
    axes.text(0, 1, title, transform=_shifted(axes.transAxes, axes, up=32), size=12, weight="bold")
    facts = [_span(chart.start, chart.end)]
    if chart.sample.evicted:
        marked = len(chart.sample.evictions)
        some = f", the largest {marked} marked" if marked < chart.sample.evicted else ""
        facts.append(f"▼ {_count(chart.sample.evicted, 'eviction')}{some}")
    if not chart.limit_in_sight:
        facts.append(f"limit {human_size(chart.limit_bytes)}, far above")
    if chart.peak:
        facts.append(f"peak {human_size(chart.peak)}")
    if chart.sample.changes:
        facts.append(_count(chart.sample.changes, "change"))
    while len(facts) > 1 and len("  ·  ".join(facts)) > width / 4.6:
        facts.pop()
    axes.text(0, 1, "  ·  ".join(facts), transform=_shifted(axes.transAxes, axes, up=16), color=_FAINT)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _span(start: datetime, end: datetime) -> str:
    """From when to when, no more exact than it has to be."""
    days = all(at == at.replace(hour=0, minute=0, second=0, microsecond=0) for at in (start, end))
    form = "%Y-%m-%d" if days else "%Y-%m-%d %H:%M" if end - start > timedelta(hours=1) else "%Y-%m-%d %H:%M:%S"
    return f"{start:{form}} to {end:{form}} UTC"


def _line(axes: Axes, chart: Chart) -> Path:
    """The total, constant from each change to the next; what of it is over the limit stands out."""
    times = [_days(at) for at, _ in chart.steps]
    totals = [total for _, total in chart.steps]
    within = [min(total, chart.limit_bytes) for total in totals]
    axes.fill_between(times, within, step="post", color=_BLUE, alpha=0.12, linewidth=0)
    axes.fill_between(times, within, totals, step="post", color=_VERMILLION, alpha=0.22, linewidth=0)
    (line,) = axes.plot(times, totals, drawstyle="steps-post", color=_BLUE, linewidth=1.6)
    return line.get_path().transformed(axes.transData)


def _values(axes: Axes, chart: Chart) -> None:
    """The limit and the last total, beside their lines; where they would meet, the higher one above."""
    limit_side: _Side = "center"
    last_side: _Side = "center"
    last = chart.steps[-1][1] if chart.steps else 0
    if abs(chart.limit_bytes - last) < axes.get_ylim()[1] / 12:
        limit_side, last_side = ("bottom", "top") if chart.limit_bytes > last else ("top", "bottom")
    if chart.limit_in_sight:
        beside = _shifted(axes.get_yaxis_transform(), axes, right=6)
        limit = f"limit\n{human_size(chart.limit_bytes)}"
        axes.text(1, chart.limit_bytes, limit, transform=beside, va=limit_side, color=_VERMILLION)
    if chart.steps:
        beside = _shifted(axes.transData, axes, right=6)
        end = _days(chart.steps[-1][0])
        axes.text(end, last, human_size(last), transform=beside, va=last_side, color=_BLUE, weight="bold")


def _evictions(axes: Axes, evictions: Sequence[Eviction], line: Path) -> None:
    """Mark each where the total falls, and name the largest, wherever a name covers nothing."""
    if not evictions:
        return
    places = [(_days(eviction.at), eviction.size_before) for eviction in evictions]
    lifted = _shifted(axes.transData, axes, up=4)
    size = 7 if len(places) <= 30 else 5
    axes.plot(*zip(*places, strict=True), "v", transform=lifted, color=_BLACK, markersize=size, markeredgewidth=0)
    point = axes.figure.dpi / 72
    taken = [Bbox.from_bounds(x, y, 8 * point, 8 * point) for x, y in lifted.transform(places) - 4 * point]
    named = 0
    for eviction, place in nlargest(5 * _NAMED, zip(evictions, places, strict=True), key=lambda pair: pair[0].size):
        name = f"{legible(eviction.object_name)}, {human_size(eviction.size)}"
        if named < _NAMED and (boxes := _name(axes, name, place, taken, line)):
            taken += boxes
            named += 1


def _name(axes: Axes, name: str, place: tuple[float, int], taken: Sequence[Bbox], line: Path) -> list[Bbox]:
    """Write a name beside a mark or, with a leader, above. Returns the boxes it takes; none if none are free."""
    point = axes.figure.dpi / 72
    x, y = axes.transData.transform(place)
    text = axes.text(*place, name, va="center", size=8)
    width, height = text.get_window_extent().size
    height += 2 * point
    for up, aside in product((7, 20, 33), (7, -7)):
        start = x + aside * point - (width if aside < 0 else 0)
        boxes = [Bbox.from_bounds(start, y + up * point - height / 2, width, height)]
        if up > 7:
            boxes.append(Bbox.from_extents(x, y + 9 * point, x + aside * point, y + up * point))
        if all(_free(box, axes.bbox, taken, line) for box in boxes):
            side: Literal["left", "right"] = "left" if aside > 0 else "right"
            text.set(ha=side, transform=_shifted(axes.transData, axes, aside, up))
            if up > 7:
                leader = {"arrowstyle": "-", "color": _FAINT, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 8}
                axes.annotate("", place, (aside * 0.7, up - 2), textcoords="offset points", arrowprops=leader)
            return boxes
    text.remove()
    return []


def _shifted(transform: Transform, axes: Axes, right: float = 0, up: float = 0) -> Transform:
    return transform + ScaledTranslation(right / 72, up / 72, axes.figure.dpi_scale_trans)


def _free(box: Bbox, inside: BboxBase, taken: Sequence[Bbox], line: Path) -> bool:
    within = inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1)
    return within and not box.count_overlaps(taken) and not line.intersects_bbox(box, filled=False)


def _days(at: datetime) -> float:
    """A time as matplotlib counts it."""
    return (at - _EPOCH) / timedelta(days=1)
