"""Network cards: what each declared card gets, from the network's own `port.py`, or a way out of the VM's own.

A network is a folder with `port.py`; asking again gives the same answer. Nothing else of networks is known here. One
that needs no privilege gives two cards: one on the segment that its guests share, and one that leads out.
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
OWN: Mapping[str, Any] = {"address": "10.0.2.15", "prefix": 24, "gateway": "10.0.2.2", "dns": ["10.0.2.3"]}
"""What QEMU's own way out gives to the one card in it."""


@dataclass(frozen=True)
class Lease:
    """What one declared card got: one or two cards, and what the guest is told of each.

    network: its folder, or empty; address, address6: those that others reach it by.
    """

    cards: Tuple[Card, ...]
    links: Tuple[Mapping[str, Any], ...]
    network: str = ""
    address: Optional[str] = None
    address6: Optional[str] = None


def attach(owner: str, index: int, wanted: Network, witness: Path) -> Lease:
    """Its lease, with its forwards where the network does them. witness: once it is gone, so is the owner.

    Raises Permanent.
    """
    if wanted.network is None:
        return _own(owner, index, wanted)
    options: List[str] = ["--witness", str(witness)]
    for name in ("address", "address6", "mac"):
        value = getattr(wanted, name)
        if value:
            options += [f"--{name}", value]
    said = _ask(wanted.network, ["attach", owner, str(index), *options], index)
    ports = [{"listen": _place(one), "port": one.port, "protocol": one.protocol} for one in wanted.forwards or []]
    _ask(wanted.network, ["forward", owner, str(index), json.dumps(ports)], index)
    cards, links = [Card(said["mac"], said["netdev"][0])], [_link(said["mac"], said)]
    uplink = said.get("user")
    if uplink:
        cards.append(Card(uplink["mac"], uplink["netdev"]))
        links.append(_link(uplink["mac"], uplink))
    return Lease(tuple(cards), tuple(links), wanted.network, said.get("address"), said.get("address6"))


def detach(owner: str, network: str) -> None:
    """All leases of an owner, and what was made for them, go. A network that is gone took them along."""
    if (Path(network) / PORT).exists():
        _ask(network, ["detach", owner], 0)


def forwards(wanted: Sequence[Network], leases: Sequence[Lease]) -> Tuple[Forward, ...]:
    """The ports that the driver forwards: those of cards that it makes a way out for. Raises Permanent."""
    found: List[Forward] = []
    first = 0
    for index, (network, lease) in enumerate(zip(wanted, leases)):
        user = [first + inner for inner, card in enumerate(lease.cards) if card.is_user]
        for number, one in enumerate(network.forwards or []):
            address, port = endpoint(one, f"/networks/{index}/forwards/{number}/listen")
            if user:
                found.append(Forward(user[0], address, port, one.port, one.protocol))
        first += len(lease.cards)
    places = [one.place for one in found]
    for place in places:
        if places.count(place) > 1:
            raise Permanent(f"{place} of the host is forwarded twice", path="/networks")
    return tuple(sorted(found, key=lambda one: (one.card, one.place, one.port)))


def endpoint(one: DeclaredForward, where: str) -> Tuple[str, int]:
    """Address and port of the host. Raises Permanent."""
    address, _, port = _place(one).rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise Permanent(f"{one.listen!r} is no port of the host", path=where, mend='A port, or "ADDRESS:PORT".')
    return address, int(port)


def _place(one: DeclaredForward) -> str:
    """Where it listens: at a port alone only this host can connect, not everybody who reaches it."""
    return one.listen if isinstance(one.listen, str) and ":" in one.listen else f"127.0.0.1:{one.listen}"


def _own(owner: str, index: int, wanted: Network) -> Lease:
    if wanted.address or wanted.address6:
        where = f"/networks/{index}/address"
        raise Permanent("a card without a network has no address to choose", path=where, mend="Name a network.")
    mac = wanted.mac or _mac(owner, index)
    return Lease((Card(mac, "user"),), (_link(mac, OWN),))


def _link(mac: str, said: Mapping[str, Any]) -> Dict[str, Any]:
    """What the guest is told of a card, which it knows by its hardware address."""
    found: Dict[str, Any] = {"mac": mac, "addresses": []}
    for suffix in ("", "6"):
        if said.get(f"address{suffix}"):
            found["addresses"].append(f"{said[f'address{suffix}']}/{said[f'prefix{suffix}']}")
        if said.get(f"gateway{suffix}"):
            found[f"gateway{suffix}"] = said[f"gateway{suffix}"]
    found["dns"] = list(said.get("dns") or [])
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
    if done.returncode == 0 and isinstance(said, dict):
        return said
    problem = said.get("error") if isinstance(said, dict) else None
    if isinstance(problem, dict):
        raise Permanent(f"the network refused: {problem.get('message')}", path=where, mend=problem.get("mend"))
    last = (done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
    raise Permanent(f"the network refused: {last}", path=where)


def _environment() -> Dict[str, str]:
    return {**ENVIRONMENT, "HOME": os.environ.get("HOME", "/")}


def _mac(owner: str, index: int) -> str:
    """A local hardware address that follows from names."""
    digest = hashlib.sha256(f"{owner}/{index}".encode()).digest()
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in digest[:3])
