"""How restores and drills are told. Names from outside stand as Python writes them, so that none does anything to a
terminal."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from holdfast import prices
from holdfast.fleet.model import Kind
from holdfast.fleet.restore.model import Item, Piece, PieceType, Plan, Prefix, stamp
from holdfast.fleet.restore.prepare import LeftOut

GIB = 1024**3

_NOUNS = {Kind.INSTANCE: "instance", Kind.DATABASE: "database", Kind.CLUSTER: "cluster", Kind.BUCKET: "bucket"}


@dataclass(frozen=True, slots=True)
class Counted:
    """What a bucket held under a prefix."""

    objects: int
    size: int


def plan(planned: Plan, counts: Mapping[str, Counted], left_out: Iterable[LeftOut] = ()) -> Iterator[str]:
    """All that a restore would do. `counts`: of each bucket, by its item's name."""
    yield f"{planned.asked}:"
    for item in planned.items:
        yield ""
        yield from (_objects(item, item.prefix, counts[item.name]) if item.prefix else _snapshots(item))
    for one in left_out:
        yield f"left out {one.source}: {one.why}"
    if planned.commands:
        yield ""
        yield "What other systems have of it is restored by commands of its own:"
        yield from (f"  {command}" for command in planned.commands)
    yield ""
    told = prices.prices()
    yield (
        f"Prices are those of {told['as_of']} in {told['region']}. Not in them: the hours of instances and databases,"
        " and data that moves between regions."
    )


def _snapshots(item: Item) -> Iterator[str]:
    yield f"{_NOUNS[item.kind]} {item.label}, from {item.backup}, taken at {stamp(item.taken)}:"
    if not item.verified:
        yield "  warning: no check has found this backup good"
    for piece in item.pieces:
        yield f"  make    {_piece(piece)}"
    for piece in item.pieces:
        if piece.settings:
            names = sorted(name for one in piece.settings for name in one)
            yield f"  set     {', '.join(names)}"
    for piece in item.pieces:
        if piece.expected:
            yield f"  check   {', '.join(f'{name}: {_value(value)}' for name, value in piece.expected.items())}"
    yield from (f"  note    {note}" for note in item.notes)
    yield from _storage(item)


def _value(value: Any) -> str:
    return "yes" if value is True else "no" if value is False else str(value)


def _piece(piece: Piece) -> str:
    request = piece.request
    match piece.type:
        case PieceType.IMAGE:
            return f"image {piece.name}, which goes once the instance is there"
        case PieceType.INSTANCE:
            nics = request.get("NetworkInterfaces", [{}])
            subnet = request.get("SubnetId") or nics[0]["SubnetId"]
            groups = ", ".join(request.get("SecurityGroupIds", [])) or "the default group"
            return f"instance of type {request['InstanceType']} in {subnet} with {groups}"
        case PieceType.CLUSTER:
            return f"cluster {piece.name} of {request['Engine']} {request['EngineVersion']}{_db_network(request)}"
        case PieceType.DATABASE:
            return f"database {piece.name} of class {request['DBInstanceClass']}{_db_network(request)}"


def _db_network(request: Mapping[str, Any]) -> str:
    group = request.get("DBSubnetGroupName")
    return f" in subnet group {group!r}" if group else ""


def _storage(item: Item) -> Iterator[str]:
    sizes: Counter[str] = Counter()
    for kind, size in item.storage:
        sizes[kind] += size
    for kind, size in sizes.items():
        service, _, volume_type = kind.partition(" ")
        dollars = prices.storage(service, volume_type, size)
        yield f"  price   ${dollars:,.2f} a month for {size / GIB:,.0f} GiB of {volume_type}"


def _count(objects: int) -> str:
    return f"{objects:,} object{'' if objects == 1 else 's'}"


def _objects(item: Item, prefix: Prefix, counted: Counted) -> Iterator[str]:
    under = f" under {prefix.prefix!r}" if prefix.prefix else ""
    yield f"bucket {item.label}{under}, from {prefix.replica}, as it was at {stamp(prefix.at)}:"
    if not item.verified:
        yield "  warning: no check has found its replication good"
    to = f"{prefix.to}/{prefix.to_prefix!r}" if prefix.to_prefix else prefix.to
    over = "what is there and differs is written over" if prefix.overwrite else "what is there stays as it is"
    yield f"  copy    up to {_count(counted.objects)}, {counted.size:,} bytes, to {to}; {over}"
    yield from (f"  note    {note}" for note in item.notes)
    once = prices.writing("STANDARD", counted.objects)
    monthly = prices.month("STANDARD", counted.objects, counted.size)
    yield f"  price   ${once:,.2f} for the copies, then up to ${monthly:,.2f} a month"


# How it goes, and what came of it

_STANDING = {
    "begun": "is being made",
    "provisioned": "is made, and being configured",
    "configured": "is made, and being checked",
    "done": "is restored, and found good",
    "failed": "failed",
}


def standing(item: Item, progress: Mapping[str, Any]) -> str:
    """One line of progress."""
    said = f"{_NOUNS[item.kind]} {item.label} {_STANDING[progress['status']]}"
    if item.prefix and progress["status"] in ("begun", "configured"):
        copied, looked = progress["copied"], progress["looked"]
        done = copied["objects"] + copied["kept"] if progress["status"] == "begun" else looked["kept"]
        return f"{said}: {_count(done)} so far" if done else said
    return f"{said}: {progress['why']}" if progress["status"] == "failed" else said


def outcome(report: Mapping[str, Any]) -> Iterator[str]:
    """What became of each resource."""
    for item in report["items"]:
        noun = _NOUNS[Kind(item["kind"])]
        if item["status"] != "done":
            yield f"failed    {noun} {item['name']}: {item['why']}"
            if item["mend"]:
                yield f"          {item['mend']}"
        elif item["kind"] == Kind.BUCKET:
            copied = item["copied"]
            yield (
                f"restored  bucket {item['name']}: {_count(copied['objects'])} copied, {copied['bytes']:,} bytes;"
                f" {copied['kept']:,} were there already"
            )
        else:
            made = ", ".join(item["made"])
            yield f"restored  {noun} {item['name']} as {made}, in {item['rto_seconds']:,} seconds, and found good:"
            yield from (f"          {check['name']}: {check['text']}" for check in item["checks"])
    yield report["summary"]
