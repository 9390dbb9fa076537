"""The event source mappings of a function, in Lambda."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.tables.ports import Settings, StreamMapping

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

SETTINGS = (
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "FilterCriteria",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "TumblingWindowInSeconds",
)
"""What can be set when a mapping is made, and later."""

PAUSE_SECONDS = 2
TRIES = 150


class MappingStuck(Exception):
    """Lambda does not enable a mapping."""


@dataclass(frozen=True, slots=True)
class LambdaMappings:
    """The `StreamMappings` of a function."""

    client: "LambdaClient"
    function: str
    sleep: Callable[[float], None] = time.sleep

    def all(self) -> Sequence[StreamMapping]:
        pages = self.client.get_paginator("list_event_source_mappings").paginate(FunctionName=self.function)
        return [_mapping(told) for page in pages for told in page["EventSourceMappings"]]

    def create(self, stream_arn: str, settings: Settings) -> None:
        self._enabled(
            self.client.create_event_source_mapping(
                FunctionName=self.function,
                EventSourceArn=stream_arn,
                StartingPosition="TRIM_HORIZON",
                Enabled=True,
                **settings,
            )["UUID"]
        )

    def update(self, mapping: StreamMapping, settings: Settings) -> None:
        cleared: Any = {name: _nothing(value) for name, value in mapping.settings.items() if name not in settings}
        self.client.update_event_source_mapping(
            UUID=mapping.mapping_id, FunctionName=self.function, Enabled=True, **cleared, **settings
        )
        self._enabled(mapping.mapping_id)

    def _enabled(self, mapping_id: str) -> None:
        """Wait until it is."""
        for _ in range(TRIES):
            state = self.client.get_event_source_mapping(UUID=mapping_id)["State"]
            if state == "Enabled":
                return
            self.sleep(PAUSE_SECONDS)
        raise MappingStuck(
            f"mapping {mapping_id} is {state} after {TRIES * PAUSE_SECONDS} seconds: look at it in Lambda"
        )


def _nothing(value: object) -> object:
    """What clears a setting that has this value: none of it."""
    return type(value)()


def _mapping(told: Mapping[str, Any]) -> StreamMapping:
    """Lambda tells of some settings that they are empty, and of the same at other times nothing."""
    settings = {name: told[name] for name in SETTINGS if told.get(name) not in (None, [], {})}
    return StreamMapping(told["UUID"], told["EventSourceArn"], told["State"], settings)
