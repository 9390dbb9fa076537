"""The buckets of a region and their replicas in another: replication by S3, and one batch job for what was there
before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from holdfast.adapters.fleet_names import LONGEST_BUCKET_NAME
from holdfast.adapters.fleet_names import token as digest
from holdfast.fleet.model import CLOSED, Kind, Replicated, Resource, Tag
from holdfast.fleet.ports import NotAvailable, ResourceGone

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3control import S3ControlClient

RULE = "holdfast"
"""The ID of the rule that is ours."""

PAGES = 3
NEWEST, OLDEST = 40, 20
"""How many pages of a bucket's versions a look reads, and how many of their objects it looks at."""

_ARCHIVES = {"GLACIER", "DEEP_ARCHIVE"}

_NO_TAGS = "NoSuchTagSet"
_NO_RULES = "ReplicationConfigurationNotFoundError"
_NO_ENCRYPTION = "ServerSideEncryptionConfigurationNotFoundError"

_ENDED_BADLY = {"Failed", "Cancelled"}
_NOTHING_TO_DO = "no keys matching"
"""What S3 says of a job that finds no object without a replica: it calls it failed."""


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def _is_missing(error: ClientError) -> bool:
    return _code(error) in {"NoSuchBucket", "404"}


@dataclass(frozen=True, slots=True)
class S3Replicas:
    """The buckets that replicas go to. `key`: of KMS, of their region; without one, S3's own encrypts them."""

    client: "S3Client"
    region: str
    stack: str
    key: str = ""

    def make(self, source: Resource, name: str) -> None:
        """Make the bucket, unless it is there. Raises NotAvailable."""
        tags = self._tags(name)
        if tags is None:
            self._create(name)
        elif self._is_ours(tags, source):
            return
        elif tags or not self._is_empty(name):
            raise _not_ours(name)
        self._set_up(source, name)

    def _tags(self, name: str) -> Mapping[str, str] | None:
        """None if there is no such bucket."""
        try:
            return _tags_of(self.client, name)
        except ClientError as error:
            if _is_missing(error):
                return None
            if _code(error) in {"AccessDenied", "PermanentRedirect", "AllAccessDisabled"}:
                raise _not_ours(name) from error
            raise

    def _is_ours(self, tags: Mapping[str, str], source: Resource) -> bool:
        return tags.get(Tag.STACK) == self.stack and tags.get(Tag.SOURCE) == source.arn

    def _create(self, name: str) -> None:
        """With Object Lock, without which S3 replicates nothing from a bucket that has it. It locks nothing by itself,
        and keeps the replica's versioning from being switched off."""
        elsewhere: Any = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        try:
            self.client.create_bucket(
                Bucket=name, ObjectLockEnabledForBucket=True, **elsewhere if self.region != "us-east-1" else {}
            )
        except ClientError as error:
            if _code(error) == "BucketAlreadyExists":
                raise _not_ours(name) from error
            if _code(error) != "BucketAlreadyOwnedByYou":  # made by a try whose answer was lost
                raise

    def _is_empty(self, name: str) -> bool:
        found: Mapping[str, Any] = self.client.list_object_versions(Bucket=name, MaxKeys=1)
        return not found.get("Versions") and not found.get("DeleteMarkers")

    def _set_up(self, source: Resource, name: str) -> None:
        """The tags come last: a bucket that has them is all set up, and one that is empty and has none is begun again,
        if whoever began was interrupted."""
        closed: Any = dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
        )
        self.client.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=closed)
        by_kms = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": self.key}
        by_default = by_kms if self.key else {"SSEAlgorithm": "AES256"}
        encrypted: Any = {
            "Rules": [{"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": bool(self.key)}]
        }
        self.client.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=encrypted)
        self.client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        tags = {Tag.STACK: self.stack, Tag.SYSTEM: "fleet", Tag.SOURCE: source.arn}
        tag_set: Any = [{"Key": str(tag), "Value": value} for tag, value in tags.items()]
        self.client.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_set})

    def is_there(self, name: str) -> bool:
        try:
            self.client.head_bucket(Bucket=name)
        except ClientError as error:
            if _is_missing(error):
                return False
            if _code(error) != "403":
                raise
        return True

    def has(self, name: str, key: str, version_id: str) -> bool:
        """Whether a version has a replica: it is called as its source is."""
        try:
            self.client.head_object(Bucket=name, Key=key, VersionId=version_id)
        except ClientError as error:
            if _is_missing(error):
                return False
            raise
        return True


