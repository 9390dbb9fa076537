"""What each function is told by its environment: read once, checked, frozen. The names are those in template.yaml."""

import os
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, fields
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


@dataclass(frozen=True, slots=True)
class ObjectsReplicate:
    backup_bucket: str
    copy_table: str
    breaker_table: str
    copies_to_keep: int
    minimum_copy_age: int
    storage_class: str
    kms_key_arn: str
    lock_days: int
    breaker_share_percent: int
    breaker_floor: int


@dataclass(frozen=True, slots=True)
class ObjectsClean:
    backup_bucket: str
    copy_table: str
    breaker_table: str
    disowned_delay_seconds: int
    lock_days: int
    breaker_share_percent: int
    breaker_floor: int


@dataclass(frozen=True, slots=True)
class ObjectsReconcile:
    buckets: tuple[str, ...]
    backup_bucket: str
    copy_table: str
    breaker_table: str
    copies_to_keep: int
    minimum_copy_age: int
    storage_class: str
    kms_key_arn: str
    lock_days: int
    breaker_share_percent: int
    breaker_floor: int


@dataclass(frozen=True, slots=True)
class CapacityTrack:
    bucket: str
    object_table: str
    history_table: str
    history_days: int


@dataclass(frozen=True, slots=True)
class CapacityLog:
    object_table: str
    history_table: str


@dataclass(frozen=True, slots=True)
class CapacityHeartbeat:
    bucket: str
    object_table: str
    history_table: str


@dataclass(frozen=True, slots=True)
class CapacityTrim:
    bucket: str
    object_table: str
    history_table: str
    breaker_table: str
    alarm_name: str
    limit_bytes: int
    delete_versions: bool
    require_backup: bool
    protected_buckets: tuple[str, ...]
    copy_table: str
    keep_prefixes: tuple[str, ...]
    breaker_share_percent: int
    breaker_floor: int


@dataclass(frozen=True, slots=True)
class CapacityReconcile:
    bucket: str
    object_table: str
    history_table: str
    history_days: int


@dataclass(frozen=True, slots=True)
class CapacityDrive:
    bucket: str
    history_table: str
    alarm_name: str
    alarm_period_seconds: int
    heartbeat_function: str
    limit_bytes: int
    plot_url: str


@dataclass(frozen=True, slots=True)
class CapacityPlot:
    bucket: str
    history_table: str
    plot_bucket: str
    limit_bytes: int
