"""Decided steps → one list: every step after what it waits for, with conditional marks and refreshes.

The planner fixes all of it; the executor never reorders.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from aivp_contract.manifest import Kind

from aivp.model.graph import ResourceGraph
from aivp.plan.lanes import EFFECTS, Lanes
from aivp.plan.reverse import order_endings
from aivp.plan.steps import Step
from aivp.plan.world import Decided

NAMED = 3
"""Senders that the reason of a refresh names."""


@dataclass(frozen=True, slots=True)
class Laid:
    """Every step in the order of its host's lane, and the lanes: host → step ids."""

    steps: Sequence[Step]
    lanes: Mapping[str, Sequence[str]]


Check = Callable[[str], Step]
"""Address of an unchanged resource → the no-op step that looks at it again."""


def lay_out(
    decided: Decided,
    graph: ResourceGraph,
    declared: Collection[str],
    kinds: Mapping[str, Kind],
    notifies: Mapping[str, Sequence[str]],
    pending: Iterable[str],
    check: Check,
) -> Laid:
    """The order of everything.

    declared: addresses whose conditions hold; notifies: sender → receivers; pending: receivers of an old notification.
    """
    lanes = Lanes(kinds)
    walk = _Declared(decided, graph, declared, kinds, notifies, frozenset(pending), check, lanes)
    moves = [step for address in sorted(decided.steps) for step in decided.steps[address] if step.action == "move"]
    laid = [lanes.lay(step) for step in moves]  # first: everything else speaks of the new addresses
    laid += walk.steps()
    laid += [lanes.lay(step) for step in order_endings(decided, declared, kinds, walk.after)]
    return Laid(laid, lanes.by_host)


class _Declared:
    """The walk over the declared resources in the graph's order."""

    def __init__(
        self,
        decided: Decided,
        graph: ResourceGraph,
        declared: Collection[str],
        kinds: Mapping[str, Kind],
        notifies: Mapping[str, Sequence[str]],
        pending: frozenset[str],
        check: Check,
        lanes: Lanes,
    ) -> None:
        self.decided = decided
        self.graph = graph
        self.declared = declared
        self.kinds = kinds
        self.notifies = notifies
        self.pending = pending
        self.check = check
        self.lanes = lanes
        self.waits: dict[str, frozenset[str]] = {}
        self.senders: dict[str, list[str]] = {}

    def steps(self) -> Iterable[Step]:
        for address in (name for name in self.graph.order if name in self.declared):
            waits = self._waits(address)
            own = [step for step in self.decided.steps.get(address, ()) if not _is_laid_elsewhere(step)]
            if not own and address in self.decided.unchanged and self.lanes.are_disturbed:
                check = replace(self.check(address), waits_for=sorted(waits))
                own = [check] if self.lanes.is_disturbed(check) else []
            last = waits
            for step in own:
                laid = self._lay(step, last)
                yield laid
                last = frozenset({laid.id})
            refresh = self._refresh(address, last if own else waits)
            if refresh is not None:
                yield refresh
                last = frozenset({refresh.id})
            self.waits[address] = last if own or refresh is not None else waits

    def after(self, address: str) -> frozenset[str]:
        """Ids of the last steps of this address, and of all that depends on it directly."""
        found = (self.waits.get(name, frozenset()) for name in (address, *self.graph.successors(address)))
        return frozenset().union(*found)

    def _waits(self, address: str) -> frozenset[str]:
        """Ids of the nearest steps before this address; what has no step hands on what it waited for."""
        found = [self.waits[before] for before in self.graph.predecessors(address) if self.waits.get(before)]
        return found[0] if len(found) == 1 else frozenset().union(*found)

    def _lay(self, step: Step, waits: frozenset[str]) -> Step:
        step = replace(step, waits_for=sorted(waits))
        is_conditional = step.is_conditional or self.lanes.is_disturbed(step)
        may_act = step.action in EFFECTS or is_conditional
        receivers = [name for name in self.notifies.get(step.address, ()) if name in self.declared and may_act]
        for receiver in receivers:
            self.senders.setdefault(receiver, []).append(step.id)
        bounds = _bounds(step) if is_conditional else ()
        return self.lanes.lay(replace(step, notifies=sorted(receivers), is_conditional=is_conditional, bounds=bounds))

    def _refresh(self, address: str, waits: frozenset[str]) -> Step | None:
        senders = self.senders.get(address, [])
        if not senders and address not in self.pending:
            return None
        if address in self.decided.left_out or address in self.decided.blocked:
            return None
        is_certain = address in self.pending or any(not sender.startswith("no-op:") for sender in senders)
        names = _listed(sorted({sender.split(":", 1)[1] for sender in senders}))
        reason = f"notified by {names}" if is_certain else f"only if {names} has to be mended again"
        if address in self.pending:
            reason = "notified in an earlier run" + (f", and {reason}" if senders else "")
        step = replace(
            self.check(address),
            id=f"refresh:{address}",
            action="refresh",
            reason=reason,
            severity="disrupt" if is_certain else "none",
            waits_for=sorted(waits | set(senders)),
            expected=None,
            bounds=(),
            notifies=sorted(name for name in self.notifies.get(address, ()) if name in self.declared),
        )
        for receiver in step.notifies:
            self.senders.setdefault(receiver, []).append(step.id)
        return self.lanes.lay(step)


def _is_laid_elsewhere(step: Step) -> bool:
    """Moves come first of all, and what another object took the place of goes last."""
    return step.action == "move" or step.is_of_deposed


def _listed(names: Sequence[str]) -> str:
    """The first of them: what a step waits for has all."""
    hidden = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {hidden} more" if hidden > 0 else "")


def _bounds(step: Step) -> Sequence[str]:
    """Fields that a conditional step may touch: those of the planned update, else all that are declared."""
    if step.action == "update" and step.changes:
        return sorted({change.path.split("/")[1] for change in step.changes})
    return step.bounds
