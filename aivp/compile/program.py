"""The order of the stages of compile, and nothing else: project → expand → resolve → validate → lower → IR."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aivp_contract.values import Unknown

from aivp.blobs.sources import Sources
from aivp.compile.beneath import fill_beneath
from aivp.compile.configuration import read_configuration
from aivp.compile.content import Load, fill_contents
from aivp.compile.edges import edges, named
from aivp.compile.expand import expand
from aivp.compile.instance import Expanded, Instance, SourceMap
from aivp.compile.lower import check_forms, lower
from aivp.compile.moves import Moves
from aivp.compile.requires import check_requires
from aivp.compile.resolve import resolve
from aivp.compile.rollouts import check_rollouts
from aivp.compile.scope import Scope
from aivp.compile.syntax import format_target
from aivp.compile.validate import validate
from aivp.compile.values import Values
from aivp.config.project import Project
from aivp.diagnostics import Diagnostic, Diagnostics
from aivp.model.resource import IR
from aivp.plugins import Registry


@dataclass(frozen=True, slots=True)
class Compiled:
    """What compile gives: the IR, where everything stands, and address → reason of what a static `when` left out.

    blobs: SHA-256 of content that is too large for the IR → the files of the project that hold it.
    """

    ir: IR
    sources: SourceMap
    left_out: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Group → its hosts, sorted."""
    blobs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    expanded: Expanded = field(default_factory=lambda: Expanded({}, {}))
    """The instances of declarations, for whoever says why they are there."""


def compile_project(project: Project, registry: Registry, load: Load | None = None) -> Compiled:
    """Compile one environment of a project. Raises Refused with every mistake, those of its files included: a mistake
    silences only what cannot be told because of it.

    load: gives files of the project by their path, `aivp.blobs.sources` where it is left out. Starts no process but
    the template child, and that only where there is a template.
    """
    diagnostics = _Gathered([*project.flaws.mistakes], is_partial=project.flaws.is_partial)
    broken = {name: Unknown() for name in project.variables if project.is_broken("variables", name)}
    variables = {name: item.value for name, item in project.variables.items()} | broken
    values = Values(project, variables, diagnostics)
    scope = Scope(project, variables, values)
    values.check()
    check_requires(project.requires, registry, diagnostics)
    expanded = expand(project, registry, scope, diagnostics)
    configuration = read_configuration(project, expanded, registry, scope, diagnostics)
    resolved = resolve(expanded, scope, diagnostics)
    ordered = named(expanded.instances, resolved.targets, diagnostics)
    unfit = validate(expanded.instances, resolved.attributes, diagnostics)
    sound = _sound(expanded, diagnostics)
    others = {address: item for address, item in expanded.instances.items() if address not in sound}
    check_forms(others, resolved.attributes, unfit, diagnostics)
    attributes = {address: resolved.attributes[address] for address in sound}
    filled = fill_contents(sound, attributes, load or Sources(project.root).load, diagnostics)
    resources = fill_beneath(sound, lower(sound, filled.attributes, diagnostics))
    found = edges(sound, resources, resolved.references, ordered, diagnostics)
    check_rollouts(expanded.rollouts, project.groups, sound, found, diagnostics)
    moves = Moves(project, scope, expanded, resources, diagnostics)
    ir = IR(
        project=project.name,
        environment=project.environment,
        hosts=expanded.hosts,
        resources=resources,
        edges=found,
        moved=moves.moved(),
        imports=moves.imports(),
        removed=moves.removed(),
        secrets={name: project.secrets[name][0] for name in sorted(project.secrets)},
        manifests=_manifests(expanded, registry),
        providers=configuration,
        rollouts=[item for item in expanded.rollouts if len(item.rounds) > 1],
    )
    diagnostics.refuse()
    sources = SourceMap({address: item.declaration for address, item in expanded.instances.items()})
    return Compiled(ir, sources, _left_out(expanded), diagnostics.sorted(), expanded.groups, filled.blobs, expanded)


def _manifests(expanded: Expanded, registry: Registry) -> dict[str, str]:
    """Only of providers that are used: installing another one changes no plan."""
    used = {item.declaration.kind.provider for item in expanded.instances.values()}
    return {name: digest for name, digest in registry.digests.items() if name in used}


def _left_out(expanded: Expanded) -> dict[str, str]:
    found = {f"{format_target(base, key)}@{place}": why for (base, key, place), why in expanded.left_out.items()}
    return dict(sorted(found.items()))


def _sound(expanded: Expanded, diagnostics: Diagnostics) -> dict[str, Instance]:
    """The instances of declarations without a mistake so far: only these go on."""
    at_fault = {item.address for item in diagnostics if item.severity == "error"}
    bad = {id(item.declaration) for address, item in expanded.instances.items() if address in at_fault}
    return {
        address: item
        for address, item in expanded.instances.items()
        if id(item.declaration) not in bad and not item.declaration.is_broken
    }


_ABSENT = frozenset("AIVP0202 AIVP0203 AIVP0210 AIVP0212 AIVP0216 AIVP0223 AIVP0224".split())
"""What may be no mistake at all once the rest of the files can be read: something is not declared."""


@dataclass
class _Gathered(Diagnostics):
    """Everything that is wrong; of a project that is read in part only, nothing about what may stand in the rest."""

    is_partial: bool = False

    def add(self, diagnostic: Diagnostic) -> None:
        if not (self.is_partial and diagnostic.code in _ABSENT):
            self.items.append(diagnostic)

    def sorted(self) -> tuple[Diagnostic, ...]:
        return once(Diagnostics.sorted(self))


def once(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The same mistake of one declaration is told for its first instance only."""
    found: dict[Diagnostic, Diagnostic] = {}
    for item in diagnostics:
        why = item.why.replace(item.address, "") if item.address else item.why
        found.setdefault(replace(item, address=None, why=why), item)
    return tuple(found.values())
