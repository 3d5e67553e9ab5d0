"""A started channel → a runner that listens: sudo's question, the bootstrap's text, the archive where it is not cached.

Everything goes out without waiting, but for sudo's password and the archive. What a login shell prints on the way is
noise, and skipped: the bootstrap answers on a line of its own that nobody can know beforehand.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import zlib

from aivp.hosts.archive import Archive, bootstrap
from aivp.hosts.channel import Channel
from aivp.hosts.failures import BECOME_REFUSED, PYTHON_OLD
from aivp.hosts.link import Link

MOST_NOISE = 64 * 1024
"""Bytes that may come before the bootstrap's answer."""

_POLL = 0.05
_OLD_PYTHON = re.compile(rb'\{"error": "python", "found": "([0-9.]{1,16})"\}')


class NoRunner(Exception):
    """None came up. `said`: what came on stdout instead; code, mend: of the diagnostic, where that is clear."""

    def __init__(self, what: str, said: bytes = b"", code: str = "", mend: str = "") -> None:
        super().__init__(what)
        self.said = said
        self.code = code
        self.mend = mend


def arrive(link: Link, channel: Channel, archive: Archive) -> bytes:
    """Bring it up; what was said on stdout before it comes back. Raises NoRunner."""
    marker = f"aivp {secrets.token_hex(8)}"
    header = {"archive": archive.sha256, "marker": marker}
    noise = b"" if channel.password is None else _answer_sudo(link, channel, channel.password)
    with contextlib.suppress(OSError):  # what ended already may have said why
        link.send(bootstrap().encode() + b"\0" + json.dumps(header).encode() + b"\n")
    answer, more = _answer(link, marker.encode())
    if answer == b"need":
        packed = zlib.compress(archive.data, 6)
        try:
            link.send(b"%d\n" % len(packed) + packed)
        except OSError:
            raise NoRunner("the link is gone") from None
    return (noise + more).strip()


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


def _answer_sudo(link: Link, channel: Channel, password: str) -> bytes:
    """Hand the password over when sudo asks, and only then: it would be read by the program behind it. The noise."""
    prompt, hello = channel.prompt.encode(), channel.hello.encode()
    said, given = b"", 0
    while hello not in said and len(said) <= MOST_NOISE and not (link.is_over and not link.has_output(0)):
        if link.has_output(_POLL):
            said += os.read(link.stdout.fileno(), 4096)
        if link.log.count(prompt) > given:
            if given:
                link.kill()
                mend = "The password in become may be wrong, or this account may not use sudo."
                raise NoRunner("sudo did not take the password.", code=BECOME_REFUSED, mend=mend)
            given += 1
            with contextlib.suppress(OSError):
                link.send(password.encode() + b"\n")
    return said.replace(hello, b"")
