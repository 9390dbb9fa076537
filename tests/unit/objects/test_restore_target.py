"""Where restored objects go."""

import pytest

from holdfast.objects.model import Original
from holdfast.objects.restore.target import BadTarget, KeyTooLong, Place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("other", Place("other", "")),
        ("other/", Place("other", "")),
        ("other/restored/", Place("other", "restored/")),
        ("other/restored", Place("other", "restored")),
        ("s3://other/a//b/", Place("other", "a//b/")),
        ("other//", Place("other", "/")),
    ],
)
def test_a_place_is_a_bucket_and_a_prefix(text: str, place: Place) -> None:
    assert Place.parse(text, "backup") == place


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("/restored/", "--to '/restored/' names no bucket: it is BUCKET/PREFIX"),
        ("", "--to '' names no bucket: it is BUCKET/PREFIX"),
        ("backup/x", "--to 'backup/x' is the backup bucket, which holds copies and nothing else"),
    ],
)
def test_nothing_is_restored_to_no_bucket_or_into_the_copies(text: str, sentence: str) -> None:
    with pytest.raises(BadTarget) as refused:
        Place.parse(text, "backup")
    assert str(refused.value) == sentence


@pytest.mark.parametrize("key", ["a", "../../etc/passwd", "/a", "ü, \n"])
def test_a_key_is_appended_as_it_is(key: str) -> None:
    assert Place("other", "restored/").of(Original("source", key)) == Original("other", f"restored/{key}")


def test_a_key_that_gets_too_long_is_refused() -> None:
    place = Place("other", "é/")
    assert place.of(Original("source", "k" * 1021)).key == "é/" + "k" * 1021
    with pytest.raises(KeyTooLong) as refused:
        place.of(Original("source", "k" * 1022))
    assert str(refused.value) == "under other/é/ its key has 1,025 bytes, and S3 takes 1,024"
