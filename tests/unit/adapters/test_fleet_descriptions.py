"""What is kept of instances and databases, so that a restore can make others like them."""

from typing import Any

from holdfast.adapters import ec2_descriptions, rds_descriptions

INSTANCE: dict[str, Any] = {
    "InstanceId": "i-1",
    "InstanceType": "m7g.large",
    "ImageId": "ami-1",
    "KeyName": "ops",
    "SubnetId": "subnet-1",
    "VpcId": "vpc-1",
    "PrivateIpAddress": "10.0.0.7",
    "Architecture": "arm64",
    "VirtualizationType": "hvm",
    "RootDeviceName": "/dev/xvda",
    "EnaSupport": True,
    "BootMode": "uefi",
    "EbsOptimized": True,
    "SecurityGroups": [{"GroupId": "sg-1", "GroupName": "web"}, {"GroupId": "sg-2", "GroupName": "ssh"}],
    "IamInstanceProfile": {"Arn": "arn:aws:iam::1:instance-profile/web", "Id": "AIPA"},
    "Tags": [{"Key": "Name", "Value": "web"}, {"Key": "aws:autoscaling:groupName", "Value": "web"}],
    "BlockDeviceMappings": [
        {"DeviceName": "/dev/xvda", "Ebs": {"VolumeId": "vol-1", "DeleteOnTermination": True, "Status": "attached"}},
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeId": "vol-2"}},
        {"DeviceName": "/dev/sdz", "VirtualName": "ephemeral0"},
    ],
    "MetadataOptions": {"State": "applied", "HttpTokens": "required", "HttpPutResponseHopLimit": 2},
    "Placement": {"AvailabilityZone": "eu-west-1a", "GroupName": "", "Tenancy": "default", "HostId": None},
    "SriovNetSupport": "simple",
    "CpuOptions": {"CoreCount": 2, "ThreadsPerCore": 1},
    "Monitoring": {"State": "enabled"},
    "NetworkInterfaces": [{}, {}],
    "State": {"Name": "running"},
    "LaunchTime": object(),
}

VOLUME = {
    "VolumeId": "vol-1",
    "VolumeType": "gp3",
    "Size": 8,
    "Iops": 3000,
    "Throughput": 125,
    "Encrypted": True,
    "KmsKeyId": "arn:own",
    "State": "in-use",
}


def test_an_instance_is_kept_with_what_run_instances_takes() -> None:
    told = ec2_descriptions.describe(INSTANCE, [VOLUME], user_data="IyEvYmluL3No", protected=True)
    of_volume = {name: value for name, value in VOLUME.items() if name != "State"}
    same = ("InstanceId", "InstanceType", "ImageId", "KeyName", "SubnetId", "VpcId", "PrivateIpAddress", "Architecture")
    more = ("VirtualizationType", "RootDeviceName", "EnaSupport", "SriovNetSupport", "BootMode", "EbsOptimized")
    assert told == {
        **{name: INSTANCE[name] for name in (*same, *more)},
        "SecurityGroupIds": ["sg-1", "sg-2"],
        "IamInstanceProfile": "arn:aws:iam::1:instance-profile/web",
        "Tags": {"Name": "web"},
        "BlockDevices": [
            {"DeviceName": "/dev/xvda", **of_volume, "DeleteOnTermination": True},
            {"DeviceName": "/dev/sdf", "VolumeId": "vol-2", "DeleteOnTermination": False},
        ],
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
        "Placement": {"AvailabilityZone": "eu-west-1a", "Tenancy": "default"},
        "Monitoring": True,
        "NetworkInterfaces": 2,
        "DisableApiTermination": True,
        "UserData": "IyEvYmluL3No",
    }


def test_what_ec2_does_not_tell_is_left_out() -> None:
    told = ec2_descriptions.describe({"InstanceId": "i-1"}, [], user_data="", protected=False)
    assert told == {
        "InstanceId": "i-1",
        "SecurityGroupIds": [],
        "BlockDevices": [],
        "Monitoring": False,
        "NetworkInterfaces": 0,
        "DisableApiTermination": False,
    }


