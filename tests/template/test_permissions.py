"""What each function may do. The table is there so that a change of permissions is a change of two files."""

from collections.abc import Callable, Iterator, Mapping

import pytest

from local.engine import ACCOUNT
from tests.template.role import Grant, grants, role, statements
from tests.template.stack import EVERYTHING, FUNCTIONS, KEY, SOURCE, deployed, logical_id, of_type

PERMISSIONS = """
capacity_drive      *                                              cloudwatch:DescribeAlarms
capacity_drive      Api/prod/GET/plot                              execute-api:Invoke
capacity_drive      CapacityBucket                                 s3:ListBucket
capacity_drive      CapacityBucket/assignment?.txt                 s3:DeleteObject s3:PutObject
capacity_drive      function:CapacityHeartbeatFunction             lambda:InvokeFunction
capacity_drive      table/HistoryTable                             dynamodb:Query
capacity_heartbeat  table/ObjectTable                              dynamodb:BatchGetItem
capacity_log        table/ObjectTable                              dynamodb:BatchGetItem
capacity_plot       plotbucket/*                                   s3:PutObject
capacity_plot       table/HistoryTable                             dynamodb:Query
capacity_reconcile  AlertTopic                                     sns:publish
capacity_reconcile  CapacityBucket                                 s3:GetBucketVersioning s3:ListBucket s3:ListBucketMultipartUploads s3:ListBucketVersions
capacity_reconcile  CapacityBucket/*                               s3:GetObject s3:ListMultipartUploadParts
capacity_reconcile  table/HistoryTable                             dynamodb:PutItem
capacity_reconcile  table/ObjectTable                              dynamodb:BatchGetItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query
capacity_track      CapacityBucket                                 s3:ListBucket
capacity_track      CapacityBucket/*                               s3:GetObject
capacity_track      table/HistoryTable                             dynamodb:PutItem
capacity_track      table/ObjectTable                              dynamodb:BatchGetItem dynamodb:PutItem
capacity_trim       *                                              cloudwatch:DescribeAlarms
capacity_trim       AlertTopic                                     sns:publish
capacity_trim       CapacityBucket                                 s3:GetBucketVersioning s3:ListBucket s3:ListBucketVersions
capacity_trim       CapacityBucket/*                               s3:DeleteObject s3:DeleteObjectVersion s3:GetObject s3:GetObjectTagging
capacity_trim       table/BreakerTable                             dynamodb:GetItem dynamodb:PutItem
capacity_trim       table/ObjectTable                              dynamodb:BatchGetItem dynamodb:UpdateItem
capacity_trim       table/ObjectTable/index/size-index             dynamodb:Query
fleet_alert         FleetAlertDeadLetterQueue                      sqs:SendMessage
fleet_alert         FleetAlertTopic                                sns:Publish
fleet_alert         FleetBackupBucket                              s3:ListBucket
fleet_alert         FleetBackupBucket/alerts/*                     s3:GetObject s3:PutObject
fleet_alert         FleetBackupBucket/restores/*                   s3:GetObject
fleet_alert         FleetBackupBucket/runs/*                       s3:GetObject
fleet_backup        *                                              ec2:DescribeImages ec2:DescribeInstances ec2:DescribeLockedSnapshots ec2:DescribeSnapshots ec2:DescribeVolumes
fleet_backup        FleetBackupBucket                              s3:ListBucket
fleet_backup        FleetBackupBucket/descriptions/*               s3:PutObject
fleet_backup        FleetBackupBucket/runs/*                       s3:GetObject s3:PutObject
fleet_backup        arn:aws:ec2:*:123456789012:instance/*          ec2:CreateImage ec2:CreateSnapshots ec2:DescribeInstanceAttribute
fleet_backup        arn:aws:ec2:*:123456789012:volume/*            ec2:CreateSnapshots
fleet_backup        arn:aws:ec2:*::image/*                         ec2:CreateImage ec2:CreateTags
fleet_backup        arn:aws:ec2:*::snapshot/*                      ec2:CreateImage ec2:CreateSnapshots ec2:CreateTags
fleet_backup        arn:aws:rds:*:123456789012:cluster-snapshot:*  rds:AddTagsToResource rds:CreateDBClusterSnapshot rds:DescribeDBClusterSnapshots
fleet_backup        arn:aws:rds:*:123456789012:cluster:*           rds:CreateDBClusterSnapshot rds:DescribeDBClusterSnapshots rds:DescribeDBClusters
fleet_backup        arn:aws:rds:*:123456789012:db:*                rds:CreateDBSnapshot rds:DescribeDBInstances rds:DescribeDBSnapshots
fleet_backup        arn:aws:rds:*:123456789012:snapshot:*          rds:AddTagsToResource rds:CreateDBSnapshot rds:DescribeDBSnapshots
fleet_cost          *                                              cloudwatch:GetMetricData ec2:DescribeImages ec2:DescribeLockedSnapshots ec2:DescribeSnapshots
fleet_cost          AlertTopic                                     sns:publish
fleet_cost          FleetBackupBucket                              s3:ListBucket
fleet_cost          FleetBackupBucket/costs/*                      s3:PutObject
fleet_cost          FleetBackupBucket/status.json                  s3:GetObject
fleet_cost          arn:aws:rds:*:123456789012:cluster-snapshot:*  rds:DescribeDBClusterSnapshots
fleet_cost          arn:aws:rds:*:123456789012:cluster:*           rds:DescribeDBClusterSnapshots
fleet_cost          arn:aws:rds:*:123456789012:db:*                rds:DescribeDBSnapshots
fleet_cost          arn:aws:rds:*:123456789012:snapshot:*          rds:DescribeDBSnapshots
fleet_cost          table/CopyTable                                dynamodb:DescribeTable
fleet_cost          table/HistoryTable                             dynamodb:DescribeTable
fleet_cost          table/ObjectTable                              dynamodb:DescribeTable
fleet_discover      *                                              ec2:DescribeInstances ec2:DescribeVolumes s3:GetBucketTagging s3:ListAllMyBuckets
fleet_discover      FleetBackupBucket                              s3:ListBucket
fleet_discover      FleetBackupBucket/runs/*                       s3:GetObject s3:PutObject
fleet_discover      arn:aws:rds:*:123456789012:cluster:*           rds:DescribeDBClusters
fleet_discover      arn:aws:rds:*:123456789012:db:*                rds:DescribeDBInstances
fleet_expire        *                                              ec2:DescribeImages ec2:DescribeLockedSnapshots ec2:DescribeSnapshots
fleet_expire        FleetBackupBucket                              s3:ListBucket
fleet_expire        FleetBackupBucket/runs/*                       s3:GetObject s3:PutObject
fleet_expire        arn:aws:ec2:*::image/*                         ec2:DeregisterImage
fleet_expire        arn:aws:ec2:*::snapshot/*                      ec2:DeleteSnapshot
fleet_expire        arn:aws:rds:*:123456789012:cluster-snapshot:*  rds:DeleteDBClusterSnapshot rds:DescribeDBClusterSnapshots
fleet_expire        arn:aws:rds:*:123456789012:cluster:*           rds:DescribeDBClusterSnapshots
fleet_expire        arn:aws:rds:*:123456789012:db:*                rds:DescribeDBSnapshots
fleet_expire        arn:aws:rds:*:123456789012:snapshot:*          rds:DeleteDBSnapshot rds:DescribeDBSnapshots
fleet_expire        table/BreakerTable                             dynamodb:GetItem dynamodb:PutItem
fleet_report        *                                              ec2:DescribeImages ec2:DescribeLockedSnapshots ec2:DescribeSnapshots
fleet_report        FleetBackupBucket                              s3:ListBucket
fleet_report        FleetBackupBucket/runs/*                       s3:GetObject s3:PutObject
fleet_report        FleetBackupBucket/sets/*                       s3:PutObject
fleet_report        arn:aws:rds:*:123456789012:cluster-snapshot:*  rds:DescribeDBClusterSnapshots
fleet_report        arn:aws:rds:*:123456789012:cluster:*           rds:DescribeDBClusterSnapshots
fleet_report        arn:aws:rds:*:123456789012:db:*                rds:DescribeDBSnapshots
fleet_report        arn:aws:rds:*:123456789012:snapshot:*          rds:DescribeDBSnapshots
fleet_report        table/CopyTable                                dynamodb:GetItem dynamodb:Query
fleet_report        tablesbackupbucket                             s3:ListBucket
fleet_report        tablesbackupbucket/tables/*                    s3:GetObject
fleet_report        warehousebackupbucket                          s3:ListBucket
fleet_report        warehousebackupbucket/warehouse/runs/*         s3:GetObject
fleet_restore       *                                              ec2:DescribeImages ec2:DescribeInstanceStatus ec2:DescribeInstances ec2:DescribeLockedSnapshots ec2:DescribeSnapshots ec2:DescribeVolumes s3:GetBucketTagging s3:ListBucket s3:ListBucketVersions
fleet_restore       */*                                            s3:AbortMultipartUpload s3:GetObject s3:GetObjectTagging s3:GetObjectVersion s3:GetObjectVersionTagging s3:PutObject s3:PutObjectTagging
fleet_restore       FleetBackupBucket                              s3:ListBucket
fleet_restore       FleetBackupBucket/descriptions/*               s3:GetObject
fleet_restore       FleetBackupBucket/proof/*                      s3:GetObject s3:PutObject
fleet_restore       FleetBackupBucket/restores/*                   s3:GetObject s3:PutObject
fleet_restore       arn:aws:ec2:*:123456789012:instance/*          ec2:CreateTags ec2:ModifyInstanceAttribute ec2:RunInstances ec2:TerminateInstances
fleet_restore       arn:aws:ec2:*:123456789012:key-pair/*          ec2:RunInstances
fleet_restore       arn:aws:ec2:*:123456789012:network-interface/* ec2:RunInstances
fleet_restore       arn:aws:ec2:*:123456789012:security-group/*    ec2:RunInstances
fleet_restore       arn:aws:ec2:*:123456789012:subnet/*            ec2:RunInstances
fleet_restore       arn:aws:ec2:*:123456789012:volume/*            ec2:CreateTags ec2:RunInstances
fleet_restore       arn:aws:ec2:*::image/*                         ec2:CreateTags ec2:DeregisterImage ec2:RegisterImage ec2:RunInstances
fleet_restore       arn:aws:ec2:*::snapshot/*                      ec2:RegisterImage ec2:RunInstances
fleet_restore       arn:aws:kms:*:123456789012:key/*               kms:CreateGrant kms:Decrypt kms:DescribeKey kms:GenerateDataKey kms:GenerateDataKeyWithoutPlaintext kms:ReEncryptFrom kms:ReEncryptTo
fleet_restore       arn:aws:rds:*:123456789012:cluster-pg:*        rds:RestoreDBClusterFromSnapshot
fleet_restore       arn:aws:rds:*:123456789012:cluster-snapshot:*  rds:DescribeDBClusterSnapshots rds:RestoreDBClusterFromSnapshot
fleet_restore       arn:aws:rds:*:123456789012:cluster:*           rds:AddTagsToResource rds:CreateDBInstance rds:DeleteDBCluster rds:DescribeDBClusterSnapshots rds:DescribeDBClusters rds:ModifyDBCluster rds:RestoreDBClusterFromSnapshot
fleet_restore       arn:aws:rds:*:123456789012:db:*                rds:AddTagsToResource rds:CreateDBInstance rds:DeleteDBInstance rds:DescribeDBInstances rds:DescribeDBSnapshots rds:ModifyDBInstance rds:RestoreDBInstanceFromDBSnapshot
fleet_restore       arn:aws:rds:*:123456789012:og:*                rds:CreateDBInstance rds:RestoreDBClusterFromSnapshot rds:RestoreDBInstanceFromDBSnapshot
fleet_restore       arn:aws:rds:*:123456789012:pg:*                rds:CreateDBInstance rds:RestoreDBInstanceFromDBSnapshot
fleet_restore       arn:aws:rds:*:123456789012:snapshot:*          rds:DescribeDBSnapshots rds:RestoreDBClusterFromSnapshot rds:RestoreDBInstanceFromDBSnapshot
fleet_restore       arn:aws:rds:*:123456789012:subgrp:*            rds:CreateDBInstance rds:RestoreDBClusterFromSnapshot rds:RestoreDBInstanceFromDBSnapshot
fleet_status        *                                              cloudwatch:DescribeAlarms
fleet_status        FleetBackupBucket                              s3:ListBucket
fleet_status        FleetBackupBucket/proof/*                      s3:GetObject
fleet_status        FleetBackupBucket/status.json                  s3:GetObject
fleet_status        table/BreakerTable                             dynamodb:GetItem
fleet_status        table/CopyTable                                dynamodb:GetItem dynamodb:Query
fleet_status        table/ObjectTable                              dynamodb:BatchGetItem dynamodb:GetItem
fleet_status        tablesbackupbucket                             s3:ListBucket
fleet_status        tablesbackupbucket/tables/*                    s3:GetObject
fleet_status        warehousebackupbucket                          s3:ListBucket
fleet_status        warehousebackupbucket/warehouse/runs/*         s3:GetObject
fleet_verify        *                                              ec2:DescribeImages ec2:DescribeInstances ec2:DescribeLockedSnapshots ec2:DescribeSnapshots
fleet_verify        FleetBackupBucket                              s3:ListBucket
fleet_verify        FleetBackupBucket/descriptions/*               s3:GetObject
fleet_verify        FleetBackupBucket/runs/*                       s3:GetObject s3:PutObject
fleet_verify        arn:aws:ec2:*::image/*                         ec2:CreateTags
fleet_verify        arn:aws:ec2:*::snapshot/*                      ec2:CreateTags
fleet_verify        arn:aws:rds:*:123456789012:cluster-snapshot:*  rds:AddTagsToResource rds:DescribeDBClusterSnapshots
fleet_verify        arn:aws:rds:*:123456789012:cluster:*           rds:DescribeDBClusterSnapshots rds:DescribeDBClusters
fleet_verify        arn:aws:rds:*:123456789012:db:*                rds:DescribeDBInstances rds:DescribeDBSnapshots
fleet_verify        arn:aws:rds:*:123456789012:snapshot:*          rds:AddTagsToResource rds:DescribeDBSnapshots
fleet_watch         *                                              ec2:DescribeImages ec2:DescribeLockedSnapshots ec2:DescribeSnapshots
fleet_watch         AlertTopic                                     sns:publish
fleet_watch         FleetAlertTopic                                sns:GetTopicAttributes
fleet_watch         FleetBackupBucket                              s3:ListBucket
fleet_watch         FleetBackupBucket/buckets/*                    s3:GetObject
fleet_watch         FleetBackupBucket/runs/*                       s3:GetObject
fleet_watch         FleetBackupBucket/status.json                  s3:GetObject s3:PutObject
fleet_watch         arn:aws:rds:*:123456789012:cluster-snapshot:*  rds:DescribeDBClusterSnapshots
fleet_watch         arn:aws:rds:*:123456789012:cluster:*           rds:DescribeDBClusterSnapshots
fleet_watch         arn:aws:rds:*:123456789012:db:*                rds:DescribeDBSnapshots
fleet_watch         arn:aws:rds:*:123456789012:snapshot:*          rds:DescribeDBSnapshots
objects_clean       objectsbackupbucket/*                          s3:DeleteObject
objects_clean       table/BreakerTable                             dynamodb:GetItem dynamodb:PutItem
objects_clean       table/CopyTable                                dynamodb:BatchWriteItem dynamodb:DeleteItem dynamodb:UpdateItem
objects_clean       table/CopyTable/index/status-disowned_at-index dynamodb:Query
objects_reconcile   AlertTopic                                     sns:publish
objects_reconcile   ObjectsSourceBucket                            s3:ListBucket
objects_reconcile   ObjectsSourceBucket/*                          s3:GetObject s3:GetObjectTagging s3:GetObjectVersion s3:GetObjectVersionTagging
objects_reconcile   objectsbackupbucket                            s3:ListBucket
objects_reconcile   objectsbackupbucket/*                          s3:AbortMultipartUpload s3:DeleteObject s3:GetObject s3:PutObject s3:PutObjectTagging
objects_reconcile   table/BreakerTable                             dynamodb:GetItem dynamodb:PutItem
objects_reconcile   table/CopyTable                                dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem
objects_replicate   ObjectsReplicateDeadLetterQueue                sqs:SendMessage
objects_replicate   ObjectsSourceBucket                            s3:ListBucket
objects_replicate   ObjectsSourceBucket/*                          s3:GetObject s3:GetObjectTagging s3:GetObjectVersion s3:GetObjectVersionTagging
objects_replicate   objectsbackupbucket/*                          s3:AbortMultipartUpload s3:DeleteObject s3:PutObject s3:PutObjectTagging
objects_replicate   table/BreakerTable                             dynamodb:GetItem dynamodb:PutItem
objects_replicate   table/CopyTable                                dynamodb:DeleteItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem
tables_archive      *                                              dynamodb:ListStreams
tables_archive      TablesArchiveDeadLetterQueue                   sqs:SendMessage
tables_archive      table/TablesSampleTable/stream/*               dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator
tables_archive      tablesbackupbucket/tables/*                    s3:PutObject
tables_check        AlertTopic                                     sns:publish
tables_check        table/TablesSampleTable                        dynamodb:DescribeTable dynamodb:DescribeTimeToLive dynamodb:GetItem dynamodb:ListTagsOfResource dynamodb:Scan
tables_check        table/TablesSampleTable/stream/*               dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator
tables_check        tablesbackupbucket                             s3:ListBucket
tables_check        tablesbackupbucket/tables/*                    s3:GetObject s3:GetObjectVersion s3:PutObject
tables_restore      table/*                                        dynamodb:BatchWriteItem dynamodb:CreateTable dynamodb:DescribeTable dynamodb:DescribeTimeToLive dynamodb:GetItem dynamodb:ListTagsOfResource dynamodb:Scan dynamodb:TagResource dynamodb:UpdateTimeToLive
tables_restore      tablesbackupbucket                             s3:ListBucket
tables_restore      tablesbackupbucket/tables/*                    s3:GetObject s3:GetObjectVersion s3:PutObject
warehouse_commit    warehousebackupbucket                          s3:ListBucket
warehouse_commit    warehousebackupbucket/warehouse/ledger/*       s3:GetObject s3:PutObject
warehouse_commit    warehousebackupbucket/warehouse/runs/*         s3:GetObject s3:PutObject
warehouse_commit    warehousesamplebucket                          s3:ListBucket
warehouse_copy      warehousebackupbucket                          s3:ListBucket
warehouse_copy      warehousebackupbucket/warehouse/copies/*       s3:AbortMultipartUpload s3:PutObject
warehouse_copy      warehousebackupbucket/warehouse/runs/*         s3:GetObject s3:PutObject
warehouse_copy      warehousesamplebucket                          s3:ListBucket
warehouse_copy      warehousesamplebucket/*                        s3:GetObject s3:GetObjectVersion
warehouse_discover  warehousebackupbucket                          s3:ListBucket
warehouse_discover  warehousebackupbucket/warehouse/runs/*         s3:GetObject s3:PutObject
warehouse_discover  warehouseinventorybucket                       s3:ListBucket
warehouse_discover  warehouseinventorybucket/inventories/*         s3:GetObject
warehouse_plan      warehousebackupbucket                          s3:ListBucket
warehouse_plan      warehousebackupbucket/warehouse/athena/*       s3:GetObject
warehouse_plan      warehousebackupbucket/warehouse/ledger/*       s3:GetObject
warehouse_plan      warehousebackupbucket/warehouse/retirements/*  s3:GetObject
warehouse_plan      warehousebackupbucket/warehouse/runs/*         s3:GetObject s3:PutObject
warehouse_plan      warehouseinventorybucket                       s3:ListBucket
warehouse_plan      warehouseinventorybucket/inventories/*         s3:GetObject
warehouse_report    AlertTopic                                     sns:publish
warehouse_report    warehousebackupbucket                          s3:ListBucket
warehouse_report    warehousebackupbucket/warehouse/reports/*      s3:GetObject s3:PutObject
warehouse_report    warehousebackupbucket/warehouse/runs/*         s3:GetObject s3:PutObject
warehouse_retire    table/BreakerTable                             dynamodb:GetItem dynamodb:PutItem
warehouse_retire    warehousebackupbucket                          s3:ListBucket
warehouse_retire    warehousebackupbucket/warehouse/closures/*     s3:GetObject
warehouse_retire    warehousebackupbucket/warehouse/copies/*       s3:GetObject s3:PutObjectTagging
warehouse_retire    warehousebackupbucket/warehouse/ledger/*       s3:GetObject
warehouse_retire    warehousebackupbucket/warehouse/retirements/*  s3:GetObject s3:PutObject
warehouse_retire    warehousebackupbucket/warehouse/runs/*         s3:GetObject s3:PutObject
warehouse_retire    warehousesamplebucket                          s3:ListBucket
warehouse_retire    warehousesamplebucket/*                        s3:GetObject
warehouse_validate  warehouseinventorybucket                       s3:ListBucket
warehouse_validate  warehouseinventorybucket/inventories/*         s3:GetObject
warehouse_verify    warehousebackupbucket                          s3:ListBucket
warehouse_verify    warehousebackupbucket/warehouse/closures/*     s3:GetObject s3:PutObject
warehouse_verify    warehousebackupbucket/warehouse/copies/*       s3:GetObject
warehouse_verify    warehousebackupbucket/warehouse/ledger/*       s3:GetObject
warehouse_verify    warehousebackupbucket/warehouse/retirements/*  s3:GetObject
warehouse_verify    warehousebackupbucket/warehouse/runs/*         s3:GetObject s3:PutObject
"""  # noqa: E501 a line is a line of the table

