"""A plan → what may have waited for what in a run of it, for its timeline."""

from __future__ import annotations

from aivp.events.timeline import Order
from aivp.plan.steps import Plan


def order_of(plan: Plan) -> Order:
    """Steps by what they wait for, and hosts of a rollout by the round before theirs."""
    behind: dict[str, set[str]] = {}
    for rollout in plan.rollouts:
        for before, names in zip(rollout.rounds, rollout.rounds[1:], strict=False):
            for name in names:
                behind.setdefault(name, set()).update(before)
    waits = {step.id: step.waits_for for step in plan.steps if step.waits_for}
    return Order(waits, {name: sorted(hosts) for name, hosts in behind.items()})
