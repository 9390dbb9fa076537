"""Runs the command as a shell does, in this process."""

import sys
from dataclasses import dataclass

import pytest

from holdfast.cli import main

NOT_APPLIED = "\nNothing was changed. Add --apply to do it.\n"


@dataclass(frozen=True)
class Answer:
    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass(frozen=True)
class Shell:
    """Where an operator types."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def run(self, *words: str) -> Answer:
        """`holdfast` and these words."""
        self.monkeypatch.setattr(sys, "argv", ["holdfast", *words])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = self.capsys.readouterr()
        code = ended.value.code
        return Answer(
            code if isinstance(code, int) else 1, said.out, said.err + (code if isinstance(code, str) else "")
        )
