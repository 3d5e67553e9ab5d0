"""The working tree → a copy of what belongs to it: wheels hold nothing that lies about, and look the same anywhere.

Files as git lists them: tracked, and new ones that it does not ignore. Modes and times are fixed, links are followed,
and the commit is written down, with `+` behind it where the tree differs from it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMIT = "aivp/commit.txt"
_NEEDED = ("aivp", "providers", "conformance", "packages", "pyproject.toml", "uv.lock", "README.md", "LICENSE")


class Failed(RuntimeError):
    """Nothing can be built; the message says why, or is what a builder said."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The copy, the commit (40 hex digits, `+` where files differ from it) and its time in seconds since 1970."""

    folder: Path
    commit: str
    epoch: int


def stage(folder: Path) -> Stage:
    """Copy into `folder`, which is made. Raises Failed outside a repository."""
    commit = _git("rev-parse", "HEAD").strip()
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or _git("log", "-1", "--format=%ct"))
    if _git("status", "--porcelain", "--", *_NEEDED):
        commit += "+"
    for name in _listed():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
        target.chmod(0o755 if os.access(ROOT / name, os.X_OK) else 0o644)
        os.utime(target, (epoch, epoch))
    (folder / COMMIT).write_text(commit + "\n")
    return Stage(folder, commit, epoch)


def _listed() -> Iterator[str]:
    """Names below the root, sorted; what is deleted and not yet committed is not there."""
    names = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *_NEEDED)
    for name in sorted(set(filter(None, names.split("\0")))):
        if (ROOT / name).is_file():
            yield name


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Failed("git is needed to build: it says which files belong to aivp") from None
    if done.returncode != 0:
        raise Failed(f"this is no clone that git can read: {done.stderr.strip()}")
    return done.stdout
