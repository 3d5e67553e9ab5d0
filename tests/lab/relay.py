"""A slow wire: carries Ethernet frames between two interfaces, each a fixed time after it came. A program of its own.

The kernel's netem does this where it has it, which many small kernels do not. Frames are late, not connections: the
handshake of TCP pays as on a long line. Frames pass with the kernel's header about checksums and segments, so nothing
of a sender's offloading has to be switched off.

python -m tests.lab.relay ONE OTHER SECONDS OWNER     ends with the process OWNER, or with one of the interfaces
"""

from __future__ import annotations

import os
import select
import socket
import sys
import time
from collections import deque

_SOL_PACKET, _PACKET_VNET_HDR, _PACKET_IGNORE_OUTGOING = 263, 15, 23
_ETH_P_ALL, _SO_RCVBUFFORCE = 3, 33
_FRAME_BYTES = 128 * 1024
_BUFFER_BYTES = 8 * 1024 * 1024


def main(one: str, other: str, seconds: str, owner: str) -> None:
    """Relay until the owner or an interface is gone; a line on stdout says that it has begun."""
    sockets = [_listen(one), _listen(other)]
    ended = os.pidfd_open(int(owner))
    print("ready", flush=True)
    delay = float(seconds)
    late: deque[tuple[float, socket.socket, bytes]] = deque()  # every delay is the same: in order of their time
    while True:
        wait = max(late[0][0] - time.monotonic(), 0.0) if late else None
        ready, _, _ = select.select([*sockets, ended], [], [], wait)
        if ended in ready:
            return
        for place, source in enumerate(sockets):
            if source in ready:
                late.append((time.monotonic() + delay, sockets[1 - place], source.recv(_FRAME_BYTES)))
        while late and late[0][0] <= time.monotonic():
            _, target, frame = late.popleft()
            _send(target, frame)


def _listen(interface: str) -> socket.socket:
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    opened.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
    opened.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
    opened.bind((interface, _ETH_P_ALL))
    return opened


def _send(target: socket.socket, frame: bytes) -> None:
    try:
        target.send(frame, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return  # the queue is full: a wire loses that frame, and TCP sends it again


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except OSError:
        sys.exit(1)  # an interface went, and with it the link
