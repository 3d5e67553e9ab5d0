"""A file that is not what a command asked for → what it seems to be, so that a person sees the mix-up at once."""

from __future__ import annotations

import json
from typing import Any

from aivp.diagnostics import Refused
from aivp.diagnostics.diagnostic import refusal

_ARTIFACTS = (
    ("plan", "a plan, as `aivp plan -o` writes it"),
    ("evidence", "evidence, as `aivp observe` writes it"),
    ("ir", "a compiled program, as `aivp compile` writes it"),
)
"""The member that each artifact of ours alone has, and what to call it. The order counts: none has two."""

_UNSOUND = "that was cut off, changed, or made by another version"


def not_a_plan(file: str, body: bytes) -> Refused:
    """The refusal of a file that was given as a plan."""
    why = f"{file} is no plan: it seems to be {seeming(body, 'plan')}."
    return refusal("AIVP0505", why, "Write one: aivp plan -o FILE", exit_code=4)


def seeming(body: bytes, wanted: str) -> str:
    """What `body`, which is no sound `wanted` (plan, evidence), looks like; as the end of a sentence."""
    if not body.strip():
        return "empty"
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return "binary data"
    try:
        return _of_json(json.loads(text), wanted)
    except (ValueError, RecursionError):
        return _of_text(text)


def _of_json(value: Any, wanted: str) -> str:
    if not isinstance(value, dict):
        return "JSON that is no object"
    for member, name in _ARTIFACTS:
        if type(value.get(member)) is int:
            return f"{name.partition(',')[0]} {_UNSOUND}" if member == wanted else name
    if value and all("@" in name and type(spans) is dict for name, spans in value.items()):
        return "the source map that lies beside a plan"
    if "aivp" in value:
        return "a document of a project, or a line of --json"
    return "JSON of something else"


def _of_text(text: str) -> str:
    """JSON lines, an artifact that was cut off (its members are sorted), a document, or anything."""
    if text.startswith("{"):
        is_ours = '"environment":' in text or '"pins":' in text
        return "a plan or other artifact that was cut off" if is_ours else "JSON lines, or JSON that was cut off"
    if text.startswith("aivp:") or "\naivp:" in text:
        return "the root document of a project"
    return "text"
