"""Reading a log group as it grows: nothing missed, nothing twice, late events included."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import FilteredLogEventTypeDef

LATE_SECONDS: Final = 10
"""An event that comes with a timestamp this much in the past is still read."""

PAGE: Final = 10_000
"""FilterLogEvents gives at most so many events. The engine then stops without a token for the rest."""

type _Key = tuple[str, int, str, int]


class Tail:
    """The position in one log group. Times are in seconds since the epoch."""

    def __init__(self, group: str, since: float) -> None:
        """Begin with the events from `since` on."""
        self.group = group
        self._since = since
        self._seen: dict[_Key, int] = {}

    def read(self, logs: "CloudWatchLogsClient", now: float) -> "list[FilteredLogEventTypeDef]":
        """The events that have come since the last read. After an error, the next read gives them again."""
        start = int(self._since * 1000)
        keyed = dict(_keyed(_events(logs, self.group, start)))
        fresh = [event for key, event in keyed.items() if key not in self._seen]
        self._since = now - LATE_SECONDS
        self._seen = {key: key[1] for key in keyed}
        return fresh


def _keyed(events: "Iterator[FilteredLogEventTypeDef]") -> "Iterator[tuple[_Key, FilteredLogEventTypeDef]]":
    """Events by what tells them apart. Not all have an eventId, and equal lines may be written at once."""
    times: Counter[tuple[str, int, str]] = Counter()
    for event in events:
        line = event["logStreamName"], event["timestamp"], event["message"]
        times[line] += 1
        yield (*line, times[line]), event


def _events(logs: "CloudWatchLogsClient", group: str, start: int) -> "Iterator[FilteredLogEventTypeDef]":
    """All events of a group from that millisecond on, page by page."""
    while True:
        page = logs.filter_log_events(logGroupName=group, startTime=start, limit=PAGE)["events"]
        if len(page) < PAGE:
            yield from page
            return
        # A full page may end within a millisecond: take that one whole with the next page.
        last = page[-1]["timestamp"]
        yield from (event for event in page if event["timestamp"] < last or last == start)
        start = max(last, start + 1)
