"""A starter → a new project in a folder: nothing there is overwritten, and what fails halfway takes its files back."""

from __future__ import annotations

import contextlib
import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from aivp.diagnostics.diagnostic import refusal
from aivp.edit.modeline import with_modeline
from aivp.edit.starters import Starter
from aivp.model.address import NAME

IGNORED = ".aivp/"
"""State, blobs, the schema: of one checkout, and never in git."""

_ROOT = "aivp.yaml"
_PROJECT = re.compile(rb"(?m)^project:[ ]*.*$")


def project_name(folder: Path) -> str:
    """A name for the project in `folder`, from that folder's own."""
    text = unicodedata.normalize("NFKD", folder.resolve().name).encode("ascii", "ignore").decode().lower()
    found = re.sub(r"[^a-z0-9_]+", "-", text).strip("-_").lstrip("0123456789_-")
    return found[:60].rstrip("-_") or "project"


def begin(starter: Starter, folder: Path, name: str) -> list[str]:
    """Write the files of a project called `name`; their paths in it. Raises Refused, and then nothing has changed."""
    if not re.fullmatch(NAME, name):
        why = f"{name[:60]!r} is no name of a project: a small letter, then small letters, digits, _ and -."
        raise refusal("AIVP0129", why, "Choose one: --name NAME.")
    files = _made(starter, name)
    taken = [path for path in files if os.path.lexists(folder / path)]
    if taken:
        what = "A project is there already: " if _ROOT in taken else "These are there already: "
        why = f"{what}{', '.join(taken[:5])} in {folder}."
        raise refusal("AIVP0959", why, "init overwrites nothing. Name another folder: aivp init FOLDER.")
    return _Writing(folder).all(files)


def ignore(folder: Path) -> bool:
    """Add what git must overlook to .gitignore, once; True where it was not there. Raises Refused."""
    path = folder / ".gitignore"
    try:
        before = path.read_bytes() if os.path.lexists(path) else b""
        if any(line.strip().strip(b"/") == b".aivp" for line in before.splitlines()):
            return False
        glue = b"" if not before or before.endswith(b"\n") else b"\n"
        with path.open("ab") as file:
            file.write(glue + IGNORED.encode() + b"\n")
    except OSError as error:
        raise refusal("AIVP0902", f"{path} cannot be written: {error.strerror}.") from None
    return True


def _made(starter: Starter, name: str) -> Mapping[str, bytes]:
    files = dict(starter.files())
    files[_ROOT] = _PROJECT.sub(f"project: {name}".encode(), files[_ROOT], count=1)
    return {path: with_modeline(data, path) if path.endswith(".yaml") else data for path, data in files.items()}


class _Writing:
    """`made`: folders and files that are there because of us, in their order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[Path] = []

    def all(self, files: Mapping[str, bytes]) -> list[str]:
        try:
            for path, data in files.items():
                self.write(self.folder / path, data)
        except OSError as error:
            self.take_back()
            raise refusal(
                "AIVP0902", f"{error.filename or self.folder}: {error.strerror}.", "Nothing was left there."
            ) from None
        except BaseException:
            self.take_back()
            raise
        return list(files)

    def write(self, path: Path, data: bytes) -> None:
        for above in reversed(path.parents):
            if not above.exists():
                above.mkdir()
                self.made.append(above)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        self.made.append(path)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)

    def take_back(self) -> None:
        for path in reversed(self.made):
            with contextlib.suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
