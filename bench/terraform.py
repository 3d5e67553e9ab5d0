"""aivp against the `terraform` command on the same inert resources: validate, plan, apply, plan again."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Figures, measure
from bench.trees import Parent, chain, tree, write_aivp, write_terraform, write_terraform_state

AIVP = str(Path(sys.executable).with_name("aivp"))
OPERATIONS = ("validate", "plan", "apply", "no-op plan")


@dataclass(frozen=True, slots=True)
class Row:
    """One operation on one tree with both tools; None where it was not measured."""

    shape: str
    count: int
    operation: str
    ours: Figures | None
    theirs: Figures | None


def compare(folder: Path, counts: tuple[int, ...], terraform_apply_up_to: int) -> Iterator[Row]:
    """Every row, each pair measured one after the other on the same machine."""
    for shape, count, parent in [*(("tree", count, tree) for count in counts), ("chain", 1000, chain)]:
        ours = _aivp(folder / f"aivp-{shape}-{count}", count, parent)
        theirs = _terraform(folder / f"tf-{shape}-{count}", count, parent, count <= terraform_apply_up_to)
        for operation in OPERATIONS:
            yield Row(shape, count, operation, ours.get(operation), theirs.get(operation))


def _aivp(folder: Path, count: int, parent: Parent) -> dict[str, Figures]:
    write_aivp(folder, count, parent)
    env = {"AIVP_HOST_STATE": str(folder / "host")}
    return {
        "validate": measure([AIVP, "validate"], folder, env=env),
        "plan": measure([AIVP, "plan", "-o", "plan.json"], folder, env=env),
        "apply": measure([AIVP, "apply", "plan.json"], folder, env=env),
        "no-op plan": measure([AIVP, "plan", "--detailed-exitcode"], folder, env=env),
    }


def _terraform(folder: Path, count: int, parent: Parent, with_apply: bool) -> dict[str, Figures]:
    command = shutil.which("terraform")
    if command is None:
        return {}
    write_terraform(folder, count, parent)
    env = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
    measure([command, "init", "-input=false"], folder, env=env)
    found = {
        "validate": measure([command, "validate"], folder, env=env),
        "plan": measure([command, "plan", "-input=false", "-out=plan.bin"], folder, env=env),
    }
    if with_apply:
        found["apply"] = measure([command, "apply", "-input=false", "plan.bin"], folder, env=env)
    else:
        write_terraform_state(folder, count, parent)
    found["no-op plan"] = measure([command, "plan", "-input=false", "-detailed-exitcode"], folder, env=env)
    return found
