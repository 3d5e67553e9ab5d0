"""Names of other tools → names of ours: the same ones each time, and never two as one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from aivp.diagnostics import Diagnostic, Diagnostics
from aivp.model.address import CONTROLLER, NAME

LONGEST = 200

_NAME = re.compile(NAME)
_HARMLESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@%+-]{0,252}")
"""What a name may be elsewhere: no blank, no control character, nothing that a shell or an option means."""


def mended(name: str, what: str) -> str:
    """`web01.example.com` → `web01-example-com`, `10.0.0.5` → `host-10-0-0-5`; what: host or group."""
    if _NAME.fullmatch(name) and name != CONTROLLER:
        return name
    slug = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-")
    if not slug[:1].isalpha() or slug == CONTROLLER:
        slug = f"{what}-{slug}".rstrip("-_")
    return slug[:LONGEST].rstrip("-")


def refuse_hostile(names: Iterable[str], what: str, diagnostics: Diagnostics) -> set[str]:
    """Report names that are none anywhere; the others come back."""
    good: set[str] = set()
    for name in names:
        if _HARMLESS.fullmatch(name):
            good.add(name)
        else:
            why = f"{name[:80]!r} cannot be the name of a {what}."
            mend = "Names begin with a letter or digit, and hold letters, digits and . : @ % + _ - only."
            diagnostics.error("AIVP0232", why, mend)
    return good


def mend_all(
    names: Collection[str], what: str, diagnostics: Diagnostics, taken: Collection[str] = ()
) -> dict[str, str]:
    """Name → our name. Two that come to the same one are reported; a group that has a host's name gets another."""
    found: dict[str, str] = {}
    owner: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (mended(name, what) != name, name)):
        ours = mended(name, what)
        if ours in taken:
            ours = f"{ours}-{what}"
        if ours in owner or ours in taken:
            why = f"The {what}s {owner.get(ours, ours)} and {name} would both be called {ours} here."
            diagnostics.add(Diagnostic("AIVP0233", why, "Rename one of them in the inventory."))
        owner.setdefault(ours, name)
        found[name] = ours
    return found
