"""The two sides get the same graph, and terraform the state that it would have written."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bench.measure import environment
from bench.sides import Terraform, terraform_version
from bench.trees import SHAPES


@pytest.mark.parametrize("shape", SHAPES)
def test_the_state_is_what_terraform_writes(tmp_path: Path, shape: str) -> None:
    if terraform_version() is None:
        pytest.skip("no terraform on PATH")
    side = Terraform(tmp_path / "project", 25, SHAPES[shape])
    for operation in ("plan", "apply"):
        subprocess.run(
            side.argv(operation), cwd=side.folder, env=environment(side.folder), check=True, capture_output=True
        )
    written = _state(side.folder)
    side.pretend_applied()
    assert _state(side.folder) == written


def _state(folder: Path) -> dict[str, Any]:
    """Without what is random, and the count of how often it was written."""
    found: dict[str, Any] = json.loads((folder / "terraform.tfstate").read_text())
    for row in found["resources"]:
        assert row["instances"][0]["attributes"].pop("id")
    return {name: value for name, value in found.items() if name not in ("lineage", "serial")}
