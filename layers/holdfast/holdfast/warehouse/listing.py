"""All keys under a prefix, listed by several workers, however they are distributed.

A listing goes from key to key: who wants to begin in its middle has to know a key there. So one worker begins at the
first key, and who has nothing to do looks, by a few short listings, for a place about half way of what another has
still before it, and takes what lies behind. The stretches never overlap and leave nothing out, wherever they are cut.
"""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import batched, chain
from queue import Queue, ShutDown
from threading import Condition

from holdfast.warehouse.ports import Bucket, Found

PAGE = 1000
"""Keys that S3 lists in one answer."""

WORKERS = 16

_KEY_BYTES = 1024
_LAST_OF_ASCII = 0x7F
_SURROGATES = range(0xD800, 0xE000)
"""No characters, and in no UTF-8."""


@dataclass(eq=False, slots=True)
class Stretch:
    """The keys from behind `at` up to `until`, or to the end: one worker's. `found`: it reads them, and more.

    `pages` were dealt with since somebody wanted to take a part of it; `wanted`: somebody wants to right now.
    """

    at: str
    until: str | None
    found: Iterator[Found]
    pages: int = 0
    wanted: bool = False

    def holds(self, key: str) -> bool:
        return self.at < key and (self.until is None or key <= self.until)


def list_all(bucket: Bucket, prefix: str, workers: int = WORKERS, page: int = PAGE) -> Iterator[list[Found]]:
    """Every object under a prefix once, in lists of at most a page, in no order. Few of them are held at a time.

    What is written or removed meanwhile may be listed or not.
    """
    division = _Division(bucket, prefix, Queue(2 * workers), page)
    with ThreadPoolExecutor(workers) as pool:
        working = [pool.submit(division.work) for _ in range(workers)]
        try:
            yield from division.listed()
        finally:
            division.stop()
    for worker in working:
        worker.result()


class _Division:
    """Who lists what."""

    def __init__(self, bucket: Bucket, prefix: str, listed: Queue[list[Found]], page: int) -> None:
        self.bucket = bucket
        self.prefix = prefix
        self.page = page
        self._listed = listed
        self._change = Condition()
        self._idle = [Stretch("", None, bucket.listing(prefix))]
        self._taken: list[Stretch] = []
        self._stopped = False

    def listed(self) -> Iterator[list[Found]]:
        while True:
            try:
                yield self._listed.get()
            except ShutDown:
                return

    def stop(self) -> None:
        with self._change:
            self._stopped = True
            self._change.notify_all()
        self._listed.shutdown(immediate=True)

    def work(self) -> None:
        try:
            while stretch := self._next():
                self._list(stretch)
        except ShutDown:  # nobody reads on
            return
        except BaseException:
            self.stop()
            raise
        self._listed.shutdown()

    def _list(self, stretch: Stretch) -> None:
        for found in batched(stretch.found, self.page, strict=False):
            with self._change:
                mine = [one for one in found if stretch.holds(one.key)]
                if mine:
                    stretch.at = mine[-1].key
                    stretch.pages += 1
                    self._change.notify_all()
            if mine:
                self._listed.put(mine)
            if len(mine) < len(found):
                break
        with self._change:
            self._taken.remove(stretch)
            self._change.notify_all()

    def _next(self) -> Stretch | None:
        """What to list next; None if all is listed, or nobody wants more."""
        while True:
            with self._change:
                if self._idle:
                    self._taken.append(self._idle[-1])
                    return self._idle.pop()
                self._change.wait_for(lambda: self._stopped or not self._taken or self._longest())
                longest = self._longest()
                if self._stopped or longest is None:
                    return None
                longest.wanted = True
                at, until = longest.at, longest.until
            part = divide(self.bucket, self.prefix, at, until)
            with self._change:
                longest.wanted, longest.pages = False, 0
                if part and longest in self._taken and longest.holds(part.at):
                    longest.until = part.at
                    self._taken.append(part)
                    return part

    def _longest(self) -> Stretch | None:
        """The stretch of which most is dealt with, and so most may be left."""
        some = (stretch for stretch in self._taken if stretch.pages and not stretch.wanted)
        return max(some, key=lambda stretch: stretch.pages, default=None)


def divide(bucket: Bucket, prefix: str, at: str, until: str | None) -> Stretch | None:
    """About half of what is behind the key `at`, as a stretch of its own that has at least one key; None if little is.

    Where the keys to come begin to differ from `at` is found by bisection, and so is how far they reach there.
    """

    @cache
    def behind(point: str) -> Stretch | None:
        """What follows a point, if there is anything. The listing that saw it goes on from there."""
        if not at <= point or (until is not None and point >= until) or len(point.encode()) > _KEY_BYTES:
            return None
        found = bucket.listing(prefix, point)
        first = next(found, None)
        if first is None or (until is not None and first.key > until):
            return None
        return Stretch(point, until, chain((first,), found))

    depth = _least(len(prefix), len(at), lambda depth: behind(_passing(at, depth)) is not None)
    rest = behind(_passing(at, depth))
    if rest is None or depth == len(at):  # all that follows begins with the whole key
        return None
    low = ord(at[depth])
    high = ord(until[depth]) if until is not None and until.startswith(at[:depth]) else _LAST_OF_ASCII
    while high > low + 2:
        middle = (low + high) // 2
        if behind(at[:depth] + _character(middle)):
            return behind(at[:depth] + _character((low + middle + 1) // 2))
        high = middle
    return rest


def _passing(key: str, depth: int) -> str:
    """What all keys come before, or are, that have the first characters of a key, one more than `depth`."""
    return key[:depth] + _character(ord(key[depth]) + 1) if depth < len(key) else key


def _character(code: int) -> str:
    return chr(_SURROGATES.stop if code in _SURROGATES else min(code, sys.maxunicode))


def _least(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The least number of which something holds that holds of all above it; `high` if it holds of none."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
