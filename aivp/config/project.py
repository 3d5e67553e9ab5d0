"""What `config` hands to `compile`: one environment's declarations, unexpanded, each with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from aivp_contract.values import Json

from aivp.diagnostics import Diagnostic, Span
from aivp.model.place import DEFAULT, Place
from aivp.model.resource import SecretSource


class Spans(Protocol):
    """Where the parts of one document stand. Paths lead from the document's root; a missing one gives its parent's."""

    def value(self, path: Sequence[str | int]) -> Span:
        """The place of the value at `path`."""

    def key(self, path: Sequence[str | int]) -> Span:
        """The place of the last key of `path`."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One declaration: its value as plain JSON, `path` where it stands in its document, and that document's spans."""

    value: Json
    path: tuple[str | int, ...]
    spans: Spans

    def span(self, *inner: str | int) -> Span:
        """The place of the value at `inner`."""
        return self.spans.value((*self.path, *inner))

    def key_span(self, *inner: str | int) -> Span:
        """The place of the last key of `inner`, or of the declaration's own key."""
        return self.spans.key((*self.path, *inner))


@dataclass(frozen=True, slots=True)
class Provenance:
    """What one place says of a variable. `origin`: `default`, `environment dev`, `AIVP_VAR_x`, a file or `--var`."""

    origin: str
    value: Json
    span: Span | None


@dataclass(frozen=True, slots=True)
class Variable:
    """A declared variable: its effective value and everything that was said of it, the last one wins."""

    name: str
    value: Json
    history: tuple[Provenance, ...]


@dataclass(frozen=True, slots=True)
class Flaws:
    """What is wrong with the files of a project, and what can therefore not be said about the rest of it.

    broken: `section.name` of declarations whose own mistake is told; is_partial: parts could not be read at all, so
    a name that is missing may stand there.
    """

    mistakes: tuple[Diagnostic, ...] = ()
    broken: frozenset[str] = frozenset()
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Project:
    """Everything one environment of a project declares, after includes, overrides and variables; not yet expanded.

    Keys of `resources` are `kind.name`; of the other maps the plain name. included: file or folder → where it is
    included.
    """

    root: Path
    name: str
    environment: str
    variables: Mapping[str, Variable] = field(default_factory=dict)
    values: Mapping[str, Declared] = field(default_factory=dict)
    defaults: Mapping[str, Declared] = field(default_factory=dict)
    secrets: Mapping[str, tuple[SecretSource, Declared]] = field(default_factory=dict)
    hosts: Mapping[str, Declared] = field(default_factory=dict)
    groups: Mapping[str, Declared] = field(default_factory=dict)
    resources: Mapping[str, Declared] = field(default_factory=dict)
    moved: Sequence[Declared] = ()
    imports: Sequence[Declared] = ()
    removed: Sequence[Declared] = ()
    providers: Mapping[str, Declared] = field(default_factory=dict)
    requires: Declared | None = None
    state: Place = DEFAULT
    flaws: Flaws = Flaws()
    included: Mapping[str, Span] = field(default_factory=dict)

    def is_broken(self, section: str, name: str) -> bool:
        """True where a declaration is there, and cannot be used."""
        return f"{section}.{name}" in self.flaws.broken
