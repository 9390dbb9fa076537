"""The time as functions see it in tests."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass
class Clock:
    """It stands still until somebody moves it."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> None:
        self.at += by
