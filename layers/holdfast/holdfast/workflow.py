"""A workflow in Step Functions, as who starts it and follows it sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class Status(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Execution:
    """How a workflow stands. `answer`: what its last step said. `why`: what went wrong, if it failed."""

    status: Status
    answer: Mapping[str, Any] | None = None
    why: str | None = None


class Workflow(Protocol):
    """A workflow: a backup, a large restore."""

    def start(self, name: str, told: Mapping[str, Any]) -> str:
        """Begin an execution, once for each name. Returns what identifies it."""

    def look(self, execution: str) -> Execution: ...
