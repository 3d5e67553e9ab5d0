"""Asking hosts: what they look like, what exists there, who they are; and what only they remember."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from aivp.diagnostics import Diagnostic, Diagnostics, Refused
from aivp.diagnostics.diagnostic import refusal
from aivp.engine.engine import Engine, render
from aivp.model.resource import GUEST, Host

if TYPE_CHECKING:  # links are on their way while the rest is imported
    from aivp.hosts.greeting import Owner
    from aivp.hosts.sessions import Sessions
    from aivp.model.checked import Checked
    from aivp.model.discovered import Discovery
    from aivp.model.evidence import Evidence, HostEvidence
    from aivp.model.object import Object
    from aivp.state import State


def observe(
    engine: Engine,
    sessions: Sessions,
    meanwhile: Callable[[], object] = bool,
    left_alone: AbstractSet[str] = frozenset(),
) -> Evidence:
    """Ask every host. Creates no state and changes nothing anywhere.

    meanwhile: what can be done while hosts are on their way, such as importing what comes next. left_alone: hosts that
    are resources and are not asked.
    """
    sessions.expect(engine.hosts_ahead)
    state = engine.existing_state()
    try:
        objects = [] if state is None else state.objects()
        if engine.is_untrusted:
            _refuse_strangers(engine, objects)
        opener = engine.opener(engine.ir.secrets)
        if not engine.is_untrusted:
            opener.check(None if state is None else state.key_id)
            sessions.expect(_concerned(engine))
        meanwhile()
        from aivp.observe.waves import Observer

        engine.equipment.configure = partial(opener.configuration, engine.ir.providers)
        sessions.reveal = opener.reveal
        observer = Observer(
            ir=engine.ir,
            order=engine.graph.order,
            kinds=engine.registry.kinds,
            objects=objects,
            lineage=None if state is None else state.lineage,
            sessions=sessions,
            render=render,
            reveal=opener.reveal,
            is_untrusted=engine.is_untrusted,
            left_alone=left_alone,
        )
    finally:
        if state is not None:
            state.close()
    return observer.observe()


def discover(engine: Engine, kind: str, host: str, given: Mapping[str, str], sessions: Sessions) -> Discovery:
    """What exists of a kind on a host, but for what the project declares or state knows. Changes nothing.

    `given`: what narrows the list, in the words of the kind. Raises Refused.
    """
    from aivp.observe.discover import discover as find

    sessions.reveal = engine.opener(engine.ir.secrets).reveal
    state = engine.existing_state()
    try:
        objects, lineage = ([], None) if state is None else (state.objects(), state.lineage)
    finally:
        if state is not None:
            state.close()
    near = {item.name: item for item in reachable(engine, engine.ir.hosts.values())}
    ir = replace(engine.ir, hosts=near)
    found = find(kind, host, given, ir, objects, lineage, engine.registry, sessions, engine.is_untrusted)
    names = {name.rpartition(".")[2] for name in engine.project.resources if name.startswith(f"{kind}.")}
    return replace(found, taken=names)


def check_hosts(engine: Engine, hosts: Iterable[Host], sessions: Sessions) -> list[Checked]:
    """Whether aivp can work on each. Changes nothing."""
    from aivp.observe.health import check

    return check(reachable(engine, hosts), owner(engine, sessions), sessions, is_untrusted=engine.is_untrusted)


def bootstrap(engine: Engine, hosts: Iterable[Host], sessions: Sessions) -> Mapping[str, bool | Refused]:
    """Bring a python3 to each host that has none: whether it was installed, or why it could not be."""
    from aivp.hosts.provision import install_python

    if engine.is_untrusted:
        raise refusal("AIVP0503", "--untrusted runs nothing on any host.")
    reveal = engine.opener(engine.ir.secrets).reveal
    by_name = {host.name: host for host in reachable(engine, hosts)}
    return sessions.each(by_name, lambda name: install_python(by_name[name], sessions.withheld, reveal))


def facts(engine: Engine, hosts: Iterable[Host], sessions: Sessions) -> dict[str, HostEvidence]:
    """The facts of each. Changes nothing."""
    from aivp.observe.facts import facts as gather

    return gather(reachable(engine, hosts), owner(engine, sessions), sessions, is_untrusted=engine.is_untrusted)


def reachable(engine: Engine, hosts: Iterable[Host]) -> list[Host]:
    """The same; those that are resources with the way to them, where state knows one."""
    found = list(hosts)
    if all(host.transport != GUEST for host in found):
        return found
    from aivp.hosts.guests import known

    state = engine.existing_state()
    objects = [] if state is None else state.objects()
    if state is not None:
        state.close()
    return [known(host, engine.ir.hosts, objects, engine.registry.kinds) for host in found]


def owner(engine: Engine, sessions: Sessions) -> Owner:
    """On whose behalf hosts are asked, the passwords of their channels at hand."""
    from aivp.hosts.greeting import Owner

    sessions.reveal = engine.opener(engine.ir.secrets).reveal
    state = engine.existing_state()
    lineage = None if state is None else state.lineage
    if state is not None:
        state.close()
    return Owner(engine.ir.project, engine.ir.environment, lineage)


def _concerned(engine: Engine) -> list[Host]:
    """The hosts of declared resources, by name; where there are none, all that are declared."""
    used = {resource.host for resource in engine.ir.resources.values()}
    return [host for name, host in sorted(engine.ir.hosts.items()) if name in used or not used]


def _refuse_strangers(engine: Engine, objects: Sequence[Object]) -> None:
    """A stranger's project starts no code of a third party: no lock file says yet which of it was reviewed."""
    found = Diagnostics()
    asked = {item.address: item.kind for item in objects}
    asked |= {address: item.kind for address, item in engine.ir.resources.items()}
    for address in sorted(asked):
        kind = engine.registry.kind(asked[address])
        if kind is not None and not engine.registry.providers[kind.provider].is_first_party:
            why = f"{address} is served by the provider {kind.provider}, which does not come with aivp."
            mend = "--untrusted starts none of these. Review the project, or check it with aivp validate."
            found.add(engine.placed(Diagnostic("AIVP0416", why, mend, address=address)))
    found.refuse()


