"""What a run has brought so far: the state of every step, shared by the threads that drive its hosts."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from aivp_contract.values import Json

from aivp.model.expression import Fact, Ref
from aivp.model.object import Object
from aivp.plan.steps import Step
from aivp.state import StepRecord

BROKEN = frozenset({"failed", "blocked", "stale"})


@dataclass
class Progress:
    """Guarded by `changed`. `ended`: step id → status; `fired`: steps that really changed something.

    left: hosts whose lane nobody drives any more, be it done, lost or stopped. generated: names of the secrets that are
    generated, each with the id of the key that it comes from.
    """

    steps: Mapping[str, Step]
    rows: dict[str, Object]
    """By address; what another object took the place of stands in `deposed`."""
    facts: dict[str, Mapping[str, Json]]
    generated: Mapping[str, str] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    fired: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    deposed: dict[str, Object] = field(default_factory=dict)
    incarnations: dict[str, str] = field(default_factory=dict)
    """Of the hosts that were greeted in this run."""
    is_stopping: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)

    def note(self, record: StepRecord) -> None:
        """A step has ended, as recorded."""
        self.ended[record.step] = record.status
        if record.status == "done" and record.action in ("create", "update", "refresh"):
            self.fired.add(record.step)

    def counts(self) -> dict[str, int]:
        """Steps by status."""
        found: dict[str, int] = {}
        for status in self.ended.values():
            found[status] = found.get(status, 0) + 1
        return dict(sorted(found.items()))

    def is_ready(self, step: Step) -> bool:
        """True once everything on other hosts that `step` waits for has ended."""
        return all(name in self.ended or self.steps[name].host == step.host for name in step.waits_for)

    def is_out_of_reach(self, step: Step) -> bool:
        """True if something that `step` waits for will not come in this session: its host is left."""
        return any(name not in self.ended and self.steps[name].host in self.left for name in step.waits_for)

    def is_broken(self) -> bool:
        """True if any step failed, or could not run because of one that did."""
        return any(status in BROKEN for status in self.ended.values())

    def is_complete(self) -> bool:
        """True once every step has ended."""
        return all(name in self.ended for name in self.steps)

    def is_blocked(self, step: Step) -> bool:
        """True if something that `step` waits for broke."""
        return any(self.ended.get(name) in BROKEN for name in step.waits_for)

    def resolve(self, expression: Ref | Fact) -> Json:
        """The value of an expression from what is recorded by now, or the expression itself."""
        value: Json
        if isinstance(expression, Fact):
            value = self.facts.get(expression.host, {})
        else:
            row = self.rows.get(expression.to)
            value = None if row is None else dict(row.outputs)
        for part in expression.path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return expression
        return value
