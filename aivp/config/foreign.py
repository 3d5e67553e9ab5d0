"""YAML as other tools read it (YAML 1.1 after PyYAML, with Ansible's tags) → values and the lines of keys.

For bringing other tools' files in, never for the language itself. Values that are sealed stay sealed: nothing of them
is kept. Hostile input costs no more than its size, as in `yaml`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml as pyyaml
from aivp_contract.values import Json

from aivp.config import events

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 60
MAX_VALUES = 500_000
"""Values of one file, counting what aliases stand for."""

SEALED_TAGS = frozenset({"!vault", "!vault-encrypted"})
_LARGEST = 2**53 - 1


class Sealed:
    """Stands for a value that a vault holds."""


SEALED = Sealed()


class BadForeign(Exception):
    """No such file can be made sense of; the message says why, `line` where (0: nowhere in particular)."""

    def __init__(self, why: str, line: int = 0) -> None:
        super().__init__(why)
        self.line = line


@dataclass(frozen=True, slots=True)
class Foreign:
    """The value of a file, None for an empty one. lines: path of a key or item → its line."""

    value: Json
    lines: Mapping[tuple[str | int, ...], int] = field(default_factory=dict)

    def line(self, *path: str | int) -> int:
        """The line of what stands at `path`, or of the nearest that it stands in."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_foreign(data: bytes) -> Foreign:
    """Raises BadForeign."""
    if len(data) > MAX_BYTES:
        raise BadForeign(f"it has more than {MAX_BYTES >> 20} MiB")
    if events.has_many_directives(data):
        raise BadForeign("it has more than 16 lines that start with %")
    try:
        return _Reader(data).read()
    except events.YAMLError as error:
        failed: Any = error
        mark = getattr(failed, "problem_mark", None)
        why = getattr(failed, "problem", None) or "it is no YAML"
        raise BadForeign(str(why), 0 if mark is None else mark.line + 1) from None


class _Reader:
    """count: values so far. anchors: name → value, and how many values it stands for."""

    def __init__(self, data: bytes) -> None:
        self.following = events.open_events(data)
        self.scalars: Any = pyyaml.SafeLoader("")
        self.lines: dict[tuple[str | int, ...], int] = {}
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.count = 0

    def read(self) -> Foreign:
        documents = 0
        value: Json = None
        while True:
            event = self._next()
            if type(event) is events.StreamEndEvent:
                return Foreign(value, self.lines)
            if type(event) is events.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    raise BadForeign("it has more than one document", _line(event))
                value = self._value(self._next(), (), 0)

    def _next(self) -> Any:
        return self.following()

    def _value(self, event: Any, path: tuple[str | int, ...], depth: int) -> Any:
        line = _line(event)
        before = self.count
        self.count += 1
        if depth > MAX_DEPTH or self.count > MAX_VALUES:
            raise BadForeign("it is nested too deep" if depth > MAX_DEPTH else "it holds too many values", line)
        self.lines.setdefault(path, line)
        match type(event):
            case events.AliasEvent:
                if event.anchor not in self.anchors:
                    raise BadForeign(f"the alias {event.anchor} has no anchor", line)
                value, weight = self.anchors[event.anchor]
                self.count += weight
                return value
            case events.ScalarEvent:
                value = self._scalar(event)
            case events.SequenceStartEvent:
                value = []
                while type(item := self._next()) is not events.SequenceEndEvent:
                    value.append(self._value(item, (*path, len(value)), depth + 1))
            case _:
                value = self._mapping(path, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, self.count - before)
        return value

    def _mapping(self, path: tuple[str | int, ...], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: list[dict[str, Any]] = []
        while type(event := self._next()) is not events.MappingEndEvent:
            line = _line(event)
            key = self._value(event, (*path, "?"), depth + 1)
            if isinstance(key, (dict, list, Sealed)):
                raise BadForeign("a key is no text", line)
            name = key if type(key) is str else event.value if type(event) is events.ScalarEvent else str(key)
            self.lines[(*path, name)] = line
            value = self._value(self._next(), (*path, name), depth + 1)
            if name == "<<" and type(event) is events.ScalarEvent and event.implicit[0]:
                merged += [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]
            else:
                found[name] = value
        for other in merged:
            found = {**other, **found}
        return found

    def _scalar(self, event: Any) -> Any:
        if event.tag in SEALED_TAGS:
            return SEALED
        if event.tag is not None or not event.implicit[0]:
            is_typed = event.tag is not None and event.tag.startswith("tag:yaml.org,2002:")
            tag = event.tag if is_typed else "tag:yaml.org,2002:str"
        else:
            tag = self.scalars.resolve(pyyaml.ScalarNode, event.value, (True, False))
        try:
            value = self.scalars.construct_object(pyyaml.ScalarNode(tag, event.value), deep=True)
        except (pyyaml.YAMLError, ValueError, OverflowError, IndexError, KeyError, AttributeError):
            return event.value
        return plain_value(value, event.value)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def plain_value(value: Any, text: str) -> Json:
    """A scalar that JSON has, within what aivp takes; anything else, such as a date, is the text that it was."""
    match value:
        case bool() | None | str():
            return value
        case int() if abs(value) <= _LARGEST:
            return value
        case float() if math.isfinite(value):
            return int(value) if value.is_integer() and abs(value) <= _LARGEST else value
        case _:
            return text
