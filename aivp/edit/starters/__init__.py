"""Projects to begin with, shipped beside this module: the examples of the repository, as they stand there.

A test holds each to `examples/`. Knows nothing of what is in them but the name of the project.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Starter:
    """about: one line for a list; steps: what to do once its files are there, one command a line."""

    name: str
    about: str
    steps: tuple[str, ...]

    def files(self) -> Mapping[str, bytes]:
        """Path in the project → content, sorted."""
        root = FOLDER / self.name
        paths = sorted(path for path in root.rglob("*") if path.is_file())
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


_HERE = (
    "aivp plan     # what would be done",
    "aivp apply    # do it, after a yes",
    "aivp destroy  # take it away again",
)
_BOX = (
    "export AIVP_VAR_channel='[docker, exec, -i, NAME]'  # any command that reaches a host with python3",
    "aivp plan",
    "aivp apply",
)
_STAGES = (_BOX[0], "aivp plan -e dev", "aivp apply -e dev", "aivp apply -e prod")

STARTERS = (
    Starter("hello-file", "a folder and a file on this machine, as any user", _HERE),
    Starter("web-server", "package, configuration from a template, service, on another host", _BOX),
    Starter("users-and-keys", "accounts with SSH keys and a sudo rule, by for_each", _BOX),
    Starter("cue-project", "resources from a CUE package (needs the cue command)", _BOX),
    Starter("adopt-and-move", "import, moved, removed: what is there already", _BOX),
    Starter("two-environments", "one project as dev and prod", _STAGES),
)
"""In the order in which they are learned from; the first is the one that nobody has to name."""
