"""The status as a page: no script, nothing from elsewhere, whatever names hold."""

from datetime import datetime
from functools import cache
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template

from holdfast.fleet.status.model import Overview
from holdfast.fleet.status.plan import ago


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(resources.files("holdfast.fleet.status").joinpath("page.html").read_text("utf-8"))


def render(overview: Overview) -> str:
    def span(seconds: float) -> str:
        """On one line."""
        return ago(seconds).replace(" ", "\N{NO-BREAK SPACE}")

    def since(at: datetime) -> str:
        return span((overview.at - at).total_seconds())

    return _template().render(overview=overview, span=span, since=since)
