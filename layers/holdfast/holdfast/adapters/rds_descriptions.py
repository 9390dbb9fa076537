"""What is kept of a database, so that a restore can make another one like it: JSON, under the names by which RDS takes
it back. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.adapters.ec2_descriptions import own_tags

_OF_BOTH = (
    "Engine",
    "EngineVersion",
    "AllocatedStorage",
    "AutoMinorVersionUpgrade",
    "BackupRetentionPeriod",
    "CopyTagsToSnapshot",
    "DeletionProtection",
    "EngineLifecycleSupport",
    "Iops",
    "KmsKeyId",
    "MonitoringInterval",
    "MonitoringRoleArn",
    "MultiAZ",
    "NetworkType",
    "PerformanceInsightsKMSKeyId",
    "PerformanceInsightsRetentionPeriod",
    "PreferredBackupWindow",
    "PreferredMaintenanceWindow",
    "PubliclyAccessible",
    "StorageEncrypted",
    "StorageThroughput",
    "StorageType",
)

_OF_INSTANCES = (
    "DBInstanceIdentifier",
    "DBInstanceClass",
    "AvailabilityZone",
    "CACertificateIdentifier",
    "DedicatedLogVolume",
    "LicenseModel",
    "MaxAllocatedStorage",
    "ProcessorFeatures",
)

_OF_CLUSTERS = (
    "DBClusterIdentifier",
    "DBClusterInstanceClass",
    "BacktrackWindow",
    "EngineMode",
    "Port",
    "ServerlessV2ScalingConfiguration",
)

_OF_MEMBERS = (
    "DBInstanceIdentifier",
    "DBInstanceClass",
    "AvailabilityZone",
    "CACertificateIdentifier",
    "PromotionTier",
    "PubliclyAccessible",
    "MonitoringInterval",
    "MonitoringRoleArn",
)


def describe_instance(told: Mapping[str, Any]) -> dict[str, Any]:
    """A DB instance. What RDS does not tell is left out."""
    subnets = told.get("DBSubnetGroup", {})
    return _known(
        {
            **_some(told, (*_OF_INSTANCES, *_OF_BOTH)),
            **_renamed(told),
            "Port": told.get("Endpoint", {}).get("Port") or told.get("DbInstancePort"),
            "DBSubnetGroupName": subnets.get("DBSubnetGroupName"),
            "VpcId": subnets.get("VpcId"),
            "DBParameterGroupName": _first(told.get("DBParameterGroups", []), "DBParameterGroupName"),
            "OptionGroupName": _first(told.get("OptionGroupMemberships", []), "OptionGroupName"),
        }
    )


def describe_cluster(told: Mapping[str, Any], members: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A DB cluster, and its instances: a snapshot holds none of them."""
    return _known(
        {
            **_some(told, (*_OF_CLUSTERS, *_OF_BOTH)),
            **_renamed(told),
            "DBSubnetGroupName": told.get("DBSubnetGroup"),
            "DBClusterParameterGroupName": told.get("DBClusterParameterGroup"),
            "OptionGroupName": _first(told.get("DBClusterOptionGroupMemberships", []), "DBClusterOptionGroupName"),
            "ScalingConfiguration": told.get("ScalingConfigurationInfo"),
            "Members": [_member(member, told.get("DBClusterMembers", [])) for member in members],
        }
    )


def _member(instance: Mapping[str, Any], members: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    name = instance["DBInstanceIdentifier"]
    return _known(
        {
            **_some(instance, _OF_MEMBERS),
            "DBParameterGroupName": _first(instance.get("DBParameterGroups", []), "DBParameterGroupName"),
            "EnablePerformanceInsights": instance.get("PerformanceInsightsEnabled"),
            "IsWriter": any(one["IsClusterWriter"] for one in members if one["DBInstanceIdentifier"] == name),
        }
    )


def _renamed(told: Mapping[str, Any]) -> dict[str, Any]:
    """What RDS takes under other names than it tells it."""
    return {
        "VpcSecurityGroupIds": [group["VpcSecurityGroupId"] for group in told.get("VpcSecurityGroups", [])],
        "ManageMasterUserPassword": bool(told.get("MasterUserSecret")) or None,
        "EnableIAMDatabaseAuthentication": told.get("IAMDatabaseAuthenticationEnabled"),
        "EnablePerformanceInsights": told.get("PerformanceInsightsEnabled"),
        "EnableCloudwatchLogsExports": told.get("EnabledCloudwatchLogsExports"),
        "Tags": own_tags(told.get("TagList", [])),
    }


def _some(told: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: told.get(name) for name in names}


def _known(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}


def _first(told: Sequence[Mapping[str, Any]], name: str) -> Any:
    return told[0][name] if told else None
