"""One run of a plan: check everything, then drive every host's lane side by side until each is done or broken.

A run is durable before its first dispatch, and every outcome before the next one is read. Interrupting it loses
nothing: `--resume` asks the hosts' journals.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from aivp_contract.values import Json

from aivp.apply.answers import BEGUN
from aivp.apply.books import Books
from aivp.apply.check import check
from aivp.apply.driving import Driver
from aivp.apply.hosts import RunHosts
from aivp.apply.progress import Progress
from aivp.apply.segment import lanes
from aivp.apply.wire import Reveal
from aivp.apply.withheld import Errors, withheld
from aivp.blobs.contents import Contents
from aivp.diagnostics import Diagnostic, Refused
from aivp.diagnostics.diagnostic import refusal
from aivp.events import Listener, RunEnded, RunStarted, Stopwatch
from aivp.hosts.sessions import Sessions
from aivp.model.evidence import digest_of
from aivp.model.object import Object
from aivp.observe.upgrade import upgrade
from aivp.plan.bind import Kinds, Render
from aivp.plan.blobs import needed
from aivp.plan.steps import Plan, Step
from aivp.state import State


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
    clock: Stopwatch = field(default_factory=Stopwatch)
    run: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self.progress = Progress({step.id: step for step in self.plan.steps}, {}, {}, self.generated)
        self.hosts = RunHosts(
            self.plan,
            self.digest,
            self.sessions,
            incarnations=self.progress.incarnations,
            channel=self._channel,
        )
        self.books = Books(self.plan, self.state, self.kinds, self.progress, self.listen, self.now)
        self.driver = Driver(
            self.plan,
            self.sessions,
            self.hosts,
            self.progress,
            self.books,
            self.kinds,
            self.render,
            self.reveal,
            self.listen,
            self.contents,
            self.clock,
        )

    def start(self, body: bytes) -> str:
        """Begin a new run. Raises Refused (exit 4) with nothing changed where the world is not as planned."""
        with self.state.exclusive():
            self._read_state()
            self.contents.check(needed(self.plan.steps))
            self.run = self.state.begin_run(self.digest, body, self.now())
            self._tell_begin(is_resumed=False)
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
            self._tell_begin(is_resumed=True)
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
                self.driver.send(host, [[step] for step in steps])
            self.books.lose(lost)
            self._end("abandoned")
        return lost

    def stop(self) -> None:
        """Finish the steps in hand, start none."""
        with self.progress.changed:
            self.progress.is_stopping = True
            self.progress.changed.notify_all()
        self.sessions.cancel()

    def _tell_begin(self, *, is_resumed: bool) -> None:
        self.clock.restart()
        self.listen(RunStarted(self.run, self.digest, len(self.plan.steps), is_resumed=is_resumed))

    # --- Before the first step -----------------------------------------------------------------------------------

    def _channel(self, name: str) -> Json:
        row = self.progress.rows.get(name)
        kind = None if row is None else self.kinds.get(row.kind)
        return None if row is None or kind is None or kind.channel is None else row.outputs.get(kind.channel)

    def _read_state(self) -> None:
        """The rows that this run starts from. Raises Refused (exit 4) where they are not those of the plan."""
        objects = self.state.objects()
        if self.plan.pins["objects"] != digest_of(objects):
            raise refusal("AIVP0504", "State has changed since the plan was made.", "Plan again.", exit_code=4)
        self._recall_rows(objects)

    def _recall_rows(self, objects: Sequence[Object]) -> None:
        self.progress.rows = {row.address: row for row in objects if not row.is_deposed}
        self.progress.deposed = {row.address: row for row in objects if row.is_deposed}

    def _take_up(self, run: str) -> dict[str, str]:
        """Open an unfinished run again; what its hosts' journals know of it comes back."""
        self.run = run
        self._recall_rows(self.state.objects())
        journal = self._begin(is_resume=True)
        self.state.reopen_run(run)
        for record in self.state.steps(run).values():
            if record.status in ("done", "skipped"):
                self.progress.note(record)
        return journal

    def _upgrade_rows(self) -> Errors:
        """The rows that steps are about, in the form that the plan knows them in; by address, why one has none."""
        concerned = {name for step in self.plan.steps for name in (step.address, step.previous)}
        rows = [row for address, row in sorted(self.progress.rows.items()) if address in concerned]
        reached = self.hosts.begun - self.hosts.lost.keys()
        found = upgrade(rows, self.kinds, self.sessions, self.hosts.visit, reached)
        self.progress.rows.update({row.address: row for row in found.rows})
        return {rows[index].address: error for index, error in found.failed.items()}

    def _left(self) -> list[Step]:
        return [step for step in self.plan.steps if step.id not in self.progress.ended]

    def _begin(self, *, is_resume: bool) -> dict[str, str]:
        self.books.run = self.hosts.run = self.run
        self.hosts.lineage = self.state.lineage
        journal = self.hosts.begin(self.state.closed_runs(), is_resume=is_resume)
        self.progress.facts = self.hosts.facts
        self.driver.withheld = withheld(self.plan.steps, self.hosts.unequipped, self._upgrade_rows(), journal)
        self.progress.left.update(self.hosts.lost)
        return journal

    def _may_have_begun(self, lane: Sequence[Step]) -> Sequence[Step]:
        """A lane is handed over from its front: what waits for another host, and all behind it, never was."""
        return list(takewhile(self.progress.is_ready, lane))

    def _check(self, steps: Sequence[Step]) -> None:
        steps = [step for step in steps if step.id not in self.driver.withheld]
        check(steps, self.sessions, self.hosts.visit, self.progress, self.kinds, self.reveal)

    # --- The lanes, and the end ----------------------------------------------------------------------------------

    def _drive(self) -> str:
        """Drive all lanes; how the run ended: done, failed or interrupted. Raises Refused where hosts were lost."""
        left = self.driver.drive()
        lost = [*(item for name in sorted(self.hosts.lost) for item in self.hosts.lost[name]), *left]
        if self.progress.is_complete():
            status = "failed" if self.progress.is_broken() else "done"
            self._end(status)
            return status
        if self.books.failure is not None:
            raise self.books.failure
        self.state.end_run(self.run, "interrupted", self.now())
        self.listen(RunEnded(self.run, "interrupted", self.progress.counts()))
        if lost and not self.progress.is_stopping:
            raise Refused(lost, 5)
        return "interrupted"

    def _end(self, status: str) -> None:
        self.hosts.end(status)
        self.state.end_run(self.run, status, self.now())
        self.listen(RunEnded(self.run, status, self.progress.counts()))


def _to_give_up(name: str, item: Diagnostic) -> Diagnostic:
    mend = f"Let it be reached and try again. If it is gone for good: aivp runs abandon --lost {name}"
    return replace(item, mend=mend)
