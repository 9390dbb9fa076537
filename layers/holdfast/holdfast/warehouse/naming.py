"""How the backup bucket names things.

`copies/RUN/BUCKET/KEY` is a copy: each run has a prefix of its own, so nothing is ever written over, and where a copy
lies follows from its row in the ledger. Everything is below the prefix that the stack was given.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from holdfast.warehouse.model import Phase, Source

KEY_LIMIT = 1024
"""Bytes of a key in S3."""

STATE_TAG = "holdfast-state"
SINCE_TAG = "holdfast-since"
"""Of the state: tag filters of lifecycle rules match exact values, so a time needs a tag of its own."""
RETIRED = "retired"
EXPIRE = "expire"
"""The values of the state. The lifecycle rule acts on the second."""


def run_name(started: datetime, execution: str) -> str:
    """The name of a run: sorted as the runs began, the same however often it is asked for, and no other's."""
    return f"{started.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest(execution)[:6]}"


def digest(text: str) -> str:
    """A short name for a long one, that no other has."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Names:
    """`prefix`: empty, or ends with a slash."""

    prefix: str

    @property
    def runs(self) -> str:
        return f"{self.prefix}runs/"

    def run(self, run: str) -> str:
        """The folder of what a run writes down."""
        return f"{self.runs}{run}/"

    def of_source(self, run: str, source: Source) -> str:
        """The folder of what a run writes down of one source."""
        return f"{self.run(run)}{quote(source.name, safe='')}/"

    def phase(self, run: str, source: Source, phase: Phase, attempt: int) -> str:
        """The folder of one attempt to copy: its manifest, its completion report."""
        return f"{self.of_source(run, source)}{phase}-{attempt}/"

    def copies(self, run: str, bucket: str) -> str:
        """What a source's key is put behind to be the key of its copy."""
        return f"{self.prefix}copies/{run}/{bucket}/"

    def ledger(self, bucket: str) -> str:
        """The folder of the ledger for a source bucket, in folders by prefix of the source."""
        return f"{self.prefix}ledger/bucket={bucket}/"

    def retirements(self, bucket: str) -> str:
        return f"{self.prefix}retirements/bucket={bucket}/"

    def closures(self, bucket: str) -> str:
        """What each restorable version needs."""
        return f"{self.prefix}closures/bucket={bucket}/"

    @property
    def athena(self) -> str:
        """Where Athena's answers go; they are kept for some days."""
        return f"{self.prefix}athena/"

    @property
    def reports(self) -> str:
        return f"{self.prefix}reports/"


def partition(source: Source) -> str:
    """The folder of a source's rows in the ledger, the retirements and the closures of its bucket."""
    return f"prefix={quote(source.prefix, safe='')}/"


def concerns(name: str, source: Source) -> bool:
    """Whether a file of the ledger, by its name behind the bucket's folder, may have rows of a source.

    So it may have those of a source that held it, or that it holds, before somebody changed what the sources are."""
    written, own = name.partition("/")[0], partition(source).rstrip("/")
    return written.startswith(own) or own.startswith(written)
