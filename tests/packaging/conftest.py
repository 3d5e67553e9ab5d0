"""What `make dist` builds, once for all tests here, and places to install it in that see nothing of the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from packages.stage import Failed
from packages.wheels import find_uv

ROOT = Path(__file__).parents[2]
_HIDDEN = 'mount -t tmpfs none "$0" && exec "$@"'


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker builds, and uses what it built."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("packaging"))


@dataclass(frozen=True)
class Place:
    """A virtual environment and a home of their own, outside the checkout."""

    folder: Path

    @property
    def bin(self) -> Path:
        return self.folder / "env/bin"

    @property
    def site(self) -> Path:
        (found,) = self.folder.glob("env/lib/python*/site-packages")
        return found

    def run(self, *words: str, cwd: Path | None = None, code: int = 0, **given: str) -> str:
        """A command, with nothing of ours in its environment and, as root, no checkout on its disk."""
        hide = os.geteuid() == 0 and shutil.which("unshare") is not None
        before = ["unshare", "--mount", "sh", "-c", _HIDDEN, str(ROOT)] if hide else []
        done = subprocess.run(
            [*before, *words],
            cwd=cwd or self.folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "LANG": "C.UTF-8", **given},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, f"{' '.join(words)} ended with {done.returncode}:\n{said}"
        return said


def build(output: Path, *words: str, **given: str) -> Path:
    """`python -m packages`, as `make dist` calls it."""
    command = [sys.executable, "-m", "packages", "-o", str(output), *words]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **given}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return output


@pytest.fixture(scope="session", autouse=True)
def uv() -> str:
    """The command that builds, and installs from its cache: without it every library would be fetched again."""
    try:
        return find_uv()
    except Failed as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that this machine can build: without Go the wheel of cue is not there."""
    words = [] if shutil.which("go") else ["--without-cue"]
    return build(tmp_path_factory.mktemp("packaging") / "dist", *words)


@pytest.fixture(scope="session")
def cue_wheel(dist: Path) -> Path:
    found = sorted(dist.glob("aivp_cue-*.whl"))
    if not found:
        pytest.skip("no go here: the wheel of cue was not built")
    return found[0]


@pytest.fixture(scope="session")
def installed(dist: Path, uv: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The wheels with the locked libraries, each file known by its digest."""
    place = Place(tmp_path_factory.mktemp("installed"))
    install(uv, place, dist, "--require-hashes", "-r", "requirements.txt")
    yield place
    shutil.rmtree(place.folder)


def install(uv: str, place: Place, dist: Path, *words: str, python: str = sys.executable) -> None:
    """A new environment at `place`, with what `words` name in `dist`."""
    for command in (
        [uv, "venv", "--quiet", "--python", python, str(place.folder / "env")],
        [uv, "pip", "install", "--quiet", "--python", str(place.bin / "python"), *words],
    ):
        environ = {**os.environ, "UV_SYSTEM_CERTS": "1"}
        done = subprocess.run(command, cwd=dist, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
