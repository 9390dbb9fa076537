"""BreakerTable in DynamoDB."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from holdfast.adapters.dynamodb_items import Item, conditional_put, from_item
from holdfast.breaker.plan import BreakerState
from holdfast.ports import Conflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoBreakerStore:
    """The breaker's states in BreakerTable, one item a system."""

    client: "DynamoDBClient"
    table: str

    def load(self, system: str) -> BreakerState:
        key: Item = {"system": {"S": system}}
        item = from_item(self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item", {}))
        opened_at = item.get("opened_at")
        return BreakerState(
            system=system,
            removals=tuple((datetime.fromisoformat(at), int(count)) for at, count in item.get("removals", [])),
            open_reason=item.get("open_reason"),
            opened_at=datetime.fromisoformat(opened_at) if opened_at else None,
            revision=int(item.get("revision", 0)),
        )

    def save(self, state: BreakerState) -> None:
        item = {
            "system": state.system,
            "removals": [[at.isoformat(), count] for at, count in state.removals],
            "open_reason": state.open_reason,
            "opened_at": state.opened_at and state.opened_at.isoformat(),
            "revision": state.revision,
        }
        put = conditional_put(self.table, item, {"revision": state.revision - 1 or None})["Put"]
        try:
            self.client.put_item(**put)
        except self.client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict(f"the breaker of {state.system} has changed") from error
