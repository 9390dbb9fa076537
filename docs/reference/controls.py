"""Writes the tables of the page about controls from `controls.toml`: `make reference`."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from docs.reference.generate import fill, table

FOLDER = Path(__file__).parent
PAGE = FOLDER / "controls.md"

type Row = Mapping[str, Any]


def described() -> dict[str, list[Row]]:
    """`control` and `duty`."""
    told: dict[str, list[Row]] = tomllib.loads((FOLDER / "controls.toml").read_text())
    return told


def _of(standings: tuple[str, ...]) -> Iterator[Row]:
    return (one for one in described()["control"] if one["standing"] in standings)


def _tested(*standings: str) -> str:
    rows = [
        (
            f"`{one['rule']}`",
            ", ".join(one["packs"]),
            ", ".join(f"`{name}`" for name in one["resources"]),
            one["text"],
            f"[{one['test'].partition('::')[2]}](../../{one['test'].partition('::')[0]})",
        )
        for one in _of(standings)
    ]
    return table(("rule", "packs", "resources", "how it is", "test"), *rows)


def _untested() -> str:
    rows = [(f"`{one['rule']}`", ", ".join(one["packs"]), one["text"]) for one in _of(("not met",))]
    return table(("rule", "packs", "why"), *rows)


def _duties() -> str:
    rows = [(one["frame"], one["asks"], one["shows"], one["operator"]) for one in described()["duty"]]
    return table(("", "it asks for", "the template shows", "the operator must"), *rows)


def page() -> str:
    """With what stands between its marks made anew."""
    text = fill(PAGE.read_text(), "met", _tested("met", "option"))
    text = fill(text, "otherwise", _tested("otherwise"))
    text = fill(text, "not met", _untested())
    return fill(text, "duties", _duties())


if __name__ == "__main__":
    PAGE.write_text(page())
