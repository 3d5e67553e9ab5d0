"""Shapes → definitions in CUE: `#Project` for aivp.yaml, `#Document` for every other, `#Resources` for that section.

A definition of CUE is closed, so a key that no shape knows is an error there, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import assert_never

from aivp_contract.values import Json

from aivp.schema.shape import (
    Anything,
    Conflict,
    Described,
    Either,
    Flag,
    Language,
    ListOf,
    Literal,
    Map,
    Named,
    Number,
    Shape,
    Text,
)

_WHOLE, _REFERENCE = "#Whole", "#Reference"
_COUNTED = re.compile(r"\{(\d{4,}|\d*,\d{4,})\}")
"""Counts that CUE's regular expressions refuse: more than 1000. Such a pattern is left out, which admits more."""

_HEAD = """\
// The language of aivp, v1, with the kinds of the providers installed here. Written by `aivp schema --format cue`.
package {package}
{imports}
// {whole} stands for a whole value; {reference} is a text with a reference in it.
{whole}:     =~#"^\\$\\{{.+\\}}$"#
{reference}: =~#"\\$\\{{"#
"""


def cue_definitions(language: Language, package: str = "aivp") -> str:
    """A CUE file of that package; laid out as `cue fmt` does, but for blanks that align."""
    body = "\n".join(_definition(name, shape) for name, shape in sorted(language.shapes.items()))
    imports = "".join(f'\nimport "{name}"\n' for name in ("list", "strings") if f"{name}.M" in body)
    head = _HEAD.format(package=package, imports=imports, whole=_WHOLE, reference=_REFERENCE)
    return f"{head}\n{body}"


def definition(name: str) -> str:
    """What the shape of that name is called: `kind.file` → `#KindFile`, `section.hosts` → `#Hosts`. None is alike."""
    special = {"root": "#Project", "document": "#Document"}
    words = re.split(r"([._-])", name.removeprefix("section."))
    marks = {".": "", "-": "_h", "_": "_"}
    return special.get(name) or "#" + "".join(marks.get(word, word[:1].upper() + word[1:]) for word in words)


def _definition(name: str, shape: Shape) -> str:
    """A map with rules beside null is a definition of its own: in one struct with `if`, CUE sees neither.

    Nor does it see that a text is no struct with `if`, unless another struct stands beside it.
    """
    if isinstance(shape, Map) and shape.is_optional and (shape.apart or shape.conflicts):
        inner = f"{name}.fields"
        bare = replace(shape, is_optional=False)
        return f"{_definition(inner, bare)}\n{definition(name)}: ({{[string]: _}} & {definition(inner)}) | null\n"
    return f"{_comment(shape.note, 0)}{definition(name)}: {emit(shape, 0)}\n"


def emit(shape: Shape, depth: int) -> str:
    """One shape, as an expression."""
    match shape:
        case Anything():
            return "_"
        case Flag():
            return _open(shape, ["bool"])
        case Number():
            return _open(shape, [_number(shape)])
        case Literal():
            return _open(shape, [_value(item) for item in shape.values])
        case Text():
            return _open(shape, [_text(shape)], _REFERENCE if shape.pattern or shape.most is not None else "")
        case ListOf():
            return _open(shape, [_list(shape, depth)])
        case Map():
            return _open(shape, [_map(shape, depth)])
        case Either():
            return _open(shape, [emit(item, depth) for item in shape.options])
        case Named():
            return _open(shape, [definition(shape.name)])
        case _:
            assert_never(shape)


def _open(shape: Described, options: list[str], reference: str = _WHOLE) -> str:
    """References and null beside it."""
    more = [reference] if shape.can_refer and reference else []
    more += ["null"] if shape.is_optional else []
    found = [*dict.fromkeys([*options, *more])]
    return found[0] if len(found) == 1 else f"({' | '.join(found)})"


def _number(shape: Number) -> str:
    parts = ["int" if shape.is_whole else "number"]
    parts += [f">={_value(shape.minimum)}"] if shape.minimum is not None else []
    parts += [f"<={_value(shape.maximum)}"] if shape.maximum is not None else []
    return " & ".join(parts) if len(parts) == 1 else f"({' & '.join(parts)})"


def _text(shape: Text) -> str:
    parts = [f"=~{_raw(shape.pattern)}"] if shape.pattern and not _COUNTED.search(shape.pattern) else ["string"]
    parts += [f"strings.MinRunes({shape.least})"] if shape.least else []
    parts += [f"strings.MaxRunes({shape.most})"] if shape.most is not None else []
    return parts[0] if len(parts) == 1 else f"({' & '.join(parts)})"


def _list(shape: ListOf, depth: int) -> str:
    parts = [f"[...{emit(shape.item, depth)}]"]
    parts += [f"list.MinItems({shape.least})"] if shape.least else []
    parts += [f"list.MaxItems({shape.most})"] if shape.most is not None else []
    return parts[0] if len(parts) == 1 else f"({' & '.join(parts)})"


def _map(shape: Map, depth: int) -> str:
    lines = [line for name, item in shape.members.items() for line in _member(shape, name, item, depth + 1)]
    for pattern, item in shape.rest.items():
        lines.append(f"[=~{_raw(f'^(?:{pattern})$')}]: {emit(item, depth + 1)}")
    if shape.others is not None:
        lines.append("..." if isinstance(shape.others, Anything) else f"[string]: {emit(shape.others, depth + 1)}")
    lines += [*_apart(shape), *map(_conflict, shape.conflicts)]
    tab = "\t" * (depth + 1)
    return "{\n" + "".join(f"{tab}{line}\n" for line in lines) + "\t" * depth + "}" if lines else "{}"


def _member(shape: Map, name: str, item: Shape, depth: int) -> Iterator[str]:
    if item.note:
        yield from _comment(item.note, depth).strip().split("\n" + "\t" * depth)
    label = f"{_alias(name)}={_value(name)}" if name in _asked(shape) else _value(name)
    yield f"{label}{'!' if name in shape.required else '?'}: {emit(item, depth)}"


def _asked(shape: Map) -> frozenset[str]:
    """Members that rules look at: each needs a name that is no text."""
    first = {name for names in shape.apart for name in names[:-1]}
    return frozenset(first.union(*(item.when for item in shape.conflicts)))


def _alias(name: str) -> str:
    return f"the_{name}"


def _apart(shape: Map) -> Iterator[str]:
    for first, second in dict.fromkeys(pair for names in shape.apart for pair in combinations(names, 2)):
        name = _alias(first)
        yield f"if {name} != _|_ if {name} != null {{{_value(second)}?: null}}"


def _conflict(item: Conflict) -> str:
    present = " ".join(f"if {_alias(name)} != _|_" for name in sorted(item.when))
    tests = " && ".join(
        f"({' || '.join(f'{_alias(name)} == {_value(value)}' for value in values)})"
        for name, values in sorted(item.when.items())
    )
    refused = ", ".join(f"{_value(name)}?: null" for name in item.fields)
    return f"{present} if {tests} {{{refused}}}"


def _value(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _raw(pattern: str) -> str:
    """A regular expression as text: raw where that is possible."""
    return (
        f'#"{pattern}"#' if pattern.isprintable() and '"#' not in pattern and "\\#" not in pattern else _value(pattern)
    )


def _comment(note: str, depth: int) -> str:
    tab = "\t" * depth
    return "".join(f"{tab}// {line}\n" for line in note.splitlines())
