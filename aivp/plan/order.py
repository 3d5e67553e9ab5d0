"""Decided steps → one list: every step after what it waits for, lanes per host, batches, conditional marks, refreshes.

The planner fixes all of it; the executor never reorders.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from aivp_contract import diff
from aivp_contract.manifest import PHASES, Kind
from aivp_contract.values import Json

from aivp.model.graph import ResourceGraph
from aivp.plan.decide import Decided
from aivp.plan.steps import Step, StepChange

BATCH = 500
"""Steps of one batch at most: one message, one commit of intents, one of outcomes."""

EFFECTS = frozenset({"create", "update", "replace", "delete", "refresh"})


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
    walk = _Declared(decided, graph, declared, kinds, notifies, frozenset(pending), check)
    laid = [*_bookkeeping(decided), *walk.steps(), *_endings(decided, declared, kinds)]
    return _batched(laid, kinds)


def _bookkeeping(decided: Decided) -> list[Step]:
    """Moves come first: everything else speaks of the new addresses."""
    return [step for address in sorted(decided.steps) for step in decided.steps[address] if step.action == "move"]


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
    ) -> None:
        self.decided = decided
        self.graph = graph
        self.declared = declared
        self.kinds = kinds
        self.notifies = notifies
        self.pending = pending
        self.check = check
        self.waits: dict[str, frozenset[str]] = {}
        self.disturbed: dict[str, set[str]] = {}
        self.senders: dict[str, list[str]] = {}

    def steps(self) -> Iterable[Step]:
        for address in (name for name in self.graph.order if name in self.declared):
            waits = self._waits(address)
            own = [step for step in self.decided.steps.get(address, ()) if step.action != "move"]
            if not own and address in self.decided.unchanged and self.disturbed:
                check = self.check(address)
                own = [check] if self._is_disturbed(check) else []
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

    def _waits(self, address: str) -> frozenset[str]:
        """Ids of the nearest steps before this address; what has no step hands on what it waited for."""
        found = [self.waits[before] for before in self.graph.predecessors(address) if self.waits.get(before)]
        return found[0] if len(found) == 1 else frozenset().union(*found)

    def _lay(self, step: Step, waits: frozenset[str]) -> Step:
        is_conditional = step.is_conditional or self._is_disturbed(step)
        may_act = step.action in EFFECTS or is_conditional
        receivers = [name for name in self.notifies.get(step.address, ()) if name in self.declared and may_act]
        for receiver in receivers:
            self.senders.setdefault(receiver, []).append(step.id)
        if step.action in EFFECTS:
            self.disturbed.setdefault(step.host, set()).update(self.kinds[step.kind].disturbs)
        return replace(
            step,
            waits_for=sorted(waits),
            notifies=sorted(receivers),
            is_conditional=is_conditional,
            bounds=_bounds(step) if is_conditional else (),
        )

    def _is_disturbed(self, step: Step) -> bool:
        """By an earlier effect on its host: those that reach its kind; any at all where a guard of the author looks."""
        disturbed = self.disturbed.get(step.host)
        if disturbed is None or step.action == "adopt":
            return False
        fields = self.kinds[step.kind].fields
        has_guard = any(fields[name].guard for name in step.config if name in fields)
        return has_guard or "*" in disturbed or step.kind in disturbed

    def _refresh(self, address: str, waits: frozenset[str]) -> Step | None:
        senders = self.senders.get(address, [])
        if not senders and address not in self.pending:
            return None
        if address in self.decided.left_out or address in self.decided.blocked:
            return None
        is_certain = address in self.pending or any(not sender.startswith("no-op:") for sender in senders)
        names = ", ".join(sorted({sender.split(":", 1)[1] for sender in senders}))
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
        self.disturbed.setdefault(step.host, set()).update(self.kinds[step.kind].disturbs)
        return step


def _bounds(step: Step) -> Sequence[str]:
    """Fields that a conditional step may touch: those of the planned update, else all that are declared."""
    if step.action == "update" and step.changes:
        return sorted({_name(change) for change in step.changes})
    return step.bounds


def _name(change: StepChange | diff.Change) -> str:
    return change.path.split("/")[1]


def _endings(decided: Decided, declared: Collection[str], kinds: Mapping[str, Kind]) -> list[Step]:
    """What goes, goes last, and in the reverse of how it came: dependents before what they needed."""
    gone = {
        step.id: step
        for steps in decided.steps.values()
        for step in steps
        if step.action in ("delete", "forget") and step.address not in declared
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
    waits = {name: [other for other in needed_by.get(name, ()) if place[other] < place[name]] for name in order}
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


def _batched(laid: Sequence[Step], kinds: Mapping[str, Kind]) -> Laid:
    """Number the batches of each lane: neighbours of one kind that do not wait for each other or for another host."""
    hosts = {step.id: step.host for step in laid}
    lanes: dict[str, list[str]] = {}
    current: dict[str, tuple[tuple[Json, ...], int, set[str]]] = {}
    numbered: list[Step] = []
    for step in laid:
        kind = kinds.get(step.kind)
        family = (step.kind, step.action in ("delete", "forget"), step.action in ("refresh", "move"), step.is_deferred)
        family_before, number, members = current.get(step.host, ((), -1, set()))
        waits_elsewhere = any(hosts.get(other, step.host) != step.host for other in step.waits_for)
        joins = (
            kind is not None
            and kind.batch
            and not step.is_deferred
            and family == family_before
            and len(members) < BATCH
            and members.isdisjoint(step.waits_for)
            and not waits_elsewhere
        )
        if not joins:
            number, members = number + 1, set()
        members.add(step.id)
        current[step.host] = (family, number, members)
        lanes.setdefault(step.host, []).append(step.id)
        numbered.append(replace(step, batch=number))
    return Laid(numbered, lanes)
