"""A provider's files as they travel to hosts: read as bytes, never run here; content-addressed.

What belongs to it: the files that its manifest's `start` names by `{folder}/…`. A Python package with the entry point
has no `start`: it travels with the SDK, what it needs beside it, and a main module that serves its `PROVIDER`, for the
host's own Python.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aivp_contract import canonical
from aivp_contract.values import Json

from aivp.diagnostics.diagnostic import refusal
from aivp.plugins.dependencies import dependencies
from aivp.plugins.registry import Provider

SHIPPED = ("aivp_contract", "aivp_sdk")
MOST = 512 * 1024 * 1024
"""Bytes of one provider."""

CHUNK = 2 * 1024 * 1024
"""Bytes of files in one message, about."""

_BESIDES = 256
"""Bytes that the path of a file takes in a message, about."""

Chunk = tuple[str, str, bool]
"""Some bytes of a file: its path, they in base64, and whether they are its first."""

_MAIN = """from aivp_sdk.serve import serve
from {package}.provider import PROVIDER

serve(PROVIDER)
"""
_PYTHON = {"any": ("python3", "-I", "{folder}")}

Content = Path | bytes


@dataclass(frozen=True, slots=True)
class Bundle:
    """One provider to ship. `entries`: path → `{sha256, size, executable}`; `contents`: path → where its bytes are."""

    name: str
    manifest: Json
    start: Mapping[str, Sequence[str]]
    entries: Mapping[str, Mapping[str, Json]]
    contents: Mapping[str, Content]

    @property
    def digest(self) -> str:
        """As plans pin it: of the program on every platform, whichever the host is."""
        return canonical.digest({"start": {k: list(v) for k, v in self.start.items()}, "files": dict(self.entries)})

    def portions(self, paths: Iterable[str]) -> Iterator[list[Chunk]]:
        """The bytes of files, in order, as lists that fit a message: hundreds of modules are few round trips."""
        portion: list[Chunk] = []
        room = CHUNK
        for path in paths:
            is_first = True
            for data in self._parts(path):
                if len(data) + _BESIDES > room and portion:
                    yield portion
                    portion, room = [], CHUNK
                portion.append((path, base64.b64encode(data).decode(), is_first))
                room -= len(data) + _BESIDES
                is_first = False
        if portion:
            yield portion

    def _parts(self, path: str) -> Iterator[bytes]:
        """The bytes of a file; at least one part."""
        content = self.contents[path]
        with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
            yield file.read(CHUNK)
            while data := file.read(CHUNK):
                yield data


def bundle(provider: Provider) -> Bundle:
    """The files of `provider` as they are now.

    Raises Refused: AIVP0314 where they cannot be read, AIVP0640 and AIVP0641 where what it needs cannot travel.
    """
    start = dict(provider.manifest.start) or _PYTHON
    try:
        contents = dict(_named(provider, start) if provider.manifest.start else _python(provider))
        entries = {path: _entry(contents[path]) for path in sorted(contents)}
    except OSError as error:
        why = f"The files of the provider {provider.name} cannot be read: {error.strerror}: {error.filename}."
        raise refusal("AIVP0314", why, "Install it again.") from None
    if sum(int(entry["size"]) for entry in entries.values()) > MOST:
        raise refusal("AIVP0314", f"The provider {provider.name} is larger than {MOST // 1024**2} MiB.")
    return Bundle(provider.name, provider.document, start, entries, contents)


def _named(provider: Provider, start: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, Content]]:
    """What the argv of any platform names, and all that lies beneath it; symlinks count as what they lead to."""
    assert provider.folder is not None
    parts = sorted({part for argv in start.values() for part in argv if "{folder}" in part})
    for part in parts:
        root = provider.folder / part.partition("{folder}")[2].strip("/")
        if root.is_file():
            yield root.relative_to(provider.folder).as_posix(), root
        elif root.is_dir():
            yield from _tree(root, provider.folder)
        else:
            raise FileNotFoundError(2, "it is no file and no folder", str(root))


def _tree(root: Path, folder: Path) -> Iterator[tuple[str, Content]]:
    for path in sorted(root.rglob("*")):
        inner = path.relative_to(folder)
        if path.is_file() and not any(part == "__pycache__" or part.startswith(".") for part in inner.parts):
            yield inner.as_posix(), path


def _python(provider: Provider) -> Iterator[tuple[str, Content]]:
    assert provider.folder is not None
    yield from dependencies(provider)
    yield "__main__.py", _MAIN.format(package=provider.package).encode()
    for package, folder in ((provider.package, provider.folder), *((name, _folder(name)) for name in SHIPPED)):
        for inner, path in _tree(folder, folder):
            yield f"{package}/{inner}", path


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(2, "the package is not installed", package)
    return Path(spec.submodule_search_locations[0])


def _entry(content: Content) -> dict[str, Json]:
    if isinstance(content, bytes):
        return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "executable": False}
    with content.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        found = os.fstat(file.fileno())
    return {"sha256": sha256, "size": found.st_size, "executable": bool(found.st_mode & 0o100)}
