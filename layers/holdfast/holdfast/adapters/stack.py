"""A deployed stack, as an operator's machine finds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


AWS_ERRORS = (BotoCoreError, ClientError)
"""What any call of AWS may raise: no credentials, no network, no permission."""


class StackMissing(LookupError):
    """There is no stack of this name in this account and region."""


class SystemNotDeployed(LookupError):
    """The stack does not have the system that a command is about."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack's outputs and parameters by name."""

    name: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]

    @classmethod
    def find(cls, client: "CloudFormationClient", name: str) -> "Stack":
        """Raises StackMissing."""
        try:
            found = client.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                where = client.meta.region_name
                raise StackMissing(f"there is no stack {name} in {where}: name yours with --stack") from error
            raise
        return cls(
            name,
            outputs={o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", [])},
            parameters={p["ParameterKey"]: p["ParameterValue"] for p in found.get("Parameters", [])},
        )

    def output(self, name: str, system: str) -> str:
        """An output that a system has. Raises SystemNotDeployed."""
        if name not in self.outputs:
            switch = f"Enable{system.capitalize()}=true"
            raise SystemNotDeployed(f"stack {self.name} has no {system} system: deploy it with {switch}")
        return self.outputs[name]
