"""The kernel's links, addresses and routes over rtnetlink: no program is started, and none need be there."""

from __future__ import annotations

import os
import socket
import struct
from typing import Dict, Iterator, List, NamedTuple, Tuple

_NEWLINK, _NEWADDR, _DELADDR, _GETADDR, _NEWROUTE = 16, 20, 21, 22, 24
_ERROR, _DONE = 2, 3
_REQUEST, _ACK, _REPLACE, _CREATE, _DUMP = 1, 4, 0x100, 0x400, 0x300
_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_UP = 1
_NO_DAD = 2  # an address that was leased is nobody else's: it can be used at once
_STATIC = 4


class Address(NamedTuple):
    """An address of a link; `scope` 0 is global."""

    link: int
    family: int
    address: str
    prefix: int
    scope: int


class Netlink:
    """A socket to the kernel. All methods raise OSError."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self._socket.settimeout(5)
        self._socket.bind((0, 0))

    def __enter__(self) -> Netlink:  # noqa: PYI034 (Self is newer than the hosts)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def set_link(self, index: int, mac: str = "") -> None:
        """Bring a link up, with this MAC."""
        attributes = [(1, bytes.fromhex(mac.replace(":", "")))] if mac else []
        self._ask(_NEWLINK, _ACK, _LINK.pack(0, 0, index, _UP, _UP), attributes)

    def addresses(self) -> List[Address]:
        """All addresses of all links."""
        return [_address(body) for body in self._ask(_GETADDR, _DUMP, _ADDRESS.pack(0, 0, 0, 0, 0), [])]

    def add(self, index: int, address: str, prefix: int) -> None:
        """Give a link an address, unless it has it."""
        self._change(_NEWADDR, _ACK | _CREATE | _REPLACE, index, address, prefix)

    def remove(self, found: Address) -> None:
        """Take an address from its link."""
        self._change(_DELADDR, _ACK, found.link, found.address, found.prefix)

    def route(self, index: int, gateway: str) -> None:
        """Make this the way to everywhere, in place of another one."""
        family = _family(gateway)
        body = _ROUTE.pack(family, 0, 0, 0, 254, _STATIC, 0, 1, 0)
        attributes = [(5, socket.inet_pton(family, gateway)), (4, struct.pack("=I", index))]
        self._ask(_NEWROUTE, _ACK | _CREATE | _REPLACE, body, attributes)

    def _change(self, kind: int, flags: int, index: int, address: str, prefix: int) -> None:
        family = _family(address)
        raw = socket.inet_pton(family, address)
        attributes = [(2, raw), (1, raw)]
        if family == socket.AF_INET and prefix < 31:
            mask = (1 << (32 - prefix)) - 1
            attributes.append((4, struct.pack("!I", struct.unpack("!I", raw)[0] | mask)))
        flag = _NO_DAD if family == socket.AF_INET6 else 0
        self._ask(kind, flags, _ADDRESS.pack(family, prefix, flag, 0, index), attributes)

    def _ask(self, kind: int, flags: int, body: bytes, attributes: List[Tuple[int, bytes]]) -> List[bytes]:
        """The bodies of what is answered."""
        for number, value in attributes:
            body += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), number) + value + bytes(-len(value) % 4)
        self._socket.send(_HEADER.pack(_HEADER.size + len(body), kind, _REQUEST | flags, 1, 0) + body)
        found: List[bytes] = []
        while True:
            for answer, content in _messages(self._socket.recv(64 * 1024)):
                if answer == _ERROR:
                    code = struct.unpack_from("=i", content)[0]
                    if code:
                        raise OSError(-code, os.strerror(-code))
                    return found
                if answer == _DONE:
                    return found
                found.append(content)


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _messages(data: bytes) -> Iterator[Tuple[int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, _flags, _sequence, _port = _HEADER.unpack_from(data, at)
        yield kind, data[at + _HEADER.size : at + length]
        at += max(_HEADER.size, (length + 3) & ~3)


def _address(body: bytes) -> Address:
    family, prefix, _flags, scope, index = _ADDRESS.unpack_from(body)
    found: Dict[int, bytes] = {}
    at = _ADDRESS.size
    while at + _ATTRIBUTE.size <= len(body):
        length, number = _ATTRIBUTE.unpack_from(body, at)
        found[number & 0x3FFF] = body[at + _ATTRIBUTE.size : at + length]
        at += max(_ATTRIBUTE.size, (length + 3) & ~3)
    raw = found.get(2, found.get(1, b""))
    return Address(index, family, socket.inet_ntop(family, raw), prefix, scope)
