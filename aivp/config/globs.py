"""Include patterns → the YAML files of the project that match, sorted by code point."""

from __future__ import annotations

import re
from pathlib import Path

from aivp.config.files import entries, refuse_odd_name, split
from aivp.diagnostics import Span
from aivp.diagnostics.diagnostic import refusal

SUFFIXES = (".yaml", ".yml")


def is_pattern(text: str) -> bool:
    """True where `text` is a glob and not the path of one file."""
    return any(sign in text for sign in "*?[")


def expand(root: Path, pattern: str, span: Span | None = None) -> list[str]:
    """Relative paths of the YAML files that match; none is no mistake. Hidden names need a pattern with the dot.

    Raises Refused for a pattern that leads out of the project, or a match that is a symbolic link.
    """
    parts = split(pattern, span)
    if "**" in parts:
        raise refusal("AIVP0120", f"{pattern}: ** is not supported.", "List one pattern per directory.", span=span)
    folders = [""]
    for part in parts[:-1]:
        folders = [path for folder in folders for path in _matches(root, folder, part, "directory", span)]
    found = [path for folder in folders for path in _matches(root, folder, parts[-1], "file", span)]
    return sorted(path for path in found if path.endswith(SUFFIXES))


def _matches(root: Path, folder: str, part: str, wanted: str, span: Span | None) -> list[str]:
    expression = re.compile(_translate(part), re.DOTALL)
    found = []
    for name, kind in entries(root, folder, span):
        if not expression.fullmatch(name) or (name.startswith(".") and not part.startswith(".")):
            continue
        path = f"{folder}/{name}" if folder else name
        if kind == "link" and (wanted == "directory" or path.endswith(SUFFIXES)):
            why = f"{path} matches, but it is a symbolic link, which aivp does not follow."
            raise refusal("AIVP0103", why, "Put the file itself into the project.", span=span)
        if kind == wanted:
            refuse_odd_name(path, span)
            found.append(path)
    return found


def _translate(part: str) -> str:
    """`*`, `?` and `[…]` of one component; repeated stars are one, since each costs another level of backtracking."""
    import fnmatch

    return fnmatch.translate(re.sub(r"\*+", "*", part))
