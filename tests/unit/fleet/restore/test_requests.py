"""What restores ask of AWS, held against what its API takes."""

from collections.abc import Sequence

import boto3
import pytest

from holdfast.fleet.restore import databases, instances


@pytest.mark.parametrize(
    ("service", "operation", "names"),
    [
        ("ec2", "RegisterImage", instances.OF_IMAGE),
        ("rds", "RestoreDBInstanceFromDBSnapshot", databases.OF_INSTANCE),
        ("rds", "RestoreDBClusterFromSnapshot", databases.OF_CLUSTER),
        ("rds", "CreateDBInstance", databases.OF_MEMBER),
        ("rds", "ModifyDBInstance", databases.SET_LATER),
        ("rds", "ModifyDBCluster", databases.SET_LATER_OF_CLUSTER),
    ],
)
def test_every_name_is_one_that_the_call_takes(service: str, operation: str, names: Sequence[str]) -> None:
    client = boto3.Session("a", "b", region_name="us-east-1").client(service)  # type: ignore[call-overload]
    takes = client.meta.service_model.operation_model(operation).input_shape.members
    assert [name for name in names if name not in takes] == []