def _not_ours(name: str) -> NotAvailable:
    return NotAvailable(
        f"there is a bucket {name} already, and it is no replica of this stack, or closed to it: choose another"
        " FleetReplicaSuffix, or remove it"
    )


def _tags_of(client: "S3Client", bucket: str) -> Mapping[str, str]:
    try:
        found = client.get_bucket_tagging(Bucket=bucket)["TagSet"]
    except ClientError as error:
        if _code(error) == _NO_TAGS:
            return {}
        raise
    return {tag["Key"]: tag["Value"] for tag in found}


@dataclass(frozen=True, slots=True)
class S3Buckets:
    """The `Buckets` of the fleet system. `role`: under which S3 replicates, and runs batch jobs; `switch`: versioning
    may be switched on."""

    client: "S3Client"
    control: "S3ControlClient"
    replicas: S3Replicas
    region: str
    account: str
    role: str
    partition: str = "aws"
    switch: bool = False

    # What there is to back up

    def resources(self) -> Iterator[Resource]:
        pages = self.client.get_paginator("list_buckets").paginate(
            BucketRegion=self.region, PaginationConfig={"PageSize": 1000}
        )
        for page in pages:
            for found in page.get("Buckets", []):
                yield from self._resource(found["Name"])

    def _resource(self, name: str) -> Iterator[Resource]:
        """None of what is a replica, or gone since it was listed. S3 encrypts all that is written since 2023."""
        status, tags = "available", {}
        try:
            tags = dict(_tags_of(self.client, name))
        except ClientError as error:
            if _is_missing(error):
                return
            if _code(error) != "AccessDenied":
                raise
            status = f"{CLOSED}: its tags may not be read"
        if Tag.SOURCE not in tags:
            yield Resource(
                arn=f"arn:{self.partition}:s3:::{name}",
                kind=Kind.BUCKET,
                region=self.region,
                name=name,
                status=status,
                identity=name,
                tags=tags,
            )

    def describe(self, resource: Resource) -> Mapping[str, Any]:
        with_versions = self._versioning(resource)
        return {
            "Name": resource.name,
            "Region": self.region,
            "Tags": {
                name: value
                for name, value in _tags_of(self.client, resource.name).items()
                if not name.startswith("aws:")
            },
            "Versioning": with_versions or "Off",
            "Encryption": self._encryption(resource),
        }

    def _versioning(self, resource: Resource) -> str:
        """Empty if it was never switched on. Raises ResourceGone."""
        try:
            return self.client.get_bucket_versioning(Bucket=resource.name).get("Status", "")
        except ClientError as error:
            if _is_missing(error):
                raise ResourceGone(f"there is no bucket {resource.name} any more") from error
            raise

    def _encryption(self, resource: Resource) -> list[Any]:
        try:
            found: Any = self.client.get_bucket_encryption(Bucket=resource.name)
        except ClientError as error:
            if _code(error) == _NO_ENCRYPTION:
                return []
            raise
        return list(found["ServerSideEncryptionConfiguration"]["Rules"])

    # Replication

    def replicate(self, resource: Resource, replica: str, token: str) -> None:
        if len(replica) > LONGEST_BUCKET_NAME:
            raise NotAvailable(
                f"{replica} has more than the {LONGEST_BUCKET_NAME} characters that a bucket's name may have: choose a"
                " shorter FleetReplicaSuffix"
            )
        self._keep_versions(resource)
        configuration = self._configuration(resource)
        if not _has_rule(configuration, self._arn(replica)):
            self._check(resource, replica, configuration)
            self.replicas.make(resource, replica)
            self._put_rule(resource, replica, configuration)
        elif not self.replicas.is_there(replica):
            self.replicas.make(resource, replica)
        if token and self._job(resource, token) is None:
            self._begin(resource, token)

    def _arn(self, bucket: str) -> str:
        return f"arn:{self.partition}:s3:::{bucket}"

    def _keep_versions(self, resource: Resource) -> None:
        """Raises NotAvailable."""
        if self._versioning(resource) == "Enabled":
            return
        if not self.switch:
            raise NotAvailable(
                f"{resource.name} keeps no versions, without which S3 replicates nothing: switch its versioning on, or"
                " set FleetSwitchVersioningOn"
            )
        self.client.put_bucket_versioning(Bucket=resource.name, VersioningConfiguration={"Status": "Enabled"})

    def _configuration(self, resource: Resource) -> Mapping[str, Any]:
        """The replication of the bucket; empty if it has none. Raises ResourceGone."""
        try:
            found: Any = self.client.get_bucket_replication(Bucket=resource.name)
        except ClientError as error:
            if _code(error) == _NO_RULES:
                return {}
            if _is_missing(error):
                raise ResourceGone(f"there is no bucket {resource.name} any more") from error
            raise
        configuration: Mapping[str, Any] = found["ReplicationConfiguration"]
        return configuration

    def _check(self, resource: Resource, replica: str, configuration: Mapping[str, Any]) -> None:
        """All rules of a bucket have one role. Raises NotAvailable."""
        role = configuration.get("Role", self.role)
        if role != self.role:
            raise NotAvailable(
                f"{resource.name} is replicated under {role} already, which we do not touch: add a rule with the ID"
                f" {RULE} and the destination {replica} to it yourself, and let that role replicate there"
            )
        rules = self._encryption(resource)
        algorithms = [rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm", "") for rule in rules]
        if not self.replicas.key and any(name.startswith("aws:kms") for name in algorithms):
            raise NotAvailable(
                f"{resource.name} is encrypted under a key of KMS, and its replica has none: set FleetCopyKmsKeyArn"
            )

    def _put_rule(self, resource: Resource, replica: str, configuration: Mapping[str, Any]) -> None:
        """Deletions are not replicated: what somebody deletes by mistake stays in the replica as it was."""
        others = [rule for rule in configuration.get("Rules", []) if rule.get("ID") != RULE]
        destination: dict[str, Any] = {"Bucket": self._arn(replica)}
        rule: dict[str, Any] = {
            "ID": RULE,
            "Priority": max((rule.get("Priority", 0) for rule in others), default=0) + 1,
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": destination,
        }
        if self.replicas.key:
            destination["EncryptionConfiguration"] = {"ReplicaKmsKeyID": self.replicas.key}
            rule["SourceSelectionCriteria"] = {"SseKmsEncryptedObjects": {"Status": "Enabled"}}
        wanted: Any = {"Role": self.role, "Rules": [*others, rule]}
        self.client.put_bucket_replication(Bucket=resource.name, ReplicationConfiguration=wanted)

    # What was there before

    def _description(self, resource: Resource, token: str) -> str:
        return f"holdfast: {resource.name}, what was there before its replication ({token})"

    def _job(self, resource: Resource, token: str) -> Mapping[str, Any] | None:
        """The job of a token. S3 remembers it for 90 days after its end."""
        description = self._description(resource, token)
        more: Any = {}
        while True:
            page: Any = self.control.list_jobs(AccountId=self.account, MaxResults=1000, **more)
            for job in page.get("Jobs", []):
                if job.get("Description") == description:
                    found: Mapping[str, Any] = job
                    return found
            if not page.get("NextToken"):
                return None
            more = {"NextToken": page["NextToken"]}

    def _begin(self, resource: Resource, token: str) -> None:
        eligible: Any = {"EligibleForReplication": True, "ObjectReplicationStatuses": ["NONE", "FAILED"]}
        self.control.create_job(
            AccountId=self.account,
            ClientRequestToken=digest(resource.arn, token),
            ConfirmationRequired=False,
            Description=self._description(resource, token),
            Operation={"S3ReplicateObject": {}},
            ManifestGenerator={
                "S3JobManifestGenerator": {
                    "ExpectedBucketOwner": self.account,
                    "SourceBucket": resource.arn,
                    "Filter": eligible,
                    "EnableManifestOutput": False,
                }
            },
            Report={"Enabled": False},
            Priority=10,
            RoleArn=self.role,
        )

    # How it stands

    def look(self, resource: Resource, replica: str, token: str) -> Replicated:
        configuration = self._configuration(resource)
        earlier, why = self._earlier(self._job(resource, token) if token else None)
        looks = [self._look(resource, replica, version) for version in self._sample(resource)]
        behind = [modified for state, modified in looks if state == "behind"]
        return Replicated(
            rule=_has_rule(configuration, self._arn(replica)),
            earlier=earlier,
            looked_at=sum(state != "gone" for state, _ in looks),
            behind=len(behind),
            failed=sum(state == "failed" for state, _ in looks),
            oldest_behind=min(behind).isoformat() if behind else "",
            archived=sum(state == "archived" for state, _ in looks),
            why=why,
        )

    def _earlier(self, job: Mapping[str, Any] | None) -> tuple[str, str]:
        """The state of a job, and why it failed."""
        if job is None:
            return "none", ""
        if job["Status"] in _ENDED_BADLY:
            told: Any = self.control.describe_job(AccountId=self.account, JobId=job["JobId"])["Job"]
            why = "; ".join(str(reason.get("FailureReason")) for reason in told.get("FailureReasons", []))
            if _NOTHING_TO_DO in why.lower():
                return "complete", ""
            return "failed", why or f"S3 Batch Operations says {job['Status']}"
        if job["Status"] != "Complete":
            return "running", ""
        progress = job.get("ProgressSummary", {})
        failed, total = progress.get("NumberOfTasksFailed", 0), progress.get("TotalNumberOfTasks", 0)
        return "complete", f"{failed:,} of {total:,} objects could not be copied" if failed else ""

    def _sample(self, resource: Resource) -> Sequence[Mapping[str, Any]]:
        """Of the first pages, the newest versions of some objects: those that were written last, which may be on their
        way, and those that were there first."""
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=resource.name)
        found: list[Any] = [
            version for page in islice(pages, PAGES) for version in page.get("Versions", []) if version["IsLatest"]
        ]
        found.sort(key=lambda version: version["LastModified"], reverse=True)
        return [*found[:NEWEST], *found[NEWEST:][-OLDEST:]]

    def _look(self, resource: Resource, replica: str, version: Mapping[str, Any]) -> tuple[str, datetime]:
        """Whether a version is replicated, behind, failed, archived, or gone meanwhile; and from when it is."""
        key, version_id, modified = version["Key"], version["VersionId"], version["LastModified"]
        try:
            head = self.client.head_object(Bucket=resource.name, Key=key, VersionId=version_id)
        except ClientError as error:
            if _is_missing(error):
                return "gone", modified
            raise
        match head.get("ReplicationStatus"):
            case "COMPLETED" | "COMPLETE":
                return "replicated", modified
            case "FAILED":
                return "failed", modified
            case "PENDING":
                return "behind", modified
            case _:
                # No rule was there when it was written; or it is a replica itself, which S3 replicates by a job only.
                if self.replicas.has(replica, key, version_id):
                    return "replicated", modified
                return "archived" if head.get("StorageClass") in _ARCHIVES else "behind", modified


def _has_rule(configuration: Mapping[str, Any], destination: str) -> bool:
    """Whether our rule is there, and works."""
    return any(
        rule.get("ID") == RULE and rule["Status"] == "Enabled" and rule["Destination"]["Bucket"] == destination
        for rule in configuration.get("Rules", [])
    )
