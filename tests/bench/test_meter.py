"""The meter sees everything that a command starts, and ends all of it when time is over."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from bench.measure import Failed, measure

BURN = "import time\nwhile time.process_time() < 0.4: pass\n"
ORPHAN = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {BURN!r}], start_new_session=True)"
HOLD = "import sys, time; held = bytearray(64 << 20); time.sleep(0.5)"
BOTH = f"import subprocess, sys; held = bytearray(64 << 20); subprocess.run([sys.executable, '-c', {HOLD!r}])"
NAP = "import subprocess, sys; subprocess.run(['sleep', '317'], start_new_session=True)"


def test_a_process_that_nobody_waits_for_counts(tmp_path: Path) -> None:
    assert measure([sys.executable, "-c", ORPHAN], tmp_path).cpu >= 0.4


def test_memory_is_that_of_all_processes_together(tmp_path: Path) -> None:
    found = measure([sys.executable, "-c", BOTH], tmp_path)
    assert 64 << 20 < found.largest < 120 << 20
    assert 128 << 20 < found.peak < 200 << 20


def test_time_ends_every_process(tmp_path: Path) -> None:
    began = time.monotonic()
    found = measure([sys.executable, "-c", NAP], tmp_path, limit=0.5)
    assert found.is_stopped
    assert time.monotonic() - began < 30
    assert b"sleep\x00317\x00" not in _command_lines()


def test_whoever_is_interrupted_leaves_nothing_behind(tmp_path: Path) -> None:
    nap = "import os, subprocess, sys; os.kill(os.getppid(), 15); subprocess.run(['sleep', '318'])"
    with pytest.raises(Failed, match="ended with -9"):
        measure([sys.executable, "-c", nap], tmp_path)
    assert b"sleep\x00318\x00" not in _command_lines()


def test_a_command_that_fails_is_no_sample(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="ended with 3: too bad"):
        measure([sys.executable, "-c", "print('too bad'); raise SystemExit(3)"], tmp_path)


def _command_lines() -> list[bytes]:
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            found.append(Path(f"/proc/{name}/cmdline").read_bytes())
        except OSError:
            continue
    return found
