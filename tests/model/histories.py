"""How random histories are played, and bugs planted that they have to catch."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import pytest

type Bug = tuple[object, str, Callable[..., object]]
"""Where something stands, its name, and what takes its place."""


def play_all[T](play: Callable[[int], T], seeds: Iterable[int]) -> list[T]:
    """Play histories. One that fails is named."""
    played = []
    for seed in seeds:
        try:
            played.append(play(seed))
        except Exception as error:
            error.add_note(f"history {seed}")
            raise
    return played


def each_of(bugs: Sequence[Bug]) -> pytest.MarkDecorator:
    """A test for each of them, under its name."""
    return pytest.mark.parametrize("bug", bugs, ids=lambda bug: bug[2].__name__)


def planted(bug: Bug) -> AbstractContextManager[Any]:
    where, name, instead = bug
    return patch.object(where, name, instead)
