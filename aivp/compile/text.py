"""Texts with references → values, as far as no other resource is needed for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from aivp_contract.values import Json, Tagged

from aivp.compile.mistake import Mistake, each
from aivp.compile.scope import Scope
from aivp.compile.size import MAX_VALUE, Sizes
from aivp.compile.syntax import Part, ResourceRef, ValuePath, has_reference, parse_text
from aivp.model.expression import Text, join


def static_parts(text: str, scope: Scope) -> list[Json | ResourceRef]:
    """The parts of `text` with everything filled in but references to resources. Raises Mistake."""
    return each(lambda part: _fill(part, scope), ((None, part) for part in parse_text(text)))


def _fill(part: Part, scope: Scope) -> Json | ResourceRef:
    match part:
        case str():
            return part
        case ValuePath():
            return scope.find(part)
        case ResourceRef():
            key = scope.index(part.key) if isinstance(part.key, ValuePath) else part.key
            path = tuple(scope.index(step) for step in part.path)
            return replace(part, key=str(key) if isinstance(key, int) else key, path=path)


def substitute(value: Json, scope: Scope) -> Json:
    """`value` with every text filled in; parts without references are shared. Raises Mistake, also for a reference to
    a resource, which cannot be known at this place.
    """
    if type(value) is str:
        return _static_text(value, scope) if has_reference(value) else value
    if type(value) is dict:
        new = dict(zip(value, each(lambda item: substitute(item, scope), value.items()), strict=True))
        return new if any(new[key] is not value[key] for key in value) else value
    if type(value) is list:
        items = each(lambda item: substitute(item, scope), enumerate(value))
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value


def plain(value: Json, scope: Scope) -> Json:
    """The same, but the value must be known at compile: facts and secrets are mistakes too."""
    found = substitute(value, scope)
    if found is not value:
        Sizes().check(found)
    if holds_tagged(found):
        raise Mistake("AIVP0205", "Facts and secrets cannot be used here: the value must be known at compile.")
    return found


def holds_tagged(value: Json) -> bool:
    """True where a tagged value stands anywhere in `value`."""
    match value:
        case Tagged():
            return True
        case dict():
            return any(holds_tagged(item) for item in value.values())
        case list():
            return any(holds_tagged(item) for item in value)
        case _:
            return False


def _static_text(text: str, scope: Scope) -> Json:
    parts = static_parts(text, scope)
    for part in parts:
        if isinstance(part, ResourceRef):
            raise Mistake("AIVP0205", f"${{{part}}} refers to a resource, which cannot be used here.")
    return whole_or_text(parts, text)


def whole_or_text(parts: Sequence[Json], text: str) -> Json:
    """A single part keeps its type; several become text. Raises Mistake for what has no text."""
    if len(parts) == 1:
        return parts[0]
    joined = join([_as_text(part, text) for part in parts])
    if _length(joined) > MAX_VALUE:
        raise Mistake("AIVP0227", f"This text has more than {MAX_VALUE >> 20} MiB.", "Refer to less.")
    return joined


def _length(joined: Json) -> int:
    match joined:
        case str():
            return len(joined)
        case Text(parts):
            return sum(len(part) if type(part) is str else 64 for part in parts)
        case _:
            return sum(len(part) if type(part) is str else 64 for part in joined.origin["text"])


def _as_text(part: Json, text: str) -> Json:
    match part:
        case str() | Tagged():
            return part
        case bool():
            return "true" if part else "false"
        case int() | float():
            return str(part)
        case list():
            what = "A list"
        case dict():
            what = "A mapping"
        case _:
            what = "Null"
    shown = text if len(text) <= 60 else text[:57] + "..."
    raise Mistake("AIVP0206", f"{what} stands inside the text {shown}.", "It can only be referred to as a whole value.")
