"""`Store`, in S3 and in memory: the folder of a table."""

from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError, IncompleteReadError
from botocore.response import StreamingBody

from holdfast.adapters.memory_tables import MemoryStore
from holdfast.adapters.s3_body import TRIES
from holdfast.adapters.s3_tables import S3Store
from holdfast.tables.ports import NotStored, Store
from tests.contract.buckets import IN_UTF8_ORDER
from tests.contract.tables import a_bucket, a_client

FOLDER = "tables/table=orders/"


@pytest.fixture(params=["memory", "moto", "engine"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return MemoryStore()
    client = a_client(request, request.param, "s3")
    bucket = a_bucket(client)
    for other in ("tables/table=orders2/", "tables/", "tables/orders/"):
        S3Store(client, bucket, other).write("changes/another's", b"")
    return S3Store(client, bucket, FOLDER)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a page of moto's held three names."""
    monkeypatch.setattr("moto.settings.get_s3_default_max_keys", lambda: 3)


def fill(store: Store, *names: str) -> None:
    for name in names:
        store.write(name, b"")


@pytest.mark.parametrize("body", [b"", b"\0\xff\r\n", b"x" * 100_000], ids=len)
def test_what_is_written_is_read_back(store: Store, body: bytes) -> None:
    store.write("changes/a.jsonl.gz", body)
    assert store.read("changes/a.jsonl.gz") == body


def test_what_is_written_again_is_what_is_there(store: Store) -> None:
    store.write("backfills/run.json", b"1")
    store.write("backfills/run.json", b"2")
    assert store.read("backfills/run.json") == b"2"
    assert list(store.names("")) == ["backfills/run.json"]


def test_what_was_never_written_is_not_stored(store: Store) -> None:
    store.write("a/b", b"")
    for name in ("a", "a/", "a/bb", "never"):
        with pytest.raises(NotStored, match=repr(name)):
            store.read(name)


def test_names_are_those_that_begin_so_in_order(store: Store) -> None:
    fill(store, *(f"changes/{name}" for name in reversed(IN_UTF8_ORDER)), "change", "changes2/x", "x")
    assert list(store.names("changes/")) == [f"changes/{name}" for name in IN_UTF8_ORDER]
    assert list(store.names("gaps/")) == []


def test_names_are_told_as_they_were_given(store: Store) -> None:
    names = [" ", "%2F", "+", "..", "a\nb", "a//b", "a=b&c"]
    fill(store, *names)
    assert list(store.names("")) == names


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize(
    ("after", "left"),
    [
        ("", "abcdefgh"),
        ("changes/a", "bcdefgh"),
        ("changes/bb", "cdefgh"),
        ("changes/h", ""),
        ("changes/~", ""),
        ("bases/", "abcdefgh"),
        ("zzz", ""),
    ],
)
def test_names_go_on_behind_one_of_them_or_in_between(store: Store, after: str, left: str) -> None:
    fill(store, *(f"changes/{letter}" for letter in "abcdefgh"))
    assert list(store.names("changes/", after)) == [f"changes/{letter}" for letter in left]


# Only of S3


class Broken:
    """A body whose connection breaks."""

    def read(self, *_: object) -> bytes:
        raise IncompleteReadError(actual_bytes=1, expected_bytes=2)


def answer_with(answers: Any, *bodies: Any) -> S3Store:
    for body in bodies:
        answers.add_response("get_object", {"Body": body})
    return S3Store(answers.client, "archive", FOLDER)


def test_a_body_that_breaks_off_is_read_again(answers: Any) -> None:
    store = answer_with(answers, Broken(), Broken(), StreamingBody(BytesIO(b"whole"), 5))
    assert store.read("a") == b"whole"


def test_a_body_that_keeps_breaking_off_is_no_body(answers: Any) -> None:
    store = answer_with(answers, *[Broken()] * TRIES)
    with pytest.raises(IncompleteReadError):
        store.read("a")


def test_what_may_not_be_read_is_not_taken_for_missing(answers: Any) -> None:
    answers.add_client_error("get_object", "AccessDenied", http_status_code=403)
    with pytest.raises(ClientError, match="AccessDenied"):
        S3Store(answers.client, "archive", FOLDER).read("a")
