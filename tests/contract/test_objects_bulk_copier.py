"""What only copies in bulk have: threads that share connections. What they have in common with all other copies is
tested with those."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from holdfast.adapters.s3_bulk import CopyObject
from holdfast.adapters.s3_objects import S3Copier
from holdfast.objects.model import CopyKey
from tests.contract.buckets import Place, a_place, in_bulk


@dataclass(frozen=True)
class Bulk:
    """Two buckets in the local engine, without versions."""

    place: Place
    copier: S3Copier
    copy_object: CopyObject

    def put(self, key: str, body: bytes) -> None:
        self.place.user.put(key, body)

    def copy(self, key: str, copy_key: str) -> None:
        self.copier.copy(self.place.head(key), CopyKey(copy_key))

    def stored(self, copy_key: str) -> bytes:
        return self.copier.client.get_object(Bucket=self.copier.bucket, Key=copy_key)["Body"].read()


@pytest.fixture
def bulk(request: pytest.FixtureRequest) -> Iterator[Bulk]:
    place = a_place(request, "engine")
    assert isinstance(place.copier, S3Copier)
    copy_object = in_bulk(place.copier.client)
    yield Bulk(place, replace(place.copier, copy_object=copy_object), copy_object)
    copy_object.close()


def test_many_threads_copy_side_by_side(bulk: Bulk) -> None:
    bodies = {f"{number}": b"%d" % number for number in range(100)}
    for key, body in bodies.items():
        bulk.put(key, body)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(bulk.copy, bodies, bodies))
    assert {key: bulk.stored(key) for key in bodies} == bodies


def test_the_version_that_a_copy_became_is_told(request: pytest.FixtureRequest) -> None:
    place = a_place(request, "engine", backups_versioned=True)
    assert isinstance(place.copier, S3Copier)
    copy_object = in_bulk(place.copier.client)
    place.user.put("a", b"body")
    stored = replace(place.copier, copy_object=copy_object).copy(place.head("a"), CopyKey("copy"))
    copy_object.close()
    assert stored.version_id
    assert stored.is_intact(place.backups.head(CopyKey("copy"), stored.version_id))
