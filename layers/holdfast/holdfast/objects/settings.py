"""What each function of the objects system is told by its environment. The names are those in template.yaml."""

from dataclasses import dataclass


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
