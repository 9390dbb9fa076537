"""What each function of the capacity system is told by its environment. The names are those in template.yaml."""

from dataclasses import dataclass


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
