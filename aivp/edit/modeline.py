"""The comment by which an editor with yaml-language-server finds the schema of a document."""

from __future__ import annotations

import posixpath
import re

SCHEMA = ".aivp/schema.json"
"""In the project's folder of state, which git overlooks: the schema is of the providers installed here."""

_MODELINE = re.compile(rb"(?m)^[ \t]*#[ \t]*yaml-language-server[ \t]*:")


def with_modeline(data: bytes, document: str) -> bytes:
    """`data` with the comment on top, unless it has one. document: the path of the file in its project."""
    if _MODELINE.search(data):
        return data
    path = posixpath.relpath(SCHEMA, posixpath.dirname(document) or ".")
    return f"# yaml-language-server: $schema={path}\n".encode() + data
