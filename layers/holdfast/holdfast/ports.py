"""What every system is handed from the outside."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

type Clock = Callable[[], datetime]
"""The present moment, aware, in UTC."""


class Log(Protocol):
    """One structured log line: a message and its fields."""

    def __call__(self, message: str, **fields: object) -> None: ...


class Conflict(Exception):
    """Somebody else changed what a conditional write was based on: read again, plan again."""
