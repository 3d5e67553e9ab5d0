"""What distance costs: a plan over a link with and without added delay, and its packets' turns, counted outside."""

from __future__ import annotations

import select
import socket
import statistics
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.measure import Sample, measure
from bench.ssh.site import Site
from bench.ssh.tools import Tool

DELAYS = (0, 50)
"""Milliseconds that are added to a round trip."""

_BRIDGE = "lab0"
_ETHERNET, _IPV4, _TCP = 14, b"\x08\x00", 6


@dataclass
class Turns:
    """How often the controller sent data after data had come: what came had to be there first, so each is a round trip.

    `count` is there once the block that watches has been left.
    """

    address: str
    count: int = 0
    _last: bool = field(default=False, repr=False)

    def take(self, frame: bytes) -> None:
        """One frame of the controller's interface."""
        if frame[12:14] != _IPV4 or frame[_ETHERNET + 9] != _TCP:
            return
        ip = frame[_ETHERNET:]
        tcp = ip[(ip[0] & 15) * 4 :]
        size = int.from_bytes(ip[2:4], "big") - (ip[0] & 15) * 4 - (tcp[12] >> 4) * 4
        source, target = socket.inet_ntoa(ip[12:16]), socket.inet_ntoa(ip[16:20])
        if size <= 0 or self.address not in (source, target):
            return
        is_answer = source == self.address
        self.count += self._last and not is_answer
        self._last = is_answer


@contextmanager
def turns(site: Site) -> Iterator[Turns]:
    """Watch what goes to the first host and comes from it."""
    found, ended = Turns(site.hosts[0].address), threading.Event()
    with site.network.joined():
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    tap.bind((_BRIDGE, 0))

    def watch() -> None:
        while not ended.is_set() or select.select([tap], [], [], 0)[0]:
            if select.select([tap], [], [], 0.1)[0]:
                found.take(tap.recv(65536))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        ended.set()
        watcher.join()
        tap.close()


def latency(
    site: Site, tools: Sequence[Tool], rounds: int, note: Callable[[str], None]
) -> Iterator[tuple[int, str, Sample, int]]:
    """(delay in ms, tool, sample, turns) of a dry run from empty, for the first host. Tools take turns."""
    link = site.hosts[0].link
    for tool in tools:
        tool.prepare()
        tool.reset()
        measure([*site.network.argv, *tool.argv("dry run")], tool.folder, extra=tool.environment)
    for delay in DELAYS:
        link.delay(delay / 1000)
        try:
            for _ in range(rounds):
                for tool in tools:
                    with turns(site) as counted:
                        argv = [*site.network.argv, *tool.argv("dry run")]
                        sample = measure(argv, tool.folder, extra=tool.environment)
                    note(f"{tool.name}, {delay} ms: {sample.wall:.2f} s, {counted.count} turns")
                    yield delay, tool.name, sample, counted.count
        finally:
            link.delay(0)


def trips(near: Sequence[Sample], far: Sequence[Sample]) -> float:
    """Round trips that a command waits for, from what the added delay makes of its time."""
    medians = [statistics.median(item.wall for item in samples) for samples in (near, far)]
    return (medians[1] - medians[0]) * 1000 / (DELAYS[1] - DELAYS[0])
