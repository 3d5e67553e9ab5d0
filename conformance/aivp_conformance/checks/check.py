"""A check: a stable name, why it is there, what must hold before it says anything, and what it does."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from aivp_conformance.world import Subject

# Returns what could not be looked at, for people, or None. Raises Broken and NotChecked.
Run = Callable[[Subject], str | None]


@dataclass(frozen=True)
class Check:
    """`each_kind`: it runs once for each kind. `needs`: names of checks without which its verdict would mean
    nothing.
    """

    name: str
    why: str
    run: Run
    each_kind: bool
    needs: tuple[str, ...]


def check(name: str, *, each_kind: bool = False, needs: tuple[str, ...] = ()) -> Callable[[Run], Check]:
    """Make a check of a function, whose docstring says why."""

    def made(run: Run) -> Check:
        return Check(name, " ".join((inspect.getdoc(run) or "").split()), run, each_kind, needs)

    return made
