"""`--target` and `--exclude`: which addresses take part, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aivp.diagnostics import Diagnostics
from aivp.model.graph import ResourceGraph
from aivp.plan.options import Options


@dataclass(frozen=True, slots=True)
class Selection:
    """Addresses left out, each with the reason that people read."""

    left_out: Mapping[str, str] = field(default_factory=dict)


def select(graph: ResourceGraph, addresses: Iterable[str], options: Options, diagnostics: Diagnostics) -> Selection:
    """A target takes along what it needs; an exclusion takes along what needs it."""
    known = sorted(set(addresses))
    targets = _matching(known, options.targets, diagnostics)
    excluded = _matching(known, options.excluded, diagnostics)
    left_out: dict[str, str] = {}
    if options.targets:
        wanted = targets | graph.ancestors(sorted(targets & set(graph.nodes)))
        left_out |= {name: "not a target, nor needed by one" for name in known if name not in wanted}
    if excluded:
        dragged = graph.descendants(sorted(excluded & set(graph.nodes)))
        left_out |= {name: "excluded" for name in sorted(excluded)}
        left_out |= {name: "needs something that is excluded" for name in sorted(dragged - excluded)}
    return Selection(left_out)


def _matching(known: Iterable[str], wanted: Iterable[str], diagnostics: Diagnostics) -> set[str]:
    """Whole addresses, or an address without its host or key, which means all of them."""
    found: set[str] = set()
    for text in wanted:
        hits = {name for name in known if name == text or name.startswith((f"{text}@", f"{text}["))}
        if not hits:
            diagnostics.error("AIVP0408", f"Nothing is declared or recorded as {text}.", "See: aivp state list")
        found |= hits
    return found
