"""aivp and terraform on the same tree, operation by operation and turn by turn, several rounds of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from bench.measure import Sample, measure
from bench.sides import OPERATIONS, Aivp, Side, Terraform, terraform_version
from bench.trees import SHAPES

PATIENCE = 60.0
"""Seconds from which on an apply is not measured a second time."""

Note = Callable[[str], None]


def compare(
    folder: Path, shape: str, count: int, rounds: int, limit: float, note: Note, *, terraform_applies: bool = True
) -> Iterator[tuple[str, str, Sample]]:
    """(operation, tool, sample) of every execution.

    A round is validate, plan, apply and no-op plan from nothing. Who comes first alternates, so that neither has the
    warmer caches or the quieter minute. terraform's apply is stopped after `limit` seconds.
    """
    parent = SHAPES[shape]
    sides: list[Side] = [Aivp(folder / f"aivp-{shape}-{count}", count, parent)]
    if terraform_version() is not None:
        sides.append(Terraform(folder / f"terraform-{shape}-{count}", count, parent, terraform_applies))
    for number in range(rounds):
        for side in sides:
            side.reset()
        for place, operation in enumerate(OPERATIONS):
            for side in sides if (number + place) % 2 == 0 else reversed(sides):
                sample = _execute(side, operation, limit)
                if sample is not None:
                    said = f"{sample.wall:.2f} s" + (", stopped" if sample.is_stopped else "")
                    note(f"{shape} of {count}, round {number + 1} of {rounds}: {side.name} {operation} {said}")
                    yield operation, side.name, sample


def _execute(side: Side, operation: str, limit: float) -> Sample | None:
    if operation != "apply":
        return measure(side.argv(operation), side.folder)
    if not side.may_apply:
        side.pretend_applied()
        return None
    sample = measure(side.argv(operation), side.folder, limit=limit)
    if sample.is_stopped:
        if side.name == "aivp":
            raise RuntimeError(f"aivp's apply did not end within {limit:.0f} s")
        side.pretend_applied()
    if side.name != "aivp" and sample.wall > PATIENCE:
        side.may_apply = False
    return sample


def warm(folder: Path, note: Note) -> None:
    """Both tools once around, unmeasured: bytecode and files are then as they are for whoever uses them daily."""
    for _ in compare(folder / "warm", "tree", 20, 1, 60, note):
        pass
