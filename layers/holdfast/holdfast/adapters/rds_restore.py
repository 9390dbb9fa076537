"""RDS in one region of one account, as restores make databases and clusters there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from holdfast.fleet.ports import LimitReached, NotAvailable
from holdfast.fleet.restore.model import Made, Mark, Piece, PieceType, State
from holdfast.fleet.restore.ports import NOT_GIVEN, PASSING, Refused

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

_LATER = {
    "InsufficientDBClusterCapacityFault",
    "InsufficientDBInstanceCapacity",
    "InsufficientStorageClusterCapacity",
    "InstanceQuotaExceeded",
    "DBClusterQuotaExceededFault",
    "StorageQuotaExceeded",
}
_EXISTS = {"DBInstanceAlreadyExists", "DBClusterAlreadyExistsFault", "DBClusterAlreadyExists"}
_GONE = {"DBInstanceNotFound", "DBInstanceNotFoundFault", "DBClusterNotFoundFault"}
_NOT_NOW = {
    "InvalidDBClusterState",
    "InvalidDBClusterStateFault",
    "InvalidDBInstanceState",
    "InvalidDBInstanceStateFault",
    "InvalidDBSnapshotState",
}
_THROTTLED = {"Throttling", "ThrottlingException", "RequestLimitExceeded"}
_OURS = 500
"""From this status on an error is the service's own, which may pass."""

_FAILED = {
    "failed",
    "inaccessible-encryption-credentials",
    "incompatible-network",
    "incompatible-option-group",
    "incompatible-parameters",
    "incompatible-restore",
    "insufficient-capacity",
    "restore-error",
    "storage-full",
}
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html"""


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def _meant(error: ClientError, what: str) -> Exception:
    code = _code(error)
    told = f"{what}: {error.response['Error'].get('Message') or code}"
    if code in _LATER:
        return LimitReached(told)
    if code in _NOT_NOW:
        return NotAvailable(told)
    if code.startswith("AccessDenied") and PASSING in told:
        return Refused(f"{told}: {NOT_GIVEN}")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _OURS)
    if status < _OURS and code not in _THROTTLED and not code.startswith(("Expired", "AccessDenied")):
        return Refused(told)
    return error


def _tags(told: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in told.get("TagList", [])}


def _state(status: str) -> State:
    if status in _FAILED:
        return State.FAILED
    return State.READY if status == "available" else State.MAKING


@dataclass(frozen=True, slots=True)
class RdsProvisioner:
    """The `Provisioner` of RDS."""

    client: "RDSClient"

    # What is there

    def find(self, pieces: Sequence[Piece]) -> list[Made]:
        found: list[Made] = []
        for piece in pieces:
            look = self._cluster_named if piece.type is PieceType.CLUSTER else self._database_named
            found += look(piece.name)
        return found

    def _database_named(self, name: str) -> list[Made]:
        try:
            found = self.client.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
        except ClientError as error:
            if _code(error) in _GONE:
                return []
            raise
        return [_database(one) for one in found]

    def _cluster_named(self, name: str) -> list[Made]:
        try:
            found = self.client.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"]
        except ClientError as error:
            if _code(error) in _GONE:
                return []
            raise
        return [_cluster(one) for one in found]

    def made(self, restore: str) -> Iterator[Made]:
        """RDS filters by no tags: all are listed, and told by theirs."""
        for page in self.client.get_paginator("describe_db_instances").paginate():
            yield from (one for one in map(_database, page["DBInstances"]) if one.tags.get(Mark.RESTORE) == restore)
        for clusters in self.client.get_paginator("describe_db_clusters").paginate():
            yield from (one for one in map(_cluster, clusters["DBClusters"]) if one.tags.get(Mark.RESTORE) == restore)

    # Making it

    def make(self, piece: Piece, image: str = "") -> None:  # noqa: ARG002 databases have none
        try:
            self._maker(piece)(**piece.request)
        except ClientError as error:
            if _code(error) not in _EXISTS:
                raise _meant(error, f"{piece.type} {piece.name}") from error

    def _maker(self, piece: Piece) -> Callable[..., Any]:
        if piece.type is PieceType.CLUSTER:
            return self.client.restore_db_cluster_from_snapshot
        if "DBClusterIdentifier" in piece.request:
            return self.client.create_db_instance
        return self.client.restore_db_instance_from_db_snapshot

    def configure(self, made: Made, piece: Piece) -> None:
        for setting in piece.settings:
            one: Any = setting
            try:
                if made.type is PieceType.CLUSTER:
                    self.client.modify_db_cluster(DBClusterIdentifier=made.id, ApplyImmediately=True, **one)
                else:
                    self.client.modify_db_instance(DBInstanceIdentifier=made.id, ApplyImmediately=True, **one)
            except ClientError as error:
                raise _meant(error, made.id) from error

    def remove(self, made: Made) -> None:
        """The members of a cluster have no automated backups of their own."""
        alone: Any = {} if made.facts.get("member") else {"DeleteAutomatedBackups": True}
        try:
            if made.type is PieceType.CLUSTER:
                self.client.delete_db_cluster(DBClusterIdentifier=made.id, SkipFinalSnapshot=True)
            else:
                self.client.delete_db_instance(DBInstanceIdentifier=made.id, SkipFinalSnapshot=True, **alone)
        except ClientError as error:
            if _code(error) in _GONE:
                return
            raise _meant(error, made.id) from error


def _database(told: Mapping[str, Any]) -> Made:
    status = told["DBInstanceStatus"]
    return Made(
        PieceType.DATABASE,
        told["DBInstanceIdentifier"],
        told["DBInstanceIdentifier"],
        told["DBInstanceArn"],
        _state(status),
        _tags(told),
        {
            "engine": f"{told['Engine']} {told['EngineVersion']}",
            "class": told["DBInstanceClass"],
            "storage": f"{told.get('AllocatedStorage', 0):,} GiB",
            "encrypted": told.get("StorageEncrypted", False),
            "public": told.get("PubliclyAccessible", False),
            "member": bool(told.get("DBClusterIdentifier")),
        },
        why=f"it is {status}",
    )


def _cluster(told: Mapping[str, Any]) -> Made:
    return Made(
        PieceType.CLUSTER,
        told["DBClusterIdentifier"],
        told["DBClusterIdentifier"],
        told["DBClusterArn"],
        _state(told["Status"]),
        _tags(told),
        {"engine": f"{told['Engine']} {told['EngineVersion']}", "encrypted": told.get("StorageEncrypted", False)},
        why=f"it is {told['Status']}",
    )
