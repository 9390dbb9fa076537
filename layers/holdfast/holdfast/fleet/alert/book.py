"""Which incidents are open, written down: what was opened, and what is over. Nothing of it is ever removed."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from holdfast.fleet.alert.incidents import plan as incidents
from holdfast.fleet.alert.incidents.plan import Noted
from holdfast.fleet.alert.model import Incident
from holdfast.fleet.model import digest_of
from holdfast.fleet.ports import Documents
from holdfast.ports import Clock, Each

OPEN = "alerts/open/"
OVER = "alerts/over/"


@dataclass(frozen=True, slots=True)
class Book:
    """An incident is below the digest of its key, each time that it opens by the moment of that: so two listings tell
    what is open, whatever there was before."""

    documents: Documents
    each: Each
    now: Clock

    def open(self) -> list[Noted]:
        return [Noted.parse(told) for told in self.each(self.documents.load, self._open("")) if told]

    def is_open(self, key: str) -> bool:
        return bool(self._open(_folder(key)))

    def note(self, incident: Incident, *, paged: bool) -> None:
        """What a message of its own ends is not written down."""
        if incident.ends is None:
            return
        ends, folder = incident.ends, _folder(incident.key)
        open_ones = self._open(folder)
        key = open_ones[-1] if open_ones else f"{OPEN}{folder}{self.now():%Y-%m-%dT%H-%M-%S-%fZ}.json"
        if told := self.documents.load(key):
            before = Noted.parse(told)
            ends, paged = incidents.again(before.ends, ends), paged or before.paged
        self.documents.save(key, Noted(incident.key, ends, paged).as_json())

    def close(self, keys: Collection[str]) -> None:
        folders = set(map(_folder, keys))
        names = [name for name in map(_name, self._open("")) if f"{name.partition('/')[0]}/" in folders]
        told = {"at": self.now().isoformat()}
        list(self.each(lambda name: self.documents.add(f"{OVER}{name}", told), names))

    def _open(self, folder: str) -> list[str]:
        over = set(self._names(OVER, folder))
        return [f"{OPEN}{name}" for name in self._names(OPEN, folder) if name not in over]

    def _names(self, prefix: str, folder: str) -> Iterable[str]:
        return (key.removeprefix(prefix) for key in self.documents.keys(f"{prefix}{folder}"))


def _name(key: str) -> str:
    return key.removeprefix(OPEN)


def _folder(key: str) -> str:
    return f"{digest_of(key)}/"
