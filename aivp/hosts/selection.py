"""What a person wrote on the command line → hosts: names, groups, `label=value`, with commas between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aivp.diagnostics.diagnostic import refusal
from aivp.model.address import CONTROLLER, stands_for
from aivp.model.resource import Host
from aivp.plugins.suggestion import did_you_mean, listing

EVERY = "all"


def select(text: str, hosts: Mapping[str, Host], groups: Mapping[str, Sequence[str]]) -> list[Host]:
    """Those that any part of `text` names, sorted and once each; `all` stands for every host, unless one has that name.

    Raises Refused for a name that is none, and for a selection without a host.
    """
    known = {name: host for name, host in hosts.items() if name != CONTROLLER}
    names: set[str] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        names.update(_named(part, known, groups))
    if not names:
        raise refusal("AIVP0212", f"No host is meant by {text or 'nothing'}.", f"Declared: {listing(known)}.")
    return [known[name] for name in sorted(names)]


def _named(part: str, hosts: Mapping[str, Host], groups: Mapping[str, Sequence[str]]) -> Sequence[str]:
    label, is_label, value = part.partition("=")
    if is_label:
        return [name for name, host in hosts.items() if host.labels.get(label) == value]
    if part in hosts:
        return [part]
    if part in groups:
        return groups[part]
    if part == EVERY:
        return list(hosts)
    if meant := [name for name in hosts if stands_for(part, name)]:
        return meant
    known = (*hosts, *groups)
    mend = did_you_mean(part, known) or (f"Declared: {listing(known)}." if known else "Declare it under hosts.")
    raise refusal("AIVP0210", f"There is no host or group named {part[:80]}.", mend)
