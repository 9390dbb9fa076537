"""Every call that a function makes is allowed, and nothing is allowed that it never calls. AWS in memory asks nobody
for permission: here each call is held against the role in the template."""

from collections.abc import Mapping

import pytest

from tests.template.cases import played
from tests.template.role import grants
from tests.template.stack import EVERYTHING, FUNCTIONS

pytestmark = pytest.mark.xdist_group("played")  # what the functions do is played once for all of these

KEYS = {
    *("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"),
    *("kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
}
WITHOUT_A_CLIENT = {"execute-api:Invoke", "sns:publish", "sqs:SendMessage", *KEYS}
"""What no client of ours asks for: the plot is fetched by URL; S3, EC2 and RDS themselves ask for keys; and Lambda
itself sends what failed to a topic or a queue."""

POLLED = {f"dynamodb:{verb}" for verb in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")}
"""What Lambda itself does with the role of a function that a stream triggers."""

BY_OTHERS = {"tables_archive": WITHOUT_A_CLIENT | POLLED}

STACKS = pytest.mark.parametrize("parameters", [{}, EVERYTHING], ids=["by default", "with everything"])


@STACKS
@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_call_is_allowed(name: str, parameters: Mapping[str, str]) -> None:
    needed = played(name, **parameters).needed[name]
    allowed = grants(name, **parameters)
    assert needed
    assert {need for need in needed if not any(grant.covers(need) for grant in allowed)} == set()


@STACKS
@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_is_allowed_that_no_call_needs(name: str, parameters: Mapping[str, str]) -> None:
    needed = played(name, **parameters).needed[name]
    by_others = BY_OTHERS.get(name, WITHOUT_A_CLIENT)
    asked_for = {grant for grant in grants(name, **parameters) if grant.action not in by_others}
    assert {grant for grant in asked_for if not any(grant.covers(need) for need in needed)} == set()
