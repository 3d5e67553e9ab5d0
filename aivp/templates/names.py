"""A template's source → the free variables that it uses, each with its place. Runs in the child only."""

from __future__ import annotations

import difflib
import re
from typing import Any

from jinja2 import meta, nodes

from aivp.templates.sandbox import GLOBALS, REFUSED_FILTERS

_LOADING = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


class Refused(Exception):
    """A construct that no template may use; `answer` is the child's answer."""

    def __init__(self, why: str, mend: str, line: int, column: int) -> None:
        super().__init__(why)
        self.answer = {"code": "AIVP0824", "why": why, "mend": mend, "line": line, "column": column}


def free_names(jinja: Any, source: str, known: set[str]) -> dict[str, Any] | None:
    """None where the template uses `known` only, else the answer for the first name that is not among them.

    Raises Refused, and jinja2's TemplateSyntaxError where it does not parse.
    """
    tree = jinja.parse(source)
    for node in tree.find_all(_LOADING):
        raise Refused("A template cannot include, import or extend another one.", "", node.lineno, 1)
    for node in tree.find_all((nodes.Filter, nodes.Test)):
        if node.name in REFUSED_FILTERS:
            why = f"The filter {node.name} gives another result every time."
            raise Refused(why, "Pass the value in as a variable.", node.lineno, _column(source, node.lineno, node.name))
    missing = meta.find_undeclared_variables(tree) - known - GLOBALS
    if not missing:
        return None
    lines = [(node.lineno, node.name) for node in tree.find_all(nodes.Name) if node.name in missing]
    line, name = min(lines) if lines else (1, min(missing))
    return {
        "code": "AIVP0821",
        "why": f"The template uses {name}, which is not among its variables.",
        "mend": _mend(name, known),
        "line": line,
        "column": _column(source, line, name),
    }


def _mend(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    if near:
        return f"Did you mean {near[0]}?"
    return f"Variables: {', '.join(sorted(known)[:20])}." if known else "Give it under vars."


def _column(source: str, line: int, name: str) -> int:
    lines = source.splitlines()
    match = re.search(rf"\b{re.escape(name)}\b", lines[line - 1]) if 0 < line <= len(lines) else None
    return match.start() + 1 if match else 1
