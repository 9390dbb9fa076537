"""Saving what a table is like, and noticing by it that its stream is not the one that it was."""

from dataclasses import replace

from holdfast.tables import plan
from holdfast.tables.archive import Archive
from holdfast.tables.model import Description
from holdfast.tables.ports import LiveTable


def describe(archive: Archive, table: LiveTable, now: int) -> Description:
    """Save what a table is like at `now`, in Unix seconds. If its stream ended since the last time, that is a gap.

    Raises TableMissing.
    """
    found, known = table.describe(now), archive.description()
    if known and (gap := plan.hole(known, found)):
        name = f"stream-{known.table['LatestStreamLabel']}"
        begun = archive.gap(name)
        archive.save_gap(name, replace(gap, first_at=begun.first_at) if begun else gap)
    archive.save_description(found)
    return found
