"""The keys of the fleet's documents, and the names of its backups."""

from hashlib import sha256

from holdfast.fleet.model import Resource, Slot

STATUS = "status.json"
RUNS = "runs/"
SETS = "sets/"
BUCKETS = "buckets/"


def discovered(run: str) -> str:
    return f"{RUNS}{run}/discovered.json"


def resource(run: str, digest: str) -> str:
    return f"{RUNS}{run}/resources/{digest}.json"


def announcements(run: str, digest: str) -> str:
    """What the keys of all that was asked for begin with."""
    return f"{RUNS}{run}/announced/{digest}/"


def announcement(run: str, digest: str, what: str, times: int) -> str:
    """Of asking for the so manieth time: whoever stores it first asks."""
    return f"{announcements(run, digest)}{what}/{times:04}.json"


def results(run: str) -> str:
    """What the keys of a run's results begin with."""
    return f"{RUNS}{run}/results/"


def result(run: str, digest: str) -> str:
    return f"{results(run)}{digest}.json"


def expired(run: str) -> str:
    return f"{RUNS}{run}/expired.json"


def report(run: str) -> str:
    return f"{RUNS}{run}/report.json"


def description(digest: str, run: str) -> str:
    return f"descriptions/{digest}/{run}.json"


def bucket(digest: str) -> str:
    return f"{BUCKETS}{digest}.json"


def recovery_set(name: str) -> str:
    return f"{SETS}{name}.json"


def backup(stack: str, source: Resource, slot: Slot) -> str:
    """The name of a backup: of an AMI, of a DB snapshot. Of one source, stack and slot there is one."""
    whose = sha256(f"{stack} {source.arn}".encode()).hexdigest()[:8]
    return f"holdfast-{source.name}-{slot}-{whose}"
