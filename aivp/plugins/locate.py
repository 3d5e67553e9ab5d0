"""Where installed providers keep their manifests and code, found without running any of it."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import Distribution

GROUP = "aivp.providers"
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Installed:
    """One entry point: `value` as it was registered, `folder` of its top-level package, `path` of the manifest.

    is_registered: by `distribution`; where it is not, that is the name of a folder.
    """

    distribution: str
    value: str
    package: str
    folder: Path | None
    path: Path | None
    is_registered: bool = False


def installed() -> Iterator[Installed]:
    """Every provider: Python packages by distribution, then folders of other programs."""
    yield from _registered()
    for folder in folders():
        within = sorted(folder.iterdir()) if folder.is_dir() else []
        for place in [folder] if (folder / MANIFEST).is_file() else within:
            if (place / MANIFEST).is_file():
                yield Installed(str(place), MANIFEST, "", place, place / MANIFEST)


def folders() -> list[Path]:
    """Where programs with a manifest are looked for: what AIVP_PROVIDERS lists, then the user's own.

    Each is one provider, or a folder of providers.
    """
    named = [Path(part) for part in os.environ.get("AIVP_PROVIDERS", "").split(os.pathsep) if os.path.isabs(part)]
    data = os.environ.get("XDG_DATA_HOME", "")
    own = Path(data) if os.path.isabs(data) else Path(os.path.expanduser("~/.local/share"))
    return [*named, own / "aivp/providers"]


def _registered() -> Iterator[Installed]:
    """One distribution seen twice on the path counts once."""
    import importlib.metadata  # a fifth of what `state list` takes, which needs no provider

    found: dict[tuple[str, str], Installed] = {}
    for distribution in importlib.metadata.distributions():
        for entry in distribution.entry_points:
            if entry.group == GROUP:
                name = distribution.metadata["Name"] or entry.name
                found.setdefault((name, entry.value), _locate(distribution, name, entry.value))
    yield from (found[key] for key in sorted(found))


def _locate(distribution: Distribution, name: str, value: str) -> Installed:
    package, _, file = value.replace(" ", "").partition(":")
    inner = PurePosixPath(*package.split("."), file)
    if not package.isidentifier() or ".." in inner.parts or inner.is_absolute():
        return Installed(name, value, package, None, None, is_registered=True)
    folder = _from_files(distribution, inner) or _from_spec(package)
    path = None if folder is None else folder.joinpath(*inner.parts[1:])
    if path is not None and not path.is_file():
        path = None
    return Installed(name, value, package, folder, path, is_registered=True)


def _from_files(distribution: Distribution, inner: PurePosixPath) -> Path | None:
    """An ordinary installation lists its files."""
    for file in distribution.files or ():
        if PurePosixPath(file) == inner:
            path = Path(str(distribution.locate_file(file)))
            return path.parents[len(inner.parts) - 2] if path.is_file() else None
    return None


def _from_spec(package: str) -> Path | None:
    """An editable one leads there by the import path; finding a top-level package runs none of its code."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return Path(folders[0]).resolve() if folders else None
