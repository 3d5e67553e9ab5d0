"""The manifest-guided diff: (kind, desired, observation, last applied) → action and field changes.

Our own walk, because the core plans with it and the runner repeats it just before a conditional step; both must come
to the same answer from the same values. `managed_digest` is what plan and host compare instead of the values.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple, Union

from .canonical import digest, digest_bytes, encode
from .manifest import Field, Kind
from .observation import Observation
from .pointer import pointer
from .values import Binary, Blob, Json, Secret, Tagged, Unknown, Verdict

Path = Tuple[str, ...]

_PLAIN_FIELD = Field()
_ABSENT: Any = object()


@dataclass(frozen=True)
class Change:
    """A field-level difference: `op` is add, remove or replace; `path` a JSON pointer into the attributes."""

    op: str
    path: str
    before: Json = None
    after: Json = None

    def form(self) -> Dict[str, Json]:
        """As JSON: `add` has no `before`, `remove` no `after`."""
        found: Dict[str, Json] = {"op": self.op, "path": self.path}
        if self.op != "add":
            found["before"] = self.before
        if self.op != "remove":
            found["after"] = self.after
        return found


@dataclass(frozen=True)
class Decision:
    """What has to be done to one resource: no-op, create, update or replace, and why field by field."""

    action: str
    changes: Tuple[Change, ...] = ()
    replace_because: Tuple[str, ...] = ()


def decide(kind: Kind, desired: Mapping[str, Json], seen: Observation, prior: Optional[Mapping[str, Json]]) -> Decision:
    """The action that brings `seen` to `desired`. `prior`: managed fields last applied, None if never."""
    wanted = seen.normalised if seen.normalised is not None else desired
    if seen.satisfied is True:
        return Decision("no-op")
    recorded = kind.existence == "recorded"
    if (prior is None) if recorded else (seen.observed is None):
        if declares_absence(desired):
            return Decision("no-op")
        return Decision("create", tuple(_additions(kind, wanted)))
    changes = tuple(compare(kind, wanted, seen.observed or {}, prior))
    if not changes:
        return Decision("update" if seen.satisfied is False else "no-op")
    names = {change.path.split("/")[1] for change in changes}
    because = tuple(sorted(n for n in names if n in seen.replace or kind.fields.get(n, _PLAIN_FIELD).immutable))
    return Decision("replace" if because else "update", changes, because)


def declares_absence(attributes: Mapping[str, Json]) -> bool:
    """True where the declaration itself says that the thing shall not exist."""
    return attributes.get("state") in ("absent", "purged")


def compare(
    kind: Kind, desired: Mapping[str, Json], observed: Mapping[str, Json], prior: Optional[Mapping[str, Json]]
) -> Iterator[Change]:
    """Every difference between the declared fields and the observed ones, sorted by field."""
    for name in sorted(desired):
        meaning = kind.fields.get(name, _PLAIN_FIELD)
        if meaning.computed:
            continue
        last = _ABSENT if prior is None else prior.get(name, _ABSENT)
        if meaning.write_only:
            yield from _write_only((name,), desired[name], last)
        else:
            yield from _walk(meaning, (name,), desired[name], observed.get(name, _ABSENT), last, desired)


def unapplied(kind: Kind, desired: Mapping[str, Json], prior: Optional[Mapping[str, Json]]) -> Tuple[str, ...]:
    """Names of the write-only fields whose declaration is not the one last applied, sorted."""
    if not kind.write_only:
        return ()
    last = prior or {}
    fields = sorted(kind.write_only.intersection(desired))
    return tuple(name for name in fields if any(_write_only((name,), desired[name], last.get(name, _ABSENT))))


def managed_digest(desired: Mapping[str, Json], seen: Observation) -> str:
    """The digest of what `seen` shows of the managed fields, which are those that `decide` would compare."""
    if seen.observed is None:
        return digest({"exists": False, "satisfied": seen.satisfied})
    wanted = seen.normalised if seen.normalised is not None else desired
    fields = {name: seen.observed[name] for name in wanted if name in seen.observed}
    return digest({"exists": True, "fields": fields, "satisfied": seen.satisfied})


def same(desired: Json, observed: Json) -> bool:
    """Equality across forms: text or bytes and their blob, a secret and the host's verdict on it."""
    if isinstance(observed, Verdict):
        return observed.matches is True
    for one, other in ((observed, desired), (desired, observed)):
        if isinstance(one, Blob) and isinstance(other, (str, Binary)):
            return digest_bytes(_content(other)) == "sha256:" + one.sha256
    if isinstance(desired, (Secret, Unknown)):
        return False
    if isinstance(desired, Tagged) or isinstance(observed, Tagged):
        return type(desired) is type(observed) and desired == observed
    return type(desired) is type(observed) and bool(desired == observed)


