"""(IR, evidence, options) → Plan. Pure: the same three values give the same bytes, anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aivp_contract.pointer import pointer
from aivp_contract.values import Json

from aivp.diagnostics import Diagnostic, Diagnostics
from aivp.model.evidence import Evidence, object_key
from aivp.model.graph import ResourceGraph
from aivp.model.object import Object
from aivp.model.resource import IR
from aivp.plan.bind import Bound, Kinds, Render, bind, current_rows
from aivp.plan.decide import decide_resource
from aivp.plan.draft import Draft
from aivp.plan.endings import decide_orphans
from aivp.plan.exposure import check_secrets
from aivp.plan.identity import Thing, is_whole, known_identity, thing
from aivp.plan.options import Options
from aivp.plan.order import lay_out
from aivp.plan.rounds import rounds
from aivp.plan.seal import seal
from aivp.plan.selection import select
from aivp.plan.steps import Plan
from aivp.plan.world import Decided, World
from aivp.plugins.wording import Violation


def make_plan(ir: IR, graph: ResourceGraph, evidence: Evidence, kinds: Kinds, render: Render, options: Options) -> Plan:
    """The plan. Raises Refused with everything that stands in its way."""
    diagnostics = Diagnostics()
    bound = bind(ir, graph.order, evidence, kinds, render)
    declared = {address: item for address, item in bound.items() if item.condition is not False}
    rows = _rows(ir, evidence.objects, declared, kinds)
    edges = {address: sorted(graph.predecessors(address)) for address in declared}
    imported = {item.address: item.identity for item in ir.imports}
    world = World(evidence, kinds, rows, edges, imported)
    decided = Decided()
    _refuse_clashes(declared, rows, imported, kinds, diagnostics)
    _refuse_dangling(ir, bound, diagnostics)
    _refuse_outdated(evidence, kinds, diagnostics)
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
    decide_orphans(world, ir, declared, selection.left_out, decided, diagnostics, is_destroy=options.is_destroy)
    diagnostics.refuse()
    pending = {name for host in evidence.hosts.values() for name in host.pending}
    laid = lay_out(
        decided,
        graph,
        declared,
        kinds,
        _notifies(ir),
        pending,
        lambda name: Draft(world, declared[name], rows.get(name)).check(),
    )
    rollouts = rounds(ir.rollouts, laid.steps, laid.lanes, diagnostics)
    diagnostics.refuse()
    return seal(ir, evidence, decided, laid.steps, laid.lanes, kinds, rollouts)


def _misfit(address: str, item: Violation) -> Diagnostic:
    where = ".".join((address, *map(str, item.path)))
    return Diagnostic("AIVP0302", f"{where}: {item.message}", item.mend, address=address, pointer=pointer(item.path))


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


def _refuse_outdated(evidence: Evidence, kinds: Kinds, diagnostics: Diagnostics) -> None:
    """Only a host's provider can bring rows into another form; evidence from before it was installed holds old ones."""
    for row in evidence.objects:
        kind, host = kinds.get(row.kind), evidence.hosts.get(row.host)
        seen = evidence.seen.get(object_key(row))
        has_failed = seen is not None and seen.error is not None  # it is blocked, and says why
        is_told = kind is not None and host is not None and host.is_reached and not has_failed
        if is_told and kind is not None and row.schema_version != kind.schema_version:
            why = f"{row.address} is here as version {row.schema_version} of {row.kind}, "
            why += f"and the installed provider {kind.provider} has version {kind.schema_version}."
            diagnostics.error("AIVP0418", why, "Observe again.", address=row.address)


def _rows(ir: IR, objects: Sequence[Object], declared: Mapping[str, Bound], kinds: Kinds) -> dict[str, Object]:
    """Address → object, with moves: those declared, and orphans whose identity is declared elsewhere now."""
    rows = current_rows(ir, objects)
    lost = {
        thing(kinds[row.kind], row.host, row.identity): a
        for a, row in sorted(rows.items())
        if a not in declared and row.kind in kinds
    }
    imported = {item.address: item.identity for item in ir.imports}
    for address in sorted(declared) if lost else ():
        resource = declared[address].resource
        kind = kinds[resource.kind]
        identity = known_identity(kind, declared[address].attributes, rows.get(address), imported.get(address))
        old = lost.get(thing(kind, resource.host, identity))
        if address not in rows and old in rows:
            rows[address] = rows.pop(old)
    return rows


def _refuse_clashes(
    declared: Mapping[str, Bound],
    rows: Mapping[str, Object],
    imported: Mapping[str, Mapping[str, Json]],
    kinds: Kinds,
    diagnostics: Diagnostics,
) -> None:
    """One real thing is declared once. Compile has told of all clashes but those that evidence or state decides."""
    if not imported and not any(_is_decided_by_evidence(item) for item in declared.values()):
        return
    first: dict[Thing, str] = {}
    for address, item in sorted(declared.items()):
        kind = kinds[item.resource.kind]
        identity = known_identity(kind, item.attributes, rows.get(address), imported.get(address))
        if item.condition is not True or not is_whole(kind, identity):
            continue
        other = first.setdefault(thing(kind, item.resource.host, identity), address)
        if other != address:
            named = ", ".join(f"{name} {value}" for name, value in identity.items())
            why = f"{address} and {other} are the same {item.resource.kind}: {named}."
            diagnostics.error("AIVP0222", why, "Declare it once.", address=address)


def _is_decided_by_evidence(item: Bound) -> bool:
    return item.resource.when is not None or item.attributes is not item.resource.attributes


def _notifies(ir: IR) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for edge in ir.edges:
        if edge.type == "notify":
            found.setdefault(edge.before, []).append(edge.after)
    return found
