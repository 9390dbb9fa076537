"""What the sum of costs asks of the outside."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol


class Sizes(Protocol):
    """How much is stored, as AWS measures it by itself: nothing is listed for it."""

    def bucket(self, name: str, region: str, now: datetime) -> Mapping[str, float]:
        """Bytes by the storage class by which they are billed, overhead included, as of the last days. Of a bucket that
        is empty, new or gone there are none."""

    def table(self, name: str) -> float:
        """Bytes of a table and its indexes, as of the last hours. 0 for one that is gone."""


class Spend(Protocol):
    """What AWS has billed."""

    def this_month(self, now: datetime) -> Mapping[str, float]:
        """Dollars by service, from the first of the month until today, of what is tagged as this application's."""
