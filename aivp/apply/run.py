"""One run of a plan: check everything, then drive every host's lane side by side until each is done or broken.

A run is durable before its first dispatch, and every outcome before the next one is read. Interrupting it loses
nothing: `--resume` asks the hosts' journals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from aivp.apply.progress import Progress
from aivp.apply.record import Rows, rows
from aivp.apply.segment import lanes, next_segment
from aivp.apply.wire import Reveal, Unfilled, fill, message
from aivp.diagnostics import Diagnostic, Refused
from aivp.events import Listener, RunEnded, RunStarted, StepEnded, StepsStarted
from aivp.hosts.refusals import refused
from aivp.hosts.session import Refusal
from aivp.hosts.sessions import Sessions
from aivp.model.object import Object
from aivp.observe.audit import Broken, audit, audit_error, audit_outputs
from aivp.plan.bind import Kinds, Render
from aivp.plan.steps import Plan, Step
from aivp.state import State, StepRecord
from aivp_contract import diff
from aivp_contract.canonical import encode_wire
from aivp_contract.values import Json

MESSAGE = 2 * 1024 * 1024
"""Bytes of steps in one message, about."""


@dataclass
class Run:
    """Everything that one run needs. `now` gives the time for records, as ISO 8601 text."""

    plan: Plan
    digest: str
    state: State
    sessions: Sessions
    kinds: Kinds
    render: Render
    reveal: Reveal
    listen: Listener
    now: Callable[[], str]
    facts: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    progress: Progress = field(init=False)
    run: str = field(init=False, default="")

    def __post_init__(self) -> None:
        current = {row.address: row for row in self.state.objects() if not row.is_deposed}
        self.progress = Progress({step.id: step for step in self.plan.steps}, current, self.facts)

    def start(self, body: bytes) -> str:
        """Begin a new run. Raises Refused (exit 4) with nothing changed where the world is not as planned."""
        self.run = self.state.begin_run(self.digest, body, self.now())
        self.listen(RunStarted(self.run, self.digest, len(self.plan.steps), is_resumed=False))
        try:
            self._begin(is_resume=False)
            self._check([step for step in self.plan.steps if not step.is_conditional])
        except Refused:
            self._end("refused")
            raise
        return self._drive()

    def resume(self, run: str) -> str:
        """Go on with a run that was interrupted or has failed steps."""
        self.run = run
        self._recall(run)
        self.listen(RunStarted(run, self.digest, len(self.plan.steps), is_resumed=True))
        journal = self._begin(is_resume=True)
        fresh = [s for s in self.plan.steps if s.id not in journal and s.id not in self.progress.ended]
        self._check([step for step in fresh if not step.is_conditional])
        return self._drive()

    def abandon(self, run: str) -> None:
        """Bring what was begun to its outcome, start nothing more, and close the run."""
        self.run = run
        self._recall(run)
        journal = self._begin(is_resume=True)
        begun = [s for s in self.plan.steps if s.id in journal and s.id not in self.progress.ended]
        for host, steps in lanes(begun).items():
            self._send(host, [[step] for step in steps])
        self._end("abandoned")

    def stop(self) -> None:
        """Finish the steps in hand, start none."""
        with self.progress.changed:
            self.progress.is_stopping = True
            self.progress.changed.notify_all()
        self.sessions.cancel()

    def _recall(self, run: str) -> None:
        """What state already knows of this run."""
        for name, record in self.state.steps(run).items():
            if record.status in ("done", "skipped"):
                self.progress.ended[name] = record.status
                if record.status == "done" and record.action in ("create", "update", "refresh"):
                    self.progress.fired.add(name)

    def _hosts(self) -> Sequence[str]:
        return sorted({step.host for step in self.plan.steps})

    def _begin(self, *, is_resume: bool) -> dict[str, Json]:
        """Take every host's lock and open the run there; the steps that their journals know come back."""

        def begin(name: str) -> dict[str, Json]:
            place = self.plan.hosts[name]
            session = self.sessions.session(place.host)
            owner = {"project": self.plan.project, "environment": self.plan.environment}
            greeting = {**owner, "lineage": self.state.lineage, "kinds": dict(self.sessions.archive.kinds)}
            try:
                found = session.request("hello", greeting)
                if found["incarnation"] != place.incarnation:
                    why = f"{name} is another machine than the one that was planned for."
                    raise Refused((Diagnostic("AIVP0502", why, "Plan again."),), 4)
                self.facts = {**self.facts, name: found["facts"]}
                answer = session.request("begin", {"run": self.run, "plan": self.digest, "resume": is_resume})
            except Refusal as refusal:
                raise refused(refusal) from None
            return dict(answer["journal"])

        known: dict[str, Json] = {}
        for answer in self.sessions.each(self._hosts(), begin).values():
            if isinstance(answer, Refused):
                raise answer
            known.update(answer)
        self.progress.facts = self.facts
        return known

    def _check(self, steps: Sequence[Step]) -> None:
        """Every observable step against the digest in the plan: any difference is exit 4 with no effect at all."""
        by_host = lanes([step for step in steps if step.expected is not None])

        def check(name: str) -> list[Diagnostic]:
            found: list[Diagnostic] = []
            for batch in self._messages([(step, dict(step.config)) for step in by_host[name]]):
                found.extend(self._stale(name, batch))
            return found

        if not by_host:
            return
        stale: list[Diagnostic] = []
        for answer in self.sessions.each(by_host, check).values():
            if isinstance(answer, Refused):
                raise answer
            stale.extend(answer)
        if stale:
            raise Refused(stale, 4)

    def _stale(self, host: str, batch: Sequence[dict[str, Json]]) -> list[Diagnostic]:
        session = self.sessions.open[host]
        answers: list[Json] = []
        answers.extend(
            session.request("observe", {"items": list(batch)}, lambda _, params: answers.extend(params["items"]))["items"]
        )
        found = []
        for item, answer in zip(batch, answers, strict=True):
            step = self.progress.steps[item["id"]]
            kind = self.kinds[step.kind]
            try:
                seen = audit(kind, "", answer)
            except Broken as broken:
                raise self._broken_word(step, str(broken)) from None
            same = seen.observation is not None and diff.managed_digest(kind, step.config, seen.observation)
            if same != step.expected:
                why = f"{step.address} is no longer as it was when the plan was made."
                found.append(Diagnostic("AIVP0501", why, "Plan again and review what changed.", address=step.address))
        return found

    def _drive(self) -> str:
        """Drive all lanes; how the run ended: done, failed or interrupted."""
        by_host = lanes(self.plan.steps)
        answers = self.sessions.each(by_host, lambda name: self._drive_host(name, by_host[name]))
        lost = [answer for answer in answers.values() if isinstance(answer, Refused)]
        if self.progress.is_stopping or lost:
            status = "interrupted"
            with self.progress.changed:
                left = [name for name in self.progress.steps if name not in self.progress.ended]
            if lost and left:
                self.state.end_run(self.run, "interrupted", self.now())
                self.listen(RunEnded(self.run, "interrupted", self.progress.counts()))
                raise Refused([item for answer in lost for item in answer.diagnostics], 5)
            if not left:
                status = "failed" if self._is_broken() else "done"
        else:
            status = "failed" if self._is_broken() else "done"
        self._end(status)
        return status

    def _is_broken(self) -> bool:
        return any(status in ("failed", "blocked", "stale") for status in self.progress.ended.values())

    def _end(self, status: str) -> None:
        if status == "interrupted":
            self.state.end_run(self.run, status, self.now())
        else:
            for session in self.sessions.open.values():
                try:
                    session.request("end", {"run": self.run, "status": status})
                except (Refusal, Refused):
                    continue
            self.state.end_run(self.run, status, self.now())
        self.listen(RunEnded(self.run, status, self.progress.counts()))

    def _drive_host(self, name: str, lane: Sequence[Step]) -> None:
        try:
            while True:
                with self.progress.changed:
                    segment = next_segment(lane, self.progress)
                    if segment.is_end or self.progress.is_stopping:
                        return
                    if segment.must_wait:
                        self.progress.changed.wait()
                        continue
                    if segment.blocked:
                        self._block(segment.blocked)
                        continue
                self._send(name, segment.batches)
        except BaseException:
            with self.progress.changed:
                self.progress.is_stopping = True
                self.progress.changed.notify_all()
            raise

    def _block(self, steps: Sequence[Step]) -> None:
        self._conclude([(step, {"status": "blocked", "action": step.action}, {}) for step in steps])

    def _send(self, host: str, batches: Sequence[Sequence[Step]]) -> None:
        session = self.sessions.open[host]
        filled: dict[str, dict[str, Json]] = {}
        ready: list[list[dict[str, Json]]] = []
        for batch in batches:
            messages = []
            for step in batch:
                try:
                    filled[step.id] = fill(step, self.progress, self.kinds, self.render)
                except Unfilled as error:
                    outcome = {"status": "failed", "action": step.action, "error": {"class": "input", "message": str(error)}}
                    with self.progress.changed:
                        self._conclude([(step, outcome, {})])
                    continue
                messages.append(message(step, filled[step.id], self.progress, self.reveal))
            ready.append(messages)

        def listen(method: str, params: Json) -> None:
            if method == "outcomes":
                self._take(host, params, filled)

        for part in _split([batch for batch in ready if batch]):
            self.listen(StepsStarted(host, [item["id"] for batch in part for item in batch]))
            try:
                answer = session.request("apply", {"batches": part}, listen)
            except Refusal as refusal:
                raise refused(refusal) from None
            if answer.get("left"):
                return

    def _take(self, host: str, params: Json, filled: Mapping[str, dict[str, Json]]) -> None:
        found = []
        for outcome in params["outcomes"]:
            step = self.progress.steps.get(str(outcome.get("step")))
            if step is None or step.host != host or step.id not in filled:
                why = f"{host} reports a step that it was not given."
                raise Refused((Diagnostic("AIVP0603", why, "Do not trust this host before you know why."),))
            found.append((step, outcome, filled[step.id]))
        with self.progress.changed:
            self._conclude(found)

    def _conclude(self, found: Sequence[tuple[Step, Mapping[str, Json], Mapping[str, Json]]]) -> None:
        """Make outcomes durable, then known. Call with `progress.changed` held."""
        records: list[StepRecord] = []
        changes: list[Rows] = []
        for step, outcome, config in found:
            status, action = str(outcome["status"]), str(outcome["action"])
            error = None
            if outcome.get("error") is not None:
                error = audit_error(outcome["error"])
            records.append(StepRecord(step.id, status, action, error, self.now()))
            if status == "done":
                changes.append(self._rows(step, action, outcome, config))
        self.state.conclude(
            self.run,
            records,
            [change.put for change in changes if change.put is not None],
            [gone for change in changes for gone in change.gone],
        )
        for change in changes:
            for address, _ in change.gone:
                self.progress.rows.pop(address, None)
            if change.put is not None:
                self.progress.rows[change.put.address] = change.put
        for (step, _, _), record in zip(found, records, strict=True):
            self.progress.ended[step.id] = record.status
            if record.status == "done" and record.action in ("create", "update", "refresh"):
                self.progress.fired.add(step.id)
            self.listen(StepEnded(step.host, step.id, step.address, record.status, record.action, record.error))
        self.progress.changed.notify_all()

    def _rows(self, step: Step, action: str, outcome: Mapping[str, Json], config: Mapping[str, Json]) -> Rows:
        try:
            outputs = audit_outputs(self.kinds[step.kind], outcome.get("outputs", {})) if step.kind in self.kinds else {}
        except Broken as broken:
            raise self._broken_word(step, str(broken)) from None
        row: Object | None = self.progress.rows.get(step.previous or step.address)
        return rows(step, action, outputs, config, row, self.plan.hosts[step.host])

    def _broken_word(self, step: Step, what: str) -> Refused:
        provider = self.kinds[step.kind].provider
        why = f"The provider {provider} broke its contract for {step.address}: {what}."
        return Refused((Diagnostic("AIVP0612", why, "This is a bug of that provider.", address=step.address),))

    def _messages(self, steps: Sequence[tuple[Step, dict[str, Json]]]) -> list[list[dict[str, Json]]]:
        items = [message(step, config, self.progress, self.reveal) for step, config in steps]
        return [[item for batch in part for item in batch] for part in _split([[item] for item in items])]


def _split(batches: Sequence[list[dict[str, Json]]]) -> list[list[list[dict[str, Json]]]]:
    """Batches in as few messages as their size allows; a batch too large for one message is cut in two."""
    parts: list[list[list[dict[str, Json]]]] = [[]]
    size = 0
    for batch in batches:
        for piece in _pieces(batch):
            length = sum(len(encode_wire(item)) for item in piece)
            if parts[-1] and size + length > MESSAGE:
                parts.append([])
                size = 0
            parts[-1].append(piece)
            size += length
    return [part for part in parts if part]


def _pieces(batch: list[dict[str, Json]]) -> list[list[dict[str, Json]]]:
    pieces: list[list[dict[str, Json]]] = [[]]
    size = 0
    for item in batch:
        length = len(encode_wire(item))
        if pieces[-1] and size + length > MESSAGE:
            pieces.append([])
            size = 0
        pieces[-1].append(item)
        size += length
    return pieces
