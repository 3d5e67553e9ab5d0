"""A plan's source map → where that is declared what a step failed for.

The map is for people and stands in no digest: what is wrong with one costs the places, nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aivp_contract.values import Json

from aivp.diagnostics import Diagnostic, Span
from aivp.events.event import Event, StepEnded

LONGEST = 4096
"""Characters of a place; the map may come from anywhere."""


@dataclass(frozen=True, slots=True)
class Places:
    """Address → JSON pointer → `file:line:column`, as in the file beside a plan."""

    found: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def span(self, address: str, pointer: str = "") -> Span | None:
        """Of the field that `pointer` leads into, of its resource where that field has none; None if unknown."""
        fields = self.found.get(address, {})
        top = "/" + pointer.split("/")[1] if pointer.startswith("/") else ""
        text = fields.get(top, fields.get("", ""))
        file, _, rest = text.rpartition(":")
        file, _, line = file.rpartition(":")
        if not file or not line.isascii() or not line.isdigit() or not rest.isascii() or not rest.isdigit():
            return None
        span = Span(file, int(line), int(rest))
        return span if span.line and span.column else None

    def event(self, event: Event) -> Event:
        """The event, a step that went wrong with the place in the people's files."""
        return self.step(event) if isinstance(event, StepEnded) else event

    def step(self, event: StepEnded) -> StepEnded:
        """The same for the end of a step."""
        if event.error is None:
            return event
        return replace(event, span=self.span(event.address, str(event.error.get("path") or "")))

    def diagnostic(self, item: Diagnostic) -> Diagnostic:
        """The diagnostic of a resource with its place, unless it has one."""
        if item.span is not None or item.address is None:
            return item
        return replace(item, span=self.span(item.address, item.pointer))


def read_places(body: bytes) -> Places:
    """A source map's bytes; what is none gives no places."""
    try:
        form: Json = json.loads(body)
    except (ValueError, RecursionError):
        return Places()
    if not isinstance(form, dict):
        return Places()
    return Places({address: _fields(fields) for address, fields in form.items() if isinstance(fields, dict)})


def _fields(fields: Mapping[str, Json]) -> dict[str, str]:
    return {name: text for name, text in fields.items() if isinstance(text, str) and len(text) <= LONGEST}
