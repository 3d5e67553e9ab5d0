"""Who waits for whom: edges by reference, by `depends_on` and `notify`, and those that manifests imply."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise

from aivp_contract.values import Json

from aivp.compile.implied import implied
from aivp.compile.instance import Instance, Target
from aivp.compile.mistake import Mistake
from aivp.compile.syntax import ResourceRef
from aivp.compile.targets import Targets
from aivp.compile.text import holds_tagged
from aivp.diagnostics import Diagnostics, Related
from aivp.model.expression import Ref, Template, Text
from aivp.model.graph import ResourceGraph
from aivp.model.resource import Edge, EdgeType, Resource


def named(instances: Mapping[str, Instance], targets: Targets, diagnostics: Diagnostics) -> set[Edge]:
    """The edges of `depends_on` and `notify`. A wrong target is a mistake; one that is not declared here vanishes."""
    found: set[Edge] = set()
    for instance in instances.values():
        if instance.depends_on:
            found.update(_named(instance, instance.depends_on, "depends", targets, diagnostics))
        if instance.notify:
            found.update(_named(instance, instance.notify, "notify", targets, diagnostics))
    return found


def edges(
    instances: Mapping[str, Instance],
    resources: Mapping[str, Resource],
    references: Collection[tuple[str, str]],
    found: set[Edge],
    diagnostics: Diagnostics,
) -> list[Edge]:
    """`found` with those of references and manifests, sorted; only between `resources`, which have no mistake.

    A circle of written edges is a mistake; an implied edge that would close one is dropped. A circle of nothing but
    implied edges is a mistake, too: whichever gives way, what its field names is not there yet.
    """
    references = [pair for pair in references if resources.keys() >= set(pair)]
    found = {edge for edge in found if resources.keys() >= {edge.before, edge.after}}
    found |= {Edge(before, after, "reference") for before, after in references}
    found |= {Edge(item.host, address, "host") for address, item in resources.items() if item.host in resources}
    for address in {after for _, after in references}:
        found.update(
            Edge(ref, address, "reference")
            for ref in _refs(resources[address].attributes)
            if ref != address and ref in resources
        )
    written = _graph(resources, found)
    if circle := written.cycle():
        _report(circle, written, instances, diagnostics)
        return list(written.edges)
    kept, doubtful = _implied(resources, found, implied(instances, resources))
    # Within one kind it is two that are one thing, which is told elsewhere, or left to facts.
    mutual = [edge for edge in doubtful if resources[edge.before].kind != resources[edge.after].kind]
    if mutual and (circle := _graph(resources, mutual).cycle()):
        _report_implied(circle, instances, diagnostics)
    return _with_doubtful(found, kept, doubtful)


def _refs(value: Json) -> set[str]:
    return {item.to for item in _expressions(value)} if holds_tagged(value) else set()


def _expressions(value: Json) -> Iterable[Ref]:
    match value:
        case Ref():
            yield value
        case Text(parts):
            yield from _expressions(list(parts))
        case Template():
            yield from _expressions(dict(value.vars))
        case dict():
            for item in value.values():
                yield from _expressions(item)
        case list():
            for item in value:
                yield from _expressions(item)
        case _:
            return


def _named(
    instance: Instance, wanted: Sequence[Target], type_: EdgeType, targets: Targets, diagnostics: Diagnostics
) -> Iterable[Edge]:
    word = "notify" if type_ == "notify" else "depends_on"
    for item in wanted:
        try:
            found = targets.find_or_none(item.reference, instance)
            _refuse(instance, found, item.reference, word)
        except Mistake as mistake:
            mistake.beneath(*item.path).report(diagnostics, instance.declaration, instance.address)
            continue
        for target in found:
            if target is not instance:
                ends = (instance.address, target.address) if type_ == "notify" else (target.address, instance.address)
                yield Edge(*ends, type_)


def _refuse(instance: Instance, found: Sequence[Instance], reference: ResourceRef, word: str) -> None:
    if not reference.is_list and found == [instance]:
        raise Mistake("AIVP0220", f"{instance.address} names itself in {word}.")
    for target in found if word == "notify" else ():
        kind = target.declaration.kind
        if not kind.refreshable:
            why = f"notify names {target.address}, but a {kind.name} has nothing to refresh."
            raise Mistake("AIVP0226", why, "Use depends_on for order alone.")


def _graph(resources: Mapping[str, Resource], found: Iterable[Edge]) -> ResourceGraph:
    return ResourceGraph({address: (item.host, 0) for address, item in resources.items()}, found)


def _implied(
    resources: Mapping[str, Resource], written: set[Edge], extra: Sequence[Edge]
) -> tuple[list[Edge], list[Edge]]:
    """The implied edges that `written` does not say already: those in no circle, and those in one, each in order."""
    pairs = {(edge.before, edge.after) for edge in written}
    extra = [edge for edge in extra if (edge.before, edge.after) not in pairs]
    loops = _graph(resources, [*written, *extra]).loops() if extra else []
    group = {address: index for index, members in enumerate(loops) for address in members}
    kept = [edge for edge in extra if group.get(edge.before, -1) != group.get(edge.after, -2)]
    return kept, [edge for edge in extra if group.get(edge.before, -1) == group.get(edge.after, -2)]


def _with_doubtful(written: set[Edge], kept: list[Edge], doubtful: Sequence[Edge]) -> list[Edge]:
    """All of these but the doubtful ones that would close a circle; in sorted order one has to give way."""
    after: dict[str, set[str]] = {}
    for edge in (*written, *kept) if doubtful else ():
        after.setdefault(edge.before, set()).add(edge.after)
    found = [*written, *kept]
    for edge in doubtful:
        if not _reaches(after, edge.after, edge.before):
            after.setdefault(edge.before, set()).add(edge.after)
            found.append(edge)
    return sorted(found, key=_key)


def _reaches(after: Mapping[str, set[str]], start: str, goal: str) -> bool:
    seen, stack = {start}, [start]
    while stack:
        node = stack.pop()
        if node == goal:
            return True
        new = after.get(node, set()) - seen
        seen |= new
        stack += new
    return False


def _key(edge: Edge) -> tuple[str, str, str]:
    return (edge.before, edge.after, edge.type)


def _report(
    circle: Sequence[str], graph: ResourceGraph, instances: Mapping[str, Instance], diagnostics: Diagnostics
) -> None:
    ring = [*circle, circle[0]]
    steps = [f"{before} —{'/'.join(graph.types(before, after))}→" for before, after in pairwise(ring)]
    why = f"These resources wait for each other: {' '.join(steps)} {circle[0]}."
    related = [Related(instances[address].declaration.span(), address) for address in circle]
    span = instances[circle[0]].declaration.span()
    diagnostics.error("AIVP0220", why, "Remove one of these edges.", span=span, address=circle[0], related=related)


def _report_implied(circle: Sequence[str], instances: Mapping[str, Instance], diagnostics: Diagnostics) -> None:
    steps = " and ".join(f"{after} names {before}" for before, after in pairwise([*circle, circle[0]]))
    why = f"Each of these needs the other to be there before it: {steps}."
    mend = "Let only one of them name the other. Where both are there already: say with depends_on which comes first."
    related = [Related(instances[address].declaration.span(), address) for address in circle]
    span = instances[circle[0]].declaration.span()
    diagnostics.error("AIVP0220", why, mend, span=span, address=circle[0], related=related)
