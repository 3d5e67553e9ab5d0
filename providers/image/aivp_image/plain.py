"""Dataclasses of a declaration ↔ JSON values, short: without what nobody declared and what is at its default."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Dict, List, Sequence


def plain(value: Any) -> Any:
    """A declared value as JSON; tagged values stay what they are."""
    if _is_declared(value):
        return _members(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def blanked(value: Any, secrets: Sequence[str]) -> Any:
    """A JSON value whose texts hold none of `secrets`."""
    if isinstance(value, str):
        for secret in sorted(secrets, key=lambda text: (-len(text), text)):
            value = value.replace(secret, "(secret)") if secret else value
        return value
    if isinstance(value, list):
        return [blanked(item, secrets) for item in value]
    if isinstance(value, dict):
        return {blanked(name, secrets): blanked(item, secrets) for name, item in value.items()}
    return value


def canonical(value: Any) -> bytes:
    """One JSON value, one text: what digests and seals are made over."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _is_declared(value: Any) -> bool:
    return type(value).__module__ == f"{__package__}.declaration"


def _members(value: Any) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    fields: List[Any] = list(dataclasses.fields(value))
    for item in fields:
        member = plain(getattr(value, item.name))
        usual = item.default if item.default_factory is dataclasses.MISSING else item.default_factory()
        if member is not None and member != usual:
            found[item.name] = member
    return found
