"""From v0 to v1. v0 is made up: words of notes from before the first release, so that the way is there and tested.

It shows what a step can be: sections and fields get other names, texts another form, references another beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aivp.config.nodes import Node

ABOUT = (
    "`machines` is `hosts`, and its `connection: here` is `transport: local`",
    "`on` of a resource is `host`, and `needs` is `depends_on`",
    "`file:motd` is `file.motd`, in keys, in `needs`, `notify` and references",
    "`${vars.x}` is `${var.x}`",
    "a secret `env:NAME` is `{env: NAME}`",
)

_VARS = re.compile(r"(?<!\$)\$\{vars\.")
_COLON = re.compile(r"((?<!\$)\$\{(?:[a-z][a-z0-9_-]*/)?[a-z][a-z0-9_-]*):([a-z])")
_TARGET = re.compile(r"((?:[a-z][a-z0-9_-]*/)?[a-z][a-z0-9_-]*):([a-z][a-z0-9_-]*)")
_SECRET = re.compile(r"(env|file):([A-Za-z0-9_./-]+)")

_Edits = Iterator[tuple[int, int, str]]


def edits(root: Node, text: str) -> _Edits:
    """What changes in one document: start, end, new text."""
    version = root.get("aivp")
    if version is not None and version.value == "v0":
        yield version.start, version.end, "v1"
    yield from _sections(root, text)
    for _, environment in getattr(root.get("environments"), "members", ()):
        overrides = environment.get("overrides")
        if overrides is not None:
            yield from _sections(overrides, text)
    for node in root.scalars():
        yield from _references(node, text)


def _sections(part: Node, text: str) -> _Edits:
    for key, section in part.members:
        match key.value:
            case "machines" if part.get("hosts") is None:
                yield from _named(key, text, "hosts")
                for _, host in section.members:
                    yield from _host(host, text)
            case "resources":
                for name, resource in section.members:
                    yield from _resource(name, resource, text)
            case "secrets":
                for _, secret in section.members:
                    if secret.value is not None and (match := _SECRET.fullmatch(secret.value)):
                        yield secret.start, secret.end, f"{{{match[1]}: {match[2]}}}"
            case _:
                pass


def _host(host: Node, text: str) -> _Edits:
    for key, value in host.members:
        if key.value == "connection" and host.get("transport") is None:
            yield from _named(key, text, "transport")
            if value.value == "here":
                yield value.start, value.end, "local"


def _resource(name: Node, resource: Node, text: str) -> _Edits:
    yield from _dotted(name, text)
    for key, value in resource.members:
        if key.value == "on" and resource.get("host") is None:
            yield from _named(key, text, "host")
        if key.value in ("needs", "depends_on", "notify"):
            for target in value.scalars():
                yield from _dotted(target, text)
        if key.value == "needs" and resource.get("depends_on") is None:
            yield from _named(key, text, "depends_on")


def _named(key: Node, text: str, name: str) -> _Edits:
    """Another name for a key, in the quotes that it has."""
    source = text[key.start : key.end]
    yield key.start, key.end, source.replace(str(key.value), name)


def _dotted(node: Node, text: str) -> _Edits:
    if node.value is not None and (match := _TARGET.match(node.value)):
        at = text.find(match[0], node.start, node.end)
        if at >= 0:
            yield at, at + len(match[0]), f"{match[1]}.{match[2]}"


def _references(node: Node, text: str) -> _Edits:
    source = text[node.start : node.end]
    for match in _VARS.finditer(source):
        yield node.start + match.start(), node.start + match.end(), "${var."
    for match in _COLON.finditer(source):
        at = node.start + match.end(1)
        yield at, at + 1, "."
