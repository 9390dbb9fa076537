"""What AWS has billed, as Cost Explorer tells: $0.01 a question."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from holdfast.fleet.cost.run import SpendUnknown

OURS = {
    "Or": [
        {"Tags": {"Key": "application", "Values": ["holdfast"]}},
        {"Not": {"Tags": {"Key": "holdfast:system", "MatchOptions": ["ABSENT"]}}},
    ]
}
"""What the stack is made of, and the backups that it makes. Both are cost allocation tags once somebody has activated
them."""


@dataclass(frozen=True, slots=True)
class CostExplorer:
    """The `Spend` of the sum of costs."""

    client: Any

    def this_month(self, now: datetime) -> Mapping[str, float]:
        """Of the first of a month, the month before: of a day that has just begun nothing is known."""
        first = (now - timedelta(days=1)).replace(day=1)
        try:
            answer = self.client.get_cost_and_usage(
                TimePeriod={"Start": f"{first:%Y-%m-%d}", "End": f"{now:%Y-%m-%d}"},
                Granularity="MONTHLY",
                Metrics=["UnblendedCost"],
                Filter=OURS,
                GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}],
            )
        except ClientError as error:
            raise SpendUnknown(error.response["Error"]["Code"]) from error
        except BotoCoreError as error:
            raise SpendUnknown(type(error).__name__) from error
        found: dict[str, float] = {}
        for period in answer["ResultsByTime"]:
            for group in period["Groups"]:
                [service] = group["Keys"]
                found[service] = found.get(service, 0.0) + float(group["Metrics"]["UnblendedCost"]["Amount"])
        return found
