"""Diagnostics as values, and the one exception that carries them across a stage's door."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a file of the project: `file` relative to its root, `line` and `column` from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that explains the first one."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A mistake that a person can mend. `code` is stable, its constant summary stands in the catalogue.

    why: what is wrong here, in one or two sentences; mend: what to do about it (may be empty). address, path: the
    resource and the field in it; who knows the declaration finds the span by them.
    """

    code: str
    why: str
    mend: str = ""
    span: Span | None = None
    address: str | None = None
    related: tuple[Related, ...] = ()
    severity: Literal["error", "warning"] = "error"
    pointer: str = ""
    """JSON pointer to the field of `address` that is at fault; whoever knows where it stands makes `span` of it."""


@dataclass
class Diagnostics:
    """The diagnostics of one stage, gathered so that all mistakes are reported at once."""

    items: list[Diagnostic] = field(default_factory=list)

    def add(self, diagnostic: Diagnostic) -> None:
        """Append one; the stage goes on."""
        self.items.append(diagnostic)

    def error(
        self,
        code: str,
        why: str,
        mend: str = "",
        *,
        span: Span | None = None,
        address: str | None = None,
        related: Iterable[Related] = (),
        pointer: str = "",
    ) -> None:
        """Append an error built from its parts."""
        self.add(Diagnostic(code, why, mend, span, address, tuple(related), pointer=pointer))

    @property
    def has_errors(self) -> bool:
        """True where the stage's result must not be used."""
        return any(item.severity == "error" for item in self.items)

    def refuse(self) -> None:
        """Raise Refused if there is an error."""
        if self.has_errors:
            raise Refused(self.sorted())

    def sorted(self) -> tuple[Diagnostic, ...]:
        """Without repetitions, in file order."""
        return tuple(sorted(dict.fromkeys(self.items), key=_order))

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.items)


class Refused(Exception):
    """A stage refused its input. `exit_code` is the command's (1 error, 3 policy, 4 stale or tampered)."""

    def __init__(self, diagnostics: Iterable[Diagnostic], exit_code: int = 1) -> None:
        self.diagnostics = tuple(diagnostics)
        self.exit_code = exit_code
        super().__init__("; ".join(f"{item.code}: {item.why}" for item in self.diagnostics))


def refusal(code: str, why: str, mend: str = "", *, span: Span | None = None, exit_code: int = 1) -> Refused:
    """A Refused with a single diagnostic."""
    return Refused((Diagnostic(code, why, mend, span),), exit_code)


def _order(item: Diagnostic) -> tuple[str, int, int, str, str]:
    span = item.span or Span("", 0, 0)
    return (span.file, span.line, span.column, item.code, item.why)
