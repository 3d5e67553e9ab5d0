"""Where the parts of a YAML document stand: found by a second parse, only when somebody asks.

Reading 10,000 resources (60,000 lines) takes 0.16 CPU seconds and 6 MB, this parse as much again and 18 MB. Most
commands ask for a handful of positions or for none, so values are read without and the text is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from aivp.config import events
from aivp.diagnostics import Span

MAX_NODES = 1_000_000
"""Of one document, an alias counted with all it stands for."""


class YamlSpans:
    """The `Spans` of one YAML document. A node is its place (`line << 24 | column`, from 0) or (place, parts)."""

    def __init__(self, file: str, data: bytes) -> None:
        self.file = file
        self._data = data

    def value(self, path: Sequence[str | int]) -> Span:
        """The place of the value at `path`, or of the deepest part of it that is there."""
        return self._span(_walk(self._root, path)[1])

    def key(self, path: Sequence[str | int]) -> Span:
        """The place of the last key of `path`, or of the deepest part of it that is there."""
        return self._span(_walk(self._root, path)[0])

    @cached_property
    def _root(self) -> Any:
        return _tree(self._data)

    def _span(self, place: int) -> Span:
        return Span(self.file, (place >> 24) + 1, (place & 0xFFFFFF) + 1)


def _walk(node: Any, path: Sequence[str | int]) -> tuple[int, int]:
    """The places of the last key and of its value."""
    key = place = _place(node)
    for part in path:
        parts = node[1] if type(node) is tuple else None
        if type(parts) is dict and part in parts:
            key, node = parts[part]
            place = _place(node)
        elif type(parts) is list and type(part) is int and part < len(parts):
            node = parts[part]
            key = place = _place(node)
        else:
            return place, place
    return key, place


def _place(node: Any) -> int:
    return node[0] if type(node) is tuple else node  # type: ignore[no-any-return]


def _tree(data: bytes) -> Any:
    """The nodes of the first document, as far as `data` is YAML. Of equal keys the first one counts."""
    following = events.open_events(data)
    root: list[Any] = []
    open_nodes: list[tuple[list[Any], Any]] = []
    parts: list[Any] = root  # of a mapping: key node, value node, in turn
    anchors: dict[str, Any] = {}
    try:
        for _ in range(2 * MAX_NODES):
            event = following()
            kind = type(event)
            if kind is events.ScalarEvent:
                node: Any = _mark(event)
                parts.append((node, event.value) if _is_key(parts) else node)
            elif kind is events.MappingStartEvent or kind is events.SequenceStartEvent:
                open_nodes.append((parts, event))
                parts = _Keyed() if kind is events.MappingStartEvent else []
                continue
            elif kind is events.MappingEndEvent or kind is events.SequenceEndEvent:
                content = parts
                parts, event = open_nodes.pop()
                node = (_mark(event), _paired(content) if type(content) is _Keyed else content)
                parts.append((node[0], None) if _is_key(parts) else node)
            elif kind is events.AliasEvent:
                target = anchors.get(event.anchor)
                node = (_mark(event), target[1]) if type(target) is tuple else _mark(event)
                parts.append((_mark(event), None) if _is_key(parts) else node)
            elif kind is events.StreamEndEvent or (kind is events.DocumentStartEvent and root):
                break
            else:
                continue
            if event.anchor is not None and kind is not events.AliasEvent:
                anchors[event.anchor] = node
    except events.YAMLError:
        pass  # the reader has reported it
    while open_nodes:
        content = parts
        parts, event = open_nodes.pop()
        parts.append((_mark(event), _paired(content) if type(content) is _Keyed else content))
    return root[0] if root else 0


class _Keyed(list[Any]):
    """Parts of a mapping, while they are gathered."""


def _is_key(parts: list[Any]) -> bool:
    return type(parts) is _Keyed and len(parts) % 2 == 0


def _paired(content: list[Any]) -> dict[str, tuple[int, Any]]:
    """`[(place, key), node, …]` → key → (place, node)."""
    found: dict[str, tuple[int, Any]] = {}
    for (place, key), node in zip(content[::2], content[1::2], strict=False):
        found.setdefault(key, (place, node))
    return found


def _mark(event: Any) -> int:
    mark = event.start_mark
    return mark.line << 24 | min(mark.column, 0xFFFFFF)  # type: ignore[no-any-return]
