"""The two tools as the comparison sees them: a folder to prepare, operations to run, and back to nothing applied."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.measure import AIVP, environment
from bench.trees import Parent, write_aivp, write_terraform, write_terraform_state

OPERATIONS = ("validate", "plan", "apply", "no-op plan")


class Side(Protocol):
    """One tool on one tree."""

    name: str
    folder: Path
    may_apply: bool

    def reset(self) -> None:
        """Nothing is applied and nothing is planned."""

    def argv(self, operation: str) -> Sequence[str]:
        """The command of an operation. A no-op plan must end with 0: it says that nothing is to be done."""

    def pretend_applied(self) -> None:
        """Bring about what `apply` would leave, where it was not run to its end."""


@dataclass
class Aivp:
    """aivp with `noop`, which takes the runner, codec, journal, lock and registry that `file` takes."""

    folder: Path
    count: int
    parent: Parent
    may_apply: bool = True
    name: str = "aivp"

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        write_aivp(self.folder, self.count, self.parent)

    def reset(self) -> None:
        shutil.rmtree(self.folder / ".aivp", ignore_errors=True)
        shutil.rmtree(self.folder / "host", ignore_errors=True)

    def argv(self, operation: str) -> Sequence[str]:
        words = {
            "validate": ["validate"],
            "plan": ["plan", "-o", "plan.json"],
            "apply": ["apply", "plan.json"],
            "no-op plan": ["plan", "--detailed-exitcode"],
        }
        return [AIVP, *words[operation]]

    def pretend_applied(self) -> None:
        raise AssertionError("aivp always applies")


@dataclass
class Terraform:
    """terraform with `terraform_data`. `init` is not measured."""

    folder: Path
    count: int
    parent: Parent
    may_apply: bool = True
    name: str = "terraform"

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        write_terraform(self.folder, self.count, self.parent)
        done = subprocess.run(
            ["terraform", "init", "-input=false"],
            cwd=self.folder,
            env=environment(self.folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"terraform init: {done.stderr.decode(errors='replace')[-2000:]}")

    def reset(self) -> None:
        for name in ("terraform.tfstate", "terraform.tfstate.backup", ".terraform.tfstate.lock.info", "plan.bin"):
            (self.folder / name).unlink(missing_ok=True)

    def argv(self, operation: str) -> Sequence[str]:
        words = {
            "validate": ["validate"],
            "plan": ["plan", "-input=false", "-out=plan.bin"],
            "apply": ["apply", "-input=false", "plan.bin"],
            "no-op plan": ["plan", "-input=false", "-detailed-exitcode"],
        }
        return ["terraform", *words[operation]]

    def pretend_applied(self) -> None:
        self.reset()
        write_terraform_state(self.folder, self.count, self.parent, terraform_version() or "")


def terraform_version() -> str | None:
    """The version of the `terraform` on PATH, None where there is none."""
    if shutil.which("terraform") is None:
        return None
    done = subprocess.run(
        ["terraform", "version", "-json"], env=environment(Path.cwd()), capture_output=True, check=False
    )
    return str(json.loads(done.stdout)["terraform_version"]) if done.returncode == 0 else None
