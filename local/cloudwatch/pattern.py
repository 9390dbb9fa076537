"""CloudWatch Logs filter patterns: which log events match, and the fields that a metric may take from them.

Three languages share the name: terms (`ERROR -exit`), JSON (`{ $.total_size = * }`) and space-delimited fields
(`[ip, ..., bytes > 1000]`). Rules and examples:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import json
import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import Any, NamedTuple, Protocol

import pyparsing as pp


class PatternUnsupported(ValueError):
    """A filter pattern or selector that CloudWatch Logs would refuse, or that is not understood here."""

    def __init__(self, pattern: str, why: str) -> None:
        super().__init__(f"filter pattern {pattern!r}: {why}")


class Fields(Protocol):
    """What a matching log event offers to a metric's value and dimensions."""

    def find(self, selector: str) -> list[object]:
        """All nodes that `$.a.b[0]` or `$name` points to; several for a wildcard, none when it is not there."""


type Match = Callable[[str], Fields | None]
"""From a log event's message to its fields; None when the pattern does not match."""


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Match:
    """The matcher of one filter pattern. Raises `PatternUnsupported`."""
    text = pattern.strip()
    try:
        if text.startswith("{"):
            return _json_match(_JSON.parse_string(text, parse_all=True)[0])
        if text.startswith("["):
            return _delimited_match(list(_DELIMITED.parse_string(text, parse_all=True)))
        if text.startswith("%"):
            return _text_match([_Term("", _LITERAL_REGEX.parse_string(text, parse_all=True)[0].matches)])
        return _text_match(list(_TERMS.parse_string(text, parse_all=True)))
    except pp.ParseBaseException as fault:
        raise PatternUnsupported(pattern, f"{fault.msg} at column {fault.column}") from fault


def check_selector(selector: str) -> None:
    """Raise PatternUnsupported unless it reads `$.a.b[0]`, or `$name` of a space-delimited pattern."""
    if not re.fullmatch(rf"{_SELECTOR}|\$\w+", selector):
        raise PatternUnsupported(selector, "a selector reads $.name, $.list[0], $.['a.b'] or $name")


# --- Values

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def number_of(value: object) -> float | None:
    """The number that a field holds, also as text; None for anything else, and for what no float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def text_of(value: object) -> str | None:
    """A field's value as text; None for null, objects and arrays, which no comparison matches."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool | int | float) else None


def read_object(message: str) -> dict[str, Any] | None:
    """The JSON object that a message is; None for any other message."""
    try:
        document = json.loads(message)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


@dataclass(frozen=True, slots=True)
class _Literal:
    """The right side of a comparison."""

    matches: Callable[[str], object]
    number: float | None = None

    def equals(self, value: object) -> bool:
        number = number_of(value)
        if self.number is not None and number is not None:
            return number == self.number
        text = text_of(value)
        return text is not None and bool(self.matches(text))


def _like(text: str) -> _Literal:
    """Asterisks at the ends stand for any text; anywhere else they are themselves."""
    core = re.escape(text.strip("*"))
    ends = ".*" if text.startswith("*") else "", ".*" if text.endswith("*") else ""
    return _Literal(re.compile(core.join(ends), re.DOTALL).fullmatch)


def _word(text: str) -> _Literal:
    return _Literal(_like(text).matches, number_of(text))


_REGEX_ALPHABET = re.compile(r"(\\[ -~]|[A-Za-z0-9 :_#=@/;,\-^$?\[\]{}|*+.])*")


def _regex(text: str, position: int, tokens: pp.ParseResults) -> _Literal:
    expression = tokens[0][1:-1]
    if not _REGEX_ALPHABET.fullmatch(expression):
        raise pp.ParseFatalException(text, position, f"regex %{expression}% uses a character that is not supported")
    try:
        return _Literal(re.compile(expression, re.ASCII).search)
    except re.error as fault:
        raise pp.ParseFatalException(text, position, f"regex %{expression}%: {fault}") from fault


# --- Conditions, shared by JSON and space-delimited patterns


@dataclass(frozen=True, slots=True)
class _Condition:
    selector: str
    holds: Callable[[Fields], bool]


