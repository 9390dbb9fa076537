"""EC2 in one region of one account, as restores make instances there."""

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from holdfast.fleet.ports import LimitReached, NotAvailable
from holdfast.fleet.restore.instances import volumes_in_words
from holdfast.fleet.restore.model import Made, Mark, Piece, PieceType, State
from holdfast.fleet.restore.ports import NOT_GIVEN, PASSING, Refused

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

_THERE = ["pending", "running", "stopping", "stopped"]
_ENDED = ["shutting-down", "terminated"]
"""An instance that EC2 cannot start, because it may not use a key, ends at once. It is listed for an hour."""

_LATER = {
    "InstanceLimitExceeded",
    "InsufficientAddressCapacity",
    "InsufficientCapacity",
    "InsufficientFreeAddressesInSubnet",
    "InsufficientInstanceCapacity",
    "MaxSpotInstanceCountExceeded",
    "RequestLimitExceeded",
    "ResourceLimitExceeded",
    "VcpuLimitExceeded",
    "VolumeLimitExceeded",
}
_NOT_NOW = {"IncorrectInstanceState", "IncorrectState", "InvalidState"}
_GONE = {"InvalidInstanceID.NotFound", "InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"}
_REFUSED = ("Idempotent", "Invalid", "KMS", "Missing", "OptInRequired", "PendingVerification", "Unsupported")
"""What the codes of errors begin with that come again however often one asks.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"""


def _meant(error: ClientError, what: str) -> Exception:
    code = error.response["Error"]["Code"]
    told = f"{what}: {error.response['Error'].get('Message') or code}"
    if code in _LATER:
        return LimitReached(told)
    if code in _NOT_NOW:
        return NotAvailable(told)
    if code == "UnauthorizedOperation" and PASSING in told:
        return Refused(f"{told}: {NOT_GIVEN}")
    if code.startswith(_REFUSED):
        return Refused(told)
    return error


def _tags(told: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in told.get("Tags", [])}


def _having(**tags: str) -> Any:
    return [{"Name": f"tag:{name}", "Values": [value]} for name, value in tags.items()]


@dataclass(frozen=True, slots=True)
class Ec2Provisioner:
    """The `Provisioner` of EC2."""

    client: "EC2Client"
    region: str
    account: str
    partition: str = "aws"

    # What is there

    def find(self, pieces: Sequence[Piece]) -> list[Made]:
        found: list[Made] = []
        for piece in pieces:
            if piece.type is PieceType.IMAGE:
                named: Any = [{"Name": "name", "Values": [piece.name]}]
                images = self.client.describe_images(Owners=["self"], Filters=named)["Images"]
                found += [self._image(image) for image in images]
            else:
                tags = {tag["Key"]: tag["Value"] for tag in piece.request["TagSpecifications"][0]["Tags"]}
                ours = _having(**{mark: tags[mark] for mark in (Mark.RESTORE, Mark.ITEM)})
                found += [self._instance(one, piece.name) for one in self._instances(ours, [*_ENDED, *_THERE])]
        return found

    def made(self, restore: str) -> Iterator[Made]:
        ours = _having(**{Mark.RESTORE: restore})
        for page in self.client.get_paginator("describe_images").paginate(Owners=["self"], Filters=ours):
            yield from (self._image(image) for image in page["Images"])
        for instance in self._instances(ours, _THERE):
            yield self._bare(instance, instance["InstanceId"])

    def _instances(self, filters: Any, states: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        there = [*filters, {"Name": "instance-state-name", "Values": states}]
        for page in self.client.get_paginator("describe_instances").paginate(Filters=there):
            yield from (one for reservation in page["Reservations"] for one in reservation["Instances"])

    def _image(self, image: Mapping[str, Any]) -> Made:
        states = {"available": State.READY, "pending": State.MAKING, "transient": State.MAKING}
        return Made(
            PieceType.IMAGE,
            image["Name"],
            image["ImageId"],
            f"arn:{self.partition}:ec2:{self.region}::image/{image['ImageId']}",
            states.get(image["State"], State.FAILED),
            _tags(image),
            why=image.get("StateReason", {}).get("Message", ""),
        )

    def _bare(self, instance: Mapping[str, Any], name: str) -> Made:
        id_, state = instance["InstanceId"], instance["State"]["Name"]
        return Made(
            PieceType.INSTANCE,
            name,
            id_,
            f"arn:{self.partition}:ec2:{self.region}:{self.account}:instance/{id_}",
            {"pending": State.MAKING, "running": State.READY}.get(state, State.FAILED),
            _tags(instance),
            why=instance.get("StateReason", {}).get("Message") or f"it is {state}",
        )

    def _instance(self, instance: Mapping[str, Any], name: str) -> Made:
        bare = self._bare(instance, name)
        return replace(bare, facts=self._facts(instance)) if bare.state is State.READY else bare

    def _facts(self, instance: Mapping[str, Any]) -> dict[str, Any]:
        mine: Any = [{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}]
        volumes = self.client.describe_volumes(Filters=mine)["Volumes"]
        return {
            "status checks": self._health(instance["InstanceId"]),
            "instance type": instance["InstanceType"],
            "subnet": instance.get("SubnetId"),
            "volumes": volumes_in_words({volume["Attachments"][0]["Device"]: volume["Size"] for volume in volumes}),
            "encrypted": bool(volumes) and all(volume["Encrypted"] for volume in volumes),
            "public address": instance.get("PublicIpAddress") or "none",
            "instance profile": instance.get("IamInstanceProfile", {}).get("Arn") or "none",
        }

    def _health(self, instance_id: str) -> str:
        """The worst that the status checks tell: impaired, initializing, insufficient-data, ok."""
        told = self.client.describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"]
        if not told:
            return "pending"
        found = {told[0]["InstanceStatus"]["Status"], told[0]["SystemStatus"]["Status"]}
        worst = ("impaired", "initializing", "insufficient-data", "not-applicable", "ok")
        return next(status for status in worst if status in found)

    # Making it

    def make(self, piece: Piece, image: str = "") -> None:
        request: Any = {**({"ImageId": image} if image else {}), **piece.request}
        if "UserData" in request:  # EC2 tells it in Base64, and the SDK encodes it once more
            request["UserData"] = b64decode(request["UserData"])
        try:
            if piece.type is PieceType.IMAGE:
                self.client.register_image(**request)
            else:
                self.client.run_instances(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidAMIName.Duplicate":
                raise _meant(error, f"{piece.type} of {piece.name}") from error

    def configure(self, made: Made, piece: Piece) -> None:
        for setting in piece.settings:
            one: Any = setting
            try:
                self.client.modify_instance_attribute(InstanceId=made.id, **one)
            except ClientError as error:
                raise _meant(error, made.id) from error

    def remove(self, made: Made) -> None:
        try:
            if made.type is PieceType.IMAGE:
                self.client.deregister_image(ImageId=made.id)
            else:
                self.client.terminate_instances(InstanceIds=[made.id])
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return
            raise _meant(error, made.id) from error
