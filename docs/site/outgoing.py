"""Prints every link that leads out of the repository, with the pages that it stands on. Nothing is fetched."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from docs.site import links

ROOT = Path(__file__).parents[2]
_LEFT_OUT = ("build", "dist", "node_modules", "tests")


def outgoing(root: Path) -> Iterator[str]:
    """`ADDRESS PAGE:LINE`, sorted."""
    found = set()
    for folder, below, files in os.walk(root):
        below[:] = [name for name in below if not name.startswith(".") and name not in _LEFT_OUT]
        for page in (Path(folder, name) for name in files if name.endswith(".md")):
            for link in links.links(page.read_text(encoding="utf-8")):
                if link.is_external:
                    found.add(f"{link.target} {page.relative_to(root).as_posix()}:{link.line}")
    yield from sorted(found)


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in outgoing(ROOT))