def rebuild(engine: Engine, state: State, sessions: Sessions) -> int:
    """Make a lost state anew from what hosts remember; how many objects came back. Raises Refused.

    State is written before any host follows it: broken off in between, it is lost again, never an empty one.
    """
    from aivp.observe.rebuild import greeted, guests_of, hand_over, recall, remembered
    from aivp.plan.bind import bind
    from aivp.state.records import new_lineage

    with state.exclusive():
        ir, kinds = engine.ir, engine.registry.kinds
        hosts = {name: host for name, host in ir.hosts.items() if host.transport != GUEST}
        objects, key_ids = remembered(ir, hosts, kinds, sessions)
        opener = engine.opener(ir.secrets)
        for key_id in key_ids:
            opener.check(key_id)
        lineage = new_lineage()
        state.rebuild(lineage, hosts, objects, key_ids[-1] if key_ids else None)
        hand_over(ir, hosts, sessions, lineage)
        evidence = observe(engine, sessions, left_alone=ir.hosts.keys() - hosts.keys())
        while near := guests_of(ir, hosts, evidence, kinds):
            more, key_ids = remembered(ir, near, kinds, sessions)
            for key_id in key_ids:
                opener.check(key_id)
            state.put(more)
            if key_ids:
                state.record_key(key_ids[-1])
            hand_over(ir, near, sessions, lineage)
            objects += more
            hosts |= near
            evidence = observe(engine, sessions, left_alone=ir.hosts.keys() - hosts.keys())
        bound = bind(ir, engine.graph.order, evidence, kinds, render, is_provisional=True)
        state.put(recall(objects, bound, sessions, partial(greeted, ir, hosts, sessions, lineage), opener.reveal))
    return len(objects)
