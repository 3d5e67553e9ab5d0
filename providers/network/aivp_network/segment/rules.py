"""A network and its leases → the text of its table of nftables, loaded as a whole or not at all. Pure.

Guests reach each other, and outside what `egress` says; nobody reaches them but through a forward or from the host
itself. The table says nothing of packets that neither come from the bridge nor go there.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Iterator, List, Mapping, Sequence

from .leases import Lease
from .listen import Forward, read_forward
from .spec import Spec

_NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept"
_PINGS = ("icmp type echo-request accept", "icmpv6 type echo-request accept")


def table(spec: Spec, leases: Sequence[Lease]) -> str:
    """The whole table, in place of what there is of it."""
    chains = [_guard(spec), _forward(spec), _input(spec), _egress(spec)]
    if spec.mode == "nat":
        chains += [_redirection(), ("forwards", "", list(redirections(leases))), _output(), _postrouting(spec)]
    head = f"inet {spec.table}"
    body = "".join(_chain(*chain) for chain in chains)
    return f"table {head} {{}}\ndelete table {head}\ntable {head} {{\n{body}}}\n"


def forwards(spec: Spec, leases: Sequence[Lease]) -> str:
    """Only the forwards, in place of those that there are."""
    lines = [f"flush chain inet {spec.table} forwards"]
    lines += [f"add rule inet {spec.table} forwards {rule}" for rule in redirections(leases)]
    return "".join(f"{line}\n" for line in lines)


def removal(name: str) -> str:
    """No such table any more, whether there was one or not."""
    return f"table inet {name} {{}}\ndelete table inet {name}\n"


def _chain(name: str, hook: str, rules: Sequence[str]) -> str:
    lines = [f"type {hook}; policy accept;"] if hook else []
    return f"\tchain {name} {{\n" + "".join(f"\t\t{line}\n" for line in [*lines, *rules]) + "\t}\n"


def _guard(spec: Spec) -> Any:
    """The bridge may lead loopback addresses, which forwards from 127.0.0.1 need; its guests may not use them."""
    here = f'iifname "{spec.bridge}"'
    rules = [f"{here} ip daddr 127.0.0.0/8 drop", f"{here} ip saddr 127.0.0.0/8 drop", f"{here} ip6 daddr ::1 drop"]
    return ("guard", "filter hook prerouting priority raw", rules)


def _forward(spec: Spec) -> Any:
    """What passes through: among guests, what was begun or forwarded, and what egress admits."""
    here, there = f'iifname "{spec.bridge}"', f'oifname "{spec.bridge}"'
    rules = [f'iifname != "{spec.bridge}" oifname != "{spec.bridge}" accept', f"{here} {there} accept"]
    if spec.mode == "nat":
        rules += [
            f"{here} meta nfproto ipv4 ip saddr != {spec.cidr} drop",
            f"{here} meta nfproto ipv6 {f'ip6 saddr != {spec.cidr6} ' if spec.cidr6 else ''}drop",
            "tcp flags syn tcp option maxseg size set rt mtu",
            "ct state established,related accept",
            f"{there} ct status dnat accept",
            f"{here} jump egress",
        ]
        rules += [f"{here} accept"]
    rules += ["drop"]
    return ("forward", "filter hook forward priority filter", rules)


def _input(spec: Spec) -> Any:
    """What guests may ask of the host itself: as of all else outside; of an isolated one, only whether it is there."""
    rules = [
        f'iifname != "{spec.bridge}" accept',
        "ct state established,related accept",
        _NEIGHBOURS,
        *_PINGS,
        "jump egress" if spec.mode == "nat" else "drop",
    ]
    return ("input", "filter hook input priority filter", rules)


def _egress(spec: Spec) -> Any:
    rules: List[str] = []
    refuse = "reject with icmpx type admin-prohibited"
    for rule in spec.egress.deny:
        rules += [f"{match}{refuse}" for match in _matches(rule)]
    for rule in spec.egress.allow:
        rules += [f"{match}return" for match in _matches(rule)]
    rules += [refuse] if spec.egress.default == "deny" else []
    return ("egress", "", rules)


def _matches(rule: Mapping[str, Any]) -> Iterator[str]:
    """What a rule of egress is about: a match for each family of addresses, empty where it is about everything."""
    ports = ", ".join(str(port) for port in rule.get("ports") or ())
    protocol = rule.get("protocol", "any")
    what = {"icmp": "meta l4proto { icmp, icmpv6 } ", "any": ""}.get(protocol, f"meta l4proto {protocol} ")
    if ports:
        protocols = "{ tcp, udp }" if protocol == "any" else protocol
        what = f"meta l4proto {protocols} th dport {{ {ports} }} "
    targets = [ipaddress.ip_network(text) for text in rule.get("to") or ()]
    for version, word in ((4, "ip"), (6, "ip6")):
        chosen = sorted(str(target) for target in targets if target.version == version)
        if chosen:
            yield f"{word} daddr {{ {', '.join(chosen)} }} {what}"
    if not targets:
        yield what


def _redirection() -> Any:
    return ("prerouting", "nat hook prerouting priority dstnat", ["fib daddr type local jump forwards"])


def _output() -> Any:
    """The host's own connections to its forwards."""
    return ("output", "nat hook output priority -100", ["fib daddr type local jump forwards"])


def _postrouting(spec: Spec) -> Any:
    """Outside, guests have the host's address; and so has to them who is sent back to where he came from."""
    there = f'oifname "{spec.bridge}"'
    rules = [f"{there} ip saddr 127.0.0.0/8 masquerade", f"{there} ct status dnat ip saddr {spec.cidr} masquerade"]
    rules += [f'oifname != "{spec.bridge}" ip saddr {spec.cidr} masquerade']
    if spec.cidr6:
        rules += [f"{there} ct status dnat ip6 saddr {spec.cidr6} masquerade"]
        rules += [f'oifname != "{spec.bridge}" ip6 saddr {spec.cidr6} masquerade']
    return ("postrouting", "nat hook postrouting priority srcnat", rules)


def redirections(leases: Sequence[Lease]) -> Iterator[str]:
    """A rule for each forward and family of addresses."""
    for lease in leases:
        for form in lease.forwards:
            yield from _redirect(read_forward(form), lease)


def _redirect(forward: Forward, lease: Lease) -> Iterator[str]:
    """One rule a family of addresses. Nobody's own ::1 can be led elsewhere: there is no route_localnet of IPv6."""
    match = f"{forward.protocol} dport {forward.host_port}"
    if forward.is_for(4):
        where = f"ip daddr {forward.address} " if forward.address else ""
        yield f"meta nfproto ipv4 {where}{match} dnat ip to {lease.address}:{forward.port}"
    if forward.is_for(6) and lease.address6 is not None:
        where = f"ip6 daddr {forward.address} " if forward.address else "ip6 daddr != ::1 "
        yield f"meta nfproto ipv6 {where}{match} dnat ip6 to [{lease.address6}]:{forward.port}"