DATABASE: dict[str, Any] = {
    "DBInstanceIdentifier": "orders",
    "DBInstanceClass": "db.m7g.large",
    "Engine": "postgres",
    "EngineVersion": "16.4",
    "Endpoint": {"Address": "orders.example", "Port": 5433},
    "DbInstancePort": 0,
    "AllocatedStorage": 100,
    "MaxAllocatedStorage": 500,
    "StorageType": "gp3",
    "Iops": 12000,
    "StorageThroughput": 500,
    "StorageEncrypted": True,
    "KmsKeyId": "arn:own",
    "MultiAZ": True,
    "PubliclyAccessible": False,
    "DeletionProtection": True,
    "BackupRetentionPeriod": 7,
    "MonitoringInterval": 60,
    "MonitoringRoleArn": "arn:monitoring",
    "PerformanceInsightsEnabled": True,
    "PerformanceInsightsKMSKeyId": "arn:insights",
    "CACertificateIdentifier": "rds-ca-rsa2048-g1",
    "LicenseModel": "postgresql-license",
    "NetworkType": "IPV4",
    "CopyTagsToSnapshot": True,
    "IAMDatabaseAuthenticationEnabled": True,
    "EnabledCloudwatchLogsExports": ["postgresql"],
    "DBSubnetGroup": {"DBSubnetGroupName": "private", "VpcId": "vpc-1", "Subnets": []},
    "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1", "Status": "active"}],
    "DBParameterGroups": [{"DBParameterGroupName": "tuned", "ParameterApplyStatus": "in-sync"}],
    "OptionGroupMemberships": [{"OptionGroupName": "default:postgres-16", "Status": "in-sync"}],
    "TagList": [{"Key": "team", "Value": "blue"}, {"Key": "aws:cloudformation:stack-name", "Value": "db"}],
    "InstanceCreateTime": object(),
}

RENAMED = {
    "Port": 5433,
    "EnableIAMDatabaseAuthentication": True,
    "EnableCloudwatchLogsExports": ["postgresql"],
    "EnablePerformanceInsights": True,
    "DBSubnetGroupName": "private",
    "VpcId": "vpc-1",
    "VpcSecurityGroupIds": ["sg-1"],
    "DBParameterGroupName": "tuned",
    "OptionGroupName": "default:postgres-16",
    "Tags": {"team": "blue"},
}


def test_a_database_is_kept_under_the_names_that_a_restore_takes() -> None:
    others = {
        "Endpoint",
        "DbInstancePort",
        "IAMDatabaseAuthenticationEnabled",
        "EnabledCloudwatchLogsExports",
        "PerformanceInsightsEnabled",
        "DBSubnetGroup",
        "VpcSecurityGroups",
        "DBParameterGroups",
        "OptionGroupMemberships",
        "TagList",
        "InstanceCreateTime",
    }
    same = {name: value for name, value in DATABASE.items() if name not in others}
    assert rds_descriptions.describe_instance(DATABASE) == same | RENAMED


def test_that_rds_keeps_the_password_is_told() -> None:
    assert rds_descriptions.describe_instance({"MasterUserSecret": {"SecretArn": "arn"}})["ManageMasterUserPassword"]


def test_what_rds_does_not_tell_is_left_out() -> None:
    told = rds_descriptions.describe_instance({"DBInstanceIdentifier": "orders", "DbInstancePort": 5432})
    assert told == {"DBInstanceIdentifier": "orders", "Port": 5432, "VpcSecurityGroupIds": [], "Tags": {}}


def test_a_cluster_is_kept_with_its_instances_which_its_snapshots_do_not_hold() -> None:
    cluster = {
        "DBClusterIdentifier": "orders",
        "Engine": "aurora-postgresql",
        "EngineMode": "provisioned",
        "Port": 5432,
        "DBSubnetGroup": "private",
        "DBClusterParameterGroup": "tuned-cluster",
        "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 8.0},
        "DBClusterMembers": [
            {"DBInstanceIdentifier": "orders-1", "IsClusterWriter": True},
            {"DBInstanceIdentifier": "orders-2", "IsClusterWriter": False},
        ],
        "LatestRestorableTime": object(),
    }
    members = [
        {
            "DBInstanceIdentifier": name,
            "DBInstanceClass": "db.serverless",
            "PromotionTier": tier,
            "DBParameterGroups": [{"DBParameterGroupName": "tuned"}],
            "PerformanceInsightsEnabled": True,
        }
        for name, tier in (("orders-1", 0), ("orders-2", 1))
    ]
    kept = {
        "DBInstanceClass": "db.serverless",
        "DBParameterGroupName": "tuned",
        "EnablePerformanceInsights": True,
    }
    assert rds_descriptions.describe_cluster(cluster, members) == {
        "DBClusterIdentifier": "orders",
        "Engine": "aurora-postgresql",
        "EngineMode": "provisioned",
        "Port": 5432,
        "DBSubnetGroupName": "private",
        "DBClusterParameterGroupName": "tuned-cluster",
        "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 8.0},
        "VpcSecurityGroupIds": [],
        "Tags": {},
        "Members": [
            {"DBInstanceIdentifier": "orders-1", "PromotionTier": 0, "IsWriter": True, **kept},
            {"DBInstanceIdentifier": "orders-2", "PromotionTier": 1, "IsWriter": False, **kept},
        ],
    }
