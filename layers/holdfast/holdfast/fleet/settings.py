"""What each function of the fleet system is told by its environment. The names are those in template.yaml."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fleet:
    """How the stack backs up. `partition`, `region`, `account`: its own. `copy_region`, `copy_role_arn`,
    `copy_kms_key_arn`: where copies go, empty for nowhere, for this account, for default keys."""

    stack: str
    partition: str
    region: str
    account: str
    fleet_bucket: str
    regions: tuple[str, ...]
    include_all: bool
    images: bool
    copy_region: str
    copy_role_arn: str
    copy_kms_key_arn: str
    replica_suffix: str
    switch_versioning_on: bool
    replication_role_arn: str
    keep_daily: int
    keep_weekly: int
    keep_monthly: int
    keep_yearly: int
    minimum_days: int
    require_encryption: bool
    patience_minutes: int
    poll_seconds: int

    @property
    def owner(self) -> str:
        """Whose a backup is, as its tag `holdfast:stack` has it: another account or region may have a stack of this
        name, and copies in the same place."""
        return f"{self.account}/{self.region}/{self.stack}"


@dataclass(frozen=True)  # a class has room for the slots of one base
class Systems:
    """Where the other systems keep what they know; empty where one is not deployed."""

    objects_buckets: tuple[str, ...]
    copy_table: str
    archived_tables: tuple[str, ...]
    archive_bucket: str
    archive_prefix: str
    inventories: str
    warehouse_bucket: str
    warehouse_prefix: str


@dataclass(frozen=True, slots=True)
class FleetDiscover(Fleet):
    pass


@dataclass(frozen=True, slots=True)
class FleetBackup(Fleet):
    pass


@dataclass(frozen=True, slots=True)
class FleetVerify(Fleet):
    pass


@dataclass(frozen=True, slots=True)
class FleetExpire(Fleet):
    breaker_table: str
    breaker_share_percent: int
    breaker_floor: int


@dataclass(frozen=True, slots=True)
class FleetReport(Fleet, Systems):
    pass


@dataclass(frozen=True, slots=True)
class FleetAlert:
    """`slack_secret_arn`, `pager_duty_secret_arn`: empty for none."""

    stack: str
    fleet_bucket: str
    topic_arn: str
    slack_secret_arn: str
    pager_duty_secret_arn: str


@dataclass(frozen=True, slots=True)
class FleetRestore(Fleet):
    """Of drills: how many resources of each service, and into which networks; empty for none of theirs."""

    drill_count: int
    drill_subnet_id: str
    drill_db_subnet_group: str


@dataclass(frozen=True, slots=True)
class FleetWatch(Fleet):
    """`topic_arn`, `slack_secret_arn`, `pager_duty_secret_arn`: by which alerts get to people; empty for none."""

    rpo_hours: int
    grace_hours: int
    topic_arn: str
    slack_secret_arn: str
    pager_duty_secret_arn: str


@dataclass(frozen=True, slots=True)
class FleetCost(Fleet):
    """`system_buckets`, `system_tables`: where the other systems keep what they back up, each as SYSTEM=NAME."""

    system_buckets: tuple[str, ...]
    system_tables: tuple[str, ...]
    cost_explorer: bool
    infrequent_access_days: int
    glacier_days: int
    deep_archive_days: int


@dataclass(frozen=True, slots=True)
class FleetStatus(Systems):
    """`object_table`: empty where the capacity system is not deployed."""

    stack: str
    fleet_bucket: str
    breaker_table: str
    warehouse_alarm_after_days: int
    capacity_bucket: str
    object_table: str
    history_table: str
    limit_bytes: int
