"""What the engine does not do, as local/gaps.toml has it. A test that fails here is good news: the engine does it now.

Then take its entry out of local/gaps.toml, list the property under `works`, and remove what made it good.
"""

import io
import json
import platform
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from local.engine import ACCOUNT, REGION, Engine

OTHER_MACHINE = "x86_64" if platform.machine() in {"arm64", "aarch64"} else "arm64"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"

PROBE = """
import json, os, platform, tempfile
def handler(event, context):
    print(json.dumps({"total_size": 7}))
    memory = bytearray(event.get("bytes", 0))
    if "written" in event:
        with tempfile.TemporaryFile() as file:
            os.posix_fallocate(file.fileno(), 0, event["written"])
    return {"machine": platform.machine(), "bytes": len(memory)}
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A bare one, without any stand-in."""
    engine = Engine.start(tmp_path_factory.mktemp("engine"))
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def create(engine: Engine) -> Callable[..., dict[str, str]]:
    """Creates a stack by CloudFormation and returns the physical names of its resources."""
    cloudformation = engine.client("cloudformation")

    def create(name: str, /, **resources: Mapping[str, Any]) -> dict[str, str]:
        cloudformation.create_stack(
            StackName=name, TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_IAM"]
        )
        cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.1})
        described = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in described}

    return create


def resource(type_: str, **properties: Any) -> dict[str, Any]:
    return {"Type": type_, "Properties": properties}


def probe(**properties: Any) -> dict[str, Any]:
    code = {"ZipFile": PROBE}
    stated = {"Code": code, "Handler": "index.handler", "Runtime": "python3.13", "Role": ROLE, "Timeout": 20}
    return resource("AWS::Lambda::Function", **stated | properties)


def table(**properties: Any) -> dict[str, Any]:
    return resource(
        "AWS::DynamoDB::Table",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        **properties,
    )


def alarm(**properties: Any) -> dict[str, Any]:
    return resource(
        "AWS::CloudWatch::Alarm",
        **{
            "Namespace": "Probe",
            "MetricName": "Size",
            "Dimensions": [{"Name": "bucket", "Value": "ours"}],
            "Statistic": "Maximum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 10,
            "ComparisonOperator": "GreaterThanThreshold",
        }
        | properties,
    )


def call(engine: Engine, function: str, event: Mapping[str, Any]) -> Any:
    answer = engine.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    return json.load(answer["Payload"])


def lines(engine: Engine, function: str) -> list[str]:
    """What is in the function's log. None when it was never called."""
    logs = engine.client("logs")
    try:
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"] for event in events]


