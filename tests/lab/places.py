"""Where the lab keeps things: one cache folder, from which every other path follows.

Everything that a lab makes on disk is below that folder, hosts that run included, so that whoever comes
next finds what a killed process left behind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabError

_PLAIN = re.compile(r"[A-Za-z0-9_./@+~-]+")


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one lab; two labs with different caches know nothing of each other."""

    cache: Path

    @property
    def roots(self) -> Path:
        """Root file systems, one folder each, named by the content of their recipe; never written to."""
        return self.cache / "roots"

    @property
    def repositories(self) -> Path:
        """Package repositories, one folder each, named by content as well."""
        return self.cache / "repositories"

    @property
    def hosts(self) -> Path:
        """The hosts that exist at this moment, one folder each."""
        return self.cache / "hosts"

    @property
    def networks(self) -> Path:
        """The networks that exist at this moment, one folder each."""
        return self.cache / "networks"


def places(environ: Mapping[str, str]) -> Places:
    """$AIVP_LAB_CACHE, else aivp/lab in the user's cache folder; LabError for a path that apt cannot use."""
    user_cache = environ.get("XDG_CACHE_HOME") or f"{environ.get('HOME', '/root')}/.cache"
    cache = Path(environ.get("AIVP_LAB_CACHE") or f"{user_cache}/aivp/lab").absolute()
    if not _PLAIN.fullmatch(str(cache)):
        raise LabError(f"{str(cache)!r} cannot be the lab's cache: apt takes no such characters in a path.")
    return Places(cache)
