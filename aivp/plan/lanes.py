"""Steps one after the other → the lane of each host, in batches; and what of it earlier effects may have disturbed.

A batch is looked at as a whole before its first effect, then acts as a whole: so its members wait for no other of
them, and none of them disturbs another. A package transaction is one batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aivp_contract.manifest import Kind

from aivp.plan.steps import Step

BATCH = 500
"""Steps of one batch at most: one message, one commit of intents, one of outcomes."""

EFFECTS = frozenset({"create", "update", "replace", "delete", "refresh"})


@dataclass
class _Lane:
    """family: what the members of the batch in hand have in common. awaited: steps on other hosts that this lane has
    to wait for anyway, by what is in it. disturbed: kinds that earlier batches may have
    changed, empty only where they had no effect at all; disturbing: those that the batch in hand may change.
    """

    ids: list[str] = field(default_factory=list)
    batch: int = -1
    family: tuple[object, ...] = ()
    members: set[str] = field(default_factory=set)
    awaited: set[str] = field(default_factory=set)
    disturbed: frozenset[str] = frozenset()
    disturbing: set[str] = field(default_factory=set)


class Lanes:
    """The lanes of all hosts, growing by one step at a time."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.kinds = kinds
        self.lanes: dict[str, _Lane] = {}
        self.hosts: dict[str, str] = {}
        self.are_disturbed = False
        """True once any effect may have disturbed anything."""

    @property
    def by_host(self) -> dict[str, list[str]]:
        """Host → step ids in order."""
        return {name: lane.ids for name, lane in self.lanes.items()}

    def lay(self, step: Step) -> Step:
        """Put `step` at the end of its host's lane; it comes back with the number of its batch."""
        lane = self.lanes.setdefault(step.host, _Lane())
        if not self._joins(step, lane):
            lane.batch, lane.family, lane.members = lane.batch + 1, _family(step), set()
            lane.disturbed, lane.disturbing = lane.disturbed | lane.disturbing, set()
        lane.ids.append(step.id)
        lane.members.add(step.id)
        lane.awaited.update(self._elsewhere(step))
        self.hosts[step.id] = step.host
        kind = self.kinds.get(step.kind)
        if step.action in EFFECTS:
            lane.disturbing.update(("", *(kind.disturbs if kind is not None else ())))
            self.are_disturbed = True
        return replace(step, batch=lane.batch)

    def is_disturbed(self, step: Step) -> bool:
        """True where an effect before the batch that `step` would be in may have disturbed what it is about.

        Those count that reach its kind; where a guard of the author looks, all of them.
        """
        lane = self.lanes.get(step.host)
        if lane is None or step.action == "adopt":
            return False
        reached = lane.disturbed if self._joins(step, lane) else lane.disturbed | lane.disturbing
        fields = self.kinds[step.kind].fields
        has_guard = any(fields[name].guard for name in step.config if name in fields)
        return bool(reached) if has_guard else "*" in reached or step.kind in reached

    def _joins(self, step: Step, lane: _Lane) -> bool:
        """Neighbours of one kind share a batch, unless one waits for another, or for a host that no step before it did.

        So do deferred ones, also those within a VM that is to come: what they lack, steps before the batch bring.
        """
        kind = self.kinds.get(step.kind)
        return (
            kind is not None
            and kind.batch
            and _family(step) == lane.family
            and len(lane.members) < BATCH
            and lane.members.isdisjoint(step.waits_for)
            and lane.awaited.issuperset(self._elsewhere(step))
        )

    def _elsewhere(self, step: Step) -> list[str]:
        """What it waits for on other hosts."""
        return [other for other in step.waits_for if self.hosts.get(other, step.host) != step.host]


def _family(step: Step) -> tuple[object, ...]:
    return (step.kind, step.action in ("delete", "forget"), step.action in ("refresh", "move"), step.is_deferred)
