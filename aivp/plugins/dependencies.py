"""A Python provider → the files of the distributions that it needs, as they travel with it. None of it is imported.

What its metadata requires on a host, and what that requires in turn, without extras. Hosts have another Python than the
controller, and no compiler: only pure Python travels.
"""

from __future__ import annotations

import importlib.metadata
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from aivp.diagnostics.diagnostic import refusal
from aivp.plugins.registry import Provider

if TYPE_CHECKING:
    from packaging.requirements import Requirement

WITH_EVERY = frozenset({"aivp-contract", "aivp-sdk"})
"""Distributions that every Python provider has on a host."""

PYTHONS = tuple(f"3.{minor}" for minor in range(9, 16))
"""Versions that a host may have."""

COMPILED = frozenset({".so", ".pyd", ".dylib"})
_HOST = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "sys_platform": "linux",
    "extra": "",
}
_OWN = "aivp-"


def dependencies(provider: Provider) -> Iterator[tuple[str, Path]]:
    """(path below the provider's folder, file), of each distribution; sorted within it.

    Raises Refused: AIVP0640 for one with compiled modules, AIVP0641 for one that is not installed, or not as files.
    """
    for distribution in _closure(provider):
        yield from _files(provider, distribution)


def _closure(provider: Provider) -> Iterator[Distribution]:
    waiting = sorted(_required(provider.name, _own_requirements(provider)))
    known = set(WITH_EVERY)
    while waiting:
        name, is_sure = waiting.pop(0)
        if name in known:
            continue
        known.add(name)
        try:
            found = importlib.metadata.distribution(name)
        except PackageNotFoundError:
            if not is_sure:  # hosts with another Python lack it; this one has it in its standard library
                continue
            why = f"The provider {provider.name} needs {name}, which is not installed beside aivp."
            raise refusal("AIVP0641", why, f"Install {name}, or {provider.name} again.") from None
        yield found
        waiting += sorted(_required(provider.name, found.requires or ()))


def _own_requirements(provider: Provider) -> Iterable[str]:
    """As its distribution says; of a folder that nobody installed, as the pyproject.toml beside the package does."""
    if provider.distribution:
        return importlib.metadata.distribution(provider.distribution).requires or ()
    assert provider.folder is not None
    try:
        with (provider.folder.parent / "pyproject.toml").open("rb") as file:
            listed = tomllib.load(file).get("project", {}).get("dependencies", [])
    except (OSError, tomllib.TOMLDecodeError):
        return ()
    return [item for item in listed if isinstance(item, str)] if isinstance(listed, list) else ()


def _required(provider: str, texts: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """(name, whether this very Python needs it, too) of what some host's Python needs."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    for text in texts:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            raise refusal("AIVP0641", f"The provider {provider} needs {text[:80]}, which names no package.") from None
        wanted = [version for version in PYTHONS if _holds(requirement, version)]
        if wanted:
            yield canonicalize_name(requirement.name), here in wanted


def _holds(requirement: Requirement, version: str) -> bool:
    environment = {**_HOST, "python_version": version, "python_full_version": f"{version}.0"}
    return requirement.marker is None or requirement.marker.evaluate(environment)


def _files(provider: Provider, distribution: Distribution) -> Iterator[tuple[str, Path]]:
    name = distribution.metadata["Name"]
    listed = {PurePosixPath(file): Path(str(distribution.locate_file(file))) for file in distribution.files or ()}
    links = [path for inner, path in listed.items() if inner.suffix == ".pth"]
    found = _linked(name, links) if links else listed
    for inner, path in sorted(found.items()):
        if not _travels(inner, name):
            continue
        if inner.suffix in COMPILED:
            why = f"The provider {provider.name} needs {name}, which has the compiled module {inner}."
            mend = "Only pure Python travels: let the provider do without it, or ship a program of its own."
            raise refusal("AIVP0640", why, mend)
        yield inner.as_posix(), path
    if not any(inner.suffix == ".py" for inner in found):
        why = f"The provider {provider.name} needs {name}, of whose modules there is no list."
        raise refusal("AIVP0641", why, f"Install {name} again: as files, not as a link to its sources.")


def _linked(name: str, links: Iterable[Path]) -> dict[PurePosixPath, Path]:
    """The package that is named as its distribution, of one whose sources are linked to."""
    package = name.replace("-", "_").replace(".", "_").lower()
    for link in links:
        for line in link.read_text(encoding="utf-8").splitlines():
            root = Path(line, package)
            if root.is_absolute() and root.is_dir():
                return {PurePosixPath(path.relative_to(line)): path for path in root.rglob("*") if path.is_file()}
    return {}


def _travels(inner: PurePosixPath, name: str) -> bool:
    """Modules and their data, with what a licence asks for; no script, no test, nothing that the installer noted."""
    if inner.is_absolute() or ".." in inner.parts or inner.suffix in (".pyc", ".pyi", ".pth"):
        return False
    if inner.parts[0].endswith((".dist-info", ".data")):
        is_told = inner.name.startswith(("METADATA", "entry_points.txt", "LICEN", "COPYING", "NOTICE"))
        return is_told and not name.startswith(_OWN)
    return not any(part in ("__pycache__", "tests") or part.startswith(".") for part in inner.parts)