def is_called(engine: Engine, function: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not (called := bool(lines(engine, function))) and time.monotonic() < deadline:
        time.sleep(0.1)
    return called


ASKS = """
import boto3, botocore.exceptions
def handler(event, context):
    try:
        boto3.client("s3").list_buckets()
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return "allowed"
"""


READS = """
import boto3, botocore.exceptions
def handler(event, context):
    try:
        boto3.client("s3").get_object(**event)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return "allowed"
"""


STREAMS = """
import boto3, botocore.exceptions
def handler(event, context):
    asked = {
        "ListTagsOfResource": lambda: boto3.client("dynamodb").list_tags_of_resource(ResourceArn=event["table"]),
        "DescribeStream": lambda: boto3.client("dynamodbstreams").describe_stream(StreamArn=event["stream"]),
    }
    answers = {}
    for name, ask in asked.items():
        try:
            ask()
        except botocore.exceptions.ClientError as error:
            answers[name] = error.response["Error"]["Code"]
    return answers
"""


STREAMED = """
import json, time
def handler(event, context):
    found = [(one["dynamodb"]["Keys"]["id"]["S"], one["dynamodb"]["SequenceNumber"]) for one in event["Records"]]
    print(json.dumps({"batch": [name for name, _ in found]}))
    if any(name.startswith("slow") for name, _ in found):
        time.sleep(2)
        print(json.dumps({"over": [name for name, _ in found]}))
    if any(name == "raised" for name, _ in found):
        raise RuntimeError("always")
    return {"batchItemFailures": [{"itemIdentifier": number} for name, number in found if name == "reported"]}
"""


FAILS = """
import json
def handler(event, context):
    print(json.dumps(event["detail"]["object"]))
    raise RuntimeError("always")
"""


def streamed(function: str, **properties: Any) -> dict[str, dict[str, Any]]:
    """A table whose stream a function reads."""
    return {
        "Table": table(StreamSpecification={"StreamViewType": "NEW_AND_OLD_IMAGES"}),
        "Probe": probe(FunctionName=function, Code={"ZipFile": STREAMED}),
        "Mapping": resource(
            "AWS::Lambda::EventSourceMapping",
            FunctionName={"Ref": "Probe"},
            EventSourceArn={"Fn::GetAtt": ["Table", "StreamArn"]},
            StartingPosition="TRIM_HORIZON",
            BatchSize=100,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            **properties,
        ),
    }


def write(engine: Engine, table: str, *names: str) -> None:
    """Write items at once: they come in one batch."""
    puts: Any = [{"Put": {"TableName": table, "Item": {"id": {"S": name}}}} for name in names]
    engine.client("dynamodb").transact_write_items(TransactItems=puts)


def said(engine: Engine, function: str, *, lines_wanted: int, seconds: float = 20) -> list[dict[str, Any]]:
    """What a function prints as JSON: as many lines as are wanted, if they come in time, or more."""
    deadline = time.monotonic() + seconds
    while True:
        found = [json.loads(line) for line in lines(engine, function) if line.startswith("{")]
        if len(found) >= lines_wanted or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def machine(**properties: Any) -> dict[str, Any]:
    return resource("AWS::StepFunctions::StateMachine", RoleArn=ROLE, **properties)


def outcome(engine: Engine, machine: str) -> str:
    """How an execution of a state machine ends."""
    states = engine.client("stepfunctions")
    execution = states.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    deadline = time.monotonic() + 20
    while (status := states.describe_execution(executionArn=execution)["status"]) == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return str(status)


def role(*actions: str, on: str = "*") -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allowed = {"Effect": "Allow", "Action": list(actions), "Resource": on}
    return resource(
        "AWS::IAM::Role",
        AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": [trust]},
        Policies=[{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [allowed]}}],
    )


# ---- what local-and-cloud.md says besides the list -------------------------------------------------------------------


@pytest.mark.parametrize(("allowed", "answer"), [("s3:ListAllMyBuckets", "allowed"), ("s3:GetObject", "AccessDenied")])
def test_a_function_may_do_what_its_role_allows_and_no_more(
    allowed: str, answer: str, engine: Engine, create: Callable[..., dict[str, str]]
) -> None:
    names = create(
        f"role-{answer}",
        Role=role(allowed),
        Asks=probe(Code={"ZipFile": ASKS}, Role={"Fn::GetAtt": ["Role", "Arn"]}),
    )
    assert call(engine, names["Asks"], {}) == answer


def test_no_policy_lets_a_function_touch_a_key_with_a_newline(
    engine: Engine, create: Callable[..., dict[str, str]]
) -> None:
    names = create(
        "newline",
        Role=role("s3:GetObject", on="arn:aws:s3:::*"),
        Reads=probe(Code={"ZipFile": READS}, Role={"Fn::GetAtt": ["Role", "Arn"]}),
        Bucket=resource("AWS::S3::Bucket"),
    )
    answers = {}
    for key in ("tab\treturn\r\x01", "new\nline"):
        engine.client("s3").put_object(Bucket=names["Bucket"], Key=key, Body=b"a")
        answers[key] = call(engine, names["Reads"], {"Bucket": names["Bucket"], "Key": key})
    assert list(answers.values()) == ["allowed", "AccessDenied"]


def test_no_policy_for_one_table_allows_its_stream(engine: Engine, create: Callable[..., dict[str, str]]) -> None:
    names = create(
        "stream-role",
        Role=role("dynamodb:DescribeStream", "dynamodb:ListTagsOfResource", on="arn:aws:dynamodb:*:*:table/*"),
        Asks=probe(Code={"ZipFile": STREAMS}, Role={"Fn::GetAtt": ["Role", "Arn"]}),
        Table=table(StreamSpecification={"StreamViewType": "NEW_AND_OLD_IMAGES"}),
    )
    described = engine.client("dynamodb").describe_table(TableName=names["Table"])["Table"]
    answers = call(engine, names["Asks"], {"table": described["TableArn"], "stream": described["LatestStreamArn"]})
    assert answers == dict.fromkeys(("ListTagsOfResource", "DescribeStream"), "AccessDeniedException")


