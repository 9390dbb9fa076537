"""What each function of the tables system is told by its environment. The names are those in template.yaml."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TablesArchive:
    backup_bucket: str
    backup_prefix: str
    archive_layout: str
    plain_text_key_as_filename: bool
    multi_tenancy_column: str


@dataclass(frozen=True, slots=True)
class TablesCheck:
    tables: tuple[str, ...]
    check_items: int
    backup_bucket: str
    backup_prefix: str


@dataclass(frozen=True, slots=True)
class TablesRestore:
    backup_bucket: str
    backup_prefix: str
