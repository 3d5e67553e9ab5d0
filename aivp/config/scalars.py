"""Plain YAML text → its value under the YAML 1.2 core schema, and which numbers aivp admits.

PyYAML's resolver speaks YAML 1.1 (`no` is false, `012` is ten), so this table stands in its place. CUE's JSON passes
through the same rules for numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from aivp_contract.canonical import MAX_INTEGER, is_plain_decimal
from aivp_contract.values import Json

TYPED_STARTS = frozenset("0123456789+-.~nNtTfF")
"""Text that starts with anything else is always a string; the empty text is null."""

_WORDS: Mapping[str, Json] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o([0-7]+)|0x([0-9a-fA-F]+)")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class BadScalar(ValueError):
    """Text that is a number, but none that aivp admits: a code of the catalogue, why, and how to mend it."""

    def __init__(self, code: str, why: str, mend: str) -> None:
        super().__init__(why)
        self.code, self.why, self.mend = code, why, mend


def plain(text: str) -> Json:
    """The value of a plain (unquoted) scalar. Raises BadScalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in TYPED_STARTS:
        return text
    if _DECIMAL.fullmatch(text):
        return number(text)
    if based := _BASED.fullmatch(text):
        digits, base = (based[1], 8) if based[1] else (based[2], 16)
        return _within(int(digits, base) if len(digits) < 30 else MAX_INTEGER + 1, text)
    if _NOT_FINITE.fullmatch(text):
        raise BadScalar("AIVP0112", f"{text} is not a finite number.", _quote(text))
    return text


def number(text: str) -> int | float:
    """The value of a decimal integer or fraction, as YAML and JSON write them. Raises BadScalar."""
    if _LEADING_ZERO.match(text):
        why = f"{_short(text)} starts with a zero: some readers take that for octal, others for decimal."
        raise BadScalar("AIVP0111", why, f"{_quote(text)} For a number, write it without the zero.")
    if _INTEGER.fullmatch(text):
        return _within(int(text) if len(text) < 30 else MAX_INTEGER + 1, text)
    value = float(text)
    if math.isinf(value) or value == int(value):
        whole = int(value) if abs(value) <= MAX_INTEGER else MAX_INTEGER + 1
        if whole or not re.search("[1-9]", re.split("[eE]", text)[0]):
            return _within(whole, text)
    if not is_plain_decimal(value):
        why = f"{_short(text)} is a decimal that not every program reads and prints alike."
        raise BadScalar("AIVP0112", why, f"Stay between 0.0001 and 1e15. {_quote(text)}")
    return value


def _within(value: int, text: str) -> int:
    if -MAX_INTEGER <= value <= MAX_INTEGER:
        return value
    why = f"The integer {_short(text)} lies beyond ±(2^53-1), where not every program keeps all digits."
    raise BadScalar("AIVP0112", why, _quote(text))


def _quote(text: str) -> str:
    return f'For text, quote it: "{text}".' if len(text) <= 40 else "For text, quote it."


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:20]}…{text[-6:]}"


TYPES: Mapping[str, tuple[str, Callable[[Json], bool]]] = {
    "string": ("text", lambda value: type(value) is str),
    "integer": ("an integer", lambda value: type(value) is int),
    "number": ("a number", lambda value: type(value) in (int, float)),
    "boolean": ("true or false", lambda value: type(value) is bool),
    "list": ("a list", lambda value: type(value) is list),
    "map": ("a map", lambda value: type(value) is dict),
}
"""Name of a type → how a message names it, and its test."""


def describe(value: Json) -> str:
    """What a value is, for messages: `the text "5"`, `a list`, `nothing`."""
    match value:
        case None:
            return "nothing (null)"
        case bool():
            return "true" if value else "false"
        case str():
            return f'the text "{_short(value)}"'
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
        case _:
            return "a map"
