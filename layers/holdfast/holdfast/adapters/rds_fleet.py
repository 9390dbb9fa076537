"""RDS in one region of one account: DB instances and clusters, and their backups as manual snapshots."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from holdfast.adapters import rds_descriptions
from holdfast.adapters.fleet_names import GIB, snapshot_name, tag_value
from holdfast.fleet.model import Kind, Part, PartType, Resource, Status, Tag
from holdfast.fleet.ports import CannotCopy, LimitReached, NotAvailable, ResourceGone, Undeletable

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_rds import RDSClient

_PAGE: Any = {"PageSize": 100}

_ENGINES = ("aurora", "mysql", "postgres")
"""What the engines of RDS's clusters begin with: those of DocumentDB and Neptune are told by the same API."""

_DEFAULT_KEY = "alias/aws/rds"

_EXISTS = {"DBSnapshotAlreadyExists", "DBClusterSnapshotAlreadyExistsFault"}
_NO_SNAPSHOT = {"DBSnapshotNotFound", "DBClusterSnapshotNotFoundFault"}
_NOT_YET = {"InvalidDBSnapshotState", "InvalidDBClusterSnapshotStateFault"}

_QUOTA_MEND = (
    "RDS keeps 100 manual snapshots of instances in a region, 100 of clusters, and makes 20 copies at a time: raise the"
    " quota in Service Quotas, or keep fewer backups"
)
_KEY_MEND = "the key's policy must let the fleet use it, in the region where the copy goes"
_OPTIONS_MEND = (
    "its options must be there where the copy goes: copy it by hand with an option group, or take the persistent"
    " options out of the database"
)

_MEANINGS: tuple[tuple[set[str], type[Exception], str], ...] = (
    ({"SnapshotQuotaExceeded", "SharedSnapshotQuotaExceeded"}, LimitReached, _QUOTA_MEND),
    ({"Throttling", "ThrottlingException", "RequestLimitExceeded"}, LimitReached, ""),
    ({"DBInstanceNotFound", "DBClusterNotFoundFault", *_NO_SNAPSHOT}, ResourceGone, ""),
    ({"InvalidDBInstanceState", "InvalidDBClusterStateFault", *_NOT_YET}, NotAvailable, ""),
    ({"KMSKeyNotAccessibleFault"}, CannotCopy, _KEY_MEND),
)
"""Of the codes that may answer a request for a snapshot or a copy: what they mean, and what helps."""


@dataclass(frozen=True, slots=True)
class _Form:
    """How RDS calls what it tells and takes: of instances and of clusters, it is the same by other names."""

    kind: Kind
    type: PartType
    call: str
    """What stands in the names of calls."""
    snapshot: str
    """What the names of a snapshot's properties begin with."""
    source: str
    identity: str
    encrypted: str

    @property
    def identifier(self) -> str:
        return f"{self.snapshot}Identifier"


_INSTANCES = _Form(
    kind=Kind.DATABASE,
    type=PartType.DB_SNAPSHOT,
    call="db_snapshot",
    snapshot="DBSnapshot",
    source="DBInstanceIdentifier",
    identity="DbiResourceId",
    encrypted="Encrypted",
)
_CLUSTERS = _Form(
    kind=Kind.CLUSTER,
    type=PartType.CLUSTER_SNAPSHOT,
    call="db_cluster_snapshot",
    snapshot="DBClusterSnapshot",
    source="DBClusterIdentifier",
    identity="DbClusterResourceId",
    encrypted="StorageEncrypted",
)
_FORMS = (_INSTANCES, _CLUSTERS)


def _form_of(part: Part) -> _Form:
    return next(form for form in _FORMS if form.type is part.type)


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def _meant(error: ClientError, what: str) -> Exception:
    """What an answer to a request for a snapshot or a copy says."""
    code = _code(error)
    told = f"{what}: {error.response['Error'].get('Message', code)}"
    for codes, meaning, mend in _MEANINGS:
        if code in codes:
            return meaning(f"{told} ({mend})" if mend else told)
    if "option group" in told.lower():
        return CannotCopy(f"{told} ({_OPTIONS_MEND})")
    return error


def _tags(told: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in told.get("TagList", [])}


