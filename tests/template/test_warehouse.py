"""What the parameters of the warehouse system become: sources that may be read, buckets, roles, the task."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import pytest
import yaml

from holdfast import settings
from holdfast.adapters.s3_warehouse import ARCHIVE_CLASSES
from holdfast.warehouse import naming
from holdfast.warehouse.database import LEDGER
from holdfast.warehouse.model import Source
from holdfast.warehouse.report import Row
from holdfast.warehouse.settings import WarehouseDiscover, WarehousePlan, WarehouseValidate
from local.engine import ACCOUNT, REGION
from tests.template.machine import MACHINES
from tests.template.role import grants
from tests.template.rules import refusals
from tests.template.stack import EVERYTHING, FUNCTIONS, LAYER, ROOT, SOURCE, deployed, environment, function, of_type

GIVEN: Mapping[str, str] = {
    "WarehouseSources": "s3://lake/sales,s3://pond/warehouse/*#weekly",
    "WarehouseSourceBuckets": "lake,pond",
    "WarehouseInventories": "s3://listings/of/all",
    "WarehouseBackupBucketName": "vault",
    "WarehousePrefix": "backups/warehouse",
}
SOURCES_ALONE = {name: GIVEN[name] for name in ("WarehouseSources", "WarehouseSourceBuckets")}
OURS = [name for name in FUNCTIONS if name.startswith("warehouse_")]
COMPUTING = [name for name in OURS if "DATABASE_MEGABYTES" in environment(name)]
IMAGE = {"WarehouseTaskImage": EVERYTHING["WarehouseTaskImage"]}
NETWORK = {"WarehouseVpcId": "vpc-0123abcd", "WarehouseSubnetIds": "subnet-1,subnet-2"}


def statements(role: str, **parameters: str) -> Iterator[Mapping[str, Any]]:
    for policy in deployed(**{**EVERYTHING, **parameters})[role].properties["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def allowed(role: str, **parameters: str) -> set[tuple[str, str]]:
    """Actions and resources."""
    return {
        (action, resource)
        for statement in statements(role, **parameters)
        for action in each(statement["Action"])
        for resource in each(statement["Resource"])
    }


def each(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


# Parameters that cannot work


@pytest.mark.parametrize(
    ("parameters", "refused"),
    [
        ({}, 0),
        (GIVEN, 0),
        ({**IMAGE, **NETWORK}, 0),
        ({"WarehouseSources": "s3://lake/sales"}, 1),
        ({"WarehouseSourceBuckets": "lake"}, 1),
        ({**GIVEN, "EnableWarehouse": "false"}, 1),
        ({"WarehouseInventories": "s3://listings"}, 1),
        ({**GIVEN, "WarehouseBackupBucketName": "pond"}, 1),
        (NETWORK, 1),
        ({**IMAGE, "WarehouseVpcId": "vpc-0123abcd"}, 1),
        ({**IMAGE, "WarehouseSubnetIds": "subnet-1"}, 1),
    ],
)
def test_what_cannot_work_is_refused(parameters: Mapping[str, str], refused: int) -> None:
    assert len(list(refusals(**parameters))) == refused


# Sources


def test_the_functions_read_the_buckets_of_the_sources_and_no_others() -> None:
    for name in ("warehouse_copy", "warehouse_retire"):
        read = {grant.resource for grant in grants(name, **GIVEN) if grant.resource.startswith("arn:*")}
        assert read == {"arn:*:s3:::lake", "arn:*:s3:::lake/*", "arn:*:s3:::pond", "arn:*:s3:::pond/*"}
    listed = {grant.resource for grant in grants("warehouse_commit", **GIVEN) if grant.resource.startswith("arn:*")}
    assert listed == {"arn:*:s3:::lake", "arn:*:s3:::pond"}
    others = set(OURS) - {"warehouse_copy", "warehouse_retire", "warehouse_commit"}
    assert [grant for name in others for grant in grants(name, **GIVEN) if "lake" in grant.resource] == []


def test_the_sources_are_those_of_the_parameter() -> None:
    told = settings.read(WarehouseDiscover, environment("warehouse_discover", **GIVEN))
    assert [Source.parse(source).bucket for source in told.sources] == list(told.source_buckets) == ["lake", "pond"]


def test_without_sources_a_bucket_is_made_that_has_the_inventory_that_is_looked_for() -> None:
    told = settings.read(WarehouseDiscover, environment("warehouse_discover"))
    [source] = map(Source.parse, told.sources)
    assert (source.bucket, source.many, told.source_buckets) == ("warehousesamplebucket", True, (source.bucket,))
    [configured] = deployed()["WarehouseSampleBucket"].properties["InventoryConfigurations"]
    assert configured["Id"] == source.inventory_id
    destination = configured["Destination"]
    assert told.inventories == f"s3://{destination['BucketArn'].rpartition(':')[2]}/{destination['Prefix']}"
    assert {"Size", "LastModifiedDate", "ETag", "StorageClass", "IntelligentTieringAccessTier"} == set(
        configured["OptionalFields"]
    )
    assert "WarehouseSampleBucket" not in deployed(**GIVEN)


def test_inventories_are_read_where_somebody_says_and_nowhere_else() -> None:
    for name in ("warehouse_discover", "warehouse_validate", "warehouse_plan"):
        assert environment(name, **GIVEN)["INVENTORIES"] == "s3://listings/of/all"
        read = {grant.resource for grant in grants(name, **GIVEN) if "listings" in grant.resource}
        assert read == {"arn:aws:s3:::listings", "arn:aws:s3:::listings/of/all/*"}


@pytest.mark.parametrize(
    ("parameters", "sources"),
    [
        ({}, "arn:aws:s3:::warehousesamplebucket"),
        (SOURCES_ALONE, ["arn:*:s3:::lake", "arn:*:s3:::pond"]),
    ],
)
def test_s3_delivers_inventories_of_the_sources_alone(parameters: Mapping[str, str], sources: Any) -> None:
    [statement] = deployed(**parameters)["WarehouseInventoryPolicy"].properties["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == ACCOUNT
    assert statement["Condition"]["ArnLike"] == {"aws:SourceArn": sources}
    assert statement["Resource"] == "arn:aws:s3:::warehouseinventorybucket/inventories/*"


def test_there_is_room_for_25_sources_of_the_longest_names() -> None:
    buckets = [f"{number:063}" for number in range(25)]
    sources = {
        "WarehouseSourceBuckets": ",".join(buckets),
        "WarehouseSources": ",".join(f"s3://{b}/*" for b in buckets),
    }
    assert len(json.dumps(environment("warehouse_discover", **sources))) <= 4096
    for name in ("warehouse_copy", "warehouse_retire"):
        granted = [(grant.resource, grant.action) for grant in grants(name, **sources)]
        assert len(json.dumps(granted)) <= 10_240


# The backup


def test_the_backup_is_where_somebody_says_below_its_prefix() -> None:
    for name in OURS:
        told = environment(name, **GIVEN)
        assert (told["BACKUP_BUCKET"], told["BACKUP_PREFIX"]) == ("vault", "backups/warehouse")
        written = [grant.resource for grant in grants(name, **GIVEN) if grant.action.startswith("s3:Put")]
        assert [arn for arn in written if not arn.startswith("arn:aws:s3:::vault/backups/warehouse/")] == []
    assert "WarehouseBackupBucket" not in deployed(**GIVEN)


def test_only_copies_that_are_tagged_to_expire_do_and_nothing_else_of_the_backup() -> None:
    rules = deployed()["WarehouseBackupBucket"].properties["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Prefix"]: rule for rule in rules if "ExpirationInDays" in rule}
    assert expiring.keys() == {"warehouse/copies/", "warehouse/athena/"}
    assert expiring["warehouse/copies/"]["TagFilters"] == [{"Key": naming.STATE_TAG, "Value": naming.EXPIRE}]
    assert naming.Names("warehouse/").copies("R", "b").startswith("warehouse/copies/")


def test_only_retire_tags_and_nobody_deletes() -> None:
    tagging = {name for name in OURS for grant in grants(name, **EVERYTHING) if "PutObjectTagging" in grant.action}
    assert tagging == {"warehouse_retire"}
    assert [grant for name in OURS for grant in grants(name, **EVERYTHING) if "Delete" in grant.action] == []
    for role in ("WarehouseCopyJobRole", "WarehouseTaskRole", "WarehouseTaskExecutionRole", "WarehouseScheduleRole"):
        assert [action for action, _ in allowed(role) if "Delete" in action] == []


def test_each_storage_class_can_be_chosen_and_those_that_must_be_thawed_are_known() -> None:
    classes = set(SOURCE["Parameters"]["WarehouseStorageClass"]["AllowedValues"])
    assert classes >= ARCHIVE_CLASSES
    assert settings.read(WarehousePlan, environment("warehouse_plan")).storage_class == "GLACIER"


@pytest.mark.parametrize(
    ("table", "columns"), [("WarehouseReports", [one.name for one in fields(Row)]), ("WarehouseLedger", list(LEDGER))]
)
def test_athena_knows_the_columns_that_are_written(table: str, columns: list[str]) -> None:
    stated = deployed()[table].properties["TableInput"]["StorageDescriptor"]
    assert [column["Name"] for column in stated["Columns"]] == columns
    assert stated["Location"].startswith("s3://warehousebackupbucket/warehouse/")


def test_the_ledgers_types_are_those_of_athena() -> None:
    types = {"VARCHAR": "string", "BIGINT": "bigint", "TIMESTAMP": "timestamp"}
    stated = deployed()["WarehouseLedger"].properties["TableInput"]["StorageDescriptor"]["Columns"]
    assert {one["Name"]: one["Type"] for one in stated} == {name: types[kind] for name, kind in LEDGER.items()}


def test_no_query_reads_more_than_a_terabyte() -> None:
    [group] = of_type("AWS::Athena::WorkGroup").values()
    assert group["WorkGroupConfiguration"]["BytesScannedCutoffPerQuery"] == 1 << 40


# Functions


@pytest.mark.parametrize("name", COMPUTING)
def test_a_function_has_the_database_and_more_memory_and_disk_than_that_may_use(name: str) -> None:
    stated = function(name)
    assert len(stated["Layers"]) == 2
    database = int(environment(name)["DATABASE_MEGABYTES"])
    assert database <= 0.7 * stated["MemorySize"]
    assert stated["EphemeralStorage"]["Size"] > database
    assert environment(name)["SCRATCH_FOLDER"] == "/tmp"


@pytest.mark.parametrize("name", sorted(set(OURS) - set(COMPUTING)))
def test_a_function_without_a_database_does_not_carry_one(name: str) -> None:
    assert len(function(name)["Layers"]) == 1


WITHOUT_PACKAGES = """
import sys
from contextlib import suppress
sys.modules |= dict.fromkeys(("duckdb", "isal", "pyarrow"))
from holdfast import wiring
with suppress(LookupError, ValueError):
    getattr(wiring, sys.argv[1])(print)({})
