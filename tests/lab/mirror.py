"""Which Debian mirror this machine itself uses, and whether it has a suite. Names no mirror of its own.

Where the machine's sources name no Debian mirror (Ubuntu, Fedora), nothing is answered and mmdebstrap takes
its own default.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

_TARGETS = "$(ORIGIN)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)"
_CARRIED = ("Acquire::http", "Acquire::https", "Acquire::Check-Valid-Until", "Acquire::Check-Date")
_APT_HELPER = "/usr/lib/apt/apt-helper"


def mirror(environ: Mapping[str, str]) -> str | None:
    """The address of a Debian archive: $AIVP_LAB_MIRROR, else that of the machine's own sources, else None."""
    chosen = environ.get("AIVP_LAB_MIRROR")
    if chosen:
        return chosen
    listing = _output("apt-get", "indextargets", "--format", _TARGETS, "Created-By: Packages")
    return choose_mirror(listing.splitlines(), _release_file())


def choose_mirror(targets: Iterable[str], release: Mapping[str, str]) -> str | None:
    """The first archive that holds the whole of a release (not its updates), as origin or os-release tell."""
    codename = release.get("VERSION_CODENAME") if release.get("ID") == "debian" else None
    for target in targets:
        origin, suite, component, address = target.split("|", 3)
        is_debian = origin == "Debian" or (not origin and suite == codename)
        if is_debian and component == "main" and "-" not in suite:
            return address.rstrip("/")
    return None


def apt_options() -> tuple[str, ...]:
    """The machine's apt settings that decide whether a mirror is reached: proxies, checks of dates."""
    return tuple(_output("apt-config", "dump", "--format", '%F "%v";%n', *_CARRIED).splitlines())


def missing_suite(address: str, suite: str) -> str | None:
    """None if the mirror has the suite, else why not, in one sentence."""
    with tempfile.TemporaryDirectory() as folder:
        release = f"{address}/dists/{suite}/InRelease"
        argv = [_APT_HELPER, "-o", "Acquire::Retries=1", "download-file", release, f"{folder}/InRelease"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"the mirror {address} does not answer for {suite}"


def _release_file() -> dict[str, str]:
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {name: value.strip("'\"") for name, value in pairs}


def _output(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
