"""Asks every system how it stands, and answers with a page or with JSON."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.fleet.status import page
from holdfast.fleet.status.model import SYSTEMS, Alarm, Overview, System
from holdfast.fleet.status.systems import Look
from holdfast.ports import Clock, Each, Log

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""The page needs no script, no picture and no other site: a name that got through as markup could do nothing."""


@dataclass(frozen=True, slots=True)
class Status:
    """`systems`: those that are deployed. `alarms`: those that are on, by system. `breakers`: of which systems there
    are some, and `why_open` tells of each; None if it is closed."""

    stack: str
    systems: Mapping[str, Look]
    alarms: Callable[[], Mapping[str, Sequence[Alarm]]]
    breakers: Sequence[str]
    why_open: Callable[[str], str | None]
    each: Each
    now: Clock
    log: Log

    def __call__(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """As API Gateway's Lambda proxy integration takes it."""
        overview = self.look()
        if wants_html(event):
            kind, body = "text/html; charset=utf-8", page.render(overview)
        else:
            kind, body = "application/json", json.dumps(overview.as_json(), indent=1)
        return {
            "statusCode": 200,
            "headers": {"Content-Type": kind, **HEADERS},
            "body": body,
            "isBase64Encoded": False,
        }

    def look(self) -> Overview:
        """What cannot be looked at is told as that: the rest is worth no less."""
        now, unknown = self.now(), []
        alarms: Mapping[str, Sequence[Alarm]] = {}
        try:
            alarms = self.alarms()
        except Exception as error:
            unknown.append(f"alarms ({self._failed('alarms', error)})")
        systems = tuple(self.each(lambda name: self._look(name, alarms.get(name, ())), SYSTEMS))
        return Overview(self.stack, now, systems, tuple(unknown))

    def _look(self, name: str, alarms: Sequence[Alarm]) -> System:
        look = self.systems.get(name)
        if look is None:
            return System(name)
        has_breaker = name in self.breakers
        try:
            told = look(self.now())
            breaker = self.why_open(name) if has_breaker else None
        except Exception as error:
            return System(name, error=self._failed(name, error), alarms=tuple(alarms), has_breaker=has_breaker)
        return System(name, told, alarms=tuple(alarms), breaker=breaker, has_breaker=has_breaker)

    def _failed(self, what: str, error: Exception) -> str:
        """Whoever reads the page learns what kind of error it is; the log has all of it."""
        self.log("could not be looked at", what=what, error=repr(error))
        return type(error).__name__


def wants_html(event: Mapping[str, Any]) -> bool:
    """Whether a browser asks. What asks for anything gets JSON."""
    headers = {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    weights = dict(_weighed(part) for part in headers.get("accept", "").split(","))
    return weights.get("text/html", 0.0) > 0 and weights.get("text/html", 0.0) >= weights.get("application/json", 0.0)


def _weighed(part: str) -> tuple[str, float]:
    """https://www.rfc-editor.org/rfc/rfc9110#name-accept"""
    kind, *parameters = (one.strip().lower() for one in part.split(";"))
    weight = next((one.removeprefix("q=") for one in parameters if one.startswith("q=")), "1")
    try:
        return kind, float(weight)
    except ValueError:
        return kind, 0.0
