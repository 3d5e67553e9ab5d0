"""conformance.json: what to declare, by kind (docs/guides/conformance.md), or nothing where there is no such file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .schemas import complaint, validator

# What a provider cannot be excused from.
NEVER_SKIPPED = ("manifest", "handshake", "messages", "secrets", "verdicts", "tainted")


@dataclass(frozen=True)
class Case:
    """What the case file says of one kind; empty where it says nothing."""

    create: tuple[Mapping[str, Any], ...] = ()
    update: tuple[Mapping[str, Any], ...] = ()
    bad: tuple[Mapping[str, Any], ...] = ()
    upgrade: tuple[Mapping[str, Any], ...] = ()
    within: Mapping[str, Any] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()
    watch: tuple[str, ...] = ()
    probe: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    teardown: tuple[str, ...] = ()
    skip: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cases:
    """A case file."""

    configuration: Mapping[str, Any] = field(default_factory=dict)
    kinds: Mapping[str, Case] = field(default_factory=dict)
    skip: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path()
    """Where the file lies."""

    def of(self, kind: str) -> Case:
        return self.kinds.get(kind, Case())

    def why_skipped(self, check: str, kind: str | None) -> str | None:
        """The reason that the author gives for skipping a check."""
        own = self.of(kind).skip.get(check) if kind is not None else None
        return own or self.skip.get(check)


def read(path: Path) -> Cases:
    """Raises OSError and ValueError: a case file that nobody understands would check nothing in silence."""
    form = json.loads(path.read_text("utf-8"))
    wrong = complaint(validator("cases"), form)
    if wrong is not None:
        raise ValueError(f"{path} breaks its schema at {wrong}")
    kinds = {name: _case(case) for name, case in form.get("kinds", {}).items()}
    cases = Cases(form.get("configuration", {}), kinds, form.get("skip", {}), path.parent.resolve())
    for skip in (cases.skip, *(case.skip for case in kinds.values())):
        for name in sorted(set(skip) & set(NEVER_SKIPPED)):
            raise ValueError(f"{path} skips {name}, which nobody is excused from")
    return cases


def filled(value: Any, words: Mapping[str, str]) -> Any:
    """`value` with {word} replaced in its texts; other braces stay."""
    if isinstance(value, str):
        for word, text in words.items():
            value = value.replace("{" + word + "}", text)
        return value
    if isinstance(value, Mapping):
        return {name: filled(inner, words) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [filled(inner, words) for inner in value]
    return value


def _case(form: Mapping[str, Any]) -> Case:
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in form.items()}
    return Case(**values)
