"""S3's own notifications, as long as real ones are."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def notification(bucket: str, kind: str, at: datetime, entity: Mapping[str, Any]) -> dict[str, Any]:
    """Of one event; `entity` is its object."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": "us-east-1",
                "eventTime": at.isoformat(timespec="milliseconds"),
                "eventName": kind,
                "userIdentity": {"principalId": "AWS:AIDAEXAMPLE"},
                "requestParameters": {"sourceIPAddress": "127.0.0.1"},
                "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURIY8/IgAtTv8x"},
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "holdfast",
                    "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
                    "object": dict(entity),
                },
            }
        ]
    }
