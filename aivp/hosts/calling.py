"""A program that a host has already → its answer, its output as it comes, or its streams joined with ours.

For what people do beside plans: nothing is shipped, no runner is started, no lock is taken and no journal written.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from aivp.hosts.become import NoRunner, answer_sudo
from aivp.hosts.channel import Channel, Reveal, command_channel, new_hello, terminal_channel
from aivp.hosts.failures import UNREACHED, Failure, explained, lost
from aivp.hosts.guests import outermost
from aivp.hosts.link import Link
from aivp.hosts.watch import Watch
from aivp.model.resource import Host

MOST = 32 * 1024 * 1024
"""Bytes of an answer."""

_CHUNK = 1 << 16
_GREETED = ["sh", "-c", 'printf %s "$0"; exec "$@"']


@dataclass(frozen=True, slots=True)
class Called:
    """How a program ended: its exit code, what it printed, and the end of what it complained of."""

    code: int
    output: bytes
    complaint: str
    channel: Channel


def call(
    host: Host, command: Sequence[str], withheld: AbstractSet[str], reveal: Reveal, seconds: float = 120.0
) -> Called:
    """Run it to its end. seconds: until it is given up. Raises Refused where the host cannot be reached."""
    outer, way = outermost(host)
    hello = new_hello()
    asks = "password" in outer.connection.get("become", {})
    argv = [*way, *command]
    channel = command_channel(outer, [*_GREETED, hello, *argv] if asks else argv, withheld, reveal, argv, hello)
    link = _start(host, channel)
    watch = Watch(link.kill, seconds)
    output = b""
    try:
        with watch:
            output = answer_sudo(link, channel)
            link.leave()
            while len(output) <= MOST and (chunk := os.read(link.stdout.fileno(), _CHUNK)):
                output += chunk
    except NoRunner as error:
        raise lost(host, str(error), error.mend, error.code or UNREACHED) from None
    finally:
        watch.end()
    if watch.has_struck or len(output) > MOST:
        link.kill()
        link.close()
        raise lost(host, f"{channel.shown} " + ("has no end." if output else f"did not end within {seconds:.0f} s."))
    code = link.exit_code()
    said = link.last_words().decode(errors="replace").strip()
    link.close()
    return Called(-1 if code is None else code, output, said, channel)


def unreached(host: Host, called: Called) -> Exception:
    """The diagnostic of a call that came to nothing."""
    return explained(host, called.channel, Failure("nothing of the kind came back", called.code, called.complaint))


def follow(host: Host, command: Sequence[str], withheld: AbstractSet[str]) -> Iterator[bytes]:
    """What it prints, piece by piece, until it ends or nobody listens any more. Raises Refused."""
    channel = terminal_channel(host, command, withheld, is_terminal=False)
    link = _start(host, channel)
    try:
        while chunk := os.read(link.stdout.fileno(), _CHUNK):
            yield chunk
        code = link.exit_code()
        if code:
            raise explained(host, channel, Failure("it ended", code, link.last_words().decode(errors="replace")))
    finally:
        link.kill()
        link.close()


def join(host: Host, command: Sequence[str], withheld: AbstractSet[str], *, is_terminal: bool) -> int:
    """Run it with our own streams; its exit code. Raises Refused."""
    channel = terminal_channel(host, command, withheld, is_terminal=is_terminal)
    return stand_back(channel.argv, channel.environment, channel.shown, host)


def stand_back(argv: Sequence[str], environment: Mapping[str, str], shown: str, host: Host) -> int:
    """Let a program have our streams until it ends; Ctrl-C is its own. Its exit code. Raises Refused."""
    try:
        process = subprocess.Popen(list(argv), env=dict(environment))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise lost(host, f"{shown} cannot be started: {reason}.") from None
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    return 128 - code if code < 0 else code


def _start(host: Host, channel: Channel) -> Link:
    try:
        return Link.start(channel.argv, channel.environment)
    except OSError as error:
        raise lost(host, f"{channel.shown} cannot be started: {error.strerror}.") from None
    except ValueError as error:
        raise lost(host, f"{channel.shown} cannot be started: {error}.") from None
