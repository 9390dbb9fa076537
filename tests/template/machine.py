"""The state machines of the template, as they are written."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.template.stack import ROOT, SOURCE


@dataclass(frozen=True, slots=True)
class Machine:
    """One. `substitutions`: what its definition leaves to be filled in."""

    name: str
    path: Path
    substitutions: Mapping[str, Any]

    @property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def holes(self) -> set[str]:
        """What the definition leaves to be filled in."""
        return set(re.findall(r"\$\{(\w+)}", self.text))

    @property
    def definition(self) -> Mapping[str, Any]:
        read: Mapping[str, Any] = yaml.safe_load(self.text)
        return read

    def flows(self) -> Iterator[Mapping[str, Any]]:
        """The machine, and the processors of its maps: states that lead to each other."""
        waiting = [self.definition]
        while waiting:
            flow = waiting.pop()
            yield flow
            waiting += [state["ItemProcessor"] for state in flow["States"].values() if "ItemProcessor" in state]

    def states(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for flow in self.flows():
            yield from flow["States"].items()

    def calls(self) -> Iterator[tuple[str, str]]:
        """The states that call functions, and whose logical IDs those have."""
        for name, state in self.states():
            if state["Type"] == "Task" and not state["Resource"].startswith("arn:"):
                yield name, self.substitutions[state["Resource"].strip("${}")]["Fn::GetAtt"][0]


MACHINES = [
    Machine(name, ROOT / of["Properties"]["DefinitionUri"], of["Properties"]["DefinitionSubstitutions"])
    for name, of in SOURCE["Resources"].items()
    if of["Type"] == "AWS::Serverless::StateMachine"
]
