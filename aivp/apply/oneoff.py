"""A one-off command → one run of it on every host: under each host's lock, in its journal, by its shim.

What it writes is shown and forgotten; state and journal keep that it ran, where, and how it ended.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aivp_contract.concealment import SHORTEST
from aivp_contract.values import Json

from aivp.apply.answers import read_journal
from aivp.apply.hosts import refusals
from aivp.diagnostics import Diagnostic, Refused
from aivp.diagnostics.diagnostic import refusal
from aivp.hosts.greeting import Owner, greet
from aivp.hosts.session import HostSession, Refusal
from aivp.hosts.sessions import Sessions
from aivp.model.object import Object
from aivp.model.oneoff import Answer, OneOff
from aivp.observe.audit import Broken
from aivp.state import State, StepRecord

ACTION = "exec"
LONGEST = 256 * 1024
"""Characters of an output; a runner hands on less."""

MEND_LOST = (
    "What became of it there is settled by: aivp runs abandon. If the host is gone for good, with --lost {host}."
)


@dataclass
class OneOffRun:
    """Everything that one run needs. listen: gets (run, answer) as they come, from any thread, one at a time.

    conceal: takes known secrets out of a text; warnings: about secrets that are not known, and so stay in.
    """

    command: OneOff
    state: State
    sessions: Sessions
    listen: Callable[[str, Answer], None]
    now: Callable[[], str]
    conceal: Callable[[str], str]
    warnings: Sequence[Diagnostic] = ()
    run: str = ""
    _recording: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> str:
        """A new run; how it ended: done, failed, or interrupted where nobody knows of some host. Raises Refused."""
        with self.state.exclusive():
            rows = self.state.objects()
            over = self.state.closed_runs()
            self.run = self.state.begin_run(self.command.digest, self.command.encode(), self.now())
            status = "interrupted"
            try:
                answers = self.sessions.each(self.command.hosts, lambda name: self._ask(name, rows, over))
                status = _status(answers.values())
            finally:
                self.state.end_run(self.run, status, self.now())
        return status

    def abandon(self, run: str, given_up: Collection[str] = ()) -> None:
        """Learn what became of it on every host that was asked, start it on none, and close the run. Raises Refused.

        given_up: hosts that are gone for good and are not asked.
        """
        self.run = run
        with self.state.exclusive():
            known = self.state.steps(run).keys()
            left = [name for name in self.command.hosts if _step(name) not in known]
            answers = self.sessions.each([name for name in left if name not in given_up], self._settle)
            if lost := [
                item for answer in answers.values() if isinstance(answer, Refused) for item in answer.diagnostics
            ]:
                raise Refused(lost)
            for name in left:
                if name in given_up:
                    self._record(Answer(name, why="its host was given up", is_unknown=True), "lost")
            self.state.end_run(run, "abandoned", self.now())

    def _ask(self, name: str, rows: Sequence[Object], over: Sequence[str]) -> Answer:
        """One host's answer, recorded. What keeps it from being begun is an answer, too."""
        has_begun = False
        try:
            with self.sessions.visit(self.command.hosts[name]) as session, refusals():
                self._open(session, rows, over, is_resume=False)
                has_begun = True
                found = self._execute(session)
                with contextlib.suppress(Refused, Refusal):  # told again by whatever runs there next
                    session.request("end", {"run": self.run, "status": "done" if found.is_done else "failed"})
        except Refused as error:
            first = error.diagnostics[0]
            found = Answer(name, why=first.why.removeprefix(f"{name}: "), mend=first.mend, is_unknown=has_begun)
            if has_begun:
                found = replace(found, mend=MEND_LOST.format(host=name))
        self._record(found, "done" if found.is_done else "failed")
        return found

    def _settle(self, name: str) -> None:
        """A host that may have begun it is asked once more, under the same key; it answers from its record."""
        with self.sessions.visit(self.command.hosts[name]) as session, refusals():
            if _step(name) in self._open(session, (), (), is_resume=True):
                found = self._execute(session)
                self._record(found, "done" if found.is_done else "failed")
            session.request("end", {"run": self.run, "status": "abandoned"})

    def _open(
        self, session: HostSession, rows: Sequence[Object], over: Sequence[str], *, is_resume: bool
    ) -> Mapping[str, str]:
        """Take the host's lock and open the run there; what its journal knows."""
        name = session.host.name
        owner = Owner(self.command.project, self.command.environment, self.state.lineage)
        found = greet(session, owner, self.sessions.archive.kinds)
        if any(row.host == name and row.incarnation != found.incarnation for row in rows):
            why = f"{name} is another machine than the one that state knows."
            raise refusal("AIVP0708", why, f"If it took the other's place on purpose: aivp state rm --host {name}")
        params = {"run": self.run, "plan": self.command.digest, "resume": is_resume, "over": list(over)}
        try:
            return read_journal(session.gather("begin", params, "journal", by="journal", most=1))
        except Broken as broken:
            raise session.hostile(str(broken)) from None

    def _execute(self, session: HostSession) -> Answer:
        name = session.host.name
        params = {"step": _step(name), "argv": list(self.command.argv), "timeout": self.command.timeout}
        try:
            found = _read(name, session.request("execute", params), self.command.timeout)
        except (KeyError, TypeError):
            raise session.hostile("its answer to execute is not of the protocol") from None
        return replace(
            found,
            stdout=self.conceal(found.stdout),
            stderr=self.conceal(found.stderr),
            why=self.conceal(found.why),
        )

    def _record(self, answer: Answer, status: str) -> None:
        """Durable before it is shown; one whose outcome nobody knows has no record until it is settled."""
        error = None if answer.is_done else {"class": "command", "message": answer.why or _how(answer)}
        with self._recording:
            if not answer.is_unknown or status == "lost":
                record = StepRecord(_step(answer.host), status, ACTION, error, self.now())
                self.state.conclude(self.run, [record], [], [])
            self.listen(self.run, answer)


def _step(host: str) -> str:
    return f"{ACTION}:{host}"


def _status(answers: Collection[Answer | Refused]) -> str:
    if any(isinstance(item, Refused) or item.is_unknown for item in answers):
        return "interrupted"
    return "done" if all(isinstance(item, Answer) and item.is_done for item in answers) else "failed"


def _read(host: str, raw: Json, timeout: int | None) -> Answer:
    """Raises KeyError or TypeError where `raw` is no answer."""
    if "error" in raw:
        return Answer(host, why=f"it could not be run: {_text(raw['error']['message'])[:2000]}.")
    if type(raw["code"]) is not int or type(raw["truncated"]) is not bool or type(raw["timed_out"]) is not bool:
        raise TypeError("no answer")
    answer = Answer(host, raw["code"], _text(raw["stdout"]), _text(raw["stderr"]), raw["truncated"])
    if raw["timed_out"]:
        return replace(answer, why=f"it did not end within {timeout} s and was stopped.")
    return answer


def _text(value: Json) -> str:
    if type(value) is not str:
        raise TypeError("no text")
    return value[:LONGEST]


def _how(answer: Answer) -> str:
    code = answer.code or 0
    return f"it was killed by signal {-code}" if code < 0 else f"it ended with exit code {code}"


def secrets_in(argv: Sequence[str], secrets: Collection[str]) -> list[Diagnostic]:
    """What is wrong with a command in which a known secret is written out; a very short one may be there by chance."""
    if not any(secret in word for secret in secrets if len(secret) >= SHORTEST for word in argv):
        return []
    why = "The command has the value of a secret of this project in it: it would be in the host's list of processes."
    return [Diagnostic("AIVP0624", why, "Let the command read it from a file that aivp put there.")]
