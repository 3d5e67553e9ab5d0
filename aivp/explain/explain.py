"""One address → why it is there, what its fields come from, what waits for it, and what a plan does with it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aivp_contract.pointer import parts
from aivp_contract.values import Json, Verdict

from aivp.compile import Compiled
from aivp.compile.instance import Declaration, Instance
from aivp.config.environments import Overlaid
from aivp.config.project import Declared, Project
from aivp.diagnostics import Span
from aivp.explain.causes import Tracer, condition_paths, is_sensitive, withheld
from aivp.explain.explanation import Cause, Explanation, FieldOrigin, Neighbour
from aivp.model.graph import TYPE_ORDER, ResourceGraph
from aivp.model.resource import EdgeType
from aivp.plan.steps import Plan, Step


def explain(
    address: str, project: Project, compiled: Compiled, graph: ResourceGraph, plan: Plan | None = None
) -> Explanation:
    """The explanation of `address`, which the project declares or left out, or the plan has a step for."""
    steps = [step for step in plan.steps if step.address == address] if plan is not None else []
    no_part = None if plan is None else plan.blocked.get(address) or plan.left_out.get(address)
    instance = compiled.expanded.instances.get(address)
    resource = compiled.ir.resources.get(address)
    if instance is None or resource is None:
        return Explanation(
            address,
            None,
            compiled.left_out.get(address),
            None,
            steps=steps,
            has_plan=plan is not None,
            takes_no_part=no_part,
        )
    tracer = Tracer.of(project, compiled.ir, compiled.expanded)
    fields = _fields(tracer, instance)
    types = _types(graph, address)
    return Explanation(
        address=address,
        span=instance.declaration.span(),
        left_out=None,
        when=resource.when,
        includes=_includes(project, instance.declaration.span()),
        existence=_existence(tracer, instance),
        fields=fields,
        needs=[_neighbour(types, tracer, one, address, one) for one in graph.predecessors(address)],
        dependents=_dependents(graph, types, tracer, address),
        steps=steps,
        has_plan=plan is not None,
        takes_no_part=no_part,
        causing=_causing(instance, steps, fields),
    )


def _includes(project: Project, span: Span) -> list[Span]:
    """Where the file is included, and where the file that says so is, from the root document on."""
    chain: list[Span] = []
    name: str | None = span.file
    while name is not None and len(chain) < 100:
        place = project.included.get(name) or _of_folder(project.included, name)
        name = place.file if place is not None and place.file != name else None
        chain += [place] if place is not None and name is not None else []
    return chain[::-1]


def _of_folder(included: Mapping[str, Span], name: str) -> Span | None:
    """The include of the CUE package that `name` is a file of."""
    return included.get(name.rpartition("/")[0])


def _existence(tracer: Tracer, instance: Instance) -> list[FieldOrigin]:
    """What made this instance of its declaration: the key, the host, a condition that held."""
    declaration = instance.declaration
    found: list[FieldOrigin] = []
    if "for_each" in declaration.body:
        written = declaration.body["for_each"]
        span = declaration.span("for_each")
        if type(written) is dict and instance.key is not None and instance.key in written:
            span = declaration.key_span("for_each", instance.key)
        found.append(FieldOrigin("for_each", instance.key, span, causes=tracer.causes(written, instance)))
    if instance.host is not None:
        found.append(_host(tracer, instance))
    if "when" in declaration.body:
        paths = [f"${{{path.text}}}" for path in condition_paths(declaration.body["when"])]
        causes = tracer.causes(paths, instance)
        found.append(FieldOrigin("when", declaration.body["when"], declaration.span("when"), causes=causes))
    return found


def _host(tracer: Tracer, instance: Instance) -> FieldOrigin:
    declaration, name = instance.declaration, instance.place
    defaults = declaration.defaults.value.get("host") if declaration.defaults is not None else None
    written = declaration.body.get("host", defaults)
    declared = tracer.project.hosts.get(name)
    causes = tracer.causes(written, instance)
    listed = written if type(written) is list else [written]
    for group in (item for item in listed if type(item) is str and name in tracer.expanded.groups.get(item, ())):
        place = tracer.project.groups[group].key_span() if group in tracer.project.groups else None
        causes.append(Cause(f"group {group}", origin=f"{name} is one of its hosts", span=place))
    if declared is not None:
        causes.append(Cause(f"host {name}", span=declared.key_span()))
    if written is None:
        return FieldOrigin("host", name, None, "the only host", causes)
    return FieldOrigin("host", written, declaration.span("host"), _origin(declaration, "host", tracer.project), causes)


def _fields(tracer: Tracer, instance: Instance) -> list[FieldOrigin]:
    declaration = instance.declaration
    written = {**declaration.fallback, **declaration.own}
    return [_field(tracer, instance, name, written[name]) for name in sorted(written) if written[name] is not None]


def _field(tracer: Tracer, instance: Instance, name: str, written: Json) -> FieldOrigin:
    """One field; of a sensitive one neither the text nor what it comes from is told by its value."""
    declaration = instance.declaration
    causes = tracer.causes(written, instance)
    if is_sensitive(declaration.kind, name):
        written, causes = Verdict(None), [withheld(cause) for cause in causes]
    return FieldOrigin(name, written, declaration.span(name), _origin(declaration, name, tracer.project), causes)


def _origin(declaration: Declaration, name: str, project: Project) -> str:
    """Who says it, where that is not the declaration itself."""
    if name not in declaration.body:
        return f"defaults of {declaration.kind.name}"
    return f"overrides of {project.environment}" if _is_overridden(declaration.declared, name) else ""


def _is_overridden(declared: Declared, name: str) -> bool:
    patch = declared.spans.patch.value if isinstance(declared.spans, Overlaid) else None
    return type(patch) is dict and name in patch


Types = Mapping[tuple[str, str], Sequence[EdgeType]]


def _types(graph: ResourceGraph, address: str) -> Types:
    """The types of all edges from or to `address`."""
    found: dict[tuple[str, str], list[EdgeType]] = {}
    for edge in graph.edges:
        if address in (edge.before, edge.after):
            found.setdefault((edge.before, edge.after), []).append(edge.type)
    return {ends: [name for name in TYPE_ORDER if name in names] for ends, names in found.items()}


def _neighbour(types: Types, tracer: Tracer, before: str, after: str, other: str) -> Neighbour:
    waiting = tracer.expanded.instances.get(after)
    fields: list[str] = []
    if waiting is not None:
        declaration = waiting.declaration
        written = {**declaration.fallback, **declaration.own}
        fields = [name for name in sorted(written) if tracer.fields_from(written[name], waiting, before)]
    return Neighbour(other, types[before, after], fields)


def _dependents(graph: ResourceGraph, types: Types, tracer: Tracer, address: str) -> list[Neighbour]:
    """Those that wait for it directly, with what they take of it; then all that wait for these."""
    direct = graph.successors(address)
    found = [_neighbour(types, tracer, address, one, one) for one in direct]
    later = sorted(graph.descendants([address]) - set(direct))
    return [*found, *(Neighbour(one, (), is_direct=False) for one in later)]


def _causing(instance: Instance, steps: Sequence[Step], fields: Sequence[FieldOrigin]) -> list[str]:
    """Which written fields lead to what the steps change."""
    contents = {name: item.content for name, item in instance.declaration.kind.fields.items() if item.content}
    wanted: set[str] = set()
    for name in {field for step in steps for change in step.changes for field in parts(change.path)[:1]}:
        wanted.add(name)
        if (content := contents.get(name)) is not None:
            wanted |= {content.source, content.template, content.vars}
    return [item.name for item in fields if item.name in wanted]
