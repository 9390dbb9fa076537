"""What has to be made of a backup. Pure."""

from holdfast.fleet.model import Kind
from holdfast.fleet.restore import databases, instances
from holdfast.fleet.restore.model import Item, NotRestorable
from holdfast.fleet.restore.request import Request

_BUILDERS = {Kind.INSTANCE: instances, Kind.DATABASE: databases, Kind.CLUSTER: databases}


def item(asked: Request) -> Item:
    """What has to be made of a backup. Raises NotRestorable."""
    build = _BUILDERS[asked.backup.kind]
    try:
        return Item(
            name=asked.item,
            kind=asked.backup.kind,
            source=asked.backup.source,
            place=asked.place,
            backup=asked.backup.id,
            taken=asked.backup.taken,
            parts=tuple(part.arn for part in asked.backup.parts),
            pieces=build.pieces(asked),
            storage=tuple(build.storage(asked)),
            notes=tuple(build.notes(asked)),
            verified=asked.backup.verified is not None,
        )
    except KeyError as error:
        raise NotRestorable(f"the description of {asked.label} in {asked.backup.id} tells no {error}") from None
