"""The fleet system: an instance and databases are backed up, lost, and come back; a drill proves that they do."""

import json
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from local.cloud import Cloud
from local.demo import Story
from local.demo.stage import Stage

DAILY = {"holdfast:backup": "daily"}
LEFT_OUT = (
    "no machine runs behind the local EC2 and RDS, and snapshots take no time; buckets are left out, since the engine"
    " has no S3 Batch Operations"
)


def tell(cloud: Cloud, console: Console) -> Story:
    """Start machines, back up, lose them, restore the set, and drill."""
    play = _Play(Stage("fleet", cloud, console))
    console.print(
        "\n[bold]fleet[/bold]  an instance with two volumes, a database and a cluster, copied to eu-central-1"
    )
    console.print(f"       {LEFT_OUT}\n")
    return play.stage.play([play.start, play.back_up, play.lose, play.restore, play.drill])


@dataclass
class _Play:
    """The acts of the story."""

    stage: Stage
    instance: str = ""
    recovery_set: str = ""

    def __post_init__(self) -> None:
        client = self.stage.cloud.engine.client
        self._ec2, self._rds = client("ec2"), client("rds")

    # The acts

    def start(self) -> None:
        tags = [{"Key": name, "Value": value} for name, value in (DAILY | {"Name": "web"}).items()]
        started = self._ec2.run_instances(
            ImageId=self._linux(),
            InstanceType="t3.small",
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
        )["Instances"][0]
        self.instance = started["InstanceId"]
        volume = self._ec2.create_volume(Size=20, AvailabilityZone=started["Placement"]["AvailabilityZone"])["VolumeId"]
        self._ec2.attach_volume(VolumeId=volume, InstanceId=self.instance, Device="/dev/sdf")
        self._ec2.run_instances(ImageId=self._linux(), MinCount=1, MaxCount=1)
        owner = {"MasterUsername": "holdfast", "MasterUserPassword": "not-a-secret"}
        common = {**owner, "StorageEncrypted": True, "Tags": tags}
        self._rds.create_db_instance(
            DBInstanceIdentifier="orders",
            DBInstanceClass="db.t3.small",
            Engine="postgres",
            AllocatedStorage=20,
            **common,
        )
        self._rds.create_db_cluster(DBClusterIdentifier="people", Engine="aurora-postgresql", **common)
        self._rds.create_db_instance(
            DBInstanceIdentifier="people-1",
            DBInstanceClass="db.r6g.large",
            Engine="aurora-postgresql",
            DBClusterIdentifier="people",
        )
        self.stage.say("started", f"{self.instance} (web), orders, people; and an instance without a tag")

    def back_up(self) -> None:
        self._holdfast("fleet", "backup")
        listed = self._holdfast("fleet", "list", is_shown=False)
        self.stage.check("what is not protected is named", is_so="no: it has no tag holdfast:backup" in listed)
        kept = (self._snapshots("eu-west-1"), self._snapshots("eu-central-1"))
        self.stage.check("both volumes have snapshots, and copies in another region", is_so=kept == (2, 2))
        self.recovery_set = self.stage.seen["set"] = self._newest("sets/")["set"]

    def lose(self) -> None:
        self._ec2.terminate_instances(InstanceIds=[self.instance])
        self._rds.delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)
        self.stage.say("lost", f"{self.instance} is terminated, orders is deleted")

    def restore(self) -> None:
        self.stage.say("restoring", f"the recovery set {self.recovery_set}: databases first, then instances")
        self._holdfast("fleet", "restore", "--set", self.recovery_set, "--apply")
        instance = self._restored_instance()
        self.stage.check(
            "the instance is there as it was: type, volumes, tags",
            is_so=instance is not None
            and instance["InstanceType"] == "t3.small"
            and len(instance["BlockDeviceMappings"]) == 2
            and {"Key": "Name", "Value": "web"} in instance["Tags"],
        )
        restored = {name.partition("-restored")[0] for name in self._databases() if "-restored" in name}
        self.stage.check("the databases are there", is_so={"orders", "people"} <= restored)

    def drill(self) -> None:
        before = self._instances(), self._databases()
        self.stage.say("drills", "a database is restored in isolation, checked, measured and destroyed")
        self._holdfast("fleet", "drill")
        self._holdfast("proof")
        self.stage.check("a drill was found good", is_so=self._newest("proof/0")["result"] == "passed")
        after = self._instances(), self._databases()
        self.stage.check("nothing of it is left", is_so=[*map(len, before)] == [*map(len, after)])

    # What is looked at

    def _linux(self) -> str:
        images = self._ec2.describe_images(Owners=["amazon"])["Images"]
        return str(next(image["ImageId"] for image in images if image.get("Platform") != "windows"))

    def _snapshots(self, region: str) -> int:
        ours = [{"Name": "tag-key", "Values": ["holdfast:stack"]}]
        ec2 = self.stage.cloud.engine.client("ec2", region)
        return len(ec2.describe_snapshots(OwnerIds=["self"], Filters=ours)["Snapshots"])

    def _newest(self, prefix: str) -> Any:
        s3, bucket = self.stage.cloud.engine.client("s3"), self.stage.cloud.outputs["FleetBackupBucketName"]
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]
        return json.loads(s3.get_object(Bucket=bucket, Key=max(keys))["Body"].read())

    def _instances(self) -> list[Any]:
        alive = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        found = self._ec2.describe_instances(Filters=alive)["Reservations"]
        return [instance for reservation in found for instance in reservation["Instances"]]

    def _restored_instance(self) -> Any:
        """None if there is none."""
        tagged = (one for one in self._instances() if "holdfast:restored-from" in str(one.get("Tags")))
        return next(tagged, None)

    def _databases(self) -> list[str]:
        instances = [one["DBInstanceIdentifier"] for one in self._rds.describe_db_instances()["DBInstances"]]
        return instances + [one["DBClusterIdentifier"] for one in self._rds.describe_db_clusters()["DBClusters"]]

    def _holdfast(self, *arguments: str, is_shown: bool = True) -> str:
        if is_shown:
            self.stage.say("", f"$ holdfast {' '.join(arguments)}")
        done = self.stage.command(*arguments, is_shown=is_shown)
        self.stage.check(f"holdfast {' '.join(arguments[:2])} ends well", is_so=done.returncode == 0)
        return done.stdout
