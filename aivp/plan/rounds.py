"""Rollouts of the declaration and the steps that there are → the rounds of a plan, which no wait leads against."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from aivp.diagnostics import Diagnostics
from aivp.model.rollout import Rollout
from aivp.plan.feasible import are_feasible
from aivp.plan.steps import Step


def rounds(
    rollouts: Sequence[Rollout], steps: Sequence[Step], lanes: Mapping[str, Sequence[str]], diagnostics: Diagnostics
) -> list[Rollout]:
    """Only of hosts with steps; what then has one round is none. Adds to `diagnostics` where steps wait against them.

    What ends goes the other way round than what begins, across hosts, too: where only the reverse order of the rounds
    can be, that is taken.
    """
    found = [item for rollout in rollouts for item in _with_steps(rollout, lanes.keys())]
    waits = [(step.id, step.waits_for) for step in steps]
    if not found or are_feasible(waits, lanes, found):
        return found
    reverse = [Rollout(item.group, list(reversed(item.rounds)), item.max_fail_percentage) for item in found]
    if are_feasible(waits, lanes, reverse):
        return reverse
    groups = ", ".join(item.group for item in found)
    why = f"Steps on hosts of {groups} wait for steps of a later round, in both orders of the rounds."
    mend = "Apply in two parts with --target, or leave out serial for this once."
    diagnostics.error("AIVP0229", why, mend)
    return found


def _with_steps(rollout: Rollout, hosts: Collection[str]) -> Iterator[Rollout]:
    members = [[name for name in names if name in hosts] for names in rollout.rounds]
    kept = [names for names in members if names]
    if len(kept) > 1:
        yield Rollout(rollout.group, kept, rollout.max_fail_percentage)
