"""A function's Environment and its settings name the same things."""

from dataclasses import fields

import pytest

from holdfast import settings
from tests.template.stack import FUNCTIONS, environment, logical_id

LIBRARIES = ("POWERTOOLS_", "MPLCONFIGDIR")
"""Variables that libraries read, and not our settings."""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_environment_has_each_setting_and_nothing_else(name: str) -> None:
    kind = getattr(settings, logical_id(name).removesuffix("Function"))
    told = {variable for variable in environment(name) if not variable.startswith(LIBRARIES)}
    assert told == {field.name.upper() for field in fields(kind)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_environment_can_be_read(name: str) -> None:
    kind = getattr(settings, logical_id(name).removesuffix("Function"))
    settings.read(kind, environment(name))
