"""sudo's question on a channel → its answer, by the pipe and only when it asks: whatever came too early would be read
by the program behind it.
"""

from __future__ import annotations

import contextlib
import os

from aivp.hosts.channel import Channel
from aivp.hosts.failures import BECOME_REFUSED
from aivp.hosts.link import Link

MOST_SAID = 64 * 1024
"""Bytes on stdout before whoever is behind sudo says hello."""

_POLL = 0.05
_MEND = "The password in become may be wrong, or this account may not use sudo."


class NoRunner(Exception):
    """Nothing came up. `said`: what came on stdout instead; code, mend: of the diagnostic, where that is clear."""

    def __init__(self, what: str, said: bytes = b"", code: str = "", mend: str = "") -> None:
        super().__init__(what)
        self.said = said
        self.code = code
        self.mend = mend


def answer_sudo(link: Link, channel: Channel) -> bytes:
    """Wait for hello, and give the password where it is asked for; what else was said comes back. Raises NoRunner."""
    if channel.password is None:
        return b""
    prompt, hello = channel.prompt.encode(), channel.hello.encode()
    said, given = b"", False
    while hello not in said and len(said) <= MOST_SAID and not (link.is_over and not link.has_output(0)):
        if link.has_output(_POLL):
            said += os.read(link.stdout.fileno(), 4096)
        if link.log.count(prompt) > given:
            if given:
                link.kill()
                raise NoRunner("sudo did not take the password.", code=BECOME_REFUSED, mend=_MEND)
            given = True
            with contextlib.suppress(OSError):
                link.send(channel.password.encode() + b"\n")
    return said.replace(hello, b"")
