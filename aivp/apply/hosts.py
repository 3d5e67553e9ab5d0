"""The hosts of one run: begun together, told of its end together; one whose link broke is told over a new one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from aivp_contract.values import Json

from aivp.apply.answers import read_journal
from aivp.diagnostics import Diagnostic, Refused
from aivp.diagnostics.diagnostic import refusal
from aivp.hosts.equipping import unequipped
from aivp.hosts.failures import AWAY, lost
from aivp.hosts.greeting import Owner, greet
from aivp.hosts.guests import read_channel, within
from aivp.hosts.refusals import refused
from aivp.hosts.session import HostSession, Refusal
from aivp.hosts.sessions import Sessions
from aivp.model.resource import GUEST, Host
from aivp.observe.audit import Broken
from aivp.plan.blobs import needed
from aivp.plan.steps import Plan, Step
from aivp.plugins.suggestion import listing


@dataclass
class RunHosts:
    """`begun`: hosts that may have the run open; `lost`: by host, why one that is wanted could not be reached.

    given_up: hosts that are not even asked, since they are gone for good. unequipped: by host and kind, why the kind's
    provider cannot work there.
    """

    plan: Plan
    digest: str
    sessions: Sessions
    run: str = ""
    lineage: str = ""
    facts: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    lost: dict[str, Sequence[Diagnostic]] = field(default_factory=dict)
    given_up: frozenset[str] = frozenset()
    unequipped: dict[tuple[str, str], Mapping[str, Json]] = field(default_factory=dict)
    incarnations: dict[str, str] = field(default_factory=dict)
    channel: Callable[[str], Json] = lambda _: None
    """Address of a resource that is a host → the argv that leads to it, as far as this run knows by now."""

    def begin(self, over: Sequence[str], *, is_resume: bool) -> dict[str, str]:
        """Take every host's lock and open the run there; step id → status of what their journals know comes back.

        over: runs that have ended. A new run needs all its hosts; one that is taken up goes on without those that
        cannot be reached. Raises Refused.
        """
        names = sorted(
            name
            for name in {step.host for step in self.plan.steps} - self.given_up
            if not (self.is_late(name) and (not is_resume or self._way(name) is None))
        )
        known: dict[str, str] = {}
        answers = self.sessions.each(names, lambda name: self._begin(name, over, is_resume=is_resume))
        for name, answer in answers.items():
            if not isinstance(answer, Refused):
                known.update(answer)
            elif is_resume and all(item.code in AWAY for item in answer.diagnostics):
                self.lost[name] = answer.diagnostics
            else:
                raise answer
        return known

    def is_late(self, name: str) -> bool:
        """True for a host that the run itself brings, or starts: it is begun when its first step comes."""
        item = self.plan.hosts[name]
        return item.host.transport == GUEST and not item.incarnation

    def arrive(self, name: str) -> None:
        """Begin the run on a late host, unless that is done. Raises Refused."""
        if self.is_late(name) and name not in self.begun:
            self.sessions.drop(name)  # it may lead to one that is no longer
            with self.sessions.visit(self._host(name)) as session:
                self._open(name, session, [], is_resume=False)

    def _host(self, name: str) -> Host:
        """As it is reached by now. Raises Refused for a guest to which nothing leads."""
        host = self.plan.hosts[name].host
        if host.transport != GUEST:
            return host
        found = self._way(name)
        if found is None:
            why = "its resource has come, but says no way in: its provider gives none, or one that is no argv."
            raise lost(host, why, "`aivp plan` says what it looks like. Once it runs: aivp apply --resume.")
        return found

    def _way(self, name: str) -> Host | None:
        """A guest with what leads to it now; None while nothing does."""
        return self._within(self.plan.hosts[name].host)

    def _within(self, host: Host) -> Host | None:
        if host.transport != GUEST:
            return host
        raw = host.connection["outer"]
        outer = self._within(Host(raw["name"], raw["transport"], raw["connection"]))
        argv = read_channel(self.channel(host.name)) or host.connection.get("command", ())
        return within(host.name, argv, outer) if argv and outer is not None else None

    @contextlib.contextmanager
    def visit(self, name: str) -> Iterator[HostSession]:
        """A host's session, with the run open there, whatever became of the one before. Raises Refused."""
        take_up = partial(self._open, name, over=[], is_resume=True)
        with self.sessions.visit(self._host(name), take_up) as session:
            yield session

    def refuse_strangers(self, names: Collection[str]) -> None:
        """Raise Refused for names that are no hosts of this run."""
        if strangers := sorted(set(names) - self.plan.hosts.keys()):
            why = f"This run has no step on {listing(strangers)}."
            raise refusal("AIVP0513", why, f"Its hosts are: {listing(self.plan.hosts)}.")

    def end(self, status: str) -> None:
        """The run is over. A host that cannot be told hears of it from the next run."""
        self.sessions.each(self.begun, lambda name: self._end(name, {"run": self.run, "status": status}))

    def _end(self, name: str, params: Mapping[str, Json]) -> None:
        with refusals():
            try:
                self._ask_end(name, params)
            except Refused:
                self._ask_end(name, params)

    def _begin(self, name: str, over: Sequence[str], *, is_resume: bool) -> dict[str, str]:
        with self.sessions.visit(self._host(name)) as session:
            return self._open(name, session, over, is_resume=is_resume)

    def _open(self, name: str, session: HostSession, over: Sequence[str], *, is_resume: bool) -> dict[str, str]:
        params: dict[str, Json] = {"run": self.run, "plan": self.digest, "resume": is_resume, "over": list(over)}
        sizes = [] if is_resume else [blob.size for blob in needed(self._steps(name)).values()]
        params["content"] = max(sizes, default=0)
        with refusals():
            self._greet(name, session)
            self._equip(name, session)
            self.begun.add(name)
            entries = session.gather("begin", params, "journal", by="journal", most=len(self.plan.steps))
        try:
            return read_journal(entries)
        except Broken as broken:
            raise session.hostile(str(broken)) from None

    def _steps(self, name: str) -> list[Step]:
        return [step for step in self.plan.steps if step.host == name]

    def _equip(self, name: str, session: HostSession) -> None:
        """Bring the providers; one that cannot work is noted when the run begins, and not tried again in this run."""
        kinds = {step.kind for step in self._steps(name)}
        if name in self.begun:
            self.sessions.equip(session, {kind for kind in kinds if (name, kind) not in self.unequipped})
            return
        for kind, error in unequipped(self.sessions, session, kinds).items():
            self.unequipped[name, kind] = error

    def _ask_end(self, name: str, params: Mapping[str, Json]) -> None:
        with self.visit(name) as session:
            session.request("end", params)

    def _greet(self, name: str, session: HostSession) -> None:
        owner = Owner(self.plan.project, self.plan.environment, self.lineage)
        found = greet(session, owner, self.sessions.archive.kinds)
        planned = self.incarnations.get(name) or self.plan.hosts[name].incarnation
        if planned and found.incarnation != planned:
            raise refusal(
                "AIVP0502",
                f"{name} is another machine than the one that was planned for.",
                f"Plan again. A run that is not finished is closed first: aivp runs abandon --lost {name}",
                exit_code=4,
            )
        self.incarnations[name] = found.incarnation
        self.facts[name] = found.facts


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """A runner's refusal as the diagnostic for people."""
    try:
        yield
    except Refusal as no:
        raise refused(no) from None
