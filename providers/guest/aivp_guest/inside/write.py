"""Small files of the machine, replaced as a whole."""

from __future__ import annotations

import contextlib
import os

from aivp_guest.inside.facts import text


def write(path: str, content: str, mode: int = 0o644) -> None:
    """Replace a file, never leaving half of it; in place where it cannot be replaced, as a mount point."""
    if text(path) == content.strip():
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    draft = path + ".aivp"
    try:
        with open(draft, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
        os.rename(draft, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