PROTECTED = {"ProtectedBuckets": "accounts,media"}
LOCKED = {"BackupLockDays": "1"}
ENCRYPTED = {"BackupKmsKeyArn": f"{KEY}copies", "SourceKmsKeyArns": f"{KEY}accounts,{KEY}media"}

PERMISSIONS_OF_PROTECTED = """
+ capacity_trim       table/CopyTable                                dynamodb:Query
+ objects_reconcile   arn:*:s3:::accounts                            s3:ListBucket
+ objects_reconcile   arn:*:s3:::accounts/*                          s3:GetObject s3:GetObjectTagging s3:GetObjectVersion s3:GetObjectVersionTagging
+ objects_reconcile   arn:*:s3:::media                               s3:ListBucket
+ objects_reconcile   arn:*:s3:::media/*                             s3:GetObject s3:GetObjectTagging s3:GetObjectVersion s3:GetObjectVersionTagging
+ objects_replicate   arn:*:s3:::accounts                            s3:ListBucket
+ objects_replicate   arn:*:s3:::accounts/*                          s3:GetObject s3:GetObjectTagging s3:GetObjectVersion s3:GetObjectVersionTagging
+ objects_replicate   arn:*:s3:::media                               s3:ListBucket
+ objects_replicate   arn:*:s3:::media/*                             s3:GetObject s3:GetObjectTagging s3:GetObjectVersion s3:GetObjectVersionTagging
"""  # noqa: E501 a line is a line of the table

