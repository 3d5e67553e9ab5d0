"""(IR, evidence, options) → Plan. Pure: the same three values give the same bytes, anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from aivp.diagnostics import Diagnostics
from aivp.model.evidence import Evidence
from aivp.model.expression import Fact
from aivp.model.graph import ResourceGraph
from aivp.model.object import Object
from aivp.model.resource import IR, Host
from aivp.model.taint import names
from aivp.plan.bind import Bound, Kinds, Render, bind, current_rows
from aivp.plan.decide import Decided, World, check_step, decide_orphan, decide_resource
from aivp.plan.options import Options
from aivp.plan.order import lay_out
from aivp.plan.selection import select
from aivp.plan.steps import HostPlan, Plan, Step
from aivp_contract import canonical
from aivp_contract.values import Json


def make_plan(ir: IR, graph: ResourceGraph, evidence: Evidence, kinds: Kinds, render: Render, options: Options) -> Plan:
    """The plan. Raises Refused with everything that stands in its way."""
    diagnostics = Diagnostics()
    bound = bind(ir, graph.order, evidence, kinds, render)
    declared = {address: item for address, item in bound.items() if item.condition is not False}
    rows = _rows(ir, evidence.objects, declared)
    edges = {address: sorted(graph.predecessors(address)) for address in declared}
    world = World(evidence, kinds, rows, edges, frozenset(item.address for item in ir.imports))
    decided = Decided()
    selection = select(graph, [*declared, *(row.address for row in evidence.objects)], options, diagnostics)
    for address in (name for name in graph.order if name in declared):
        if address in selection.left_out:
            decided.left_out[address] = selection.left_out[address]
        elif declared[address].condition is None:
            decided.left_out[address] = "a fact that decides about it is not known yet"
        else:
            decide_resource(world, declared[address], decided, diagnostics)
    _decide_orphans(world, ir, declared, selection.left_out, decided, diagnostics)
    diagnostics.refuse()
    pending = {name for host in evidence.hosts.values() for name in host.pending}
    laid = lay_out(
        decided, graph, declared, kinds, _notifies(ir), pending, lambda name: check_step(world, declared[name])
    )
    return _seal(ir, evidence, kinds, decided, laid.steps, laid.lanes, bound)


def _rows(ir: IR, objects: Sequence[Object], declared: Mapping[str, Bound]) -> dict[str, Object]:
    """Address → object, with moves: those declared, and orphans whose identity is declared elsewhere now."""
    rows = current_rows(ir, objects)
    lost = {_identity(row): row for address, row in sorted(rows.items()) if address not in declared}
    for address in sorted(declared):
        bound = declared[address]
        if address not in rows and lost:
            key = (bound.resource.kind, bound.resource.host, _identity_text(bound, lost))
            if key in lost:
                row = lost.pop(key)
                rows[address] = rows.pop(row.address)
    return rows


def _identity(row: Object) -> tuple[str, str, str]:
    return (row.kind, row.host, canonical.encode(dict(row.identity)).decode())


def _identity_text(bound: Bound, lost: Mapping[tuple[str, str, str], Object]) -> str:
    row = next((row for row in lost.values() if row.kind == bound.resource.kind), None)
    names = row.identity if row is not None else {}
    return canonical.encode({name: bound.attributes.get(name) for name in names}).decode()


def _decide_orphans(
    world: World,
    ir: IR,
    declared: Mapping[str, Bound],
    left_out: Mapping[str, str],
    decided: Decided,
    diagnostics: Diagnostics,
) -> None:
    spoken = {item.address: "delete" if item.destroy else "forget" for item in ir.removed}
    taken = {id(row) for address, row in world.rows.items() if address in declared}
    for row in world.evidence.objects:
        if id(row) in taken:
            continue
        if row.address in left_out:
            decided.left_out[row.address] = left_out[row.address]
            continue
        how = spoken.get(row.address)
        resource = ir.resources.get(row.address)
        if how is None and resource is not None and resource.when is not None:
            how = resource.lifecycle.on_false
        decide_orphan(world, row, decided, diagnostics, how)


def _notifies(ir: IR) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for edge in ir.edges:
        if edge.type == "notify":
            found.setdefault(edge.before, []).append(edge.after)
    return found


def _seal(
    ir: IR,
    evidence: Evidence,
    kinds: Kinds,
    decided: Decided,
    steps: Sequence[Step],
    lanes: Mapping[str, Sequence[str]],
    bound: Mapping[str, Bound],
) -> Plan:
    connections = {row.host: row.connection for row in evidence.objects}
    hosts = {}
    for name in sorted({step.host for step in steps}):
        seen = evidence.hosts[name]
        host = ir.hosts.get(name) or _recorded_host(name, connections[name])
        hosts[name] = HostPlan(host, seen.incarnation, list(lanes.get(name, ())))
    used = sorted({name for step in steps for name in names(dict(step.config))})
    return Plan(
        project=ir.project,
        environment=ir.environment,
        pins={
            "ir": canonical.digest_bytes(ir.encode()),
            "evidence": _evidence_digest(ir, evidence, bound),
            "objects": canonical.digest([row.form() for row in evidence.objects]),
            "runner": evidence.runner,
            "manifests": dict(ir.manifests),
        },
        hosts=hosts,
        steps=steps,
        unchanged=len(decided.unchanged),
        left_out=dict(sorted(decided.left_out.items())),
        secrets={name: ir.secrets[name] for name in used if name in ir.secrets},
        is_applicable=decided.is_applicable,
    )


def _recorded_host(name: str, connection: Mapping[str, Json]) -> Host:
    return Host(name, str(connection["transport"]), connection["connection"])


def _evidence_digest(ir: IR, evidence: Evidence, bound: Mapping[str, Bound]) -> str:
    """Of what planning read: observations, incarnations, pending notifications, referenced facts; not of every fact."""
    facts = sorted({(fact.host, fact.path) for fact in _facts(ir)})
    read = {
        "seen": {key: item.form() for key, item in evidence.seen.items()},
        "hosts": {
            name: {"incarnation": item.incarnation, "pending": sorted(item.pending), "is_reached": item.error is None}
            for name, item in evidence.hosts.items()
        },
        "facts": [[host, list(path), _at(evidence, host, path)] for host, path in facts],
    }
    return canonical.digest(read)


def _facts(ir: IR) -> Iterable[Fact]:
    found: list[Fact] = []
    for resource in ir.resources.values():
        _gather(dict(resource.attributes), found)
        if resource.when is not None:
            _gather(resource.when, found)
    return found


def _gather(value: Json, found: list[Fact]) -> None:
    if isinstance(value, Fact):
        found.append(value)
    elif type(value) is dict:
        for item in value.values():
            _gather(item, found)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _gather(item, found)
    elif hasattr(value, "form"):
        _gather(value.form(), found)


def _at(evidence: Evidence, host: str, path: Sequence[str]) -> Json:
    value: Json = evidence.hosts[host].facts if host in evidence.hosts else None
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
