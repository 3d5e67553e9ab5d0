"""The bridge of a network: brought about, looked at, and taken away. The sole door to pyroute2, imported to change.

Ours is known by its MAC, which is there from the moment of its making, and by its alias, which says so to people.
"""

from __future__ import annotations

import contextlib
import ipaddress
from pathlib import Path
from typing import Mapping, Optional

from .segment import addressing, netlink
from .segment.problem import Refused
from .segment.spec import Spec

_NO_DAD = 0x02


def alias_of(name: str, key: str) -> str:
    """What `ip link` shows of it."""
    return f"aivp network {name} {key}"


def is_ours(link: netlink.Link, name: str, key: str) -> bool:
    """True for the bridge of this network."""
    return link.kind == "bridge" and (link.mac == addressing.mac_of(key, "bridge") or link.alias == alias_of(name, key))


def choose(name: str, key: str, asked: Optional[str], had: Optional[str]) -> str:
    """The name of a network's bridge: what is asked for, what it has, or one that nobody has. Raises Refused."""
    links = netlink.links()
    if asked is not None:
        _refuse_taken(links, asked, name, key)
        return asked
    candidates = [*([had] if had else []), *addressing.bridge_names(name, key)]
    return next(text for text in candidates if text not in links or is_ours(links[text], name, key))


def is_as_declared(spec: Spec, links: Mapping[str, netlink.Link]) -> bool:
    """True where the bridge is there, up, and has its addresses."""
    link = links.get(str(spec.bridge))
    if link is None or not is_ours(link, spec.name, spec.key) or not link.is_up or link.mtu != spec.mtu:
        return False
    held = {
        str(item.address) for item in netlink.addresses() if item.link == link.index and not item.address.is_link_local
    }
    return held == {text for text in (spec.gateway, spec.gateway6) if text is not None}


def raise_bridge(spec: Spec) -> None:
    """Bring the bridge about, from whatever there is of it. Raises Refused."""
    from pyroute2 import IPRoute  # 0.2 s of CPU: only to change something
    from pyroute2.netlink.exceptions import NetlinkError

    name = str(spec.bridge)
    _refuse_taken(netlink.links(), name, spec.name, spec.key)
    try:
        with IPRoute() as kernel:
            found = netlink.links().get(name)
            if found is None:
                kernel.link("add", ifname=name, kind="bridge", address=spec.bridge_mac)
                found = netlink.links()[name]
            kernel.link("set", index=found.index, ifalias=alias_of(spec.name, spec.key))
            kernel.link("set", index=found.index, address=spec.bridge_mac)
            _settings(spec)
            kernel.link("set", index=found.index, mtu=spec.mtu, state="up")
            _addresses(kernel, spec, found.index)
    except NetlinkError as error:
        raise Refused(_said(spec, error), mend=_MEND.get(error.code)) from None


def remove(name: Optional[str], network: str, key: str) -> None:
    """Take the bridge away; what is not ours is left alone."""
    link = netlink.links().get(str(name))
    if link is not None and is_ours(link, network, key):
        netlink.delete_link(link.index)


_MEND = {
    1: "Let aivp become root on the host, or use mode: user.",
    95: "Load the kernel's module: modprobe bridge.",
}


def _said(spec: Spec, error: Exception) -> str:
    return f"the bridge {spec.bridge} cannot be made: {error.args[-1] if error.args else error}"


def _settings(spec: Spec) -> None:
    """Of this interface alone: no guest advertises routes to the host; loopback may be forwarded, which rules guard."""
    wanted = {
        "ipv6/conf/{}/accept_ra": "0",
        "ipv6/conf/{}/autoconf": "0",
        "ipv6/conf/{}/disable_ipv6": "1" if spec.cidr6 is None else "0",
        "ipv4/conf/{}/route_localnet": "1" if spec.mode == "nat" else "0",
    }
    for path, value in wanted.items():
        with contextlib.suppress(FileNotFoundError):  # no IPv6 here
            Path("/proc/sys/net", path.format(spec.bridge)).write_text(value, encoding="ascii")


def _addresses(kernel: object, spec: Spec, index: int) -> None:
    wanted = {spec.gateway: spec.network.prefixlen}
    if spec.gateway6 is not None and spec.network6 is not None:
        wanted[spec.gateway6] = spec.network6.prefixlen
    change = getattr(kernel, "addr")  # noqa: B009  # pyroute2 has no types
    for held in netlink.addresses():
        if held.link != index or held.address.is_link_local:
            continue
        if wanted.get(str(held.address)) == held.subnet.prefixlen:
            del wanted[str(held.address)]
        else:
            change("del", index=index, address=str(held.address), prefixlen=held.subnet.prefixlen)
    for address, prefix in wanted.items():
        extra = {"flags": _NO_DAD} if ipaddress.ip_address(address).version == 6 else {}
        change("add", index=index, address=address, prefixlen=prefix, **extra)


def _refuse_taken(links: Mapping[str, netlink.Link], bridge: str, name: str, key: str) -> None:
    link = links.get(bridge)
    if link is not None and not is_ours(link, name, key):
        raise Refused(
            f"{bridge} is somebody else's interface on this host" + (f": {link.alias}" if link.alias else ""),
            path="/bridge",
            mend="Choose another name, or leave `bridge` out.",
        )