def test_a_function_that_cannot_be_imported_is_explained_in_the_engines_log_alone(
    engine: Engine, create: Callable[..., dict[str, str]]
) -> None:
    create("broken", Broken=probe(FunctionName="broken-probe", Code={"ZipFile": "import no_such_module"}))
    call(engine, "broken-probe", {})
    assert not any("no_such_module" in line for line in lines(engine, "broken-probe"))
    assert "no_such_module" in engine.kept.log.read_text()


def test_a_copy_is_written_over_what_is_there_whatever_its_condition(engine: Engine) -> None:
    s3, place = engine.client("s3"), {"LocationConstraint": REGION}
    s3.create_bucket(Bucket="conditions", CreateBucketConfiguration=place)
    s3.put_object(Bucket="conditions", Key="new", Body=b"new")
    for condition in ({"IfNoneMatch": "*"}, {"IfMatch": '"0"'}):
        s3.put_object(Bucket="conditions", Key="there", Body=b"there")
        s3.copy_object(Bucket="conditions", Key="there", CopySource={"Bucket": "conditions", "Key": "new"}, **condition)
        assert s3.get_object(Bucket="conditions", Key="there")["Body"].read() == b"new"


def test_a_copy_tells_no_checksum(engine: Engine) -> None:
    s3, place = engine.client("s3"), {"LocationConstraint": REGION}
    s3.create_bucket(Bucket="checksums", CreateBucketConfiguration=place)
    s3.put_object(Bucket="checksums", Key="a", Body=b"a", ChecksumAlgorithm="CRC32")
    source = {"Bucket": "checksums", "Key": "a"}
    copied = s3.copy_object(Bucket="checksums", Key="copy", CopySource=source, ChecksumAlgorithm="CRC64NVME")
    assert copied["CopyObjectResult"].keys() == {"ETag", "LastModified"}
    assert "ChecksumCRC64NVME" not in s3.head_object(Bucket="checksums", Key="copy", ChecksumMode="ENABLED")


