"""The answer of the API: a page for a browser, JSON for all others, and nothing that a name could do."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis.strategies import characters, text

from holdfast.adapters.memory_fleet import MemoryDocuments
from holdfast.fleet import naming
from holdfast.fleet.status import page, systems
from holdfast.fleet.status.model import Alarm, Overview, Row, System, Told
from holdfast.fleet.status.run import Status, wants_html
from tests.unit.fleet.status.stand import HOSTILE, NOW, overview


def well(_: datetime) -> Told:
    return Told("all", last_backup=NOW, age=60, verified=NOW)


def broken(_: datetime) -> Told:
    raise PermissionError("not you")


def no_alarms() -> Mapping[str, Sequence[Alarm]]:
    return {}


def status(**told: Any) -> Status:
    whole = Status(
        stack="holdfast",
        systems={"fleet": well, "tables": well},
        alarms=no_alarms,
        breakers=("fleet",),
        why_open=lambda _: None,
        each=map,
        now=lambda: NOW,
        log=lambda *_, **__: None,
    )
    return replace(whole, **told)


def ask(one: Status, accept: str | None = None) -> dict[str, Any]:
    return one({"headers": {"accept": accept} if accept else None})


def test_json_tells_of_all_five_systems() -> None:
    answer = ask(status())
    assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (200, "application/json")
    told = json.loads(answer["body"])
    assert {one["system"]: one["health"] for one in told["systems"]} == {
        "objects": "not deployed",
        "tables": "good",
        "warehouse": "not deployed",
        "fleet": "good",
        "capacity": "not deployed",
    }
    [fleet] = [one for one in told["systems"] if one["system"] == "fleet"]
    assert fleet == {
        "system": "fleet",
        "health": "good",
        "protected": "all",
        "last_backup": "2026-11-21T08:30:00+00:00",
        "rpo_age_seconds": 60,
        "last_verification": "2026-11-21T08:30:00+00:00",
        "alarms": [],
        "breaker": "closed",
        "breaker_reason": None,
        "wrong": [],
        "notes": [],
        "resources": [],
        "error": None,
    }


def test_alarms_and_breakers_stand_with_their_system() -> None:
    alarm = Alarm("TablesLagAlarm", NOW, "Late.")
    told = json.loads(ask(status(alarms=lambda: {"tables": [alarm]}, why_open=lambda _: "too much"))["body"])
    found = {one["system"]: (one["health"], len(one["alarms"]), one["breaker"]) for one in told["systems"]}
    assert found["tables"] == ("attention", 1, None)
    assert found["fleet"] == ("attention", 0, "open")


def test_a_system_that_cannot_be_looked_at_takes_nothing_from_the_others() -> None:
    logged: list[object] = []
    one = status(systems={"fleet": well, "tables": broken}, log=lambda *_, **fields: logged.append(fields["what"]))
    told = {each.name: (each.health, each.error) for each in one.look().systems}
    assert (told["tables"], told["fleet"]) == (("unknown", "PermissionError"), ("good", ""))
    assert logged == ["tables"]


def test_alarms_that_cannot_be_looked_at_are_told_as_that() -> None:
    def refused() -> Mapping[str, Sequence[Alarm]]:
        raise PermissionError

    assert json.loads(ask(status(alarms=refused))["body"])["unknown"] == ["alarms (PermissionError)"]


def test_nothing_of_the_answer_is_kept_run_framed_or_fetched_from_elsewhere() -> None:
    for accept in ("text/html", "application/json"):
        headers = ask(status(), accept)["headers"]
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'unsafe-inline';")


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("TEXT/HTML", True),
        ("application/json;q=0.5, text/html", True),
        ("application/json, text/html;q=0.9", False),
        ("text/html;q=0", False),
        ("text/html;q=much", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_a_browser_gets_a_page(accept: str, *, html: bool) -> None:
    assert wants_html({"headers": {"Accept": accept}}) is html
    assert ("<html" in ask(status(), accept)["body"]) is html


# The page


def test_a_page_shows_every_system_and_what_is_wrong() -> None:
    text = unescape(re.sub(r"<[^>]+>", " ", page.render(overview())))
    words = " ".join(text.split())
    for expected in (
        "Somebody has to look at objects, tables and fleet",
        "1,204,117 objects in 2 buckets",
        "open: 500 of 900 objects would be removed",
        "ObjectsLagAlarm on for 60 min Objects get their copies",
        "It could not be looked at: ClientError.",
        "RPO age 29 h",
        "not deployed",
        "Not looked at: alarms (AccessDenied)",
    ):
        assert expected in words


def test_a_hostile_name_is_shown_and_does_nothing() -> None:
    html = page.render(overview())
    assert "<script" not in html
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;&amp;{{ 7*7 }}" in html
    assert HOSTILE in unescape(html)


class Tags(HTMLParser):
    """The elements of a page with their attributes' names: what markup it has, whatever it says."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))


def named(name: str) -> str:
    """A page on which all that comes from outside has this name."""
    told = Told(name, NOW, 60, NOW, (name,), (name,), (Row(name, name, is_bad=True),))
    alarm = Alarm(name, NOW, name)
    one = System("fleet", told, alarms=(alarm,), breaker=name, has_breaker=True)
    return page.render(Overview(name, NOW, (one, System("tables", error=name)), (name,)))


@given(text(alphabet=characters(codec="utf-8"), min_size=1))
@example('"><img src=x onerror=alert(1)>')
@example("{{ 7*7 }}{% for x in y %}")
@example("</style></title><script>")
def test_no_name_becomes_markup(name: str) -> None:
    assert Tags(named(name)).found == Tags(named("orders")).found


def test_a_page_has_nothing_that_its_policy_forbids() -> None:
    html = page.render(overview())
    assert (
        re.findall(r"(?i)<(?:script|img|link|iframe|form|object)|\son\w+=|\sstyle=|https?:|url\(|@import", html) == []
    )


# The fleet's own word


def test_the_fleet_tells_what_its_watch_wrote_down_and_of_its_last_drill() -> None:
    documents = MemoryDocuments()
    look = systems.fleet(documents)
    assert look(NOW).protected == "nothing yet"
    whole = {"at": NOW.isoformat(), "missed": [], "runs": {}, "unprotected": 0, "unprotected_resources": []}
    documents.save(naming.STATUS, {**whole, "resources": []})
    documents.save("proof/head.json", {"n": 1, "digest": "x"})
    documents.save("proof/00000001.json", {"resource": "orders", "result": "passed", "rto_seconds": 60})
    assert look(NOW).notes == ("last drill: orders passed, restored and checked in 60 s",)
