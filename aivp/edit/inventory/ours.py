"""Hosts and groups in aivp's own words, as a program of the user's prints them → the same, checked for their shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aivp.diagnostics import Diagnostics
from aivp.edit.inventory.names import mended
from aivp.edit.inventory.recorded import Recorded

SECTIONS = frozenset({"hosts", "groups"})


def is_ours(value: Any) -> bool:
    """True for a document of ours: `hosts`, and maybe `groups`, where every host says its transport."""
    if not isinstance(value, dict) or not value or not value.keys() <= SECTIONS:
        return False
    hosts = value.get("hosts") or {}
    return isinstance(hosts, dict) and all(isinstance(item, dict) and "transport" in item for item in hosts.values())


def read_ours(value: Mapping[str, Any], source: str, diagnostics: Diagnostics) -> Recorded:
    """Names are not mended here: who writes our words can write our names."""
    found = Recorded()
    for section, what, into in (("hosts", "host", found.hosts), ("groups", "group", found.groups)):
        for name, item in sorted((value.get(section) or {}).items()):
            if mended(name, what) != name:
                why = f"{name[:80]!r} cannot be the name of a {what}: names match [a-z][a-z0-9_-]*."
                diagnostics.error("AIVP0232", why, f"Call it {mended(name, what)}." if name.isprintable() else "")
            elif not isinstance(item, dict):
                diagnostics.error("AIVP0231", f"{source}: the {what} {name} is no mapping.")
            else:
                into[name] = {key: item[key] for key in sorted(item)}
    found.places = {name: f"{source}, {name}" for name in found.hosts}
    return found
