"""Where the local engine differs from AWS: the list, and the check of a template against it before each deploy."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from local.template import Resource

_FILE = Path(__file__).with_suffix(".toml")


class EngineCannot(RuntimeError):
    """The template asks for what the engine would ignore or refuse."""

    def __init__(self, differences: Iterable[str]) -> None:
        super().__init__(
            "\n".join(
                [
                    "the template asks for what the local engine does not do, so nothing was deployed:",
                    *(f"  {difference}" for difference in differences),
                    "Give the resource a condition that does not hold locally; or learn what the engine does with it,",
                    "and list that in local/gaps.toml with the test that will notice a change.",
                ]
            )
        )


@dataclass(frozen=True, slots=True)
class Gap:
    """What the engine does not do with these properties of these types; without properties, with the types themselves.

    `verdict` tells what follows: something of ours does it in the engine's place, nobody has to, or a template with it
    is not deployed. `why` gives the reason. `noticed_by` is the test that fails once the engine does it.
    """

    types: tuple[str, ...]
    properties: tuple[str, ...]
    happens: str
    verdict: Literal["made good", "harmless", "stops"]
    why: str
    noticed_by: str

    def concerns(self, resource: Resource) -> bool:
        named = not self.properties or not resource.properties.keys().isdisjoint(self.properties)
        return resource.type in self.types and named


@dataclass(frozen=True, slots=True)
class Known:
    """What has been tried with one version of the engine. `works` has the properties that it heeds, by type."""

    engine: str
    works: Mapping[str, frozenset[str]]
    gaps: tuple[Gap, ...]

    @classmethod
    def read(cls, stated: Mapping[str, Any] | None = None) -> "Known":
        """Read what `stated` says, the project's own list by default."""
        stated = tomllib.loads(_FILE.read_text()) if stated is None else stated
        return cls(
            stated["engine"],
            {type_: frozenset(names) for type_, names in stated["works"].items()},
            tuple(
                Gap(
                    tuple(gap["types"]),
                    tuple(gap.get("properties", ())),
                    gap["happens"],
                    gap["verdict"],
                    gap["why"],
                    gap["noticed_by"],
                )
                for gap in stated["gap"]
            ),
        )

    def check(self, resources: Iterable[Resource]) -> list[Gap]:
        """Return the gaps that these resources fall into. Raises EngineCannot if one of them, or the unknown, stops."""
        resources = list(resources)
        if differences := [difference for resource in resources for difference in self._stops(resource)]:
            raise EngineCannot(differences)
        return [gap for gap in self.gaps if any(map(gap.concerns, resources))]

    def _stops(self, resource: Resource) -> Iterator[str]:
        met = [gap for gap in self.gaps if gap.concerns(resource)]
        place = f"{resource.name} ({resource.type})"
        for gap in met:
            if gap.verdict == "stops":
                named = sorted(resource.properties.keys() & set(gap.properties))
                yield f"{' '.join([place, *named])}: {gap.happens}; {gap.why}"
        tried = [gap.properties for gap in self.gaps if resource.type in gap.types]
        if resource.type not in self.works and not tried:
            yield f"{place}: not tried yet"
        elif () not in tried:
            listed = self.works.get(resource.type, frozenset()).union(*tried)
            for name in sorted(resource.properties.keys() - listed):
                yield f"{place} {name}: not tried yet"

    def table(self) -> str:
        """The gaps as they stand in docs/explanation/local-and-cloud.md."""
        rows = [
            f"| {', '.join(f'`{type_}`' for type_ in gap.types)} {', '.join(gap.properties)} "
            f"| {gap.happens} | {gap.verdict}: {gap.why} | `{gap.noticed_by}` |"
            for gap in self.gaps
        ]
        return "\n".join(["| what | the engine | so | the test that notices |", "|---|---|---|---|", *rows])
