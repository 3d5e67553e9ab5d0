"""What else there is on the host: networks that ours would overlap, firewalls that would stop it, its name servers.

Only looks; whatever is found belongs to somebody else.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any, Iterator, List, Optional, Sequence, Tuple

from aivp_sdk import Permanent

from .segment import netlink, nft
from .segment.folder import Folder
from .segment.spec import Spec, Subnet, read_spec

_ELSEWHERE = "Choose another network: `ip route` on the host shows what it uses."
_ANOTHER = "Choose another network. If that one is no longer declared: apply once, and it goes; then apply again."
_RESOLVERS = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf")


def refuse_overlap(spec: Spec, folder: Folder) -> None:
    """Raise Permanent where an address of ours could also be meant to be elsewhere."""
    taken = [(other, what, _ANOTHER) for other, what in _of_networks(folder, spec)]
    taken += [(other, what, _ELSEWHERE) for other, what in _of_host(spec)]
    ours: List[Tuple[str, Optional[Subnet]]] = [("/cidr", spec.network), ("/cidr6", spec.network6)]
    for path, network in ours:
        for other, what, mend in taken:
            if network is not None and other.version == network.version and network.overlaps(other):
                raise Permanent(f"{network} overlaps {other}, {what}", path=path, mend=mend)


def refuse_overlap_of(first: Spec, second: Spec) -> None:
    """Raise Permanent about the second of two networks that would both be new."""
    if not (first.has_bridge or second.has_bridge):
        return
    pairs: List[Tuple[str, Optional[Subnet], Optional[Subnet]]] = [
        ("/cidr", first.network, second.network),
        ("/cidr6", first.network6, second.network6),
    ]
    for path, one, other in pairs:
        if one is not None and other is not None and one.version == other.version and one.overlaps(other):
            raise Permanent(
                f"{other} overlaps {one} of network {first.name}", path=path, mend="Choose another network."
            )


def stopped_by(spec: Spec) -> Iterator[str]:
    """Firewalls of others that by their policy drop what is forwarded, for people.

    What stays within a bridge meets them only where br_netfilter shows it to them.
    """
    if spec.mode == "isolated" and not _is_shown_to_firewalls():
        return
    if nft.drops_by_older_tables():
        yield (
            f"iptables-legacy drops what it does not know in its chain FORWARD: guests of {spec.name} get no further"
            f" than its rules allow, until it accepts what comes from and goes to {spec.bridge}"
        )
    for item in nft.all_listed():
        chain = item.get("chain")
        if chain is None or chain["table"].startswith("aivp-") or chain.get("hook") != "forward":
            continue
        if chain.get("policy") == "drop":
            yield (
                f"table {chain['family']} {chain['table']} drops what it does not know in its chain {chain['name']}, as"
                f" docker and firewalls do: guests of {spec.name} get no further than its rules allow, until it accepts"
                f" what comes from and goes to {spec.bridge}"
            )


def _is_shown_to_firewalls() -> bool:
    try:
        return Path("/proc/sys/net/bridge/bridge-nf-call-iptables").read_text(encoding="ascii").strip() == "1"
    except OSError:
        return False


def host_servers() -> List[str]:
    """The name servers that the host itself asks, as far as a guest could ask them, too."""
    for path in _RESOLVERS:
        found = [server for server in _servers(path) if not server.is_loopback and not server.is_link_local]
        if found:
            return [str(server) for server in found]
    return []


def _servers(path: str) -> List[Any]:
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            try:
                found.append(ipaddress.ip_address(words[1].partition("%")[0]))
            except ValueError:
                continue
    return found


def _of_networks(folder: Folder, ours: Spec) -> Iterator[Tuple[Subnet, str]]:
    """Those of the same place, also while they are inactive. Two of mode user never meet."""
    for other in folder.others:
        form = other.read_record()
        if form is None:
            continue
        spec = read_spec(form["spec"])
        if not (spec.has_bridge or ours.has_bridge):
            continue
        yield spec.network, f"which is network {spec.name}"
        if spec.network6 is not None:
            yield spec.network6, f"which is network {spec.name}"


def _of_host(spec: Spec) -> Iterator[Tuple[Subnet, str]]:
    links = netlink.links()
    names = {link.index: link.name for link in links.values()}
    mine = links[spec.bridge].index if spec.bridge in links else None
    for held in netlink.addresses():
        if held.link != mine and _counts(held.subnet):
            yield held.subnet, f"where the host has {held.address} ({names.get(held.link, '?')})"
    for route in netlink.routes():
        if (route.link is None or route.link != mine) and _counts(route.to):
            yield route.to, f"which the host reaches over {names.get(route.link or 0, 'no interface')}"


def _counts(network: Subnet) -> bool:
    """Ways to everywhere (some VPNs write them as two halves) are no place of their own."""
    return network.prefixlen > 1 and not network.is_link_local and not network.is_multicast and not network.is_loopback


__all__: Sequence[str] = ["host_servers", "refuse_overlap", "refuse_overlap_of", "stopped_by"]
