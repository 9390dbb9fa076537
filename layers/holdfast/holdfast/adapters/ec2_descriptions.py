"""What is kept of an EC2 instance, so that a restore can make another one like it: AWS's names, and JSON. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

_AS_THEY_ARE = (
    "InstanceId",
    "InstanceType",
    "ImageId",
    "KeyName",
    "SubnetId",
    "VpcId",
    "PrivateIpAddress",
    "Architecture",
    "VirtualizationType",
    "RootDeviceName",
    "EnaSupport",
    "SriovNetSupport",
    "BootMode",
    "EbsOptimized",
    "SourceDestCheck",
    "Platform",
    "PlatformDetails",
    "TpmSupport",
)

_METADATA = (
    "HttpTokens",
    "HttpPutResponseHopLimit",
    "HttpEndpoint",
    "HttpProtocolIpv6",
    "InstanceMetadataTags",
)
"""What `run_instances` takes of the options that `describe_instances` tells."""

_VOLUME = ("VolumeType", "Size", "Iops", "Throughput", "Encrypted", "KmsKeyId")


def own_tags(told: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Those that a user can set."""
    return {tag["Key"]: tag["Value"] for tag in told if not tag["Key"].startswith("aws:")}


def describe(
    instance: Mapping[str, Any], volumes: Sequence[Mapping[str, Any]], *, user_data: str, protected: bool
) -> dict[str, Any]:
    """`user_data`: in Base64; empty if there is none. It may hold secrets, which is one reason why the bucket that
    keeps it is encrypted, and closed to everybody but the fleet. What EC2 does not tell is left out."""
    by_id = {volume["VolumeId"]: volume for volume in volumes}
    told: dict[str, Any] = {
        **{name: instance.get(name) for name in _AS_THEY_ARE},
        "SecurityGroupIds": [group["GroupId"] for group in instance.get("SecurityGroups", [])],
        "IamInstanceProfile": instance.get("IamInstanceProfile", {}).get("Arn"),
        "Tags": own_tags(instance.get("Tags", [])),
        "BlockDevices": [
            _device(mapping, by_id) for mapping in instance.get("BlockDeviceMappings", []) if "Ebs" in mapping
        ],
        "MetadataOptions": _some(instance.get("MetadataOptions", {}), _METADATA),
        "Placement": {name: value for name, value in instance.get("Placement", {}).items() if value not in ("", None)},
        "Monitoring": instance.get("Monitoring", {}).get("State") in ("enabled", "pending"),
        "NetworkInterfaces": len(instance.get("NetworkInterfaces", [])),
        "DisableApiTermination": protected,
        "UserData": user_data or None,
    }
    return {name: value for name, value in told.items() if value not in (None, {})}


def _device(mapping: Mapping[str, Any], volumes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    ebs = mapping["Ebs"]
    return {
        "DeviceName": mapping["DeviceName"],
        "VolumeId": ebs["VolumeId"],
        **_some(volumes.get(ebs["VolumeId"], {}), _VOLUME),
        "DeleteOnTermination": ebs.get("DeleteOnTermination", False),
    }


def _some(told: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: told[name] for name in names if told.get(name) is not None}