PERMISSIONS_OF_LOCKED = """
+ objects_clean       objectsbackupbucket                            s3:ListBucketVersions
+ objects_clean       objectsbackupbucket/*                          s3:DeleteObjectVersion
+ objects_reconcile   objectsbackupbucket                            s3:ListBucketVersions
+ objects_reconcile   objectsbackupbucket/*                          s3:DeleteObjectVersion s3:GetObjectVersion
+ objects_replicate   objectsbackupbucket                            s3:ListBucketVersions
+ objects_replicate   objectsbackupbucket/*                          s3:DeleteObjectVersion
- objects_clean       objectsbackupbucket/*                          s3:DeleteObject
- objects_reconcile   objectsbackupbucket/*                          s3:DeleteObject
- objects_replicate   objectsbackupbucket/*                          s3:DeleteObject
"""

PERMISSIONS_OF_ENCRYPTED = """
+ objects_reconcile   key/accounts                                   kms:Decrypt
+ objects_reconcile   key/copies                                     kms:Decrypt kms:GenerateDataKey
+ objects_reconcile   key/media                                      kms:Decrypt
+ objects_replicate   key/accounts                                   kms:Decrypt
+ objects_replicate   key/copies                                     kms:Decrypt kms:GenerateDataKey
+ objects_replicate   key/media                                      kms:Decrypt
+ warehouse_copy      key/accounts                                   kms:Decrypt
+ warehouse_copy      key/media                                      kms:Decrypt
"""

