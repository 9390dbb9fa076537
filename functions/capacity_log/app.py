"""Logs each event of the watched bucket, as SNS put it into the logging queue, with the bytes it brought or took."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    ExceptionInfo,
    FailureResponse,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring
from holdfast.events.s3 import from_queue_body

logger = Logger()


class LoudBatchProcessor(BatchProcessor):
    """Says why a message failed, before it asks for it again."""

    def failure_handler(self, record: Any, exception: ExceptionInfo) -> FailureResponse:
        logger.error("not logged", message_id=record.message_id, exc_info=exception[1])
        return super().failure_handler(record, exception)


processor = LoudBatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def log_message(record: SQSRecord) -> None:
    received = int(record.attributes.approximate_receive_count)
    for event in from_queue_body(record.body):
        wiring.capacity_log()(event, received=received, log=logger.info)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Answers which messages of the batch have to come again."""
    return process_partial_response(event=event, record_handler=log_message, processor=processor, context=context)
