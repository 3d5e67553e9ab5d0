"""Forwards of ports of one lease: what is asked for → checked against everybody else's, recorded, and in effect."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator, List, Sequence, Tuple

from . import listeners, netlink, nft, rules, wires
from .folder import Folder
from .leases import Lease, Leases, find, read_leases, write_leases
from .listen import Forward, form_of, read_forward
from .problem import Refused
from .spec import Spec, read_spec


def set_forwards(folder: Folder, spec: Spec, owner: str, index: int, wanted: Any) -> Lease:
    """Make these the forwards of a lease, all others go; the lease. Call it under the lock. Raises Refused."""
    leases = read_leases(folder)
    lease = find(leases, owner, index)
    if lease is None:
        raise Refused(f"{owner} has no lease {index} in network {spec.name}", mend="Attach it first.")
    if not isinstance(wanted, list):
        raise Refused("the forwards are no list", mend='Write [{"listen": "8080", "port": 80, "protocol": "tcp"}].')
    asked = [read_forward(form) for form in wanted]
    _check(folder, spec, leases, lease, asked)
    changed = replace(lease, forwards=tuple(form_of(forward) for forward in asked))
    after = tuple(changed if item is lease else item for item in leases)
    if spec.mode == "nat" and changed.forwards != lease.forwards:
        load(spec, after)
    write_leases(folder, after)
    if spec.mode == "nat" and changed.forwards == lease.forwards:
        load(spec, after)  # somebody may have taken them away
    return changed


def load(spec: Spec, leases: Sequence[Lease]) -> None:
    """Bring the recorded forwards into effect, live. Raises Refused."""
    assert spec.table is not None
    if nft.listed(spec.table) is None:
        raise Refused(
            f"network {spec.name} is not active: its table of rules is not there", mend="Apply the project again."
        )
    nft.load(rules.forwards(spec, leases))


def _check(folder: Folder, spec: Spec, leases: Leases, lease: Lease, asked: Sequence[Forward]) -> None:
    if asked and spec.mode == "isolated":
        mend = "Use mode: nat, which with egress: {default: deny} lets nobody out either."
        raise Refused(f"network {spec.name} is isolated: no port is forwarded to its guests", mend=mend)
    had = [read_forward(form) for form in lease.forwards]
    others = [*_of_others(folder, spec, leases, lease)]
    for number, forward in enumerate(asked):
        _check_form(spec, forward, lease)
        holder = next((name for name, other in others if other.meets(forward)), None)
        if holder is None and any(other.meets(forward) for other in asked[:number]):
            holder = "another forward of the same interface"
        is_ours = spec.mode == "user" and any(other.meets(forward) for other in had)  # the guest's own QEMU listens
        _check_address(spec, forward)
        if holder is None and not is_ours:
            holder = listeners.holder(forward)
        if holder is not None:
            raise Refused(
                f"{forward.text} of the host is taken: {holder} has it", mend="Choose another port, or end that one."
            )


def _check_form(spec: Spec, forward: Forward, lease: Lease) -> None:
    """What this mode can do at all."""
    if spec.mode == "user":
        wires.hostfwd(spec, forward)
    elif forward.address is not None and forward.address.version == 6 and forward.address.is_loopback:
        mend = "Listen at 127.0.0.1, or use mode: user."
        raise Refused(f"mode nat cannot forward from ::1: {forward.text}", mend=mend)
    elif not forward.is_for(4) and lease.address6 is None:
        mend = "Listen at an IPv4 address, or declare `cidr6` for the network."
        raise Refused(f"{lease.owner} has no IPv6 address to forward {forward.text} to", mend=mend)


def _check_address(spec: Spec, forward: Forward) -> None:
    """Whether anybody could ever come in there."""
    address = forward.address
    if (
        address is not None
        and not address.is_loopback
        and address not in [held.address for held in netlink.addresses()]
    ):
        mend = "Listen at one of the host's addresses (`ip address`), or leave the address out."
        raise Refused(f"{address} is no address of the host, so {forward.text} reaches nobody", mend=mend)
    if spec.mode == "user" and os.geteuid() != 0 and forward.host_port < _first_unprivileged():
        mend = f"Use a port from {_first_unprivileged()} on, or set net.ipv4.ip_unprivileged_port_start on the host."
        raise Refused(f"only root may listen at {forward.text}", mend=mend)


def _first_unprivileged() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 1024


def _of_others(folder: Folder, spec: Spec, leases: Leases, lease: Lease) -> Iterator[Tuple[str, Forward]]:
    """All forwards of the place but those of one lease, with whose they are, for people."""
    yield from _of(spec.name, [item for item in leases if item is not lease])
    for other in folder.others:
        form = other.read_record()
        if form is not None:
            yield from _of(read_spec(form["spec"]).name, read_leases(other))


def _of(name: str, leases: Sequence[Lease]) -> Iterator[Tuple[str, Forward]]:
    for lease in leases:
        for form in lease.forwards:
            yield f"{lease.holder} of network {name}", read_forward(form)


__all__: List[str] = ["load", "set_forwards"]
