"""EC2 in one region of one account: instances, and their backups as snapshots or images."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from holdfast.adapters import ec2_descriptions
from holdfast.adapters.fleet_names import GIB, image_name, is_same_backup, token
from holdfast.fleet.model import Kind, Part, PartType, Resource, Status, Tag
from holdfast.fleet.ports import CannotCopy, LimitReached, NotAvailable, ResourceGone, Undeletable

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_kms import KMSClient

_PAGE: Any = {"PageSize": 1000}

_THERE = ["pending", "running", "stopping", "stopped"]
"""The states of an instance that is neither terminated nor about to be."""

_LIMITS = {
    "ConcurrentCreateImageNoRebootLimitExceeded",
    "ConcurrentSnapshotLimitExceeded",
    "RequestLimitExceeded",
    "ResourceLimitExceeded",
    "SnapshotCreationPerVolumeRateExceeded",
    "SnapshotLimitExceeded",
    "Throttling",
}
_NO_INSTANCE = {"InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"}
_NO_PART = {
    "InvalidAMIID.NotFound",
    "InvalidAMIID.Unavailable",
    "InvalidSnapshot.NotFound",
    "InvalidSnapshotID.NotFound",
}
_NOT_NOW = {"IncorrectInstanceState", "IncorrectState", "InvalidState"}
_HELD = {"InvalidSnapshot.InUse", "OperationNotPermitted"}
"""An image stands on the snapshot; the image is protected against deregistration.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"""


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def _message(error: ClientError) -> str:
    return error.response["Error"].get("Message", _code(error))


def _meant(error: ClientError, what: str) -> Exception:
    """What an answer to a request for a snapshot or a copy says."""
    code, told = _code(error), f"{what}: {_message(error)}"
    if code in _LIMITS:
        return LimitReached(told)
    if code in _NO_INSTANCE | _NO_PART:
        return ResourceGone(told)
    if code in _NOT_NOW:
        return NotAvailable(told)
    if code.startswith("SnapshotCopyUnsupported") or "permission to access the storage" in told:
        return CannotCopy(told)
    return error


def _tags(told: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in told}


def _tag_list(tags: Mapping[str, str]) -> Any:
    return [{"Key": str(name), "Value": value} for name, value in tags.items()]


@dataclass(frozen=True, slots=True)
class Ec2Shelf:
    """The `Shelf` of EC2. `account`: whose clients these are; `home`: the stack's, if it is another.

    `key`: under which copies into here are encrypted; without one, as their sources are, with the region's default key.
    `images`: instances are backed up as images. `locks`: EBS is asked which snapshots it has locked. `once`: a client
    that tries nothing twice, for the calls that EC2 has no token for: of an answer that was lost, nobody knows whether
    the snapshot is being made.
    """

    client: "EC2Client"
    kms: "KMSClient"
    region: str
    account: str
    stack: str
    partition: str = "aws"
    home: str = ""
    key: str = ""
    images: bool = False
    locks: bool = True
    once: "Callable[[], EC2Client] | None" = None

    # What there is to back up

    def resources(self) -> Iterator[Resource]:
        volumes = self._volumes_in_use()
        there: Any = [{"Name": "instance-state-name", "Values": _THERE}]
        for page in self.client.get_paginator("describe_instances").paginate(Filters=there, PaginationConfig=_PAGE):
            for instance in (one for reservation in page["Reservations"] for one in reservation["Instances"]):
                yield self._resource(instance, volumes)

    def _volumes_in_use(self) -> dict[str, Mapping[str, Any]]:
        in_use: Any = [{"Name": "status", "Values": ["in-use"]}]
        pages = self.client.get_paginator("describe_volumes").paginate(Filters=in_use, PaginationConfig=_PAGE)
        return {volume["VolumeId"]: volume for page in pages for volume in page["Volumes"]}

    def _resource(self, instance: Mapping[str, Any], volumes: Mapping[str, Mapping[str, Any]]) -> Resource:
        ids = _volumes_of(instance)
        known = [volumes[volume] for volume in ids if volume in volumes]
        return Resource(
            arn=f"arn:{self.partition}:ec2:{self.region}:{self.account}:instance/{instance['InstanceId']}",
            kind=Kind.INSTANCE,
            region=self.region,
            name=instance["InstanceId"],
            status=instance["State"]["Name"],
            identity=instance["InstanceId"],
            tags=_tags(instance.get("Tags", [])),
            size=sum(volume["Size"] for volume in known) * GIB,
            encrypted=all(volume["Encrypted"] for volume in known),
            volumes=ids,
        )

    def describe(self, resource: Resource) -> Mapping[str, Any]:
        try:
            instance = self._instance(resource)
            user_data = self.client.describe_instance_attribute(InstanceId=resource.name, Attribute="userData")
            protection: Any = self.client.describe_instance_attribute(
                InstanceId=resource.name, Attribute="disableApiTermination"
            )
        except ClientError as error:
            raise _meant(error, resource.name) from error
        ids = list(_volumes_of(instance))
        mine: Any = [{"Name": "volume-id", "Values": ids}]
        volumes: Any = self.client.describe_volumes(Filters=mine)["Volumes"] if ids else []
        return ec2_descriptions.describe(
            instance,
            volumes,
            user_data=user_data.get("UserData", {}).get("Value", ""),
            protected=protection["DisableApiTermination"]["Value"],
        )

    def _instance(self, resource: Resource) -> Mapping[str, Any]:
        """Raises ResourceGone."""
        found = self.client.describe_instances(InstanceIds=[resource.name])["Reservations"]
        instances = [one for reservation in found for one in reservation["Instances"]]
        if not instances or instances[0]["State"]["Name"] not in _THERE:
            raise ResourceGone(f"there is no instance {resource.name} in {self.region} any more")
        instance: Mapping[str, Any] = instances[0]
        return instance

    def identity(self, resource: Resource) -> str | None:
        try:
            instance_id: str = self._instance(resource)["InstanceId"]
        except ResourceGone:
            return None
        except ClientError as error:
            if _code(error) in _NO_INSTANCE:
                return None
            raise
        return instance_id

    # Backups

    def parts(self, source: str = "") -> Iterator[Part]:
        ours = [{"Name": f"tag:{Tag.STACK}", "Values": [self.stack]}]
        if source:
            ours.append({"Name": f"tag:{Tag.SOURCE}", "Values": [source]})
        images = list(self._all_images())
        for image in images:
            tags = _tags(image.get("Tags", []))
            if tags.get(Tag.STACK) == self.stack and source in ("", tags.get(Tag.SOURCE)):
                yield self._image_part(image, tags)
        snapshots = list(self._snapshots(ours))
        locks = self._locks() if snapshots else {}
        users = _users(images)
        for snapshot in snapshots:
            yield self._snapshot_part(snapshot, users, locks)

    def _all_images(self) -> Iterator[Mapping[str, Any]]:
        """Those of the account: the disabled ones stand on snapshots too."""
        pages = self.client.get_paginator("describe_images").paginate(
            Owners=["self"], IncludeDisabled=True, PaginationConfig=_PAGE
        )
        for page in pages:
            yield from page["Images"]

    def _snapshots(self, filters: Any) -> Iterator[Mapping[str, Any]]:
        pages = self.client.get_paginator("describe_snapshots").paginate(
            OwnerIds=["self"], Filters=filters, PaginationConfig=_PAGE
        )
        for page in pages:
            yield from page["Snapshots"]

    def _locks(self) -> dict[str, str]:
        """Until when each locked snapshot is."""
        found: dict[str, str] = {}
        more: Any = {}
        while self.locks:
            page = self.client.describe_locked_snapshots(**more)
            for one in page.get("Snapshots", []):
                if one["LockState"] != "expired":
                    found[one["SnapshotId"]] = one["LockExpiresOn"].isoformat()
            if not page.get("NextToken"):
                break
            more = {"NextToken": page["NextToken"]}
        return found

    def _image_part(self, image: Mapping[str, Any], tags: Mapping[str, str]) -> Part:
        disks = _disks(image)
        machine = image.get("SourceInstanceId") or ""
        status = {"available": Status.COMPLETE, "pending": Status.PENDING, "transient": Status.PENDING}
        return Part(
            type=PartType.IMAGE,
            id=image["ImageId"],
            arn=f"arn:{self.partition}:ec2:{self.region}::image/{image['ImageId']}",
            region=self.region,
            status=status.get(image["State"], Status.FAILED),
            tags=tags,
            account=self._elsewhere,
            of=machine or tags.get(Tag.VOLUME, ""),
            identity=machine,
            encrypted=bool(disks) and all(disk.get("Encrypted", False) for disk in disks),
            why="" if image["State"] in status else image.get("StateReason", {}).get("Message") or image["State"],
        )

    def _snapshot_part(
        self,
        snapshot: Mapping[str, Any],
        users: Mapping[str, Sequence[Mapping[str, Any]]],
        locks: Mapping[str, str],
    ) -> Part:
        id_, tags = snapshot["SnapshotId"], _tags(snapshot.get("Tags", []))
        full_size = snapshot.get("FullSnapshotSizeInBytes")
        status = {"completed": Status.COMPLETE, "pending": Status.PENDING, "recovering": Status.PENDING}
        return Part(
            type=PartType.SNAPSHOT,
            id=id_,
            arn=f"arn:{self.partition}:ec2:{self.region}::snapshot/{id_}",
            region=self.region,
            status=status.get(snapshot["State"], Status.FAILED),
            tags=tags,
            account=self._elsewhere,
            # Of which volume EC2 says a copy is, means nothing.
            of=tags.get(Tag.VOLUME, "") if Tag.ORIGIN in tags else snapshot["VolumeId"],
            size=snapshot["VolumeSize"] * GIB if full_size is None else full_size,
            encrypted=snapshot["Encrypted"],
            kms_key=snapshot.get("KmsKeyId") or "",
            used_by=tuple(
                image["ImageId"]
                for image in users.get(id_, [])
                if not is_same_backup(tags, _tags(image.get("Tags", [])))
            ),
            locked=locks.get(id_, ""),
            why="" if snapshot["State"] in status else snapshot.get("StateMessage") or snapshot["State"],
        )

    @property
    def _elsewhere(self) -> str:
        return self.account if self.home not in ("", self.account) else ""

    def copies_under_way(self) -> int:
        """A copy of an image counts as many as it has snapshots."""
        copies = [
            {"Name": f"tag:{Tag.STACK}", "Values": [self.stack]},
            {"Name": "tag-key", "Values": [Tag.ORIGIN.value]},
            {"Name": "status", "Values": ["pending"]},
        ]
        return sum(1 for _ in self._snapshots(copies))

    # Making them

    def create(self, resource: Resource, name: str, tags: Mapping[str, str]) -> None:
        if not resource.volumes:
            raise NotAvailable(f"{resource.name} has no EBS volumes: tag it holdfast:backup=none")
        try:
            if self.images:
                self._create_image(resource, name, tags)
            else:
                self._once().create_snapshots(
                    InstanceSpecification={"InstanceId": resource.name, "ExcludeBootVolume": False},
                    Description=name,
                    TagSpecifications=_specifications(tags, "snapshot"),
                )
        except ClientError as error:
            raise _meant(error, resource.name) from error

    def _once(self) -> "EC2Client":
        return self.once() if self.once else self.client

    def _create_image(self, resource: Resource, name: str, tags: Mapping[str, str]) -> None:
        """Without a reboot: its volumes are snapshot at one moment, as by CreateSnapshots."""
        try:
            self.client.create_image(
                InstanceId=resource.name,
                Name=image_name(name),
                Description=name,
                NoReboot=True,
                TagSpecifications=_specifications(tags, "image", "snapshot"),
            )
        except ClientError as error:
            if _code(error) != "InvalidAMIName.Duplicate":
                raise

    def copy(self, part: Part, name: str, tags: Mapping[str, str]) -> None:
        tags = {Tag.ORIGIN: part.id, Tag.VOLUME: part.of, **tags}
        key: Any = {"Encrypted": True, "KmsKeyId": self.key} if self.key else {}
        try:
            if part.type is PartType.IMAGE:
                self._copy_image(part, name, tags, key)
            else:
                self._once().copy_snapshot(
                    SourceRegion=part.region,
                    SourceSnapshotId=part.id,
                    Description=name,
                    TagSpecifications=_specifications(tags, "snapshot"),
                    **key,
                )
        except ClientError as error:
            raise _meant(error, part.id) from error

    def _copy_image(self, part: Part, name: str, tags: Mapping[str, str], key: Any) -> None:
        """Nobody can tell its snapshots, as long as they are not there, of which volumes they will be."""
        of_snapshots = {name: value for name, value in tags.items() if name != Tag.VOLUME}
        self.client.copy_image(
            Name=image_name(name),
            SourceImageId=part.id,
            SourceRegion=part.region,
            Description=name,
            ClientToken=token(self.stack, name, part.id),
            CopyImageTags=False,
            TagSpecifications=[*_specifications(tags, "image"), *_specifications(of_snapshots, "snapshot")],
            **key,
        )

    def share(self, part: Part, account: str) -> None:
        try:
            snapshots = self._below(part)
            for snapshot in snapshots:
                self._check_key(snapshot)
            for snapshot in snapshots:
                self.client.modify_snapshot_attribute(
                    SnapshotId=snapshot["SnapshotId"],
                    Attribute="createVolumePermission",
                    OperationType="add",
                    UserIds=[account],
                )
            if part.type is PartType.IMAGE:
                self.client.modify_image_attribute(
                    ImageId=part.id, Attribute="launchPermission", OperationType="add", UserIds=[account]
                )
        except ClientError as error:
            raise _meant(error, part.id) from error

    def _below(self, part: Part) -> Sequence[Mapping[str, Any]]:
        """The snapshots of a part: what it is, or what an image stands on. Raises ResourceGone."""
        ids = [part.id]
        if part.type is PartType.IMAGE:
            images = self.client.describe_images(ImageIds=[part.id])["Images"]
            ids = [disk["SnapshotId"] for image in images for disk in _disks(image)]
        if not ids:  # without any, EC2 would list all snapshots that there are
            raise ResourceGone(f"there is no {part.id} in {self.region}, or it has no snapshots")
        found: Sequence[Mapping[str, Any]] = self.client.describe_snapshots(SnapshotIds=ids)["Snapshots"]
        return found

    def _check_key(self, snapshot: Mapping[str, Any]) -> None:
        """Raises CannotCopy."""
        key = snapshot.get("KmsKeyId")
        if key and self.kms.describe_key(KeyId=key)["KeyMetadata"]["KeyManager"] == "AWS":
            raise CannotCopy(
                f"{snapshot['SnapshotId']} is encrypted under aws/ebs, the key that AWS manages, which no other account"
                " can use: encrypt the volume under a key of your own, and share that key with the account"
            )

    # Tags, and the end

    def tag(self, part: Part, tags: Mapping[str, str]) -> None:
        try:
            self.client.create_tags(Resources=[part.id], Tags=_tag_list(tags))
        except ClientError as error:
            if _code(error) not in _NO_PART:
                raise

    def delete(self, part: Part) -> None:
        try:
            if part.type is PartType.IMAGE:
                self.client.deregister_image(ImageId=part.id)
            else:
                self.client.delete_snapshot(SnapshotId=part.id)
        except ClientError as error:
            if _code(error) in _NO_PART:
                return
            # Which code it has when a snapshot is locked, AWS does not say.
            if _code(error) in _HELD or "locked" in _message(error).lower():
                raise Undeletable(f"{part.id}: {_message(error)}") from error
            raise


def _specifications(tags: Mapping[str, str], *types: str) -> Any:
    return [{"ResourceType": type_, "Tags": _tag_list(tags)} for type_ in types]


def _volumes_of(instance: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(one["Ebs"]["VolumeId"] for one in instance.get("BlockDeviceMappings", []) if "Ebs" in one)


def _disks(image: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Those that stand on snapshots."""
    disks = [one["Ebs"] for one in image.get("BlockDeviceMappings", []) if "Ebs" in one]
    return [disk for disk in disks if disk.get("SnapshotId")]


def _users(images: Sequence[Mapping[str, Any]]) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """The images that stand on each snapshot."""
    users: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for image in images:
        for disk in _disks(image):
            users[disk["SnapshotId"]].append(image)
    return users
