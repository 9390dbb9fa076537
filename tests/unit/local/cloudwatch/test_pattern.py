"""The published examples of filter patterns, and the rules between them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cloudwatch.pattern import PatternUnsupported, compile_pattern

BAD_REQUEST = "[ERROR 400] BAD REQUEST"
UNAUTHORIZED = "[ERROR 401] UNAUTHORIZED REQUEST"
MISSING = "[ERROR 419] MISSING ARGUMENTS"
INVALID = "[ERROR 420] INVALID ARGUMENTS"
LINES = {BAD_REQUEST, UNAUTHORIZED, MISSING, INVALID}

TRAIL = {
    "eventType": "UpdateTrail",
    "sourceIPAddress": "111.111.111.111",
    "arrayKey": ["value", "another value"],
    "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
    "SomeObject": None,
    "ThisFlag": True,
    "cluster.name": "c",
}
PEOPLE = {
    "user": {"id": 1, "email": "John.Stiles@example.com"},
    "users": [{"id": 2, "email": "John.Doe@example.com"}, {"id": 3, "email": "Jane.Doe@example.com"}],
    "actions": ["GET", "PUT", "DELETE"],
    "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]],
}
REQUEST = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


def matches(pattern: str, message: object) -> bool:
    text = message if isinstance(message, str) else json.dumps(message)
    return compile_pattern(pattern)(text) is not None


# --- Terms


@pytest.mark.parametrize(
    ("pattern", "lines"),
    [
        ("ERROR", LINES),
        ("ERROR ARGUMENTS", {MISSING, INVALID}),
        ("?ERROR ?ARGUMENTS", LINES),
        ("?MISSING ?INVALID", {MISSING, INVALID}),
        ('"BAD REQUEST"', {BAD_REQUEST}),
        ('"[ERROR 4"', LINES),
        ("ERROR -ARGUMENTS", {BAD_REQUEST, UNAUTHORIZED}),
        ("-ARGUMENTS", {BAD_REQUEST, UNAUTHORIZED}),
        ('ERROR -"BAD REQUEST"', {UNAUTHORIZED, MISSING, INVALID}),
        ('" "', LINES),
        ("", LINES),
        ("error", set()),
        ("%AUTHORIZED%", {UNAUTHORIZED}),
        ("%^.ERROR 4[12]%", {MISSING, INVALID}),
    ],
)
def test_terms(pattern: str, lines: set[str]) -> None:
    assert {line for line in LINES if matches(pattern, line)} == lines


def test_optional_terms_are_ignored_beside_others() -> None:
    assert matches("?ERROR ?ARGUMENTS REQUEST", "[INFO] REQUEST FAILED")
    assert not matches("?ERROR ?ARGUMENTS REQUEST", MISSING)


def test_a_blank_phrase_matches_a_line_without_a_blank() -> None:
    assert matches('" "', "one")


@pytest.mark.parametrize(
    ("expression", "yes", "no"),
    [
        ("%^[hc]at%", ["hat", "cats"], ["that"]),
        ("%[hc]at$%", ["that"], ["hats"]),
        ("%colou?r%", ["color", "colour"], ["colr"]),
        ("%^a{3,5}$%", ["aaa", "aaaaa"], ["aa", "aaaaaa"]),
        ("%^starting|^initializing|^shutting down%", ["initializing x", "shutting down"], ["skipping initializing"]),
        (r"%\[.\]%", ["[a]", "[]]"], ["a"]),
        (r"%10\.10\.0\.1%", ["10.10.0.1"], ["10010,051"]),
        ("%ab*c%", ["ac", "abbc"], ["adc"]),
        ("%ab+c%", ["abc"], ["ac"]),
        (r"%\d\s\w%", ["1 a"], ["a 1"]),
        (r"%\x28%", ["("], [")"]),
    ],
)
def test_regular_expressions(expression: str, yes: list[str], no: list[str]) -> None:
    assert [line for line in yes + no if matches(expression, line)] == yes


# --- JSON


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.eventType = "UpdateTrail" }',
        "{ $.eventType = UpdateTrail }",
        '{ $.eventType = "Update*" }',
        "{ $.eventType = *Trail }",
        "{ $.eventType = *date* }",
        "{ $.eventType = * }",
        "{ $.sourceIPAddress != 123.123.* }",
        '{ $.arrayKey[0] = "value" }',
        "{ $.arrayKey[*] = %val.{2}% }",
        "{ $.objectList[1].id = 2 }",
        "{ $.objectList[*].id = 2 }",
        "{ $.objectList[1].id > 1.5 && $.objectList[1].id <= 2 }",
        "{ $.eventType = %Trail% }",
        r"{ $.* = %111\.111\.111\.1[0-9]{1,2}% }",
        "{ $.['cluster.name'] = \"c\" }",
        '{ $["cluster.name"] = "c" }',
        "{ $.SomeObject IS NULL }",
        "{ $.ThisFlag IS TRUE }",
        "{ $.ThisFlag is true }",
        "{ $.SomeOtherObject NOT EXISTS }",
        "{($.eventType=UpdateTrail)&&($.ThisFlag IS TRUE)}",
    ],
)
def test_json_patterns_that_match(pattern: str) -> None:
    assert matches(pattern, TRAIL)


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.eventType = "updatetrail" }',
        '{ $.eventType != "UpdateTrail" }',
        "{ $.eventType = Up*ail }",
        "{ $.eventType > 1 }",
        "{ $.objectList[2].id = 2 }",
        "{ $.objectList.id = 2 }",
        "{ $.eventType.more = * }",
        "{ $.SomeObject = * }",
        "{ $.SomeObject NOT EXISTS }",
        "{ $.eventType IS NULL }",
        "{ $.ThisFlag IS FALSE }",
        "{ $.SomeOtherObject = * }",
        "{ $.SomeOtherObject != 1 }",
    ],
)
def test_json_patterns_that_do_not_match(pattern: str) -> None:
    assert not matches(pattern, TRAIL)


@pytest.mark.parametrize("pattern", ["{ $.users = 1 }", "{ $.users != 1 }", "{ $.users = * }"])
def test_an_array_or_object_matches_no_comparison(pattern: str) -> None:
    assert not matches(pattern, {"users": [1, 2, 3]})
    assert not matches(pattern, {"users": {"1": 1}})


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ('{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }', True),
        (
            '{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch && $.actions[2] = nonmatch }',
            True,
        ),
        (
            '{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = no) && $.actions[2] = no }',
            False,
        ),
        ('{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }', False),
        ("{ $.coordinates[1][2] = 6 }", True),
    ],
)
def test_compound_expressions(pattern: str, expected: bool) -> None:
    assert matches(pattern, PEOPLE) is expected


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("{ $.n > 75 }", 75.5, 75),
        ("{ $.n < 50 }", 49, 50),
        ("{ $.n >= 60 }", 60, 59.9),
        ("{ $.n <= 5 }", 5, 6),
        ("{ $.n = 400}", 400, 401),
        ("{ $.n != 500 }", 400, 500),
        ("{ $.n = 1e+3 }", 1000, 1001),
        ("{ $.n != 1e-3 }", 1, 0.001),
        ("{ $.n > +1000 }", 1001, 1000),
        ("{ $.n < -1.5 }", -2, -1),
        ("{ $.n = 4* }", 404, 504),
        ("{ $.n = * }", 0, None),
        ("{ $.n > 0 }", "1", "one"),
    ],
)
def test_numbers(pattern: str, yes: object, no: object) -> None:
    assert matches(pattern, {"n": yes})
    assert not matches(pattern, {"n": no})


def test_a_quoted_number_is_text() -> None:
    assert not matches('{ $.n = "1e3" }', {"n": 1000})
    assert matches('{ $.n = "1000" }', {"n": 1000})


@pytest.mark.parametrize("message", ["", "not json", '{"n": ', '2026-01-01 {"n": 1}', "[]", "1", "[" * 200_000])
def test_a_message_that_is_no_json_object_has_no_fields(message: str) -> None:
    assert not matches("{ $.n NOT EXISTS }", message)


# --- Space-delimited


@pytest.mark.parametrize(
    "pattern",
    [
        r"[ip=%127\.0\.0\.[1-9]%, user, username, timestamp, request =*.html*, status_code = 4*, bytes]",
        "[..., request =*.html*, status_code = 4*, bytes]",
        "[ip, user, username, timestamp, request =*.html*, status_code = 404 || status_code = 410, bytes]",
        "[ip, server, username, timestamp, request, status_code, bytes > 1000]",
        "[..., status_code = 4* && status_code != 403, bytes]",
        "[ip, user, ..., bytes = 1534]",
        "[ip = 127*, ...]",
        "[..., request=*.html*, status_code=4*,]",
        "[...]",
    ],
)
def test_delimited_patterns_that_match(pattern: str) -> None:
    assert matches(pattern, REQUEST)


@pytest.mark.parametrize(
    "pattern",
    [
        "[..., status_code = 5*, bytes]",
        "[ip, user, username, timestamp, request, status_code, bytes, more]",
        "[..., bytes > 2000]",
        "[ip, user, ..., a, b, c, d, e, f]",
    ],
)
def test_delimited_patterns_that_do_not_match(pattern: str) -> None:
    assert not matches(pattern, REQUEST)


@pytest.mark.parametrize(
    ("pattern", "levels"),
    [
        ("[w1=ERROR, w2]", {"ERROR"}),
        ("[w1=ERROR || w1=WARNING, w2]", {"ERROR", "WARNING"}),
        ("[w1!=ERROR && w1!=WARNING, w2]", {"INFO"}),
        ("[logLevel, date, time, method, url=%/service/resource/[0-9]+$%, response_time]", {"INFO"}),
    ],
)
def test_terms_in_order(pattern: str, levels: set[str]) -> None:
    lines = [
        "INFO 09/25/2014 12:00:00 GET /service/resource/67 1200",
        "INFO 09/25/2014 12:00:01 POST /service/resource/67/part/111 1310",
        "WARNING 09/25/2014 12:00:02 Invalid user request",
        "ERROR 09/25/2014 12:00:02 Failed to process request",
    ]
    assert {line.split()[0] for line in lines if matches(pattern, line)} == levels


# --- The fields of a match


def found(pattern: str, message: str, *selectors: str) -> list[object]:
    fields = compile_pattern(pattern)(message)
    assert fields is not None
    return [value for selector in selectors for value in fields.find(selector)]


def test_fields_by_name_and_by_position() -> None:
    pattern = "[..., request=*.html*, status_code=4*,]"
    assert found(pattern, REQUEST, "$status_code", "$request", "$7", "$4", "$1") == [
        "404",
        "GET /index.html HTTP/1.0",
        "1534",
        "10/Oct/2000:13:25:15 -0700",
        "127.0.0.1",
    ]


def test_the_last_name_takes_the_rest_of_the_line() -> None:
    assert found("[level, text]", "ERROR it is late", "$level", "$text") == ["ERROR", "it is late"]


def test_fields_of_json() -> None:
    message = json.dumps({"total_size": 46, "list": [{"n": 1}, {"n": 2}]})
    assert found("{ $.total_size = * }", message, "$.total_size", "$.list[1].n", "$.list[*].n", "$.no") == [46, 2, 1, 2]


# --- What is refused


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.a }",
        "{ $.a = }",
        "{ $.a = 1",
        "{ a = 1 }",
        "{ $.a EXISTS }",
        "{ $.a IS NOT NULL }",
        "{ $.a > text }",
        '{ $.a > "1" }',
        "{ $.a = 1 & $.b = 2 }",
        "{ $.a = %(b)% }",
        "{ $.a = %[% }",
        "[a, b = ]",
        "[a",
        "ERROR: disk",
        "%a!%",
        "%ä%",
        '"open',
    ],
)
def test_unsupported_syntax_is_named_with_its_pattern(pattern: str) -> None:
    with pytest.raises(PatternUnsupported) as refusal:
        compile_pattern(pattern)
    assert str(refusal.value).startswith(f"filter pattern {pattern!r}: ")


@given(st.text(max_size=40))
def test_any_text_either_compiles_or_is_refused_by_name(text: str) -> None:
    try:
        match = compile_pattern(text)
    except PatternUnsupported:
        return
    match(text)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip), st.text())
def test_a_quoted_phrase_is_found_wherever_it_is(phrase: str, around: str) -> None:
    quoted = phrase.replace("\\", "\\\\").replace('"', '\\"')
    assert matches(f'"{quoted}"', around + phrase + around)
