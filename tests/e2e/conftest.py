"""What is made once for all tests: a host's copy of the runner's archive, and a server of commands.

Starting Python and compiling the archive for each of them would take most of their time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.forked import Server

PROJECT = "aivp: v1\nproject: warm\nhosts: {here: {transport: local}}\nresources: {noop.a: {host: here}}\n"


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """Makes a host's state folder as an earlier session leaves it: with the archive, and nothing else."""
    place = tmp_path_factory.mktemp("warm")
    (place / "aivp.yaml").write_text(PROJECT)
    environ = {"PATH": os.environ["PATH"], "HOME": str(place), "AIVP_HOST_STATE": str(place / "host")}
    aivp = Path(sys.executable).with_name("aivp")
    subprocess.run([str(aivp), "plan"], cwd=place, env=environ, check=True, capture_output=True)

    def make(host: Path) -> None:
        shutil.copytree(place / "host", host, dirs_exist_ok=True)

    return make


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """For commands that nobody looks at from outside."""
    started = Server()
    yield started
    started.close()
