"""The lanes of a run, side by side: the next segment, its messages, its outcomes, until a lane is done or left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from aivp_contract.values import Json

from aivp.apply.answers import Outcome, read_outcomes
from aivp.apply.books import Books
from aivp.apply.feed import Feed
from aivp.apply.hearing import Hearing
from aivp.apply.hosts import RunHosts, refusals
from aivp.apply.progress import Progress
from aivp.apply.rollout import Rounds
from aivp.apply.segment import lanes, next_segment
from aivp.apply.wire import Reveal, Unfilled, fill, message, opened
from aivp.apply.withheld import Errors
from aivp.blobs.contents import Contents
from aivp.diagnostics import Diagnostic, Refused
from aivp.events import Listener, StepsStarted, Stopwatch
from aivp.hosts.portions import Items, portions_of_batches
from aivp.hosts.session import HostSession
from aivp.hosts.sessions import Sessions
from aivp.observe.audit import Broken
from aivp.plan.bind import Kinds, Render
from aivp.plan.fit import Fit
from aivp.plan.steps import Plan, Step


@dataclass
class Driver:
    """What the lanes need. `withheld`: steps that cannot be handed over, by id, and why; `clock`: of the run."""

    plan: Plan
    sessions: Sessions
    hosts: RunHosts
    progress: Progress
    books: Books
    kinds: Kinds
    render: Render
    reveal: Reveal
    listen: Listener
    contents: Contents
    clock: Stopwatch
    withheld: Errors = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.fit = Fit()
        self.rounds = Rounds(self.plan)

    def drive(self) -> list[Diagnostic]:
        """Drive all lanes to their end; why any was left before it comes back."""
        by_host = {name: lane for name, lane in lanes(self.plan.steps).items() if name not in self.progress.left}
        answers = self.sessions.each(by_host, lambda name: self._drive_host(name, by_host[name]), len(by_host))
        return [item for answer in answers.values() if isinstance(answer, Refused) for item in answer.diagnostics]

    def send(self, host: str, batches: Sequence[Sequence[Step]]) -> None:
        """Hand batches over and take their outcomes, until all have ended or the run is being stopped.

        Raises Refused where the link breaks, or what it brings cannot be recorded.
        """
        filled: dict[str, dict[str, Json]] = {}
        ready = self._messages(batches, filled)
        sent_at = 0.0
        with self.hosts.visit(host) as session, Feed(session, self.contents, self._takers(filled), self.listen) as feed:

            def listen(method: str, params: Json) -> None:
                if method == "outcomes":
                    self._take(session, params, filled, sent_at)
                elif method == "wanted":
                    feed.answer(params)
                elif event := hearing.event(method, params):
                    self.listen(event)

            for portion in portions_of_batches(ready):
                sent = [str(item["id"]) for batch in portion for item in batch]
                hearing = Hearing(host, {name: self.progress.steps[name] for name in sent})
                self.listen(StepsStarted(host, sent))
                sent_at = self.clock()
                with refusals():
                    session.request("apply", {"batches": portion}, listen)
                if any(name not in self.progress.ended for name in sent):
                    if not self.progress.is_stopping:
                        raise session.hostile("it left steps without an outcome")
                    return

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
            self.books.conclude([(step, Outcome("blocked", step.action, error=error), {}) for step in left])
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
                self.books.conclude([(step, Outcome("blocked", step.action), {}) for step in segment.blocked])
                return True
        self.hosts.arrive(name)
        self.send(name, segment.batches)
        return True

    def _messages(self, batches: Sequence[Sequence[Step]], filled: dict[str, dict[str, Json]]) -> list[Items]:
        """The batches for the wire; a step whose inputs did not come has failed."""
        for step in (step for batch in batches for step in batch):
            if step.id in self.withheld:
                self.books.fail(step, self.withheld[step.id])
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
        self.books.fail(step, {"class": "input", "message": why, **where})

    def _takers(self, filled: Mapping[str, Mapping[str, Json]]) -> dict[str, Mapping[str, Json]]:
        """Address → what is applied there."""
        return {self.progress.steps[name].address: config for name, config in filled.items()}

    def _take(self, session: HostSession, params: Json, filled: Mapping[str, dict[str, Json]], sent_at: float) -> None:
        try:
            outcomes = read_outcomes(params)
        except Broken as broken:
            raise session.hostile(str(broken)) from None
        with self.progress.changed:
            for name, _ in outcomes:
                if name not in filled or name in self.progress.ended:
                    raise session.hostile("it reports a step that it was not given")
            now = self.clock()
            found = [(name, replace(outcome, times=_of_run(outcome.times, sent_at, now))) for name, outcome in outcomes]
            self.books.conclude([(self.progress.steps[name], outcome, filled[name]) for name, outcome in found])


def _of_run(times: Sequence[float], sent_at: float, now: float) -> list[float]:
    """Seconds of the message → of the run; whatever a host says, it has not worked after it answered."""
    return [round(min(sent_at + time, now), 3) for time in times]
