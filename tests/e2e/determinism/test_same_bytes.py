"""The same inputs give the same bytes, whatever the process, its machine and its clock are like."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conditions import Condition, conditions, workspace
from .world import World, artifacts

COUNT = 64 if os.environ.get("AIVP_TEST_ALL") == "1" else 12
CACHE = Path(__file__).parents[3] / ".cache" / "pythons"


@pytest.mark.xdist_group("determinism")
def test_the_project_has_a_bit_of_everything(world: World) -> None:
    """What is compared is worth comparing: every kind of step, and every kind of value."""
    plan = world.expected["live"].decode()
    for action in ("create", "update", "delete", "forget", "move", "refresh"):
        assert f'"id":"{action}:' in plan, action
    for tag in ("secret", "unknown"):
        assert f'"$aivp":"{tag}"' in plan, tag
    assert '"is_conditional":true' in plan
    assert world.expected["live"] == world.expected["recorded"]
    assert world.expected["evidence"] == world.recording.read_bytes()


@pytest.mark.xdist_group("determinism")
def test_the_clock_really_is_shifted(world: World) -> None:
    environ = {**conditions(1)[0].environ(world.folder, world.tools), "DETERMINISM_CLOCK": str(50 * 365 * 86400)}
    say = "import datetime, time; print(time.time() > 3e9, datetime.datetime.now().year > 2070)"
    done = subprocess.run([sys.executable, "-c", say], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"


@pytest.mark.xdist_group("determinism")
@pytest.mark.parametrize("condition", conditions(COUNT)[1:], ids=str)
def test_the_same_bytes(world: World, condition: Condition) -> None:
    is_live = condition.number % 3 == 1 or COUNT == 64
    found = artifacts(world.clone(f"c{condition.number}", condition), world.recording, is_live=is_live)
    for name, data in found.items():
        assert data == world.expected[name], f"{name} under {condition}"
        assert condition.secret.encode() not in data


@pytest.mark.slow
@pytest.mark.xdist_group("determinism")
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_same_bytes_from_every_python(world: World, version: str) -> None:
    python = workspace(version, CACHE)
    if python is None:
        pytest.skip(f"needs Python {version} and uv, to make a virtual environment of this workspace")
    for condition in conditions(64)[1:]:
        found = artifacts(world.clone(f"{version}-{condition.number}", condition, python), world.recording)
        assert found == world.expected, condition