def _content(value: Union[str, Binary]) -> bytes:
    if isinstance(value, str):
        return value.encode()
    try:
        return base64.b64decode(value.base64)
    except ValueError:  # it comes from a host
        return b""


def _additions(kind: Kind, wanted: Mapping[str, Json]) -> Iterator[Change]:
    """What is worth showing of something new: fields at their default say nothing."""
    for name in sorted(wanted):
        meaning = kind.fields.get(name, _PLAIN_FIELD)
        if not meaning.computed and wanted[name] is not None and wanted[name] != meaning.default:
            yield Change("add", pointer((name,)), after=wanted[name])


def _write_only(path: Path, desired: Json, last: Json) -> Iterator[Change]:
    if last is _ABSENT:
        yield Change("add", pointer(path), after=desired)
    elif encode(desired) != encode(last):
        yield Change("replace", pointer(path), before=last, after=desired)


def _walk(
    meaning: Field, path: Path, desired: Json, observed: Json, last: Json, siblings: Mapping[str, Json]
) -> Iterator[Change]:
    if desired is None:
        return
    if observed is _ABSENT or observed is None:
        if desired not in ([], {}):
            yield Change("add", pointer(path), after=desired)
        return
    if isinstance(desired, Tagged) or isinstance(observed, Tagged):
        if not same(desired, observed):
            yield Change("replace", pointer(path), before=observed, after=desired)
    elif type(desired) is dict and type(observed) is dict:
        yield from _objects(meaning, path, desired, observed, last)
    elif type(desired) is list and type(observed) is list and (meaning.is_set or meaning.key):
        yield from _elements(meaning, path, desired, observed, last, siblings)
    elif not same(desired, observed):
        yield Change("replace", pointer(path), before=observed, after=desired)


def _objects(meaning: Field, path: Path, desired: Json, observed: Json, last: Json) -> Iterator[Change]:
    """Objects with a schema are managed member by member; free maps as a whole."""
    for name in sorted(desired):
        before = last.get(name, _ABSENT) if type(last) is dict else _ABSENT
        inner = meaning.fields.get(name, _PLAIN_FIELD)
        yield from _walk(inner, (*path, name), desired[name], observed.get(name, _ABSENT), before, desired)
    if not meaning.fields:
        for name in sorted(set(observed) - set(desired)):
            yield Change("remove", pointer((*path, name)), before=observed[name])


def _elements(
    meaning: Field, path: Path, desired: Json, observed: Json, last: Json, siblings: Mapping[str, Json]
) -> Iterator[Change]:
    """Sets and keyed lists: element by element; what goes are the elements we own, or all others if exclusive."""
    wanted, real = _by_name(meaning, desired), _by_name(meaning, observed)
    exclusive = any(siblings.get(name) == value for name, value in meaning.exclusive_when.items())
    mine = real if exclusive or not meaning.owned else _by_name(meaning, last if type(last) is list else [])
    inner = meaning.items or _PLAIN_FIELD
    for name in sorted(set(wanted) | set(real)):
        where = (*path, name)
        if name not in real:
            yield Change("add", pointer(where), after=wanted[name])
        elif name in wanted:
            if type(wanted[name]) is dict:
                yield from _walk(inner, where, wanted[name], real[name], _ABSENT, wanted)
        elif name in mine:
            yield Change("remove", pointer(where), before=real[name])


def _by_name(meaning: Field, elements: List[Json]) -> Dict[str, Json]:
    if meaning.key is not None:
        return {str(element.get(meaning.key)): element for element in elements if type(element) is dict}
    return {element if type(element) is str else encode(element).decode(): element for element in elements}


def describe(value: Json) -> str:
    """One value as short text for messages; secrets and unknowns by name."""
    if isinstance(value, Secret):
        return "(secret)"
    if isinstance(value, Unknown):
        return "(known after apply)"
    if isinstance(value, Verdict):
        return {True: "(matches)", False: "(differs)", None: "(cannot be compared)"}[value.matches]
    if isinstance(value, (Blob, Binary)):
        return f"({value.tag})"
    text = value if type(value) is str else encode(value).decode()
    return text if len(text) <= 60 else text[:57] + "..."