"""


@pytest.mark.parametrize("name", sorted(set(OURS) - set(COMPUTING)))
def test_a_function_without_a_database_asks_for_none(name: str) -> None:
    told = environment(name) | {"AWS_DEFAULT_REGION": REGION, "PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", WITHOUT_PACKAGES, name]
    done = subprocess.run(command, env=told, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_the_plan_has_five_gigabytes_and_the_limits_are_those_of_the_issue() -> None:
    assert function("warehouse_plan")["MemorySize"] == 5120
    told = settings.read(WarehouseValidate, environment("warehouse_validate"))
    assert (told.lambda_files, told.lambda_bytes, told.has_task) == (25, 1 << 30, False)


def test_so_many_objects_are_copied_directly_as_four_invocations_copy_at_a_second_each() -> None:
    told = settings.read(WarehousePlan, environment("warehouse_plan"))
    assert told.direct_objects / 32 <= 4 * function("warehouse_copy")["Timeout"]


def test_what_is_never_tried_again_are_errors_of_ours() -> None:
    [machine] = [machine for machine in MACHINES if machine.name == "WarehouseBackupStateMachine"]
    states = dict(machine.states())
    named = {
        error
        for name, _ in machine.calls()
        for retry in states[name]["Retry"]
        if retry["MaxAttempts"] == 0
        for error in retry["ErrorEquals"]
    }
    classes = {
        node.name
        for path in LAYER.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    }
    assert named
    assert named - classes == set()


# The job and the task


def test_a_job_reads_sources_and_manifests_and_writes_copies_and_reports() -> None:
    backup = "arn:aws:s3:::vault/backups/warehouse"
    assert allowed("WarehouseCopyJobRole", **GIVEN) == {
        *((f"s3:{verb}", f"{backup}/runs/*") for verb in ("GetObject", "GetObjectVersion", "PutObject")),
        *(
            (f"s3:{verb}", f"arn:*:s3:::{bucket}/*")
            for verb in ("GetObject", "GetObjectVersion", "GetObjectTagging", "GetObjectVersionTagging")
            for bucket in ("lake", "pond")
        ),
        ("s3:ListBucket", "arn:*:s3:::lake"),
        ("s3:ListBucket", "arn:*:s3:::pond"),
        ("s3:PutObject", f"{backup}/copies/*"),
        ("s3:PutObjectTagging", f"{backup}/copies/*"),
        *(("kms:Decrypt", key) for key in EVERYTHING["SourceKmsKeyArns"].split(",")),
    }


def test_no_job_puts_on_the_tag_by_which_a_copy_expires() -> None:
    [tagging] = [one for one in statements("WarehouseCopyJobRole") if "s3:PutObjectTagging" in each(one["Action"])]
    assert tagging["Condition"] == {"Null": {f"s3:RequestObjectTag/{naming.STATE_TAG}": "true"}}


@pytest.mark.parametrize(
    ("role", "service"),
    [
        ("WarehouseCopyJobRole", "batchoperations.s3.amazonaws.com"),
        ("WarehouseScheduleRole", "scheduler.amazonaws.com"),
        ("WarehouseTaskExecutionRole", "ecs-tasks.amazonaws.com"),
        ("WarehouseTaskRole", "ecs-tasks.amazonaws.com"),
    ],
)
def test_a_service_takes_on_a_role_for_this_account_alone(role: str, service: str) -> None:
    [trust] = deployed(**EVERYTHING)[role].properties["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": service}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
    assert f":{REGION}:{ACCOUNT}:" in trust["Condition"]["ArnLike"]["aws:SourceArn"]


def test_the_task_may_do_what_the_function_may() -> None:
    granted = {(grant.action, grant.resource) for grant in grants("warehouse_plan", **EVERYTHING)}
    assert allowed("WarehouseTaskRole") == granted


def container(**parameters: str) -> Any:
    [stated] = of_type("AWS::ECS::TaskDefinition", **{**EVERYTHING, **parameters}).values()
    [only] = stated["ContainerDefinitions"]
    return only


def test_the_task_is_told_what_the_function_is_told_and_has_more_to_use() -> None:
    told = {one["Name"]: str(one["Value"]) for one in container()["Environment"]}
    function_told = environment("warehouse_plan", **EVERYTHING)
    settings.read(WarehousePlan, told)
    own = {"SCRATCH_FOLDER", "DATABASE_MEGABYTES", "DATABASE_THREADS", "POWERTOOLS_SERVICE_NAME"}
    same = {field.name.upper() for field in fields(WarehousePlan)} - own
    assert {name: told[name] for name in same} == {name: function_told[name] for name in same}
    [stated] = of_type("AWS::ECS::TaskDefinition", **EVERYTHING).values()
    assert (stated["Cpu"], stated["Memory"]) == ("4096", "16384")
    assert int(told["DATABASE_MEGABYTES"]) < int(stated["Memory"])


def test_the_task_runs_as_a_plain_user_on_a_root_that_it_may_not_write_to() -> None:
    stated = container()
    assert stated["ReadonlyRootFilesystem"] is True
    assert stated["User"] == "10001:10001"
    told = {one["Name"]: one["Value"] for one in stated["Environment"]}
    assert [mount["ContainerPath"] for mount in stated["MountPoints"]] == [told["SCRATCH_FOLDER"]]
    image = (ROOT / "functions/warehouse_task/Dockerfile").read_text()
    assert f"\nUSER {stated['User']}\n" in image
    assert f'VOLUME ["{told["SCRATCH_FOLDER"]}"]' in image


def test_the_task_runs_on_the_processor_of_the_functions() -> None:
    [stated] = of_type("AWS::ECS::TaskDefinition", **EVERYTHING).values()
    assert (stated["RuntimePlatform"]["CpuArchitecture"], function("warehouse_plan")["Architectures"]) == (
        "ARM64",
        ["arm64"],
    )


NETWORK_TYPES = ("AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::EC2::VPCEndpoint")


def test_without_an_image_there_is_no_task_and_nothing_that_costs_by_the_hour() -> None:
    kinds = {resource.type for resource in deployed().values()}
    assert {kind for kind in kinds if kind.startswith(("AWS::ECS::", "AWS::EC2::"))} == set()


def test_the_task_has_a_network_without_a_way_out() -> None:
    made = deployed(**EVERYTHING)
    kinds = [resource.type for resource in made.values()]
    assert [kinds.count(kind) for kind in NETWORK_TYPES] == [1, 2, 4]
    assert {"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::Route"} & set(kinds) == set()
    services = {
        endpoint["ServiceName"]: endpoint for endpoint in of_type("AWS::EC2::VPCEndpoint", **EVERYTHING).values()
    }
    assert {name.partition(f"{REGION}.")[2]: of["VpcEndpointType"] for name, of in services.items()} == {
        "s3": "Gateway",
        "ecr.dkr": "Interface",
        "ecr.api": "Interface",
        "logs": "Interface",
    }
    assert all(len(of.get("SubnetIds", ["one"])) == 1 for of in services.values())  # each zone costs as much again


def test_a_given_network_is_used_and_none_is_made() -> None:
    made = deployed(**IMAGE, **NETWORK)
    assert [resource for resource in made.values() if resource.type in NETWORK_TYPES] == []
    machine = SOURCE["Resources"]["WarehouseBackupStateMachine"]["Properties"]["DefinitionSubstitutions"]
    assert machine["Subnets"]["Fn::If"][0] == "WarehouseMakesNetwork"
    assert made["WarehouseTaskSecurityGroup"].properties["VpcId"] == NETWORK["WarehouseVpcId"]


def test_the_image_has_the_layers_versions_and_all_that_the_lock_pins() -> None:
    def pins(path: str) -> set[str]:
        return set((ROOT / path).read_text().split())

    layers = pins("layers/duckdb/requirements.txt") | pins("layers/holdfast/requirements.txt")
    assert pins("functions/warehouse_task/requirements.txt") >= layers


def test_the_image_is_made_of_what_the_context_has() -> None:
    copied = [
        line.split()[1]
        for line in (ROOT / "functions/warehouse_task/Dockerfile").read_text().splitlines()
        if line.startswith("COPY ")
    ]
    context = (ROOT / ".dockerignore").read_text().splitlines()
    assert {f"!{path}" for path in copied} <= set(context)
    assert all((ROOT / path).exists() for path in copied)


def test_the_schedule_is_the_parameters() -> None:
    stated = deployed()["WarehouseBackupSchedule"].properties
    assert (stated["ScheduleExpression"], stated["State"]) == ("cron(0 3 2 * ? *)", "ENABLED")
    assert SOURCE["Resources"]["WarehouseBackupSchedule"]["Properties"]["ScheduleExpression"] == {
        "Ref": "WarehouseSchedule"
    }


def test_the_definition_is_yaml_that_says_each_account_as_text() -> None:
    """Twelve digits without quotes would be a number, and zeros before them would be lost."""
    [machine] = [machine for machine in MACHINES if machine.name == "WarehouseBackupStateMachine"]
    read = yaml.safe_load(machine.text.replace("${AccountId}", "012345678901"))
    assert '"AccountId": "012345678901"' in json.dumps(read)
    assert '"AccountId": 12345678901' not in json.dumps(read)
