"""`Shelf` of EC2, in AWS and in memory: instances, and their backups as snapshots and images."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY

from holdfast.adapters.ec2_fleet import Ec2Shelf
from holdfast.adapters.memory_fleet import MemoryFleet, MemoryShelf
from holdfast.fleet.model import Kind, Part, PartType, Resource, Service, Status, Tag
from holdfast.fleet.ports import CannotCopy, LimitReached, NotAvailable, ResourceGone, Undeletable
from tests.contract.fleet import (
    ACCOUNT,
    ANYWHERE,
    AWAY,
    GIB,
    HOME,
    OTHER_ACCOUNT,
    Place,
    a_place,
    in_memory,
    tag_list,
    told,
)

NAME = "holdfast-i-1-daily-2026-11-21T02-00-00Z"


@pytest.fixture(scope="module", autouse=True)
def no_images() -> Iterator[None]:
    """moto comes with hundreds of them, and looks at each in every listing."""
    with patch.dict(os.environ, {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}):
        yield


@pytest.fixture(params=ANYWHERE)
def place(request: pytest.FixtureRequest) -> Place:
    return a_place(request, request.param, Service.EC2)


def an_instance(place: Place, *sizes: int) -> Resource:
    return place.resource(place.users.instance({}, sizes or (8,)))


# What there is


def test_an_instance_is_told_with_its_volumes(place: Place) -> None:
    arn = place.users.instance({"holdfast:backup": "daily", "Name": "web"}, [8, 20])
    found = place.resource(arn)
    assert found == Resource(
        arn=arn,
        kind=Kind.INSTANCE,
        region=HOME,
        name=arn.rpartition("/")[2],
        status="running",
        identity=arn.rpartition("/")[2],
        tags={"holdfast:backup": "daily", "Name": "web"},
        size=28 * GIB,
        encrypted=False,
        volumes=found.volumes,
    )
    assert len(set(found.volumes)) == 2


def test_an_instance_is_encrypted_if_all_its_volumes_are(place: Place) -> None:
    assert place.resource(place.users.instance({}, [1, 2], encrypted=True)).encrypted


def test_what_is_stopped_can_be_backed_up_and_what_is_terminated_cannot(place: Place) -> None:
    stopped, terminated = place.users.instance({}), place.users.instance({})
    place.users.stop(stopped)
    place.users.remove(terminated)
    assert place.resource(stopped).status == "stopped"
    assert terminated not in {found.arn for found in place.shelf.resources()}


def test_an_instance_is_described_so_that_another_like_it_can_be_made(place: Place) -> None:
    resource = place.resource(place.users.instance({"Name": "web"}, [8, 20], encrypted=True))
    told = place.shelf.describe(resource)
    assert (told["InstanceId"], told["Tags"]) == (resource.name, {"Name": "web"})
    assert told.keys() >= {"InstanceType", "ImageId", "SubnetId", "VpcId", "SecurityGroupIds", "RootDeviceName"}
    assert [(one["VolumeId"], one["Size"]) for one in told["BlockDevices"]] == [
        (resource.volumes[0], 8),
        (resource.volumes[1], 20),
    ]
    for device in told["BlockDevices"]:
        assert device.keys() >= {"DeviceName", "VolumeType", "Iops", "KmsKeyId", "DeleteOnTermination"}
        assert device["Encrypted"]


def test_what_is_terminated_is_neither_described_nor_backed_up(place: Place) -> None:
    resource = an_instance(place)
    assert place.shelf.identity(resource) == resource.identity
    place.users.remove(resource.arn)
    assert place.shelf.identity(resource) is None
    with pytest.raises(ResourceGone, match=resource.name):
        place.shelf.describe(resource)


def test_what_was_never_there_is_gone(place: Place) -> None:
    never = Resource("arn:never", Kind.INSTANCE, HOME, "i-00000000000000bad", "running", "i-0", volumes=("vol-0",))
    assert place.shelf.identity(never) is None
    with pytest.raises(ResourceGone, match="i-00000000000000bad"):
        place.shelf.describe(never)
    with pytest.raises(ResourceGone, match="i-00000000000000bad"):
        place.shelf.create(never, NAME, place.tags(never))


# Making backups


def test_a_backup_has_a_snapshot_of_each_volume(place: Place) -> None:
    resource = an_instance(place, 8, 20)
    parts = place.back_up(resource)
    assert sorted((part.of, part.size) for part in parts) == sorted(
        zip(resource.volumes, (8 * GIB, 20 * GIB), strict=True)
    )
    for part in parts:
        assert (part.type, part.region, part.status) == (PartType.SNAPSHOT, HOME, Status.COMPLETE)
        assert part.arn == f"arn:aws:ec2:{HOME}::snapshot/{part.id}"
        assert part.tags == place.tags(resource)
        assert (part.encrypted, part.used_by, part.locked, part.why) == (False, (), "", "")


def test_snapshots_have_no_names_and_are_made_again(place: Place) -> None:
    """That is why nobody asks twice before a listing must show what was made."""
    resource = an_instance(place)
    assert len(place.back_up(resource)) == 1
    assert len(place.back_up(resource)) == 2


def test_an_instance_without_volumes_has_nothing_to_back_up(place: Place) -> None:
    bare = Resource("arn:bare", Kind.INSTANCE, HOME, "i-0", "running", "i-0")
    if isinstance(place.shelf, MemoryShelf):
        bare = in_memory(place).instance(HOME, sizes=()).as_resource()
    with pytest.raises(NotAvailable, match="no EBS volumes"):
        place.shelf.create(bare, NAME, place.tags(bare))


def test_only_backups_of_this_stack_are_listed_and_of_one_source_if_one_is_asked_for(place: Place) -> None:
    one, other = an_instance(place), an_instance(place)
    place.shelf.create(one, NAME, place.tags(one) | {Tag.STACK: "another"})
    mine, others = place.back_up(one), place.back_up(other)
    assert list(place.shelf.parts(one.arn)) == mine
    assert {part.id for part in place.shelf.parts()} == {part.id for part in [*mine, *others]}
    assert list(place.away.parts()) == []


# Copies


def test_a_copy_is_encrypted_under_the_key_of_its_place_and_knows_its_origin(place: Place) -> None:
    resource = an_instance(place)
    [part] = place.back_up(resource)
    place.away.copy(part, NAME, place.tags(resource))
    [copy] = place.away.parts(resource.arn)
    assert (copy.type, copy.region, copy.status) == (PartType.SNAPSHOT, AWAY, Status.COMPLETE)
    assert copy.id != part.id
    assert copy.tags == place.tags(resource) | {Tag.ORIGIN: part.id, Tag.VOLUME: part.of}
    assert (copy.of, copy.size, copy.encrypted, copy.kms_key) == (part.of, part.size, True, place.key)
    assert place.away.copies_under_way() == 0
    assert len(list(place.shelf.parts())) == 1


def test_what_is_gone_is_not_copied(place: Place) -> None:
    resource = an_instance(place)
    [part] = place.back_up(resource)
    place.shelf.delete(part)
    with pytest.raises(ResourceGone, match=part.id):
        place.away.copy(part, NAME, place.tags(resource))
    with pytest.raises(ResourceGone, match=part.id):
        place.shelf.share(part, OTHER_ACCOUNT)


def test_a_snapshot_can_be_shared_again_and_again(place: Place) -> None:
    [part] = place.back_up(an_instance(place))
    place.shelf.share(part, OTHER_ACCOUNT)
    place.shelf.share(part, OTHER_ACCOUNT)


# Tags, and the end


def test_tags_are_added_and_changed(place: Place) -> None:
    resource = an_instance(place)
    [part] = place.back_up(resource)
    place.shelf.tag(part, {Tag.VERIFIED: "2026-11-21T02:10:00+00:00", "other": "1"})
    place.shelf.tag(part, {"other": "2"})
    [after] = place.shelf.parts(resource.arn)
    assert after.tags == place.tags(resource) | {Tag.VERIFIED: "2026-11-21T02:10:00+00:00", "other": "2"}


def test_a_snapshot_is_deleted_once_and_to_delete_or_tag_it_again_is_no_error(place: Place) -> None:
    resource = an_instance(place, 1, 2)
    first, second = place.back_up(resource)
    place.shelf.delete(first)
    place.shelf.delete(first)
    place.shelf.tag(first, {"a": "b"})
    assert list(place.shelf.parts()) == [second]


def test_a_snapshot_that_somebody_s_image_stands_on_is_held_until_the_image_is_deregistered(place: Place) -> None:
    resource = an_instance(place)
    image, snapshot = place.users.used_snapshot(place.tags(resource))
    [part] = place.shelf.parts()
    assert (part.id, part.used_by) == (snapshot, (image,))
    with pytest.raises(Undeletable, match=rf"{snapshot}.*{image}"):
        place.shelf.delete(part)
    of_image = Part(PartType.IMAGE, image, f"arn:aws:ec2:{HOME}::image/{image}", HOME, Status.COMPLETE, {})
    place.shelf.tag(of_image, place.tags(resource))
    found = next(part for part in place.shelf.parts() if part.type is PartType.IMAGE)
    assert (found.id, found.arn, found.size) == (image, of_image.arn, 0)
    assert [part.used_by for part in place.shelf.parts()] == [(), ()]  # it is of the same backup now
    for part in [found, *place.shelf.parts()]:
        place.shelf.delete(part)
        place.shelf.delete(part)
    assert list(place.shelf.parts()) == []


# Only in memory: moto tags no snapshots of images, and nothing in it takes time


def an_account(**settings: Any) -> tuple[MemoryFleet, list[datetime]]:
    """An account, and what its clock shows."""
    clock = [datetime(2026, 11, 21, 2, tzinfo=UTC)]
    return MemoryFleet(now=lambda: clock[0], **settings), clock


TAGS: dict[str, str] = {Tag.STACK: "holdfast", Tag.SOURCE: "arn:i", Tag.RUN: "daily-2026-11-21T02-00-00Z"}


def test_in_memory_an_image_is_made_once_for_a_name_with_a_snapshot_of_each_volume() -> None:
    fleet, _ = an_account()
    shelf = MemoryShelf(fleet, "ec2", HOME, images=True)
    machine = fleet.instance(HOME, sizes=[8, 20], kms_key="own")
    for _ in range(2):
        shelf.create(machine.as_resource(), NAME, TAGS)
    image, *snapshots = shelf.parts()
    assert (image.type, image.of, image.identity, image.encrypted) == (PartType.IMAGE, machine.id, machine.id, True)
    assert [one.of for one in snapshots] == [volume.id for volume in machine.volumes]
    assert all(one.tags == TAGS and not one.used_by for one in (image, *snapshots))
    with pytest.raises(Undeletable, match=image.id):
        shelf.delete(snapshots[0])
    for part in (image, *snapshots):
        shelf.delete(part)
    assert list(shelf.parts()) == []


def test_in_memory_an_image_brings_its_snapshots_along_where_it_is_shared() -> None:
    fleet, _ = an_account()
    shelf = MemoryShelf(fleet, "ec2", HOME, images=True)
    away = MemoryShelf(fleet, "ec2", AWAY, account=OTHER_ACCOUNT, key="theirs")
    shelf.create(fleet.instance(HOME, sizes=[8, 20]).as_resource(), NAME, TAGS)
    image = next(shelf.parts())
    with pytest.raises(ResourceGone, match=image.id):
        away.copy(image, NAME, TAGS)
    shelf.share(image, OTHER_ACCOUNT)
    for _ in range(2):
        away.copy(image, NAME, TAGS | {Tag.VOLUME: image.of})
    copies = list(away.parts())
    assert [copy.type for copy in copies] == [PartType.IMAGE, PartType.SNAPSHOT, PartType.SNAPSHOT]
    assert [copy.kms_key for copy in copies[1:]] == ["theirs", "theirs"]
    assert all(copy.account == OTHER_ACCOUNT and copy.tags[Tag.ORIGIN] == image.id for copy in copies)


def test_in_memory_a_snapshot_takes_its_time_and_is_listed_late() -> None:
    fleet, clock = an_account(taking=timedelta(minutes=5), lag=timedelta(seconds=30))
    shelf = MemoryShelf(fleet, "ec2", HOME)
    shelf.create(fleet.instance(HOME).as_resource(), NAME, TAGS)
    assert list(shelf.parts()) == []
    clock[0] += timedelta(seconds=30)
    assert [part.status for part in shelf.parts()] == [Status.PENDING]
    clock[0] += timedelta(minutes=5)
    assert [part.status for part in shelf.parts()] == [Status.COMPLETE]


def test_in_memory_only_so_many_copies_are_made_at_a_time() -> None:
    fleet, clock = an_account(copying=timedelta(hours=1), copies_at_once=2)
    shelf, away = MemoryShelf(fleet, "ec2", HOME), MemoryShelf(fleet, "ec2", AWAY)
    shelf.create(fleet.instance(HOME).as_resource(), NAME, TAGS)
    [part] = shelf.parts()
    for _ in range(2):
        away.copy(part, NAME, TAGS)
    with pytest.raises(LimitReached, match="2 copies"):
        away.copy(part, NAME, TAGS)
    assert away.copies_under_way() == 2
    clock[0] += timedelta(hours=1)
    away.copy(part, NAME, TAGS)
    assert away.copies_under_way() == 1


def test_in_memory_what_is_not_complete_is_not_copied() -> None:
    fleet, _ = an_account(taking=timedelta(minutes=5))
    shelf = MemoryShelf(fleet, "ec2", HOME)
    shelf.create(fleet.instance(HOME).as_resource(), NAME, TAGS)
    [part] = shelf.parts()
    with pytest.raises(NotAvailable, match="not complete"):
        MemoryShelf(fleet, "ec2", AWAY).copy(part, NAME, TAGS)


def test_in_memory_a_default_key_keeps_a_snapshot_in_its_account() -> None:
    fleet, _ = an_account()
    shelf = MemoryShelf(fleet, "ec2", HOME)
    shelf.create(fleet.instance(HOME, kms_key=fleet.default_key("ec2", HOME)).as_resource(), NAME, TAGS)
    [part] = shelf.parts()
    with pytest.raises(CannotCopy, match="the key that AWS manages"):
        shelf.share(part, OTHER_ACCOUNT)


def test_in_memory_what_is_locked_stays_and_what_failed_says_why() -> None:
    fleet, _ = an_account()
    shelf = MemoryShelf(fleet, "ec2", HOME)
    shelf.create(fleet.instance(HOME).as_resource(), NAME, TAGS)
    [part] = shelf.parts()
    fleet.change(part.id, locked="2027-01-01T00:00:00+00:00", tags={Tag.HOLD: "case 7"})
    fleet.fail(part.id, "the key is disabled")
    [part] = shelf.parts()
    assert (part.status, part.why, part.tags[Tag.HOLD]) == (Status.FAILED, "the key is disabled", "case 7")
    with pytest.raises(Undeletable, match="locked until 2027"):
        shelf.delete(part)
    fleet.lose(part.id)
    assert list(shelf.parts()) == fleet.all_parts() == []


def test_in_memory_somebody_may_come_before_any_call() -> None:
    called: list[tuple[str, ...]] = []

    def note(call: str, /, *what: str) -> None:
        called.append((call, *what))

    fleet, _ = an_account(before=note)
    shelf = MemoryShelf(fleet, "ec2", HOME)
    resource = fleet.instance(HOME).as_resource()
    shelf.create(resource, NAME, TAGS)
    [part] = shelf.parts()
    shelf.delete(part)
    assert called == [
        ("create", "ec2", HOME, resource.arn, NAME),
        ("parts", "ec2", HOME, ""),
        ("delete", "ec2", HOME, part.id),
    ]


# What EC2 is asked for, and what it may answer, where moto does not


@pytest.fixture
def ec2() -> Iterator[Any]:
    with told("ec2") as answers:
        yield answers


@pytest.fixture
def kms() -> Iterator[Any]:
    with told("kms") as answers:
        yield answers


INSTANCE = Resource(f"arn:aws:ec2:{HOME}:{ACCOUNT}:instance/i-1", Kind.INSTANCE, HOME, "i-1", "", "i-1", volumes=("v",))
SNAPSHOT = Part(PartType.SNAPSHOT, "snap-1", "arn:snap-1", HOME, Status.COMPLETE, {}, of="vol-1")
IMAGE = Part(PartType.IMAGE, "ami-1", "arn:ami-1", HOME, Status.COMPLETE, {}, of="i-1")


def a_shelf(ec2: Any, **settings: Any) -> Ec2Shelf:
    return Ec2Shelf(ec2.client, settings.pop("kms", None), HOME, ACCOUNT, "holdfast", **settings)


def test_all_pages_of_instances_and_volumes_are_read(ec2: Any) -> None:
    asked: Any = {"Filters": [{"Name": "status", "Values": ["in-use"]}], "MaxResults": 1000}
    volumes = [{"VolumeId": f"vol-{number}", "Size": number, "Encrypted": number != 2} for number in (1, 2, 3)]
    ec2.add_response("describe_volumes", {"Volumes": volumes[:1], "NextToken": "2"}, asked)
    ec2.add_response("describe_volumes", {"Volumes": volumes[1:]}, asked | {"NextToken": "2"})
    states = ["pending", "running", "stopping", "stopped"]
    asked = {"Filters": [{"Name": "instance-state-name", "Values": states}], "MaxResults": 1000}
    for number, token in ((1, {"NextToken": "2"}), (3, {})):
        of = [{"Ebs": {"VolumeId": f"vol-{volume}"}} for volume in {1: (1, 2), 3: (3,)}[number]]
        instance = {"InstanceId": f"i-{number}", "State": {"Name": "stopping"}, "BlockDeviceMappings": of}
        ec2.add_response("describe_instances", {"Reservations": [{"Instances": [instance]}], **token}, asked)
        asked = asked | token
    found = [(one.name, one.status, one.size, one.encrypted) for one in a_shelf(ec2).resources()]
    assert found == [("i-1", "stopping", 3 * GIB, False), ("i-3", "stopping", 3 * GIB, True)]


def test_ec2_is_asked_for_one_moment_of_all_volumes(ec2: Any) -> None:
    ec2.add_response(
        "create_snapshots",
        {},
        {
            "InstanceSpecification": {"InstanceId": "i-1", "ExcludeBootVolume": False},
            "Description": NAME,
            "TagSpecifications": [{"ResourceType": "snapshot", "Tags": tag_list(TAGS)}],
        },
    )
    a_shelf(ec2).create(INSTANCE, NAME, TAGS)


def test_ec2_is_asked_for_an_image_without_a_reboot_and_one_that_is_there_is_success(ec2: Any) -> None:
    asked = {
        "InstanceId": "i-1",
        "Name": NAME,
        "Description": NAME,
        "NoReboot": True,
        "TagSpecifications": [
            {"ResourceType": "image", "Tags": tag_list(TAGS)},
            {"ResourceType": "snapshot", "Tags": tag_list(TAGS)},
        ],
    }
    ec2.add_response("create_image", {"ImageId": "ami-1"}, asked)
    ec2.add_client_error("create_image", "InvalidAMIName.Duplicate", expected_params=asked)
    for _ in range(2):
        a_shelf(ec2, images=True).create(INSTANCE, NAME, TAGS)


@pytest.mark.parametrize(
    ("key", "encrypted"), [("", {}), ("arn:key", {"Encrypted": True, "KmsKeyId": "arn:key"})], ids=["no key", "a key"]
)
def test_ec2_is_asked_for_a_copy_of_a_snapshot(ec2: Any, key: str, encrypted: dict[str, Any]) -> None:
    tags = {Tag.ORIGIN: "snap-1", Tag.VOLUME: "vol-1", **TAGS}
    ec2.add_response(
        "copy_snapshot",
        {},
        {
            "SourceRegion": HOME,
            "SourceSnapshotId": "snap-1",
            "Description": NAME,
            "TagSpecifications": [{"ResourceType": "snapshot", "Tags": tag_list(tags)}],
            **encrypted,
        },
    )
    a_shelf(ec2, key=key).copy(SNAPSHOT, NAME, TAGS)


def test_ec2_is_asked_for_a_copy_of_an_image_whose_snapshots_nobody_can_tell_apart_yet(ec2: Any) -> None:
    tags = {Tag.ORIGIN: "ami-1", Tag.VOLUME: "i-1", **TAGS}
    asked = {
        "Name": NAME,
        "SourceImageId": "ami-1",
        "SourceRegion": HOME,
        "Description": NAME,
        "ClientToken": ANY,
        "CopyImageTags": False,
        "TagSpecifications": [
            {"ResourceType": "image", "Tags": tag_list(tags)},
            {"ResourceType": "snapshot", "Tags": tag_list({Tag.ORIGIN: "ami-1", **TAGS})},
        ],
        "Encrypted": True,
        "KmsKeyId": "arn:key",
    }
    ec2.add_response("copy_image", {}, asked)
    a_shelf(ec2, key="arn:key").copy(IMAGE, NAME, TAGS)


def test_an_image_is_shared_with_the_snapshots_that_it_stands_on(ec2: Any, kms: Any) -> None:
    disks = [
        {"DeviceName": "/dev/sda", "Ebs": {"SnapshotId": "snap-1"}},
        {"DeviceName": "/dev/sdb", "VirtualName": "e"},
    ]
    ec2.add_response("describe_images", {"Images": [{"ImageId": "ami-1", "BlockDeviceMappings": disks}]})
    own = {"SnapshotId": "snap-1", "KmsKeyId": "arn:own"}
    ec2.add_response("describe_snapshots", {"Snapshots": [own]}, {"SnapshotIds": ["snap-1"]})
    kms.add_response("describe_key", {"KeyMetadata": {"KeyId": "k", "KeyManager": "CUSTOMER"}}, {"KeyId": "arn:own"})
    to_whom = {"OperationType": "add", "UserIds": [OTHER_ACCOUNT]}
    ec2.add_response(
        "modify_snapshot_attribute", {}, {"SnapshotId": "snap-1", "Attribute": "createVolumePermission", **to_whom}
    )
    ec2.add_response("modify_image_attribute", {}, {"ImageId": "ami-1", "Attribute": "launchPermission", **to_whom})
    a_shelf(ec2, kms=kms.client).share(IMAGE, OTHER_ACCOUNT)


def test_what_a_default_key_encrypts_is_shared_with_nobody(ec2: Any, kms: Any) -> None:
    ec2.add_response("describe_snapshots", {"Snapshots": [{"SnapshotId": "snap-1", "KmsKeyId": "arn:default"}]})
    kms.add_response("describe_key", {"KeyMetadata": {"KeyId": "k", "KeyManager": "AWS"}})
    with pytest.raises(CannotCopy, match=r"snap-1 .* aws/ebs.* encrypt the volume under a key of your own"):
        a_shelf(ec2, kms=kms.client).share(SNAPSHOT, OTHER_ACCOUNT)


def test_an_image_that_is_gone_is_not_shared_and_nothing_else_is(ec2: Any) -> None:
    ec2.add_response("describe_images", {"Images": []})
    with pytest.raises(ResourceGone, match="ami-1"):
        a_shelf(ec2).share(IMAGE, OTHER_ACCOUNT)


def a_snapshot(snapshot_id: str, **more: Any) -> dict[str, Any]:
    return {
        "SnapshotId": snapshot_id,
        "VolumeId": "vol-1",
        "State": "completed",
        "VolumeSize": 8,
        "Encrypted": False,
        "Tags": tag_list(TAGS),
        **more,
    }


def an_image(image_id: str, *snapshots: str, encrypted: bool = True, **more: Any) -> dict[str, Any]:
    disks = [
        {"DeviceName": f"/dev/sd{letter}", "Ebs": {"SnapshotId": snapshot, "Encrypted": encrypted}}
        for letter, snapshot in zip("abc", snapshots, strict=False)
    ]
    return {"ImageId": image_id, "State": "available", "BlockDeviceMappings": disks, **more}


def listed(ec2: Any, images: list[Any], snapshots: list[Any], **settings: Any) -> list[Part]:
    """What a shelf makes of what EC2 tells."""
    ec2.add_response(
        "describe_images", {"Images": images}, {"Owners": ["self"], "IncludeDisabled": True, "MaxResults": 1000}
    )
    ec2.add_response("describe_snapshots", {"Snapshots": snapshots})
    return list(a_shelf(ec2, locks=settings.pop("locks", False), **settings).parts())


def test_a_listing_goes_through_all_pages(ec2: Any) -> None:
    ours = [
        {"Name": "tag:holdfast:stack", "Values": ["holdfast"]},
        {"Name": "tag:holdfast:source", "Values": ["arn:i"]},
    ]
    own = {"Owners": ["self"], "IncludeDisabled": True, "MaxResults": 1000}
    ec2.add_response("describe_images", {"Images": [], "NextToken": "2"}, own)
    ec2.add_response("describe_images", {"Images": [an_image("ami-1", Tags=tag_list(TAGS))]}, own | {"NextToken": "2"})
    asked = {"OwnerIds": ["self"], "Filters": ours, "MaxResults": 1000}
    ec2.add_response("describe_snapshots", {"Snapshots": [a_snapshot("snap-1")], "NextToken": "2"}, asked)
    ec2.add_response("describe_snapshots", {"Snapshots": [a_snapshot("snap-2")]}, asked | {"NextToken": "2"})
    expires = datetime(2027, 1, 1, tzinfo=UTC)
    locked = {"SnapshotId": "snap-1", "LockState": "compliance", "LockExpiresOn": expires}
    expired = {"SnapshotId": "snap-2", "LockState": "expired", "LockExpiresOn": expires}
    ec2.add_response("describe_locked_snapshots", {"Snapshots": [locked], "NextToken": "2"}, {})
    ec2.add_response("describe_locked_snapshots", {"Snapshots": [expired]}, {"NextToken": "2"})
    found = [(part.id, part.locked) for part in a_shelf(ec2).parts("arn:i")]
    assert found == [("ami-1", ""), ("snap-1", "2027-01-01T00:00:00+00:00"), ("snap-2", "")]


def test_nobody_asks_for_locks_where_there_are_no_snapshots(ec2: Any) -> None:
    assert listed(ec2, [], [], locks=True) == []


def test_images_of_the_same_backup_do_not_hold_its_snapshots(ec2: Any) -> None:
    same, other = an_image("ami-1", "snap-1", Tags=tag_list(TAGS)), an_image("ami-2", "snap-1")
    image, snapshot = listed(ec2, [same, other], [a_snapshot("snap-1")])
    assert (image.id, snapshot.used_by) == ("ami-1", ("ami-2",))


@pytest.mark.parametrize(
    ("told", "status", "why"),
    [
        ({"State": "pending"}, Status.PENDING, ""),
        ({"State": "recovering"}, Status.PENDING, ""),
        ({"State": "error", "StateMessage": "Given key ID is not accessible"}, Status.FAILED, "Given key ID"),
        ({"State": "error"}, Status.FAILED, "error"),
    ],
)
def test_the_state_of_a_snapshot_is_told(ec2: Any, told: dict[str, str], status: Status, why: str) -> None:
    [part] = listed(ec2, [], [a_snapshot("snap-1", **told)])
    assert part.status is status
    assert part.why.startswith(why)


@pytest.mark.parametrize(
    ("told", "status", "why"),
    [
        ({"State": "pending"}, Status.PENDING, ""),
        ({"State": "failed", "StateReason": {"Message": "no key"}}, Status.FAILED, "no key"),
        ({"State": "disabled"}, Status.FAILED, "disabled"),
    ],
)
def test_the_state_of_an_image_is_told(ec2: Any, told: dict[str, Any], status: Status, why: str) -> None:
    [part] = listed(ec2, [an_image("ami-1", Tags=tag_list(TAGS), **told)], [])
    assert (part.status, part.why) == (status, why)


def test_an_image_is_as_encrypted_as_its_disks_and_of_the_instance_it_was_made_from(ec2: Any) -> None:
    ours: Any = {"Tags": tag_list(TAGS)}
    images = [
        an_image("ami-1", "snap-1", "snap-2", SourceInstanceId="i-1", **ours),
        an_image("ami-2", "snap-1", encrypted=False, Tags=tag_list(TAGS | {Tag.VOLUME: "i-2"})),
        an_image("ami-3", **ours),
        an_image("ami-4", "snap-1", "snap-2", **ours),
    ]
    images[3]["BlockDeviceMappings"][1]["Ebs"]["Encrypted"] = False
    found = [(part.encrypted, part.of, part.identity) for part in listed(ec2, images, [])]
    assert found == [(True, "i-1", "i-1"), (False, "i-2", ""), (False, "", ""), (False, "", "")]


def test_a_snapshot_is_as_large_as_ec2_says_and_a_copy_of_the_volume_that_its_tag_names(ec2: Any) -> None:
    copied = {"VolumeId": "vol-ffffffff", "FullSnapshotSizeInBytes": 12345, "KmsKeyId": "arn:key"}
    copy = TAGS | {Tag.ORIGIN: "snap-0"}
    snapshots = [
        a_snapshot("snap-1", **copied, Tags=tag_list(copy | {Tag.VOLUME: "vol-7"})),
        a_snapshot("snap-2", **copied | {"FullSnapshotSizeInBytes": 0}, Tags=tag_list(copy)),
        a_snapshot("snap-3"),
    ]
    found = [(part.of, part.size, part.kms_key) for part in listed(ec2, [], snapshots)]
    assert found == [("vol-7", 12345, "arn:key"), ("", 0, "arn:key"), ("vol-1", 8 * GIB, "")]


def test_parts_in_another_account_say_so(ec2: Any) -> None:
    [part] = listed(ec2, [], [a_snapshot("snap-1")], home=OTHER_ACCOUNT)
    assert part.account == ACCOUNT


def test_copies_that_are_being_made_are_counted(ec2: Any) -> None:
    asked = {
        "OwnerIds": ["self"],
        "Filters": [
            {"Name": "tag:holdfast:stack", "Values": ["holdfast"]},
            {"Name": "tag-key", "Values": ["holdfast:origin"]},
            {"Name": "status", "Values": ["pending"]},
        ],
        "MaxResults": 1000,
    }
    ec2.add_response("describe_snapshots", {"Snapshots": [a_snapshot("snap-1"), a_snapshot("snap-2")]}, asked)
    assert a_shelf(ec2).copies_under_way() == 2


@pytest.mark.parametrize(
    ("code", "message", "meant"),
    [
        ("ResourceLimitExceeded", "Too many snapshot copies in progress", LimitReached),
        ("ConcurrentSnapshotLimitExceeded", "Too many pending snapshots", LimitReached),
        ("SnapshotCreationPerVolumeRateExceeded", "wait 15 seconds", LimitReached),
        ("SnapshotLimitExceeded", "Quota", LimitReached),
        ("RequestLimitExceeded", "Request limit exceeded.", LimitReached),
        ("IncorrectState", "Snapshot is pending", NotAvailable),
        ("InvalidSnapshot.NotFound", "The snapshot does not exist", ResourceGone),
        ("SnapshotCopyUnsupported.InterRegion", "not supported", CannotCopy),
        ("InvalidRequest", "You do not have permission to access the storage of this ami", CannotCopy),
    ],
)
def test_what_ec2_answers_to_a_copy_is_understood(ec2: Any, code: str, message: str, meant: type[Exception]) -> None:
    ec2.add_client_error("copy_snapshot", code, message)
    with pytest.raises(meant, match=f"snap-1: {message}"):
        a_shelf(ec2).copy(SNAPSHOT, NAME, TAGS)


@pytest.mark.parametrize("code", ["IncorrectInstanceState", "IncorrectState"])
def test_an_instance_in_the_wrong_state_is_not_available(ec2: Any, code: str) -> None:
    ec2.add_client_error("create_snapshots", code, "it is being started")
    with pytest.raises(NotAvailable, match="i-1: it is being started"):
        a_shelf(ec2).create(INSTANCE, NAME, TAGS)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("InvalidSnapshot.InUse", "is currently in use by ami-1"),
        ("InvalidParameterValue", "The snapshot snap-1 is locked"),
        ("OperationNotPermitted", "deregistration protection"),
    ],
)
def test_what_stands_in_the_way_of_a_deletion_is_told(ec2: Any, code: str, message: str) -> None:
    ec2.add_client_error("delete_snapshot", code, message)
    with pytest.raises(Undeletable, match=message):
        a_shelf(ec2).delete(SNAPSHOT)


def test_what_may_not_be_done_is_no_answer_of_a_backup(ec2: Any) -> None:
    shelf = a_shelf(ec2, images=True)
    calls: dict[str, Callable[[], object]] = {
        "create_image": lambda: shelf.create(INSTANCE, NAME, TAGS),
        "copy_snapshot": lambda: shelf.copy(SNAPSHOT, NAME, TAGS),
        "describe_snapshots": lambda: shelf.share(SNAPSHOT, OTHER_ACCOUNT),
        "create_tags": lambda: shelf.tag(SNAPSHOT, TAGS),
        "delete_snapshot": lambda: shelf.delete(SNAPSHOT),
        "describe_instances": lambda: shelf.describe(INSTANCE),
    }
    for operation, call in calls.items():
        ec2.add_client_error(operation, "UnauthorizedOperation", "You are not authorized")
        with pytest.raises(ClientError, match="UnauthorizedOperation"):
            call()
