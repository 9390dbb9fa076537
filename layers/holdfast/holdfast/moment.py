"""A moment, as a person gives it."""

import re
from datetime import UTC, datetime, timedelta

ACCEPTED = (
    "a date or time of 2000 to 2099 in ISO 8601 (UTC unless it has an offset), or how long ago: -90m, -24h, -7d, -4w"
)

_YEARS = range(2000, 2100)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str, now: datetime) -> datetime:
    """The moment that a text names; of a date, its first. Raises ValueError or OverflowError if it is not ACCEPTED."""
    if ago := re.fullmatch(r"-(\d{1,6})([mhdw])", text, re.ASCII):
        at = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    else:
        at = datetime.fromisoformat(text)
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    if at.year not in _YEARS:
        raise ValueError
    return at
