"""uv.lock and the built files → lists that pip and uv install from, every file of them known by its digest.

Our own wheels stand in them by path. By name somebody else's could come: `aivp` on PyPI is another project.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packages.stage import ROOT, Failed
from packages.wheels import find_uv

MEMBERS = (
    "aivp",
    "aivp_contract",
    "aivp_sdk",
    "aivp_runner",
    "aivp_provider_host",
    "aivp_guest",
    "aivp_provider_image",
    "aivp_provider_network",
    "aivp_provider_vm",
)
"""The wheels that a working aivp consists of; aivp_conformance is for authors of providers."""


def extras() -> list[str]:
    """Optional parts, as pyproject.toml names them."""
    found: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return sorted(found["project"]["optional-dependencies"])


def digest(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def requirements(folder: Path, extra: str | None) -> str | None:
    """What `cd FOLDER && pip install --require-hashes -r FILE` takes; None where a wheel of that part was not built."""
    members = [*MEMBERS, "aivp_cue"] if extra == "cue" else MEMBERS
    wheels = [path for name in members for path in sorted(folder.glob(f"{name}-*.whl"))]
    if len(wheels) != len(members):
        return None
    ours = [f"./{path.name} \\\n    --hash=sha256:{digest(path)}\n" for path in wheels]
    words = ["--format", "requirements-txt", "--no-emit-local", "--no-header", "--no-annotate"]
    return "".join(ours) + _export(*words, *([] if extra is None else ["--extra", extra]))


def components() -> dict[str, Any]:
    """Every library of the lock, with all extras, as a CycloneDX document."""
    found: dict[str, Any] = json.loads(
        _export("--format", "cyclonedx1.5", "--preview-features", "sbom-export", "--all-extras")
    )
    return found


def _export(*words: str) -> str:
    command = [find_uv(), "export", "--quiet", "--frozen", "--no-dev", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"uv cannot say what is locked (a uv that is too old, perhaps): {done.stderr.strip()}")
    return done.stdout
