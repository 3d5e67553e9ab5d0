"""What a run has brought so far: the state of every step, shared by the threads that drive its hosts."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aivp.model.expression import Fact, Ref
from aivp.model.object import Object
from aivp.plan.steps import Step
from aivp_contract.values import Json

BROKEN = frozenset({"failed", "blocked", "stale"})


@dataclass
class Progress:
    """Guarded by `changed`. `ended`: step id → status; `fired`: steps that really changed something."""

    steps: Mapping[str, Step]
    rows: dict[str, Object]
    facts: Mapping[str, Mapping[str, Json]]
    ended: dict[str, str] = field(default_factory=dict)
    fired: set[str] = field(default_factory=set)
    is_stopping: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)

    def counts(self) -> dict[str, int]:
        """Steps by status."""
        found: dict[str, int] = {}
        for status in self.ended.values():
            found[status] = found.get(status, 0) + 1
        return dict(sorted(found.items()))

    def is_ready(self, step: Step) -> bool:
        """True once everything on other hosts that `step` waits for has ended."""
        return all(name in self.ended or self.steps[name].host == step.host for name in step.waits_for)

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
            if isinstance(value, Mapping) and part in value:
                value = value[part]
            elif isinstance(value, Sequence) and isinstance(part, int) and 0 <= part < len(value):
                value = value[part]
            else:
                return expression
        return value
