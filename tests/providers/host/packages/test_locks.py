"""Waiting for real locks of real processes."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from aivp_host.packages.locks import lock_holder, wait_for_locks
from aivp_sdk import Temporary

_HOLD = """
import fcntl, os, sys
fcntl.lockf(os.open(sys.argv[1], os.O_RDWR), fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_a_lock_is_seen_with_its_holder_and_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    argv = [sys.executable, "-c", _HOLD, str(path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert lock_holder(str(path)) == other.pid
        with pytest.raises(Temporary, match=f"held by process {other.pid} "):
            wait_for_locks([str(path)], 0.1)
        other.communicate()
    assert lock_holder(str(path)) is None
    wait_for_locks([str(path), str(tmp_path / "nonesuch")], 0)
    fcntl.lockf(os.open(path, os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)
