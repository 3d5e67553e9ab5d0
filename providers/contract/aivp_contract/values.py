"""Tagged values: what JSON cannot say by itself, as frozen Python values with one JSON form each.

On the wire and in artifacts a tagged value is an object with the reserved key `$aivp`; in memory it is one of the
classes below, so that equality and hashing work and no code has to look into dictionaries for a tag.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, ClassVar, Dict, Mapping, Optional, Tuple

TAG = "$aivp"

Json = Any
"""None, bool, int, plain decimal float, str, list, dict with string keys, or a Tagged value."""


class Tagged:
    """A value with a JSON form `{"$aivp": tag, ...}`."""

    tag: ClassVar[str]

    def form(self) -> Dict[str, Json]:
        """The members beside `$aivp`; safe for artifacts and logs."""
        raise NotImplementedError

    def wire_form(self) -> Dict[str, Json]:
        """The members as the link to a host carries them; differs from `form` only where a secret travels."""
        return self.form()


@dataclass(frozen=True)
class Unknown(Tagged):
    """A value that only an apply will bring forth."""

    tag: ClassVar[str] = "unknown"

    def form(self) -> Dict[str, Json]:
        return {}


@dataclass(frozen=True)
class Secret(Tagged):
    """A value derived from secrets. `origin` says how (names, versions, literal text); `value` is never in an artifact.

    parts: the values of the secrets that `value` is made of; whoever takes it out of messages looks for them, too.
    Two secrets are equal when they are made the same way: values take no part in equality, hash or repr.
    """

    origin: Json = field(hash=False)
    value: Optional[str] = field(default=None, compare=False, repr=False)
    parts: Tuple[str, ...] = field(default=(), compare=False, repr=False)
    tag: ClassVar[str] = "secret"

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))

    def form(self) -> Dict[str, Json]:
        return {"origin": self.origin}

    def wire_form(self) -> Dict[str, Json]:
        if self.value is None:
            return self.form()
        found = {"origin": self.origin, "value": self.value}
        return {**found, "parts": list(self.parts)} if self.parts not in ((), (self.value,)) else found


@dataclass(frozen=True)
class Verdict(Tagged):
    """What a host answers for a value that must not leave it: does it match what was desired? None: nobody can say."""

    matches: Optional[bool]
    tag: ClassVar[str] = "verdict"

    def __post_init__(self) -> None:
        _require(self.matches is None or type(self.matches) is bool, self)

    def form(self) -> Dict[str, Json]:
        return {"matches": self.matches}


@dataclass(frozen=True)
class Binary(Tagged):
    """Bytes that are not UTF-8 text, in base64."""

    base64: str
    tag: ClassVar[str] = "bytes"

    def __post_init__(self) -> None:
        _require(type(self.base64) is str, self)

    def form(self) -> Dict[str, Json]:
        return {"base64": self.base64}


@dataclass(frozen=True)
class Blob(Tagged):
    """Content known by its digest: `sha256` is 64 hex digits, `size` is in bytes.

    path: a file with that content on the machine where it is needed; a provider gets it with what it applies. It is
    no part of the value, and stands in no artifact.
    """

    sha256: str
    size: int
    path: Optional[str] = field(default=None, compare=False)
    tag: ClassVar[str] = "blob"

    def __post_init__(self) -> None:
        _require(type(self.sha256) is str and type(self.size) is int, self)
        _require(self.path is None or type(self.path) is str, self)

    def form(self) -> Dict[str, Json]:
        return {"sha256": self.sha256, "size": self.size}

    def wire_form(self) -> Dict[str, Json]:
        return self.form() if self.path is None else {**self.form(), "path": self.path}


def _require(holds: bool, value: Tagged) -> None:
    if not holds:
        raise TypeError(f"a {value.tag} with members of other types")


Constructor = Callable[..., Tagged]
CONTRACT_TAGS: Mapping[str, Constructor] = {cls.tag: cls for cls in (Unknown, Secret, Verdict, Binary, Blob)}
"""Tag → constructor for every tagged value that may cross the provider protocol."""


_SCALARS = frozenset({str, int, float, bool, type(None)})


def is_unknown(value: Json) -> bool:
    """True for a value that is not known yet."""
    return type(value) is Unknown


def contains(value: Json, kinds: Tuple[type, ...]) -> bool:
    """True if a tagged value of one of `kinds` stands anywhere in `value`."""
    inner = value.values() if type(value) is dict else value if type(value) is list else None
    if inner is None:
        return isinstance(value, kinds)
    if _SCALARS.issuperset(map(type, inner)):  # so is most of what is asked about
        return False
    return any(contains(item, kinds) for item in inner)


def replace(value: Json, kinds: Tuple[type, ...], how: Callable[[Any], Json]) -> Json:
    """`value` with every tagged value of `kinds` replaced by `how(it)`; parts without one are shared, not copied."""
    if isinstance(value, kinds):
        return how(value)
    if type(value) is dict:
        new = {key: replace(item, kinds, how) for key, item in value.items()}
        return new if any(new[key] is not value[key] for key in value) else value
    if type(value) is list:
        items = [replace(item, kinds, how) for item in value]
        return items if any(a is not b for a, b in zip(items, value)) else value
    return value
