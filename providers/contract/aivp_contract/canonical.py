"""RFC 8785 canonical JSON and digests over it: the only form in which artifacts are written, hashed or compared.

The C encoder of the standard library gives RFC 8785 for what aivp admits (integers within ±(2^53−1), decimals that
Python and ECMAScript print alike, string keys), but for two things mended here: the order of keys beyond the basic
plane, and lone surrogates. `admit` is the check at the doors that keeps everything else out.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Dict, Mapping

from .values import CONTRACT_TAGS, TAG, Constructor, Json, Tagged

MAX_INTEGER = 2**53 - 1

_ASTRAL = re.compile(rb"[\xf0-\xf4]")


class NotCanonical(ValueError):
    """A value or text that has no canonical form; the message says where and why."""


def encode(value: Json) -> bytes:
    """Canonical bytes of `value`, tagged values in their artifact form (a secret never shows its value)."""
    return _encode(value, _ARTIFACT, _artifact_form)


def encode_wire(value: Json) -> bytes:
    """The same for the link to a host: secrets travel with their values. Never for a file, a log or a digest."""
    return _encode(value, _WIRE, _wire_form)


def encode_link(value: Json) -> bytes:
    """As `encode_wire`, members in the order that they have: for the link to a provider, where nobody compares."""
    return _encode(value, _LINK, _wire_form)


def encode_masked(value: Json) -> bytes:
    """As `encode_link`, no secret with its value: for the way back."""
    return _encode(value, _MASKED, _artifact_form)


def decode(data: bytes, tags: Mapping[str, Constructor] = CONTRACT_TAGS) -> Json:
    """Parse JSON with tagged values. Raises NotCanonical on anything that is not JSON or holds an unknown tag."""
    try:
        text = data.decode()
        if TAG not in text and "\\u" not in text:  # no tag, spelled out or escaped: no hook on every object
            return _PLAIN.decode(text)
        return json.loads(text, object_hook=_Untag(tags), parse_constant=_refuse_constant, parse_float=_decimal)
    except (ValueError, RecursionError, TypeError) as error:
        raise NotCanonical(str(error)[:200]) from None


def digest(value: Json) -> str:
    """SHA-256 of the canonical bytes, as `sha256:` and 64 hex digits."""
    return digest_bytes(encode(value))


def digest_bytes(data: bytes) -> str:
    """SHA-256 of `data`, as `sha256:` and 64 hex digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def admit(value: Json, where: str = "") -> None:
    """Raise NotCanonical where `value` holds anything that canonical form does not admit. `where`: a JSON pointer."""
    kind = type(value)
    if kind is str:
        if not _is_unicode(value):
            raise NotCanonical(f"{where}: text with a lone surrogate")
    elif kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise NotCanonical(f"{where}: an integer beyond ±(2^53−1)")
    elif kind is float:
        if not is_plain_decimal(value):
            raise NotCanonical(f"{where}: a number that is not a plain decimal")
    elif kind is dict:
        for key, item in value.items():
            if type(key) is not str or not _is_unicode(key):
                raise NotCanonical(f"{where}: a key that is not text")
            if key == TAG:
                raise NotCanonical(f"{where}: the reserved key {TAG}")
            admit(item, f"{where}/{key}")
    elif kind is list:
        for index, item in enumerate(value):
            admit(item, f"{where}/{index}")
    elif isinstance(value, Tagged):
        admit(value.form(), where)
    elif value is not None and kind is not bool:
        raise NotCanonical(f"{where}: a value of type {kind.__name__}")


def is_plain_decimal(number: float) -> bool:
    """True where Python and ECMAScript print the same digits and the value is not an integer in disguise."""
    return number == number and 1e-4 <= abs(number) < 1e15 and number != int(number)


def _encode(value: Json, encoder: json.JSONEncoder, form: Any) -> bytes:
    try:
        text = encoder.encode(value)
        data = text.encode()
        if encoder.sort_keys and not text.isascii() and _ASTRAL.search(data):
            data = json.dumps(
                _utf16_sorted(value, form), ensure_ascii=False, allow_nan=False, separators=(",", ":")
            ).encode()
    except (UnicodeEncodeError, TypeError, ValueError, RecursionError) as error:
        raise NotCanonical(str(error)[:200]) from None
    return data


def _artifact_form(value: Any) -> Dict[str, Json]:
    if isinstance(value, Tagged):
        return {TAG: value.tag, **value.form()}
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _wire_form(value: Any) -> Dict[str, Json]:
    if isinstance(value, Tagged):
        return {TAG: value.tag, **value.wire_form()}
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _encoder(form: Any, *, is_sorted: bool = True) -> json.JSONEncoder:
    """Without the search for circles: they end as a RecursionError."""
    return json.JSONEncoder(
        check_circular=False,
        ensure_ascii=False,
        allow_nan=False,
        sort_keys=is_sorted,
        separators=(",", ":"),
        default=form,
    )


# Made once: most of what is encoded is one resource's, and making an encoder would cost as much as using it.
_ARTIFACT = _encoder(_artifact_form)
_WIRE = _encoder(_wire_form)
_LINK = _encoder(_wire_form, is_sorted=False)
_MASKED = _encoder(_artifact_form, is_sorted=False)


def _utf16_sorted(value: Json, form: Any) -> Json:
    """RFC 8785 sorts keys by UTF-16 code units, which differs from Python's order only beyond the basic plane."""
    if isinstance(value, Tagged):
        value = form(value)
    if type(value) is dict:
        items = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be"))
        return {key: _utf16_sorted(item, form) for key, item in items}
    if type(value) in (list, tuple):
        return [_utf16_sorted(item, form) for item in value]
    return value


class _Untag:
    """json's object_hook: turns `{"$aivp": tag, ...}` into its tagged value."""

    def __init__(self, tags: Mapping[str, Constructor]) -> None:
        self.tags = tags

    def __call__(self, members: Dict[str, Json]) -> Json:
        if TAG not in members:
            return members
        tag = members.pop(TAG)
        constructor = self.tags.get(tag) if type(tag) is str else None
        if constructor is None:
            raise ValueError(f"unknown tag {str(tag)[:40]!r}")
        return constructor(**members)


def _decimal(text: str) -> float:
    number = float(text)
    if not is_plain_decimal(number):
        raise ValueError(f"{text[:40]} is no plain decimal")
    return number


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


_PLAIN = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_decimal)
