"""Asks hosts in waves: what has known inputs first, what needs their outputs next; the rest is left to apply.

Without references to facts or outputs that is one request per host for everything. What state recorded stands in for
outputs until the first answers, so that a converged chain of references is one wave too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from aivp_contract.values import Json

from aivp.diagnostics import Diagnostic, Refused
from aivp.hosts.failures import AWAY, lost
from aivp.hosts.greeting import Owner, greet
from aivp.hosts.portions import portions
from aivp.hosts.refusals import refused
from aivp.hosts.session import HostSession, Refusal
from aivp.hosts.sessions import Sessions
from aivp.model.evidence import Evidence, HostEvidence, Seen, digest_of, object_key
from aivp.model.object import Object
from aivp.model.resource import GUEST, IR, Host
from aivp.observe.exchange import Question, exchange, without_secrets
from aivp.observe.guests import guests
from aivp.observe.unreached import untrusted
from aivp.observe.untrusted import guards, is_safe
from aivp.observe.upgrade import upgrade
from aivp.plan.bind import Bound, Kinds, Render, bind, current_rows
from aivp.plan.decide import asked_digest
from aivp.plan.identity import is_same, known_identity, thing

MAX_WAVES = 8

Reveal = Callable[[Json], Json]

Questions = dict[str, list[tuple[str, Question]]]
"""Host → (key of the evidence, what is asked about)."""


@dataclass
class Observer:
    """Everything that observing needs. `lineage` is None where there is no state yet.

    outdated: recorded objects that have no form of today, and what is declared in their place, which nobody asks about.
    """

    ir: IR
    order: Sequence[str]
    kinds: Kinds
    objects: Sequence[Object]
    lineage: str | None
    sessions: Sessions
    render: Render
    reveal: Reveal
    is_untrusted: bool = False
    left_alone: AbstractSet[str] = frozenset()
    """Hosts that are resources and are not to be greeted."""
    hosts: dict[str, HostEvidence] = field(default_factory=dict)
    seen: dict[str, Seen] = field(default_factory=dict)
    outdated: dict[str, Seen] = field(default_factory=dict)
    rows: str = ""
    imported: Mapping[str, Mapping[str, Json]] = field(init=False)
    places: dict[str, Host] = field(init=False)

    def __post_init__(self) -> None:
        self.imported = {item.address: item.identity for item in self.ir.imports}

    def observe(self) -> Evidence:
        """Evidence of everything that can be seen now. Raises Refused; an unreachable host is no refusal."""
        self.places = _places(self.ir, self.objects)
        self._greet_all(name for name, host in self.places.items() if host.transport != GUEST)
        recorded = self.objects
        self._upgrade()
        self.rows = digest_of(recorded) if self.objects != list(recorded) else ""
        for wave in range(MAX_WAVES):
            self._greet_guests()
            questions = self._questions(is_last=wave == MAX_WAVES - 1)
            if not questions:
                break
            for name, found in self._ask_all(questions).items():
                if isinstance(found, Refused):
                    self.hosts[name] = _unreached(found)
                else:
                    self.seen.update(found)
        for name in self.places.keys() - self.hosts.keys():
            self.hosts[name] = HostEvidence(awaits=name)
        return self._evidence()

    def _greet_all(self, names: Iterable[str]) -> None:
        for name, answer in self.sessions.each(names, lambda name: self._greet(self.places[name])).items():
            self.hosts[name] = _unreached(answer) if isinstance(answer, Refused) else answer
        self._refuse_lost_state()

    def _greet_guests(self) -> None:
        """Hosts that are resources, once these have been seen: those that run are greeted."""
        places = {name: host for name, host in self.places.items() if name not in self.left_alone}
        found = guests(places, self.hosts, self.seen, self.kinds)
        self.hosts |= found.away
        self.places |= found.near
        self._greet_all(found.near)
        for name, host in found.near.items():
            if self.hosts[name].error is None:
                self.hosts[name] = replace(self.hosts[name], channel=host.connection["command"])

    def _evidence(self) -> Evidence:
        runner = self.sessions.archive.digest
        code = self.sessions.code()
        project, environment = self.ir.project, self.ir.environment
        seen = {**self.seen, **self.outdated}
        known = (runner, self.hosts, self.objects, seen, code, self.rows)
        return Evidence(project, environment, *known, is_untrusted=self.is_untrusted)

    @contextlib.contextmanager
    def visit(self, name: str) -> Iterator[HostSession]:
        """The session with a host that has been greeted. Raises Refused."""
        with self.sessions.visit(self.places[name], self._greet_again) as session:
            yield session

    def _greet_again(self, session: HostSession) -> None:
        name = session.host.name
        if self._greeted(session).incarnation != self.hosts[name].incarnation:
            raise lost(session.host, "it is another machine than a moment ago.", "Observe again.")

    def _upgrade(self) -> None:
        """Bring rows into today's form; of those that have none, the error is what is seen of them."""
        reached = {name for name in self.hosts if self._is_reached(name)}
        found = upgrade(self.objects, self.kinds, self.sessions, self.visit, reached)
        self.objects = found.rows
        self.outdated = {object_key(found.rows[index]): Seen("", error=error) for index, error in found.failed.items()}
        for address, row in current_rows(self.ir, self.objects).items():
            if address in self.ir.resources and (seen := self.outdated.get(object_key(row))) is not None:
                self.outdated[address] = seen

    def _greet(self, host: Host) -> HostEvidence:
        if self.is_untrusted and not is_safe(host):
            return untrusted(host)
        with self.sessions.visit(host) as session:
            return self._greeted(session)

    def _greeted(self, session: HostSession) -> HostEvidence:
        owner = Owner(self.ir.project, self.ir.environment, self.lineage)
        try:
            found = greet(session, owner, self.sessions.archive.kinds)
        except Refusal as refusal:
            raise refused(refusal) from None
        if any(item != self.lineage for item in found.lineages):
            raise _Lost(session.host.name)
        return HostEvidence(found.incarnation, found.facts, found.pending, trouble=found.trouble)

    def _refuse_lost_state(self) -> None:
        """Rows bind to a host's incarnation; another machine under the same name is not silently taken for it."""
        for row in self.objects:
            host = self.hosts.get(row.host)
            if host is not None and host.is_reached and row.incarnation not in ("", host.incarnation):
                raise Refused(
                    (
                        Diagnostic(
                            "AIVP0708",
                            f"{row.host} is another machine than the one that state knows ({row.address} lives there).",
                            f"If the old one is gone for good: aivp state rm --host {row.host}.",
                        ),
                    )
                )

    def _questions(self, is_last: bool) -> Questions:
        """By host, what to ask next: known inputs that were not asked about yet; if nothing is left, the rest."""
        bound = bind(self.ir, self.order, self._evidence(), self.kinds, self.render, is_provisional=True)
        rows = current_rows(self.ir, self.objects)
        found: Questions = {}
        deferred: list[tuple[str, Bound]] = []
        for address, item in bound.items():
            if item.condition is False or item.misfits:
                continue
            if not self._is_reached(item.resource.host) or self._is_forbidden(item) or address in self.outdated:
                continue
            seen = self.seen.get(address)
            kind = self.kinds[item.resource.kind]
            if seen is not None and seen.asked == asked_digest(item, kind.assigned_ids(self._identity(item, rows))):
                continue
            if item.is_known or seen is not None:
                found.setdefault(item.resource.host, []).append((address, item))
            else:
                deferred.append((address, item))
        addresses = {id(row): address for address, row in rows.items()}
        for row in self.objects:
            if object_key(row) in self.outdated or object_key(row) in self.seen or not self._is_reached(row.host):
                continue
            if _needs_look(row, bound.get(addresses.get(id(row), "")), self.kinds):
                found.setdefault(row.host, []).append((object_key(row), row))
        if not found or is_last:
            for address, item in deferred:
                kind = self.kinds[item.resource.kind]
                if all(name in item.known for name in kind.identity if name not in kind.assigned):
                    found.setdefault(item.resource.host, []).append((address, item))
        return found

    def _identity(self, item: Bound, rows: Mapping[str, Object]) -> dict[str, Json]:
        """What it is asked by; `rows` by today's addresses."""
        resource = item.resource
        imported = self.imported.get(resource.address)
        return known_identity(self.kinds[resource.kind], item.known, rows.get(resource.address), imported)

    def _is_forbidden(self, item: Bound) -> bool:
        """Guards run what the author wrote: a stranger's are not looked at."""
        return self.is_untrusted and bool(guards(self.kinds[item.resource.kind], item.attributes))

    def _is_reached(self, host: str) -> bool:
        return host in self.hosts and self.hosts[host].is_reached

    def _ask_all(self, questions: Questions) -> Mapping[str, dict[str, Seen] | Refused]:
        return self.sessions.each(questions, lambda name: self._ask(name, questions[name]))

    def _ask(self, name: str, questions: Sequence[tuple[str, Question]]) -> dict[str, Seen]:
        found: dict[str, Seen] = {}
        items = self._items(questions)
        with self.visit(name) as session:
            for portion in portions(items):
                found.update(exchange(session, portion, dict(questions), self.sessions, self.kinds, self.is_untrusted))
        return found

    def _items(self, questions: Sequence[tuple[str, Question]]) -> list[dict[str, Json]]:
        """The questions as the wire carries them; all secrets are opened at once, for one rendering of templates."""
        rows = current_rows(self.ir, self.objects)
        things = {
            thing(self.kinds[row.kind], row.host, row.identity): row
            for row in rows.values()
            if row.kind in self.kinds and object_key(row) not in self.outdated
        }
        configs = [
            without_secrets(what.attributes) if isinstance(what, Object) else what.known for _, what in questions
        ]
        configs = [without_secrets(c) for c in configs] if self.is_untrusted else self.reveal(configs)
        found: list[dict[str, Json]] = []
        for (key, what), config in zip(questions, configs, strict=True):
            row: Object | None
            if isinstance(what, Object):
                kind, identity, row = what.kind, what.identity, what
            else:
                kind, identity = what.resource.kind, self._identity(what, rows)
                # also under an address that it had before
                row = things.get(thing(self.kinds[kind], what.resource.host, identity))
            item: dict[str, Json] = {"id": key, "kind": kind, "config": config, "identity": dict(identity)}
            found.append(item if row is None else {**item, "prior": dict(row.attributes), "tainted": list(row.tainted)})
        return found


