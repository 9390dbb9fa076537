"""How restores of tables are told. Keys stand as JSON in ASCII, so that none does anything to a terminal."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from holdfast.tables.model import Description, Gap, State
from holdfast.tables.restore import plan
from holdfast.tables.restore.history import plain
from holdfast.tables.restore.model import (
    Back,
    Difference,
    Holding,
    Journal,
    Kind,
    Leave,
    Look,
    Outcome,
    Preview,
    Refused,
    Verified,
    Wanted,
    Written,
    expiry_of,
    stamp,
)

NOT_CARRIED_OVER = (
    "point-in-time recovery, autoscaling, deletion protection, resource policy, replicas, Kinesis destination"
)


def items(count: int) -> str:
    return f"{count:,} item{'' if count == 1 else 's'}"


# How a table was


def heading(table: str, at: int, wanted: Wanted) -> str:
    """What is restored. A moment is a whole second: every change of that second is in it."""
    of = f", what is of tenant {wanted.tenant!r}" if wanted.tenant is not None else ""
    one = f", item {plain(wanted.item)}" if wanted.item is not None else ""
    return f"{table}{of}{one}, as it was at the end of the second {stamp(at)}:"


def held(holding: Holding) -> Iterator[str]:
    """How much there was."""
    size = f", {holding.size:,} bytes of DynamoDB JSON" if holding.apart == 0 else ""
    yield f"  {items(holding.items)}{size}"
    if holding.apart:
        inline = holding.items - holding.apart
        have = "is an object of its own" if holding.apart == 1 else "are objects of their own"
        yield f"  {holding.apart:,} of them {have}; the {inline:,} others have {holding.size:,} bytes of DynamoDB JSON"


def ground(state: State) -> str:
    """On what a state builds."""
    if state.base is None:
        return "  built on every change since the archive began"
    return f"  built on the backfill of {stamp(state.base.began)}, and every change since"


def warnings(state: State, now: int, settled_seconds: int) -> Iterator[str]:
    """What makes a state uncertain. `settled_seconds`: so old a change is in the archive, if nothing holds it up."""
    if state.complete_since is None:
        yield (
            "warning: the archive is complete from no moment on: what was never changed since the stream began is not "
            "in it. `holdfast tables backfill` reads it"
        )
    elif state.complete_since > state.at:
        yield (
            f"warning: the archive is complete only since {stamp(state.complete_since)}: what was not changed between "
            "the stream's beginning and this moment is not in it"
        )
    yield from (f"warning: {_gap(gap)}" for gap in state.gaps)
    if now - state.at < settled_seconds:
        yield "warning: that is a moment ago: its last changes may be on their way to the archive"


def failed(batches: int | None) -> Iterator[str]:
    """What Lambda gave up, of any table of a stack, and nobody has redriven. None: it is not known."""
    if batches is None:
        yield "warning: whether failed records wait to be archived is not known: you may not ask their queue"
    elif batches:
        some = "1 failed batch waits" if batches == 1 else f"{batches:,} failed batches wait"
        yield f"warning: {some} to be archived, of this table or another: run `holdfast tables redrive` first"


def _gap(gap: Gap) -> str:
    since = f"from {stamp(gap.first_at)}" if gap.first_at is not None else "from an unknown moment"
    until = f"to {stamp(gap.last_at)}" if gap.last_at is not None else "to an unknown one"
    return f"changes are missing, {since} {until}: {gap.why}"


def nobodys(count: int) -> Iterator[str]:
    """Items that name no tenant, where one tenant's are restored."""
    if count:
        yield f"warning: {items(count)} named no tenant then, and {'is' if count == 1 else 'are'} left out"


def estimated(count: int, *, is_about: bool) -> str:
    """How much there was, where nobody counts before it is restored."""
    return f"  {'about' if is_about else 'at most'} {items(count)}"


# A new table


def creation(to: str, description: Description, *, is_begun: bool) -> Iterator[str]:
    """What the new table will be like."""
    table = description.table
    if is_begun:
        yield f"goes on with '{to}', which an interrupted run of this restore has made:"
    else:
        yield f"creates '{to}', like '{description.name}' as it was described at {stamp(description.taken_at)}:"
    yield f"  key      {_keys(table['KeySchema'], table)}"
    for title, kind in (("GlobalSecondaryIndexes", "global"), ("LocalSecondaryIndexes", "local")):
        for index in table.get(title, []):
            projected = index["Projection"]["ProjectionType"]
            yield f"  index    '{index['IndexName']}', {kind}: {_keys(index['KeySchema'], table)}; {projected}"
    yield f"  billing  {_billing(table)}"
    stream = table.get("StreamSpecification", {})
    yield f"  stream   {stream['StreamViewType'] if stream.get('StreamEnabled') else 'none'}"
    expiry = expiry_of(description.time_to_live)
    yield f"  ttl      {f'{expiry!r}, from when all is verified on' if expiry else 'none'}"
    own = len(plan.own_tags(description))
    yield f"  tags     {min(own, plan.OWN_TAGS)}, and two that tell of this restore"
    if own > plan.OWN_TAGS:
        yield f"warning: {own - plan.OWN_TAGS:,} of its tags find no room: a table has 50 at most"
    yield f"  without  {NOT_CARRIED_OVER}"


