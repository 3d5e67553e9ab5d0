"""A project's folder → the names in it, for who completes what somebody types: quick, and never a complaint.

What cannot be read has no names. Nothing is resolved, and nothing is started: no CUE package, no template.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aivp_contract.values import Json

from aivp.config.documents import Document, read_includes, read_root
from aivp.config.project import Declared
from aivp.diagnostics import Diagnostics, Refused
from aivp.model.address import format_address

MOST = 2000
"""Addresses; nobody looks through more."""

_NOWHERE: list[str | None] = [None]
_KEYS = 50
"""Keys of one `for_each`."""


@dataclass(slots=True)
class Outline:
    """Names as they are declared, by section, in the order of the files. `resources`: name → body."""

    names: dict[str, dict[str, Json]] = field(default_factory=dict)

    def of(self, section: str) -> Mapping[str, Json]:
        """Name → declaration, which may be of any shape."""
        return self.names.get(section, {})

    def addresses(self) -> list[str]:
        """Resources without and with key and host, as far as those are written out."""
        found: dict[str, None] = {}
        for name, body in self.of("resources").items():
            found[name] = None
            for address in self._instances(name, body if type(body) is dict else {}):
                found[address] = None
                if len(found) >= MOST:
                    return [*found]
        return [*found]

    def _instances(self, name: str, body: Mapping[str, Any]) -> Iterator[str]:
        kind, _, rest = name.partition(".")
        hosts = body.get("host", [*self.of("hosts")] if len(self.of("hosts")) == 1 else None)
        named = hosts if type(hosts) is list else [hosts]
        known: list[str | None] = []
        known += [host for host in named if type(host) is str and "$" not in host]
        for key in self._keys(body.get("for_each")):
            for host in known or _NOWHERE:
                yield format_address(kind, rest, key, host)

    def _keys(self, value: Json) -> list[str | None]:
        if type(value) is str and value.startswith("${var.") and value.endswith("}"):
            variable = self.of("variables").get(value[6:-1])
            value = variable.get("default") if type(variable) is dict else None
        if type(value) is int:
            return [str(index) for index in range(min(value, _KEYS))]
        found: list[str | None] = []
        found += [key for key in (value if type(value) in (list, dict) else ()) if type(key) is str][:_KEYS]
        return found or _NOWHERE


def outline(root: Path) -> Outline:
    """What the project at `root` declares in any of its environments."""
    try:
        document = read_root(root, Diagnostics())
    except Refused:
        return Outline()
    found = Outline()
    environments = document.content.value.get("environments")
    parts = environments if type(environments) is dict else {}
    spans = document.content.spans
    declared = [Declared(part, ("environments", name), spans) for name, part in parts.items() if type(part) is dict]
    for environment in (None, *declared):
        for item in read_includes(document, environment, root, Diagnostics()).documents:
            _gather(item, found)
    return found


def _gather(document: Document, into: Outline) -> None:
    for section, part in document.content.value.items():
        if type(part) is dict:
            into.names.setdefault(section, {}).update(part)
