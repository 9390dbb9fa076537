"""How plans and their outcomes are told. Keys stand as Python writes them, so that none does anything to a terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import assert_never

from holdfast.objects.restore.model import Decision, Failure, Keep, Refuse, Restore, Skip, Why, stamp
from holdfast.objects.restore.run import Restored


def line(decision: Decision) -> str:
    """One decision, with its reason."""
    match decision:
        case Restore():
            version = decision.copy.version
            to = "" if decision.target == decision.original else f" to {str(decision.target)!r}"
            what = f"{decision.original.key!r}{to} as of {stamp(version.written_at)} ({version.size:,} bytes)"
            return f"restore  {what}: {decision.reason}"
        case Keep():
            return f"keep     {decision.original.key!r}: {decision.reason}"
        case Refuse():
            return f"refuse   {decision.original.key!r}: {decision.reason}"
        case Skip():
            return f"skip     {decision.original.key!r}: {decision.reason}"
        case Failure():
            return f"fail     {decision.original.key!r}: {decision.reason}"
        case _:
            assert_never(decision)


def summary(decisions: Sequence[Decision]) -> Iterator[str]:
    """What a plan comes to."""
    restores = [decision for decision in decisions if isinstance(decision, Restore)]
    yield f"{_objects(len(restores))} to restore, {sum(restore.copy.version.size for restore in restores):,} bytes."
    counted = Counter(type(decision) for decision in decisions)
    if same := counted[Keep]:
        yield f"{_objects(same)} already there, the same."
    if refused := counted[Refuse]:
        yield f"{_objects(refused)} refused."
    whys = Counter(decision.why for decision in decisions if isinstance(decision, Skip))
    if whys:
        yield f"{_objects(whys.total())} skipped: {', '.join(f'{whys[why]:,} {why}' for why in Why if whys[why])}."
    if failed := counted[Failure]:
        yield f"{_objects(failed)} could not be looked at."


def outcome(outcomes: Sequence[Restored | Failure]) -> Iterator[str]:
    """What came of a plan."""
    done = [one for one in outcomes if isinstance(one, Restored)]
    yield f"{_objects(len(done))} restored, {sum(one.restore.copy.version.size for one in done):,} bytes."
    proofs = Counter(one.verified_by for one in done)
    for proof in ("checksum", "ETag"):
        if proved := proofs[proof]:
            yield f"{_objects(proved)} verified by {proof}."
    if unproved := proofs[None]:
        yield f"{_objects(unproved)} could not be verified: there is no checksum of both that could be compared."
    failures = [one for one in outcomes if isinstance(one, Failure)]
    if failures:
        yield f"{_objects(len(failures))} failed:"
    for failure in failures:
        yield f"  {line(failure)}"


def _objects(count: int) -> str:
    return f"{count:,} object{'' if count == 1 else 's'}"
