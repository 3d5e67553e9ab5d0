"""The same inputs give the same bytes, whatever the process, its machine and its clock are like."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conditions import Condition, conditions, workspace
from .world import World, artifacts

IS_FULL = os.environ.get("AIVP_TEST_ALL") == "1"
COUNT = 64 if IS_FULL else 12
OURS = f"{sys.version_info.major}.{sys.version_info.minor}"
VERSIONS = ("3.11", "3.12", "3.13") if IS_FULL else (OURS,)
CACHE = Path(__file__).parents[3] / ".cache" / "pythons"


def combinations() -> list[object]:
    """Each condition on each Python, dealt out to two workers that have a world each."""
    return [
        pytest.param(version, condition, marks=pytest.mark.xdist_group(f"determinism-{condition.number % 2}"))
        for version in VERSIONS
        for condition in conditions(COUNT)[version == OURS :]  # the first one of ours is what all are held to
    ]


@functools.cache
def python(version: str) -> Path | None:
    """The interpreter of a virtual environment with this workspace, None where there can be none."""
    return workspace(version, CACHE)


@pytest.mark.xdist_group("determinism-0")
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


@pytest.mark.xdist_group("determinism-0")
def test_the_clock_really_is_shifted(world: World) -> None:
    environ = {**conditions(1)[0].environ(world.folder, world.tools), "DETERMINISM_CLOCK": str(50 * 365 * 86400)}
    say = "import datetime, time; print(time.time() > 3e9, datetime.datetime.now().year > 2070)"
    done = subprocess.run([sys.executable, "-c", say], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"


@pytest.mark.parametrize(("version", "condition"), combinations(), ids=str)
def test_the_same_bytes(world: World, version: str, condition: Condition) -> None:
    interpreter = python(version)
    if interpreter is None:
        pytest.skip(f"needs Python {version} and uv, to make a virtual environment of this workspace")
    project = world.clone(f"{version}-{condition.number}", condition, interpreter)
    found = artifacts(project, world.recording, is_live=IS_FULL or condition.number % 3 == 1)
    for name, data in found.items():
        assert data == world.expected[name], f"{name} under {condition} on Python {version}"
        assert condition.secret.encode() not in data


@pytest.mark.skipif(not IS_FULL, reason="part of a full matrix: make test-all runs it")
def test_every_python_is_there(record_property: Callable[[str, object], None]) -> None:
    there = [version for version in VERSIONS if python(version) is not None]
    record_property("told", f"determinism: {COUNT} conditions on each of Python {', '.join(there)}")
    if len(there) < len(VERSIONS):
        pytest.skip(f"only Python {', '.join(there)} can be had here: pyenv or `uv python install` brings the others")
