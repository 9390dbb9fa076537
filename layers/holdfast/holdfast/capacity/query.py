"""What may be asked of `GET /plot`: its parameters, checked and as values."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from holdfast import moment


class Format(StrEnum):
    PNG = "png"
    SVG = "svg"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class PlotQuery:
    """A plot of a bucket's total from `start` up to and without `end`. `width` and `height` are pixels."""

    bucket: str
    start: datetime
    end: datetime
    format: Format
    width: int
    height: int


class BadParameter(ValueError):
    """A parameter is unknown, given twice, or not what is accepted under its name."""

    def __init__(self, parameter: str, value: str, accepted: str) -> None:
        super().__init__(f"{parameter}={value!r} is not accepted: {accepted}")
        self.parameter = parameter
        self.value = value
        self.accepted = accepted


class UnknownBucket(LookupError):
    """No history is kept of this bucket."""

    def __init__(self, bucket: str) -> None:
        super().__init__(f"no history is kept of a bucket {bucket!r}")
        self.bucket = bucket


class RangeTooLarge(Exception):
    """More changes lie in the range than one answer may read."""

    def __init__(self, changes: int, most: int) -> None:
        super().__init__(f"{changes:,} changes lie in this range, at most {most:,} are read: narrow `from` and `to`")
        self.changes = changes
        self.most = most


DEFAULT_RANGE = timedelta(days=1)
LEAST_RANGE = timedelta(seconds=1)
DEFAULT_SIZE = 1200, 600

_SIZES = range(300, 4001)
_ACCEPTED = {
    "bucket": "the watched bucket",
    "from": moment.ACCEPTED,
    "to": moment.ACCEPTED,
    "format": f"one of {', '.join(Format)}",
    "size": f"WIDTHxHEIGHT in pixels, each from {_SIZES[0]} to {_SIZES[-1]}, such as 1200x600",
}


def parse_query(parameters: Mapping[str, Sequence[str]], *, bucket: str, now: datetime) -> PlotQuery:
    """Read the parameters of a query string, each with all its values. `bucket` is the one that is watched.

    Raises BadParameter, or UnknownBucket if another bucket is asked for.
    """
    given = {name: _only(name, values) for name, values in parameters.items()}
    if (asked := given.get("bucket", bucket)) != bucket:
        raise UnknownBucket(asked)
    time = partial(_time, now=now)
    end = _read(given, "to", time, now)
    start = _read(given, "from", time, end - DEFAULT_RANGE)
    if end - start < LEAST_RANGE:
        accepted = f"a second or more before `to`, which is {end.isoformat()}"
        raise BadParameter("from", given.get("from", start.isoformat()), accepted)
    width, height = _read(given, "size", _size, DEFAULT_SIZE)
    return PlotQuery(bucket, start, end, _read(given, "format", Format, Format.PNG), width, height)


def _only(name: str, values: Sequence[str]) -> str:
    if name not in _ACCEPTED:
        raise BadParameter(name, ", ".join(values), f"the parameters are {', '.join(_ACCEPTED)}")
    if len(values) != 1:
        raise BadParameter(name, ", ".join(values), "it is given once")
    return values[0]


def _read[T](given: Mapping[str, str], name: str, reader: Callable[[str], T], default: T) -> T:
    if name not in given:
        return default
    try:
        return reader(given[name])
    except (ValueError, OverflowError):
        raise BadParameter(name, given[name], _ACCEPTED[name]) from None


def _time(text: str, now: datetime) -> datetime:
    # A plus sign that was not encoded arrives as a space.
    return moment.moment(text.replace(" ", "+") if "T" in text else text, now)


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text, re.ASCII)
    if not found or not {int(found[1]), int(found[2])} <= set(_SIZES):
        raise ValueError
    return int(found[1]), int(found[2])
