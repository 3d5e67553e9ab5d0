"""Random secrets of awkward shapes, and every form in which a byte of one could show up somewhere.

A scan knows nothing of aivp: it looks for bytes. Forms too short to be no accident are left out, but for the raw one.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import random
import shlex
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

SHORTEST = 7
"""Bytes that a derived form has at least; of the value itself four are enough, since its characters are rare ones."""

PIECE = 11
"""Characters at the beginning or end of a longer secret that are looked for by themselves."""

_ALNUM = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
_RARE = "~^@%!?+="
_DIGESTS = ("md5", "sha1", "sha256", "sha512", "blake2b")


def make(shape: str, rng: random.Random) -> str:
    """A secret of `shape`: one of SHAPES."""

    def letters(count: int) -> str:
        return "".join(rng.choice(_ALNUM) for _ in range(count))

    match shape:
        case "tiny":  # four characters, two of them such as no archive of code has them side by side
            return rng.choice("§¶¤¿") + letters(1) + rng.choice(_RARE) + rng.choice("§¶¤¿")
        case "short":
            return letters(2) + rng.choice("§¶¤¿") + letters(3)
        case "plain":
            return letters(24)
        case "base64":
            return base64.b64encode(rng.randbytes(31)).decode()
        case "lines":
            return "\n".join(["-----BEGIN " + letters(6) + "-----", letters(48), letters(31), letters(4) + "==="])
        case "unicode":
            return letters(4) + "пароль-秘密-🔑" + letters(4) + "\u2028é"
        case "shell":
            return letters(4) + "'\"; $(id) `x` \\ && | * " + letters(6)
        case "json":
            return letters(4) + '"},\\u0041\\n{"$aivp":"unknown"}\t' + letters(6)
        case "jinja":
            return letters(4) + "{{ 7*7 }}{% raw %}${var.x}$${y}" + letters(6)
        case "yaml":
            return letters(4) + ": !!python/x [*a, &b] # " + letters(6)
        case "percent":
            return letters(4) + "%s%(x)d{0}%n\\1\\g<0>" + letters(6)
        case "word":  # what a word of the program could be, too: nothing may break when it is taken out of messages
            return "file"
        case _:
            raise ValueError(shape)


SHAPES = ("tiny", "short", "plain", "base64", "lines", "unicode", "shell", "json", "jinja", "yaml", "percent")
ONE_LINE = tuple(shape for shape in SHAPES if shape not in ("lines", "unicode"))


@dataclass
class Planted:
    """Secrets by name, and whole texts that hold one: of those, not even a digest may show up."""

    secrets: dict[str, str] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)

    def plant(self, name: str, value: str) -> str:
        """Remember a secret; its value comes back."""
        self.secrets[name] = value
        return value

    def forms(self) -> Mapping[bytes, str]:
        """Every form → what it is."""
        found: dict[bytes, str] = {}
        for name, value in self.secrets.items():
            found |= {form: f"{name} {what}" for what, form in _forms(value)}
        for name, text in self.documents.items():
            found |= {form: f"the text of {name} {what}" for what, form in _digests(text.encode())}
            found |= {form: f"the text of {name} {what}" for what, form in _base64(text.encode())}
        return found


def _forms(value: str) -> Iterator[tuple[str, bytes]]:
    data = value.encode()
    yield "raw", data
    derived = [*_encoded(value), *_base64(data)]
    lines = [line for line in value.splitlines() if len(line.encode()) >= SHORTEST]
    derived += [(f"line {number}", line.encode()) for number, line in enumerate(lines) if line != value]
    yield from ((what, form) for what, form in derived if len(form) >= SHORTEST and form != data)
    yield from _digests(data)
    yield from ((f"with a newline, {what}", form) for what, form in _digests(data + b"\n"))


def _encoded(value: str) -> Iterator[tuple[str, bytes]]:
    data = value.encode()
    yield "reversed", value[::-1].encode()
    yield "hex", data.hex().encode()
    yield "HEX", data.hex().upper().encode()
    yield "url", urllib.parse.quote(value, safe="").encode()
    yield "url, lower", urllib.parse.quote(value, safe="/:").lower().encode()
    yield "form", urllib.parse.quote_plus(value).encode()
    yield "json", json.dumps(value)[1:-1].encode()
    yield "json, plain", json.dumps(value, ensure_ascii=False)[1:-1].encode()
    yield "json in json", json.dumps(json.dumps(value)[1:-1])[1:-1].encode()
    yield "shell", shlex.quote(value).encode()
    yield "python", repr(value)[1:-1].encode()
    yield "python bytes", repr(data)[2:-1].encode()
    yield "html", html.escape(value).encode()
    yield "utf-16", value.encode("utf-16-le")
    yield "upper", value.upper().encode()
    if len(value) >= 2 * PIECE and not value.startswith("-----"):  # a message that cuts it off still quotes it
        yield "begun", value[:PIECE].encode()
        yield "ended", value[-PIECE:].encode()


def _base64(data: bytes) -> Iterator[tuple[str, bytes]]:
    """At each of the three places in a group of four; only what does not depend on the neighbours."""
    for skip in range(3):
        inner = data[(3 - skip) % 3 :]
        inner = inner[: len(inner) // 3 * 3]
        if len(inner) >= 6:
            yield f"base64 at {skip}", base64.b64encode(inner)
            yield f"base64url at {skip}", base64.urlsafe_b64encode(inner)


def _digests(data: bytes) -> Iterator[tuple[str, bytes]]:
    for name in _DIGESTS:
        digest = hashlib.new(name, data)
        yield name, digest.digest()
        yield f"{name} hex", digest.hexdigest().encode()
        yield f"{name} base64", base64.b64encode(digest.digest())[:20]
        yield f"{name}, begun", digest.hexdigest()[:16].encode()
