"""An overview of five systems, some of which are not well."""

from datetime import UTC, datetime, timedelta

from holdfast.fleet.status.model import Alarm, Overview, Row, System, Told

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
HOSTILE = '<script>alert("x")</script>&{{ 7*7 }}' + "w" * 120


def overview() -> Overview:
    hour = timedelta(hours=1)
    fleet = Told(
        "42 resources; 3 without protection",
        last_backup=NOW - 5 * hour,
        age=29 * 3600,
        verified=NOW - 5 * hour,
        wrong=("1 resource without a good backup within the target", "daily-2026-11-21T02-00-00Z: 1 failure"),
        notes=("not protected: i-0abc (eu-west-1): it has no tag holdfast:backup: daily or weekly protects it",),
        rows=(
            Row("orders (eu-west-1)", "daily, 31 h old, verified", is_bad=True),
            Row(HOSTILE, "daily, 6 h old, verified"),
            Row("i-0123456789abcdef0 (eu-central-1)", "weekly, 3 d old, verified"),
        ),
    )
    objects = Told("1,204,117 objects in 2 buckets", verified=NOW - 3 * hour, rows=(Row("media", "compared: 1 live"),))
    warehouse = Told(
        "18 tables in 2 databases", last_backup=NOW - 400 * hour, age=400 * 3600.0, verified=NOW - 400 * hour
    )
    lag = Alarm("ObjectsLagAlarm", NOW - hour, "Objects get their copies more than 15 minutes after they were written.")
    return Overview(
        "holdfast",
        NOW,
        (
            System("objects", objects, alarms=(lag,), breaker="500 of 900 objects would be removed", has_breaker=True),
            System("tables", error="ClientError"),
            System("warehouse", warehouse, has_breaker=True),
            System("fleet", fleet, has_breaker=True),
            System("capacity"),
        ),
        unknown=("alarms (AccessDenied)",),
    )
