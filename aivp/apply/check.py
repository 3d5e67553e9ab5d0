"""The world against the plan, before the first effect: every observable step by the digest that the plan holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from aivp_contract import diff
from aivp_contract.observation import Observation
from aivp_contract.values import Json

from aivp.apply.hosts import refusals
from aivp.apply.progress import Progress
from aivp.apply.segment import lanes
from aivp.apply.wire import Reveal, known, message, opened
from aivp.diagnostics import Diagnostic, Refused
from aivp.diagnostics.diagnostic import refusal
from aivp.hosts.portions import portions
from aivp.hosts.session import HostSession
from aivp.hosts.sessions import Sessions, Visit
from aivp.model.evidence import blocks
from aivp.observe.audit import Broken, audit
from aivp.plan.bind import Kinds
from aivp.plan.steps import Step


def check(
    steps: Sequence[Step],
    sessions: Sessions,
    visit: Visit,
    progress: Progress,
    kinds: Kinds,
    reveal: Reveal,
) -> None:
    """Raise Refused (exit 4) with every step of `steps` for which the world is another than was planned for.

    Conditional steps are looked at just before their effect instead.
    """
    by_host = lanes([step for step in steps if step.expected is not None and not step.is_conditional])
    stale: list[Diagnostic] = []
    if by_host:
        answers = sessions.each(by_host, lambda name: _visit(by_host[name], visit(name), progress, kinds, reveal))
        for answer in answers.values():
            if isinstance(answer, Refused):
                raise answer
            stale.extend(answer)
    if stale:
        raise Refused(stale, 4)


def _visit(
    steps: Sequence[Step],
    visit: AbstractContextManager[HostSession],
    progress: Progress,
    kinds: Kinds,
    reveal: Reveal,
) -> list[Diagnostic]:
    sent = opened(steps, {step.id: known(step) for step in steps}, reveal)
    found: list[Diagnostic] = []
    with visit as session:
        for items in portions([message(step, asked, progress, kinds) for step, asked in zip(steps, sent, strict=True)]):
            found.extend(_stale(items, session, progress.steps, kinds))
    return found


def _stale(
    items: Sequence[dict[str, Json]], session: HostSession, steps: Mapping[str, Step], kinds: Kinds
) -> list[Diagnostic]:
    with refusals():
        answers = session.gather("observe", {"items": list(items)}, "items", by="observed", most=len(items))
    if [answer.get("id") if isinstance(answer, dict) else None for answer in answers] != [item["id"] for item in items]:
        raise session.hostile("it answered other questions than were asked")
    found = []
    for item, answer in zip(items, answers, strict=True):
        step = steps[item["id"]]
        kind = kinds[step.kind]
        try:
            seen = audit(kind, "", answer)
        except Broken as broken:
            why = f"The provider {kind.provider} broke its contract for {step.address}: {broken}."
            raise refusal("AIVP0612", why, "This is a bug of that provider.") from None
        if seen.error is not None and blocks(kind.name):
            continue  # looked at once more before its effect, where it fails alone
        if seen.observation is None:
            found.append(_unseen(step, seen.error or {}))
        elif _digest(step, seen.observation) != step.expected:
            why = f"{step.address} is no longer as it was when the plan was made."
            found.append(Diagnostic("AIVP0501", why, "Plan again and review what changed.", address=step.address))
    return found


def _unseen(step: Step, error: Mapping[str, Json]) -> Diagnostic:
    """It could be looked at when the plan was made, and cannot now: what its provider says is what has changed."""
    why = f"{step.address} can no longer be looked at: {error.get('message', 'no reason was given')}."
    mend = str(error.get("mend") or "Plan again and review what changed.")
    return Diagnostic("AIVP0501", why, mend, address=step.address, pointer=str(error.get("path", "")))


def _digest(step: Step, seen: Observation) -> str:
    """As the plan took it: what is not known before apply counts as a managed field, too."""
    if step.is_deferred and seen.normalised is not None:
        asked = known(step)
        missing = {name: value for name, value in step.config.items() if name not in asked}
        seen = replace(seen, normalised={**seen.normalised, **missing})
    return diff.managed_digest(step.config, seen)
