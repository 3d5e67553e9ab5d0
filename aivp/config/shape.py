"""Small questions about the shape of a document's parts; each wrong answer is one diagnostic with its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from aivp_contract.values import Json

from aivp.config.project import Declared
from aivp.config.scalars import TYPES, describe
from aivp.diagnostics import Diagnostics
from aivp.model.address import KIND, NAME
from aivp.plugins.suggestion import did_you_mean, listing

_NAME = re.compile(NAME)
_KIND = re.compile(KIND)
_RESOURCE = re.compile(rf"({KIND})\.({NAME})")


def inner(part: Declared, *path: str | int) -> Declared:
    """A part of a declaration as one of its own."""
    value: Json = part.value
    for step in path:
        value = value[step]
    return Declared(value, (*part.path, *path), part.spans)


def members(part: Declared) -> Iterator[tuple[str, Declared]]:
    """The members of a map, in the order of the document."""
    return ((key, inner(part, key)) for key in part.value)


def is_of(part: Declared, type_name: str, what: str, found: Diagnostics) -> bool:
    """True where the value is of the type; else says that `what` is not."""
    noun, test = TYPES[type_name]
    if test(part.value):
        return True
    found.error("AIVP0124", f"{what} must be {noun}, not {describe(part.value)}.", span=part.span())
    return False


def is_text_list(part: Declared, what: str, found: Diagnostics) -> bool:
    """True for a list of texts; else says where it is not."""
    if not is_of(part, "list", what, found):
        return False
    checks = [is_of(inner(part, i), "string", f"Each entry of {what}", found) for i in range(len(part.value))]
    return all(checks)


def knows_keys(part: Declared, known: Iterable[str], what: str, found: Diagnostics) -> bool:
    """True where a map has none but the known keys; else says which others."""
    allowed = sorted(known)
    unknown = [key for key in part.value if key not in allowed]
    for key in unknown:
        mend = did_you_mean(key, allowed) or f"Known: {listing(allowed)}."
        found.error("AIVP0123", f'{what} has no key "{key[:60]}".', mend, span=part.key_span(key))
    return not unknown


def is_name(part: Declared, key: str, what: str, found: Diagnostics, shown: Declared | None = None) -> bool:
    """True where a map's key (or the text that is `shown`) is a name."""
    return _fits(_NAME, key, f"the name of {what}", part, found, shown)


def is_kind(part: Declared, key: str, found: Diagnostics) -> bool:
    """True where a map's key is a kind."""
    return _fits(_KIND, key, "a kind", part, found)


def is_resource(part: Declared, key: str, found: Diagnostics) -> bool:
    """True where a map's key is `kind.name`."""
    if _RESOURCE.fullmatch(key):
        return True
    kind, dot, name = key.partition(".")
    if not dot:
        mend = f"Write the kind in front, such as file.{nearest_name(key) or 'site'}."
    else:
        fixed = ".".join(
            filter(None, ("/".join(filter(None, map(nearest_name, kind.split("/", 1)))), nearest_name(name)))
        )
        mend = f"Such as {fixed}. " if _RESOURCE.fullmatch(fixed) else ""
        mend += "Anything else belongs into the field that identifies the thing, such as `path` or `package`."
    why = f'"{key[:80]}" is not the address of a resource: that is kind.name, each a-z first, then a-z, 0-9, _ and -.'
    found.error("AIVP0129", why, mend, span=part.key_span(key))
    return False


def nearest_name(text: str) -> str:
    """The nearest text that is a name, empty where nothing of it would stay."""
    return re.sub(r"[^a-z0-9_]+", "-", text[:60].lower()).strip("-").lstrip("0123456789_-")


def compared(text: str, known: Mapping[str, object], what: str) -> str:
    """The `mend` for an unknown name: what resembles it, else what there is."""
    if suggestion := did_you_mean(text, known):
        return suggestion
    return f"Known: {listing(known)}." if known else f"No {what} is declared."


def _fits(
    pattern: re.Pattern[str], key: str, what: str, part: Declared, found: Diagnostics, shown: Declared | None = None
) -> bool:
    """Positions cost a second reading of the file: they are asked for only where something is wrong."""
    if pattern.fullmatch(key):
        return True
    fixed = nearest_name(key)
    why = f'"{key[:80]}" cannot be {what}: names start with a-z and go on with a-z, 0-9, _ and -.'
    found.error(
        "AIVP0129", why, f"Such as {fixed}." if fixed else "", span=shown.span() if shown else part.key_span(key)
    )
    return False
