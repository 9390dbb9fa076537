"""Every call that a function makes is allowed, and nothing is allowed that it never calls. AWS in memory asks nobody
for permission: here each call is held against the role in the template."""

import pytest

from tests.template.cases import played
from tests.template.role import grants
from tests.template.stack import FUNCTIONS

WITHOUT_A_CLIENT = {"execute-api:Invoke", "sns:publish"}
"""What no client of ours asks for: the plot is fetched by URL, and Lambda itself sends what failed to a topic."""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_call_is_allowed(name: str) -> None:
    needed = played(name).needed[name]
    assert needed
    assert {need for need in needed if not any(grant.covers(need) for grant in grants(name))} == set()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_is_allowed_that_no_call_needs(name: str) -> None:
    needed = played(name).needed[name]
    asked_for = {grant for grant in grants(name) if grant.action not in WITHOUT_A_CLIENT}
    assert {grant for grant in asked_for if not any(grant.covers(need) for need in needed)} == set()
