"""Who has which addresses of a network: reading, writing and giving out leases. Allocation is pure.

A lease is its owner's until it is detached, whatever is on or off meanwhile; nobody ever gets one that another has.
"""

from __future__ import annotations

import ipaddress
from dataclasses import asdict, dataclass, replace
from typing import Any, Dict, Mapping, Optional, Sequence, Set, Tuple, Union

from . import addressing
from .folder import Folder, read, write
from .problem import Refused
from .spec import Address, Reservation, Spec

VERSION = 1


@dataclass(frozen=True)
class Lease:
    """index: which interface of the owner. tap: its interface on the host; uid: who may open it, None for root.

    witness: a path that is there as long as the owner is; forwards: as they were asked for, in order.
    """

    owner: str
    index: int
    mac: str
    address: str
    address6: Optional[str] = None
    tap: Optional[str] = None
    uid: Optional[int] = None
    witness: Optional[str] = None
    forwards: Tuple[Mapping[str, Any], ...] = ()

    @property
    def holder(self) -> str:
        """For people: whose it is."""
        return f"{self.owner} (interface {self.index})" if self.index else self.owner

    def form(self) -> Dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "forwards": [dict(item) for item in self.forwards]}


Leases = Tuple[Lease, ...]


@dataclass(frozen=True)
class Wish:
    """What an owner asks for; None where anything will do."""

    owner: str
    index: int
    address: Optional[str] = None
    address6: Optional[str] = None
    mac: Optional[str] = None
    uid: Optional[int] = None
    witness: Optional[str] = None


def read_leases(folder: Folder) -> Leases:
    """All leases of a network. Raises Refused where the file is damaged."""
    form = read(folder.leases)
    if form is None:
        return ()
    try:
        return tuple(Lease(**{**item, "forwards": tuple(item["forwards"])}) for item in form["leases"])
    except (KeyError, TypeError, AttributeError):
        mend = "Put it back from a copy, or remove it: guests then get other addresses."
        raise Refused(f"{folder.leases} is damaged", mend=mend) from None


def write_leases(folder: Folder, leases: Sequence[Lease]) -> None:
    """Durable once this returns. Call it under the folder's lock."""
    ordered = sorted(leases, key=lambda lease: (lease.owner, lease.index))
    write(folder.leases, {"version": VERSION, "leases": [lease.form() for lease in ordered]})


def find(leases: Sequence[Lease], owner: str, index: int) -> Optional[Lease]:
    """The lease of one interface, if there is one."""
    return next((lease for lease in leases if (lease.owner, lease.index) == (owner, index)), None)


def allocate(spec: Spec, leases: Sequence[Lease], wish: Wish) -> Lease:
    """The lease for a wish: what its owner has already, as far as it is not asked to be another. Raises Refused."""
    held = find(leases, wish.owner, wish.index)
    others = [lease for lease in leases if lease is not held]
    mine = next((item for item in spec.reservations if (item.owner, item.index) == (wish.owner, wish.index)), None)
    address = _address(spec, others, wish, mine, held)
    lease = Lease(
        wish.owner,
        wish.index,
        mac=_mac(spec, others, wish, mine, held),
        address=str(address),
        address6=_address6(spec, others, wish, mine, held, address),
        uid=wish.uid,
        witness=wish.witness,
    )
    if held is None:
        return lease
    return replace(lease, tap=held.tap, forwards=held.forwards, witness=wish.witness or held.witness)


def _address(
    spec: Spec, others: Sequence[Lease], wish: Wish, mine: Optional[Reservation], held: Optional[Lease]
) -> ipaddress.IPv4Address:
    reserved = _reserved(spec, mine, "address")
    asked = wish.address or (mine.address if mine else None)
    if asked is not None:
        found = _static(spec, asked, spec.network, spec.gateway)
        _check_free(spec, found, others, reserved)
        return ipaddress.IPv4Address(found)
    taken = {ipaddress.IPv4Address(lease.address) for lease in others} | {ipaddress.IPv4Address(spec.gateway)}
    taken |= {ipaddress.IPv4Address(text) for text in reserved}
    if held is not None:
        kept = ipaddress.IPv4Address(held.address)
        if kept in spec.network and kept not in taken:
            return kept
    return addressing.free_address(spec, f"{wish.owner}/{wish.index}", taken)


