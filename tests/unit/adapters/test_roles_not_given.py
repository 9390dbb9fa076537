"""What a restore says if AWS lets it give no role."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from holdfast.adapters.ec2_restore import Ec2Provisioner
from holdfast.adapters.rds_restore import RdsProvisioner
from holdfast.fleet.restore.model import Piece, PieceType
from holdfast.fleet.restore.ports import Refused

SAID = "holdfast is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/web"


def told(service: Any, code: str) -> Any:
    made = boto3.Session("a", "b", region_name="us-east-1").client(service)
    stubber = Stubber(made)
    call = "run_instances" if service == "ec2" else "restore_db_instance_from_db_snapshot"
    stubber.add_client_error(call, code, SAID, 403)
    stubber.activate()
    return made


def test_the_parameter_that_permits_a_role_is_named() -> None:
    instance = Piece(PieceType.INSTANCE, "i", {"MinCount": 1, "MaxCount": 1})
    database = Piece(PieceType.DATABASE, "d", {"DBInstanceIdentifier": "d", "DBSnapshotIdentifier": "s"})
    with pytest.raises(Refused, match="with that role in FleetRestoreRoleArns"):
        Ec2Provisioner(told("ec2", "UnauthorizedOperation"), "us-east-1", "123456789012").make(instance)
    with pytest.raises(Refused, match="with that role in FleetRestoreRoleArns"):
        RdsProvisioner(told("rds", "AccessDenied")).make(database)
