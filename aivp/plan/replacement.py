"""A declaration that what is there cannot become → two steps on two objects: the old one goes, the new one comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from aivp_contract import diff
from aivp_contract.observation import Observation

from aivp.diagnostics import Diagnostics
from aivp.model.evidence import object_key
from aivp.plan.draft import Draft
from aivp.plan.endings import ORPHANED, deposed, ending, why_kept
from aivp.plan.steps import Step


def replacement(draft: Draft, seen: Observation, decision: diff.Decision, diagnostics: Diagnostics) -> Iterator[Step]:
    """Both steps, none where they are refused. `seen`: what stands where the declaration wants it to be."""
    ends = end_of_old(draft, seen, diagnostics, decision.replace_because)
    if ends is None:
        return
    is_first = draft.bound.resource.lifecycle.create_before_destroy and draft.row is not None
    if not is_first:
        yield from ends
    names = decision.replace_because or draft.kind.identity
    place = "comes before the old one goes" if is_first else "takes the place of the old one"
    reason = f"{place}: {', '.join(names)} changed"
    fresh = replace(draft, row=None)
    changes = _beside_old(draft, seen, names, fresh.additions())
    create = fresh.step("create", reason, "destroy", draft.bound.desired, changes)
    yield replace(create, is_conditional=True, identity=draft.kind.declared_identity(create.identity))
    if is_first:
        yield from map(deposed, ends)


def end_of_old(
    draft: Draft, seen: Observation, diagnostics: Diagnostics, because: Sequence[str] = ()
) -> Sequence[Step] | None:
    """The step that ends the old one, if it is still there; None where it is refused.

    because: the fields that need a replacement; without them it is the identity that is another.
    """
    row = draft.row
    names = ", ".join(because or draft.kind.identity)
    before = _old(draft) or seen
    kept = "it was not created here" if row is None else why_kept(row, draft.kind, ORPHANED)
    would_stay = kept if before.observed is not None and not draft.is_other_thing else None
    if _is_refused(draft, names, would_stay, diagnostics):
        return None
    if row is None or before.observed is None:
        return ()
    reason = f"replaced because {names} changed"
    if kept is not None:
        return (ending("forget", row, f"{reason}; {kept}"),)
    return (ending("delete", row, reason, diff.managed_digest(row.attributes, before)),)


def _beside_old(
    draft: Draft, seen: Observation, names: Sequence[str], new: Sequence[diff.Change]
) -> Sequence[diff.Change]:
    """What is new; where it forces the replacement (`names`), beside what it takes the place of."""
    old = draft.row.identity if draft.row is not None and draft.is_other_thing else seen.observed or {}
    before = {f"/{name}": old[name] for name in names if name in old}
    return [replace(item, op="replace", before=before[item.path]) if item.path in before else item for item in new]


def _old(draft: Draft) -> Observation | None:
    """What is there of the recorded object, where that is another thing than the declared one."""
    if draft.row is None:
        return None
    old = draft.world.evidence.seen.get(object_key(draft.row))
    return None if old is None else old.observation


def _is_refused(draft: Draft, because: str, would_stay: str | None, diagnostics: Diagnostics) -> bool:
    """`would_stay`: why the old one would stay, in the way of the new one."""
    address, row = draft.address, draft.row
    if draft.bound.resource.lifecycle.prevent_destroy or (row is not None and row.lifecycle.prevent_destroy):
        diagnostics.error(
            "AIVP0406",
            f"{address} would have to be replaced because of {because}, but its lifecycle says prevent_destroy.",
            "Take the change back, or remove prevent_destroy first.",
            address=address,
        )
        return True
    if would_stay is not None and draft.kind.existence == "observed":
        diagnostics.error(
            "AIVP0412",
            f"{address} would have to be replaced because of {because}, but the old one would stay ({would_stay}).",
            f"Declare {because} as it is, or take the old one away yourself.",
            address=address,
        )
        return True
    return False
