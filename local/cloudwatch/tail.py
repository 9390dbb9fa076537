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

    def __init__(self, group: str, since: float, page: int = PAGE) -> None:
        """Begin with the events from `since` on. `page` must be more than what is logged within a millisecond."""
        self.group = group
        self._since = since
        self._page = page
        self._seen: dict[_Key, int] = {}

    def read(self, logs: "CloudWatchLogsClient", now: float) -> "list[FilteredLogEventTypeDef]":
        """The events that have come since the last read. After an error, the next read gives them again."""
        keyed = dict(_keyed(self._events(logs, int(self._since * 1000))))
        fresh = [event for key, event in keyed.items() if key not in self._seen]
        self._since = now - LATE_SECONDS
        self._seen = {key: key[1] for key in keyed}
        return fresh

    def _events(self, logs: "CloudWatchLogsClient", start: int) -> "Iterator[FilteredLogEventTypeDef]":
        """All events from that millisecond on, page by page."""
        while True:
            page = logs.filter_log_events(logGroupName=self.group, startTime=start, limit=self._page)["events"]
            if len(page) < self._page:
                yield from page
                return
            # A full page may end within a millisecond: take that one whole with the next page.
            last = page[-1]["timestamp"]
            yield from (event for event in page if event["timestamp"] < last or last == start)
            start = max(last, start + 1)


def _keyed(events: "Iterator[FilteredLogEventTypeDef]") -> "Iterator[tuple[_Key, FilteredLogEventTypeDef]]":
    """Events by what tells them apart. Not all have an eventId, and equal lines may be written at once."""
    times: Counter[tuple[str, int, str]] = Counter()
    for event in events:
        line = event["logStreamName"], event["timestamp"], event["message"]
        times[line] += 1
        yield (*line, times[line]), event
