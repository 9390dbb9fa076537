"""A batch of messages, and the answer that has some of them come again."""

import json

from holdfast.events import sqs


def a_message(message_id: str, body: str) -> dict[str, str]:
    return {"messageId": message_id, "body": body}


NO_EVENTS = json.dumps({"Message": json.dumps({"Event": "s3:TestEvent"})})


def test_readable_messages_come_in_order_and_the_others_with_what_is_wrong() -> None:
    batch = {"Records": [a_message("1", NO_EVENTS), a_message("2", "hello"), a_message("3", NO_EVENTS)]}
    readable, unreadable = sqs.deliveries(batch)
    assert [delivery.message_id for delivery in readable] == ["1", "3"]
    assert unreadable == {
        "2": "not an S3 notification in an SNS message: JSONDecodeError: Expecting value: line 1 column 1 (char 0)"
    }


def test_the_answer_names_the_messages_to_come_again() -> None:
    assert sqs.partial_failure(["1", "3"]) == {
        "batchItemFailures": [{"itemIdentifier": "1"}, {"itemIdentifier": "3"}],
    }


def test_a_batch_that_went_well_is_deleted_whole() -> None:
    assert sqs.partial_failure([]) == {"batchItemFailures": []}
