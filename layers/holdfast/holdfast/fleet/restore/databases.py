"""How a database or a cluster is made again from its snapshot and its description. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any

from holdfast.fleet.model import Kind
from holdfast.fleet.restore.model import Piece, PieceType
from holdfast.fleet.restore.request import Request, given, tag_list

GIB = 1024**3

LONGEST_NAME = 63

OF_INSTANCE = (
    "DBInstanceClass",
    "Port",
    "MultiAZ",
    "PubliclyAccessible",
    "AutoMinorVersionUpgrade",
    "LicenseModel",
    "StorageType",
    "CopyTagsToSnapshot",
    "EnableIAMDatabaseAuthentication",
    "EnableCloudwatchLogsExports",
    "NetworkType",
    "CACertificateIdentifier",
    "ProcessorFeatures",
)
OF_CLUSTER = (
    "Engine",
    "EngineVersion",
    "EngineMode",
    "Port",
    "StorageType",
    "CopyTagsToSnapshot",
    "EnableIAMDatabaseAuthentication",
    "EnableCloudwatchLogsExports",
    "ServerlessV2ScalingConfiguration",
    "ScalingConfiguration",
    "BacktrackWindow",
    "NetworkType",
)
OF_MEMBER = (
    "PromotionTier",
    "PubliclyAccessible",
    "AutoMinorVersionUpgrade",
    "MonitoringInterval",
    "MonitoringRoleArn",
)

SET_LATER = (
    "BackupRetentionPeriod",
    "PreferredBackupWindow",
    "PreferredMaintenanceWindow",
    "MaxAllocatedStorage",
    "MonitoringInterval",
    "MonitoringRoleArn",
    "DeletionProtection",
)
"""What restoring does not set. Who deletes a half-made database is not in the way of its protection."""

SET_LATER_OF_CLUSTER = (
    "BackupRetentionPeriod",
    "PreferredBackupWindow",
    "PreferredMaintenanceWindow",
    "DeletionProtection",
)

_USUAL_GP3_IOPS, _USUAL_GP3_THROUGHPUT = 3000, 125
"""RDS refuses to be told them of a volume that has no others."""


def new_name(asked: Request) -> str:
    """The identifier of what is made: in a region there is one of each."""
    if asked.placement.isolated:
        return asked.unique
    suffix = asked.placement.suffix or f"restored-{asked.backup.taken.astimezone(UTC):%Y%m%d-%H%M}"
    return f"{asked.label[: LONGEST_NAME - len(suffix) - 1].rstrip('-')}-{suffix}"


def pieces(asked: Request) -> tuple[Piece, ...]:
    """A database; or a cluster, and then its members. Raises NotRestorable."""
    asked.need("--db-subnet-group", asked.placement.db_subnet_group)
    asked.need("--security-group", asked.placement.security_groups)
    if asked.backup.kind is Kind.CLUSTER:
        return (_cluster(asked), *_members(asked))
    return (_database(asked),)


def storage(asked: Request) -> Iterator[tuple[str, int]]:
    told = asked.description
    if _is_aurora(told):  # it is billed by what it holds
        yield "rds aurora", asked.backup.size
    else:
        yield f"rds {told['StorageType']}", told["AllocatedStorage"] * GIB


def notes(asked: Request) -> Iterator[str]:
    told = asked.description
    if not asked.is_home:
        for group in _own(told, ("DBParameterGroupName", "DBClusterParameterGroupName", "OptionGroupName")).values():
            yield f"without {group!r}, which is of {asked.home.region}: the default one is used"
    if not asked.placement.isolated:
        for role in sorted({role for one in (told, *told.get("Members", ())) for role in _withheld(asked, one)}):
            yield f"without enhanced monitoring: deploy with {role} in FleetRestoreRoleArns first, and it is restored"
        if told.get("ManageMasterUserPassword"):
            yield "its password is that of its backup, and in no secret: have RDS make another one"
        yield "under a new endpoint: whoever uses the original has to be told"


def _is_aurora(told: Mapping[str, Any]) -> bool:
    return str(told.get("Engine", "")).startswith("aurora")


def _network(asked: Request) -> dict[str, Any]:
    """Where it can be reached. In isolation it has the default security group of its network."""
    found = {"DBSubnetGroupName": asked.placement.db_subnet_group or asked.description.get("DBSubnetGroupName")}
    if not asked.placement.isolated:
        groups = asked.placement.security_groups or asked.description.get("VpcSecurityGroupIds")
        found["VpcSecurityGroupIds"] = list(groups or ())
    return given(found)


def _groups(asked: Request, *names: str) -> dict[str, Any]:
    """Parameter and option groups: those of a region are not in another, and RDS gives the default ones itself."""
    return _own(asked.description, names) if asked.is_home else {}


def _own(told: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: group for name, group in given(told, names).items() if not group.startswith("default")}


def _withheld(asked: Request, told: Mapping[str, Any]) -> list[str]:
    """The role of enhanced monitoring, if it may not be given."""
    role = told.get("MonitoringRoleArn")
    return [role] if role and not asked.may_give(role) else []


def _permitted(asked: Request, told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without enhanced monitoring, if its role may not be given."""
    if not _withheld(asked, told):
        return told
    return {name: value for name, value in told.items() if name not in ("MonitoringInterval", "MonitoringRoleArn")}


