"""What every system is handed from the outside."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

type Clock = Callable[[], datetime]
"""The present moment, aware, in UTC."""


class Log(Protocol):
    """One structured log line: a message and its fields."""

    def __call__(self, message: str, **fields: object) -> None: ...


class Each(Protocol):
    """Calls a function with each item, side by side or one after the other, and returns the answers in order."""

    def __call__[T, R](self, function: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]: ...


class Conflict(Exception):
    """Somebody else changed what a conditional write was based on: read again, plan again."""
