"""The files that a guide shows: each fenced block after `<!-- file: PATH … -->` is one."""

from __future__ import annotations

import re
from pathlib import Path

from tests.e2e.ci.github import ROOT

_BLOCK = re.compile(r"<!-- file: (\S+)[^>]*-->\n```\w*\n(.*?)```\n", re.DOTALL)


def files(guide: str) -> dict[str, str]:
    """Path → text, in the order of the guide."""
    found = _BLOCK.findall((ROOT / "docs/guides" / guide).read_text(encoding="utf-8"))
    assert found, guide
    assert len(dict(found)) == len(found), "a file is shown twice"
    return dict(found)


def write(guide: str, folder: Path) -> None:
    """All of them into a folder."""
    for path, text in files(guide).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
