"""The watch over runs: how long ago the last one was finished, for an alarm on those that never came."""

from datetime import datetime, timedelta

from holdfast.warehouse.run import Warehouse

DAY = timedelta(days=1)


def days_since_backup(warehouse: Warehouse) -> float | None:
    """Since the newest run that has its report, and in which some source did not fail; while there is none, since the
    first run began. None while there was no run."""
    since = None
    for folder in sorted(warehouse.backup.prefixes(warehouse.names.runs), reverse=True):
        told = warehouse.load(f"{folder}report.json")
        if told is not None and any(not row["error"] for row in told["databases"]):
            since = told["ended"]
            break
        began = warehouse.load(f"{folder}run.json")
        since = began["started"] if began else since
    return None if since is None else (warehouse.now() - datetime.fromisoformat(since)) / DAY