def _database(asked: Request) -> Piece:
    told, name = asked.description, new_name(asked)
    request = {
        "DBInstanceIdentifier": name,
        "DBSnapshotIdentifier": asked.backup.parts[0].id,
        **given(told, OF_INSTANCE),
        **_faster(told),
        **_groups(asked, "DBParameterGroupName", "OptionGroupName"),
        **_network(asked),
        "Tags": tag_list(asked.tags),
    }
    expected = {
        "engine": f"{told['Engine']} {told['EngineVersion']}",
        "class": told["DBInstanceClass"],
        "storage": f"{told['AllocatedStorage']:,} GiB",
        **_encrypted(told),
    }
    if asked.placement.isolated:
        request |= {"MultiAZ": False, "PubliclyAccessible": False, "DeletionProtection": False}
        return Piece(PieceType.DATABASE, name, request, (), {**expected, "public": False})
    return Piece(PieceType.DATABASE, name, request, _later(_permitted(asked, told), SET_LATER), expected)


def _faster(told: Mapping[str, Any]) -> dict[str, Any]:
    """What was paid for besides what every volume has."""
    logs = {"DedicatedLogVolume": True} if told.get("DedicatedLogVolume") else {}
    return logs | _rates(told)


def _rates(told: Mapping[str, Any]) -> dict[str, Any]:
    if told.get("StorageType") != "gp3":
        return given(told, ("Iops",)) if told.get("StorageType") in ("io1", "io2") else {}
    usual = {"Iops": _USUAL_GP3_IOPS, "StorageThroughput": _USUAL_GP3_THROUGHPUT}
    return {name: told[name] for name, least in usual.items() if (told.get(name) or 0) > least}


def _later(told: Mapping[str, Any], names: tuple[str, ...]) -> tuple[dict[str, Any], ...]:
    settings = {name: value for name, value in given(told, names).items() if value is not False}
    return (settings,) if settings else ()


def _encrypted(told: Mapping[str, Any]) -> dict[str, Any]:
    return {"encrypted": True} if told.get("StorageEncrypted") else {}


def _cluster(asked: Request) -> Piece:
    told, name = asked.description, new_name(asked)
    request = {
        "DBClusterIdentifier": name,
        "SnapshotIdentifier": asked.backup.parts[0].id,
        **given(told, OF_CLUSTER),
        **_groups(asked, "DBClusterParameterGroupName"),
        **_network(asked),
        "Tags": tag_list(asked.tags),
    }
    if not _is_aurora(told):  # it brings its members itself
        request |= given(told, ("DBClusterInstanceClass", "Iops"))
    settings = () if asked.placement.isolated else _later(told, SET_LATER_OF_CLUSTER)
    expected = {"engine": f"{told['Engine']} {told['EngineVersion']}", **_encrypted(told)}
    return Piece(PieceType.CLUSTER, name, request, settings, expected)


def _members(asked: Request) -> Iterator[Piece]:
    """The writer first: the first that is there is the one that writes. A drill needs no other."""
    told = asked.description
    if not _is_aurora(told):
        return
    members = sorted(told["Members"], key=lambda member: (not member["IsWriter"], member.get("PromotionTier", 1)))
    for number, member in enumerate(members[:1] if asked.placement.isolated else members, start=1):
        name = f"{new_name(asked)[: LONGEST_NAME - 3]}-{number}"
        request = {
            "DBInstanceIdentifier": name,
            "DBClusterIdentifier": new_name(asked),
            "DBInstanceClass": member["DBInstanceClass"],
            "Engine": told["Engine"],
            **given(_permitted(asked, member), OF_MEMBER),
            "Tags": tag_list(asked.tags),
        }
        expected = {"class": member["DBInstanceClass"]}
        if asked.is_home:
            request |= _own(member, ("DBParameterGroupName",))
        if asked.placement.isolated:
            request["PubliclyAccessible"] = False
            expected["public"] = False
        yield Piece(PieceType.DATABASE, name, request, (), expected)
