"""Content on its way to a host over a slow link: how much was sent is told now and then."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests import schemas
from tests.cli.test_commands import Shell

SIZE = 6 * 1024 * 1024
SLOW = """
import os, subprocess, sys, time
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)
while data := os.read(0, 65536):
    child.stdin.write(data)
    child.stdin.flush()
    time.sleep(len(data) / 4e6)
child.stdin.close()
sys.exit(child.wait())
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    found = Shell(tmp_path)
    (tmp_path / "slow.py").write_text(SLOW)
    (found.folder / "image").write_bytes(b"x" * SIZE)
    command = f"[{sys.executable}, {tmp_path}/slow.py]"
    (found.folder / "aivp.yaml").write_text(
        f"aivp: v1\nproject: slow\nhosts: {{far: {{transport: exec, command: {command}}}}}\n"
        f"resources: {{file.image: {{host: far, path: {found.things}/image, source: image}}}}\n"
    )
    return found


def test_what_was_sent_is_told_up_to_its_end(shell: Shell) -> None:
    done = shell.run("apply", "-y", "--json")
    assert done.returncode == 0, done.stdout
    lines = schemas.check_lines(["--json"], done.stdout)
    told = [line for line in lines if line["type"] == "content-sent"]
    assert 2 <= len(told) <= 8
    assert [line["done"] for line in told] == sorted({line["done"] for line in told})
    assert (told[-1]["done"], told[-1]["total"]) == (SIZE, SIZE)
    assert {(line["host"], line["address"]) for line in told} == {("far", "file.image@far")}
    (lasting,) = [line for line in lines if line["type"] == "steps-lasting"]
    assert lasting["steps"] == ["create:file.image@far"]
    assert (shell.things / "image").stat().st_size == SIZE
