"""What a large source costs in memory, measured from outside: of the engine, and of all that it waited for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.bad_input.conftest import MEASURE
from tests.e2e.faults.world import World

PROJECT = """
aivp: v1
project: memory
variables: {root: {type: string}}
hosts: {here: {transport: local}}
resources: {file.large: {path: "${var.root}/target/large", source: large}}
"""

MIB = 1024 * 1024


def peak(world: World, *arguments: str) -> float:
    """The most that any process of the command had in memory, in MiB."""
    told = world.root / "peak"
    result = world.aivp(*arguments, before=(sys.executable, "-I", "-S", "-c", MEASURE, str(told)))
    assert result.code == 0, result.text
    return int(told.read_text()) / 1024


def same(one: Path, other: Path) -> bool:
    with one.open("rb") as first, other.open("rb") as second:
        return all(chunk == second.read(MIB) for chunk in iter(lambda: first.read(MIB), b"")) and not second.read(1)


@pytest.mark.parametrize(
    ("size", "most"), [(64 * MIB, 60), pytest.param(2048 * MIB, 100, marks=pytest.mark.slow)], ids=["64 MiB", "2 GiB"]
)
def test_a_large_source_costs_no_memory(
    world: World, size: int, most: int, record_property: Callable[[str, object], None]
) -> None:
    source = world.project / "large"
    world.declare(PROJECT)
    with source.open("wb") as file:
        file.truncate(size)
        for place in range(0, size, size // 16):
            os.pwrite(file.fileno(), os.urandom(1000), place + 7)
    commands = (("plan", "--bundle", "b.tar"), ("apply", "b.tar"), ("plan",))
    peaks = {" ".join(command): peak(world, *command) for command in commands}
    with source.open("r+b") as file:
        file.write(b"!")
    peaks["apply -y"] = peak(world, "apply", "-y")
    record_property("told", f"a source of {size // MIB} MiB: at most {max(peaks.values()):.0f} MiB in memory")
    assert max(peaks.values()) < most, peaks
    assert same(source, world.target / "large")
    assert not (world.host / "blobs").exists()