PROTECTED_TABLES = {"ProtectedTables": "orders,users"}
ITEMS = {"ArchiveLayout": "item"}
PLAIN_NAMES = {**ITEMS, **PROTECTED_TABLES, "PlainTextKeyAsFilename": "true"}

PERMISSIONS_OF_PROTECTED_TABLES = """
+ tables_archive      arn:*:dynamodb:*:*:table/orders/stream/*       dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator
+ tables_archive      arn:*:dynamodb:*:*:table/users/stream/*        dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator
+ tables_check        arn:*:dynamodb:*:*:table/orders                dynamodb:DescribeTable dynamodb:DescribeTimeToLive dynamodb:GetItem dynamodb:ListTagsOfResource dynamodb:Scan
+ tables_check        arn:*:dynamodb:*:*:table/orders/stream/*       dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator
+ tables_check        arn:*:dynamodb:*:*:table/users                 dynamodb:DescribeTable dynamodb:DescribeTimeToLive dynamodb:GetItem dynamodb:ListTagsOfResource dynamodb:Scan
+ tables_check        arn:*:dynamodb:*:*:table/users/stream/*        dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator
"""  # noqa: E501 a line is a line of the table

PERMISSIONS_OF_ITEMS = """
+ tables_archive      tablesbackupbucket/tables/*                    s3:DeleteObject
"""