def _address6(
    spec: Spec,
    others: Sequence[Lease],
    wish: Wish,
    mine: Optional[Reservation],
    held: Optional[Lease],
    address: ipaddress.IPv4Address,
) -> Optional[str]:
    network = spec.network6
    asked = wish.address6 or (mine.address6 if mine else None)
    if network is None or spec.gateway6 is None:
        if asked is not None:
            raise Refused(
                f"network {spec.name} has no IPv6, so {asked} cannot be had", mend="Declare `cidr6` for the network."
            )
        return None
    reserved = _reserved(spec, mine, "address6")
    if asked is not None:
        found = _static(spec, asked, network, spec.gateway6)
        _check_free(spec, found, others, reserved)
        return str(found)
    taken: Set[ipaddress.IPv6Address] = {ipaddress.IPv6Address(spec.gateway6)}
    taken |= {ipaddress.IPv6Address(lease.address6) for lease in others if lease.address6}
    taken |= {ipaddress.IPv6Address(text) for text in reserved}
    if held is not None and held.address6 is not None:
        kept = ipaddress.IPv6Address(held.address6)
        if kept in network and kept not in taken:
            return str(kept)
    return str(addressing.free_address6(spec, address, taken))


def _mac(spec: Spec, others: Sequence[Lease], wish: Wish, mine: Optional[Reservation], held: Optional[Lease]) -> str:
    holders = {lease.mac: lease.holder for lease in others}
    reserved = {item.mac: item.owner for item in spec.reservations if item is not mine and item.mac}
    asked = wish.mac or (mine.mac if mine else None)
    if asked is not None:
        found = addressing.read_mac(asked)
        other = holders.get(found) or reserved.get(found)
        if other is not None:
            raise Refused(f"the MAC {found} belongs to {other} in network {spec.name}", mend="Choose another one.")
        return found
    taken = {*holders, *reserved, spec.bridge_mac}
    if held is not None and held.mac not in taken:
        return held.mac
    return next(mac for mac in addressing.macs(spec.key, wish.owner, wish.index) if mac not in taken)


def _reserved(spec: Spec, mine: Optional[Reservation], name: str) -> Dict[str, str]:
    """Addresses that are kept for others → for whom."""
    found = {getattr(item, name): item.owner for item in spec.reservations if item is not mine}
    return {address: owner for address, owner in found.items() if address is not None}


def _static(
    spec: Spec, text: str, network: Union[ipaddress.IPv4Network, ipaddress.IPv6Network], gateway: str
) -> Address:
    """An address that somebody chose. Raises Refused where no guest of this network can have it."""
    try:
        found: Address = ipaddress.ip_address(text)
    except ValueError:
        raise Refused(f"{text} is no address", mend=f"Choose one of {network}.") from None
    if found not in network:
        raise Refused(f"{text} is not in network {spec.name}, which is {network}", mend=f"Choose one of {network}.")
    if found == network.network_address or (found.version == 4 and found == network.broadcast_address):
        raise Refused(f"{text} is no guest's: it stands for all of {network}", mend="Choose another address.")
    if str(found) == gateway:
        raise Refused(f"{text} is the host's own address in network {spec.name}", mend="Choose another address.")
    return found


def _check_free(spec: Spec, found: Address, others: Sequence[Lease], reserved: Mapping[str, str]) -> None:
    for lease in others:
        if str(found) in (lease.address, lease.address6):
            raise Refused(
                f"{found} is taken in network {spec.name}: {lease.holder} has it",
                mend="Choose another address, or detach that one first.",
            )
    if str(found) in reserved:
        raise Refused(
            f"{found} is reserved in network {spec.name} for {reserved[str(found)]}", mend="Choose another address."
        )
