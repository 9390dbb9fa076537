"""The fleet system of a stack, as the commands of this package use it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from holdfast import settings, wiring
from holdfast.adapters.stack import Stack
from holdfast.adapters.stepfunctions import StateMachine
from holdfast.cli.stack import find
from holdfast.fleet.ports import Documents
from holdfast.fleet.restore.steps import Restore
from holdfast.fleet.run import Fleet
from holdfast.fleet.settings import Fleet as Settings
from holdfast.workflow import Execution, Status, Workflow

SYSTEM = "fleet"

POLL_SECONDS = 5.0


class CannotFinish(Exception):
    """A workflow has failed, or did not do all that it was asked."""


MENDED_BY_THE_READER = (CannotFinish,)


def quiet(message: str, **fields: object) -> None:
    """A command says itself what it does."""


def told(stack: Stack) -> Settings:
    """What the stack's functions are told. Raises SystemNotDeployed."""
    _, partition, _, region, account, *_ = stack.output("FleetBackupStateMachineArn", SYSTEM).split(":")
    regions = stack.parameters["FleetRegions"] or region
    environment = {
        "STACK": stack.name,
        "PARTITION": partition,
        "REGION": region,
        "ACCOUNT": account,
        "FLEET_BUCKET": stack.output("FleetBackupBucketName", SYSTEM),
        "REGIONS": regions,
        "REPLICATION_ROLE_ARN": "",  # commands set no replication up
    }
    for field in fields(Settings):
        name = "".join(word.capitalize() for word in field.name.split("_"))
        environment.setdefault(field.name.upper(), stack.parameters.get(f"Fleet{name}", ""))
    return settings.read(Settings, environment)


@dataclass(frozen=True, slots=True)
class Deployed:
    """`restore`: who restores, with the fleet of the stack."""

    stack: Stack
    restore: Restore

    @property
    def fleet(self) -> Fleet:
        return self.restore.fleet

    @property
    def documents(self) -> Documents:
        return self.fleet.documents

    @property
    def roles(self) -> tuple[str, ...]:
        """Those that the stack may give to what it restores."""
        return settings.names(self.stack.parameters.get("FleetRestoreRoleArns", "").replace(" ", ""))

    def workflow(self, output: str) -> Workflow:
        return StateMachine(wiring.client("stepfunctions"), self.stack.output(output, SYSTEM))


def deployed(stack_name: str) -> Deployed:
    """Raises StackMissing; SystemNotDeployed where the stack has no fleet system."""
    stack = find(stack_name)
    return Deployed(stack, wiring.restoring(told(stack), None, quiet))


def follow(workflow: Workflow, execution: str, sleep: Callable[[float], None], look: Callable[[], None]) -> Execution:
    """Wait until a workflow is done, and look again and again how far it is."""
    while (found := workflow.look(execution)).status is Status.RUNNING:
        look()
        sleep(POLL_SECONDS)
    look()
    return found


def said(execution: Execution) -> Mapping[str, Any]:
    """What a workflow that did all it was asked answered. Raises CannotFinish."""
    if execution.status is Status.FAILED or execution.answer is None:
        raise CannotFinish(execution.why or "it said nothing")
    return execution.answer