def test_eventbridge_tells_no_version_and_calls_a_function_once(
    engine: Engine, create: Callable[..., dict[str, str]]
) -> None:
    names = create(
        "bridge",
        Fails=probe(FunctionName="bridge-probe", Code={"ZipFile": FAILS}),
        Failed=resource("AWS::SQS::Queue"),
        Invocations=resource(
            "AWS::Lambda::EventInvokeConfig",
            FunctionName={"Ref": "Fails"},
            Qualifier="$LATEST",
            MaximumRetryAttempts=2,
            DestinationConfig={"OnFailure": {"Destination": {"Fn::GetAtt": ["Failed", "Arn"]}}},
        ),
        Bucket=resource(
            "AWS::S3::Bucket",
            VersioningConfiguration={"Status": "Enabled"},
            NotificationConfiguration={"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
        ),
        Rule=resource(
            "AWS::Events::Rule",
            EventPattern={"source": ["aws.s3"]},
            Targets=[
                {
                    "Id": "Fails",
                    "Arn": {"Fn::GetAtt": ["Fails", "Arn"]},
                    "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 60},
                    "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["Failed", "Arn"]}},
                }
            ],
        ),
    )
    assert "VersionId" in engine.client("s3").put_object(Bucket=names["Bucket"], Key="a", Body=b"a")
    assert is_called(engine, "bridge-probe", seconds=20)
    time.sleep(3)  # an asynchronous invocation that failed is tried again after one second, and after two
    [told] = [json.loads(line) for line in lines(engine, "bridge-probe") if line.startswith("{")]
    assert told.keys() == {"key", "size", "etag", "sequencer"}
    assert "Messages" not in engine.client("sqs").receive_message(QueueUrl=names["Failed"])


# ---- made good by local.cloudwatch and local.deploy ------------------------------------------------------------------


def test_no_metric_comes_of_a_metric_filter(engine: Engine, create: Callable[..., dict[str, str]]) -> None:
    create(
        "metric",
        Group=resource("AWS::Logs::LogGroup", LogGroupName="/metric"),
        Filter=resource(
            "AWS::Logs::MetricFilter",
            LogGroupName={"Ref": "Group"},
            FilterPattern="{ $.total_size = * }",
            MetricTransformations=[
                {"MetricNamespace": "Filtered", "MetricName": "Size", "MetricValue": "$.total_size"}
            ],
        ),
    )
    logs = engine.client("logs")
    logs.create_log_stream(logGroupName="/metric", logStreamName="s")
    event = {"timestamp": int(time.time() * 1000), "message": json.dumps({"total_size": 7})}
    logs.put_log_events(logGroupName="/metric", logStreamName="s", logEvents=[event])
    assert engine.client("cloudwatch").list_metrics(Namespace="Filtered")["Metrics"] == []


def test_an_alarm_is_raised_by_a_metric_of_other_dimensions(
    engine: Engine, create: Callable[..., dict[str, str]]
) -> None:
    names = create("dimensions", Alarm=alarm(Namespace="Dimensions"))
    cloudwatch = engine.client("cloudwatch")
    theirs = {"MetricName": "Size", "Value": 99, "Dimensions": [{"Name": "bucket", "Value": "theirs"}]}
    cloudwatch.put_metric_data(Namespace="Dimensions", MetricData=[theirs])
    [described] = cloudwatch.describe_alarms(AlarmNames=[names["Alarm"]])["MetricAlarms"]
    assert described["StateValue"] == "ALARM"


def test_an_alarm_does_not_call_its_function(engine: Engine, create: Callable[..., dict[str, str]]) -> None:
    names = create(
        "action",
        Probe=probe(FunctionName="action-probe"),
        Alarm=alarm(Namespace="Action", AlarmActions=[{"Fn::GetAtt": ["Probe", "Arn"]}]),
    )
    cloudwatch = engine.client("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName=names["Alarm"], StateValue="ALARM", StateReason="a test")
    assert not is_called(engine, "action-probe", seconds=2)


def test_the_time_to_live_of_a_table_is_dropped(engine: Engine, create: Callable[..., dict[str, str]]) -> None:
    names = create("ttl", Table=table(TimeToLiveSpecification={"AttributeName": "expires_at", "Enabled": True}))
    described = engine.client("dynamodb").describe_time_to_live(TableName=names["Table"])
    assert described["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"


def test_a_definition_in_yaml_is_never_run(engine: Engine, create: Callable[..., dict[str, str]]) -> None:
    engine.client("s3").create_bucket(Bucket="definitions", CreateBucketConfiguration={"LocationConstraint": REGION})
    engine.client("s3").put_object(Bucket="definitions", Key="d", Body=b"StartAt: A\nStates: {A: {Type: Succeed}}\n")
    names = create("yaml", Machine=machine(DefinitionS3Location={"Bucket": "definitions", "Key": "d"}))
    assert outcome(engine, names["Machine"]) == "FAILED"


# ---- harmless --------------------------------------------------------------------------------------------------------


def test_recovery_and_encryption_of_a_table_are_dropped(engine: Engine, create: Callable[..., dict[str, str]]) -> None:
    names = create(
        "recovery",
        Table=table(
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            SSESpecification={"SSEEnabled": True},
        ),
    )
    dynamodb = engine.client("dynamodb")
    backups = dynamodb.describe_continuous_backups(TableName=names["Table"])["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"
    assert "SSEDescription" not in dynamodb.describe_table(TableName=names["Table"])["Table"]


def test_encryption_lifecycle_and_tags_of_a_bucket_are_dropped(
    engine: Engine, create: Callable[..., dict[str, str]]
) -> None:
    names = create(
        "bucket",
        Bucket=resource(
            "AWS::S3::Bucket",
            BucketEncryption={
                "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
            },
            LifecycleConfiguration={"Rules": [{"Id": "month", "Status": "Enabled", "ExpirationInDays": 30}]},
            Tags=[{"Key": "application", "Value": "holdfast"}],
        ),
    )
    s3 = engine.client("s3")
    [rule] = s3.get_bucket_encryption(Bucket=names["Bucket"])["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=names["Bucket"])
    with pytest.raises(ClientError, match="NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket=names["Bucket"])


def test_the_log_of_access_to_a_bucket_is_dropped(engine: Engine, create: Callable[..., dict[str, str]]) -> None:
    logging = {"DestinationBucketName": {"Ref": "Logs"}, "LogFilePrefix": "access/"}
    names = create(
        "logged",
        Logs=resource("AWS::S3::Bucket"),
        Bucket=resource("AWS::S3::Bucket", LoggingConfiguration=logging),
    )
    assert "LoggingEnabled" not in engine.client("s3").get_bucket_logging(Bucket=names["Bucket"])


def test_a_function_runs_on_this_machines_processor(engine: Engine, create: Callable[..., dict[str, str]]) -> None:
    names = create("processor", Probe=probe(Architectures=[OTHER_MACHINE]))
    assert call(engine, names["Probe"], {})["machine"] == platform.machine()


def test_a_function_may_use_more_than_its_memory(engine: Engine, create: Callable[..., dict[str, str]]) -> None:
    names = create("memory", Probe=probe(MemorySize=128))
    assert call(engine, names["Probe"], {"bytes": 256 * 2**20})["bytes"] == 256 * 2**20


def test_a_function_may_write_more_than_its_disk(engine: Engine, create: Callable[..., dict[str, str]]) -> None:
    names = create("disk", Probe=probe(EphemeralStorage={"Size": 512}))
    assert call(engine, names["Probe"], {"written": 600 * 2**20})["bytes"] == 0


def test_a_layer_goes_with_functions_of_any_processor(engine: Engine, create: Callable[..., dict[str, str]]) -> None:
    engine.client("s3").create_bucket(Bucket="layers", CreateBucketConfiguration={"LocationConstraint": REGION})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("python/layered.py", "")
    engine.client("s3").put_object(Bucket="layers", Key="layer.zip", Body=packed.getvalue())
    layer = resource(
        "AWS::Lambda::LayerVersion",
        LayerName="layered",
        Content={"S3Bucket": "layers", "S3Key": "layer.zip"},
        CompatibleArchitectures=["arm64"],
    )
    names = create("layered", Layer=layer, Probe=probe(Architectures=["x86_64"], Layers=[{"Ref": "Layer"}]))
    assert call(engine, names["Probe"], {})["bytes"] == 0


def test_a_policy_of_a_bucket_keeps_nobody_out(engine: Engine, create: Callable[..., dict[str, str]]) -> None:
    everything = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::denied/*"}
    names = create(
        "denied",
        Bucket=resource("AWS::S3::Bucket", BucketName="denied"),
        Policy=resource(
            "AWS::S3::BucketPolicy",
            Bucket={"Ref": "Bucket"},
            PolicyDocument={"Version": "2012-10-17", "Statement": [everything]},
        ),
    )
    engine.client("s3").put_object(Bucket=names["Bucket"], Key="key", Body=b"1")
    [found] = engine.client("s3").list_objects_v2(Bucket=names["Bucket"])["Contents"]
    assert found["Key"] == "key"


def test_lines_of_the_platform_are_text(engine: Engine, create: Callable[..., dict[str, str]]) -> None:
    create("logging", Probe=probe(FunctionName="logging-probe", LoggingConfig={"LogFormat": "JSON"}))
    call(engine, "logging-probe", {})
    assert [line.split(" ", 1)[0] for line in lines(engine, "logging-probe")] == [
        "START",
        '{"total_size":',
        "END",
        "REPORT",
    ]


def test_there_is_no_xray(engine: Engine) -> None:
    with pytest.raises(ClientError):
        engine.client("xray").get_groups()


def test_a_bucket_calls_a_function_without_permission(engine: Engine, create: Callable[..., dict[str, str]]) -> None:
    names = create(
        "permission",
        Probe=probe(FunctionName="permission-probe"),
        Bucket=resource(
            "AWS::S3::Bucket",
            NotificationConfiguration={
                "LambdaConfigurations": [{"Event": "s3:ObjectCreated:*", "Function": {"Fn::GetAtt": ["Probe", "Arn"]}}]
            },
        ),
    )
    engine.client("s3").put_object(Bucket=names["Bucket"], Key="a", Body=b"a")
    assert is_called(engine, "permission-probe", seconds=20)


def test_a_batch_is_not_waited_for(engine: Engine, create: Callable[..., dict[str, str]]) -> None:
    names = create(
        "batch",
        Probe=probe(FunctionName="batch-probe"),
        Queue=resource("AWS::SQS::Queue"),
        Mapping=resource(
            "AWS::Lambda::EventSourceMapping",
            FunctionName={"Ref": "Probe"},
            EventSourceArn={"Fn::GetAtt": ["Queue", "Arn"]},
            BatchSize=100,
            MaximumBatchingWindowInSeconds=300,
        ),
    )
    engine.client("sqs").send_message(QueueUrl=names["Queue"], MessageBody="one of a hundred")
    assert is_called(engine, "batch-probe", seconds=20)


def test_what_fails_of_a_stream_comes_again_whole_or_not_at_all(
    engine: Engine, create: Callable[..., dict[str, str]]
) -> None:
    reported = create("reported", **streamed("reported-probe"))
    raised = create("raised", **streamed("raised-probe", BisectBatchOnFunctionError=True, MaximumRetryAttempts=1))
    write(engine, reported["Table"], "a", "reported", "b")
    write(engine, raised["Table"], "a", "raised")
    tried = [line["batch"] for line in said(engine, "raised-probe", lines_wanted=5) if "raised" in line["batch"]]
    assert len(tried) > 2  # the second is the last that was asked for
    assert all(batch == tried[0] for batch in tried)
    delivered = [name for line in said(engine, "reported-probe", lines_wanted=1) for name in line["batch"]]
    assert delivered == ["a", "reported", "b"]


def test_one_batch_of_a_stream_runs_at_a_time(engine: Engine, create: Callable[..., dict[str, str]]) -> None:
    names = create("factor", **streamed("factor-probe", ParallelizationFactor=2))
    write(engine, names["Table"], "slow 1")
    said(engine, "factor-probe", lines_wanted=1)
    write(engine, names["Table"], "slow 2")
    batches = said(engine, "factor-probe", lines_wanted=4)
    assert [next(iter(line)) for line in batches] == ["batch", "over"] * 2


def test_a_state_machine_logs_nothing(engine: Engine, create: Callable[..., dict[str, str]]) -> None:
    definition = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}
    names = create(
        "logging-of-a-machine",
        Group=resource("AWS::Logs::LogGroup", LogGroupName="/aws/vendedlogs/states/probe"),
        Machine=machine(
            DefinitionString=json.dumps(definition),
            LoggingConfiguration={
                "Level": "ALL",
                "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": ["Group", "Arn"]}}}],
            },
        ),
    )
    assert outcome(engine, names["Machine"]) == "SUCCEEDED"
    assert engine.client("logs").filter_log_events(logGroupName=names["Group"])["events"] == []


def test_old_lines_of_a_log_stay(engine: Engine, create: Callable[..., dict[str, str]]) -> None:
    create("retention", Group=resource("AWS::Logs::LogGroup", LogGroupName="/retention", RetentionInDays=1))
    logs = engine.client("logs")
    logs.create_log_stream(logGroupName="/retention", logStreamName="s")
    event = {"timestamp": int((time.time() - 3 * 86400) * 1000), "message": "three days old"}
    logs.put_log_events(logGroupName="/retention", logStreamName="s", logEvents=[event])
    found = logs.filter_log_events(logGroupName="/retention")["events"]
    assert [event["message"] for event in found] == ["three days old"]


# ---- these stop the deploy -------------------------------------------------------------------------------------------


def test_inventory_and_replication_of_a_bucket_are_dropped(
    engine: Engine, create: Callable[..., dict[str, str]]
) -> None:
    destination = {"Bucket": "arn:aws:s3:::elsewhere"}
    names = create(
        "dropped",
        Bucket=resource(
            "AWS::S3::Bucket",
            VersioningConfiguration={"Status": "Enabled"},
            ReplicationConfiguration={
                "Role": ROLE,
                "Rules": [{"Status": "Enabled", "Prefix": "", "Destination": destination}],
            },
            InventoryConfigurations=[
                {
                    "Id": "daily",
                    "Enabled": True,
                    "IncludedObjectVersions": "All",
                    "ScheduleFrequency": "Daily",
                    "Destination": {"BucketArn": destination["Bucket"], "Format": "CSV"},
                }
            ],
        ),
    )
    s3 = engine.client("s3")
    with pytest.raises(ClientError, match="ReplicationConfigurationNotFoundError"):
        s3.get_bucket_replication(Bucket=names["Bucket"])
    assert "InventoryConfigurationList" not in s3.list_bucket_inventory_configurations(Bucket=names["Bucket"])


@pytest.mark.parametrize("mode", ["GOVERNANCE", "COMPLIANCE"])
def test_a_lock_is_dropped_and_does_not_hold_what_is_copied(
    mode: str, engine: Engine, create: Callable[..., dict[str, str]]
) -> None:
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": mode, "Days": 1}}}
    names = create(
        f"lock-{mode.lower()}",
        Source=resource("AWS::S3::Bucket"),
        Locked=resource(
            "AWS::S3::Bucket",
            VersioningConfiguration={"Status": "Enabled"},
            ObjectLockEnabled=True,
            ObjectLockConfiguration=lock,
        ),
    )
    s3, locked = engine.client("s3"), names["Locked"]
    with pytest.raises(ClientError, match="ObjectLockConfigurationNotFoundError"):
        s3.get_object_lock_configuration(Bucket=locked)

    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=lock)
    put = s3.put_object(Bucket=locked, Key="put", Body=b"1")
    with pytest.raises(ClientError, match="object protected by object lock"):
        s3.delete_object(Bucket=locked, Key="put", VersionId=put["VersionId"])
    s3.put_object(Bucket=names["Source"], Key="a", Body=b"1")
    copied = s3.copy_object(Bucket=locked, Key="copied", CopySource={"Bucket": names["Source"], "Key": "a"})
    s3.delete_object(Bucket=locked, Key="copied", VersionId=copied["VersionId"])
    assert [version["Key"] for version in s3.list_object_versions(Bucket=locked)["Versions"]] == ["put"]


def test_dead_letters_and_reserved_concurrency_of_a_function_are_dropped(
    engine: Engine, create: Callable[..., dict[str, str]]
) -> None:
    names = create(
        "letters",
        Queue=resource("AWS::SQS::Queue"),
        Probe=probe(
            DeadLetterConfig={"TargetArn": {"Fn::GetAtt": ["Queue", "Arn"]}},
            ReservedConcurrentExecutions=2,
        ),
    )
    described = engine.client("lambda").get_function(FunctionName=names["Probe"])
    assert "DeadLetterConfig" not in described["Configuration"]
    assert "Concurrency" not in described


def test_metric_math_is_refused(engine: Engine, create: Callable[..., dict[str, str]]) -> None:
    math = resource(
        "AWS::CloudWatch::Alarm",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Threshold=1,
        Metrics=[{"Id": "e", "Expression": "TIME_SERIES(1)"}],
    )
    with pytest.raises(WaiterError):
        create("math", Alarm=math)
    events = engine.client("cloudformation").describe_stack_events(StackName="math")["StackEvents"]
    assert any("metric math" in event.get("ResourceStatusReason", "") for event in events)


def test_types_are_refused(engine: Engine) -> None:
    types = [
        "AWS::Backup::BackupSelection",
        "AWS::CloudTrail::Trail",
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::EC2::EIP",
        "AWS::EC2::Instance",
        "AWS::EC2::NatGateway",
        "AWS::EC2::Volume",
    ]
    template = {"Resources": {type_.replace(":", ""): resource(type_) for type_ in types}}
    with pytest.raises(ClientError) as refused:
        engine.client("cloudformation").create_stack(StackName="refused", TemplateBody=json.dumps(template))
    for type_ in types:
        assert type_ in str(refused.value)
