"""Recipe → root file system and the Debian packages that fit it, by mmdebstrap; cached by content.

A root is the read-only floor under every host of its suite, and a build costs half a minute, so a recipe is
built once and never written to again.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.cache import cached
from tests.lab.errors import LabError
from tests.lab.mirror import apt_options, mirror
from tests.lab.places import Places
from tests.lab.recipe import Recipe

# Mounts and processes of a build live in namespaces of their own and end with the builder, however it ends.
_CONFINED = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc", "--"),
)


@dataclass(frozen=True, slots=True)
class Root:
    """A cached root: `tree` is the file system, `packages` has the .deb files that its hosts can install."""

    recipe: Recipe
    folder: Path

    @property
    def tree(self) -> Path:
        return self.folder / "root"

    @property
    def packages(self) -> Path:
        return self.folder / "packages"


def root(places: Places, recipe: Recipe, environ: Mapping[str, str]) -> Root:
    """The root of a recipe, built where it is not cached; LabError with mmdebstrap's last words if it fails."""
    return Root(recipe, cached(places.roots / recipe.name, lambda draft: _build(recipe, draft, environ)))


def is_cached(places: Places, recipe: Recipe) -> bool:
    """Whether `root` would answer at once."""
    return (places.roots / recipe.name).is_dir()


def architecture() -> str:
    """This machine's Debian architecture."""
    argv = ["dpkg", "--print-architecture"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def _build(recipe: Recipe, draft: Path, environ: Mapping[str, str]) -> None:
    log = draft / "build.log"
    with log.open("wb") as output:
        done = subprocess.run(
            [*_CONFINED, *_mmdebstrap(recipe, draft / "root", mirror(environ))],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        last = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise LabError(f"The root of {recipe.suite} cannot be built.\n{last}")


def _mmdebstrap(recipe: Recipe, tree: Path, address: str | None) -> Sequence[str]:
    source = [] if address is None else [f"deb {address} {recipe.suite} main"]
    return [
        *("mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"),
        f"--architectures={recipe.architecture}",
        f"--include={','.join(recipe.installed)}",
        *(f"--aptopt={option}" for option in (*apt_options(), 'Acquire::Languages "none";')),
        "--dpkgopt=force-unsafe-io",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in recipe.left_out),
        f"--customize-hook={recipe.finish}",
        recipe.suite,
        str(tree),
        *source,
    ]
