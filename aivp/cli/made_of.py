"""The installation → what it is made of: for a report of a mistake, and for whoever compares two machines.

Everything is read, nothing imported: libraries from the metadata of their distributions, providers from manifests.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aivp_contract.manifest import PROTOCOL
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from aivp import __version__
from aivp.config.cue import VERSION as CUE
from aivp.config.cue import find_cue
from aivp.diagnostics import Refused
from aivp.hosts import archive
from aivp.model.evidence import EVIDENCE_VERSION
from aivp.model.resource import IR_VERSION
from aivp.plan.steps import PLAN_VERSION
from aivp.plugins import Registry
from aivp.state.database import VERSION as STATE
from aivp.views.json_lines import VERSION as LINES

FORMATS: Mapping[str, int] = {
    "protocol": PROTOCOL,
    "ir": IR_VERSION,
    "evidence": EVIDENCE_VERSION,
    "plan": PLAN_VERSION,
    "state": STATE,
    "lines": LINES,
}
"""What this aivp reads and writes → its version."""


@dataclass(frozen=True, slots=True)
class Part:
    """A distribution; version is None where it is not installed."""

    name: str
    version: str | None


@dataclass(frozen=True, slots=True)
class Extra:
    """An optional part with what it takes."""

    name: str
    parts: tuple[Part, ...]

    @property
    def is_complete(self) -> bool:
        """True where everything that it takes is installed."""
        return all(part.version for part in self.parts)


@dataclass(frozen=True, slots=True)
class Cue:
    """The cue command that would be used; without one, why."""

    path: str | None
    version: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Served:
    """A provider that can be used: its version, the digest of its manifest, and the folder that it lies in."""

    name: str
    version: str
    digest: str
    folder: str | None


@dataclass(frozen=True, slots=True)
class MadeOf:
    """`commit`: 40 hex digits, `+` where it was built from changed files; None where nobody wrote it down.

    `runner`: the digest of all code that hosts are sent, as plans pin it.
    """

    version: str
    commit: str | None
    folder: str
    python: str
    executable: str
    platform: str
    runner: str
    packages: tuple[Part, ...]
    libraries: tuple[Part, ...]
    extras: tuple[Extra, ...]
    providers: tuple[Served, ...]
    cue: Cue


def made_of() -> MadeOf:
    """Look. Starts nothing but `cue version`. Raises FileNotFoundError where a package of ours is missing."""
    registry = Registry.discover()
    needed = sorted({part.name: part for part in _needed("aivp", None)}.values(), key=lambda part: part.name)
    return MadeOf(
        version=__version__,
        commit=_commit(),
        folder=str(Path(__file__).parents[1]),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        executable=sys.executable,
        platform=platform.platform(),
        runner=archive.build(registry).digest,
        packages=tuple(part for part in needed if _is_ours(part.name)),
        libraries=tuple(part for part in needed if not _is_ours(part.name)),
        extras=tuple(_extras()),
        providers=tuple(
            Served(item.name, item.manifest.version, item.digest, None if item.folder is None else str(item.folder))
            for item in registry.providers.values()
        ),
        cue=_cue(),
    )


def _cue() -> Cue:
    try:
        found = find_cue(None)
    except Refused as refused:
        return Cue(None, None, f"{refused.diagnostics[0].why} {CUE} is needed for CUE packages.")
    return Cue(found.path, found.version(), None)


def _commit() -> str | None:
    """As the build wrote it beside our modules, else as pip wrote it when it installed from git (PEP 610)."""
    try:
        return (Path(__file__).parents[1] / "commit.txt").read_text("ascii").strip()
    except OSError:
        pass
    try:
        origin = json.loads(importlib.metadata.distribution("aivp").read_text("direct_url.json") or "{}")
        return str(origin["vcs_info"]["commit_id"])
    except (importlib.metadata.PackageNotFoundError, ValueError, KeyError, TypeError):
        return None


def _extras() -> Iterator[Extra]:
    try:
        metadata = importlib.metadata.metadata("aivp")
    except importlib.metadata.PackageNotFoundError:  # run from its files alone
        return
    always = {item.name for item in _requirements("aivp", None)}
    for name in sorted(metadata.get_all("Provides-Extra") or ()):
        asked = [item.name for item in _requirements("aivp", name) if item.name not in always]
        yield Extra(name, tuple(Part(part, _version(part)) for part in sorted(asked)))


def _needed(distribution: str, extra: str | None, seen: frozenset[str] = frozenset()) -> Iterator[Part]:
    """What it takes on this machine, and what that takes; a circle is walked once."""
    for item in _requirements(distribution, extra):
        name = canonicalize_name(item.name)
        if name in seen:
            continue
        yield Part(name, _version(name))
        for more in (None, *sorted(item.extras)):
            yield from _needed(name, more, seen | {distribution, name})


def _requirements(distribution: str, extra: str | None) -> Sequence[Requirement]:
    """Of the distribution alone, or with an extra; none where it is not installed."""
    try:
        texts = importlib.metadata.requires(distribution) or []
        found = [Requirement(text) for text in texts]
    except (importlib.metadata.PackageNotFoundError, InvalidRequirement):
        return []
    return [item for item in found if item.marker is None or item.marker.evaluate({"extra": extra or ""})]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _is_ours(name: str) -> bool:
    return name == "aivp" or name.startswith("aivp-")