def _keys(schema: Iterable[Mapping[str, str]], table: Mapping[str, Any]) -> str:
    types = {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]}
    ordered = sorted(schema, key=lambda part: part["KeyType"] != "HASH")
    return ", ".join(f"{part['AttributeName']!r} ({types[part['AttributeName']]})" for part in ordered)


def _billing(table: Mapping[str, Any]) -> str:
    if table.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST":
        return "on demand"
    units = table.get("ProvisionedThroughput", {})
    read, write = units.get("ReadCapacityUnits", 0), units.get("WriteCapacityUnits", 0)
    return f"provisioned, {read:,} read and {write:,} write units"


def over(count: int, expiry: str | None) -> Iterator[str]:
    """Items that DynamoDB will remove."""
    if count:
        have = "has" if count == 1 else "have"
        yield f"warning: {items(count)} {have} expired by {expiry!r}: once restored, DynamoDB removes what has expired"


def created(to: str, written: Written, expiry: str | None) -> Iterator[str]:
    """What came of it."""
    yield f"{items(written.items)} restored into '{to}'."
    yield f"{items(written.items)} verified: table and archive have the digest {written.digest}."
    if expiry:
        yield f"Items expire by {expiry!r} again."
    yield f"To archive the new table too: holdfast tables protect {to} --apply"


def divided(parts: int, machine: str) -> str:
    """Who restores it, if it is large."""
    return f"restored in {parts:,} parts by {machine}"


# In place


def line(one: Difference | Leave) -> str:
    """One item, with its reason."""
    if isinstance(one, Leave):
        return f"leave   {plain(one.keys)}: {one.reason}"
    return f"{one.kind:<7} {plain(one.keys)}: {one.reason}"


def lines(preview: Preview) -> list[str]:
    """All that is not as it was, what will be restored first."""
    return [*map(line, preview.differences), *map(line, preview.left)]


def counts(preview: Preview) -> Iterator[str]:
    """What a preview comes to."""
    kinds = Counter(one.kind for one in preview.differences)
    yield from (f"  {kind:<11}{kinds[kind]:>9,}" for kind in Kind)
    whys = Counter(one.why for one in preview.left)
    why = "  " + ", ".join(f"{whys[one]:,} {one}" for one in sorted(whys)) if whys else ""
    yield f"  leave      {len(preview.left):>9,}{why}"
    yield f"  as it was  {preview.same:>9,}"


def refusals(outcomes: Iterable[Outcome], shown: int | None) -> Iterator[str]:
    """What was left alone, the first of it by name."""
    refused = [one for one in outcomes if isinstance(one, Refused)]
    if not refused:
        return
    yield f"{items(len(refused))} left alone:"
    yield from (f"  {plain(one.keys)}: {one.reason}" for one in refused[:shown])
    if shown is not None and len(refused) > shown:
        yield f"  ... and {len(refused) - shown:,} more: --verbose shows all"


def verified(found: Verified) -> Iterator[str]:
    """Whether the table holds what was restored."""
    if not found.differing:
        yield f"{items(found.items)} restored and verified: table and archive have the digest {found.found}."
        return
    yield f"{items(found.items)} restored."
    have = "is" if len(found.differing) == 1 else "are"
    yield f"{len(found.differing):,} of them {have} not as restored, because somebody has written since:"
    yield from (f"  {plain(keys)}" for keys in found.differing)


# Taking it back


def journal(told: Journal) -> str:
    return (
        f"{told.run} began at {stamp(told.began)} to restore {items(told.items)} of '{told.table}' in place, as of "
        f"{stamp(told.at)}:"
    )


def look(one: Look) -> str:
    """One item of a journal."""
    match one.back:
        case Back.UNDO:
            become = "removed" if one.entry.before is None else "what it was before"
            return f"undo      {plain(one.entry.keys)}: it is as restored, and becomes {become}"
        case Back.DONE:
            return f"done      {plain(one.entry.keys)}: it is what it was before"
        case Back.CONFLICT:
            return f"conflict  {plain(one.entry.keys)}: it was changed since the restore, and is left alone"


def backs(looks: Sequence[Look]) -> Iterator[str]:
    """What taking back comes to."""
    counted = Counter(one.back for one in looks)
    yield from (f"  {back:<11}{counted[back]:>9,}" for back in Back)


# An item's history


def known_since(complete_since: int | None) -> Iterator[str]:
    """What a history leaves out."""
    if complete_since is None:
        yield "What it was before its first change that the stream told of, nobody knows: the archive has no backfill."
    else:
        yield f"The archive is complete since {stamp(complete_since)}."
