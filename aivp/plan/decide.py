"""One declared resource → the steps that it needs, with reason, severity and causes; nothing here knows of order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from aivp_contract import canonical, diff
from aivp_contract.manifest import Kind
from aivp_contract.observation import Observation
from aivp_contract.values import Json

from aivp.diagnostics import Diagnostics
from aivp.model.evidence import Seen, object_key
from aivp.model.object import Object, Provenance
from aivp.plan.bind import Bound, same_values
from aivp.plan.draft import Draft
from aivp.plan.replacement import end_of_old, replacement
from aivp.plan.steps import GONE, Severity, Step
from aivp.plan.world import Decided, World, coming, report, why_unreached

_REASONS = {
    frozenset({"drift"}): "it drifted",
    frozenset({"drift", "intent"}): "the declaration changed, and it drifted",
}


def decide_resource(world: World, bound: Bound, decided: Decided, diagnostics: Diagnostics) -> None:
    """The steps of one declared resource."""
    address = bound.resource.address
    row = world.rows.get(address)
    draft = Draft(world, bound, row)
    seen = world.evidence.seen.get(address)
    unreached = why_unreached(world, bound.resource.host, decided)
    if unreached is not None:
        decided.blocked[address] = unreached
        return
    host = bound.resource.host
    if coming(host, decided) == "new":
        decided.add(replace(draft, row=None).within(host))
        return
    if world.evidence.hosts[host].awaits:
        decided.add(draft.within(host) if row is None else draft.within_started(host))
        return
    if seen is None:
        if address in world.imported and row is None and not bound.is_known:
            why = f"{address} is to be imported, but what it needs is known only during apply."
            diagnostics.error("AIVP0407", why, "Apply what it needs first.", address=address)
            return
        decided.is_applicable &= not bound.is_known  # evidence that should have it: recorded for something else
        decided.add(draft.deferred() if not bound.is_known else draft.unseen())
        return
    if _is_refused(seen, draft.kind, address, decided, diagnostics):
        return
    observation = _observation(seen, draft, decided)
    old = world.evidence.seen.get(object_key(row)) if row is not None else None
    if old is not None and old.error is not None:
        report(old, address, draft.kind.name, decided, diagnostics)
        return
    if row is not None and (row.address != address or row.registered):
        decided.add(draft.moved(row))
    if old is None and draft.is_other_thing:
        decided.is_applicable = False  # nobody looked at the old thing
    steps = list(_steps(draft, observation, diagnostics))
    if any(step.is_of_deposed for step in steps) and _has_deposed(world, address):
        decided.blocked[address] = "what it took the place of earlier has to go first; apply once more"
        return
    for step in steps:
        decided.add(step)
    if address not in decided.steps:
        decided.unchanged.add(address)


def asked_digest(bound: Bound, ids: Mapping[str, Json] | None = None) -> str:
    """The digest of the values that a host is asked about. ids: those of the identity that the provider assigned."""
    return canonical.digest({"known": bound.known, "ids": dict(ids)} if ids else bound.known)


def _has_deposed(world: World, address: str) -> bool:
    return any(row.is_deposed and row.address == address for row in world.evidence.objects)


def _is_refused(seen: Seen, kind: Kind, address: str, decided: Decided, diagnostics: Diagnostics) -> bool:
    if seen.error is not None:
        report(seen, address, kind.name, decided, diagnostics)
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


def _observation(seen: Seen, draft: Draft, decided: Decided) -> Observation:
    """As it was recorded; what was asked about another declaration tells only what is there, not what will be."""
    assert seen.observation is not None
    if seen.asked == asked_digest(draft.bound, draft.kind.assigned_ids(draft.identity)):
        return _with_unknown(seen.observation, draft.bound)
    decided.is_applicable = False
    return _guess(draft, seen.observation.observed)


def _guess(draft: Draft, observed: Mapping[str, Json] | None) -> Observation:
    """What an answer about another declaration tells of this one.

    A field that was declared then, or always is for its default, and yet was not seen, is none that can be seen (how
    to go about the work, not how the thing is): such never differ.
    """
    if observed is None:
        return Observation(observed=None, satisfied=None)
    prior = {} if draft.row is None else draft.row.attributes

    def is_visible(name: str) -> bool:
        meaning = draft.kind.fields.get(name)
        if name in observed or (meaning is not None and meaning.write_only):
            return True
        return name not in prior and (meaning is None or meaning.default is None)

    visible = {name: value for name, value in draft.bound.desired.items() if is_visible(name)}
    return Observation(observed=observed, normalised=visible, satisfied=None)


def _with_unknown(seen: Observation, bound: Bound) -> Observation:
    """A host is never asked about what is not known yet; in what it normalised, those fields are still missing."""
    if bound.is_known or seen.normalised is None:
        return seen
    missing = {name: value for name, value in bound.desired.items() if name not in bound.known}
    return replace(seen, normalised={**seen.normalised, **missing})


def _steps(draft: Draft, seen: Observation, diagnostics: Diagnostics) -> Iterator[Step]:
    """What brings `seen` to the declaration, but for a move."""
    row, address = draft.row, draft.address
    exists = seen.observed is not None if draft.kind.existence == "observed" else row is not None
    desired = draft.managed(draft.bound.desired) if exists else draft.bound.desired
    if exists and seen.normalised is not None:
        seen = replace(seen, normalised=draft.managed(seen.normalised))
    if address in draft.world.imported and row is None and not exists:
        named = ", ".join(f"{name} {value}" for name, value in draft.world.imported[address].items())
        why = f"{address} is to be imported, but there is no such thing{f': {named}' if named else ''}."
        diagnostics.error("AIVP0407", why, "Take the import away, or mend its identity.", address=address)
        return
    decision = diff.decide(draft.kind, desired, seen, draft.prior)
    if draft.is_other_thing and draft.kind.existence == "observed" and decision.action != "create":
        yield from _succession(draft, seen, diagnostics)
    elif decision.action == "replace" or draft.is_other_thing:
        yield from replacement(draft, seen, decision, diagnostics)
    else:
        yield from _mending(draft, desired, decision, seen, exists=exists)


def _succession(draft: Draft, seen: Observation, diagnostics: Diagnostics) -> Iterator[Step]:
    """The recorded thing ends; the declared one is there already, or shall not be: it is dealt with by itself."""
    identity = draft.kind.identity_of(draft.bound.desired)
    for other, row in sorted(draft.world.rows.items()):
        is_same_place = (row.kind, row.host) == (draft.bound.resource.kind, draft.bound.resource.host)
        if other != draft.address and is_same_place and same_values(row.identity, identity):
            why = f"{draft.address} is now what {other} was, and both would end it and make it at once."
            diagnostics.error("AIVP0415", why, "Do it in two applies.", address=draft.address)
            return
    ends = end_of_old(draft, seen, diagnostics)
    if ends is not None:
        yield from ends
        yield from _steps(replace(draft, row=None), seen, diagnostics)


def _mending(
    draft: Draft, desired: Mapping[str, Json], decision: diff.Decision, seen: Observation, *, exists: bool
) -> Iterator[Step]:
    """The one step on one object, if there is anything to do or to record."""
    row = draft.row
    expected = diff.managed_digest(desired, seen)
    match decision.action:
        case "no-op" if row is None and exists and not diff.declares_absence(desired) and seen.satisfied is None:
            reason = "already as declared; managed from now on"
            yield draft.step("adopt", reason, "none", desired, expected=expected, provenance="adopted")
        case "no-op" if row is not None and _is_recorded_otherwise(draft, row, desired):
            reason = "only what is recorded of it changes"
            yield draft.step("no-op", reason, "none", desired, expected=expected, provenance=row.provenance)
        case "create":
            reason = "not there yet" if row is None else GONE
            yield draft.step("create", reason, "change", desired, decision.changes, expected=expected)
        case "update":
            yield _update(draft, desired, decision, seen, expected)
        case _:
            pass


def _update(
    draft: Draft, desired: Mapping[str, Json], decision: diff.Decision, seen: Observation, expected: str
) -> Step:
    is_removal = diff.declares_absence(desired)
    is_found = draft.row is None and draft.kind.existence == "observed"
    provenance: Provenance = "adopted" if is_found else "created" if draft.row is None else draft.row.provenance
    severity: Severity = "destroy" if is_removal else "change"
    step = draft.step("update", "", severity, desired, decision.changes, expected=expected, provenance=provenance)
    if is_removal:
        reason = "declared absent"
    elif is_found:
        reason = "exists, but not as declared; managed from now on"
    elif seen.satisfied is False:
        reason = "its guard asks for it"
    else:
        causes = {change.cause for change in step.changes}
        reason = _REASONS.get(frozenset(causes), "the declaration changed")
    return replace(step, reason=reason)


def _is_recorded_otherwise(draft: Draft, row: Object, desired: Mapping[str, Json]) -> bool:
    return (
        not same_values(draft.managed(row.attributes), draft.managed(desired))
        or row.lifecycle != draft.bound.resource.lifecycle
        or list(row.edges) != list(draft.world.edges.get(draft.address, ()))
    )
