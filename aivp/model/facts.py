"""The facts of a host that declarations may refer to as `host.facts.…`. Nothing unique to a machine is among them.

The runner gathers exactly these (`aivp_runner.facts`); a name that is missing here is an error at compile, before any
host is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class KnownFact:
    """One fact: its type in JSON Schema's words and what it says."""

    type: Literal["string", "integer", "boolean"]
    description: str


FACTS: Mapping[str, KnownFact] = {
    "arch": KnownFact("string", "machine architecture as uname says it, such as x86_64 or aarch64"),
    "cpus": KnownFact("integer", "number of processors"),
    "hostname": KnownFact("string", "the host's own name"),
    "init": KnownFact("string", "systemd, init-scripts where it does not run, or other"),
    "kernel": KnownFact("string", "release of the kernel, such as 6.1.0-18-amd64"),
    "memory": KnownFact("integer", "bytes of main memory; 0 where nobody can say"),
    "os.codename": KnownFact("string", "VERSION_CODENAME of os-release, such as bookworm; empty where there is none"),
    "os.family": KnownFact("string", "first word of ID_LIKE of os-release, such as debian; its ID where there is none"),
    "os.id": KnownFact("string", "ID of os-release, such as debian or ubuntu"),
    "os.version_id": KnownFact("string", "VERSION_ID of os-release, such as 12; empty where there is none"),
    "package_manager": KnownFact("string", "apt, dnf, apk or brew; empty where none of them is there"),
    "python": KnownFact("string", "version of the python3 that runs the runner, such as 3.11.2"),
    "user.id": KnownFact("integer", "number of the user whom the runner works as"),
    "user.is_root": KnownFact("boolean", "true where the runner works as root"),
}
"""Dotted path → fact."""
