"""Text with references → its parts. Grammar only: what a reference means is decided by `scope` and `resolve`.

text      = { literal | "$${" | "${" reference "}" }
reference = ("var" | "values" | "each" | "host" | "secret" | "environment" | "project") { step }
| kind "." name [ "[" key "]" ] { step } [ "@" host ]
step      = "." name | "[" index "]"
key       = "*" | index                 host = "*" | a host's name or address
index     = JSON string | "each.key" | "var." name { step } | any other text without brackets, braces and quotes
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from aivp.compile.mistake import Mistake
from aivp.model.address import KIND, NAME, format_key

ROOTS = ("var", "values", "each", "host", "secret", "environment", "project")

_KIND = re.compile(KIND)
_RESOURCE_NAME = re.compile(rf"\.({NAME})")
_FIELD = re.compile(r"\.([A-Za-z_][A-Za-z0-9_-]*)")
_QUOTED = re.compile(r'\[("(?:[^"\\]|\\.)*")\]')
_BRACKET = re.compile(r'\[([^\[\]{}"]+)\]')
_HOST = re.compile(r'@((?:[^\s{}"]|"(?:[^"\\]|\\.)*")+)')
_EVERY: Literal["*"] = "*"


class Every:
    """The `*` of `[*]` and `@*`."""

    def __repr__(self) -> str:
        return _EVERY


EVERY = Every()


@dataclass(frozen=True, slots=True)
class ValuePath:
    """A reference to a value that is no resource: `root` is one of ROOTS. Brackets may hold another one."""

    root: str
    path: tuple[str | int | ValuePath, ...]
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class ResourceRef:
    """A reference to resources, or to a field of them. `key` and `host` are None where they are left out.

    is_here: only resources on the host of whoever refers to them will do.
    """

    kind: str
    name: str
    key: str | Every | ValuePath | None
    path: tuple[str | int | ValuePath, ...]
    host: str | Every | None
    text: str
    is_here: bool = False

    def __str__(self) -> str:
        return self.text

    @property
    def is_list(self) -> bool:
        """True where it stands for several resources."""
        return self.key is EVERY or self.host is EVERY


Reference = ValuePath | ResourceRef
Part = str | ValuePath | ResourceRef


@lru_cache(maxsize=8192)
def parse_text(text: str) -> tuple[Part, ...]:
    """The literal and the referring parts of `text`, no two literal ones side by side. Raises Mistake (AIVP0201)."""
    parts: list[Part] = []
    literal = ""
    position = 0
    while (dollar := text.find("$", position)) >= 0:
        literal += text[position:dollar]
        if text.startswith("$${", dollar):
            literal, position = literal + "${", dollar + 3
        elif text.startswith("${", dollar):
            reference, position = _enclosed(text, dollar)
            parts += [literal, reference] if literal else [reference]
            literal = ""
        else:
            literal, position = literal + "$", dollar + 1
    literal += text[position:]
    return (*parts, literal) if literal or not parts else tuple(parts)


def parse_path(text: str) -> ValuePath:
    """A value path without `${}`, as `when` has it. Raises Mistake (AIVP0201)."""
    reference, end = _reference(text, 0)
    if end != len(text) or not isinstance(reference, ValuePath):
        raise Mistake("AIVP0201", f"{_shown(text)} is no path of a condition.", _ROOTS_MEND)
    return reference


def parse_target(text: str) -> ResourceRef:
    """What `depends_on` and `notify` name: `kind.name[key]@host`, no field. Raises Mistake (AIVP0201)."""
    mend = "Write kind.name, kind.name[key] or kind.name@host."
    try:
        reference, end = _reference(text, 0)
    except Mistake as mistake:
        why = f"{_shown(text)} is no address of a resource: {mistake.why}"
        raise Mistake("AIVP0201", why, mistake.mend or mend) from None
    if end != len(text) or not isinstance(reference, ResourceRef) or reference.path:
        raise Mistake("AIVP0201", f"{_shown(text)} is no address of a resource.", mend)
    return reference


def has_reference(text: str) -> bool:
    """True where `text` needs parsing at all."""
    return "${" in text


_ROOTS_MEND = "A path starts with var, values, each, host, environment or project."


def _enclosed(text: str, dollar: int) -> tuple[Reference, int]:
    """The reference that opens at `dollar`, and the position behind its brace."""
    closing = text.find("}", dollar)
    shown = _shown(text[dollar : closing + 1] if closing >= 0 else text[dollar : dollar + 40])
    try:
        reference, end = _reference(text, dollar + 2)
    except Mistake as mistake:
        raise Mistake(mistake.code, f"{shown} is no reference: {mistake.why}", mistake.mend or _LITERAL_MEND) from None
    if not text.startswith("}", end):
        raise Mistake("AIVP0201", f"{shown} is no reference.", _LITERAL_MEND)
    return reference, end + 1


_LITERAL_MEND = "Write $${ for a literal ${."


def _reference(text: str, start: int) -> tuple[Reference, int]:
    head = _KIND.match(text, start)
    if head is None:
        raise Mistake("AIVP0201", "it starts with no name.")
    if head[0] in ROOTS:
        path, end = _steps(text, head.end())
        return ValuePath(head[0], path, text[start:end]), end
    if head[0] == "env":
        mend = "Declare a variable, such as var.home; AIVP_VAR_home then sets it."
        raise Mistake("AIVP0201", "variables of the process cannot be referred to.", mend)
    name = _RESOURCE_NAME.match(text, head.end())
    if name is None:
        raise Mistake("AIVP0201", f"a resource is kind.name, and {_shown(head[0])} lacks the name.")
    key, end = _key(text, name.end())
    path, end = _steps(text, end)
    reference = ResourceRef(head[0], name[1], key, path, None, "")
    place = _HOST.match(text, end)
    if place is not None:
        end = place.end()
        reference = replace(reference, host=EVERY if place[1] == _EVERY else place[1])
    return replace(reference, text=text[start:end]), end


def _key(text: str, start: int) -> tuple[str | Every | ValuePath | None, int]:
    if not text.startswith("[", start):
        return None, start
    if text.startswith("[*]", start):
        return EVERY, start + 3
    index, end = _index(text, start)
    return str(index) if isinstance(index, int) else index, end


def _steps(text: str, start: int) -> tuple[tuple[str | int | ValuePath, ...], int]:
    steps: list[str | int | ValuePath] = []
    position = start
    while True:
        if field := _FIELD.match(text, position):
            steps.append(field[1])
            position = field.end()
        elif text.startswith("[", position):
            index, position = _index(text, position)
            steps.append(index)
        else:
            return tuple(steps), position


def _index(text: str, start: int) -> tuple[str | int | ValuePath, int]:
    if quoted := _QUOTED.match(text, start):
        try:
            return str(json.loads(quoted[1])), quoted.end()
        except ValueError:
            raise Mistake("AIVP0201", f"{_shown(quoted[1])} is no JSON string.") from None
    bracket = _BRACKET.match(text, start)
    if bracket is None:
        raise Mistake("AIVP0201", "a bracket holds no index.", 'Write [key], ["any text"], [each.key] or [var.x].')
    inner = bracket[1]
    if inner == _EVERY:
        raise Mistake("AIVP0201", "[*] stands only directly behind kind.name.")
    if inner == "each.key" or inner.startswith("var."):
        return parse_path(inner), bracket.end()
    is_index = inner.isascii() and inner.isdigit() and (inner == "0" or inner[0] != "0") and len(inner) < 16
    return int(inner) if is_index else inner, bracket.end()


def _shown(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def format_target(base: str, key: str | None) -> str:
    """`kind.name[key]` for messages."""
    return base + ("" if key is None else f"[{format_key(key)}]")
