"""(IR, evidence, options) → Plan. Pure: the same three values give the same bytes, anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from aivp_contract import canonical
from aivp_contract.values import Json, Tagged

from aivp.diagnostics import Diagnostic, Diagnostics
from aivp.model.address import format_address, parse_address
from aivp.model.evidence import Evidence
from aivp.model.expression import Fact
from aivp.model.graph import ResourceGraph
from aivp.model.object import Object
from aivp.model.resource import IR, Host
from aivp.plan import decide
from aivp.plan.bind import Bound, Kinds, Render, bind, current_rows
from aivp.plan.decide import Decided, Ending, World, check_step, decide_orphan, decide_resource
from aivp.plan.exposure import check_secrets, used_secrets
from aivp.plan.options import Options
from aivp.plan.order import lay_out
from aivp.plan.selection import select
from aivp.plan.steps import HostPlan, Plan, Step
from aivp.plugins.wording import Violation


def make_plan(ir: IR, graph: ResourceGraph, evidence: Evidence, kinds: Kinds, render: Render, options: Options) -> Plan:
    """The plan. Raises Refused with everything that stands in its way."""
    diagnostics = Diagnostics()
    bound = bind(ir, graph.order, evidence, kinds, render)
    declared = {address: item for address, item in bound.items() if item.condition is not False}
    rows = _rows(ir, evidence.objects, declared, kinds)
    edges = {address: sorted(graph.predecessors(address)) for address in declared}
    world = World(evidence, kinds, rows, edges, frozenset(item.address for item in ir.imports))
    decided = Decided()
    _refuse_clashes(declared, kinds, diagnostics)
    _refuse_dangling(ir, bound, diagnostics)
    check_secrets(declared, evidence, rows, kinds, diagnostics)
    selection = select(graph, declared, evidence.objects, options, diagnostics)
    needs = _needs(ir)
    for address in (name for name in graph.order if name in declared):
        lacking = [name for name in needs.get(address, ()) if name in decided.blocked]
        if address in selection.left_out:
            decided.left_out[address] = selection.left_out[address]
        elif misfits := declared[address].misfits:
            diagnostics.items.extend(_misfit(address, item) for item in misfits)
        elif declared[address].condition is None:
            decided.blocked[address] = "a fact that decides about it is not known yet"
        elif lacking:
            decided.blocked[address] = f"it needs {lacking[0]}, which is blocked"
        else:
            decide_resource(world, declared[address], decided, diagnostics)
    _decide_orphans(world, ir, declared, selection.left_out, decided, diagnostics)
    diagnostics.refuse()
    pending = {name for host in evidence.hosts.values() for name in host.pending}
    laid = lay_out(
        decided, graph, declared, kinds, _notifies(ir), pending, lambda name: check_step(world, declared[name])
    )
    return _seal(ir, evidence, decided, laid.steps, laid.lanes)


def _misfit(address: str, item: Violation) -> Diagnostic:
    where = ".".join((address, *map(str, item.path)))
    return Diagnostic("AIVP0302", f"{where}: {item.message}", item.mend, address=address, path=item.path)


def _needs(ir: IR) -> dict[str, list[str]]:
    """Address → what has to be there before it; who sends it notifications is not needed."""
    found: dict[str, list[str]] = {}
    for edge in ir.edges:
        if edge.type != "notify":
            found.setdefault(edge.after, []).append(edge.before)
    return {address: sorted(names) for address, names in found.items()}


def _refuse_dangling(ir: IR, bound: Mapping[str, Bound], diagnostics: Diagnostics) -> None:
    """A value cannot come from what a condition left out; `depends_on` and `notify` to it just vanish."""
    for edge in sorted(ir.edges):
        before, after = bound.get(edge.before), bound.get(edge.after)
        if edge.type != "reference" or before is None or after is None:
            continue
        if before.condition is False and after.condition is not False:
            diagnostics.error(
                "AIVP0413",
                f"{edge.after} refers to {edge.before}, which is not declared here: its condition does not hold.",
                f"Give {edge.after} the same condition.",
                address=edge.after,
            )


def _rows(ir: IR, objects: Sequence[Object], declared: Mapping[str, Bound], kinds: Kinds) -> dict[str, Object]:
    """Address → object, with moves: those declared, and orphans whose identity is declared elsewhere now."""
    rows = current_rows(ir, objects)
    lost = {_thing(row.kind, row.host, row.identity): a for a, row in sorted(rows.items()) if a not in declared}
    for address in sorted(declared) if lost else ():
        resource = declared[address].resource
        identity = kinds[resource.kind].identity_of(declared[address].attributes)
        old = lost.get(_thing(resource.kind, resource.host, identity))
        if address not in rows and old in rows:
            rows[address] = rows.pop(old)
    return rows


def _thing(kind: str, host: str, identity: Mapping[str, Json]) -> tuple[str, str, str]:
    return (kind, host, canonical.encode(dict(identity)).decode())


def _refuse_clashes(declared: Mapping[str, Bound], kinds: Kinds, diagnostics: Diagnostics) -> None:
    """One real thing is declared once. Compile has told of all clashes but those that evidence decides."""
    if not any(_is_decided_by_evidence(item) for item in declared.values()):
        return
    first: dict[tuple[str, str, str], str] = {}
    for address, item in sorted(declared.items()):
        identity = kinds[item.resource.kind].identity_of(item.attributes)
        if item.condition is not True or any(v is None or isinstance(v, Tagged) for v in identity.values()):
            continue
        other = first.setdefault(_thing(item.resource.kind, item.resource.host, identity), address)
        if other != address:
            named = ", ".join(f"{name} {value}" for name, value in identity.items())
            why = f"{address} and {other} are the same {item.resource.kind}: {named}."
            diagnostics.error("AIVP0222", why, "Declare it once.", address=address)


def _is_decided_by_evidence(item: Bound) -> bool:
    return item.resource.when is not None or item.attributes is not item.resource.attributes


def _decide_orphans(
    world: World,
    ir: IR,
    declared: Mapping[str, Bound],
    left_out: Mapping[str, str],
    decided: Decided,
    diagnostics: Diagnostics,
) -> None:
    spoken = {item.address: decide.REMOVED_DELETE if item.destroy else decide.REMOVED_FORGET for item in ir.removed}
    taken = {id(row) for address, row in world.rows.items() if address in declared}
    for row in world.evidence.objects:
        if id(row) in taken:
            continue
        if row.address in left_out:
            decided.left_out[row.address] = left_out[row.address]
            continue
        decide_orphan(world, row, decided, diagnostics, _said(spoken, row.address) or _on_false(ir, row))


def _said(spoken: Mapping[str, Ending], address: str) -> Ending | None:
    """What was said about an address; without its host or key it means all of them, the most precise one counts."""
    parts = parse_address(address)
    if not spoken or parts is None:
        return None
    kind, name, key, host = parts.kind, parts.name, parts.key, parts.host
    forms = [address, format_address(kind, name, key, None)]
    forms += [format_address(kind, name, None, host), format_address(kind, name, None, None)]
    return next((spoken[form] for form in forms if form in spoken), None)


def _on_false(ir: IR, row: Object) -> Ending | None:
    resource = ir.resources.get(row.address)
    if resource is None or resource.when is None:
        return None
    return decide.ON_FALSE_DELETE if resource.lifecycle.on_false == "delete" else decide.ON_FALSE_FORGET


def _notifies(ir: IR) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for edge in ir.edges:
        if edge.type == "notify":
            found.setdefault(edge.before, []).append(edge.after)
    return found


def _seal(
    ir: IR,
    evidence: Evidence,
    decided: Decided,
    steps: Sequence[Step],
    lanes: Mapping[str, Sequence[str]],
) -> Plan:
    connections = {row.host: row.connection for row in evidence.objects}
    hosts = {}
    for name in sorted({step.host for step in steps}):
        seen = evidence.hosts[name]
        host = ir.hosts.get(name) or _recorded_host(name, connections[name])
        hosts[name] = HostPlan(host, seen.incarnation, list(lanes.get(name, ())))
    used = used_secrets(steps)
    return Plan(
        project=ir.project,
        environment=ir.environment,
        pins={
            "ir": canonical.digest_bytes(ir.encode()),
            "evidence": _evidence_digest(ir, evidence),
            "objects": canonical.digest([row.form() for row in evidence.objects]),
            "runner": evidence.runner,
            "manifests": dict(ir.manifests),
        },
        hosts=hosts,
        steps=steps,
        unchanged=len(decided.unchanged),
        left_out=dict(sorted(decided.left_out.items())),
        blocked=dict(sorted(decided.blocked.items())),
        secrets={name: ir.secrets[name] for name in used if name in ir.secrets},
        is_applicable=decided.is_applicable,
    )


def _recorded_host(name: str, connection: Mapping[str, Json]) -> Host:
    return Host(name, str(connection["transport"]), connection["connection"])


def _evidence_digest(ir: IR, evidence: Evidence) -> str:
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
