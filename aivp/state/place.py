"""Where state lives, and what must hold there before anything is opened: ours, private, writable, not in git."""

from __future__ import annotations

import os
from pathlib import Path

from aivp.diagnostics.diagnostic import refusal

FOLDER = ".aivp"


def folder(root: Path, environment: str) -> Path:
    """The folder of one environment's state."""
    return root / FOLDER / environment


def prepare(root: Path, environment: str) -> Path:
    """Create that folder (0700) with a .gitignore. Raises Refused where it cannot be or is not ours."""
    place = folder(root, environment)
    try:
        (root / FOLDER).mkdir(mode=0o700, exist_ok=True)
        place.mkdir(mode=0o700, exist_ok=True)
        ignore = root / FOLDER / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        raise refusal(
            "AIVP0702",
            f"The state folder {FOLDER}/{environment} cannot be used: {error.strerror}.",
            "Make it writable, or run as the user who owns the checkout.",
        ) from None
    _check(root / FOLDER, place)
    _refuse_tracked(root, environment)
    return place


def _check(*places: Path) -> None:
    for place in places:
        found = place.lstat()
        if not place.is_dir() or place.is_symlink() or found.st_uid != os.geteuid():
            raise refusal("AIVP0702", f"{place.name} is not a folder of this user.", "Remove it or change its owner.")
        if found.st_mode & 0o077:
            place.chmod(0o700)


def _refuse_tracked(root: Path, environment: str) -> None:
    """State holds values of the real world; git must not. The index is searched as bytes: no git is started."""
    index = _git_index(root)
    if index is not None and f"{FOLDER}/{environment}/state.db".encode() in index:
        raise refusal(
            "AIVP0703",
            f"git tracks {FOLDER}/{environment}/state.db.",
            f"Run: git rm --cached -r {FOLDER}",
        )


def _git_index(root: Path) -> bytes | None:
    for parent in (root, *root.parents):
        if (parent / ".git").exists():
            try:
                return (parent / ".git" / "index").read_bytes()
            except OSError:
                return None
    return None
