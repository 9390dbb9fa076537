"""How much buckets and tables hold, as CloudWatch and DynamoDB tell without a listing."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient

LATE = timedelta(days=3)
"""S3 measures its buckets once a day, and tells it up to two days later."""

BILLED_AS = {
    "StandardStorage": "STANDARD",
    "ReducedRedundancyStorage": "STANDARD",
    "IntelligentTieringFAStorage": "INTELLIGENT_TIERING",
    "IntelligentTieringIAStorage": "STANDARD_IA",
    "IntelligentTieringAIAStorage": "GLACIER_IR",
    "IntelligentTieringAAStorage": "GLACIER",
    "IntelligentTieringDAAStorage": "DEEP_ARCHIVE",
    "StandardIAStorage": "STANDARD_IA",
    "StandardIASizeOverhead": "STANDARD_IA",
    "OneZoneIAStorage": "ONEZONE_IA",
    "OneZoneIASizeOverhead": "ONEZONE_IA",
    "GlacierInstantRetrievalStorage": "GLACIER_IR",
    "GlacierIRSizeOverhead": "GLACIER_IR",
    "GlacierStorage": "GLACIER",
    "GlacierObjectOverhead": "GLACIER",
    "GlacierS3ObjectOverhead": "STANDARD",
    "GlacierStagingStorage": "STANDARD",
    "DeepArchiveStorage": "DEEP_ARCHIVE",
    "DeepArchiveObjectOverhead": "DEEP_ARCHIVE",
    "DeepArchiveS3ObjectOverhead": "STANDARD",
    "DeepArchiveStagingStorage": "STANDARD",
}
"""The values of the dimension `StorageType`, and the storage class by which each is billed.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html
"""


def _query(number: int, bucket: str, storage_type: str) -> Any:
    dimensions = [{"Name": "BucketName", "Value": bucket}, {"Name": "StorageType", "Value": storage_type}]
    metric = {"Namespace": "AWS/S3", "MetricName": "BucketSizeBytes", "Dimensions": dimensions}
    return {"Id": f"m{number}", "MetricStat": {"Metric": metric, "Period": 86400, "Stat": "Average"}}


@dataclass(frozen=True, slots=True)
class MeasuredSizes:
    """The `Sizes` of the sum of costs."""

    cloudwatch_of: "Callable[[str], CloudWatchClient]"
    dynamodb: "DynamoDBClient"

    def bucket(self, name: str, region: str, now: datetime) -> Mapping[str, float]:
        types = list(BILLED_AS)
        answer = self.cloudwatch_of(region).get_metric_data(
            MetricDataQueries=[_query(number, name, one) for number, one in enumerate(types)],
            StartTime=now - LATE,
            EndTime=now,
            ScanBy="TimestampDescending",
        )
        sizes: defaultdict[str, float] = defaultdict(float)
        for result in answer["MetricDataResults"]:
            if result["Values"]:
                sizes[BILLED_AS[types[int(result["Id"][1:])]]] += result["Values"][0]
        return {storage_class: size for storage_class, size in sizes.items() if size}

    def table(self, name: str) -> float:
        try:
            told = self.dynamodb.describe_table(TableName=name)["Table"]
        except self.dynamodb.exceptions.ResourceNotFoundException:
            return 0
        indexes = told.get("GlobalSecondaryIndexes", [])
        return float(told.get("TableSizeBytes", 0) + sum(one.get("IndexSizeBytes", 0) for one in indexes))
