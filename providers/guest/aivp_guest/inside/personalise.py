"""A copy of a machine → a machine of its own: name, ids, keys, links, clock and random numbers.

Done before anybody is told that the machine is ready, so it starts next to no programs; doing it again changes
nothing. What cannot be done is a sentence in the answer, and the rest is done.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import signal
import socket
import struct
import time
from typing import Any, Callable, Dict, List

from aivp_guest.inside.facts import text
from aivp_guest.inside.keys import host_key
from aivp_guest.inside.links import configure
from aivp_guest.inside.write import write

RECORD = "/var/lib/aivp-guest/instance"
_SSH = "/etc/ssh"
_ADD_ENTROPY = 0x40085203
_RESEED = 0x5207
_APART = 0.5
"""Seconds that the clock may be off: less is the business of whoever keeps the time here."""


def personalise(wanted: Dict[str, Any]) -> List[str]:
    """Make it so; what could not be done, in sentences."""
    problems: List[str] = []

    def attempt(name: str, step: Callable[[Any], None]) -> None:
        if wanted.get(name) is not None:
            try:
                step(wanted[name])
            except (OSError, ValueError, TypeError, KeyError) as error:
                problems.append(f"{name}: {error}")

    # Random numbers first: keys and ids are made from them.
    attempt("seed", lambda seed: _stir(bytes.fromhex(seed)))
    attempt("clock", _set_clock)
    instance = wanted.get("instance")
    is_new = instance is not None and text(RECORD) != instance
    attempt("hostname", _set_hostname)
    machine_id = wanted.get("machine_id") or (os.urandom(16).hex() if is_new else None)
    if machine_id is not None:
        wanted = {**wanted, "machine_id": machine_id}
        attempt("machine_id", _set_machine_id)
    attempt("links", lambda links: problems.extend(configure(links)))
    if is_new:
        wanted = {"ssh_host_keys": True, **wanted}
        attempt("ssh_host_keys", _make_key)
    # Whatever else is missing: keys that somebody may know by now must not change once more.
    if is_new and not any(problem.startswith(("machine_id", "ssh_host_keys")) for problem in problems):
        attempt("instance", lambda text: write(RECORD, text + "\n"))
    return problems


def _stir(seed: bytes) -> None:
    with open("/dev/urandom", "wb", buffering=0) as pool:
        fcntl.ioctl(pool, _ADD_ENTROPY, struct.pack("=ii", 8 * len(seed), len(seed)) + seed)
        fcntl.ioctl(pool, _RESEED)


def _set_clock(now: float) -> None:
    if abs(time.time() - now) > _APART:
        time.clock_settime(time.CLOCK_REALTIME, now)


def _set_hostname(name: str) -> None:
    socket.sethostname(name)
    write("/etc/hostname", name + "\n")
    lines = text("/etc/hosts").splitlines() or ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    kept = [line for line in lines if line.split()[:1] != ["127.0.1.1"]]
    write("/etc/hosts", "\n".join([*kept, "127.0.1.1 " + name]) + "\n")


def _set_machine_id(number: str) -> None:
    if text("/etc/machine-id") != number:
        write("/etc/machine-id", number + "\n", 0o444)
    if os.path.exists("/run/machine-id"):
        with open("/run/machine-id", "w", encoding="ascii") as file:
            file.write(number + "\n")
    dbus = "/var/lib/dbus/machine-id"
    if os.path.isfile(dbus) and not os.path.islink(dbus):
        write(dbus, number + "\n")


def _make_key(_: Any) -> None:
    """Put a new key where the old ones were, which are somebody else's, too."""
    if not os.path.isdir(_SSH):
        return
    key = host_key(os.urandom(32))
    name = _SSH + "/ssh_host_ed25519_key"
    for path in glob.glob(_SSH + "/ssh_host_*_key*"):
        os.unlink(path)
    write(name, key.private, 0o600)
    write(name + ".pub", key.public)
    # A server that runs reads its keys again, and keeps its connections.
    pid = text("/run/sshd.pid")
    if pid.isdigit():
        with contextlib.suppress(OSError):
            os.kill(int(pid), signal.SIGHUP)
