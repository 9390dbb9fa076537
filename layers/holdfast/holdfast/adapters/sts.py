"""Sessions in other accounts, by roles that trust this one."""

from typing import TYPE_CHECKING, Any

import boto3
from botocore.credentials import CredentialProvider, CredentialResolver, RefreshableCredentials
from botocore.session import get_session

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient


class _Assumed(CredentialProvider):
    """Takes a role, and takes it again before its hour is over: a process may live for longer."""

    METHOD = "assume-role"

    def __init__(self, client: "STSClient", role_arn: str, name: str) -> None:
        super().__init__()
        self._client, self._role_arn, self._name = client, role_arn, name

    def load(self) -> Any:
        return RefreshableCredentials.create_from_metadata(self._fetch(), self._fetch, self.METHOD)

    def _fetch(self) -> dict[str, str]:
        told = self._client.assume_role(RoleArn=self._role_arn, RoleSessionName=self._name)["Credentials"]
        return {
            "access_key": told["AccessKeyId"],
            "secret_key": told["SecretAccessKey"],
            "token": told["SessionToken"],
            "expiry_time": told["Expiration"].isoformat(),
        }


def assumed(client: "STSClient", role_arn: str, name: str) -> boto3.Session:
    """A session with a role's permissions. `name` is what the other account's CloudTrail calls it."""
    session = get_session()
    session.register_component("credential_provider", CredentialResolver([_Assumed(client, role_arn, name)]))
    return boto3.Session(botocore_session=session)
