"""Functions in Lambda."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


@dataclass(frozen=True, slots=True)
class LambdaHeart:
    """The `Heart` of the capacity drive: capacity_heartbeat, called between two of its schedules."""

    client: "LambdaClient"
    function: str

    def beat(self) -> None:
        self.client.invoke(FunctionName=self.function, InvocationType="Event")
