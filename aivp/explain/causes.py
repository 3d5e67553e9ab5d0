"""Text with references → what each of them comes from, link by link down to a line that somebody wrote.

Reads what was declared, never what a host or a secret source would say. A chain that comes back to itself, or is longer
than MOST_LINKS, ends there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from aivp_contract.manifest import Field, Kind
from aivp_contract.values import Json, Tagged

from aivp.compile.instance import Expanded, Instance
from aivp.compile.mistake import Mistake, Reported
from aivp.compile.scope import Scope
from aivp.compile.syntax import ResourceRef, ValuePath, has_reference, parse_path, parse_text
from aivp.compile.targets import Targets
from aivp.compile.values import Values
from aivp.config.project import Project
from aivp.diagnostics import Diagnostics
from aivp.explain.explanation import Cause
from aivp.model.resource import IR

MOST_LINKS = 20
MOST_TARGETS = 10
"""Resources of one reference (`[*]`) that are followed."""


@dataclass(frozen=True)
class Trail:
    """How many links may still follow, and which references were followed already: what they come from is told once."""

    links: int = MOST_LINKS
    seen: set[tuple[str, str]] = field(default_factory=set)

    def further(self) -> Trail:
        """One link on."""
        return Trail(self.links - 1, self.seen)


@dataclass(frozen=True)
class Tracer:
    """Follows references of one compiled project."""

    project: Project
    ir: IR
    expanded: Expanded
    scope: Scope
    targets: Targets

    @classmethod
    def of(cls, project: Project, ir: IR, expanded: Expanded) -> Tracer:
        """For a project that compiled without a mistake."""
        variables = {name: item.value for name, item in project.variables.items()}
        scope = Scope(project, variables, Values(project, variables, Diagnostics()))
        return cls(project, ir, expanded, scope, Targets(expanded))

    def causes(self, written: Json, instance: Instance | None, trail: Trail | None = None) -> list[Cause]:
        """The causes of every reference in `written`, as it stands in `instance` (None: outside of any), each once."""
        trail = trail or Trail()
        found: dict[str, Cause] = {}
        for reference in _references(written) if trail.links else ():
            if reference.text not in found:
                found[reference.text] = self._cause(reference, instance, trail.further())
        return list(found.values())

    def fields_from(self, written: Json, instance: Instance, address: str) -> bool:
        """True where `written` refers to the resource `address`."""
        return any(
            isinstance(item, ResourceRef) and any(one.address == address for one in self._targets(item, instance))
            for item in _references(written)
        )

    def _cause(self, reference: ValuePath | ResourceRef, instance: Instance | None, trail: Trail) -> Cause:
        key = (reference.text, instance.address if instance is not None else "")
        if key in trail.seen:
            trail = Trail(0, trail.seen)
        trail.seen.add(key)
        if isinstance(reference, ResourceRef):
            return self._of_resource(reference, instance, trail)
        cause = self._located(reference, instance, trail)
        if reference.root == "secret" or cause.has_value:
            return cause
        scope = self.scope if instance is None else self.scope.of(instance)
        try:
            value = scope.find(reference)
        except (Mistake, Reported):
            return cause
        return cause if isinstance(value, Tagged) else replace(cause, value=value, has_value=True)

    def _located(self, path: ValuePath, instance: Instance | None, trail: Trail) -> Cause:
        first = str(path.path[0]) if path.path else ""
        match path.root:
            case "var" if first in self.project.variables:
                history = self.project.variables[first].history
                last = history[-1] if history else None
                return Cause(path.text, origin=last.origin if last else "", span=last.span if last else None)
            case "values" if first in self.project.values:
                declared = self.project.values[first]
                return Cause(path.text, span=declared.span(), causes=self.causes(declared.value, None, trail))
            case "secret" if first in self.project.secrets:
                source, declared = self.project.secrets[first]
                return Cause(path.text, origin=f"from {source.source}, version {source.version}", span=declared.span())
            case "each" if instance is not None:
                return self._of_each(path, instance, trail)
            case "host" if instance is not None and instance.host is not None:
                return self._of_host(path, instance, trail)
            case "environment" | "project":
                return Cause(path.text, origin="-e" if path.root == "environment" else "the project's name")
            case _:
                return Cause(path.text)

    def _of_each(self, path: ValuePath, instance: Instance, trail: Trail) -> Cause:
        declared = instance.declaration
        written = declared.body.get("for_each")
        if type(written) is dict and instance.key is not None and instance.key in written:
            inner = path.path[1:] if path.path[:1] == ("value",) else ()
            steps = [step for step in inner if isinstance(step, (str, int))]
            place = declared.span("for_each", instance.key, *steps)
            return Cause(path.text, span=place, causes=self.causes(written[instance.key], instance, trail))
        return Cause(path.text, span=declared.span("for_each"), causes=self.causes(written, instance, trail))

    def _of_host(self, path: ValuePath, instance: Instance, trail: Trail) -> Cause:
        host = instance.place
        declared = self.project.hosts.get(host)
        if path.path[:1] == ("facts",):
            return Cause(path.text, origin=f"a fact of {host}, known when it is asked")
        if declared is None:
            return Cause(path.text)
        if path.path[:1] != ("vars",):
            return Cause(path.text, span=declared.key_span())
        name = str(path.path[1]) if len(path.path) > 1 else ""
        written = declared.value.get("vars", {}).get(name) if type(declared.value) is dict else None
        return Cause(path.text, span=declared.span("vars", name), causes=self.causes(written, instance, trail))

    def _of_resource(self, reference: ResourceRef, instance: Instance | None, trail: Trail) -> Cause:
        found = [] if instance is None else self._targets(reference, instance)
        if not found:
            return Cause(reference.text)
        if len(found) > 1 or reference.is_list:
            shown = [self._of_field(item, reference, trail) for item in found[:MOST_TARGETS]]
            return Cause(reference.text, origin=f"{len(found)} resources", causes=shown)
        return replace(self._of_field(found[0], reference, trail), name=reference.text)

    def _of_field(self, target: Instance, reference: ResourceRef, trail: Trail) -> Cause:
        """A field of a resource: as it was written there, or, where nobody wrote it, as the provider will say it."""
        declaration = target.declaration
        path = [step for step in reference.path if type(step) in (str, int)]
        first = str(path[0]) if path else ""
        name = f"{target.address}{''.join(f'.{step}' for step in path)}"
        if not first:
            return Cause(name, origin="the resource itself", span=declaration.span())
        written = declaration.own.get(first, declaration.fallback.get(first))
        resource = self.ir.resources.get(target.address)
        value = None if resource is None else resource.attributes.get(first)
        if written is None:
            is_named = type(value) is str
            origin = "its name" if is_named else "known once it is applied"
            return Cause(name, value if is_named else None, is_named, origin, declaration.span())
        causes = self.causes(written, target, trail)
        is_plain = len(path) == 1 and value is not None and not _holds_tagged(value)
        found = Cause(name, value if is_plain else None, is_plain, span=declaration.span(first), causes=causes)
        return withheld(found) if is_sensitive(declaration.kind, first) else found

    def _targets(self, reference: ResourceRef, instance: Instance) -> list[Instance]:
        scope = self.scope.of(instance)
        try:
            key = scope.index(reference.key) if isinstance(reference.key, ValuePath) else reference.key
            named = replace(reference, key=str(key) if isinstance(key, int) else key)
            return self.targets.find(named, instance)
        except (Mistake, Reported):
            return []


def _references(written: Json) -> Iterator[ValuePath | ResourceRef]:
    """Every reference in a value, with those in brackets of others, in order of appearance."""
    match written:
        case str() if has_reference(written):
            try:
                parsed = parse_text(written)
            except Mistake:
                return
            for part in parsed:
                if not isinstance(part, str):
                    yield part
                    yield from _inner(part)
        case dict():
            for item in written.values():
                yield from _references(item)
        case list():
            for item in written:
                yield from _references(item)
        case _:
            return


def _inner(part: ValuePath | ResourceRef) -> Iterator[ValuePath]:
    for step in (*part.path, *((part.key,) if isinstance(part, ResourceRef) else ())):
        if isinstance(step, ValuePath):
            yield step


def withheld(cause: Cause) -> Cause:
    """The same without any value."""
    return replace(cause, value=None, has_value=False, causes=[withheld(one) for one in cause.causes])


def is_sensitive(kind: Kind, name: str) -> bool:
    """True where a field, or anything in it, must not be shown."""
    found = kind.fields.get(name)
    return found is not None and _is_any_sensitive(found)


def _is_any_sensitive(item: Field) -> bool:
    inner = [*item.fields.values(), *([item.items] if item.items is not None else [])]
    return item.sensitive or any(map(_is_any_sensitive, inner))


def condition_paths(when: Json) -> Iterator[ValuePath]:
    """The paths that a condition as it was written asks about."""
    match when:
        case str():
            for part in _references(when):
                if isinstance(part, ValuePath):
                    yield part
        case dict():
            for name, item in when.items():
                if name in ("all", "any", "not"):
                    yield from condition_paths(item)
                else:
                    try:
                        yield parse_path(name)
                    except Mistake:
                        continue
        case list():
            for item in when:
                yield from condition_paths(item)
        case _:
            return


def _holds_tagged(value: Json) -> bool:
    match value:
        case Tagged():
            return True
        case dict():
            return any(map(_holds_tagged, value.values()))
        case list():
            return any(map(_holds_tagged, value))
        case _:
            return False
