"""Restores on what makes instances and databases: in memory and on moto, from a backup to what stands there in the end,
and what a drill removes."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol

import boto3
import pytest

from holdfast.adapters.ec2_fleet import Ec2Shelf
from holdfast.adapters.ec2_restore import Ec2Provisioner
from holdfast.adapters.rds_fleet import RdsShelf
from holdfast.adapters.rds_restore import RdsProvisioner
from holdfast.fleet.model import Place, Service
from holdfast.fleet.ports import Shelf
from holdfast.fleet.restore import plan
from holdfast.fleet.restore.model import Made, Mark, PieceType, Placement, State
from holdfast.fleet.restore.plan import Drills, Wanted
from holdfast.fleet.restore.ports import Provisioner, Refused
from holdfast.fleet.restore.record import Record
from holdfast.fleet.restore.steps import Restore
from holdfast.fleet.run import Rules
from tests import aws
from tests.fleets import ABROAD, DAILY, HOME, RULES, House

ACCOUNT = "123456789012"


class Site(Protocol):
    """Where something is backed up and restored."""

    @property
    def house(self) -> House: ...

    def instance(self) -> str: ...
    def database(self) -> str: ...
    def cluster(self) -> str: ...

    def subnet(self) -> str:
        """An isolated one; databases have the group `isolated`."""

    def network_abroad(self) -> Placement: ...
    def provisioner(self, service: Service, region: str = HOME) -> Provisioner: ...


class InMemory:
    def __init__(self, rules: Rules) -> None:
        self.house = House(rules)

    def instance(self) -> str:
        return self.house.account.instance(HOME, {**DAILY, "Name": "web"}, sizes=(8, 20)).id

    def database(self) -> str:
        return self.house.account.database(HOME, "orders", DAILY, size=20).name

    def cluster(self) -> str:
        return self.house.account.database(HOME, "aurora", DAILY, cluster=True).name

    def subnet(self) -> str:
        return "subnet-isolated"

    def network_abroad(self) -> Placement:
        return Placement("subnet-dr", ("sg-dr",), "dr")

    def provisioner(self, service: Service, region: str = HOME) -> Provisioner:
        return self.house.workshop.provisioner(service, Place(region))


@cache
def client(service: str, region: str) -> Any:
    return boto3.client(service, region)  # type: ignore[call-overload]


class MotoHouse(House):
    """Its shelves and provisioners are AWS's."""

    def shelf(self, service: Service, place: Place) -> Shelf:  # type: ignore[override]
        made, kms = client(service.value, place.region), client("kms", place.region)
        if service is Service.EC2:
            return Ec2Shelf(made, kms, place.region, ACCOUNT, "holdfast", locks=False)
        return RdsShelf(made, kms, place.region, ACCOUNT, "holdfast")

    def provisioner(self, service: Service, place: Place) -> Provisioner:
        made = client(service.value, place.region)
        if service is Service.EC2:
            return Ec2Provisioner(made, place.region, ACCOUNT)
        return RdsProvisioner(made)

    @property
    def restore(self) -> Restore:
        return Restore(self.fleet, self.provisioner, self.versions, self.drills)


class OnMoto:
    def __init__(self, rules: Rules) -> None:
        self.house = MotoHouse(rules, time=datetime.now(UTC).replace(microsecond=0))
        self.ec2, self.rds = client("ec2", HOME), client("rds", HOME)
        self.rds.create_db_subnet_group(
            DBSubnetGroupName="isolated", DBSubnetGroupDescription="isolated", SubnetIds=[self.subnet()]
        )

    def instance(self) -> str:
        devices = [
            {"DeviceName": name, "Ebs": {"VolumeSize": size, "DeleteOnTermination": True}}
            for name, size in (("/dev/sda1", 8), ("/dev/sdf", 20))
        ]
        image = self.ec2.register_image(Name="linux")["ImageId"]
        ran = self.ec2.run_instances(
            ImageId=image,
            MinCount=1,
            MaxCount=1,
            InstanceType="t3.micro",
            SubnetId=self.subnet(),
            BlockDeviceMappings=devices,
            UserData="#!/bin/sh",
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags({**DAILY, "Name": "web"})}],
        )
        return str(ran["Instances"][0]["InstanceId"])

    def database(self) -> str:
        self.rds.create_db_instance(
            DBInstanceIdentifier="orders",
            DBInstanceClass="db.t3.micro",
            Engine="postgres",
            AllocatedStorage=20,
            MasterUsername="u",
            MasterUserPassword="password",
            Tags=tags(DAILY),
        )
        return "orders"

    def cluster(self) -> str:
        self.rds.create_db_cluster(
            DBClusterIdentifier="aurora",
            Engine="aurora-postgresql",
            MasterUsername="u",
            MasterUserPassword="password",
            Tags=tags(DAILY),
        )
        self.rds.create_db_instance(
            DBInstanceIdentifier="aurora-1",
            DBClusterIdentifier="aurora",
            DBInstanceClass="db.r6g.large",
            Engine="aurora-postgresql",
        )
        return "aurora"

    def subnet(self) -> str:
        return str(self.ec2.describe_subnets()["Subnets"][0]["SubnetId"])

    def network_abroad(self) -> Placement:
        ec2, rds = client("ec2", ABROAD), client("rds", ABROAD)
        subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
        rds.create_db_subnet_group(DBSubnetGroupName="dr", DBSubnetGroupDescription="there", SubnetIds=[subnet])
        return Placement(subnet, (group,), "dr")

    def provisioner(self, service: Service, region: str = HOME) -> Provisioner:
        return self.house.provisioner(service, Place(region))


