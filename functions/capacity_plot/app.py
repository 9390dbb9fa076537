"""Answers `GET /plot` with the bucket's total over time: a picture, or the points of one."""

from base64 import b64encode
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers as API Gateway's Lambda proxy integration takes it."""
    answer = wiring.capacity_plot()(APIGatewayProxyEvent(event).multi_value_query_string_parameters)
    logger.info("answered", status=answer.status, bytes=len(answer.body), key=answer.key)
    binary = answer.content_type == "image/png"
    return {
        "statusCode": answer.status,
        "headers": {"Content-Type": answer.content_type},
        "body": (b64encode(answer.body) if binary else answer.body).decode(),
        "isBase64Encoded": binary,
    }
