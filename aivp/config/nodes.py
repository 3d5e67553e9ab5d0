"""Text of one YAML file → its values and where each begins and ends: for who changes words in people's files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aivp.config import events


@dataclass(slots=True)
class Node:
    """A scalar, list or map between two characters of the text. An alias is a scalar without a value."""

    start: int
    end: int
    value: str | None = None
    items: list[Node] = field(default_factory=list)
    members: list[tuple[Node, Node]] = field(default_factory=list)

    def get(self, name: str) -> Node | None:
        """The member of a map."""
        return next((value for key, value in self.members if key.value == name), None)

    def scalars(self) -> Iterator[Node]:
        """All values at and beneath it that are scalars; keys are none."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            if node.value is not None:
                yield node
            waiting += [*node.items, *(value for _, value in node.members)]


def compose(text: str) -> Node | None:
    """The root of a file that `yaml.parse` reads; None where it is empty. Raises YAMLError."""
    following = events.open_events(text.encode())
    root: list[Node] = []
    stack: list[tuple[Node, list[Node]]] = []
    """Open containers with what stands in them so far, keys of maps among it."""
    while True:
        event: Any = following()
        kind = type(event)
        if kind is events.StreamEndEvent:
            return root[0] if root else None
        if kind in (events.MappingEndEvent, events.SequenceEndEvent):
            node, found = stack.pop()
            node.end = event.end_mark.index
            if kind is events.SequenceEndEvent:
                node.items = found
            else:
                node.members = list(zip(found[::2], found[1::2], strict=True))
            continue
        if kind not in (events.ScalarEvent, events.AliasEvent, events.MappingStartEvent, events.SequenceStartEvent):
            continue
        value = event.value if kind is events.ScalarEvent else None
        node = Node(event.start_mark.index, event.end_mark.index, value)
        (stack[-1][1] if stack else root).append(node)
        if kind in (events.MappingStartEvent, events.SequenceStartEvent):
            stack.append((node, []))
