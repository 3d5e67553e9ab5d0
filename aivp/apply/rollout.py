"""A plan's rounds and what has ended → whether a host's lane may begin, has to wait, or is held back."""

from __future__ import annotations

from dataclasses import dataclass

from aivp.apply.progress import BROKEN, Progress
from aivp.model.rollout import Rollout
from aivp.plan.steps import Plan


@dataclass(frozen=True, slots=True)
class Gate:
    """What a host finds before its first step. `why`: it is not to begin in this run, since too much failed."""

    must_wait: bool = False
    why: str = ""


class Rounds:
    """The rollouts of one plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._of: dict[str, list[tuple[Rollout, int]]] = {}
        for rollout in plan.rollouts:
            for number, names in enumerate(rollout.rounds):
                for name in names:
                    self._of.setdefault(name, []).append((rollout, number))

    def gate(self, host: str, progress: Progress) -> Gate:
        """Call with `progress.changed` held."""
        for rollout, own in self._of.get(host, ()):
            for number, names in enumerate(rollout.rounds[:own], 1):
                failed = [name for name in names if name in progress.left and self._has_failed(name, progress)]
                if rollout.is_too_much(len(failed), len(names)):
                    return Gate(why=_why(rollout, number, len(failed), len(names)))
                if not progress.left.issuperset(names):
                    return Gate(must_wait=True)
        return Gate()

    def _has_failed(self, host: str, progress: Progress) -> bool:
        """True for a host that was left with a step that broke, or that never ended since the link did."""
        return any(progress.ended.get(step) in {*BROKEN, None} for step in self.plan.hosts[host].lane)


def _why(rollout: Rollout, number: int, failed: int, hosts: int) -> str:
    how = f"{failed} of {hosts} hosts" if hosts > 1 else "the host"
    admitted = f", and {rollout.max_fail_percentage}% may" if rollout.max_fail_percentage else ""
    return f"{how} of round {number} of {rollout.group} failed{admitted}"
