"""The wire between a network's bridge and one host: plugged in at each boot, and what can be wrong with a wire.

`port` is the bridge's end, `host0` the host's. A delay puts a relay between bridge and port. Knows nothing of SSH.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.namespaces import Namespace, batch
from tests.lab.processes import end

BRIDGE = "lab0"
_PREFIX4, _PREFIX6, _MAC = "10.77.0.", "fd77::", "02:00:0a:4d:00:"
_QUEUE_BYTES = 256 * 1024
_REPOSITORY = Path(__file__).resolve().parents[2]


class Link:
    """The wire of the host with this number (1 to 254; the bridge itself has 1)."""

    def __init__(self, namespace: Namespace, number: int) -> None:
        self._namespace = namespace
        self._number = number
        self._pid: int | None = None
        self._relay: subprocess.Popen[str] | None = None
        self._is_cut = False

    @property
    def address(self) -> str:
        return f"{_PREFIX4}{self._number}"

    @property
    def address6(self) -> str:
        return f"{_PREFIX6}{self._number}"

    def plug(self, pid: int) -> None:
        """Connect the host whose init is `pid`: a wire without fault, whatever was before."""
        self._end_relay()
        self._is_cut = False
        with contextlib.suppress(LabError):  # the last boot's went with its namespace, sooner or later
            self._namespace.ip(f"link delete {self._port}")
        self._pid = pid
        self._namespace.ip(
            f"link add {self._port} type veth peer name host0 netns {pid}",
            f"link set {self._port} up",
            *_neighbours(BRIDGE, self._number),
        )
        batch(
            ["nsenter", f"--target={pid}", "--net", "--", "ip"],
            (
                f"link set host0 address {_mac(self._number)} up",
                f"address add {self.address}/24 dev host0",
                f"address add {self.address6}/64 dev host0 nodad",
                *_neighbours("host0", 1),
            ),
        )
        self._connect()

    def unplug(self) -> None:
        """End what this process runs for the link."""
        if self._relay is not None:
            end(self._relay.pid)
            self._relay.communicate()
            self._relay = None

    def cut(self) -> None:
        """Lose every frame, both ways, in silence: as a cable between two routers far away."""
        self._is_cut = True
        self._connect()

    def mend(self) -> None:
        """End a cut; delay and rate stay."""
        self._is_cut = False
        self._connect()

    def delay(self, seconds: float) -> None:
        """Add `seconds` to every round trip, half of it each way; 0 ends it."""
        self._end_relay()
        if not seconds:
            return
        self._namespace.ip(
            f"link set {self._port} nomaster",
            f"link add {self._near} type veth peer name {self._far}",
            f"link set {self._far} up",
            f"link set {self._near} up",
        )
        argv = [sys.executable, "-m", "tests.lab.relay", self._far, self._port, str(seconds / 2), str(os.getpid())]
        self._relay = subprocess.Popen(
            [*self._namespace.argv, *argv], cwd=_REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        assert self._relay.stdout is not None
        if self._relay.stdout.readline() != "ready\n":
            raise LabError(f"The link to {self.address} cannot be delayed.")
        self._connect()

    def throttle(self, bytes_per_second: int | None) -> None:
        """Let at most so much through each way; None ends it."""
        for channel, interface in self._ends:
            queue = ["dev", interface, "root"]
            if bytes_per_second is None:
                argv = [*channel, "tc", "qdisc", "del", *queue]
                subprocess.run(argv, capture_output=True, check=False)  # there may be none
                continue
            burst = max(bytes_per_second // 20, 4096)
            shape = f"tbf rate {bytes_per_second * 8}bit burst {burst} limit {burst + 256 * 1024}"
            subprocess.run(
                [*channel, "tc", "qdisc", "replace", *queue, *shape.split()], capture_output=True, check=True
            )

    def restore(self) -> None:
        """A wire without fault."""
        self.delay(0)
        self.throttle(None)
        self.mend()

    def _connect(self) -> None:
        """Put the near end into the bridge, or take it out: no end loses its carrier by that."""
        place = "nomaster" if self._is_cut else f"master {BRIDGE}"
        self._namespace.ip(f"link set {self._port if self._relay is None else self._near} {place}")

    @property
    def _port(self) -> str:
        return f"port{self._number}"

    @property
    def _near(self) -> str:
        return f"near{self._number}"

    @property
    def _far(self) -> str:
        return f"far{self._number}"

    @property
    def _ends(self) -> tuple[tuple[list[str], str], ...]:
        """How to reach each end, and its interface there."""
        if self._pid is None:
            raise LabError(f"Nothing is plugged in at {self.address}.")
        inside = ["nsenter", f"--target={self._pid}", "--net", "--"]
        return ((self._namespace.argv, self._port), (inside, "host0"))

    def _end_relay(self) -> None:
        if self._relay is None:
            return
        self.unplug()
        self._namespace.ip(f"link delete {self._near}")
        with contextlib.suppress(LabError):  # no port any more: the host is off
            self._connect()


def lay_bridge(namespace: Namespace) -> None:
    """The bridge, which is the controller's interface as well; a wire of its own keeps its carrier up."""
    namespace.ip(
        f"link add {BRIDGE} type bridge",
        f"link set {BRIDGE} address {_mac(1)} up",
        "link add keep0 type veth peer name keep1",
        f"link set keep0 master {BRIDGE} up",
        "link set keep1 up",
        f"address add {_PREFIX4}1/24 dev {BRIDGE}",
        f"address add {_PREFIX6}1/64 dev {BRIDGE} nodad",
    )


def _neighbours(interface: str, number: int) -> tuple[str, ...]:
    """Who lives where is known for good: a cut is then silence, and not "no route to host" after three seconds."""
    return tuple(
        f"neighbour replace {prefix}{number} lladdr {_mac(number)} dev {interface} nud permanent"
        for prefix in (_PREFIX4, _PREFIX6)
    )


def _mac(number: int) -> str:
    return f"{_MAC}{number:02x}"
