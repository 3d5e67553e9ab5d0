"""Pinned versions of other people's tools → an environment of their own, made once and kept in a cache folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.cache import locked

PINS = Path(__file__).with_name("peers.txt")
NAMED = ("pyinfra", "ansible-core", "mitogen")
_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Peers:
    """`folder`: of the virtual environment, None where there is none, and then `reason` says why."""

    folder: Path | None
    versions: Mapping[str, str]
    reason: str = ""

    def program(self, name: str) -> str:
        """The path of one of its commands."""
        assert self.folder is not None
        return str(self.folder / "bin" / name)

    def module(self, name: str) -> Path:
        """The folder of one of its packages."""
        assert self.folder is not None
        (found,) = self.folder.glob(f"lib/python3.*/site-packages/{name}")
        return found


def peers() -> Peers:
    """The environment of `peers.txt`, from the cache where it is there. Asks PyPI once, through pip."""
    pins = PINS.read_text(encoding="utf-8")
    versions = {name: version for name, _, version in (line.partition("==") for line in pins.split()) if name in NAMED}
    made_from = hashlib.sha256(f"{sys.version}\n{sys.prefix}\n{pins}".encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aivp/bench"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"peers-{made_from}"
    with locked(cache / ".peers.lock"):
        if not (folder / "complete").exists():
            try:
                _make(folder)
            except (OSError, subprocess.SubprocessError) as error:
                shutil.rmtree(folder, ignore_errors=True)
                return Peers(None, versions, _why(error))
    return Peers(folder, versions)


def _make(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    python = str(folder / "bin/python")
    for argv in (
        [sys.executable, "-m", "venv", str(folder)],
        [python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "-r", str(PINS)],
        [python, "-m", "compileall", "-q", str(folder / "lib")],
    ):
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False)
        if done.returncode != 0 and "compileall" not in argv:  # packages bring templates that are no Python
            raise subprocess.CalledProcessError(done.returncode, argv, done.stdout, done.stderr)
    (folder / "complete").touch()


def _why(error: OSError | subprocess.SubprocessError) -> str:
    said = getattr(error, "stderr", b"") or b""
    last = said.decode(errors="replace").strip().splitlines()[-1:] if isinstance(said, bytes) else []
    return last[0] if last else str(error)
