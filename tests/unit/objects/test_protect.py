"""What is changed of a bucket's notifications, and of the stack, so that the bucket is protected."""

from typing import Any

import pytest

from holdfast.objects.protect import deploy_line, plan_protect

QUEUE = {"QueueArn": "arn:aws:sqs:eu-west-1:123456789012:other", "Events": ["s3:ObjectRestore:*"]}
TOPIC = {"TopicArn": "arn:aws:sns:eu-west-1:123456789012:other", "Events": ["s3:ObjectCreated:*"]}


def test_a_bucket_without_notifications_gets_eventbridge() -> None:
    planned = plan_protect({"ResponseMetadata": {}})
    assert not planned.is_on
    assert planned.kept == 0
    assert planned.configuration == {"EventBridgeConfiguration": {}}


def test_other_notifications_stay_as_they_are() -> None:
    planned = plan_protect({"QueueConfigurations": [QUEUE], "TopicConfigurations": [TOPIC, TOPIC]})
    assert planned.kept == 3
    assert planned.configuration == {
        "QueueConfigurations": [QUEUE],
        "TopicConfigurations": [TOPIC, TOPIC],
        "EventBridgeConfiguration": {},
    }


@pytest.mark.parametrize("current", [{"EventBridgeConfiguration": {}}, plan_protect({}).configuration])
def test_a_bucket_that_sends_already_needs_nothing(current: dict[str, Any]) -> None:
    planned = plan_protect(current)
    assert planned.is_on
    assert planned.configuration == current


@pytest.mark.parametrize(("protected", "names"), [([], "new"), (["a", "b"], "a,b,new")])
def test_the_stack_is_told_of_the_bucket_besides_those_it_has(protected: list[str], names: str) -> None:
    assert deploy_line("holdfast", protected, "new") == (
        "sam deploy --stack-name holdfast --capabilities CAPABILITY_IAM --resolve-s3 "
        f"--parameter-overrides ProtectedBuckets={names}"
    )
