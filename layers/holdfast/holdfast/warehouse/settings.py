"""What each function of the warehouse system is told by its environment. The names are those in template.yaml."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Places:
    """Where things lie. `inventories`: `s3://BUCKET` or `s3://BUCKET/PREFIX`."""

    inventories: str
    backup_bucket: str
    backup_prefix: str


@dataclass(frozen=True, slots=True)
class Database(Places):
    """What the database may use, besides."""

    scratch_folder: str
    database_megabytes: int
    database_threads: int


@dataclass(frozen=True, slots=True)
class WarehouseDiscover(Places):
    """`source_buckets`: which the functions may read. No source lies in another."""

    sources: tuple[str, ...]
    source_buckets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WarehouseValidate(Places):
    max_inventory_age_days: int
    lambda_files: int
    lambda_bytes: int
    task_bytes: int
    has_task: bool


@dataclass(frozen=True, slots=True)
class WarehousePlan(Database):
    storage_class: str
    direct_objects: int
    retire_after_days: int
    grace_days: int


@dataclass(frozen=True, slots=True)
class WarehouseCopy(Database):
    pass


@dataclass(frozen=True, slots=True)
class WarehouseCommit(Database):
    storage_class: str
    direct_objects: int


@dataclass(frozen=True, slots=True)
class WarehouseVerify(Database):
    pass


@dataclass(frozen=True, slots=True)
class WarehouseRetire(Database):
    breaker_table: str
    breaker_share_percent: int
    breaker_floor: int
    retire_after_days: int
    grace_days: int
    keep_runs: int


@dataclass(frozen=True, slots=True)
class WarehouseReport(Database):
    slack_secret_arn: str
