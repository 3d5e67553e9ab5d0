"""One declared resource and what is known of it → steps about it. Which of them it needs is decided elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from aivp_contract import canonical, diff
from aivp_contract.manifest import Kind
from aivp_contract.observation import Observation
from aivp_contract.values import Json, Tagged, Verdict

from aivp.model.object import Object, Provenance
from aivp.model.resource import NO_META
from aivp.plan.bind import Bound
from aivp.plan.identity import is_same, known_identity
from aivp.plan.steps import Action, Cause, Severity, Step, StepChange
from aivp.plan.world import World


@dataclass(frozen=True, slots=True)
class Draft:
    """What every step of one resource shares. `row`: the object that it stands for, None while there is none."""

    world: World
    bound: Bound
    row: Object | None

    @property
    def address(self) -> str:
        """The resource's address."""
        return self.bound.resource.address

    @property
    def kind(self) -> Kind:
        """The manifest of its kind."""
        return self.world.kinds[self.bound.resource.kind]

    @property
    def prior(self) -> Mapping[str, Json] | None:
        """The managed fields last applied."""
        return None if self.row is None else self.row.attributes

    @property
    def is_other_thing(self) -> bool:
        """True where the declaration now means another real thing than the one that is recorded."""
        return self.row is not None and not is_same(self.kind, self.row, self.kind.identity_of(self.bound.desired))

    @property
    def identity(self) -> dict[str, Json]:
        """Which real thing it is about, as far as that is known."""
        return known_identity(self.kind, self.bound.attributes, self.row, self.world.imported.get(self.address))

    def managed(self, values: Mapping[str, Json]) -> dict[str, Json]:
        """Without the fields whose differences the declaration says to ignore."""
        ignored = self.bound.resource.lifecycle.ignore_changes
        return {name: value for name, value in values.items() if name not in ignored}

    def step(
        self,
        action: Action,
        reason: str,
        severity: Severity,
        desired: Mapping[str, Json],
        changes: Sequence[diff.Change] = (),
        *,
        expected: str | None = None,
        provenance: Provenance = "created",
    ) -> Step:
        """A step towards `desired`, the fields that it is to set."""
        resource = self.bound.resource
        config = {name: self.bound.attributes[name] for name in desired}
        return Step(
            id=f"{action}:{resource.address}",
            address=resource.address,
            kind=resource.kind,
            host=resource.host,
            action=action,
            reason=reason,
            severity=severity,
            config=config,
            identity=self.identity,
            changes=[self._change(change, desired) for change in changes],
            expected=expected,
            is_deferred=not self.bound.is_known,
            bounds=sorted(config),
            provenance=provenance,
            lifecycle=resource.lifecycle,
            meta=resource.meta,
            edges=self.world.edges.get(resource.address, ()),
        )

    def additions(self) -> Sequence[diff.Change]:
        """Everything that is worth showing of something new."""
        return diff.decide(self.kind, self.bound.desired, Observation(None), None).changes

    def deferred(self) -> Step:
        """For what nobody could be asked about yet."""
        reason = "what it needs is known only during apply"
        step = self.step("create", reason, "change", self.bound.desired, self.additions())
        return replace(step, is_conditional=True, is_deferred=True)

    def unseen(self) -> Step:
        """For what the evidence does not know, since it is of an older declaration."""
        return replace(self.deferred(), reason="new since the evidence was recorded; nobody looked yet")

    def within(self, host: str) -> Step:
        """For what is declared on a host that the plan brings."""
        reason = f"comes with {host}"
        step = self.step("create", reason, "change", self.bound.desired, self.additions())
        return replace(step, is_conditional=True, is_deferred=True)

    def within_started(self, host: str) -> Step:
        """For what is known to be on a host that the plan starts: looked at once that runs."""
        return replace(self.check(), reason=f"looked at once {host} runs", is_conditional=True, is_deferred=True)

    def moved(self, row: Object) -> Step:
        """`row` gets this address, or its host hears that it has it; nothing happens to the real thing."""
        resource = self.bound.resource
        previous = row.registered if row.address == resource.address else row.address
        return Step(
            id=f"move:{resource.address}",
            address=resource.address,
            kind=row.kind,
            host=row.host,
            action="move",
            reason=f"it was {previous}",
            severity="none",
            config=dict(row.attributes),
            identity=row.identity,
            previous=previous,
            provenance=row.provenance,
            lifecycle=resource.lifecycle,
            meta=NO_META,
            edges=self.world.edges.get(resource.address, ()),
        )

    def check(self) -> Step:
        """The no-op that looks at an unchanged resource again, after an earlier step may have disturbed it."""
        provenance: Provenance = "created" if self.row is None else self.row.provenance
        reason = "as declared; an earlier step may disturb it"
        return self.step("no-op", reason, "none", self.managed(self.bound.desired), provenance=provenance)

    def _change(self, change: diff.Change, desired: Mapping[str, Json]) -> StepChange:
        name = change.path.split("/")[1]
        after = self._covered(name, change.after)
        return StepChange(change.op, change.path, change.before, after, self._cause(name, desired))

    def _covered(self, name: str, value: Json) -> Json:
        """What a sensitive field is to be, for reviewers and their logs: as declared, however it was written there."""
        meaning = self.kind.fields.get(name)
        is_plain = value is not None and not isinstance(value, Tagged)
        return Verdict(True) if is_plain and meaning is not None and meaning.sensitive else value

    def _cause(self, name: str, desired: Mapping[str, Json]) -> Cause:
        if self.row is None or name not in self.row.attributes:
            return "intent"
        is_same = canonical.encode(self.row.attributes[name]) == canonical.encode(desired.get(name))
        return "drift" if is_same else "intent"
