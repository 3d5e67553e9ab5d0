"""How the caller compares what is declared with what is seen (docs/protocol/v1.md, section 6), as a reading of our
own.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .manifest import Field, Kind

NOTHING: Any = object()
UNKNOWN = {"$aivp": "unknown"}


@dataclass(frozen=True)
class Change:
    """One difference; `path` is a JSON pointer into the fields."""

    op: str
    path: str
    before: Any = None
    after: Any = None

    def form(self) -> dict[str, Any]:
        """As the protocol sends it."""
        found = {"op": self.op, "path": self.path, "before": self.before, "after": self.after}
        left_out = {"add": "before", "remove": "after"}.get(self.op)
        return {name: value for name, value in found.items() if name != left_out}


def tag(value: Any) -> str | None:
    """The tag of a tagged value, None for others."""
    found = value.get("$aivp") if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def differences(
    kind: Kind, wanted: Mapping[str, Any], observed: Mapping[str, Any], prior: Mapping[str, Any] | None
) -> list[Change]:
    """What a plan would change, sorted by field. `wanted` is `normalised`, or the declaration where that is absent."""
    found: list[Change] = []
    for name in sorted(wanted):
        meaning = kind.fields.get(name, Field({}))
        if not (meaning.has("computed") or meaning.has("write_only")):
            last = (prior or {}).get(name)
            found += walk(meaning, pointer("", name), wanted[name], observed.get(name, NOTHING), last, wanted)
    return found


def walk(meaning: Field, path: str, wanted: Any, seen: Any, last: Any, siblings: Mapping[str, Any]) -> Iterator[Change]:
    """The differences of one value."""
    if wanted is None:
        return
    if seen is NOTHING or seen is None:
        if wanted not in ([], {}):
            yield Change("add", path, after=wanted)
    elif tag(wanted) or tag(seen):
        if not equal(wanted, seen):
            yield Change("replace", path, seen, wanted)
    elif isinstance(wanted, dict) and isinstance(seen, dict):
        yield from members(meaning, path, wanted, seen)
    elif isinstance(wanted, list) and isinstance(seen, list) and (meaning.has("set") or meaning.has("key")):
        yield from elements(meaning, path, wanted, seen, last, siblings)
    elif not equal(wanted, seen):
        yield Change("replace", path, seen, wanted)


def members(meaning: Field, path: str, wanted: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[Change]:
    """Of an object: declared members where it has a schema, all of them where it has none."""
    for name in sorted(wanted):
        inner = meaning.fields.get(name, Field({}))
        yield from walk(inner, pointer(path, name), wanted[name], seen.get(name, NOTHING), None, wanted)
    if not meaning.fields:
        for name in sorted(set(seen) - set(wanted)):
            yield Change("remove", pointer(path, name), before=seen[name])


def elements(
    meaning: Field, path: str, wanted: list[Any], seen: list[Any], last: Any, siblings: Mapping[str, Any]
) -> Iterator[Change]:
    """Of a set or a keyed list, whatever the order."""
    declared, real = named(meaning, wanted), named(meaning, seen)
    is_whole = any(siblings.get(name) == value for name, value in meaning.words.get("exclusive_when", {}).items())
    managed = real if is_whole or not meaning.has("owned") else named(meaning, last if isinstance(last, list) else [])
    for name in sorted(set(declared) | set(real)):
        if name not in real:
            yield Change("add", pointer(path, name), after=declared[name])
        elif name not in declared:
            if name in managed:
                yield Change("remove", pointer(path, name), before=real[name])
        elif isinstance(declared[name], dict):
            yield from walk(meaning.items, pointer(path, name), declared[name], real[name], None, declared[name])


def named(meaning: Field, values: list[Any]) -> dict[str, Any]:
    """Elements by key, or by their text."""
    key = meaning.words.get("key")
    if key is not None:
        return {str(value.get(key)): value for value in values if isinstance(value, dict)}
    return {value if isinstance(value, str) else canonical(value): value for value in values}


def equal(wanted: Any, seen: Any) -> bool:
    """Are two values one? A verdict speaks for what it hides, a blob for the text or bytes of its digest."""
    if tag(seen) == "verdict":
        return seen.get("matches") is True
    for blob, other in ((seen, wanted), (wanted, seen)):
        if tag(blob) == "blob" and (isinstance(other, str) or tag(other) == "bytes"):
            data = other.encode() if isinstance(other, str) else base64.b64decode(other.get("base64", ""))
            return bool(blob.get("sha256") == hashlib.sha256(data).hexdigest())
    if tag(wanted) in ("unknown", "secret"):
        return False
    return canonical(wanted) == canonical(seen)


def canonical(value: Any) -> str:
    """One text for one value; true is not 1."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def pointer(path: str, name: str) -> str:
    """A JSON pointer one step further (RFC 6901)."""
    return f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
