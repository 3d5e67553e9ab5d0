"""Temporary folders of providers: nothing stays, also of runners that were killed, and nobody loses one in use."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from aivp_runner.scratch import Scratch

HOLD = """
import sys, time
from aivp_runner.scratch import Scratch
print(Scratch(sys.argv[1]).path, flush=True)
time.sleep(600)
"""


def aged(path: Path) -> Path:
    os.utime(path, (time.time() - 3600,) * 2)
    return path


def test_it_goes_with_its_process(tmp_path: Path) -> None:
    scratch = Scratch(str(tmp_path))
    Path(scratch.path, "x").touch()
    scratch.remove()
    scratch.remove()
    assert list(tmp_path.iterdir()) == []


def test_one_of_a_process_that_was_killed_is_swept_and_no_other(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        theirs = aged(Path(holder.stdout.readline().strip()))
        (tmp_path / "tmp-link").symlink_to(theirs)
        Scratch(str(tmp_path)).remove()
        assert theirs.is_dir(), "somebody works there"
    finally:
        holder.kill()
        holder.communicate()
    Scratch(str(tmp_path)).remove()
    assert not theirs.exists()