PERMISSIONS_OF_PLAIN_NAMES = """
+ tables_archive      arn:*:dynamodb:*:*:table/orders                dynamodb:DescribeTable
+ tables_archive      arn:*:dynamodb:*:*:table/orders/stream/*       dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator
+ tables_archive      arn:*:dynamodb:*:*:table/users                 dynamodb:DescribeTable
+ tables_archive      arn:*:dynamodb:*:*:table/users/stream/*        dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator
+ tables_archive      table/TablesSampleTable                        dynamodb:DescribeTable
+ tables_archive      tablesbackupbucket/tables/*                    s3:DeleteObject
+ tables_check        arn:*:dynamodb:*:*:table/orders                dynamodb:DescribeTable dynamodb:DescribeTimeToLive dynamodb:GetItem dynamodb:ListTagsOfResource dynamodb:Scan
+ tables_check        arn:*:dynamodb:*:*:table/orders/stream/*       dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator
+ tables_check        arn:*:dynamodb:*:*:table/users                 dynamodb:DescribeTable dynamodb:DescribeTimeToLive dynamodb:GetItem dynamodb:ListTagsOfResource dynamodb:Scan
+ tables_check        arn:*:dynamodb:*:*:table/users/stream/*        dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator
"""  # noqa: E501 a line is a line of the table

