"""A started channel → a runner that listens: sudo's question, the bootstrap's text, the archive where it is not cached.

Everything goes out without waiting, but for sudo's password and the archive. What a login shell prints on the way is
noise, and skipped: the bootstrap answers on a line of its own that nobody can know beforehand.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import zlib

from aivp.hosts.archive import Archive, bootstrap
from aivp.hosts.become import NoRunner, answer_sudo
from aivp.hosts.channel import Channel
from aivp.hosts.failures import PYTHON_OLD
from aivp.hosts.link import Link

MOST_NOISE = 64 * 1024
"""Bytes that may come before the bootstrap's answer."""

_UNPACK = """import os,zlib
p=b""
while len(p)<{size}:p+=os.read(0,{size}-len(p))or os._exit(1)
exec(zlib.decompress(p))"""

_OLD_PYTHON = re.compile(rb'\{"error": "python", "found": "([0-9.]{1,16})"\}')


def arrive(link: Link, channel: Channel, archive: Archive) -> bytes:
    """Bring it up; what was said on stdout before it comes back. Raises NoRunner."""
    marker = f"aivp {secrets.token_hex(8)}"
    header = {"archive": archive.sha256, "marker": marker, "is_far": channel.is_far}
    noise = answer_sudo(link, channel)
    with contextlib.suppress(OSError):  # what ended already may have said why
        link.send(_packed_bootstrap() + json.dumps(header).encode() + b"\n")
    answer, more = _answer(link, marker.encode())
    if answer == b"need":
        packed = zlib.compress(archive.data, 6)
        try:
            link.send(b"%d\n" % len(packed) + packed)
        except OSError:
            raise NoRunner("the link is gone") from None
    return (noise + more).strip()


def _packed_bootstrap() -> bytes:
    """A first line that unpacks the rest: what comes before a NUL is read byte by byte."""
    packed = zlib.compress(bootstrap().encode(), 9)
    return _UNPACK.format(size=len(packed)).encode() + b"\0" + packed


def _answer(link: Link, marker: bytes) -> tuple[bytes, bytes]:
    """`need` or `have`, and the noise before it."""
    noise = b""
    while len(noise) <= MOST_NOISE:
        line = link.stdout.readline(4096)
        word, _, rest = line.strip().rpartition(b" ")
        if word == marker and rest in (b"need", b"have"):
            return rest, noise
        noise += line
        if old := _OLD_PYTHON.fullmatch(line.strip()):
            what = f"it has Python {old[1].decode()}; 3.9 or newer is needed."
            raise NoRunner(what, code=PYTHON_OLD, mend="Install a newer python3 there.")
        if not line:
            raise NoRunner("no runner came up", noise)
    raise NoRunner("it prints without end where a runner should answer", noise)
