"""A tree of Ansible → hosts and groups as our documents declare them, and what of it is left out, with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aivp_contract.values import TAG, Json

from aivp.config.foreign import Sealed
from aivp.diagnostics import Diagnostic, Diagnostics
from aivp.edit.inventory.connection import OURS, Reached, reach
from aivp.edit.inventory.names import mend_all, mended, refuse_hostile
from aivp.edit.inventory.tree import Setting, Settings, Tree

_PASSWORDS = re.compile(r"(?i)(^|_)(pass|password|passwd|passphrase|secret|token|api_?key|private_?key|credentials?)$")
_TEMPLATE = re.compile(r"\{\{|\{%")
_PLACES_SHOWN = 3

SEALED = "it is in a vault, and no vault is copied"
UNSEALED = "it looks like a password: declare it under secrets"
TEMPLATE = "it is a template, and values are data here: write what it comes to"
FOREIGN = "it has no counterpart here"
UNFIT = "its name, or a name within it, cannot stand in a document"


@dataclass
class Recorded:
    """hosts, groups: name → declaration. places: host → where its inventory has it. left: what is left out, and why."""

    hosts: dict[str, dict[str, Json]] = field(default_factory=dict)
    groups: dict[str, dict[str, Json]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    left: list[Diagnostic] = field(default_factory=list)


def record(tree: Tree, diagnostics: Diagnostics) -> Recorded:
    """What `tree` comes to; what must not be recorded at all is reported."""
    left = _Left()
    members = tree.members()
    effective = tree.effective()
    good = refuse_hostile(sorted(tree.hosts), "host", diagnostics)
    reached: dict[str, Reached] = {}
    for name in sorted(good):
        found = reach(name, effective[name])
        if found.why:
            left.host(name, tree.hosts[name].place, found.why)
        else:
            reached[name] = found
    ours = mend_all(reached, "host", diagnostics)
    groups = mend_all(
        refuse_hostile(sorted(members), "group", diagnostics), "group", diagnostics, frozenset(ours.values())
    )
    result = Recorded()
    for name in sorted(reached, key=lambda name: ours[name]):
        declaration = dict(reached[name].connection)
        if declaration.get("address") == ours[name]:
            del declaration["address"]
        if kept := _variables(effective[name], reached[name], left):
            declaration["vars"] = kept
        result.hosts[ours[name]] = declaration
        result.places[ours[name]] = tree.hosts[name].place
    for name in sorted(groups, key=lambda name: groups[name]):
        result.groups[groups[name]] = {"hosts": sorted(ours[host] for host in members[name] if host in ours)}
    for name in sorted(groups):
        if groups[name] != mended(name, "group"):
            left.renamed(name, groups[name])
    result.left = list(left.told())
    return result


def _variables(settings: Settings, found: Reached, left: _Left) -> dict[str, Json]:
    kept: dict[str, Json] = {}
    for name in sorted(settings):
        setting = settings[name]
        why = found.left.get(name) or _objection(name, setting)
        if name in OURS and name not in found.left and not _holds_sealed(setting.value):
            continue
        if why:
            left.variable(name, setting, why)
        else:
            kept[name] = setting.value
    return kept


def _objection(name: str, setting: Setting) -> str:
    """Why a variable is not recorded; empty where it is."""
    if _holds_sealed(setting.value):
        return SEALED
    if _PASSWORDS.search(name) and setting.value not in (None, "", True, False):
        return UNSEALED
    if name.startswith("ansible_"):
        return FOREIGN
    if any(_TEMPLATE.search(text) for text in _texts(setting.value)):
        return TEMPLATE
    if not _is_fit(name) or not all(_is_fit(key) for key in _keys(setting.value)):
        return UNFIT
    return UNSEALED if any(_PASSWORDS.search(key) for key in _keys(setting.value)) else ""


def _holds_sealed(value: Any) -> bool:
    match value:
        case Sealed():
            return True
        case dict():
            return any(_holds_sealed(item) for item in value.values())
        case list():
            return any(_holds_sealed(item) for item in value)
        case _:
            return False


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from _texts(item)
        case list():
            for item in value:
                yield from _texts(item)
        case _:
            return


def _keys(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for key, item in value.items():
                yield key
                yield from _keys(item)
        case list():
            for item in value:
                yield from _keys(item)
        case _:
            return


def _is_fit(key: str) -> bool:
    return key not in ("", "<<", TAG) and key.isprintable()


class _Left:
    """What is left out: one line for each variable and reason, wherever it is set."""

    def __init__(self) -> None:
        self._hosts: list[Diagnostic] = []
        self._variables: dict[tuple[str, str], dict[str, None]] = {}

    def host(self, name: str, place: str, why: str) -> None:
        """A host that cannot be declared."""
        text = f"{place}: the host {name} is left out: {why}."
        self._hosts.append(
            Diagnostic("AIVP0620", text, "Declare it by hand, if aivp can reach it.", severity="warning")
        )

    def renamed(self, name: str, ours: str) -> None:
        """A group that has the name of a host."""
        text = f"The group {name} is called {ours} here: hosts and groups share one namespace, and a host has its name."
        self._hosts.append(Diagnostic("AIVP0233", text, severity="warning"))

    def variable(self, name: str, setting: Setting, why: str) -> None:
        """A variable of some host that is not recorded."""
        self._variables.setdefault((name, why), {})[setting.place] = None

    def told(self) -> Iterator[Diagnostic]:
        """As warnings, hosts first."""
        yield from self._hosts
        for (name, why), places in sorted(self._variables.items()):
            shown = sorted(places, key=_by_line)
            rest = len(shown) - _PLACES_SHOWN
            more = f" and {rest:,} more" if rest > 0 else ""
            text = f"{', '.join(shown[:_PLACES_SHOWN])}{more}: {name[:80]} is left out: {why}."
            yield Diagnostic("AIVP0620", text, severity="warning")


def _by_line(place: str) -> tuple[str, int]:
    file, _, line = place.rpartition(":")
    return (file, int(line)) if line.isdigit() else (place, 0)
