"""One resource or object → the steps it needs, with reason, severity and causes; nothing here knows of order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aivp_contract import canonical, diff
from aivp_contract.manifest import Kind
from aivp_contract.observation import Observation
from aivp_contract.values import Json

from aivp.diagnostics import Diagnostics
from aivp.model.evidence import Evidence, Seen, object_key
from aivp.model.object import Object
from aivp.model.resource import NO_LIFECYCLE, NO_META, Lifecycle
from aivp.plan.bind import Bound, Kinds, same_values
from aivp.plan.steps import Cause, Severity, Step, StepChange


@dataclass
class Decided:
    """What deciding gathers: steps by address, and what could not be decided."""

    steps: dict[str, list[Step]] = field(default_factory=dict)
    unchanged: set[str] = field(default_factory=set)
    left_out: dict[str, str] = field(default_factory=dict)
    is_applicable: bool = True

    def add(self, step: Step) -> None:
        """Append a step of its address."""
        self.steps.setdefault(step.address, []).append(step)


@dataclass(frozen=True, slots=True)
class Ending:
    """What somebody said about the end of an object, and how the plan puts it."""

    is_delete: bool
    reason: str


REMOVED_FORGET = Ending(False, "declared as removed, to be kept")
REMOVED_DELETE = Ending(True, "declared as removed")
ON_FALSE_FORGET = Ending(False, "its condition no longer holds; the real thing stays")
ON_FALSE_DELETE = Ending(True, "its condition no longer holds")


@dataclass(frozen=True, slots=True)
class World:
    """What deciding reads beside the resource itself."""

    evidence: Evidence
    kinds: Kinds
    rows: Mapping[str, Object]
    edges: Mapping[str, Sequence[str]]
    """Address → the addresses that it needs, sorted."""
    imported: frozenset[str]


def decide_resource(world: World, bound: Bound, decided: Decided, diagnostics: Diagnostics) -> None:
    """The steps of one declared resource."""
    address, kind = bound.resource.address, world.kinds[bound.resource.kind]
    row = world.rows.get(address)
    seen = world.evidence.seen.get(address)
    unreached = _why_unreached(world, bound.resource.host, decided)
    if unreached is not None:
        decided.left_out[address] = unreached
        return
    if seen is None:
        decided.is_applicable &= not bound.is_known  # evidence that should have it: recorded for something else
        decided.add(_deferred(world, bound, kind))
        return
    if _is_refused(seen, kind, bound, diagnostics):
        return
    observation = _observation(seen, bound, decided)
    old = world.evidence.seen.get(object_key(row)) if row is not None else None
    if old is not None and old.error is not None:
        _report(old, address, diagnostics)
        return
    if row is not None and row.address != address:
        decided.add(_moved(world, bound, row))
    if row is not None and old is None and _is_other_thing(row, kind, bound):
        decided.is_applicable = False  # nobody looked at the old thing
    for step in _steps(world, bound, kind, row, observation, diagnostics):
        decided.add(step)
    if address not in decided.steps:
        decided.unchanged.add(address)


def decide_orphan(world: World, row: Object, decided: Decided, diagnostics: Diagnostics, how: Ending | None) -> None:
    """The end of an object that nothing declares. `how`: what was said about it, None where its record decides."""
    kind = world.kinds.get(row.kind)
    if row.lifecycle.prevent_destroy and (how is None or how == ON_FALSE_DELETE):
        diagnostics.error(
            "AIVP0406",
            f"{row.address} is no longer declared, but its lifecycle says prevent_destroy.",
            f"Declare it again, or say so on purpose: removed: [{{address: {row.address}, destroy: false}}].",
            address=row.address,
        )
        return
    if kind is None and (how is None or how.is_delete):
        diagnostics.error(
            "AIVP0411",
            f"No installed provider serves {row.kind}, which {row.address} is of: it cannot be deleted.",
            f"Install the provider, or forget it: aivp state rm {row.address}.",
            address=row.address,
        )
        return
    unreached = _why_unreached(world, row.host, decided)
    if unreached is not None:
        decided.left_out[row.address] = unreached
        return
    seen = world.evidence.seen.get(object_key(row))
    reason = _why_forgotten(row, kind, how)
    if reason is not None:
        decided.add(_ending(row, "forget", reason, None))
    elif seen is None or kind is None:
        decided.left_out[row.address] = "nobody has looked at it"
        decided.is_applicable = False
    elif seen.error is not None:
        _report(seen, row.address, diagnostics)
    elif seen.observation is not None and seen.observation.observed is None:
        decided.add(_ending(row, "forget", "no longer declared, and already gone", None))
    elif seen.observation is not None:
        digest = diff.managed_digest(kind, row.attributes, seen.observation)
        why = "the rest of a replacement" if row.is_deposed else "no longer declared"
        decided.add(_ending(row, "delete", why if how is None else how.reason, digest))


def _why_unreached(world: World, name: str, decided: Decided) -> str | None:
    """An unreachable host blocks its own steps and orphans nothing."""
    host = world.evidence.hosts.get(name)
    if host is None:
        decided.is_applicable = False
        return f"the evidence does not hold {name}"
    return f"{name} cannot be reached" if host.error is not None else None


def _why_forgotten(row: Object, kind: Kind | None, how: Ending | None) -> str | None:
    """Why the real thing stays, None where it has to go."""
    if how is not None and not how.is_delete:
        return how.reason
    if kind is None or not kind.deletable:
        return "no longer declared; there is nothing to delete"
    if row.lifecycle.retain:
        return "no longer declared; its lifecycle says retain"
    if row.provenance == "adopted" and how is None:
        return "no longer declared; it was there before, so it stays"
    return None


def _is_refused(seen: Seen, kind: Kind, bound: Bound, diagnostics: Diagnostics) -> bool:
    address = bound.resource.address
    if seen.error is not None:
        _report(seen, address, diagnostics)
        return True
    if seen.claims and not kind.shared:
        other = seen.claims[0]
        diagnostics.error(
            "AIVP0405",
            f"{address} is managed by {other['project']}/{other['environment']} as {other['address']}.",
            "Remove it there first, or leave it to that project.",
            address=address,
        )
        return True
    return False


def _report(seen: Seen, address: str, diagnostics: Diagnostics) -> None:
    error = seen.error or {}
    what = f"{error.get('message', 'no reason given')}"
    code = "AIVP0611" if error.get("class") == "bug" else "AIVP0610"
    why = f"{address}{error.get('path') or ''}: {what}."
    diagnostics.error(code, why, str(error.get("mend") or ""), address=address, pointer=str(error.get("path") or ""))


def _observation(seen: Seen, bound: Bound, decided: Decided) -> Observation:
    """As it was recorded; what was asked about another declaration tells only what is there, not what will be."""
    assert seen.observation is not None
    if seen.asked == asked_digest(bound):
        return _with_unknown(seen.observation, bound)
    decided.is_applicable = False
    return Observation(observed=seen.observation.observed, satisfied=None)


def _with_unknown(seen: Observation, bound: Bound) -> Observation:
    """A host is never asked about what is not known yet; in what it normalised, those fields are still missing."""
    if bound.is_known or seen.normalised is None:
        return seen
    missing = {name: value for name, value in bound.desired.items() if name not in bound.known}
    return replace(seen, normalised={**seen.normalised, **missing})


def asked_digest(bound: Bound) -> str:
    """The digest of the values that a host is asked about."""
    return canonical.digest(bound.known)


def _steps(
    world: World, bound: Bound, kind: Kind, row: Object | None, seen: Observation, diagnostics: Diagnostics
) -> Iterator[Step]:
    resource = bound.resource
    exists = seen.observed is not None if kind.existence == "observed" else row is not None
    desired = _managed(bound, bound.desired) if exists else bound.desired
    if exists and seen.normalised is not None:
        seen = replace(seen, normalised=_managed(bound, seen.normalised))
    if resource.address in world.imported and row is None and not exists:
        why = f"{resource.address} is to be imported, but there is no such thing."
        diagnostics.error("AIVP0407", why, "Take the import away, or mend its identity.", address=resource.address)
        return
    decision = diff.decide(kind, desired, seen, None if row is None else row.attributes)
    if decision.action == "replace" or (row is not None and _is_other_thing(row, kind, bound)):
        yield from _replacement(world, bound, kind, row, seen, decision, diagnostics)
        return
    expected = diff.managed_digest(kind, desired, seen)
    common = _Common(world, bound, kind, row, desired, expected)
    match decision.action:
        case "no-op" if row is None and exists and not diff.declares_absence(desired) and seen.satisfied is None:
            yield common.step("adopt", "exists and is as declared; managed from now on", "none", provenance="adopted")
        case "no-op" if row is not None and _is_recorded_otherwise(world, bound, row, desired):
            yield common.step("no-op", "only what is recorded of it changes", "none", provenance=row.provenance)
        case "create":
            reason = "declared, and not there" if row is None else "gone since it was last applied"
            yield common.step("create", reason, "change", decision.changes)
        case "update":
            yield _update(common, decision, seen)
        case _:
            pass  # nothing to do, and nothing to record


def _is_other_thing(row: Object, kind: Kind, bound: Bound) -> bool:
    return not same_values(row.identity, kind.identity_of(bound.desired))


def _managed(bound: Bound, values: Mapping[str, Json]) -> dict[str, Json]:
    """Without the fields whose differences the declaration says to ignore."""
    ignored = bound.resource.lifecycle.ignore_changes
    return {name: value for name, value in values.items() if name not in ignored}


@dataclass(frozen=True, slots=True)
class _Common:
    """What every step of one resource shares."""

    world: World
    bound: Bound
    kind: Kind
    row: Object | None
    desired: Mapping[str, Json]
    expected: str | None

    def step(
        self,
        action: str,
        reason: str,
        severity: Severity,
        changes: Sequence[diff.Change] = (),
        *,
        provenance: str = "created",
        previous: str | None = None,
    ) -> Step:
        resource = self.bound.resource
        config = {name: self.bound.attributes[name] for name in self.desired}
        return Step(
            id=f"{action}:{resource.address}",
            address=resource.address,
            kind=resource.kind,
            host=resource.host,
            action=action,  # type: ignore[arg-type]
            reason=reason,
            severity=severity,
            config=config,
            identity=self.kind.identity_of(config),
            changes=[self._change(change) for change in changes],
            expected=self.expected,
            is_deferred=not self.bound.is_known,
            bounds=sorted(config),
            provenance=provenance,
            previous=previous,
            lifecycle=resource.lifecycle,
            meta=resource.meta,
            edges=self.world.edges.get(resource.address, ()),
        )

    def _change(self, change: diff.Change) -> StepChange:
        return StepChange(change.op, change.path, change.before, change.after, self._cause(change.path.split("/")[1]))

    def _cause(self, name: str) -> Cause:
        if self.row is None or name not in self.row.attributes:
            return "intent"
        return "drift" if _same(self.row.attributes[name], self.desired.get(name)) else "intent"


def _update(common: _Common, decision: diff.Decision, seen: Observation) -> Step:
    row, is_removal = common.row, diff.declares_absence(common.desired)
    exists_unknown_to_us = row is None and common.kind.existence == "observed"
    step = common.step(
        "update",
        "",
        "destroy" if is_removal else "change",
        decision.changes,
        provenance="adopted" if exists_unknown_to_us else "created" if row is None else row.provenance,
    )
    if is_removal:
        reason = "declared absent"
    elif exists_unknown_to_us:
        reason = "exists, but not as declared; managed from now on"
    elif seen.satisfied is False:
        reason = "its guard asks for it"
    else:
        reason = "it drifted" if step.cause == "drift" else "the declaration changed"
    return _with(step, reason=reason)


def _replacement(
    world: World,
    bound: Bound,
    kind: Kind,
    row: Object | None,
    seen: Observation,
    decision: diff.Decision,
    diagnostics: Diagnostics,
) -> Iterator[Step]:
    """Two steps on two objects: the old one goes, the new one comes."""
    address = bound.resource.address
    because = ", ".join(decision.replace_because) or ", ".join(kind.identity)
    if bound.resource.lifecycle.prevent_destroy or (row is not None and row.lifecycle.prevent_destroy):
        diagnostics.error(
            "AIVP0406",
            f"{address} would have to be replaced because of {because}, but its lifecycle says prevent_destroy.",
            "Take the change back, or remove prevent_destroy first.",
            address=address,
        )
        return
    is_same_thing = row is None or not _is_other_thing(row, kind, bound)
    old = world.evidence.seen.get(object_key(row)) if row is not None else None
    before = old.observation if old is not None and old.observation is not None else seen
    ending = "it was not created here" if row is None else _why_forgotten(row, kind, None)
    if is_same_thing and ending is not None and before.observed is not None and kind.existence == "observed":
        diagnostics.error(
            "AIVP0412",
            f"{address} would have to be replaced because of {because}, but the old one would stay ({ending}).",
            f"Declare {because} as it is, or take the old one away yourself.",
            address=address,
        )
        return
    if row is not None and before.observed is not None:
        digest = diff.managed_digest(kind, row.attributes, before)
        action = "delete" if ending is None else "forget"
        yield _ending(row, action, f"replaced because {because} changed", None if ending else digest)
    common = _Common(world, bound, kind, None, bound.desired, None)
    create = common.step("create", f"takes the place of the old one: {because} changed", "destroy")
    additions = diff.decide(kind, bound.desired, Observation(None), None).changes
    changes = [StepChange(item.op, item.path, item.before, item.after, "intent") for item in additions]
    yield _with(create, changes=changes, is_conditional=True)


def _deferred(world: World, bound: Bound, kind: Kind) -> Step:
    common = _Common(world, bound, kind, world.rows.get(bound.resource.address), bound.desired, None)
    additions = diff.decide(kind, bound.desired, Observation(None), None).changes
    step = common.step("create", "what it needs is known only during apply", "change", additions)
    return _with(step, is_conditional=True, is_deferred=True)


def _moved(world: World, bound: Bound, row: Object) -> Step:
    config = dict(row.attributes)
    return Step(
        id=f"move:{bound.resource.address}",
        address=bound.resource.address,
        kind=row.kind,
        host=row.host,
        action="move",
        reason=f"it was {row.address}",
        severity="none",
        config=config,
        identity=row.identity,
        previous=row.address,
        provenance=row.provenance,
        lifecycle=bound.resource.lifecycle,
        meta=NO_META,
        edges=world.edges.get(bound.resource.address, ()),
    )


def _ending(row: Object, action: str, reason: str, expected: str | None) -> Step:
    suffix = "#deposed" if row.is_deposed else ""
    return Step(
        id=f"{action}:{row.address}{suffix}",
        address=row.address,
        kind=row.kind,
        host=row.host,
        action=action,  # type: ignore[arg-type]
        reason=reason,
        severity="destroy" if action == "delete" else "none",
        config=row.attributes,
        identity=row.identity,
        expected=expected,
        bounds=sorted(row.attributes),
        provenance=row.provenance,
        edges=row.edges,
    )


def _is_recorded_otherwise(world: World, bound: Bound, row: Object, desired: Mapping[str, Json]) -> bool:
    resource = bound.resource
    return (
        not same_values(_managed(bound, row.attributes), _managed(bound, desired))
        or row.lifecycle != _plain(resource.lifecycle)
        or list(row.edges) != list(world.edges.get(resource.address, ()))
    )


def _plain(lifecycle: Lifecycle) -> Lifecycle:
    return NO_LIFECYCLE if lifecycle == NO_LIFECYCLE else lifecycle


def _same(one: Json, other: Json) -> bool:
    return canonical.encode(one) == canonical.encode(other)


def _with(step: Step, **members: object) -> Step:
    return replace(step, **members)  # type: ignore[arg-type]


def check_step(world: World, bound: Bound) -> Step:
    """The no-op that looks at an unchanged resource again, after an earlier step may have disturbed it."""
    address = bound.resource.address
    kind, row = world.kinds[bound.resource.kind], world.rows.get(address)
    common = _Common(world, bound, kind, row, _managed(bound, bound.desired), None)
    provenance = "created" if row is None else row.provenance
    return common.step("no-op", "as declared; an earlier step may disturb it", "none", provenance=provenance)
