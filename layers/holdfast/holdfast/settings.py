"""Reads what a function is told by its environment: once, checked, frozen. What that is stands with each system."""

import os
from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from typing import Any, get_type_hints


class SettingMissing(LookupError):
    """An environment variable that the function needs is not set."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"environment variable {name} is not set: the function's Environment in template.yaml names it"
        )


class SettingInvalid(ValueError):
    """An environment variable holds something that cannot be what it is for."""

    def __init__(self, name: str, value: str, wanted: str) -> None:
        super().__init__(f"environment variable {name} is {value!r}: {wanted} is wanted")


def _boolean(value: str) -> bool:
    return {"true": True, "false": False}[value]


def names(value: str) -> tuple[str, ...]:
    """The names of a comma-separated list; an empty text has none."""
    return tuple(name for name in value.split(",") if name)


_READERS: dict[Any, tuple[Callable[[str], Any], str]] = {
    str: (str, "text"),
    int: (int, "a whole number"),
    bool: (_boolean, "true or false"),
    tuple[str, ...]: (names, "a comma-separated list"),
}


def _read(field: Field[Any], kind: Any, environment: Mapping[str, str]) -> Any:
    name = field.name.upper()
    reader, wanted = _READERS[kind]
    if name not in environment:
        raise SettingMissing(name)
    try:
        return reader(environment[name])
    except (ValueError, KeyError):
        raise SettingInvalid(name, environment[name], wanted) from None


def read[S](settings: type[S], environment: Mapping[str, str] = os.environ) -> S:
    """Read `settings`, a dataclass, from variables named as its fields in upper case.

    Raises SettingMissing or SettingInvalid with the variable's name.
    """
    kinds = get_type_hints(settings)
    return settings(**{f.name: _read(f, kinds[f.name], environment) for f in fields(settings)})  # type: ignore[arg-type]
