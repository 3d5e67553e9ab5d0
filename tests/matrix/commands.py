"""Cases of `command`. What it makes is what the world may already have; without a guard only state knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.matrix.case import Case, World

_WRITE = ["sh", "-c", "printf done > {p}"]
_TOUCHES = ("{p}",)


def _form(form: str, declare: Mapping[str, Any], worlds: Mapping[World, str]) -> list[Case]:
    return [Case("command", form, world, declare, script, touches=_TOUCHES) for world, script in worlds.items()]


CASES: tuple[Case, ...] = (
    *_form(
        "creates",
        {"argv": _WRITE, "creates": "{p}"},
        {"absent": "", "compliant": "printf done > $p", "hostile": "mkdir $p", "half-applied": ": > $p"},
    ),
    *_form(
        "unless",
        {"argv": _WRITE, "unless": ["grep", "-qx", "done", "{p}"]},
        {"absent": "", "compliant": "printf done > $p", "drifted": "echo other > $p", "half-applied": ": > $p"},
    ),
    Case(
        "command",
        "unless",
        "hostile",
        {"argv": _WRITE, "unless": ["grep", "-qx", "done", "{p}"]},
        "mkdir $p",
        "failed",
        touches=_TOUCHES,
    ),
    *_form(
        "removes",
        {"argv": ["rm", "{p}"], "removes": "{p}"},
        {"absent": "", "drifted": "echo here > $p", "half-applied": ": > $p"},
    ),
    *_form("plain", {"argv": _WRITE}, {"absent": "", "drifted": "echo other > $p"}),
)
