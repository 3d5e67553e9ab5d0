"""Objects that nothing declares any more → the step that ends each: delete, or forget where the real thing stays."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from aivp_contract import diff
from aivp_contract.manifest import Kind

from aivp.diagnostics import Diagnostics
from aivp.model.address import format_address, parse_address
from aivp.model.evidence import object_key
from aivp.model.object import Object
from aivp.model.resource import IR
from aivp.plan.steps import DEPOSED, Step
from aivp.plan.world import Decided, World, is_going, report, why_unreached


@dataclass(frozen=True, slots=True)
class Ending:
    """Why an object ends, and what was said about the real thing: delete it, keep it, or (None) as is recorded."""

    reason: str
    is_delete: bool | None = None


ORPHANED = Ending("no longer declared")
DESTROYED = Ending("destroy was asked for")
REMOVED_FORGET = Ending("declared as removed, to be kept", False)
REMOVED_DELETE = Ending("declared as removed", True)
ON_FALSE_FORGET = Ending("its condition no longer holds; the real thing stays", False)
ON_FALSE_DELETE = Ending("its condition no longer holds", True)


def decide_orphans(
    world: World,
    ir: IR,
    declared: Collection[str],
    left_out: Mapping[str, str],
    decided: Decided,
    diagnostics: Diagnostics,
    *,
    is_destroy: bool,
) -> None:
    """The end of every object that no declared resource stands for."""
    otherwise = DESTROYED if is_destroy else ORPHANED
    spoken = {item.address: REMOVED_DELETE if item.destroy else REMOVED_FORGET for item in ir.removed}
    taken = {id(row) for address, row in world.rows.items() if address in declared}
    for row in sorted(world.evidence.objects, key=lambda item: item.address.count("@")):  # hosts before what is in them
        if id(row) in taken:
            continue
        if is_going(world, row.host, decided) and row.lifecycle.on_host_destroy == "forget":
            continue  # goes with it, and is forgotten with it
        if row.address in left_out:
            decided.left_out[row.address] = left_out[row.address]
            continue
        how = _said(spoken, row.address) or _on_false(ir, row) or otherwise
        _decide_orphan(world, row, decided, diagnostics, how)
    _hold_back(world, decided, declared)


def _hold_back(world: World, decided: Decided, declared: Collection[str]) -> None:
    """What a blocked object needs, by what is recorded of it, is not deleted from under it; nor what that needs."""
    rows: dict[str, list[Object]] = {}
    for row in world.evidence.objects:
        rows.setdefault(row.address, []).append(row)
    waiting = sorted(address for address in decided.blocked if address in rows)
    while waiting:
        blocked = waiting.pop(0)
        for needed in sorted({name for row in rows[blocked] for name in row.edges}):
            steps = decided.steps.get(needed, ())
            if needed in declared or not any(step.action == "delete" for step in steps):
                continue
            decided.steps.pop(needed)
            decided.blocked[needed] = f"{blocked}, which needs it, is blocked"
            waiting.append(needed)


def _decide_orphan(world: World, row: Object, decided: Decided, diagnostics: Diagnostics, how: Ending) -> None:
    """The end of one object."""
    kind = world.kinds.get(row.kind)
    if _is_refused(row, kind, diagnostics, how):
        return
    unreached = why_unreached(world, row.host, decided)
    if unreached is not None:
        decided.blocked[row.address] = unreached
        return
    seen = world.evidence.seen.get(object_key(row))
    kept = why_kept(row, kind, how)
    if how.is_delete is False:
        decided.add(ending("forget", row, how.reason))
    elif kept is not None:
        decided.add(ending("forget", row, f"{how.reason}; {kept}"))
    elif seen is None or kind is None:
        decided.blocked[row.address] = "nobody has looked at it"
        decided.is_applicable = False
    elif seen.error is not None:
        report(seen, row.address, row.kind, decided, diagnostics)
    elif seen.observation is not None and seen.observation.observed is None:
        decided.add(ending("forget", row, f"{how.reason}; it is already gone"))
    elif seen.observation is not None:
        digest = diff.managed_digest(row.attributes, seen.observation)
        why = "the rest of a replacement" if row.is_deposed and how.is_delete is None else how.reason
        decided.add(ending("delete", row, why, digest))


def why_kept(row: Object, kind: Kind | None, how: Ending) -> str | None:
    """Why the real thing stays where nobody said that it should, None where it has to go."""
    if kind is None or not kind.deletable:
        return f"a {row.kind} is left as it is"
    if row.lifecycle.retain:
        return "its lifecycle says retain"
    if row.provenance == "adopted" and how.is_delete is None:
        return "it was there before, so it stays"
    return None


def ending(action: Literal["delete", "forget"], row: Object, reason: str, expected: str | None = None) -> Step:
    """The step that ends `row`. `expected`: the digest of what is there."""
    return Step(
        id=f"{action}:{row.address}{DEPOSED if row.is_deposed else ''}",
        address=row.address,
        kind=row.kind,
        host=row.host,
        action=action,
        reason=reason,
        severity="destroy" if action == "delete" else "none",
        config=row.attributes,
        identity=row.identity,
        expected=expected,
        bounds=sorted(row.attributes),
        provenance=row.provenance,
        edges=row.edges,
    )


def deposed(step: Step) -> Step:
    """The same for an object that another one will have taken the place of by then."""
    return replace(step, id=step.id + DEPOSED)


def _is_refused(row: Object, kind: Kind | None, diagnostics: Diagnostics, how: Ending) -> bool:
    if row.lifecycle.prevent_destroy and how in (ORPHANED, DESTROYED, ON_FALSE_DELETE):
        what = "is no longer declared"
        mend = f"Declare it again, or say so on purpose: removed: [{{address: {row.address}, destroy: false}}]."
        if how == DESTROYED:
            what = "is to be destroyed"
            mend = f"Apply it without prevent_destroy first, or forget it: aivp state rm {row.address}."
        why = f"{row.address} {what}, but its lifecycle says prevent_destroy."
        diagnostics.error("AIVP0406", why, mend, address=row.address)
        return True
    if kind is None and how.is_delete is not False:
        diagnostics.error(
            "AIVP0411",
            f"No installed provider serves {row.kind}, which {row.address} is of: it cannot be deleted.",
            f"Install the provider, or forget it: aivp state rm {row.address}.",
            address=row.address,
        )
        return True
    return False


def _said(spoken: Mapping[str, Ending], address: str) -> Ending | None:
    """What was said about an address; without its host or key it means all of them, the most precise one counts."""
    parts = parse_address(address)
    if not spoken or parts is None:
        return None
    kind, name, key, host = parts.kind, parts.name, parts.key, parts.host
    forms = [address, format_address(kind, name, key, None)]
    forms += [format_address(kind, name, None, host), format_address(kind, name, None, None)]
    return next((spoken[form] for form in forms if form in spoken), None)


def _on_false(ir: IR, row: Object) -> Ending | None:
    resource = ir.resources.get(row.address)
    if resource is None or resource.when is None:
        return None
    return ON_FALSE_DELETE if resource.lifecycle.on_false == "delete" else ON_FALSE_FORGET
