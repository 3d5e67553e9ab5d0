"""`debian` as a plan shows it: as declared, with what changed since the image was made. Pure, but for reading files.

`files[].sha256` is what `source` holds now; `versions.NAME`, with `upgrades: follow`, what a package of the image is on
the mirror now, where that changed.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any, Dict, List, Mapping, Optional, Sequence

from aivp_sdk import Permanent

from .declaration import Debian
from .plain import plain


def declared(debian: Debian) -> Dict[str, Any]:
    """As declared, with the digest of what each file's `source` holds."""
    found: Dict[str, Any] = plain(debian)
    for file in found.get("files", ()):
        if "source" in file:
            file["sha256"] = content_digest(file["source"])
    return found


def with_versions(
    found: Mapping[str, Any], had: Optional[Mapping[str, Any]], before: Mapping[str, str], now: Mapping[str, str]
) -> Dict[str, Any]:
    """The same with versions of those packages that are others now, or were when the image was made.

    had: as it was shown when the image was made; before, now: name → version, of the image and of the mirror.
    """
    names = {*(had or {}).get("versions", {}), *(name for name in newer(before, now))}
    versions = {**{name: now[name] for name in names if name in now}, **found.get("versions", {})}
    return {**found, "versions": versions} if versions else dict(found)


def newer(before: Mapping[str, str], now: Mapping[str, str]) -> List[str]:
    """Packages of both that are of another version now."""
    return sorted(name for name in before if name in now and now[name] != before[name])


def is_same(found: Mapping[str, Any], had: Mapping[str, Any]) -> bool:
    """Whether two showings differ in no more than versions that were shown of themselves."""
    bare = [{key: value for key, value in one.items() if key != "versions"} for one in (found, had)]
    return bare[0] == bare[1] and _is_within(found.get("versions", {}), had.get("versions", {}))


def content_digest(source: str) -> str:
    """A digest of a file, or of a folder with its names, modes and links. Raises Permanent where it cannot be read."""
    try:
        digest = hashlib.sha256()
        for part in _parts(source, ""):
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()
    except OSError as error:
        raise Permanent(f"{source} cannot be read: {error.strerror}", path="/debian/files") from None


def _parts(path: str, name: str) -> List[bytes]:
    head = f"{name}\0{os.lstat(path).st_mode:o}".encode()
    if os.path.islink(path):
        return [head, os.readlink(path).encode()]
    if os.path.isdir(path):
        inner: Sequence[str] = sorted(os.listdir(path))
        return [head, *(part for child in inner for part in _parts(f"{path}/{child}", f"{name}/{child}"))]
    with open(path, "rb") as file:
        return [head, file.read()]


def _is_within(some: Mapping[str, str], more: Mapping[str, str]) -> bool:
    return all(more.get(name) == version for name, version in some.items())
