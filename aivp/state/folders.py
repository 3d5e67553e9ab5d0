"""Folders that hold a state, and what must be true of them before anything is opened: ours, private, not in git."""

from __future__ import annotations

import os
from pathlib import Path

from aivp.diagnostics.diagnostic import refusal
from aivp.model.place import FOLDER


def prepare_default(root: Path, environment: str) -> Path:
    """`.aivp/ENVIRONMENT` of a checkout, made (0700) with a .gitignore. Raises Refused where that cannot be."""
    _make(root / FOLDER)
    _check(root / FOLDER)
    return prepare(root / FOLDER, environment)


def prepare(base: Path, environment: str) -> Path:
    """Make `base`/ENVIRONMENT (0700). A `base` that was there keeps its mode. Raises Refused where that cannot be."""
    folder = base / environment
    is_new = not base.exists()
    _make(base)
    _make(folder)
    if is_new or base.name == FOLDER:
        _ignore(base)
    _check(folder)
    _refuse_tracked(folder)
    return folder


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from None


def _ignore(base: Path) -> None:
    try:
        if not (base / ".gitignore").exists():
            (base / ".gitignore").write_text("*\n")
    except OSError as error:
        raise _unusable(base, error) from None


def _unusable(folder: Path, error: OSError) -> Exception:
    return refusal(
        "AIVP0702",
        f"The state folder {folder} cannot be used: {error.strerror}.",
        "Make it writable, or run as the user who owns the checkout.",
    )


def _check(place: Path) -> None:
    found = place.lstat()
    if not place.is_dir() or place.is_symlink() or found.st_uid != os.geteuid():
        raise refusal("AIVP0702", f"{place.name} is not a folder of this user.", "Remove it or change its owner.")
    if found.st_mode & 0o077:
        place.chmod(0o700)


def _refuse_tracked(folder: Path) -> None:
    """State holds values of the real world; git must not. The index is searched as bytes: no git is started."""
    path = folder.absolute() / "state.db"
    for parent in path.parents:
        if (parent / ".git").exists():
            name = path.relative_to(parent).as_posix()
            if name.encode() in _index(parent):
                why = f"git tracks {name}."
                raise refusal("AIVP0703", why, f"Run: git rm --cached -r {path.parent.relative_to(parent)}")
            return


def _index(repository: Path) -> bytes:
    try:
        return (repository / ".git" / "index").read_bytes()
    except OSError:
        return b""