def _tag_list(tags: Mapping[str, str]) -> Any:
    return [{"Key": str(name), "Value": tag_value(value)} for name, value in tags.items()]


@dataclass(frozen=True, slots=True)
class RdsShelf:
    """The `Shelf` of RDS. `account`: whose clients these are; `home`: the stack's, if it is another.

    `key`: under which copies into here are encrypted; without one, RDS's default key of the region encrypts the copies
    of what is encrypted, which only works within one account.
    """

    client: "RDSClient"
    kms: "KMSClient"
    region: str
    account: str
    stack: str
    home: str = ""
    key: str = ""

    # What there is to back up

    def resources(self) -> Iterator[Resource]:
        for page in self.client.get_paginator("describe_db_instances").paginate(PaginationConfig=_PAGE):
            for instance in page["DBInstances"]:
                if "DBClusterIdentifier" not in instance:
                    yield from _resource(instance, self.region, _INSTANCES)
        for clusters in self.client.get_paginator("describe_db_clusters").paginate(PaginationConfig=_PAGE):
            for cluster in clusters["DBClusters"]:
                if cluster["Engine"].startswith(_ENGINES):
                    yield from _resource(cluster, self.region, _CLUSTERS)

    def describe(self, resource: Resource) -> Mapping[str, Any]:
        try:
            if resource.kind is Kind.DATABASE:
                [instance] = self.client.describe_db_instances(DBInstanceIdentifier=resource.name)["DBInstances"]
                return rds_descriptions.describe_instance(instance)
            [cluster] = self.client.describe_db_clusters(DBClusterIdentifier=resource.name)["DBClusters"]
        except ClientError as error:
            raise _meant(error, resource.name) from error
        mine: Any = [{"Name": "db-cluster-id", "Values": [resource.name]}]
        pages = self.client.get_paginator("describe_db_instances").paginate(Filters=mine, PaginationConfig=_PAGE)
        members = [member for page in pages for member in page["DBInstances"]]
        return rds_descriptions.describe_cluster(cluster, members)

    def identity(self, resource: Resource) -> str | None:
        try:
            if resource.kind is Kind.DATABASE:
                found = self.client.describe_db_instances(DBInstanceIdentifier=resource.name)["DBInstances"]
                return found[0]["DbiResourceId"]
            [cluster] = self.client.describe_db_clusters(DBClusterIdentifier=resource.name)["DBClusters"]
        except ClientError as error:
            if isinstance(_meant(error, resource.name), ResourceGone):
                return None
            raise
        return cluster["DbClusterResourceId"]

    # Backups

    def parts(self, source: str = "") -> Iterator[Part]:
        for form in _FORMS:
            noun = form.kind.partition(":")[2]
            if source and f":{noun}:" not in source:
                continue
            named = {form.source: source.rpartition(":")[2]} if source else {}
            for part in self._listing(form, named):
                if part.tags.get(Tag.STACK) == self.stack and source in ("", part.tags.get(Tag.SOURCE)):
                    yield part

    def _listing(self, form: _Form, named: Any) -> Iterator[Part]:
        """All manual snapshots, of a database of that name if one is given, save those that are being deleted."""
        listing: Any = self.client.get_paginator(f"describe_{form.call}s")  # type: ignore[call-overload]
        for page in listing.paginate(SnapshotType="manual", PaginationConfig=_PAGE, **named):
            for snapshot in page[f"{form.snapshot}s"]:
                if snapshot["Status"] not in ("deleting", "deleted"):
                    yield self._part(snapshot, form)

    def _part(self, snapshot: Mapping[str, Any], form: _Form) -> Part:
        status = {"available": Status.COMPLETE, "failed": Status.FAILED}.get(snapshot["Status"], Status.PENDING)
        full_size, encrypted = snapshot.get("FullSnapshotSizeInBytes"), snapshot.get(form.encrypted, False)
        return Part(
            type=form.type,
            id=snapshot[form.identifier],
            arn=snapshot[f"{form.snapshot}Arn"],
            region=self.region,
            status=status,
            tags=_tags(snapshot),
            account=self.account if self.home not in ("", self.account) else "",
            of=snapshot[form.source],
            identity=snapshot.get(form.identity, ""),
            size=snapshot.get("AllocatedStorage", 0) * GIB if full_size is None else full_size,
            encrypted=encrypted,
            kms_key=snapshot.get("KmsKeyId", "") if encrypted else "",
            why="the events of RDS may tell why" if status is Status.FAILED else "",
        )

    def copies_under_way(self) -> int:
        return sum(part.status is Status.PENDING and Tag.ORIGIN in part.tags for part in self.parts())

    # Making them

    def _call(self, verb: str, form: _Form, **asked: Any) -> None:
        """Call what is named so. Raises what the answer means."""
        about = next(iter(asked.values()))
        try:
            getattr(self.client, f"{verb}_{form.call}")(**asked)
        except ClientError as error:
            if _code(error) not in _EXISTS:
                raise _meant(error, about) from error

    def create(self, resource: Resource, name: str, tags: Mapping[str, str]) -> None:
        form = next(form for form in _FORMS if form.kind is resource.kind)
        asked = {form.source: resource.name, form.identifier: snapshot_name(name), "Tags": _tag_list(tags)}
        self._call("create", form, **asked)

    def copy(self, part: Part, name: str, tags: Mapping[str, str]) -> None:
        form = _form_of(part)
        asked: dict[str, Any] = {
            f"Source{form.identifier}": part.arn,
            f"Target{form.identifier}": snapshot_name(name),
            "CopyTags": False,
            "Tags": _tag_list({Tag.ORIGIN: part.id, Tag.VOLUME: part.of, **tags}),
        }
        if part.region != self.region:
            asked["SourceRegion"] = part.region
        if key := self._key_of(part):
            asked["KmsKeyId"] = key
        self._call("copy", form, **asked)

    def _key_of(self, part: Part) -> str:
        """Under which a copy is encrypted; empty if it is not. Raises CannotCopy.

        RDS encrypts the copy of a plain snapshot of an instance, but refuses to do so with that of a cluster.
        """
        if not part.encrypted:
            return "" if part.type is PartType.CLUSTER_SNAPSHOT else self.key
        if not self.key and part.arn.split(":")[4] != self.account:
            raise CannotCopy(
                f"{part.id} is encrypted, and account {self.account} has no key for its copy: set FleetCopyKmsKeyArn"
            )
        return self.key or _DEFAULT_KEY

    def share(self, part: Part, account: str) -> None:
        if part.kms_key and self.kms.describe_key(KeyId=part.kms_key)["KeyMetadata"]["KeyManager"] == "AWS":
            raise CannotCopy(
                f"{part.id} is encrypted under aws/rds, the key that AWS manages, which no other account can use:"
                " move the database to a key of your own, and share that key with the account"
            )
        form = _form_of(part)
        asked = {form.identifier: part.id, "AttributeName": "restore", "ValuesToAdd": [account]}
        try:
            getattr(self.client, f"modify_{form.call}_attribute")(**asked)
        except ClientError as error:
            raise _meant(error, part.id) from error

    # Tags, and the end

    def tag(self, part: Part, tags: Mapping[str, str]) -> None:
        try:
            self.client.add_tags_to_resource(ResourceName=part.arn, Tags=_tag_list(tags))
        except ClientError as error:
            if _code(error) not in _NO_SNAPSHOT:
                raise

    def delete(self, part: Part) -> None:
        form = _form_of(part)
        try:
            getattr(self.client, f"delete_{form.call}")(**{form.identifier: part.id})
        except ClientError as error:
            if _code(error) in _NOT_YET:
                raise Undeletable(f"{part.id}: {error.response['Error'].get('Message', '')}") from error
            if _code(error) not in _NO_SNAPSHOT:
                raise


def _resource(told: Mapping[str, Any], region: str, form: _Form) -> Iterator[Resource]:
    tags = _tags(told)
    is_cluster = form is _CLUSTERS
    yield Resource(
        arn=told["DBClusterArn" if is_cluster else "DBInstanceArn"],
        kind=form.kind,
        region=region,
        name=told[form.source],
        status=told["Status" if is_cluster else "DBInstanceStatus"],
        identity=told[form.identity],
        tags=tags,
        size=told.get("AllocatedStorage", 0) * GIB,
        encrypted=told.get("StorageEncrypted", False),
    )
