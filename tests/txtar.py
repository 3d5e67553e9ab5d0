"""txtar: a comment, then files, each after a line `-- name --`; readable as one diff."""

import re
from pathlib import Path

_HEADER = re.compile(r"(?m)^-- (.+) --\n")


def read(path: Path) -> tuple[str, dict[str, str]]:
    """The comment and the files by name."""
    comment, *rest = _HEADER.split(path.read_text("utf-8"))
    return comment, dict(zip(rest[::2], rest[1::2], strict=True))


def write(path: Path, comment: str, files: dict[str, str]) -> None:
    """The reverse of `read`."""
    path.write_text(comment + "".join(f"-- {name} --\n{text}" for name, text in files.items()), "utf-8")
