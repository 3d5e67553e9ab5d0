"""Outcomes → records and rows: durable first, then known to the run, then told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aivp_contract.values import Json

from aivp.apply.answers import Outcome
from aivp.apply.progress import Progress
from aivp.apply.record import Rows, settle
from aivp.diagnostics import Refused
from aivp.events import Listener, StepEnded
from aivp.plan.bind import Kinds
from aivp.plan.steps import Plan, Step
from aivp.state import State, StepRecord

Ended = tuple[Step, Outcome, Mapping[str, Json]]
"""A step, what became of it, and the config that was applied."""


@dataclass
class Books:
    """Of one run. `now` gives the time for records, as ISO 8601 text; `failure`: why nothing could be recorded."""

    plan: Plan
    state: State
    kinds: Kinds
    progress: Progress
    listen: Listener
    now: Callable[[], str]
    run: str = ""
    failure: Refused | None = field(init=False, default=None)

    def conclude(self, found: Sequence[Ended]) -> None:
        """Call with `progress.changed` held. Raises Refused."""
        now = self.now()
        settled = [self._settled(*item, now) for item in found]
        put = [row for _, change in settled for row in (change.deposed, change.put) if row is not None]
        gone = [ending for _, change in settled for ending in change.gone]
        for (step, _, _), (record, _) in zip(found, settled, strict=True):
            gone += self._within(step, record)
        try:
            self.state.conclude(self.run, [record for record, _ in settled], put, gone)
        except Refused as failure:
            self.failure = failure
            self.progress.is_stopping = True  # what cannot be recorded must not happen
            raise
        for address in (address for address, is_deposed in gone if not is_deposed):
            self.progress.rows.pop(address, None)
        for row in put:
            (self.progress.deposed if row.is_deposed else self.progress.rows)[row.address] = row
        for (step, outcome, _), (record, _) in zip(found, settled, strict=True):
            self.progress.note(record)
            self.listen(_ended(step, record, outcome.times))
        self.progress.changed.notify_all()

    def _within(self, step: Step, record: StepRecord) -> list[tuple[str, bool]]:
        """What was on a host that has gone, or has become another one: it went with it."""
        kind = self.kinds.get(step.kind)
        is_other = step.action in ("delete", "forget") or record.action == "create"
        if kind is None or kind.channel is None or record.status != "done" or not is_other:
            return []
        rows = (*self.progress.rows.values(), *self.progress.deposed.values())
        return [(row.address, row.is_deposed) for row in rows if f"@{row.host}".endswith(f"@{step.address}")]

    def fail(self, step: Step, error: Mapping[str, Json]) -> None:
        """A step that never came as far as its host. Raises Refused."""
        with self.progress.changed:
            self.conclude([(step, Outcome("failed", step.action, error=error), {})])

    def lose(self, steps: Sequence[Step]) -> None:
        """Steps that may have been begun on hosts that nobody will ever ask again. Raises Refused."""
        error = {"class": "lost", "message": "its host was given up, so nobody knows whether this was done"}
        records = [StepRecord(step.id, "lost", step.action, error, self.now()) for step in steps]
        self.state.conclude(self.run, records, [], [])
        for step in steps:
            self.listen(StepEnded(step.host, step.id, step.address, "lost", step.action, error))

    def _settled(self, step: Step, outcome: Outcome, config: Mapping[str, Json], now: str) -> tuple[StepRecord, Rows]:
        row = self.progress.rows.get(step.address)
        if step.previous is not None and (row is None or row.registered != step.previous):
            row = self.progress.rows.get(step.previous)
        host = self.plan.hosts[step.host]
        if not host.incarnation:  # the run itself has brought it
            host = replace(host, incarnation=self.progress.incarnations.get(step.host, ""))
        return settle(step, outcome, config, row, host, self.kinds.get(step.kind), now)


def _ended(step: Step, record: StepRecord, times: Sequence[float]) -> StepEnded:
    """times: of the run, as in Outcome."""
    began, effect = (times[0] if times else None), ((times[1], times[2]) if len(times) == 3 else None)
    told = (step.host, step.id, step.address, record.status, record.action, record.error)
    return StepEnded(*told, began=began, effect=effect)
