"""How an instance is made again from its backup and its description. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.fleet.model import LINUX, PartType, platform_of
from holdfast.fleet.restore.model import NotRestorable, Piece, PieceType
from holdfast.fleet.restore.request import Request, given, tag_list

GIB = 1024**3

OF_IMAGE = ("Architecture", "VirtualizationType", "EnaSupport", "SriovNetSupport", "BootMode", "TpmSupport")

MAY_GIVE_NONE = "deploy with its role in FleetRestoreRoleArns first, and it is restored with it"

_OF_METADATA = (
    "HttpTokens",
    "HttpPutResponseHopLimit",
    "HttpEndpoint",
    "HttpProtocolIpv6",
    "InstanceMetadataTags",
)

_WITH_IOPS = ("gp3", "io1", "io2")
"""Volumes of other types tell their IOPS, and take none."""


def pieces(asked: Request) -> tuple[Piece, ...]:
    """The instance; before it an image, if it was backed up as snapshots. Raises NotRestorable."""
    asked.need("--subnet", asked.placement.subnet)
    asked.need("--security-group", asked.placement.security_groups)
    image = next((part.id for part in asked.backup.parts if part.type is PartType.IMAGE), "")
    devices = list(_devices(asked, from_image=bool(image)))
    if image:
        return (_instance(asked, devices, {"ImageId": image}),)
    return (_image(asked, devices), _instance(asked, devices, {}))


def storage(asked: Request) -> Iterator[tuple[str, int]]:
    for volume in asked.description["BlockDevices"]:
        yield f"ebs {volume['VolumeType']}", volume["Size"] * GIB


def notes(asked: Request) -> Iterator[str]:
    told = asked.description
    if asked.placement.isolated:
        return
    if told.get("UserData"):
        yield "its user data runs again: cloud-init takes it for a new machine"
    if not asked.is_home and told.get("KeyName"):
        yield f"without its key pair {told['KeyName']!r}, which is of {asked.home.region}"
    if asked.place.account and told.get("IamInstanceProfile"):
        yield "without its instance profile, which is of another account"
    elif told.get("IamInstanceProfile") and not asked.placement.roles:
        yield f"without its instance profile: {MAY_GIVE_NONE}"
    if (interfaces := told.get("NetworkInterfaces", 1)) > 1:
        yield f"with one network interface of {interfaces}: attach the others by hand"
    yield "with new addresses: elastic IPs, target groups and DNS names point to the original"


def _image(asked: Request, devices: list[dict[str, Any]]) -> Piece:
    told = asked.description
    if (platform := platform_of(told)) != LINUX:
        raise NotRestorable(
            f"{asked.label} runs {platform}, and an image that is made of snapshots has no licence for that: deploy "
            "with FleetImages=true, so that it is backed up as an image"
        )
    name = f"{asked.unique}-image"
    request = {
        "Name": name,
        "Description": f"made by holdfast to restore {asked.label}, and removed then",
        "RootDeviceName": told["RootDeviceName"],
        "BlockDeviceMappings": devices,
        **given(told, OF_IMAGE),
        "TagSpecifications": [{"ResourceType": "image", "Tags": tag_list(asked.marks)}],
    }
    return Piece(PieceType.IMAGE, name, request, temporary=True)


def _devices(asked: Request, *, from_image: bool) -> Iterator[dict[str, Any]]:
    """The volumes: as they were described, filled with what was backed up. Snapshots tell whether they are encrypted,
    and with which key; an image has its snapshots."""
    snapshots = {part.of: part.id for part in asked.backup.parts if part.type is PartType.SNAPSHOT}
    for volume in asked.description["BlockDevices"]:
        ebs = {"VolumeType": volume["VolumeType"], "VolumeSize": volume["Size"]}
        if volume["VolumeType"] in _WITH_IOPS:
            ebs |= given(volume, ("Iops", "Throughput"))
        ebs["DeleteOnTermination"] = asked.placement.isolated or volume["DeleteOnTermination"]
        if not from_image:
            if volume["VolumeId"] not in snapshots:
                raise NotRestorable(f"{asked.backup.id} has no snapshot of {volume['VolumeId']}")
            ebs["SnapshotId"] = snapshots[volume["VolumeId"]]
        yield {"DeviceName": volume["DeviceName"], "Ebs": ebs}


def _instance(asked: Request, devices: list[dict[str, Any]], image: Mapping[str, str]) -> Piece:
    tags = tag_list(asked.tags)
    request = {
        **image,
        "ClientToken": asked.unique,
        "MinCount": 1,
        "MaxCount": 1,
        "InstanceType": asked.description["InstanceType"],
        "BlockDeviceMappings": devices,
        **_network(asked),
        **({} if asked.placement.isolated else _identity(asked)),
        **given({"MetadataOptions": given(asked.description.get("MetadataOptions", {}), _OF_METADATA)}),
        **given(asked.description, ("EbsOptimized",)),
        **_tenancy(asked.description),
        "TagSpecifications": [{"ResourceType": of, "Tags": tags} for of in ("instance", "volume")],
    }
    settings = () if asked.placement.isolated else tuple(_settings(asked.description))
    return Piece(PieceType.INSTANCE, asked.unique, request, settings, _expected(asked))


def _network(asked: Request) -> dict[str, Any]:
    subnet = asked.placement.subnet or asked.description["SubnetId"]
    if asked.placement.isolated:
        return {"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": False}]}
    groups = list(asked.placement.security_groups) or asked.description["SecurityGroupIds"]
    return {"SubnetId": subnet, "SecurityGroupIds": groups}


def _tenancy(told: Mapping[str, Any]) -> dict[str, Any]:
    """A host of one's own would have to be the same, and have room."""
    is_dedicated = told.get("Placement", {}).get("Tenancy") == "dedicated"
    return {"Placement": {"Tenancy": "dedicated"}} if is_dedicated else {}


def _identity(asked: Request) -> dict[str, Any]:
    """What it may do, who may log in, and what it does at its first start."""
    told = asked.description
    found = given(told, ("UserData",))
    if asked.is_home:
        found |= given(told, ("KeyName",))
    if not asked.place.account and asked.placement.roles and (profile := told.get("IamInstanceProfile")):
        found["IamInstanceProfile"] = {"Arn": profile}
    if told.get("Monitoring"):
        found["Monitoring"] = {"Enabled": True}
    return found


def _settings(told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """EC2 sets one attribute a call."""
    if told.get("SourceDestCheck") is False:
        yield {"SourceDestCheck": {"Value": False}}
    if told.get("DisableApiTermination"):
        yield {"DisableApiTermination": {"Value": True}}


def _expected(asked: Request) -> dict[str, Any]:
    volumes = asked.description["BlockDevices"]
    expected = {
        "status checks": "ok",
        "instance type": asked.description["InstanceType"],
        "subnet": asked.placement.subnet or asked.description["SubnetId"],
        "volumes": volumes_in_words({volume["DeviceName"]: volume["Size"] for volume in volumes}),
    }
    if volumes and all(volume["Encrypted"] for volume in volumes):
        expected["encrypted"] = True
    if asked.placement.isolated:
        expected |= {"public address": "none", "instance profile": "none"}
    return expected


def volumes_in_words(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{device} {size:,} GiB" for device, size in sorted(sizes.items()))
