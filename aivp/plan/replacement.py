"""A declaration that what is there cannot become → two steps on two objects: the old one goes, the new one comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from aivp_contract import diff
from aivp_contract.observation import Observation

from aivp.diagnostics import Diagnostics
from aivp.model.evidence import object_key
from aivp.plan.draft import Draft
from aivp.plan.endings import ending, why_forgotten
from aivp.plan.steps import Step


def replacement(draft: Draft, seen: Observation, decision: diff.Decision, diagnostics: Diagnostics) -> Iterator[Step]:
    """The steps, none where it is refused. `seen`: what stands where the declaration wants it to be."""
    row = draft.row
    because = ", ".join(decision.replace_because) or ", ".join(draft.kind.identity)
    before = _old(draft) or seen
    why_kept = "it was not created here" if row is None else why_forgotten(row, draft.kind, None)
    would_stay = why_kept if before.observed is not None and not draft.is_other_thing else None
    if _is_refused(draft, because, would_stay, diagnostics):
        return
    if row is not None and before.observed is not None:
        reason = f"replaced because {because} changed"
        if why_kept is None:
            yield ending("delete", row, reason, diff.managed_digest(draft.kind, row.attributes, before))
        else:
            yield ending("forget", row, reason)
    fresh = replace(draft, row=None)
    reason = f"takes the place of the old one: {because} changed"
    create = fresh.step("create", reason, "destroy", draft.bound.desired, fresh.additions())
    yield replace(create, is_conditional=True)


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
