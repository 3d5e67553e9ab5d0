"""What is wrong with one value, before anybody knows where it stands; the stage that catches it adds the place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from aivp.diagnostics import Diagnostic, Diagnostics, Related, Span

Item = TypeVar("Item")
Result = TypeVar("Result")


class Place(Protocol):
    """A declaration, which knows where its parts stand."""

    def span(self, *path: str | int) -> Span:
        """The place of the value at `path`."""


class Mistake(Exception):
    """A person's mistake: `code`, `why` and `mend` as in a Diagnostic. Never leaves `compile`.

    path: where it stands beneath the value that is being looked at.
    """

    def __init__(self, code: str, why: str, mend: str = "", *path: str | int, related: Iterable[Related] = ()) -> None:
        super().__init__(why)
        self.path = path
        self.code = code
        self.why = why
        self.mend = mend
        self.related = tuple(related)

    def beneath(self, *path: str | int) -> Mistake:
        """Itself, with its place seen from further up."""
        self.path = (*path, *self.path)
        return self

    def report(self, diagnostics: Diagnostics, place: Place, address: str | None = None) -> None:
        """Add it to `diagnostics`."""
        diagnostics.add(Diagnostic(self.code, self.why, self.mend, place.span(*self.path), address, self.related))


class Several(Mistake):
    """Mistakes of one value that have nothing to do with each other."""

    def __init__(self, members: Sequence[Mistake]) -> None:
        super().__init__("", "several mistakes")
        self.members = members

    def beneath(self, *path: str | int) -> Mistake:
        """Itself, with every member's place seen from further up."""
        for member in self.members:
            member.beneath(*path)
        return self

    def report(self, diagnostics: Diagnostics, place: Place, address: str | None = None) -> None:
        """Add every member."""
        for member in self.members:
            member.report(diagnostics, place, address)


class Reported(Mistake):
    """Raised where a value is asked for that is known to be broken: nothing is said twice."""

    def __init__(self) -> None:
        super().__init__("", "what this value depends on has a mistake that is already reported")

    def report(self, diagnostics: Diagnostics, place: Place, address: str | None = None) -> None:
        """Add nothing."""


def each(read: Callable[[Item], Result], items: Iterable[tuple[str | int | None, Item]]) -> list[Result]:
    """`read` of every item. Raises the mistakes of all of them, each beneath its step (None: no step down)."""
    found: list[Result] = []
    mistakes: list[Mistake] = []
    for step, item in items:
        try:
            found.append(read(item))
        except Mistake as mistake:
            mistakes.append(mistake if step is None else mistake.beneath(step))
    if mistakes:
        raise mistakes[0] if len(mistakes) == 1 else Several(mistakes)
    return found
