"""Addresses: `kind.name[key]@host`, where a host that is itself a resource brings its own full address.

Addresses travel as text, which sorts and hashes fast; this module makes and takes apart that text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

NAME = r"[a-z][a-z0-9_-]*"
KIND = rf"(?:{NAME}/)?{NAME}"
CONTROLLER = "controller"

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.-]+")
_ADDRESS = re.compile(rf"({KIND})\.({NAME})(?:\[([A-Za-z0-9_.-]+|\"(?:[^\"\\]|\\.)*\")\])?(?:@(.+))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of an address; `key` is None without `for_each`, `host` is None only while it is unresolved."""

    kind: str
    name: str
    key: str | None
    host: str | None

    def __str__(self) -> str:
        return format_address(self.kind, self.name, self.key, self.host)


def format_address(kind: str, name: str, key: str | None, host: str | None) -> str:
    """The text of an address."""
    bracket = "" if key is None else f"[{format_key(key)}]"
    place = "" if host is None else f"@{host}"
    return f"{kind}.{name}{bracket}{place}"


def format_key(key: str) -> str:
    """A key as it stands in brackets: plain, or as a JSON string."""
    return key if _PLAIN_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def parse_address(text: str) -> Address | None:
    """The parts of `text`, None where it is no address."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return None
    kind, name, key, host = match.groups()
    if key is not None and key.startswith('"'):
        try:
            key = json.loads(key)
        except ValueError:
            return None
    return Address(kind, name, key, host)


def stands_for(text: str, address: str) -> bool:
    """True where `text`, an address that may leave out key and host, can mean `address`."""
    wanted, found = parse_address(text), parse_address(address)
    if wanted is None or found is None or (wanted.kind, wanted.name) != (found.kind, found.name):
        return False
    return wanted.key in (None, found.key) and wanted.host in (None, found.host)
