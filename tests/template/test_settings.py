"""A function's Environment and its settings name the same things."""

from dataclasses import fields
from importlib import import_module
from typing import Any

import pytest

from holdfast import settings
from tests.template.stack import FUNCTIONS, environment, logical_id

LIBRARIES = ("POWERTOOLS_", "MPLCONFIGDIR")
"""Variables that libraries read, and not our settings."""


def kind(name: str) -> type[Any]:
    """What a function's settings are."""
    found: type[Any] = getattr(
        import_module(f"holdfast.{name.partition('_')[0]}.settings"), logical_id(name).removesuffix("Function")
    )
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_environment_has_each_setting_and_nothing_else(name: str) -> None:
    told = {variable for variable in environment(name) if not variable.startswith(LIBRARIES)}
    assert told == {field.name.upper() for field in fields(kind(name))}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_environment_can_be_read(name: str) -> None:
    settings.read(kind(name), environment(name))
