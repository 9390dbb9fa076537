"""The workflow of a large restore in memory: it does what statemachine/table_restore.asl.yaml says, at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.workflow import Execution, Status

type Step = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass
class MemoryWorkflow:
    """`step`: what the function does."""

    step: Step
    executions: dict[str, Execution] = field(default_factory=dict)

    def start(self, name: str, told: Mapping[str, Any]) -> str:
        if name not in self.executions:
            self.executions[name] = self._execute(told)
        return name

    def _execute(self, told: Mapping[str, Any]) -> Execution:
        try:
            prepared = self.step({**told, "step": "prepare"})
            order = {name: prepared[name] for name in ("table", "at", "to", "run")}
            parts = [self.step({**order, "step": "partition", "prefix": one}) for one in prepared["prefixes"]]
            verified = self.step({**order, "step": "verify", "partitions": parts})
        except Exception as error:  # as a workflow catches whatever its function raises
            return Execution(Status.FAILED, why=f"{type(error).__name__}: {error}")
        if not verified["verified"]:
            return Execution(Status.FAILED, why="TablesRestoreDiffers")
        return Execution(Status.SUCCEEDED, verified)

    def look(self, execution: str) -> Execution:
        return self.executions[execution]
