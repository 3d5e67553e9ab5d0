"""The type that a variable declares, and whether a value fits it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aivp_contract.values import Json

from aivp.config.project import Declared
from aivp.config.scalars import TYPES, describe
from aivp.config.shape import compared, inner, is_of, knows_keys
from aivp.diagnostics import Diagnostics
from aivp.plugins.pattern import BadPattern, check_pattern, matches

MAX_NESTING = 10
"""Of `items` within `items`."""

_KEYS: Mapping[str, tuple[str, ...]] = {
    "string": ("pattern",),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "boolean": (),
    "list": ("items",),
    "map": ("items",),
}
"""Type → the words that it can be narrowed with, beside `enum`."""


@dataclass(frozen=True, slots=True)
class Type:
    """`items` is the type of a list's elements or a map's members; None admits any."""

    name: str
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    enum: tuple[Json, ...] | None = None
    items: Type | None = None

    def problems(self, value: Json, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Everything in `value` that does not fit: where, and a clause that says why."""
        noun, test = TYPES[self.name]
        if not test(value):
            yield path, f"it is {describe(value)}, not {noun}"
            return
        if self.minimum is not None and value < self.minimum:
            yield path, f"{value} is less than {self.minimum}"
        if self.maximum is not None and value > self.maximum:
            yield path, f"{value} is more than {self.maximum}"
        if self.pattern is not None and not matches(self.pattern, value):
            yield path, f"{describe(value)} does not match {self.pattern}"
        if self.enum is not None and not any(is_same(value, item) for item in self.enum):
            yield path, f"it is {describe(value)}, not one of {', '.join(map(describe, self.enum[:12]))}"
        if self.items is not None:
            for key, item in value.items() if type(value) is dict else enumerate(value):
                yield from self.items.problems(item, (*path, key))


def is_same(one: Json, other: Json) -> bool:
    """Equality as JSON has it: 1 is not true."""
    if type(one) is not type(other):
        return False
    if type(one) is dict:
        return one.keys() == other.keys() and all(is_same(item, other[key]) for key, item in one.items())
    if type(one) is list:
        return len(one) == len(other) and all(map(is_same, one, other))
    return bool(one == other)


def read_type(part: Declared, what: str, found: Diagnostics) -> Type | None:
    """The type of a variable's declaration, None where that is wrong."""
    if not is_of(part, "map", what, found):
        return None
    return _read(part, what, ("default", "description"), found)


def _read(part: Declared, what: str, others: tuple[str, ...], found: Diagnostics) -> Type | None:
    before = len(found.items)
    name = part.value.get("type")
    if type(name) is not str or name not in TYPES:
        mend = compared(str(name), TYPES, "type") if name is not None else f"Add `type`, one of {', '.join(TYPES)}."
        why = f"{what} has no type." if name is None else f"{what} has an unknown type, {describe(name)}."
        found.error("AIVP0140", why, mend, span=part.span("type") if name is not None else part.key_span())
        return None
    knows_keys(part, ("type", "enum", *others, *_KEYS[name]), f"{what} (of type {name})", found)
    words = {word: part.value[word] for word in (*_KEYS[name], "enum") if part.value.get(word) is not None}
    checks = {"minimum": _check_number, "maximum": _check_number, "pattern": _check_pattern, "enum": _check_enum}
    for word in words:
        if word in checks:
            checks[word](inner(part, word), f"`{word}` of {_lower(what)}", found)
    if "description" in part.value and "description" in others:
        is_of(inner(part, "description"), "string", f"`description` of {_lower(what)}", found)
    items = _read_items(inner(part, "items"), what, found) if "items" in words else None
    if len(found.items) > before:
        return None
    kind = Type(name, words.get("minimum"), words.get("maximum"), words.get("pattern"), items=items)
    return _with_enum(kind, part, what, found) if "enum" in words else kind


def _read_items(part: Declared, what: str, found: Diagnostics) -> Type | None:
    if part.path.count("items") > MAX_NESTING:
        found.error("AIVP0140", f"{what} nests `items` more than {MAX_NESTING} deep.", span=part.span())
        return None
    what = f"`items` of {_lower(what)}"
    return _read(part, what, (), found) if is_of(part, "map", what, found) else None


def _with_enum(kind: Type, part: Declared, what: str, found: Diagnostics) -> Type | None:
    from dataclasses import replace

    is_fitting = True
    for index, item in enumerate(part.value["enum"]):
        for path, problem in kind.problems(item):
            is_fitting = False
            found.error("AIVP0140", f"`enum` of {_lower(what)}: {problem}.", span=part.span("enum", index, *path))
    return replace(kind, enum=tuple(part.value["enum"])) if is_fitting else None


def _check_number(part: Declared, what: str, found: Diagnostics) -> None:
    is_of(part, "number", what, found)


def _check_pattern(part: Declared, what: str, found: Diagnostics) -> None:
    if is_of(part, "string", what, found):
        try:
            check_pattern(part.value)
        except BadPattern:
            mend = "Look-around and back-references are not supported."
            found.error("AIVP0140", f"{what} is not a regular expression.", mend, span=part.span())


def _check_enum(part: Declared, what: str, found: Diagnostics) -> None:
    if is_of(part, "list", what, found) and not part.value:
        found.error("AIVP0140", f"{what} is empty, so that no value fits.", span=part.span())


def _lower(what: str) -> str:
    return what[0].lower() + what[1:]