class _Lost(Refused):
    def __init__(self, host: str) -> None:
        super().__init__(
            (
                Diagnostic(
                    "AIVP0606",
                    f"{host} remembers resources of this project and environment that this state does not know.",
                    "Use the checkout that holds their state. If it is lost for good: aivp state rebuild.",
                ),
            )
        )


def _unreached(refused: Refused) -> HostEvidence:
    """A host that cannot be reached blocks its own steps; any other refusal is everybody's."""
    if any(item.code not in AWAY for item in refused.diagnostics):
        raise refused
    first = refused.diagnostics[0]
    return HostEvidence(error=first.why, code=first.code, mend=first.mend)


def _places(ir: IR, objects: Sequence[Object]) -> dict[str, Host]:
    """Hosts that have anything to tell: those of resources, and those of recorded objects as they were reached.

    Where there is neither, all of them: one may remember what a lost state does not.
    """
    places = {
        row.host: Host(row.host, str(row.connection["transport"]), row.connection["connection"]) for row in objects
    }
    used = {resource.host for resource in ir.resources.values()} | set(places) or set(ir.hosts)
    return {**places, **{name: host for name, host in ir.hosts.items() if name in used}}


def _needs_look(row: Object, item: Bound | None, kinds: Kinds) -> bool:
    """Recorded objects that no declaration (`item`) stands for any more, or that stand for another thing now."""
    if row.kind not in kinds:
        return False
    if item is None or item.condition is False:
        return True
    kind = kinds[row.kind]
    return not is_same(kind, row, kind.identity_of(item.desired))
