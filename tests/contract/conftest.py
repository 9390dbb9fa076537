"""One account and stack for the tests of a module: each test has buckets and systems of its own names."""

from collections.abc import Iterator
from itertools import count

import pytest

from tests import aws

_numbers = count(1)


@pytest.fixture(scope="module")
def stack() -> Iterator[aws.Stack]:
    with aws.account():
        yield aws.deploy()


@pytest.fixture
def bucket_name() -> str:
    """A bucket that no other test has used."""
    return f"watched-{next(_numbers)}"
