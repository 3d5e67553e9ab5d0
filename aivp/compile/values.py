"""The `values` of a project: each worked out when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from aivp_contract.values import Json

from aivp.compile.mistake import Mistake, Reported
from aivp.compile.scope import Scope
from aivp.compile.text import plain
from aivp.config.project import Project
from aivp.diagnostics import Diagnostics

MAX_DEPTH = 50


class Values(Mapping[str, Json]):
    """Values by name, with their references to var, environment, project and each other filled in.

    A mistake is reported once, where it was made; whoever asks for that value then gets Reported raised.
    """

    def __init__(self, project: Project, variables: Mapping[str, Json], diagnostics: Diagnostics) -> None:
        self._declared = project.values
        self._scope = Scope(project, variables, self)
        self._diagnostics = diagnostics
        self._done: dict[str, Json] = {}
        self._broken: set[str] = set()
        self._open: list[str] = []

    def check(self) -> None:
        """Work out all of them, so that unused ones are checked too."""
        for name in self:
            try:
                self[name]
            except Mistake:
                continue

    def __getitem__(self, name: str) -> Json:
        if name in self._broken:
            raise Reported
        if name not in self._done:
            self._done[name] = self._work_out(name)
        return self._done[name]

    def __contains__(self, name: object) -> bool:
        return name in self._declared

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._declared))

    def __len__(self) -> int:
        return len(self._declared)

    def _work_out(self, name: str) -> Json:
        declared = self._declared[name]
        self._open.append(name)
        try:
            self._refuse_circle(name)
            return plain(declared.value, self._scope)
        except Mistake as mistake:
            self._broken.add(name)
            mistake.report(self._diagnostics, declared)
            raise Reported from None
        finally:
            self._open.pop()

    def _refuse_circle(self, name: str) -> None:
        before = self._open[:-1]
        if name in before:
            why = f"These values refer to each other in a circle: {_ring(before[before.index(name) :])}."
            raise Mistake("AIVP0207", why, "Write out one of them.")
        if len(before) > MAX_DEPTH:
            why = f"values.{name} is reached through more than {MAX_DEPTH} other values."
            raise Mistake("AIVP0207", why, "Write out one of them.")


def _ring(members: Sequence[str]) -> str:
    """The circle from its smallest member on."""
    start = members.index(min(members))
    turned = [*members[start:], *members[:start]]
    return " → ".join(f"values.{name}" for name in (*turned, turned[0]))
