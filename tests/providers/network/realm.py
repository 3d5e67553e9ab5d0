"""A world of network namespaces: a host, what is outside of it, and guests that hold taps as QEMU does.

Each namespace lives as long as a process of ours, and goes with it however this one ends. Nothing of the machine's own
network takes part.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from aivp_network.provider import PROVIDER
from aivp_sdk.testing import Harness

RELAY = Path(__file__).with_name("relay.py")
TALK = Path(__file__).with_name("talk.py")
_NO_DAD = "sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0"  # a second of waiting each
_BEGIN = f"ip link set lo up && {_NO_DAD} && echo && exec sleep 3600"
_DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")


def missing() -> str | None:
    """Why there can be no such world here; None where there can."""
    if os.geteuid() != 0:
        return "only root can make network namespaces"
    names = [name for name in ("ip", "nft", "nsenter", "unshare", "setpriv") if shutil.which(name) is None]
    return f"missing: {', '.join(names)}" if names else None


class Space:
    """One network namespace, its loopback up."""

    def __init__(self) -> None:
        argv = [*_DIES_WITH_US, "unshare", "--net", "sh", "-c", _BEGIN]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._process.stdout.readline()
        self._started: list[subprocess.Popen[str]] = []

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def argv(self) -> list[str]:
        """Put a command behind it."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--"]

    def run(self, *argv: str, check: bool = True, stdin: str = "") -> str:
        """What a command says."""
        done = subprocess.run([*self.argv, *argv], input=stdin, capture_output=True, text=True, timeout=60, check=False)
        assert not check or done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout

    def ip(self, *lines: str) -> None:
        """Lines for `ip -batch`."""
        self.run("ip", "-batch", "-", stdin="".join(f"{line}\n" for line in lines))

    def start(self, *argv: str) -> subprocess.Popen[str]:
        """A program that has said its first line; it ends with us."""
        process = subprocess.Popen([*self.argv, *_DIES_WITH_US, *argv], stdout=subprocess.PIPE, text=True)
        self._started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline(), argv
        return process

    def serve(self, port: int, protocol: str = "tcp") -> None:
        """Answer everybody who asks at a port with his address."""
        self.start(sys.executable, str(TALK), "serve", protocol, str(port))

    def ask(self, address: str, port: int, protocol: str = "tcp") -> str | None:
        """As whom somebody sees us; None where nobody answers."""
        found = self.run(sys.executable, str(TALK), "ask", protocol, address, str(port), check=False).strip()
        return found or None

    def told(self, address: str, port: int, protocol: str = "tcp") -> str | None:
        """As `ask`, where an answer is expected: patient with a busy machine."""
        answers: list[str] = []
        eventually(lambda: answers.extend(filter(None, [self.ask(address, port, protocol)])) or answers, 15)
        return answers[0] if answers else None

    def pings(self, address: str) -> bool:
        """Whether an address answers."""
        argv = [*self.argv, sys.executable, str(TALK), "ping", address]
        return subprocess.run(argv, capture_output=True, timeout=10, check=False).returncode == 0

    def close(self) -> None:
        for process in [*self._started, self._process]:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


class Realm:
    """A host with an uplink to what is outside: 192.0.2.1 and 2001:db8::1 here, .2 and ::2 there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host, self.outside = Space(), Space()
        self.guests: list[Space] = []
        self.host.ip(
            f"link add up0 type veth peer name eth0 netns {self.outside.pid}",
            "address add 192.0.2.1/24 dev up0",
            "address add 2001:db8::1/64 dev up0 nodad",
            "link set up0 up",
        )
        self.outside.ip(
            "address add 192.0.2.2/24 dev eth0", "address add 2001:db8::2/64 dev eth0 nodad", "link set eth0 up"
        )
        self.host.ip("route add default via 192.0.2.2", "route add default via 2001:db8::2")

    def harness(self) -> Harness:
        """The provider, at work on the host."""
        argv = [*self.host.argv, sys.executable, "-m", "aivp_network"]
        return Harness(PROVIDER, {"folder": str(self.folder)}, argv)

    def port(self, *argv: str, network: str = "lab") -> dict[str, Any]:
        """What `port.py` of a network answers."""
        program = self.folder / "networks" / network / "port.py"
        return json.loads(self.host.run("/usr/bin/python3", "-I", str(program), *argv, check=False))  # type: ignore[no-any-return]

    def forward(self, owner: str, *forwards: Mapping[str, Any], network: str = "lab") -> dict[str, Any]:
        """Make these an owner's forwards."""
        return self.port("forward", owner, "0", json.dumps(list(forwards)), network=network)

    def guest(self, owner: str, *options: str, network: str = "lab") -> Guest:
        """A guest with an interface in a network, configured as its lease says."""
        lease = self.port("attach", owner, "0", *options, network=network)
        assert "error" not in lease, lease
        space = Guest(lease)
        self.guests.append(space)
        self.host.start(sys.executable, str(RELAY), lease["tap"], str(space.pid), lease["mac"])
        space.configure()
        for address in (lease["address"], lease["address6"]):  # a new bridge takes a moment to know its neighbours
            assert address is None or eventually(lambda there=address: self.host.pings(there)), address
        return space

    def snapshot(self) -> dict[str, Any]:
        """All that could be changed on the host."""
        settings = self.host.run("sysctl", "-a", "-r", r"^net\.ipv[46]\.(conf|ip_forward)")
        return {
            "addresses": [_lasting(item) for item in json.loads(self.host.run("ip", "-j", "addr"))],
            **{what: self.host.run("ip", *what.split()).splitlines() for what in _TABLES},
            "rules": self.host.run("nft", "list", "ruleset").splitlines(),
            "settings": sorted(settings.splitlines()),
        }

    def close(self) -> None:
        for space in [*self.guests, self.host, self.outside]:
            space.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Guest(Space):
    """A namespace whose `eth0` is the guest's end of a tap."""

    def __init__(self, lease: Mapping[str, Any]) -> None:
        super().__init__()
        self.lease = lease
        self.address = str(lease["address"])

    def configure(self) -> None:
        """As cloud-init does it, from the lease."""
        lease = self.lease
        lines = [f"address add {lease['address']}/{lease['prefix']} dev eth0", f"link set eth0 mtu {lease['mtu']} up"]
        if lease["address6"]:
            lines.append(f"address add {lease['address6']}/{lease['prefix6']} dev eth0 nodad")
        for gateway in (lease["gateway"], lease["gateway6"]):
            lines += [f"route add default via {gateway}"] if gateway else []
        self.ip(*lines)


def eventually(holds: Any, seconds: float = 5.0) -> bool:
    """True as soon as something holds."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


_TABLES = ("route show table all", "-6 route show table all", "rule", "-6 rule")


def _lasting(link: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in link.items() if name != "stats64"}


__all__: Sequence[str] = ["Guest", "Realm", "Space", "eventually", "missing"]
