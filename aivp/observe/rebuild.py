"""What hosts remember → the rows of a state that was lost.

Hosts keep no values, but a keyed digest of each declaration that was applied last: where today's declaration is that
one, its values are known again, and nothing runs a second time. All others are unknown until the next apply. Which
fields ever held secrets, the hosts do remember: what stands there is not shown, whatever is declared today.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial

from aivp_contract.values import Json

from aivp.diagnostics import Refused
from aivp.diagnostics.diagnostic import refusal
from aivp.hosts.greeting import Owner, greet
from aivp.hosts.portions import Items, portions
from aivp.hosts.refusals import refused
from aivp.hosts.session import HostSession, Refusal
from aivp.hosts.sessions import Sessions, Visit
from aivp.model.evidence import Evidence
from aivp.model.object import Object
from aivp.model.resource import IR, Host, read_lifecycle
from aivp.observe.guests import guests
from aivp.plan.bind import Bound, Kinds
from aivp.plan.steps import DEPOSED


def guests_of(ir: IR, hosts: Mapping[str, Host], evidence: Evidence, kinds: Kinds) -> dict[str, Host]:
    """Those of `ir`'s hosts that are resources on `hosts`, are not among them yet, and can be asked now.

    evidence: of `hosts`. Raises Refused for one that is there and does not run: what it remembers would be lost.
    """
    places = {name: hosts.get(name, host) for name, host in ir.hosts.items()}
    asked = {name: item for name, item in evidence.hosts.items() if name in hosts}
    found = guests(places, asked, evidence.seen, kinds)
    for name in found.away:
        seen = evidence.seen.get(name)
        if seen is not None and (seen.observation is None or seen.observation.observed is not None):
            raise refusal("AIVP0601", f"{name} is there, but cannot be asked what it remembers.", "Start it first.")
    return found.near


def remembered(ir: IR, hosts: Mapping[str, Host], kinds: Kinds, sessions: Sessions) -> tuple[list[Object], list[str]]:
    """Rows for everything that `hosts` hold for this project and environment, and the ids of the project keys that
    its generated secrets come from, sorted. Changes nothing.

    Raises Refused if any host cannot be asked: a state that is rebuilt by half would orphan the rest.
    """
    found: list[Object] = []
    key_ids: set[str] = set()
    for answer in sessions.each(hosts, lambda name: _remembered(ir, kinds, hosts[name], sessions)).values():
        if isinstance(answer, Refused):
            raise answer
        found.extend(item for item, _ in answer)
        key_ids.update(key_id for _, key_id in answer if key_id is not None)
    return found, sorted(key_ids)


def hand_over(ir: IR, hosts: Mapping[str, Host], sessions: Sessions, lineage: str) -> None:
    """Every host follows `lineage` from now on, which fences off whoever held the older one. Raises Refused."""
    for answer in sessions.each(hosts, lambda name: _hand_over(ir, hosts[name], sessions, lineage)).values():
        if isinstance(answer, Refused):
            raise answer


@contextlib.contextmanager
def greeted(ir: IR, hosts: Mapping[str, Host], sessions: Sessions, lineage: str, name: str) -> Iterator[HostSession]:
    """The session with a host that follows `lineage`. Raises Refused."""
    owner = Owner(ir.project, ir.environment, lineage)
    with sessions.visit(hosts[name], partial(greet, owner=owner, kinds=sessions.archive.kinds)) as session:
        yield session


def recall(
    objects: Sequence[Object],
    bound: Mapping[str, Bound],
    sessions: Sessions,
    visit: Visit,
    reveal: Callable[[Json], Json],
) -> list[Object]:
    """Those of `objects` whose declaration, by the word of their host, is the one applied last; with its values."""
    asked: dict[str, list[tuple[Object, Bound]]] = {}
    for item in objects:
        declared = None if item.is_deposed else bound.get(item.address)
        if declared is not None and declared.is_known and declared.resource.kind == item.kind:
            asked.setdefault(item.host, []).append((item, declared))
    found: list[Object] = []
    for answer in sessions.each(asked, lambda name: _recall(visit(name), asked[name], reveal)).values():
        found.extend([] if isinstance(answer, Refused) else answer)
    return found


def _remembered(ir: IR, kinds: Kinds, host: Host, sessions: Sessions) -> Sequence[tuple[Object, str | None]]:
    with sessions.visit(host) as session:
        try:
            greeting = greet(session, Owner(ir.project, ir.environment, None), sessions.archive.kinds)
            claims = session.gather("remembered", {}, "claims", by="claims")
            return [(_object(claim, kinds, host, greeting.incarnation), _key_id(claim)) for claim in claims]
        except Refusal as refusal:
            raise refused(refusal) from None
        except (KeyError, TypeError, ValueError, AttributeError):
            raise session.hostile("its registry is not of the protocol") from None


def _hand_over(ir: IR, host: Host, sessions: Sessions, lineage: str) -> None:
    try:
        with sessions.visit(host) as session:
            greet(session, Owner(ir.project, ir.environment, None), sessions.archive.kinds)
            session.request("rebuild", {"lineage": lineage})
    except Refusal as refusal:
        raise refused(refusal) from None


def _recall(
    visit: AbstractContextManager[HostSession],
    asked: Sequence[tuple[Object, Bound]],
    reveal: Callable[[Json], Json],
) -> Sequence[Object]:
    configs = reveal([dict(declared.attributes) for _, declared in asked])
    items: Items = [
        {"kind": item.kind, "identity": dict(item.identity), "config": config}
        for (item, _), config in zip(asked, configs, strict=True)
    ]
    matches: list[Json] = []
    with visit as session:
        for portion in portions(items):
            try:
                found = session.gather("recall", {"items": portion}, "matches", by="", most=len(portion))
            except Refusal as refusal:
                raise refused(refusal) from None
            if len(found) != len(portion):
                raise session.hostile("it answered other questions than were asked")
            matches += found
    return [
        replace(item, attributes=declared.attributes)
        for (item, declared), is_last in zip(asked, matches, strict=True)
        if is_last is True
    ]


def _key_id(claim: Json) -> str | None:
    return None if claim["secret_key"] is None else str(claim["secret_key"])[:64]


def _object(claim: Json, kinds: Kinds, host: Host, incarnation: str) -> Object:
    identity = dict(claim["identity"])
    kind = kinds.get(str(claim["kind"]))
    address = str(claim["address"])
    return Object(
        address=address.removesuffix(DEPOSED),
        kind=str(claim["kind"]),
        host=host.name,
        identity=identity,
        is_deposed=address.endswith(DEPOSED),
        provenance="created" if claim["provenance"] == "created" else "adopted",
        attributes=identity if kind is None else kind.declared_identity(identity),
        outputs={} if kind is None else kind.assigned_ids(identity),
        schema_version=1 if kind is None else kind.schema_version,
        lifecycle=read_lifecycle(claim["lifecycle"]),
        edges=[str(edge) for edge in claim["edges"]],
        tainted=[str(name) for name in claim["tainted"]],
        incarnation=incarnation,
        connection=host.form(),
    )
