"""The next segment of a host's lane: as many whole batches as have known inputs, in one message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from aivp_contract.values import contains

from aivp.apply.progress import Progress
from aivp.model.expression import EXPRESSIONS
from aivp.plan.steps import Step


@dataclass(frozen=True, slots=True)
class Segment:
    """What can be sent now. `must_wait`: nothing can until another host gets on; `blocked`: never will."""

    batches: Sequence[Sequence[Step]] = ()
    blocked: Sequence[Step] = ()
    must_wait: bool = False

    @property
    def is_end(self) -> bool:
        """True where the lane is done, or cannot get on in this session."""
        return not self.batches and not self.blocked and not self.must_wait


def next_segment(lane: Sequence[Step], progress: Progress) -> Segment:
    """Walk the lane from its first step that has not ended. Call with `progress.changed` held."""
    left = [step for step in lane if step.id not in progress.ended]
    blocked = [step for step in left if progress.is_blocked(step)]
    if blocked:
        return Segment(blocked=blocked)
    batches: list[list[Step]] = []
    sent: set[str] = set()
    for batch in _by_batch(left):
        if not all(progress.is_ready(step) for step in batch):
            break
        if sent and any(_needs_outputs(step) for step in batch):
            break
        batches.append(batch)
        sent.update(step.id for step in batch)
    may_come = bool(left) and not any(progress.is_out_of_reach(step) for step in next(_by_batch(left)))
    return Segment(batches, must_wait=not batches and may_come)


def _needs_outputs(step: Step) -> bool:
    """True for a step with inputs that only steps before it can bring."""
    return step.is_deferred and contains(dict(step.config), EXPRESSIONS)


def _by_batch(steps: Sequence[Step]) -> Iterator[list[Step]]:
    return (list(batch) for _, batch in groupby(steps, key=lambda step: step.batch))


def lanes(steps: Sequence[Step]) -> Mapping[str, Sequence[Step]]:
    """Host → its steps in order."""
    found: dict[str, list[Step]] = {}
    for step in steps:
        found.setdefault(step.host, []).append(step)
    return found
