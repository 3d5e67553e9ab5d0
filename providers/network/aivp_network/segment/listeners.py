"""Who listens at a port of the host already: sockets of /proc/net, and the processes that have them open."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Iterator, NamedTuple, Optional

from .listen import Forward
from .spec import Address

_LISTENS = {"tcp": "0A", "udp": "07"}


class Listener(NamedTuple):
    """A socket that waits; address: None where it takes all."""

    address: Optional[Address]
    port: int
    inode: str


def holder(forward: Forward) -> Optional[str]:
    """Who would compete for a forward's port, for people; None where nobody does."""
    for family in (4, 6):
        for listener in _listeners(forward.protocol, family):
            if listener.port == forward.host_port and _competes(listener, family, forward):
                return _process(listener.inode) or "another user's process"
    return None


def _competes(listener: Listener, family: int, forward: Forward) -> bool:
    takes_both = family == 6 and listener.address is None  # as most servers that listen at [::]
    if not forward.is_for(family) and not takes_both:
        return False
    return None in (listener.address, forward.address) or listener.address == forward.address


def _listeners(protocol: str, family: int) -> Iterator[Listener]:
    try:
        lines = Path(f"/proc/net/{protocol}{'6' if family == 6 else ''}").read_text(encoding="ascii").splitlines()
    except OSError:
        return
    for line in lines[1:]:
        words = line.split()
        if words[3] == _LISTENS[protocol]:
            address, _, port = words[1].partition(":")
            found = _address(address)
            yield Listener(None if found.is_unspecified else found, int(port, 16), words[9])


def _address(text: str) -> Address:
    """The kernel writes each four bytes as a number of the machine's own order; ours are little-endian."""
    raw = b"".join(bytes.fromhex(text[place : place + 8])[::-1] for place in range(0, len(text), 8))
    return ipaddress.ip_address(raw)


def _process(inode: str) -> Optional[str]:
    wanted = f"socket:[{inode}]"
    for entry in sorted((name for name in os.listdir("/proc") if name.isdigit()), key=int):
        try:
            for name in os.listdir(f"/proc/{entry}/fd"):
                if os.readlink(f"/proc/{entry}/fd/{name}") == wanted:
                    return f"{Path(f'/proc/{entry}/comm').read_text(encoding='utf-8').strip()} (pid {entry})"
        except OSError:
            continue
    return None
