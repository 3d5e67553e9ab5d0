"""`make demo` tells its story to the end and leaves nothing behind, also when somebody stops it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo import fleet, folder
from demo.stage import Stage
from tests import lab
from tests.e2e.examples.project import EXAMPLES

ROOT = EXAMPLES.parent
DEMO = [sys.executable, str(ROOT / "demo" / "demo.py")]


def hosts() -> set[str]:
    """Throwaway hosts whose owner is gone: other tests have theirs at the same moment."""
    listed = subprocess.run([sys.executable, "-m", "tests.lab", "list"], cwd=ROOT, capture_output=True, text=True)
    return {line for line in listed.stdout.splitlines() if '"leftover": true' in line}


def test_the_story_of_a_folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    stage = Stage(tmp_path.resolve(), Path(sys.executable).with_name("aivp"), os.environ)
    folder.play(stage, "this is a test")
    told = capfd.readouterr().out
    assert "SKIPPED: the web server in a throwaway systemd host, since this is a test." in told
    assert "No changes." in told
    assert not (tmp_path / "site").exists()


@pytest.mark.lab
def test_the_story_of_a_server(tmp_path: Path) -> None:
    skip_without_lab()
    told = subprocess.run(
        DEMO, env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True, timeout=180
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "It runs on Debian." in told.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.lab
@pytest.mark.slow
def test_the_story_of_three_releases_over_ssh(tmp_path: Path) -> None:
    reason = fleet.missing()
    if reason is not None:
        pytest.skip(reason)
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    told = subprocess.run([*DEMO, "ssh"], env=environ, capture_output=True, text=True, timeout=180)
    assert told.returncode == 0, told.stdout + told.stderr
    for release in ("bullseye", "bookworm", "trixie"):
        assert f"is a Debian {release} with Python 3." in told.stdout
    assert list(tmp_path.iterdir()) == []


def test_over_ssh_it_says_what_is_missing(tmp_path: Path) -> None:
    told = subprocess.run([*DEMO, "ssh"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=60)
    assert told.returncode == 1
    assert told.stderr == ""
    assert told.stdout.startswith("No demo over SSH here: ")
    assert "is missing (Debian package" in told.stdout or "throwaway hosts need" in told.stdout


@pytest.mark.lab
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_it_cleans_up(tmp_path: Path, number: signal.Signals) -> None:
    skip_without_lab()
    environ = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    before = hosts()  # somebody's forgotten lab is none of this test's business
    demo = subprocess.Popen(DEMO, env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert demo.stdout is not None
    for line in demo.stdout:
        if line.startswith("$ aivp apply"):
            break
    time.sleep(0.5)  # into the apply
    os.killpg(demo.pid, number)
    demo.communicate(timeout=60)
    assert demo.returncode == 128 + number
    assert list(tmp_path.iterdir()) == []
    assert hosts() <= before


def skip_without_lab() -> None:
    reason = lab.available()
    if reason is not None:
        pytest.skip(reason)
