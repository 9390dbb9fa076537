"""The main job of each system, played on a private local cloud while you watch, and checked."""

from dataclasses import dataclass
from typing import Any, Protocol

from rich.console import Console

from local.cloud import ROOT, Cloud

PICTURES = ROOT / "demo"


@dataclass(frozen=True, slots=True)
class Story:
    """What a system did in the demo: whether it was as expected, and what was seen."""

    system: str
    as_expected: bool
    seen: dict[str, Any]


class Teller(Protocol):
    def __call__(self, cloud: Cloud, console: Console) -> Story: ...
