"""Network cards: what each declared card gets, from the network's own `port.py`, or a way out of the VM's own.

A network is a folder with `port.py`; asking again gives the same answer. Nothing of networks is known here but that.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from aivp_sdk import Permanent

from .declaration import Forward as DeclaredForward
from .declaration import Network
from .machine import client
from .machine.process import ENVIRONMENT
from .machine.spec import Card, Forward

PORT = "port.py"
_WITHIN = 60
_OWN: Mapping[str, Any] = {"netdev": ["user"], "mode": "user", "is_own": True}


@dataclass(frozen=True)
class Lease:
    """What one declared card got. netdevs: what its cards are plugged into, of which the first has the addresses."""

    mac: str
    netdevs: Tuple[str, ...]
    network: str = ""
    address: Optional[str] = None
    address6: Optional[str] = None
    facts: Mapping[str, Any] = None  # type: ignore[assignment]
    """As the network said it: prefix, gateway, dns and others."""


def attach(owner: str, index: int, wanted: Network) -> Lease:
    """Its lease. Raises Permanent."""
    if wanted.network is None:
        if wanted.address or wanted.address6:
            where = f"/networks/{index}/address"
            raise Permanent("a card without a network has no address to choose", path=where, mend="Name a network.")
        return Lease(wanted.mac or _mac(owner, index, 0), ("user",), facts=_OWN)
    options: List[str] = []
    for name in ("address", "address6", "mac"):
        value = getattr(wanted, name)
        if value:
            options += [f"--{name}", value]
    said = _ask(wanted.network, ["attach", owner, str(index), *options], index)
    netdevs = said["netdev"] if isinstance(said["netdev"], list) else [said["netdev"]]
    return Lease(said["mac"], tuple(netdevs), wanted.network, said.get("address"), said.get("address6"), facts=said)


def detach(owner: str, network: str) -> None:
    """All leases of an owner, and what was made for them, go. A network that is gone took them along."""
    if (Path(network) / PORT).exists():
        _ask(network, ["detach", owner], 0)


def forward(owner: str, index: int, wanted: Network) -> None:
    """Exactly these ports, where the network forwards them itself."""
    if wanted.network is not None:
        ports = [{"listen": one.listen, "port": one.port, "protocol": one.protocol} for one in wanted.forwards or []]
        _ask(wanted.network, ["forward", owner, str(index), json.dumps(ports)], index)


def cards(owner: str, leases: Sequence[Lease]) -> Tuple[Card, ...]:
    """The cards of a VM, in order: a lease may take more than one."""
    return tuple(
        Card(lease.mac if inner == 0 else _mac(owner, index, inner), netdev)
        for index, lease in enumerate(leases)
        for inner, netdev in enumerate(lease.netdevs)
    )


def forwards(wanted: Sequence[Network], leases: Sequence[Lease]) -> Tuple[Forward, ...]:
    """The ports that the driver forwards: those of cards with a way out of the VM's own. Raises Permanent."""
    found: List[Forward] = []
    first = 0
    for index, (network, lease) in enumerate(zip(wanted, leases)):
        user = [first + inner for inner, netdev in enumerate(lease.netdevs) if netdev.split(",")[0] == "user"]
        for number, one in enumerate(network.forwards or []):
            address, port = endpoint(one, f"/networks/{index}/forwards/{number}/listen")
            if user:
                found.append(Forward(user[0], address, port, one.port, one.protocol))
        first += len(lease.netdevs)
    places = [one.place for one in found]
    for place in places:
        if places.count(place) > 1:
            raise Permanent(f"{place} of the host is forwarded twice", path="/networks")
    return tuple(sorted(found, key=lambda one: (one.card, one.place, one.port)))


def endpoint(one: DeclaredForward, where: str) -> Tuple[str, int]:
    """Address and port of the host. Raises Permanent."""
    address, _, port = str(one.listen).rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise Permanent(f"{one.listen!r} is no port of the host", path=where, mend='A port, or "ADDRESS:PORT".')
    return address.strip("[]") or "127.0.0.1", int(port)


def personality(leases: Sequence[Lease], made: Sequence[Card]) -> List[Dict[str, Any]]:
    """What the guest is told of its cards, by hardware address."""
    found: List[Dict[str, Any]] = []
    rest = iter(made)
    for lease in leases:
        for inner, netdev in enumerate(lease.netdevs):
            card = next(rest)
            known = {"mac": card.mac, "dhcp": netdev.split(",")[0] == "user"}
            if inner == 0 and lease.address:
                keep = ("address", "address6", "prefix", "prefix6", "gateway", "gateway6", "dns")
                known = {"mac": card.mac, "dhcp": False, **{k: lease.facts.get(k) for k in keep}}
            found.append(known)
    return found


def _ask(network: str, words: Sequence[str], index: int) -> Dict[str, Any]:
    where, program = f"/networks/{index}/network", Path(network) / PORT
    if not program.exists():
        raise Permanent(f"{network} is no network: there is no {PORT}", path=where, mend="Refer to a network.")
    argv = [client.python(), "-I", str(program), *words]
    try:
        done = subprocess.run(
            argv, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=_WITHIN, check=False
        )
        said = json.loads(done.stdout or b"{}")
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise Permanent(f"the network did not answer: {error}", path=where) from None
    if done.returncode != 0 or not isinstance(said, dict) or "error" in said:
        text = said.get("error") if isinstance(said, dict) else None
        detail = text.get("message") if isinstance(text, dict) else text
        mend = text.get("mend") if isinstance(text, dict) else None
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        raise Permanent(f"the network refused: {detail or last}", path=where, mend=mend)
    return said


def _environment() -> Dict[str, str]:
    return {**ENVIRONMENT, "HOME": os.environ.get("HOME", "/")}


def _mac(owner: str, index: int, inner: int) -> str:
    """A local hardware address that follows from names."""
    digest = hashlib.sha256(f"{owner}/{index}/{inner}".encode()).digest()
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in digest[:3])
