"""One run of a plan: check everything, then drive every host's lane side by side until each is done or broken.

A run is durable before its first dispatch, and every outcome before the next one is read. Interrupting it loses
nothing: `--resume` asks the hosts' journals.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from aivp_contract.values import Json

from aivp.apply.answers import BEGUN, Outcome, read_outcomes
from aivp.apply.check import check
from aivp.apply.feed import Feed
from aivp.apply.hearing import Hearing
from aivp.apply.hosts import RunHosts, refusals
from aivp.apply.progress import Progress
from aivp.apply.record import Rows, settle
from aivp.apply.rollout import Rounds
from aivp.apply.segment import lanes, next_segment
from aivp.apply.wire import Reveal, Unfilled, fill, message, opened
from aivp.blobs.contents import Contents
from aivp.diagnostics import Diagnostic, Refused
from aivp.diagnostics.diagnostic import refusal
from aivp.events import Listener, RunEnded, RunStarted, StepEnded, StepsStarted
from aivp.hosts.portions import Items, portions_of_batches
from aivp.hosts.session import HostSession
from aivp.hosts.sessions import Sessions
from aivp.model.evidence import digest_of
from aivp.model.object import Object
from aivp.observe.audit import Broken
from aivp.observe.upgrade import upgrade
from aivp.plan.bind import Kinds, Render
from aivp.plan.blobs import needed
from aivp.plan.fit import Fit
from aivp.plan.steps import Plan, Step
from aivp.state import State, StepRecord

Ended = tuple[Step, Outcome, Mapping[str, Json]]
"""A step, what became of it, and the config that was applied."""


@dataclass
class Run:
    """Everything that one run needs. `now` gives the time for records, as ISO 8601 text. generated: as in Progress.

    contents: what is too large for the plan.
    """

    plan: Plan
    digest: str
    state: State
    sessions: Sessions
    kinds: Kinds
    render: Render
    reveal: Reveal
    listen: Listener
    now: Callable[[], str]
    contents: Contents
    generated: Mapping[str, str] = field(default_factory=dict)
    progress: Progress = field(init=False)
    run: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self.progress = Progress({step.id: step for step in self.plan.steps}, {}, {}, self.generated)
        self.hosts = RunHosts(self.plan, self.digest, self.sessions)
        self.failure: Refused | None = None
        self.withheld: dict[str, Mapping[str, Json]] = {}
        """Steps that no host is asked about, since their provider cannot work there: the error that each has."""
        self.fit = Fit()
        self.rounds = Rounds(self.plan)

    def start(self, body: bytes) -> str:
        """Begin a new run. Raises Refused (exit 4) with nothing changed where the world is not as planned."""
        with self.state.exclusive():
            self._read_state()
            self.contents.check(needed(self.plan.steps))
            self.run = self.state.begin_run(self.digest, body, self.now())
            self.listen(RunStarted(self.run, self.digest, len(self.plan.steps), is_resumed=False))
            try:
                self._begin(is_resume=False)
                self._check(self.plan.steps)
            except Refused:
                self._end("refused")
                raise
            return self._drive()

    def resume(self, run: str) -> str:
        """Go on with a run that was interrupted or has failed steps."""
        with self.state.exclusive():
            has_failed = run in self.state.closed_runs()
            journal = self._take_up(run)
            self.listen(RunStarted(run, self.digest, len(self.plan.steps), is_resumed=True))
            fresh = [step for step in self._left() if step.id not in journal and step.host not in self.progress.left]
            try:
                self.contents.check(needed(step for step in self._left() if step.host not in self.progress.left))
                self._check(fresh)
            except Refused:
                if has_failed:  # it was over before, so it still stands in nobody's way
                    self._end("failed")
                raise
            return self._drive()

    def abandon(self, run: str, given_up: Collection[str] = ()) -> list[Step]:
        """Bring what was begun to its outcome, start nothing more, and close the run.

        given_up: hosts that are gone for good and are not asked; their steps that may have been begun come back.
        """
        self.hosts.refuse_strangers(given_up)
        self.hosts.given_up = frozenset(given_up)
        with self.state.exclusive():
            journal = self._take_up(run)
            open_lanes = lanes(self._left())
            if missing := sorted(self.hosts.lost.keys() & open_lanes.keys()):
                raise Refused([_to_give_up(name, item) for name in missing for item in self.hosts.lost[name]])
            lost = [step for name in sorted(given_up) for step in self._may_have_begun(open_lanes.get(name, ()))]
            begun = [step for step in self._left() if journal.get(step.id) in BEGUN]
            for host, steps in lanes(begun).items():
                self._send(host, [[step] for step in steps])
            self._record_lost(lost)
            self._end("abandoned")
        return lost

    def stop(self) -> None:
        """Finish the steps in hand, start none."""
        with self.progress.changed:
            self.progress.is_stopping = True
            self.progress.changed.notify_all()
        self.sessions.cancel()

    # --- Before the first step -----------------------------------------------------------------------------------

    def _read_state(self) -> None:
        """The rows that this run starts from. Raises Refused (exit 4) where they are not those of the plan."""
        objects = self.state.objects()
        if self.plan.pins["objects"] != digest_of(objects):
            raise refusal("AIVP0504", "State has changed since the plan was made.", "Plan again.", exit_code=4)
        self._recall_rows(objects)

    def _recall_rows(self, objects: Sequence[Object]) -> None:
        self.progress.rows = {row.address: row for row in objects if not row.is_deposed}

    def _take_up(self, run: str) -> dict[str, str]:
        """Open an unfinished run again; what its hosts' journals know of it comes back."""
        self.run = run
        self._recall_rows(self.state.objects())
        journal = self._begin(is_resume=True)
        self.state.reopen_run(run)
        for name, record in self.state.steps(run).items():
            if record.status in ("done", "skipped"):
                self.progress.ended[name] = record.status
                self._note_fired(record)
        return journal

    def _upgrade_rows(self) -> Mapping[str, Mapping[str, Json]]:
        """The rows that steps are about, in the form that the plan knows them in; by address, why one has none."""
        concerned = {name for step in self.plan.steps for name in (step.address, step.previous)}
        rows = [row for address, row in sorted(self.progress.rows.items()) if address in concerned]
        reached = self.hosts.begun - self.hosts.lost.keys()
        found = upgrade(rows, self.kinds, self.sessions, self.hosts.visit, reached)
        self.progress.rows.update({row.address: row for row in found.rows})
        return {rows[index].address: error for index, error in found.failed.items()}

    def _withhold(self, outdated: Mapping[str, Mapping[str, Json]], journal: Mapping[str, str]) -> None:
        """Steps whose provider cannot work fail by themselves; one that has begun there waits until it can.

        Raises Refused.
        """
        for step in self.plan.steps:
            error = self.hosts.unequipped.get((step.host, step.kind))
            error = error or outdated.get(step.address) or outdated.get(step.previous or "")
            if error is not None and journal.get(step.id) in BEGUN:
                why = f"{step.address} was begun, and its provider cannot go on: {error['message']}."
                raise refusal("AIVP0610", why, "Mend the provider, then: aivp apply --resume.")
            if error is not None:
                self.withheld[step.id] = error

    def _left(self) -> list[Step]:
        return [step for step in self.plan.steps if step.id not in self.progress.ended]

    def _begin(self, *, is_resume: bool) -> dict[str, str]:
        self.hosts.run, self.hosts.lineage = self.run, self.state.lineage
        journal = self.hosts.begin(self.state.closed_runs(), is_resume=is_resume)
        self.progress.facts = self.hosts.facts
        self._withhold(self._upgrade_rows(), journal)
        self.progress.left.update(self.hosts.lost)
        return journal

    def _may_have_begun(self, lane: Sequence[Step]) -> Sequence[Step]:
        """A lane is handed over from its front: what waits for another host, and all behind it, never was."""
        return list(takewhile(self.progress.is_ready, lane))

    def _record_lost(self, steps: Sequence[Step]) -> None:
        error = {"class": "lost", "message": "its host was given up, so nobody knows whether this was done"}
        records = [StepRecord(step.id, "lost", step.action, error, self.now()) for step in steps]
        self.state.conclude(self.run, records, [], [])
        for step in steps:
            self.listen(StepEnded(step.host, step.id, step.address, "lost", step.action, error))

    def _check(self, steps: Sequence[Step]) -> None:
        steps = [step for step in steps if step.id not in self.withheld]
        check(steps, self.sessions, self.hosts.visit, self.progress, self.kinds, self.reveal)

    # --- The lanes -----------------------------------------------------------------------------------------------

    def _drive(self) -> str:
        """Drive all lanes; how the run ended: done, failed or interrupted. Raises Refused where hosts were lost."""
        by_host = {name: lane for name, lane in lanes(self.plan.steps).items() if name not in self.progress.left}
        answers = self.sessions.each(by_host, lambda name: self._drive_host(name, by_host[name]), len(by_host))
        left = [answer for answer in answers.values() if isinstance(answer, Refused)]
        lost = [*self._lost(), *(item for answer in left for item in answer.diagnostics)]
        if self.progress.is_complete():
            status = "failed" if self.progress.is_broken() else "done"
            self._end(status)
            return status
        if self.failure is not None:
            raise self.failure
        self.state.end_run(self.run, "interrupted", self.now())
        self.listen(RunEnded(self.run, "interrupted", self.progress.counts()))
        if lost and not self.progress.is_stopping:
            raise Refused(lost, 5)
        return "interrupted"

    def _lost(self) -> list[Diagnostic]:
        return [item for name in sorted(self.hosts.lost) for item in self.hosts.lost[name]]

    def _end(self, status: str) -> None:
        self.hosts.end(status)
        self.state.end_run(self.run, status, self.now())
        self.listen(RunEnded(self.run, status, self.progress.counts()))

    def _drive_host(self, name: str, lane: Sequence[Step]) -> None:
        """Drive one lane to its end; whoever waits for it is told when it is left, however that comes about."""
        try:
            if self._may_begin(name, lane):
                while self._advance(name, lane):
                    pass
        except Refused:
            raise
        except BaseException:  # our own bug, or the end of the process: nobody starts anything more
            self.progress.is_stopping = True
            raise
        finally:
            with self.progress.changed:
                self.progress.left.add(name)
                self.progress.changed.notify_all()

    def _may_begin(self, name: str, lane: Sequence[Step]) -> bool:
        """True once the rounds before that of this host are done. False where too much of them failed: its steps are
        then held back, and a resumed run comes to them.
        """
        with self.progress.changed:
            while not self.progress.is_stopping and (gate := self.rounds.gate(name, self.progress)).must_wait:
                self.progress.changed.wait()
            if self.progress.is_stopping or not gate.why:
                return not self.progress.is_stopping
            error = {"class": "held", "message": gate.why}
            left = [step for step in lane if step.id not in self.progress.ended]
            self._conclude([(step, Outcome("blocked", step.action, error=error), {}) for step in left])
        return False

    def _advance(self, name: str, lane: Sequence[Step]) -> bool:
        """One segment; False at the end of the lane."""
        with self.progress.changed:
            segment = next_segment(lane, self.progress)
            if segment.is_end or self.progress.is_stopping:
                return False
            if segment.must_wait:
                self.progress.changed.wait()
                return True
            if segment.blocked:
                self._conclude([(step, Outcome("blocked", step.action), {}) for step in segment.blocked])
                return True
        self._send(name, segment.batches)
        return True

    def _send(self, host: str, batches: Sequence[Sequence[Step]]) -> None:
        """Hand batches over and take their outcomes, until all have ended or the run is being stopped."""
        filled: dict[str, dict[str, Json]] = {}
        ready = self._messages(batches, filled)

        with self.hosts.visit(host) as session, Feed(session, self.contents, filled.values()) as feed:

            def listen(method: str, params: Json) -> None:
                if method == "outcomes":
                    self._take(session, params, filled)
                elif method == "wanted":
                    feed.answer(params)
                elif event := hearing.event(method, params):
                    self.listen(event)

            for portion in portions_of_batches(ready):
                sent = [str(item["id"]) for batch in portion for item in batch]
                hearing = Hearing(host, {name: self.progress.steps[name] for name in sent})
                self.listen(StepsStarted(host, sent))
                with refusals():
                    session.request("apply", {"batches": portion}, listen)
                if any(name not in self.progress.ended for name in sent):
                    if not self.progress.is_stopping:
                        raise session.hostile("it left steps without an outcome")
                    return

    def _messages(self, batches: Sequence[Sequence[Step]], filled: dict[str, dict[str, Json]]) -> list[Items]:
        """The batches for the wire; a step whose inputs did not come has failed."""
        for step in (step for batch in batches for step in batch):
            if step.id in self.withheld:
                self._fail(step, self.withheld[step.id])
                continue
            try:
                filled[step.id] = fill(step, self.progress, self.kinds, self.render, self.fit)
            except Unfilled as error:
                self._lack(step, str(error), path=error.path, mend=error.mend)
        sent = self._opened([step for batch in batches for step in batch if step.id in filled], filled)
        return [
            [message(step, sent[step.id], self.progress, self.kinds) for step in batch if step.id in sent]
            for batch in batches
        ]

    def _opened(self, steps: Sequence[Step], filled: Mapping[str, dict[str, Json]]) -> dict[str, dict[str, Json]]:
        """Step id → config with its secrets. One by one where that fails, to tell which step it is that fails."""
        try:
            return {step.id: sent for step, sent in zip(steps, opened(steps, filled, self.reveal), strict=True)}
        except Refused as refused:
            if len(steps) > 1:
                return {name: sent for step in steps for name, sent in self._opened([step], filled).items()}
            self._lack(steps[0], " ".join(item.why for item in refused.diagnostics))
            return {}

    def _lack(self, step: Step, why: str, **where: str) -> None:
        self._fail(step, {"class": "input", "message": why, **where})

    def _fail(self, step: Step, error: Mapping[str, Json]) -> None:
        outcome = Outcome("failed", step.action, error=error)
        with self.progress.changed:
            self._conclude([(step, outcome, {})])

    # --- Outcomes ------------------------------------------------------------------------------------------------

    def _take(self, session: HostSession, params: Json, filled: Mapping[str, dict[str, Json]]) -> None:
        try:
            outcomes = read_outcomes(params)
        except Broken as broken:
            raise session.hostile(str(broken)) from None
        with self.progress.changed:
            for name, _ in outcomes:
                if name not in filled or name in self.progress.ended:
                    raise session.hostile("it reports a step that it was not given")
            self._conclude([(self.progress.steps[name], outcome, filled[name]) for name, outcome in outcomes])

    def _conclude(self, found: Sequence[Ended]) -> None:
        """Make outcomes durable, then known. Call with `progress.changed` held. Raises Refused."""
        now = self.now()
        settled = [self._settled(*item, now) for item in found]
        put = [change.put for _, change in settled if change.put is not None]
        gone = [ending for _, change in settled for ending in change.gone]
        try:
            self.state.conclude(self.run, [record for record, _ in settled], put, gone)
        except Refused as failure:
            self.failure = failure
            self.progress.is_stopping = True  # what cannot be recorded must not happen
            raise
        for address in (address for address, is_deposed in gone if not is_deposed):
            self.progress.rows.pop(address, None)
        self.progress.rows.update({row.address: row for row in put if not row.is_deposed})
        for (step, _, _), (record, _) in zip(found, settled, strict=True):
            self.progress.ended[step.id] = record.status
            self._note_fired(record)
            self.listen(StepEnded(step.host, step.id, step.address, record.status, record.action, record.error))
        self.progress.changed.notify_all()

    def _settled(self, step: Step, outcome: Outcome, config: Mapping[str, Json], now: str) -> tuple[StepRecord, Rows]:
        row = self.progress.rows.get(step.address)
        if step.previous is not None and (row is None or row.registered != step.previous):
            row = self.progress.rows.get(step.previous)
        return settle(step, outcome, config, row, self.plan.hosts[step.host], self.kinds.get(step.kind), now)

    def _note_fired(self, record: StepRecord) -> None:
        if record.status == "done" and record.action in ("create", "update", "refresh"):
            self.progress.fired.add(record.step)


def _to_give_up(name: str, item: Diagnostic) -> Diagnostic:
    mend = f"Let it be reached and try again. If it is gone for good: aivp runs abandon --lost {name}"
    return replace(item, mend=mend)