_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def _comparison(text: str, position: int, tokens: pp.ParseResults) -> _Condition:
    selector, symbol, literal = tokens
    order = _ORDER.get(symbol)
    if order is None:
        wanted = symbol == "="
        # Neither = nor != matches what is absent, null, an array or an object.
        return _Condition(
            selector,
            lambda fields: any(
                literal.equals(value) is wanted for value in fields.find(selector) if text_of(value) is not None
            ),
        )
    if literal.number is None:
        raise pp.ParseFatalException(text, position, f"{symbol} needs a number")
    return _Condition(
        selector,
        lambda fields: any(
            order(number, literal.number) for value in fields.find(selector) if (number := number_of(value)) is not None
        ),
    )


def _all_of(tokens: pp.ParseResults) -> _Condition:
    parts: list[_Condition] = tokens[0][::2]
    return _Condition(parts[0].selector, lambda fields: all(part.holds(fields) for part in parts))


def _any_of(tokens: pp.ParseResults) -> _Condition:
    parts: list[_Condition] = tokens[0][::2]
    return _Condition(parts[0].selector, lambda fields: any(part.holds(fields) for part in parts))


def _conditions(condition: pp.ParserElement) -> pp.ParserElement:
    return pp.infix_notation(  # type: ignore[no-untyped-call, no-any-return]
        condition, [("&&", 2, pp.OpAssoc.LEFT, _all_of), ("||", 2, pp.OpAssoc.LEFT, _any_of)]
    )


# Not QuotedString, which would read \\t and \\n in a phrase as a tab and a line's end.
_PHRASE = pp.Regex(r'"(?:[^"\\]|\\.)*"', re.DOTALL).set_parse_action(
    lambda tokens: re.sub(r"(?s)\\(.)", r"\1", tokens[0][1:-1])
)
_LITERAL_REGEX = pp.Regex(r"%[^%]+%").set_parse_action(_regex)
_LITERAL = (
    _PHRASE.copy().add_parse_action(lambda tokens: _like(tokens[0]))
    | _LITERAL_REGEX
    | pp.Regex(r'[^\s()&|,"%=<>!\[\]{}]+').set_parse_action(lambda tokens: _word(tokens[0]))
)
_OPERATOR = pp.one_of("= != < <= > >=")


# --- JSON: { $.a.b[0] = "x*" && $.c IS NULL }

_STEP = r"\.?\[(?:\d+|\*|'[^']*'|\"[^\"]*\")\]|\.(?:\*|[\w-]+)"
_SELECTOR = rf"\$(?:{_STEP})+"
_ANY = None


class JsonFields(NamedTuple):
    """The fields of a log event that is one JSON object."""

    document: object

    def find(self, selector: str) -> list[object]:
        steps = _steps(selector)
        if steps is None:
            return []
        nodes: Iterable[object] = [self.document]
        for step in steps:
            nodes = _descend(nodes, step)
        return list(nodes)


@lru_cache(maxsize=256)
def _steps(selector: str) -> tuple[int | str | None, ...] | None:
    """The way down a document; None when the selector is not one of JSON."""
    if not re.fullmatch(_SELECTOR, selector):
        return None
    return tuple(_step(step.lstrip(".")) for step in re.findall(_STEP, selector))


def _step(text: str) -> int | str | None:
    inner = text[1:-1] if text.startswith("[") else text
    if inner == "*":
        return _ANY
    if text.startswith("[") and inner.isdigit():
        return int(inner)
    return inner.strip("'\"")


def _descend(nodes: Iterable[object], step: int | str | None) -> Iterator[object]:
    for node in nodes:
        match step, node:
            case None, list():
                yield from node
            case None, dict():
                yield from node.values()
            case int(), list() if step < len(node):
                yield node[step]
            case str(), dict() if step in node:
                yield node[step]
            case _:
                pass


_IS = {"NULL": None, "TRUE": True, "FALSE": False}


def _is(tokens: pp.ParseResults) -> _Condition:
    selector, constant = tokens[0], _IS[tokens[1]]
    return _Condition(selector, lambda fields: any(value is constant for value in fields.find(selector)))


def _absent(tokens: pp.ParseResults) -> _Condition:
    return _Condition(tokens[0], lambda fields: not fields.find(tokens[0]))


def _json_grammar() -> pp.ParserElement:
    selector = pp.Regex(_SELECTOR)
    compared = (selector + _OPERATOR + _LITERAL).set_parse_action(_comparison)
    constant = (selector + pp.CaselessKeyword("IS").suppress() + pp.one_of(list(_IS), caseless=True)).set_parse_action(
        _is
    )
    absent = (
        selector + pp.CaselessKeyword("NOT").suppress() + pp.CaselessKeyword("EXISTS").suppress()
    ).set_parse_action(_absent)
    return pp.Suppress("{") + _conditions(compared | constant | absent) + pp.Suppress("}")


