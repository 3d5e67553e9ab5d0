"""A host is given the content of its own steps, and of the message in hand; whoever asks for more is hostile."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.faults.world import World

PROJECT = """
aivp: v1
project: blobs
variables: {{root: {{type: string}}}}
hosts:
  bad: {{transport: exec, command: {command}}}
  good: {{transport: local}}
resources:
  file.own: {{host: bad, path: "${{var.root}}/target/own", source: own}}
  file.other: {{host: good, path: "${{var.root}}/target/other", source: other}}
"""
OWN, OTHER = b"own" * 100_000, b"a secret of another host" * 10_000
MINE, FOREIGN = (hashlib.sha256(data).hexdigest() for data in (OWN, OTHER))

QUESTIONS: dict[str, Any] = {
    "another host's": [[FOREIGN, 0, 10]],
    "nobody's": [["0" * 64, 0, 10]],
    "behind the end": [[MINE, len(OWN) - 5, 10]],
    "before the start": [[MINE, -5, 5]],
    "too much at once": [[MINE, 0, 2 * 1024 * 1024]],
    "too often": [[MINE, 0, 1]] * 100,
    "no pieces": "pieces",
    "no piece": [MINE],
    "no numbers": [[MINE, "0", True]],
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_host_that_asks_for_what_is_not_its_own_is_found_out(world: World, name: str) -> None:
    asker = [sys.executable, str(Path(__file__).with_name("asker.py")), json.dumps(QUESTIONS[name])]
    command = ["env", f"AIVP_HOST_STATE={world.root}/bad", *asker]
    world.declare(PROJECT.format(command=json.dumps(command).replace("$", "$$")))
    (world.project / "own").write_bytes(OWN)
    (world.project / "other").write_bytes(OTHER)
    result = world.aivp("apply", "-y")
    assert result.code in (1, 5), result.text
    assert "AIVP0603" in result.text
    assert "content" in result.text
    assert (world.target / "other").read_bytes() == OTHER
    world.await_quiet()
