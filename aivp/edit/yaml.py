"""A document as values → YAML that a person would write, and that `config` reads back as exactly these values.

The sole door of ruamel.yaml. Nothing is left to what a reader may take a plain word for: whatever any YAML of any
version could read as something else than text stands in quotes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from aivp_contract.values import Json
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from aivp.diagnostics.diagnostic import refusal

WIDTH = 1 << 30
"""No line is folded: a folded text is harder to read, and to search, than a long one."""

_PLAIN = re.compile(r"[A-Za-z/_][A-Za-z0-9/_.+@=~%-]*(?: [A-Za-z0-9/_.+@=~%(-][A-Za-z0-9/_.+@=~%(),-]*)*")
_WORDS = frozenset("y n yes no on off true false null".split())
_BLOCK = re.compile(
    r"[^\s\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff][^\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]*"
)


def dump(document: Mapping[str, Json], head: str = "", notes: Mapping[tuple[str, str], str] | None = None) -> bytes:
    """YAML of `document`. `head`: lines of a comment above all; `notes`: (section, key) → a comment above that key."""
    yaml = YAML(typ="rt", pure=True)
    yaml.width = WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    tree = _node(document)
    if head:
        tree.yaml_set_start_comment(head)
    for (section, key), note in (notes or {}).items():
        tree[section].yaml_set_comment_before_after_key(key, before=one_line(note), indent=2)
    stream = io.BytesIO()
    yaml.dump(tree, stream)
    return stream.getvalue()


def with_member(data: bytes, path: Sequence[str], key: str, value: Json) -> bytes:
    """A document with one more member in the mapping at `path`, which is made where it is missing.

    Comments, quotes and order of the rest stay. Raises Refused (AIVP0670) where a mapping cannot stand there.
    """
    yaml = YAML(typ="rt", pure=True)
    yaml.width = WIDTH
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    try:
        tree = yaml.load(data)
    except YAMLError:
        raise refusal("AIVP0670", "The file is no YAML that can be added to.", "Add the entry by hand.") from None
    tree = CommentedMap() if tree is None else tree
    place = tree
    for name in path:
        if isinstance(place, CommentedMap) and place.get(name) is None:
            place[name] = CommentedMap()
        place = place.get(name) if isinstance(place, CommentedMap) else None
    if not isinstance(place, CommentedMap):
        raise refusal("AIVP0670", f"{'.'.join(path)} is no mapping.", "Add the entry by hand.")
    place[_text(key, is_key=True)] = _node(value)
    stream = io.BytesIO()
    yaml.dump(tree, stream)
    return stream.getvalue()


def escaped(value: Json) -> Json:
    """`value` with every text, and key, such that the language reads it as itself: `${` begins a reference."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, list):
        return [escaped(item) for item in value]
    if isinstance(value, dict):
        return {key: escaped(item) for key, item in value.items()}
    return value


def one_line(text: str) -> str:
    """A comment's text, which comes from a host: nothing in it ends the comment."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def _node(value: Json) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        found = CommentedMap()
        for key, item in value.items():
            found[_text(key, is_key=True)] = _node(item)
        if not found:
            found.fa.set_flow_style()
        return found
    if isinstance(value, list):
        items = CommentedSeq(_node(item) for item in value)
        if not items:
            items.fa.set_flow_style()
        return items
    return value


def _text(text: str, *, is_key: bool = False) -> Any:
    is_block = "\n" in text and not text.endswith("\n\n")  # ruamel.yaml adds a line to those where a comment follows
    if is_block and not is_key and _BLOCK.fullmatch(text):
        return LiteralScalarString(text)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return DoubleQuotedScalarString(text)
