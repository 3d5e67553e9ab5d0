"""What is wrong with one value, before anybody knows where it stands; the stage that catches it adds the place."""

from __future__ import annotations

from collections.abc import Iterable

from aivp.diagnostics import Diagnostic, Diagnostics, Related, Span


class Mistake(Exception):
    """A person's mistake: `code`, `why` and `mend` as in a Diagnostic. Never leaves `compile`.

    path: where it stands beneath the value that is being looked at.
    """

    def __init__(self, code: str, why: str, mend: str = "", *path: str | int) -> None:
        super().__init__(why)
        self.path = path
        self.code = code
        self.why = why
        self.mend = mend

    def beneath(self, *path: str | int) -> Mistake:
        """Itself, with its place seen from further up."""
        self.path = (*path, *self.path)
        return self

    def at(self, span: Span | None, address: str | None = None, related: Iterable[Related] = ()) -> Diagnostic:
        """The diagnostic of this mistake at its place."""
        return Diagnostic(self.code, self.why, self.mend, span, address, tuple(related))

    def report(
        self, diagnostics: Diagnostics, span: Span | None, address: str | None = None, related: Iterable[Related] = ()
    ) -> None:
        """Add it to `diagnostics`, unless it is Reported."""
        if not isinstance(self, Reported):
            diagnostics.add(self.at(span, address, related))


class Reported(Mistake):
    """Raised where a value is asked for that is known to be broken: nothing is said twice."""

    def __init__(self) -> None:
        super().__init__("", "what this value depends on has a mistake that is already reported")
