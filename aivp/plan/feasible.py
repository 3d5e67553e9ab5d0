"""Waits, lanes and rounds together → whether all steps can be done at all. Knows steps by their ids only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from aivp.model.rollout import Rollout


def are_feasible(
    waits_for: Iterable[tuple[str, Sequence[str]]], lanes: Mapping[str, Sequence[str]], rollouts: Sequence[Rollout]
) -> bool:
    """True where no step can only come after itself: each comes after the one before it in its lane, after what it
    waits for, and after every step on hosts of the round before. Raises KeyError for a round's host without a lane.
    """
    waits = {name: set(others) for name, others in waits_for}
    for lane in lanes.values():
        for before, after in pairwise(lane):
            waits[after].add(before)
    for rollout in rollouts:
        for number, (earlier, later) in enumerate(pairwise(rollout.rounds)):
            gate = f"{rollout.group} {number}"  # no step's id: those have a colon, and names have none
            waits[gate] = {lanes[name][-1] for name in earlier}
            for name in later:
                waits[lanes[name][0]].add(gate)
    try:
        TopologicalSorter(waits).prepare()
    except CycleError:
        return False
    return True
