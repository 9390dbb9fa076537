"""Runs tasks interleaved at every call of a port, and crashes them there, as a seeded random decides."""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from greenlet import getcurrent, greenlet


class Crash(BaseException):
    """The process of a task ended between two calls. Nothing in the code under test may catch it."""


class Throttled(Exception):
    """A call failed, however often the client tried. It may have been carried out all the same."""


LONGEST_NAP = 40
"""Steps that others take meanwhile: as many as it takes to deal with two or three events."""


class Interleaver:
    """One thread of time for several tasks. `crashes`: chance of a crash at a step, while steps are being taken.
    `throttles`: chance of an error at a call of a port. `naps`: chance that a task is left waiting for long."""

    def __init__(self, random: Random, crashes: float, throttles: float = 0.0, naps: float = 0.0) -> None:
        self.random = random
        self.crashes = crashes
        self.throttles = throttles
        self.naps = naps
        self._main = getcurrent()

    def step(self) -> None:
        """A point where another task may go on, or this one may crash. Outside of `run`, nothing happens."""
        if getcurrent() is self._main:
            return
        self._main.switch()
        if self.naps and self.random.random() < self.naps:
            for _ in range(self.random.randint(1, LONGEST_NAP)):
                self._main.switch()
        if self.random.random() < self.crashes:
            raise Crash

    def run(self, tasks: Sequence[Callable[[], None]]) -> None:
        """Run all tasks to their end or crash."""

        def alive(task: Callable[[], None]) -> None:
            try:
                task()
            except Crash:
                return

        running = [greenlet(lambda task=task: alive(task), self._main) for task in tasks]
        while running:
            chosen = self.random.choice(running)
            chosen.switch()
            running = [task for task in running if not task.dead]

    def port[P](self, port: P) -> P:
        """The same port, with a step before and behind each call, and between the items of what it yields."""
        return _Stepping(port, self._step_of_a_call)  # type: ignore[return-value]

    def _step_of_a_call(self) -> None:
        self.step()
        if self.throttles and getcurrent() is not self._main and self.random.random() < self.throttles:
            raise Throttled


class _Stepping:
    def __init__(self, port: Any, step: Callable[[], None]) -> None:
        self._port = port
        self._step = step

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._port, name)
        if not callable(attribute):
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            self._step()
            answer = attribute(*args, **kwargs)
            if isinstance(answer, Iterator):
                return self._each(answer)
            self._step()
            return answer

        return call

    def _each(self, items: Iterator[Any]) -> Iterator[Any]:
        for item in items:
            self._step()
            yield item
