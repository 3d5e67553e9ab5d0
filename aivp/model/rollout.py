"""Rollouts: the hosts of a group in rounds, each of which waits for the one before it and may be held back by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from aivp_contract.values import Json

from aivp.model.forms import Form


@dataclass(frozen=True, slots=True)
class Rollout:
    """rounds: names of hosts, each in one round; no round is empty.

    max_fail_percentage: a round begins only where at most so many hosts of each round before it failed.
    """

    group: str
    rounds: Sequence[Sequence[str]]
    max_fail_percentage: int = 0

    def form(self) -> dict[str, Json]:
        """As JSON."""
        return {
            "group": self.group,
            "max_fail_percentage": self.max_fail_percentage,
            "rounds": [list(names) for names in self.rounds],
        }

    def is_too_much(self, failed: int, hosts: int) -> bool:
        """True where `failed` of the `hosts` of a round hold back the rounds after it."""
        return failed * 100 > self.max_fail_percentage * hosts


FORM: Final[Form] = {"group": str, "max_fail_percentage": int, "rounds": [[str]]}


def read_rollout(raw: Any) -> Rollout:
    """The reverse of `form`. Raises ValueError where a host stands twice, or a round is empty."""
    names = [name for members in raw["rounds"] for name in members]
    if len(set(names)) != len(names) or not all(raw["rounds"]):
        raise ValueError(f"the rollout of {raw['group']} contradicts itself")
    return Rollout(raw["group"], raw["rounds"], raw["max_fail_percentage"])
