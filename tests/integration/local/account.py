"""An account in the local engine, in the words of the tests."""

import io
import json
import time
import uuid
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local.engine import Engine

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

GROUP = "/aws/lambda/holdfast-capacity-track"
PATIENCE_SECONDS = 20


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Account:
    """Clients, and builders of what the stand-in works on."""

    def __init__(self, engine: Engine) -> None:
        self._mark = uuid.uuid4().hex[:8]
        self.logs: CloudWatchLogsClient = engine.client("logs")
        self.cloudwatch: CloudWatchClient = engine.client("cloudwatch")
        self.functions: LambdaClient = engine.client("lambda")
        self.roles: IAMClient = engine.client("iam")
        self.topics: SNSClient = engine.client("sns")
        self.queues: SQSClient = engine.client("sqs")

    def log_group(self, group: str = GROUP) -> None:
        """A group with one stream."""
        self.logs.create_log_group(logGroupName=group)
        self.logs.create_log_stream(logGroupName=group, logStreamName="stream")

    def write(self, at: float, *messages: object, group: str = GROUP) -> None:
        """Log events of that second; what is not text is written as JSON."""
        texts = [message if isinstance(message, str) else json.dumps(message) for message in messages]
        events: list[Any] = [{"timestamp": int(at * 1000), "message": text} for text in texts]
        self.logs.put_log_events(logGroupName=group, logStreamName="stream", logEvents=events)

    def metric_filter(self, pattern: str = "{ $.total_size = * }", **transformation: Any) -> None:
        """`total_size` as the metric CurrentTotalSize."""
        default = {"metricNamespace": "Holdfast", "metricName": "CurrentTotalSize", "metricValue": "$.total_size"}
        self.logs.put_metric_filter(
            logGroupName=GROUP,
            filterName="total",
            filterPattern=pattern,
            metricTransformations=[default | transformation],  # type: ignore[list-item]
        )

    def put_metric(self, at: float, bucket: str, **value: Any) -> None:
        """A value of CurrentTotalSize of a bucket, by PutMetricData."""
        datum = {
            "MetricName": "CurrentTotalSize",
            "Dimensions": [{"Name": "bucket_name", "Value": bucket}],
            "Timestamp": datetime.fromtimestamp(at, UTC),
        }
        self.cloudwatch.put_metric_data(Namespace="Holdfast", MetricData=[datum | value])  # type: ignore[list-item]

    def alarm(self, name: str = "too-big", **changes: Any) -> None:
        """`Maximum of CurrentTotalSize >= 20` over ten seconds."""
        settings: dict[str, Any] = {
            "AlarmName": name,
            "Namespace": "Holdfast",
            "MetricName": "CurrentTotalSize",
            "Statistic": "Maximum",
            "Period": 10,
            "EvaluationPeriods": 1,
            "Threshold": 20,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        }
        self.cloudwatch.put_metric_alarm(**settings | changes)

    def state(self, name: str = "too-big") -> str:
        """The state that everyone sees."""
        return self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]

    def function(self, name: str) -> str:
        """The ARN of a new function that logs its event.

        The engine may still run what an earlier account has called, so its full name is used once.
        """
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("app.py", "import json\n\n\ndef handler(event, _):\n    print(json.dumps(event))\n")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
        role = self.roles.create_role(RoleName=self._full(name), AssumeRolePolicyDocument=_policy(trust))["Role"]
        return self.functions.create_function(
            FunctionName=self._full(name),
            Runtime="python3.13",
            Handler="app.handler",
            Role=role["Arn"],
            Code={"ZipFile": code.getvalue()},
        )["FunctionArn"]

    def events_of(self, name: str, count: int) -> list[Any]:
        """What a function has been called with, once it has been called so often, by the time in the event."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            events = self._logged(name)
            if len(events) >= count or time.monotonic() > deadline:
                return events
            time.sleep(0.05)

    def _logged(self, name: str) -> list[Any]:
        try:
            lines = self.logs.filter_log_events(logGroupName=f"/aws/lambda/{self._full(name)}")["events"]
        except self.logs.exceptions.ResourceNotFoundException:
            return []
        events = [json.loads(line["message"]) for line in lines if line["message"].startswith("{")]
        return sorted(events, key=lambda event: event["time"])

    def _full(self, name: str) -> str:
        return f"{name}-{self._mark}"

    def inbox(self, name: str) -> tuple[str, str]:
        """The ARN of a new topic, and the URL of a queue that gets what is published there."""
        topic = self.topics.create_topic(Name=name)["TopicArn"]
        queue = self.queues.create_queue(QueueName=name)["QueueUrl"]
        arn = self.queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Principal": {"Service": "sns.amazonaws.com"},
        }
        self.queues.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": _policy(statement)})
        self.topics.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return topic, queue

    def messages(self, queue: str) -> list[Any]:
        """What has come into that queue."""
        received = self.queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(json.loads(message["Body"])["Message"]) for message in received]
