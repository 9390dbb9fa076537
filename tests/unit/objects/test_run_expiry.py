"""What a lifecycle rule of the source bucket deletes. Its events do not tell whether it was a version."""

from dataclasses import replace

from holdfast.events.model import ObjectEvent
from tests.unit.objects.domain import deleted
from tests.unit.objects.protected import Protected


def expired(order: str) -> ObjectEvent:
    return replace(deleted(order), type="LifecycleExpiration:Delete")


def test_an_old_version_that_expires_disowns_nothing() -> None:
    bucket = Protected(versioned=True).holding("A", "B")
    bucket.delete_version("A")
    bucket.lose_events()

    bucket.replicate(expired("FFFF"))

    assert bucket.statuses() == {"A": "active", "B": "active"}


def test_an_object_that_expires_is_deleted() -> None:
    bucket = Protected().holding("A")
    bucket.delete()
    bucket.lose_events()

    bucket.replicate(expired("FFFF"))

    assert bucket.statuses() == {"A": "disowned"}
