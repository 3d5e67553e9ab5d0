"""`--target` and `--exclude`: which addresses take part, and why the others do not."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aivp.diagnostics import Diagnostics
from aivp.model.graph import ResourceGraph
from aivp.model.object import Object
from aivp.plan.options import Options
from aivp.plugins.suggestion import did_you_mean


@dataclass(frozen=True, slots=True)
class Selection:
    """Addresses left out, each with the reason that people read."""

    left_out: Mapping[str, str] = field(default_factory=dict)


def select(
    graph: ResourceGraph,
    declared: Collection[str],
    objects: Sequence[Object],
    options: Options,
    diagnostics: Diagnostics,
) -> Selection:
    """A target takes along what it needs; an exclusion takes along what needs it.

    For an object that nothing declares any more it is the other way round: before it goes, whatever needed it must.
    """
    if not options.targets and not options.excluded:
        return Selection()
    known = sorted({*declared, *(row.address for row in objects)})
    users = _users(declared, objects)
    left_out: dict[str, str] = {}
    if options.targets:
        wanted = _wanted(graph, users, _matching(known, options.targets, diagnostics))
        why = "not a target, and needs none" if options.is_destroy else "not a target, nor needed by one"
        left_out |= {name: why for name in known if name not in wanted}
    if options.excluded:
        excluded = _matching(known, options.excluded, diagnostics)
        dragged = graph.descendants(sorted(excluded & set(graph.nodes)))
        left_out |= dict.fromkeys(sorted(excluded), "excluded")
        left_out |= dict.fromkeys(sorted(dragged - excluded), "needs something that is excluded")
        for name in _still_used(users, left_out):
            left_out.setdefault(name, "still needed by something that is left out")
    return Selection(left_out)


def _users(declared: Collection[str], objects: Sequence[Object]) -> dict[str, list[str]]:
    """Address of an object that nothing declares → the recorded addresses that needed it."""
    found: dict[str, list[str]] = {row.address: [] for row in objects if row.address not in declared}
    for row in objects:
        for needed in row.edges:
            if needed in found:
                found[needed].append(row.address)
    return found


def _wanted(graph: ResourceGraph, users: Mapping[str, Sequence[str]], targets: Iterable[str]) -> set[str]:
    found: set[str] = set()
    stack = sorted(targets)
    while stack:
        name = stack.pop()
        if name not in found:
            found.add(name)
            stack.extend(users.get(name, ()))
            stack.extend(graph.predecessors(name))
    return found


def _still_used(users: Mapping[str, Sequence[str]], left_out: Collection[str]) -> list[str]:
    """Objects that cannot go, since something that is left out has needed them."""
    kept: set[str] = set()
    stack = [name for name, used in users.items() if any(user in left_out for user in used)]
    while stack:
        name = stack.pop()
        if name not in kept:
            kept.add(name)
            stack.extend(other for other, used in users.items() if name in used)
    return sorted(kept)


def _matching(known: Collection[str], wanted: Iterable[str], diagnostics: Diagnostics) -> set[str]:
    """Whole addresses, or an address without its host or key, which means all of them."""
    found: set[str] = set()
    for text in wanted:
        hits = {name for name in known if name == text or name.startswith((f"{text}@", f"{text}["))}
        if not hits:
            bases = {re.split(r"[@\[]", name, maxsplit=1)[0] for name in known}
            mend = did_you_mean(text, {*known, *bases}) or "See: aivp state list"
            diagnostics.error("AIVP0408", f"Nothing is declared or recorded as {text}.", mend)
        found |= hits
    return found
