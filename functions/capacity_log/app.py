"""Logs each event of the watched bucket, as SNS put it into the logging queue, with the bytes it brought or took."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring
from holdfast.events.s3 import from_queue_body

logger = Logger()
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def _record(message: SQSRecord) -> None:
    received = int(message.attributes.approximate_receive_count)
    for event in from_queue_body(message.body):
        wiring.capacity_log()(event, received=received, log=logger.info)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Answers which messages of the batch have to come again."""
    return process_partial_response(event=event, record_handler=_record, processor=processor, context=context)
