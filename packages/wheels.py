"""The staged tree → wheels and source archives, by uv and the build back ends that pyproject.toml names."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from packages.stage import ROOT, Failed, Stage


def build(stage: Stage, output: Path) -> None:
    """Every distribution of the workspace into `output`. Raises Failed."""
    _uv(stage, output, "--all-packages")
    (output / ".gitignore").unlink(missing_ok=True)  # uv's own: dist/ is ignored already


def build_cue(stage: Stage, output: Path) -> None:
    """The wheel that carries cue, and its source archive; takes Go. Raises Failed."""
    _uv(stage, output, "packages/cue")
    (output / ".gitignore").unlink(missing_ok=True)


def find_uv() -> str:
    """On PATH, or where setup puts it. Raises Failed."""
    for candidate in ("uv", str(ROOT / ".venv/bin/uv")):
        if (found := shutil.which(candidate)) and _runs(found):
            return found
    raise Failed("uv is needed to build: make setup, or https://docs.astral.sh/uv")


def _runs(command: str) -> bool:
    """There are shims on PATH without what they stand for."""
    done = subprocess.run([command, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def _uv(stage: Stage, output: Path, *words: str) -> None:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(stage.epoch), "UV_SYSTEM_CERTS": "1"}
    done = subprocess.run(
        [find_uv(), "build", "--out-dir", str(output), *words],
        cwd=stage.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(done.stdout)
