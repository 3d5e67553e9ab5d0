"""One value of a plan → short text for people. Secrets, and what is not known yet, by name only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from aivp_contract.values import Binary, Blob, Json, Secret, Tagged, Unknown, Verdict

from aivp.model.expression import Fact, Ref, Template, Text
from aivp.model.taint import uses
from aivp.views import escape, measure
from aivp.views.text_diff import common

DEEPEST = 12
"""Levels of lists and mappings that are shown."""

WHOLE = 2**31
"""More characters than any value has."""

_VERDICTS = {True: "as declared", False: "differs", None: "cannot be compared"}
_OTHER_TYPE = re.compile(r"null|true|false|-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_NEEDS_QUOTES = re.compile(r"""^[\s(\[{]|^- |[\n"\]}]|\s$| -> |: |, |:$""")


def value_text(value: Json, most: int = 200) -> str:
    """One line of about `most` characters; text has quotes only where it could be taken for something else."""
    match value:
        case str():
            return _quoted(value, most)
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case Tagged():
            return _tagged(value, most)
        case dict() | list():
            text = "".join(islice(_flow(value, most, DEEPEST), most + 1))
            return text if len(text) <= most else text[:most] + "..."
        case _:
            return escape.line(str(value), most)


def pair_text(before: Json, after: Json, most: int = 200) -> tuple[str, str]:
    """Two values that differ, so that the texts differ, too: of long ones, the part around the first difference."""
    if type(before) is str and type(after) is str and max(len(before), len(after)) > most:
        start = max(common(before, after) - 20, 0)
        lead = f"...({start:,} characters) " if start else ""
        return lead + _quoted(before[start:], most), lead + _quoted(after[start:], most)
    if isinstance(before, Secret) and isinstance(after, Secret):
        return _secret(before, versions=True), _secret(after, versions=True)
    return value_text(before, most), value_text(after, most)


def value_lines(value: Json, most: int = 200) -> list[str]:
    """A list or mapping as lines, one member each; any other value as one line."""
    match value:
        case list() if value:
            return [f"- {value_text(item, most)}" for item in value]
        case dict() if value:
            return [f"{value_text(name, most)}: {value_text(value[name], most)}" for name in sorted(value)]
        case _:
            return [value_text(value, most)]


def leaf_lines(value: Json, path: str = "", depth: int = DEEPEST) -> Iterator[str]:
    """A line for each innermost value, whole, behind its way there: `packages.nginx: 1.22`, `ports[]: 80`.

    So that two lines differ wherever two values do, and each can be read by itself. Places in lists have no number:
    one entry more would make all that follow differ.
    """
    match value:
        case dict() if value and depth:
            for name in sorted(value):
                key = value_text(name, WHOLE)
                yield from leaf_lines(value[name], f"{path}.{key}" if path else key, depth - 1)
        case list() if value and depth:
            for item in value:
                place = f"{path}[]" if path or type(item) in (dict, list) else ""
                yield from leaf_lines(item, place, depth - 1)
        case _:
            text = value_text(value, WHOLE)
            yield f"{path}: {text}" if path else text


def size_text(size: int) -> str:
    """Bytes as people say them."""
    if size < 1024:
        return f"{size} byte{'' if size == 1 else 's'}"
    return measure.size(size, 1)


def _quoted(text: str, most: int) -> str:
    if text and not _OTHER_TYPE.fullmatch(text[:40]) and not _NEEDS_QUOTES.search(text[: most + 1]):
        return escape.line(text, most)
    cut = escape.line(text[:most]).replace('"', '\\"')
    return f'"{cut}"' + (f"... ({len(text) - most:,} more characters)" if len(text) > most else "")


def _tagged(value: Tagged, most: int) -> str:
    match value:
        case Secret():
            return _secret(value, versions=False)
        case Verdict():
            return f"(sensitive, {_VERDICTS[value.matches]})"
        case Binary():
            return f"(binary, {size_text(len(value.base64) * 3 // 4 - value.base64[-2:].count('='))})"
        case Blob():
            return f"({size_text(value.size)}, sha256 {escape.line(value.sha256[:12])})"
        case Ref():
            return f"(known after apply: {_path(value.path)} of {escape.line(value.to, most)})"
        case Fact():
            return f"(known after apply: fact {_path(value.path)} of {escape.line(value.host, most)})"
        case Text():
            return f"(known after apply: {_parts(value, most)})"
        case Template():
            return f"(known after apply: template {escape.line(value.name, most)})"
        case Unknown():
            return "(known after apply)"
        case _:
            return f"({escape.line(value.tag)})"


def _secret(value: Secret, *, versions: bool) -> str:
    made = sorted(uses(value))
    names = ", ".join(f"{name} version {version}" if versions else name for name, version in made)
    return f"(secret {escape.line(names, 200)})" if names else "(secret)"


def _parts(value: Text, most: int) -> str:
    """Text with its holes: what stands in them is named, not known."""
    shown = (part if type(part) is str else f"${{{_hole(part)}}}" for part in value.parts)
    return escape.line("".join(islice(("".join(shown)), most)))


def _hole(part: Json) -> str:
    match part:
        case Ref():
            return f"{_path(part.path)} of {part.to}"
        case Fact():
            return f"fact {_path(part.path)} of {part.host}"
        case _:
            return value_text(part).strip("()")


def _path(path: tuple[str | int, ...]) -> str:
    return escape.line(".".join(str(part) for part in path), 200)


def _flow(value: Json, most: int, depth: int) -> Iterator[str]:
    """Characters of the flow form; a generator, so that nobody builds what is not shown."""
    if type(value) not in (list, dict):
        yield from value_text(value, most)
    elif depth == 0:
        yield from "..."
    elif type(value) is list:
        yield "["
        for number, item in enumerate(value):
            yield from ", " if number else ""
            yield from _flow(item, most, depth - 1)
        yield "]"
    else:
        yield "{"
        for number, name in enumerate(sorted(value)):
            yield from ", " if number else ""
            yield from f"{value_text(name, most)}: "
            yield from _flow(value[name], most, depth - 1)
        yield "}"