_JSON = _json_grammar().parse_with_tabs()


def _json_match(condition: _Condition) -> Match:
    def match(message: str) -> Fields | None:
        document = read_object(message)
        if document is None:
            return None
        fields = JsonFields(document)
        return fields if condition.holds(fields) else None

    return match


# --- Space-delimited: [ip, ..., status = 4*, bytes > 1000]


_ELLIPSIS = _Condition("...", lambda _: True)


class DelimitedFields(NamedTuple):
    """The fields of a log line, as `$name`, or `$3` where the pattern gives the third no name."""

    values: Mapping[str, str]

    def find(self, selector: str) -> list[object]:
        return [self.values[selector]] if selector in self.values else []


def _delimited_grammar() -> pp.ParserElement:
    name = pp.Regex(r"\w+").set_parse_action(lambda tokens: f"${tokens[0]}")
    compared = (name + _OPERATOR + _LITERAL).set_parse_action(_comparison)
    slot = (
        pp.Literal("...").set_parse_action(lambda: _ELLIPSIS)
        | _conditions(compared)
        | name.copy().add_parse_action(lambda tokens: _Condition(tokens[0], lambda _: True))
    )
    unnamed = _Condition("", lambda _: True)
    return pp.Suppress("[") + pp.DelimitedList(pp.Opt(slot, default=unnamed)) + pp.Suppress("]")


_DELIMITED = _delimited_grammar().parse_with_tabs()
_FIELD = re.compile(r'\[([^\]]*)\]|"([^"]*)"|(\S+)')


def _delimited_match(slots: list[_Condition]) -> Match:
    def match(message: str) -> Fields | None:
        values = _assign(slots, message)
        if values is None:
            return None
        fields = DelimitedFields(values)
        return fields if all(slot.holds(fields) for slot in slots) else None

    return match


def _assign(slots: list[_Condition], message: str) -> Mapping[str, str] | None:
    """Names to fields, from both ends when there is an ellipsis; None when the line has too few fields."""
    found = list(_FIELD.finditer(message))
    before = list(takewhile(lambda slot: slot is not _ELLIPSIS, slots))
    after = slots[len(before) + 1 :]
    if len(found) < len(before) + len(after):
        return None
    texts = [next(group for group in field.groups() if group is not None) for field in found]
    names = [f"${position}" for position in range(1, len(texts) + 1)]
    for position, slot in [*enumerate(before), *enumerate(after, start=len(texts) - len(after))]:
        names[position] = slot.selector or names[position]
    if len(before) == len(slots) < len(texts):
        # Without an ellipsis the last name takes the rest of the line: [level, text].
        last = len(slots) - 1
        return dict(zip(names[:last], texts, strict=False)) | {names[last]: message[found[last].start() :]}
    return dict(zip(names, texts, strict=True))


# --- Terms: ERROR "exact phrase" -excluded, ?either ?or, %regex%


@dataclass(frozen=True, slots=True)
class _Term:
    sign: str
    within: Callable[[str], object]


class TextFields(NamedTuple):
    """Plain text has no fields: a metric on it counts."""

    def find(self, selector: str) -> list[object]:  # noqa: ARG002 - one protocol for the three languages
        return []


def _contains(phrase: str) -> Callable[[str], object]:
    # `" "` is documented as the pattern that matches everything, also a line without a space.
    return (lambda message: phrase in message) if phrase.strip() else (lambda _: True)


def _term_grammar() -> pp.ParserElement:
    sign = pp.Opt(pp.one_of("- ?"), default="")
    phrase = _PHRASE | pp.Regex(r"\w+(?=\s|$)").set_name("a term of letters and digits")
    term = (sign + phrase).set_parse_action(lambda tokens: _Term(tokens[0], _contains(tokens[1])))
    return pp.ZeroOrMore(term)


_TERMS = _term_grammar().parse_with_tabs()


def _text_match(terms: list[_Term]) -> Match:
    required = [term.within for term in terms if not term.sign]
    excluded = [term.within for term in terms if term.sign == "-"]
    # Beside other terms, the optional ones are documented as ignored.
    optional = [] if required or excluded else [term.within for term in terms]

    def match(message: str) -> Fields | None:
        matches = (
            all(within(message) for within in required)
            and not any(within(message) for within in excluded)
            and (not optional or any(within(message) for within in optional))
        )
        return TextFields() if matches else None

    return match
