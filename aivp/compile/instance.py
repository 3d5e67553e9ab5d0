"""The values that travel between the stages of compile: declarations, their instances, and where they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aivp_contract.manifest import Kind
from aivp_contract.values import Json

from aivp.compile.syntax import ResourceRef
from aivp.config.project import Declared
from aivp.diagnostics import Span
from aivp.model.resource import Host, Lifecycle, Meta
from aivp.model.rollout import Rollout


def unknown_kind(name: str) -> Kind:
    """What stands in for a kind that nobody serves: any field fits it."""
    return Kind(name, provider="", schema={}, fields={}, identity=())


def is_unknown(kind: Kind) -> bool:
    """True for what `unknown_kind` made."""
    return not kind.provider


@dataclass(frozen=True, slots=True, eq=False)
class Declaration:
    """One entry of `resources`: `body` as it was written, `own` and `fallback` without the reserved members.

    fallback: what `defaults` says of fields that the entry itself leaves out.
    """

    kind: Kind
    name: str
    declared: Declared
    body: Mapping[str, Json]
    own: Mapping[str, Json]
    fallback: Mapping[str, Json]
    defaults: Declared | None
    is_plain: bool
    """True where no text in it needs parsing."""
    is_broken: bool = False
    """Its kind, hosts or keys are not known; the mistake is reported, and what needs them stays unsaid."""

    @property
    def base(self) -> str:
        """`kind.name`."""
        return f"{self.kind.name}.{self.name}"

    def span(self, *path: str | int) -> Span:
        """The place of a field, or of the declaration itself where it does not stand there."""
        if not path:
            return self.declared.key_span()
        place = self._holder(path[0])
        return place.span(*path) if place else self.declared.key_span()

    def key_span(self, *path: str | int) -> Span:
        """The place of a field's key."""
        place = self._holder(path[0]) if path else None
        return place.key_span(*path) if place else self.declared.key_span()

    def _holder(self, name: str | int) -> Declared | None:
        """Who says what the member `name` is: the declaration itself, or the defaults of its kind."""
        if name in self.body:
            return self.declared
        return self.defaults if self.defaults is not None and name in self.defaults.value else None


@dataclass(frozen=True, slots=True)
class Target:
    """One entry of `depends_on` or `notify`, and where it stands in its declaration."""

    path: tuple[str | int, ...]
    reference: ResourceRef


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """One resource to be: a declaration with its key and host. `host` is None for kinds served on the controller."""

    address: str
    declaration: Declaration
    key: str | None
    item: Json
    host: Host | None
    place: str
    """The host part of the address."""
    when: Json
    lifecycle: Lifecycle
    meta: Meta
    depends_on: tuple[Target, ...] = ()
    notify: tuple[Target, ...] = ()
    unknown: frozenset[str] = frozenset()
    """`host` and `each` where these are not known: then it only stands in, so that its fields are checked."""


@dataclass(frozen=True, slots=True)
class Expanded:
    """What `expand` made. `left_out`: (kind.name, key, place) of what a static `when` removed → the reason."""

    hosts: Mapping[str, Host]
    instances: Mapping[str, Instance]
    """By address, sorted."""
    left_out: Mapping[tuple[str, str | None, str], str] = field(default_factory=dict)
    declared: frozenset[str] = frozenset()
    """`kind.name` of every declaration, also of those without an instance."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Group → its hosts, sorted."""
    rollouts: tuple[Rollout, ...] = ()
    broken: frozenset[str] = frozenset()
    """`kind.name` of those whose instances are not known: nobody can say what refers to them."""


@dataclass(frozen=True, slots=True)
class SourceMap:
    """Address → its declaration's place, for the messages of later stages. Stands beside the IR, outside its digest."""

    declarations: Mapping[str, Declaration] = field(default_factory=dict)

    def span(self, address: str, *path: str | int) -> Span | None:
        """The place of a field of a resource; of the resource where that field is not written; None if unknown."""
        declaration = self.declarations.get(address)
        return None if declaration is None else declaration.span(*path)
