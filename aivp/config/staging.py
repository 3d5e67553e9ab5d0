"""A CUE package → the regular files of its module, read beneath the project, ready to be laid out elsewhere.

CUE itself follows symbolic links and reads whatever lies beside a package; so it only ever sees this copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aivp.config.documents import Package
from aivp.config.files import entries, entry_type, read_bytes, refuse_odd_name
from aivp.diagnostics import Refused, Span
from aivp.diagnostics.diagnostic import refusal

MAX_FILES = 10_000
MAX_TOTAL = 64 * 1024 * 1024
MAX_FILE = 16 * 1024 * 1024
MAX_DEPTH = 50

_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")


@dataclass(frozen=True, slots=True)
class Module:
    """`folder`: where the module lies in the project (`""` is the root); `package`: the package's folder within it.

    `files`: path within the module → content.
    """

    folder: str
    package: str
    files: Mapping[str, bytes]

    def in_project(self, path: str) -> str:
        """The path in the project of a file of the module."""
        return f"{self.folder}/{path}" if self.folder else path


def stage(root: Path, package: Package) -> Module:
    """Read the module of a package. Raises Refused (AIVP0152; AIVP0101 to 0105 where a file cannot be read)."""
    if not _PLAIN.fullmatch(package.folder):
        why = f"{package.folder} cannot be a CUE package by its name: CUE reads other signs as part of an import path."
        raise refusal(
            "AIVP0152", why, "Name the directory with letters, digits, -, _ and dots only.", span=package.span
        )
    folder = _module_of(root, package)
    paths = list(_walk(root, folder, package.span))
    files = _read(root, folder, [path for path in paths if path.endswith(".cue")], package.span, {})
    if any(b"@extern" in content for content in files.values()):  # only then can CUE reach files of other types
        files = _read(root, folder, [path for path in paths if not path.endswith(".cue")], package.span, files)
    inside = package.folder[len(folder) :].lstrip("/")
    if not any(path.rpartition("/")[0] == inside for path in files):
        why = f"{package.folder} is a directory, and it holds no CUE files."
        mend = f'To include YAML files, write "{package.folder}/*.yaml".'
        raise refusal("AIVP0152", why, mend, span=package.span)
    return Module(folder, inside, files)


def _module_of(root: Path, package: Package) -> str:
    parts = package.folder.split("/")
    for length in range(len(parts), -1, -1):
        candidate = "/".join(parts[:length])
        try:
            if entry_type(root, f"{candidate}/cue.mod" if candidate else "cue.mod", package.span) == "directory":
                return candidate
        except Refused as error:
            if any(item.code != "AIVP0101" for item in error.diagnostics):
                raise
    why = f"{package.folder} is a directory, and there is no cue.mod in it or above it within the project."
    mend = (
        f'To include YAML files, write "{package.folder}/*.yaml"; for CUE, run `cue mod init example.com/site` there.'
    )
    raise refusal("AIVP0152", why, mend, span=package.span)


def _walk(root: Path, folder: str, span: Span) -> Iterator[str]:
    """Paths of the module's regular files, relative to it. Hidden ones do not belong to a module."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        for name, kind in entries(root, here, span):
            path = f"{here}/{name}" if here else name
            if name.startswith("."):
                continue
            if kind == "directory" and path.count("/") < MAX_DEPTH:
                waiting.append(path)
            elif kind == "link" and name.endswith(".cue"):
                why = f"{path} is a symbolic link, which aivp does not follow."
                raise refusal("AIVP0103", why, "Put the file itself into the project.", span=span)
            elif kind == "file":
                refuse_odd_name(path, span)
                yield path[len(folder) :].lstrip("/")


def _read(root: Path, folder: str, paths: list[str], span: Span, known: Mapping[str, bytes]) -> dict[str, bytes]:
    """`known` and the content of `paths`, within the limits."""
    found = dict(known)
    total = sum(map(len, known.values()))
    for path in sorted(paths):
        found[path] = read_bytes(root, f"{folder}/{path}" if folder else path, MAX_FILE, span)
        total += len(found[path])
        if len(found) > MAX_FILES or total > MAX_TOTAL:
            where = folder or "the project root"
            why = f"The CUE module in {where} has more than {MAX_FILES:,} files or {MAX_TOTAL >> 20} MiB."
            raise refusal("AIVP0105", why, "Put cue.mod into a directory of its own.", span=span)
    return found
