"""What is there, held against what the plan expected → what a step will do, if anything.

Nothing here looks, acts or records: a step gets its action, or the status that it ends with.
"""

from __future__ import annotations

from typing import AbstractSet, Callable

from aivp_contract import diff
from aivp_contract.manifest import Kind

from .promises import known
from .work import Step, Work


def judge(work: Work, kind: Kind, is_claimed_by_others: Callable[[Step], bool]) -> None:
    """Settle what `work`, which has been looked at, will do. is_claimed_by_others: asked before a deletion only."""
    assert work.seen is not None
    step = work.step
    if step["action"] == "delete":
        _judge_delete(work, kind, is_claimed_by_others)
        return
    work.decision = diff.decide(kind, step["config"], work.seen, step.get("prior"))
    if work.begun is not None and work.is_open and kind.existence == "recorded":
        work.action = work.begun  # what there is to know lies with the effect, under its key
    elif work.begun is not None and work.decision.action == "no-op":
        _no_effect(work, work.begun)
    elif work.begun is not None or step.get("conditional"):
        _judge_bounds(work)
    elif diff.managed_digest(step["config"], work.seen) != step["expected"]:
        work.stale("it changed after the plan was checked")


def _judge_delete(work: Work, kind: Kind, is_claimed_by_others: Callable[[Step], bool]) -> None:
    """What is deleted cannot be looked at afterwards: it goes only as it was reviewed, or as we had left it."""
    assert work.seen is not None
    if work.seen.observed is None:
        _no_effect(work, "delete")
    elif kind.shared and is_claimed_by_others(work.step):
        _no_effect(work, "forget")
    elif not work.is_under_way and not _is_as_reviewed(work, kind):
        work.stale("it changed after the plan was checked, so it is not deleted")


def _is_as_reviewed(work: Work, kind: Kind) -> bool:
    """True also for exactly what was last applied: an earlier deletion may have taken its own part with it, such as a
    user who was a member of a group.
    """
    assert work.seen is not None
    step = work.step
    if diff.managed_digest(step["config"], work.seen) == step["expected"]:
        return True
    return diff.decide(kind, step["config"], work.seen, step["config"]).action == "no-op"


def _judge_bounds(work: Work) -> None:
    """A conditional step may become nothing, or a create or update within its fields; never anything else."""
    if work.decision.action == "no-op":
        _no_effect(work, "no-op")
        return
    names = {change.path.split("/")[1] for change in work.decision.changes}
    beyond = sorted(names - set(work.step["bounds"]) - _derived(work.step, names))
    if work.decision.action not in ("create", "update") or beyond:
        what = f"a {work.decision.action}" + (f" of {', '.join(beyond)}" if beyond else "")
        work.stale(f"it would now take {what}, which the plan does not hold")
        return
    work.action = work.decision.action


def _derived(step: Step, names: AbstractSet[str]) -> AbstractSet[str]:
    """Fields that nobody declares since a provider makes them of declared ones, as `lines` make content.

    An update lists those that it planned; every other step is bound by what it declares, so by what follows of it.
    """
    return names - set(step["config"]) if step["action"] != "update" else frozenset()


def _no_effect(work: Work, action: str) -> None:
    assert work.seen is not None
    work.status, work.action = "done", action
    work.computed = known(work.seen.computed)
    work.after = diff.managed_digest(work.step["config"], work.seen)
