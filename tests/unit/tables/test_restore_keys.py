"""The key of an item, as a person gives it."""

import pytest

from holdfast.tables.model import Image
from holdfast.tables.restore.history import plain
from holdfast.tables.restore.keys import BadKey, parse

TEXT = {"pk": "S"}
NUMBER = {"pk": "N"}
BYTES = {"pk": "B"}
BOTH = {"pk": "S", "sk": "N"}
DIGITS = "0.12345678901234567890123456789012345678"


@pytest.mark.parametrize(
    ("text", "types", "key"),
    [
        ("a b", TEXT, {"pk": {"S": "a b"}}),
        ("12", TEXT, {"pk": {"S": "12"}}),
        ('"quoted"', TEXT, {"pk": {"S": '"quoted"'}}),
        ("[1]", TEXT, {"pk": {"S": "[1]"}}),
        ("{", TEXT, {"pk": {"S": "{"}}),
        ("1.50", NUMBER, {"pk": {"N": "1.5"}}),
        ("aGk=", BYTES, {"pk": {"B": "aGk="}}),
        ('{"pk": "a"}', TEXT, {"pk": {"S": "a"}}),
        ('{"sk": 3, "pk": "a"}', BOTH, {"pk": {"S": "a"}, "sk": {"N": "3"}}),
        ('{"pk": {"S": "a"}, "sk": {"N": "3e1"}}', BOTH, {"pk": {"S": "a"}, "sk": {"N": "30"}}),
        (f'{{"pk": "a", "sk": {DIGITS}}}', BOTH, {"pk": {"S": "a"}, "sk": {"N": DIGITS}}),
        ('{"pk": "aGk="}', BYTES, {"pk": {"B": "aGk="}}),
    ],
)
def test_a_key_is_plain_or_in_dynamodb_json_or_a_bare_value(text: str, types: dict[str, str], key: Image) -> None:
    assert parse(text, types) == key


@pytest.mark.parametrize(
    ("text", "types", "words"),
    [
        ("a", BOTH, '--item \'a\' is no JSON object with the key\'s attributes: {"pk": "...", "sk": 1}'),
        ('{"pk": "a"}', BOTH, 'the key has the attributes \'pk\'; this table\'s is {"pk": "...", "sk": 1}'),
        ("{}", BYTES, 'the key has the attributes none; this table\'s is {"pk": "aGk="}'),
        ('{"pk": "a", "sk": "3"}', BOTH, "key attribute 'sk' is a number, not '3'"),
        ('{"pk": 1, "sk": 3}', BOTH, "key attribute 'pk' is a text, not 1"),
        ('{"pk": {"N": "1"}, "sk": 3}', BOTH, "key attribute 'pk' is a text, not {'N': '1'}"),
        ('{"pk": {"S": 1}, "sk": 3}', BOTH, "key attribute 'pk' is a text, not {'S': '1'}"),
        ('{"pk": true, "sk": 3}', BOTH, "key attribute 'pk' is a text, not True"),
        ("x", NUMBER, "key attribute 'pk' is a number, not 'x'"),
        ("NaN", NUMBER, "key attribute 'pk' is a number, not 'NaN'"),
        ("not base64", BYTES, "key attribute 'pk' is bytes in base64, not 'not base64'"),
        ("", TEXT, "key attribute 'pk' is empty, which no key is"),
    ],
)
def test_what_names_no_item_is_told_with_what_does(text: str, types: dict[str, str], words: str) -> None:
    with pytest.raises(BadKey) as error:
        parse(text, types)
    assert str(error.value) == words


@pytest.mark.parametrize(
    ("key", "types"),
    [
        ({"pk": {"S": "é\x1b[2J\n\"'"}, "sk": {"N": DIGITS}}, BOTH),
        ({"pk": {"B": "AP+A"}}, BYTES),
        ({"pk": {"N": "-150"}}, NUMBER),
    ],
)
def test_a_key_as_it_is_shown_names_its_item(key: Image, types: dict[str, str]) -> None:
    assert plain(key).isascii()
    assert plain(key).isprintable()
    assert parse(plain(key), types) == key
