"""Installed providers → the one archive that the controller ships: content-addressed, the same bytes everywhere.

A JSON object of module texts rather than a zip: no compression level, timestamp or member order can differ, and the
bootstrap imports from the very bytes whose digest it checked.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aivp_contract import canonical

if TYPE_CHECKING:
    from aivp.plugins import Registry

SHIPPED = ("aivp_contract", "aivp_sdk", "aivp_runner")


@dataclass(frozen=True, slots=True)
class Archive:
    """The runner with the providers it hosts. `kinds`: kind → module whose `PROVIDER` serves it."""

    data: bytes
    sha256: str
    kinds: Mapping[str, str]

    @property
    def digest(self) -> str:
        """As plans pin it."""
        return "sha256:" + self.sha256


def build(registry: Registry) -> Archive:
    """The archive for everything in `registry` that may run in the runner's own process."""
    folders = {name: _folder(name) for name in SHIPPED}
    kinds: dict[str, str] = {}
    for provider in registry.providers.values():
        if provider.is_hosted and provider.folder is not None:
            folders[provider.package] = provider.folder
            kinds |= dict.fromkeys(provider.manifest.kinds, f"{provider.package}.provider")
    modules = {name: text for package in sorted(folders) for name, text in _modules(package, folders[package])}
    data = canonical.encode({"modules": modules})
    return Archive(data, hashlib.sha256(data).hexdigest(), dict(sorted(kinds.items())))


def bootstrap() -> str:
    """The text that a host's python3 is started with."""
    return (_folder("aivp_runner") / "bootstrap.py").read_text(encoding="utf-8")


def _folder(package: str) -> Path:
    """Where a package of ours lies, found without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"the package {package} is not installed")
    return Path(spec.submodule_search_locations[0])


def _modules(package: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Dotted names and texts; a package's own module also stands under `NAME.__init__`, which marks it as one."""
    for path in sorted(folder.rglob("*.py")):
        inner = path.relative_to(folder).with_suffix("").parts
        text = path.read_text(encoding="utf-8")
        if inner[-1] == "__init__":
            yield ".".join((package, *inner[:-1])), text
            yield ".".join((package, *inner)), ""
        elif (package, *inner) != ("aivp_runner", "bootstrap"):
            yield ".".join((package, *inner)), text
