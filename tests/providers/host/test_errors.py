"""Every refusal of a provider says how to mend it: what it is called with, read from the source."""

from __future__ import annotations

import ast
from pathlib import Path

import aivp_host

FOLDER = Path(aivp_host.__path__[0])


def test_every_permanent_error_says_how_to_mend_it() -> None:
    silent = [
        f"{path.relative_to(FOLDER)}:{node.lineno}"
        for path in sorted(FOLDER.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Permanent"
        if not any(keyword.arg == "mend" for keyword in node.keywords)
    ]
    assert silent == []