LOGGING = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
TRACING = "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess"
POLLING = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"

MAY_DELETE = {
    "capacity_trim": {"CapacityBucket/*"},
    "capacity_drive": {"CapacityBucket/assignment?.txt"},  # its own objects
    "fleet_expire": {
        *("arn:aws:ec2:*::snapshot/*", "arn:aws:rds:*:123456789012:snapshot:*"),
        "arn:aws:rds:*:123456789012:cluster-snapshot:*",
    },
    "fleet_restore": {"arn:aws:rds:*:123456789012:db:*", "arn:aws:rds:*:123456789012:cluster:*"},  # those of drills
    "objects_clean": {"objectsbackupbucket/*", "table/CopyTable"},
    "objects_reconcile": {"objectsbackupbucket/*", "table/CopyTable"},
    "objects_replicate": {"objectsbackupbucket/*", "table/CopyTable"},  # evicts
    "tables_archive": {"tablesbackupbucket/tables/*"},  # with the layout item: no version goes, it is only covered
}

ANY_RESOURCE = {
    *("cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "ce:GetCostAndUsage", "dynamodb:ListStreams"),
    *(
        f"ec2:Describe{name}"
        for name in ("Images", "Instances", "InstanceStatus", "LockedSnapshots", "Snapshots", "Volumes")
    ),
    *("s3:ListAllMyBuckets", "s3:ListJobs", "s3:CreateJob"),
}
"""Lists, which cannot be granted by a name in them; and what makes something that has no name yet."""

MAY_SCAN = {"tables_check", "tables_restore"}  # they compare whole tables


def as_table(granted: Callable[[str], set[Grant]], mark: str = "") -> Iterator[str]:
    for name in FUNCTIONS:
        by_resource: dict[str, list[str]] = {}
        for resource, action in sorted(grant.short for grant in granted(name)):
            by_resource.setdefault(resource, []).append(action)
        for resource, actions in by_resource.items():
            yield f"{mark}{name:<19} {resource:<46} {' '.join(actions)}"


def test_functions_may_do_what_the_table_says() -> None:
    assert list(as_table(grants)) == PERMISSIONS.split("\n")[1:-1]


@pytest.mark.parametrize(
    ("parameters", "changes"),
    [
        (PROTECTED, PERMISSIONS_OF_PROTECTED),
        (LOCKED, PERMISSIONS_OF_LOCKED),
        (ENCRYPTED, PERMISSIONS_OF_ENCRYPTED),
        (PROTECTED_TABLES, PERMISSIONS_OF_PROTECTED_TABLES),
        (ITEMS, PERMISSIONS_OF_ITEMS),
        (PLAIN_NAMES, PERMISSIONS_OF_PLAIN_NAMES),
    ],
    ids=["protected buckets", "locked copies", "KMS keys", "protected tables", "items", "plain names"],
)
def test_a_parameter_changes_what_functions_may_do_as_its_table_says(
    parameters: Mapping[str, str], changes: str
) -> None:
    more = as_table(lambda name: grants(name, **parameters) - grants(name), "+ ")
    less = as_table(lambda name: grants(name) - grants(name, **parameters), "- ")
    assert [*more, *less] == changes.split("\n")[1:-1]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_managed_policies_only_log_trace_and_poll(name: str) -> None:
    polled = any(
        mapping["FunctionName"] == logical_id(name) and ":sqs:" in mapping["EventSourceArn"]
        for mapping in of_type("AWS::Lambda::EventSourceMapping").values()
    )
    assert set(role(name)["ManagedPolicyArns"]) == {LOGGING, TRACING} | ({POLLING} if polled else set())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_action_is_named_in_full(name: str) -> None:
    assert [grant.action for grant in grants(name, **EVERYTHING) if "*" in grant.action] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_resource_is_named(name: str) -> None:
    assert {grant.action for grant in grants(name, **EVERYTHING) if grant.resource == "*"} <= ANY_RESOURCE


@pytest.mark.parametrize("name", FUNCTIONS)
def test_only_cleaners_delete(name: str) -> None:
    for parameters in ({}, EVERYTHING):
        deletes = {grant.short[0] for grant in grants(name, **parameters) if "delete" in grant.action.lower()}
        assert deletes <= MAY_DELETE.get(name, set())
    assert deletes == MAY_DELETE.get(name, set())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_deletes_a_version_of_the_archive_of_tables(name: str) -> None:
    deletes = {grant for grant in grants(name, **EVERYTHING) if grant.action == "s3:DeleteObjectVersion"}
    assert {grant for grant in deletes if "tablesbackupbucket" in grant.resource} == set()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nobody_scans_a_table_who_need_not_compare_all_of_it(name: str) -> None:
    scans = "dynamodb:Scan" in {grant.action for grant in grants(name, **EVERYTHING)}
    assert scans == (name in MAY_SCAN)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_statements_only_allow_and_each_of_the_template_says_what_for(name: str) -> None:
    assert {statement["Effect"] for statement in statements(name, **EVERYTHING)} == {"Allow"}
    own = [policy for policy in role(name, **EVERYTHING)["Policies"] if "RolePolicy" in policy["PolicyName"]]
    assert own
    assert all("Sid" in statement for policy in own for statement in policy["PolicyDocument"]["Statement"])


# Policies of resources: a service acts for this account and for one resource only


RESOURCE_STATEMENTS = {
    f"{resource.name} {statement['Sid']}": statement
    for resource in deployed(**EVERYTHING).values()
    if resource.type.endswith("Policy")
    for statement in resource.properties["PolicyDocument"]["Statement"]
}


@pytest.mark.parametrize("name", RESOURCE_STATEMENTS)
def test_a_service_acts_for_this_account_and_for_a_named_source(name: str) -> None:
    statement = RESOURCE_STATEMENTS[name]
    if statement["Effect"] == "Deny":
        return
    assert set(statement["Principal"]) == {"Service"}
    bounds = {key: value for test in statement["Condition"].values() for key, value in test.items()}
    # CloudTrail tells no account: the trail's ARN has it
    assert bounds.get("aws:SourceAccount") == ACCOUNT or f":{ACCOUNT}:trail/" in bounds["aws:SourceArn"]
    assert bounds["aws:SourceArn"] != "*"


INVOKERS = of_type("AWS::Lambda::Permission", **EVERYTHING)


@pytest.mark.parametrize("name", INVOKERS)
def test_a_function_is_invoked_for_this_account_only(name: str) -> None:
    # The permissions that SAM writes name no account of their own: the ARN has it. That of a bucket has none.
    permission = INVOKERS[name]
    if name in SOURCE["Resources"]:
        assert permission["SourceAccount"] == ACCOUNT
    else:
        assert f":{ACCOUNT}:" in permission["SourceArn"]


def test_the_source_bucket_invokes_what_it_may_invoke() -> None:
    bucket = deployed()["ObjectsSourceBucket"].properties
    told = bucket["NotificationConfiguration"]["LambdaConfigurations"]
    [permission] = [p for p in INVOKERS.values() if p["Principal"] == "s3.amazonaws.com"]
    assert permission["SourceArn"] == f"arn:aws:s3:::{bucket['BucketName']}"
    assert {permission["FunctionName"]} == {one["Function"] for one in told}
    assert [one["Event"] for one in told] == ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"]


def test_only_the_alarm_on_the_total_may_set_trim_off() -> None:
    [permission] = [p for p in INVOKERS.values() if p["Principal"] == "lambda.alarms.cloudwatch.amazonaws.com"]
    alarm = deployed()["CapacityTotalAlarm"].properties
    assert permission["SourceArn"].endswith(f":alarm:{alarm['AlarmName']}")
    assert [permission["FunctionName"]] == alarm["AlarmActions"]


def test_the_plot_is_asked_for_where_the_drive_may_ask() -> None:
    plot = SOURCE["Resources"]["CapacityPlotFunction"]["Properties"]["Events"]["Plot"]["Properties"]
    stage = SOURCE["Resources"]["Api"]["Properties"]["StageName"]
    [allowed] = [grant.short[0] for grant in grants("capacity_drive") if grant.action == "execute-api:Invoke"]
    assert allowed == f"Api/{stage}/{plot['Method']}{plot['Path']}"
