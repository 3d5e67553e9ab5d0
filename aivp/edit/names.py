"""Things that a provider listed → names of resources: from their identity, each once, the same ones every time."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence

from aivp_contract.manifest import Kind

from aivp.model.address import NAME
from aivp.model.discovered import Discovered

LONGEST = 60
"""Characters of a name that comes from an identity; a number that keeps two apart comes behind."""

_NAME = re.compile(NAME)


def name_all(kind: Kind, things: Sequence[Discovered], taken: Collection[str]) -> list[str]:
    """A name for each of `things`, in their order, none of them in `taken`.

    A name that is the identity itself goes before one that only resembles it, whichever comes first.
    """
    used = {*taken}
    exact = [_exact(kind, thing) for thing in things]
    used.update(name for name in exact if name is not None and name not in taken)
    found: list[str] = []
    for thing, own in zip(things, exact, strict=True):
        found.append(own if own is not None and own not in taken else _free(_wish(kind, thing), used))
        used.add(found[-1])
    return found


def is_its_name(kind: Kind, thing: Discovered, name: str) -> bool:
    """True where the name alone says the identity, so that the field need not."""
    return kind.identity_from_name and len(kind.identity) == 1 and thing.identity[kind.identity[0]] == name


def _exact(kind: Kind, thing: Discovered) -> str | None:
    own = thing.identity[kind.identity[0]] if kind.identity_from_name and len(kind.identity) == 1 else None
    return own if isinstance(own, str) and _NAME.fullmatch(own) else None


def _wish(kind: Kind, thing: Discovered) -> str:
    said = thing.name or "-".join(str(thing.identity[name]) for name in kind.identity)
    plain = unicodedata.normalize("NFKD", said).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")
    if not slug[:1].isalpha():
        slug = f"{kind.name.rpartition('/')[2]}-{slug}".rstrip("-")
    return slug[:LONGEST].rstrip("-_")


def _free(wish: str, used: Collection[str]) -> str:
    name, number = wish, 1
    while name in used:
        number += 1
        name = f"{wish}-{number}"
    return name
