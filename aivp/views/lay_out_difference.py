"""How two plans differ → what a reader sees of it, the worst first: what appears, what vanishes, what is not the same.

Knows no sink, as `lay_out` knows none for one plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aivp_contract.values import Json

from aivp.plan.compare import Aspect, Difference, PlanDifference, StepDifference, as_compared
from aivp.plan.steps import SEVERITIES, Step, StepChange
from aivp.views.alike import FEW
from aivp.views.lay_out import group_steps, lay_out_step, targets
from aivp.views.lay_out_changes import count, lay_out_difference
from aivp.views.outline import Change, Occurrences, Reading, Role, StepOutline, Targets, role

ASPECTS: dict[Aspect, str] = {
    "planned": "what it does",
    "found": "what was there when it was planned",
    "condition": "when and how it may",
}
"""What a difference is about, in words."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ORIGINS = {"ir": "declarations", "evidence": "evidence", "objects": "rows of state"}


@dataclass(frozen=True, slots=True)
class ChangedSteps:
    """Steps that differ in the same way. role: what they came to; role_after: where they come to something else."""

    role: Role
    role_after: Role | None
    targets: Sequence[Targets]
    size: int
    changes: Sequence[tuple[Aspect, Sequence[Change]]]


@dataclass(frozen=True, slots=True)
class DifferenceOutline:
    """Two plans side by side. Of steps that appear or vanish all are told in groups; where they are few, each in full.

    around: what differs outside of steps. origin: in words, what both came from and does not count.
    """

    is_same: bool
    appeared: Sequence[Occurrences]
    appeared_steps: Sequence[StepOutline]
    vanished: Sequence[Occurrences]
    vanished_steps: Sequence[StepOutline]
    changed: Sequence[ChangedSteps]
    around: Sequence[Change]
    origin: Sequence[str]
    summary: str


def lay_out_plans(found: PlanDifference, reading: Reading) -> DifferenceOutline:
    """The outline of a comparison."""
    return DifferenceOutline(
        is_same=found.is_same,
        appeared=group_steps(found.appeared),
        appeared_steps=_few(found.appeared, reading),
        vanished=group_steps(found.vanished),
        vanished_steps=_few(found.vanished, reading),
        changed=_changed(found.changed, reading),
        around=[_change(item, reading) for item in found.around],
        origin=sorted({_ORIGINS[item.name.split(" ")[0]] for item in found.origin}),
        summary=_summary(found),
    )


def _few(steps: Sequence[Step], reading: Reading) -> list[StepOutline]:
    if len(steps) > FEW and not reading.is_whole:
        return []
    return [lay_out_step(step, reading) for step in sorted(steps, key=lambda step: SEVERITIES.index(step.severity))]


def _changed(items: Sequence[StepDifference], reading: Reading) -> list[ChangedSteps]:
    """Those that differ in the same way together, the most severe first."""
    groups: dict[tuple[Role, Role, bytes], list[StepDifference]] = {}
    for item in sorted(items, key=lambda item: min(SEVERITIES.index(s.severity) for s in (item.before, item.after))):
        same = [one.form() for one in item.differences if one.name != "digest of its fields"]
        key = (role(item.before), role(item.after), as_compared(same))
        groups.setdefault(key, []).append(item)
    return [
        ChangedSteps(
            role=one,
            role_after=None if one == other else other,
            targets=targets([item.before for item in group]),
            size=len(group),
            changes=_aspects(group[0].differences, reading),
        )
        for (one, other, _), group in groups.items()
    ]


def _aspects(items: Iterable[Difference], reading: Reading) -> list[tuple[Aspect, Sequence[Change]]]:
    found: dict[Aspect, list[Change]] = {}
    for item in items:
        found.setdefault(item.aspect, []).append(_change(item, reading))
    return list(found.items())


def _change(item: Difference, reading: Reading) -> Change:
    """Digests only tell that something differs: their beginning is enough."""
    change = StepChange(item.op, "/", _short(item.before), _short(item.after), "intent")
    return lay_out_difference(item.name, change, reading)


def _short(value: Json) -> Json:
    return f"{value[:19]}..." if type(value) is str and _DIGEST.fullmatch(value) else value


def _summary(found: PlanDifference) -> str:
    """`1 step appears, 2 vanish, 3 differ; 12 are the same.`"""
    same = f"{count(found.same, 'step')} {'is' if found.same == 1 else 'are'} the same"
    if found.is_same:
        return f"Both do the same: {count(found.same, 'step') if found.same else 'nothing'}."
    told = [
        f"{count(len(items), 'step')} {verb if len(items) != 1 else one}"
        for items, one, verb in (
            (found.appeared, "appears", "appear"),
            (found.vanished, "vanishes", "vanish"),
            (found.changed, "differs", "differ"),
        )
        if items
    ]
    if found.around:
        told.append(f"{count(len(found.around), 'thing')} around them differ{'s' if len(found.around) == 1 else ''}")
    return f"They differ: {', '.join(told)}; {same}."
