"""What one event makes the real handlers call, and what it makes the usual design call. A change that costs more shows
here."""

import pytest

from bench.objects.cost import DESIGNS, Design, measure
from bench.objects.stories import stories
from bench.usage import MILLION

STORIES = {story.name: story for story in stories(1)}

USUAL = """
an overwrite that evicts a copy   CopyObject DeleteItem DeleteObject PutItem Query
a delete, three copies            Query UpdateItem UpdateItem UpdateItem
a copy that is cleaned            DeleteItem DeleteObject Query
"""

OURS = """
a new object                      CopyObject PutItem Query Query UpdateItem UpdateItem
an overwrite, up to three copies  CopyObject PutItem Query Query UpdateItem
an overwrite that evicts a copy   CopyObject DeleteItem DeleteObject GetItem GetItem PutItem PutItem Query Query UpdateItem UpdateItem UpdateItem UpdateItem
a delete, one copy                GetItem PutItem PutItem Query UpdateItem UpdateItem
a delete, three copies            GetItem PutItem PutItem Query UpdateItem UpdateItem UpdateItem UpdateItem
a copy that is cleaned            DeleteItem DeleteObject GetItem PutItem Query UpdateItem
an event that comes again         Query Query
"""  # noqa: E501 a line is a line of the table
"""Of a process that has just started: the breaker and the census are asked for each, which others share."""


def lines(table: str) -> list[tuple[str, list[str]]]:
    return [(line[:34].strip(), line[34:].split()) for line in table.strip().splitlines()]


@pytest.mark.parametrize(
    ("design", "story", "calls"),
    [(design, *line) for design, table in ((DESIGNS[0], USUAL), (DESIGNS[1], OURS)) for line in lines(table)],
    ids=[f"{name}: {line[0]}" for name, table in (("usual", USUAL), ("ours", OURS)) for line in lines(table)],
)
def test_one_event_makes_these_calls(design: Design, story: str, calls: list[str]) -> None:
    used = measure(design, STORIES[story])
    made = [call for call, number in sorted(used.calls.items()) for _ in range(round(number / MILLION))]
    assert made == calls
