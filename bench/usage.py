"""What a million events use, and what that costs: amounts, times public prices."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import Cell

MILLION = 1_000_000

PRICES: Mapping[str, Any] = tomllib.loads(Path(__file__).with_name("prices.toml").read_text())
ASSUMED: Mapping[str, float] = PRICES["assumed"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What has been used, per million events, named as in prices.toml; and the calls behind it."""

    amounts: Mapping[str, float]
    calls: Mapping[str, float]

    def dollars(self, name: str) -> float:
        price: float = (
            PRICES["per_million"][name] / MILLION if name in PRICES["per_million"] else PRICES["per_unit"][name]
        )
        return self.amounts.get(name, 0) * price

    @property
    def total(self) -> float:
        return sum(map(self.dollars, self.amounts))


def rows(names: Iterable[str], columns: Iterable[Mapping[str, float]]) -> list[list[Cell]]:
    columns = list(columns)
    return [[name, *(column.get(name, 0) for column in columns)] for name in names]
