"""What hosts lack of what is declared on them: the declaration, and what is known of each host, handed to observe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from aivp.engine.asking import owner, reachable
from aivp.engine.engine import Engine, render
from aivp.model.evidence import Evidence, HostEvidence
from aivp.model.resource import Host

if TYPE_CHECKING:
    from aivp.hosts.sessions import Sessions
    from aivp.model.finding import Examined
    from aivp.observe.wants import Thing


def examine(engine: Engine, hosts: Iterable[Host], asked: Sequence[str], sessions: Sessions) -> list[Examined]:
    """One of each host. asked: kinds that are asked about whether or not anything declares them. Changes nothing."""
    from aivp.observe.examine import Examination
    from aivp.observe.examine import examine as look

    kinds = engine.registry.kinds
    sought = Examination(
        things=lambda known: _things(engine, known, asked),
        kinds=kinds,
        settings=engine.ir.providers,
        programs={name: sorted(item.manifest.start) for name, item in engine.registry.providers.items()},
        owner=owner(engine, sessions),
        is_untrusted=engine.is_untrusted,
    )
    return look(reachable(engine, hosts), sought, sessions)


def _things(engine: Engine, known: Mapping[str, HostEvidence], asked: Sequence[str]) -> Mapping[str, Sequence[Thing]]:
    """What will be on each host: without what facts rule out."""
    from aivp.observe.wants import Thing
    from aivp.plan.bind import bind

    state = engine.existing_state()
    objects = [] if state is None else state.objects()
    if state is not None:
        state.close()
    ir = engine.ir
    evidence = Evidence(ir.project, ir.environment, "", dict(known), objects)
    there = {row.address for row in objects}
    found: dict[str, list[Thing]] = {name: [Thing(kind) for kind in asked] for name in known}
    for bound in bind(ir, engine.graph.order, evidence, engine.registry.kinds, render).values():
        resource = bound.resource
        if resource.host in found and bound.condition is not False:
            thing = Thing(resource.kind, bound.attributes, resource.address not in there)
            found[resource.host].append(thing)
    return found
