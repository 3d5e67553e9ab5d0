"""yaml-language-server from npm, installed once into a cache; without node or npm its tests are skipped."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

VERSION = "1.23.0"
PATIENCE = 180
"""Seconds for npm."""


@pytest.fixture(scope="session")
def server() -> Path:
    """The program of the server."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs node and npm, for the real yaml-language-server")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aivp-tests"
    cache.mkdir(parents=True, exist_ok=True)
    place = cache / f"yaml-language-server-{VERSION}"
    with (cache / "npm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # every worker of a run wants it
        if not place.is_dir():
            _install(place)
    return place / "node_modules/yaml-language-server/bin/yaml-language-server"


def _install(place: Path) -> None:
    """Whole or not at all; what the packages would run while installing stays out."""
    fresh = place.with_suffix(".fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", "--silent"]
    command = ["npm", "install", *options, f"yaml-language-server@{VERSION}"]
    try:
        subprocess.run(command, cwd=fresh, timeout=PATIENCE, capture_output=True, stdin=subprocess.DEVNULL, check=True)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"npm does not install yaml-language-server: {type(error).__name__}")
    fresh.rename(place)
