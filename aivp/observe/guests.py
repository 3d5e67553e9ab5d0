"""What was seen of resources that are hosts → which of these hosts can be greeted now, and how; and which cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aivp_contract.manifest import Kind
from aivp_contract.values import Unknown

from aivp.hosts.guests import read_channel, within
from aivp.model.address import parse_address
from aivp.model.evidence import HostEvidence, Seen
from aivp.model.resource import GUEST, Host
from aivp.plan.bind import Kinds


@dataclass(frozen=True)
class Found:
    """near: guests with the way to them; away: those that nobody can ask, and why."""

    near: dict[str, Host] = field(default_factory=dict)
    away: dict[str, HostEvidence] = field(default_factory=dict)


def guests(
    places: Mapping[str, Host], hosts: Mapping[str, HostEvidence], seen: Mapping[str, Seen], kinds: Kinds
) -> Found:
    """Those of `places` that are not among `hosts` yet, as far as `seen` tells of the resources that they are."""
    found = Found()
    for name in sorted(name for name, host in places.items() if host.transport == GUEST and name not in hosts):
        parsed = parse_address(name)
        outer = None if parsed is None else parsed.host
        if parsed is None or outer is None or outer not in hosts:
            continue  # a later wave
        if hosts[outer].error is not None:
            found.away[name] = HostEvidence(error=f"{name}: {outer}, which it stands on, cannot be reached.")
        elif hosts[outer].awaits:
            found.away[name] = HostEvidence(awaits=name)
        elif (look := seen.get(name) or seen.get(f"object:{name}")) is not None:
            _judge(name, look, kinds.get(parsed.kind), places[outer], found)
    return found


def _judge(name: str, look: Seen, kind: Kind | None, outer: Host, found: Found) -> None:
    if look.observation is None:
        why = (look.error or {}).get("message", "no reason was given")
        found.away[name] = HostEvidence(error=f"{name} cannot be looked at: {why}.")
        return
    way = None
    if look.observation.observed is not None and kind is not None and kind.channel is not None:
        way = look.observation.computed.get(kind.channel)
    if argv := read_channel(way):
        found.near[name] = within(name, argv, outer)
    elif kind is None or way is None or isinstance(way, Unknown):
        found.away[name] = HostEvidence(awaits=name)
    else:
        why = f"{name}: what the provider {kind.provider} gives as {kind.channel} is no argv."
        found.away[name] = HostEvidence(error=why, mend="This is a bug of that provider.")