def tags(told: Mapping[str, str]) -> Any:
    return [{"Key": key, "Value": value} for key, value in told.items()]


@pytest.fixture
def rules() -> Rules:
    return RULES


@pytest.fixture(params=["memory", "moto"])
def site(request: pytest.FixtureRequest, rules: Rules, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    if request.param == "memory":
        yield InMemory(rules)
        return
    with aws.account():
        monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # they take seconds
        client.cache_clear()
        yield OnMoto(rules)


def reasons(site: Site, restore: str, **asked: Any) -> list[str]:
    """Carry a restore out. Returns why items failed."""
    site.house.carry_out(asked or {"restore": restore})
    report = Record(site.house.documents, restore).report()
    assert report
    return [item["why"] for item in report["items"] if item["status"] != "done"]


def made(site: Site, service: Service, restore: str, region: str = HOME) -> list[Made]:
    return sorted(site.provisioner(service, region).made(restore), key=lambda one: one.name)


def test_an_instance_is_made_again(site: Site) -> None:
    name = site.instance()
    site.house.back_up()
    planned = site.house.plan(name)
    assert reasons(site, planned.restore) == []
    found = site.provisioner(Service.EC2).find(planned.items[0].pieces)
    assert [(one.type, one.state) for one in found] == [(PieceType.INSTANCE, State.READY)]
    assert found[0].id != name
    assert found[0].tags["Name"] == "web"
    assert "/dev/sdf 20 GiB" in found[0].facts["volumes"]
    assert site.house.carry_out({"restore": planned.restore})["failed"] == []
    again = made(site, Service.EC2, planned.restore)
    assert [one.id for one in again] == [found[0].id]
    for gone in (again[0], again[0], replace(again[0], type=PieceType.IMAGE, id="ami-00000000000000000")):
        site.provisioner(Service.EC2).remove(gone)
    assert made(site, Service.EC2, planned.restore) == []


@pytest.mark.parametrize("site", ["moto"], indirect=True)
def test_an_instance_is_given_the_user_data_that_the_original_had(site: Site) -> None:
    name = site.instance()
    site.house.back_up()
    planned = site.house.plan(name)
    assert reasons(site, planned.restore) == []
    instances = [name, *(one.id for one in made(site, Service.EC2, planned.restore))]
    told = [
        client("ec2", HOME).describe_instance_attribute(InstanceId=one, Attribute="userData")["UserData"]["Value"]
        for one in instances
    ]
    assert told == [told[0]] * 2


@pytest.mark.parametrize("kind", ["database", "cluster"])
def test_a_database_is_made_again(site: Site, kind: str) -> None:
    name = getattr(site, kind)()
    site.house.back_up()
    planned = site.house.plan(name)
    assert reasons(site, planned.restore) == []
    found = made(site, Service.RDS, planned.restore)
    assert [one.state for one in found] == [State.READY] * len(planned.items[0].pieces)
    assert found[0].id.startswith(f"{name}-restored-")
    assert all(one.tags[Mark.FROM] == planned.items[0].backup for one in found)
    piece = planned.items[0].pieces[0]
    nowhere = dict.fromkeys(("DBSnapshotIdentifier", "SnapshotIdentifier") & piece.request.keys(), "nowhere")
    with pytest.raises(Refused, match="nowhere"):
        site.provisioner(Service.RDS).make(replace(piece, name="other", request={**piece.request, **nowhere}))


@pytest.mark.parametrize("rules", [replace(RULES, copies_to=Place(ABROAD))], ids=["copies"])
def test_copies_are_restored_where_they_are(site: Site) -> None:
    names = [site.instance(), site.database()]
    site.house.back_up()
    placement = site.network_abroad()
    for name, service in zip(names, (Service.EC2, Service.RDS), strict=True):
        planned = site.house.plan(name, Wanted(region=ABROAD), placement)
        assert reasons(site, planned.restore) == []
        assert [one.state for one in made(site, service, planned.restore, ABROAD)] == [State.READY]
        assert made(site, service, planned.restore) == []


def test_a_drill_leaves_nothing(site: Site) -> None:
    site.house.drills = Drills(HOME, 5, subnet=site.subnet(), db_subnet_group="isolated")
    before = [site.instance(), site.database(), site.cluster()]
    site.house.back_up()
    restore = plan.restore_id("drill", site.house.time, "holdfast")
    assert reasons(site, restore, drill=True, due=site.house.time.isoformat()) == []
    assert made(site, Service.EC2, restore) == made(site, Service.RDS, restore) == []
    shelves = [site.house.shelf(service, Place(HOME)) for service in (Service.EC2, Service.RDS)]
    assert sorted(one.name for shelf in shelves for one in shelf.resources()) == sorted(before)
