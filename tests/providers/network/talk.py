"""`talk.py serve PROTOCOL PORT`: tell everybody his address. `talk.py ask PROTOCOL ADDRESS PORT`: be told it.

`talk.py ping ADDRESS`: whether there is somebody.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys

KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def serve(protocol: str, port: str) -> None:
    """For IPv4 and IPv6, until we are killed."""
    with socket.socket(socket.AF_INET6, KINDS[protocol]) as server:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("::", int(port)))
        if protocol == "tcp":
            server.listen()
        print("ready", flush=True)
        while True:
            if protocol == "tcp":
                client, peer = server.accept()
                with contextlib.suppress(OSError), client:
                    client.sendall(said(peer))
            else:
                _, peer = server.recvfrom(100)
                server.sendto(said(peer), peer)


def said(peer: tuple[str, ...]) -> bytes:
    return peer[0].removeprefix("::ffff:").encode()


def ask(protocol: str, address: str, port: str) -> None:
    """Says nothing where nobody answers within a second."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(family, KINDS[protocol]) as client:
        client.settimeout(1)
        client.connect((address, int(port)))
        if protocol == "udp":
            client.send(b"?")
        print(client.recv(100).decode())


def ping(address: str) -> None:
    """An echo; ends with 1 where none comes back within a second."""
    is_new = ":" in address
    family, protocol = (socket.AF_INET6, socket.IPPROTO_ICMPV6) if is_new else (socket.AF_INET, socket.IPPROTO_ICMP)
    request, answer = (128, 129) if is_new else (8, 0)
    with socket.socket(family, socket.SOCK_RAW, protocol) as way:
        way.settimeout(1)
        body = struct.pack("!BBHHH", request, 0, 0, os.getpid() & 0xFFFF, 1)
        total = sum(struct.unpack("!4H", body))
        checksum = ~(total + (total >> 16)) & 0xFFFF  # the kernel writes that of IPv6 itself
        way.sendto(body[:2] + struct.pack("!H", checksum) + body[4:], (address, 0))
        while True:
            packet, peer = way.recvfrom(1000)
            if peer[0] == address and packet[0 if is_new else 20] == answer:
                return


if __name__ == "__main__":
    try:
        {"serve": serve, "ask": ask, "ping": ping}[sys.argv[1]](*sys.argv[2:])
    except OSError as error:
        sys.exit(str(error))
