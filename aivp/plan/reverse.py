"""The order of what ends: last of all, and in the reverse of how it came."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from aivp_contract.manifest import PHASES, Kind

from aivp.plan.steps import Step
from aivp.plan.world import Decided


def order_endings(
    decided: Decided,
    declared: Collection[str],
    kinds: Mapping[str, Kind],
    after: Callable[[str], Iterable[str]],
) -> list[Step]:
    """Deletions and what is forgotten: dependents before what they needed.

    after: address of something declared → ids of the steps after which what it took the place of may go.
    """
    gone = {
        step.id: step
        for steps in decided.steps.values()
        for step in steps
        if step.action in ("delete", "forget") and (step.address not in declared or step.is_of_deposed)
    }
    needed_by: dict[str, set[str]] = {}
    ids: dict[str, list[str]] = {}
    for step in gone.values():
        ids.setdefault(step.address, []).append(step.id)
    for step in gone.values():
        for needed in (name for address in step.edges for name in ids.get(address, ())):
            needed_by.setdefault(needed, set()).add(step.id)
    order = _reverse_topological(gone, needed_by, kinds)
    place = {name: index for index, name in enumerate(order)}
    waits = {name: {other for other in needed_by.get(name, ()) if place[other] < place[name]} for name in order}
    for name in order:
        waits[name].update(after(gone[name].address))
    return [replace(gone[name], waits_for=sorted(waits[name])) for name in order]


def _reverse_topological(
    gone: Mapping[str, Step], needed_by: Mapping[str, set[str]], kinds: Mapping[str, Kind]
) -> list[str]:
    """Dependents first; ties by the latest phase, then address. Recorded edges may be stale, so a cycle is cut."""

    def key(step_id: str) -> tuple[int, str, str]:
        step = gone[step_id]
        kind = kinds.get(step.kind)
        return (-(PHASES.index(kind.phase) if kind is not None else 0), step.address, step_id)

    found: dict[str, None] = {}
    for root in sorted(gone, key=key):
        stack = [(root, False)]
        on_path: set[str] = set()
        while stack:
            node, is_done = stack.pop()
            if is_done:
                found[node] = None
            elif node not in found and node not in on_path:
                on_path.add(node)
                stack.append((node, True))
                stack.extend((n, False) for n in sorted(needed_by.get(node, ()), key=key, reverse=True))
    return list(found)
