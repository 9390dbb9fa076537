"""The depth of queues, which SQS reports to CloudWatch in AWS and to nobody in the engine."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from local.cloudwatch.metric import Metric, Sample

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

_ATTRIBUTES: "Final[Mapping[str, QueueAttributeNameType]]" = {
    "ApproximateNumberOfMessagesVisible": "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed": "ApproximateNumberOfMessagesDelayed",
}


def depths(queues: "SQSClient", metrics: Iterable[Metric], now: float) -> Iterator[Sample]:
    """One sample for each of these metrics that is a depth, of a queue that is there."""
    for metric in metrics:
        attribute = _ATTRIBUTES.get(metric.name)
        name = dict(metric.dimensions).get("QueueName")
        if metric.namespace != "AWS/SQS" or not attribute or not name:
            continue
        try:
            url = queues.get_queue_url(QueueName=name)["QueueUrl"]
            answer = queues.get_queue_attributes(QueueUrl=url, AttributeNames=[attribute])
        except queues.exceptions.QueueDoesNotExist:
            continue
        yield Sample(metric, now, float(answer["Attributes"][attribute]), "Count")
