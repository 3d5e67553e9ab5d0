"""Recorded hosts and groups → the bytes of a document, after the very checks that a project will make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aivp_contract.values import Json

from aivp.compile.hosts import read_hosts
from aivp.compile.scope import Scope
from aivp.config.project import Declared, Project
from aivp.diagnostics import Diagnostics, Span
from aivp.edit.inventory.recorded import Recorded
from aivp.edit.yaml import dump, escaped

HEAD = "Recorded by aivp hosts record, which writes it anew: changes by hand are lost."

_ORDER = ("transport", "address", "user", "port", "identity_file", "jump", "command", "become", "labels", "vars")


def document(found: Recorded, diagnostics: Diagnostics) -> bytes:
    """The same bytes for the same inventory. Everything in it is data: no text becomes a reference.

    What a project would refuse is reported, with the place in the inventory.
    """
    hosts = {name: _ordered(escaped(found.hosts[name])) for name in sorted(found.hosts)}
    groups = {name: _ordered(escaped(found.groups[name])) for name in sorted(found.groups)}
    _check(found, hosts, groups, diagnostics)
    sections: dict[str, Json] = {"hosts": hosts}
    return dump({**sections, "groups": groups} if groups else sections, HEAD)


def is_recorded(data: bytes) -> bool:
    """True for a file that `document` wrote: it may be written over."""
    return data.startswith(f"# {HEAD}\n".encode())


def _ordered(declaration: Mapping[str, Json]) -> dict[str, Json]:
    known = [name for name in _ORDER if name in declaration]
    return {name: declaration[name] for name in (*known, *sorted(declaration.keys() - set(known)))}


@dataclass(frozen=True)
class _Place:
    """Stands for the place of a whole declaration; no line of an inventory is ever shown, since it may hold secrets."""

    place: str

    def value(self, path: Sequence[str | int]) -> Span:
        return Span(self.place, 0, 0)

    def key(self, path: Sequence[str | int]) -> Span:
        return Span(self.place, 0, 0)


def _check(found: Recorded, hosts: Mapping[str, Json], groups: Mapping[str, Json], diagnostics: Diagnostics) -> None:
    project = Project(
        Path("/nonexistent"),
        "inventory",
        "main",
        hosts={name: Declared(item, (), _Place(found.places.get(name, name))) for name, item in hosts.items()},
        groups={name: Declared(item, (), _Place(name)) for name, item in groups.items()},
    )
    mistakes = Diagnostics()
    read_hosts(project, Scope(project), mistakes)
    for item in mistakes:
        place = "" if item.span is None else f"{item.span.file}: "
        diagnostics.add(replace(item, span=None, related=(), why=f"{place}{item.why}"))
