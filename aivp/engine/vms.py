"""Virtual machines for people: which there are, what their hosts say of them, and what is asked of one.

All is asked of the program in a VM's own folder on its host, by that host's channel: beside plans, without our runner.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aivp_contract.values import Json

from aivp.diagnostics import Refused
from aivp.diagnostics.diagnostic import refusal
from aivp.engine.engine import Engine
from aivp.hosts.calling import Called, call, unreached
from aivp.hosts.channel import Reveal
from aivp.model.address import parse_address, stands_for
from aivp.model.resource import Host
from aivp.model.vms import KIND, Vm
from aivp.plugins.suggestion import did_you_mean, listing

if TYPE_CHECKING:
    from aivp.hosts.sessions import Sessions
    from aivp.model.object import Object

LONGEST = 400
"""Characters of what a host says that are shown."""


@dataclass(frozen=True)
class Vms:
    """Those of one environment. withheld, reveal: for the channels of hosts."""

    known: Sequence[Vm]
    withheld: AbstractSet[str] = frozenset()
    reveal: Reveal = field(default=lambda value: value)

    def chosen(self, names: Sequence[str]) -> list[Vm]:
        """Those that are meant by addresses, whole or in part, or by their names on their hosts. Raises Refused."""
        found: dict[str, Vm] = {}
        for name in names:
            meant = [vm for vm in self.known if vm.address == name]
            meant = meant or [vm for vm in self.known if stands_for(name, vm.address) or vm.name == name]
            if not meant:
                known = [vm.address for vm in self.known]
                mend = did_you_mean(name, known) or (f"There are: {listing(known)}." if known else "There is none.")
                raise refusal("AIVP0985", f"There is no VM {name[:100]}.", mend)
            found.update((vm.address, vm) for vm in meant)
        for vm in found.values():
            if not vm.folder:
                raise refusal("AIVP0986", f"{vm.address} is declared, and was never made.", "Make it with: aivp apply")
        return list(found.values())

    def one(self, name: str) -> Vm:
        """The same for a single one."""
        found = self.chosen([name])
        if len(found) > 1:
            why = f"{name} may be {listing([vm.address for vm in found])}."
            raise refusal("AIVP0985", why, "Name one of them.")
        return found[0]

    def ask(self, vm: Vm, verb: str, *words: str, seconds: float = 120.0) -> Mapping[str, Json]:
        """What the program of a VM answers. Raises Refused."""
        command = [*vm.program, verb, vm.name, *words]
        return answered(vm.host, vm.title, call(vm.host, command, self.withheld, self.reveal, seconds))

    def beside(self, vm: Vm) -> Mapping[str, Mapping[str, Json]]:
        """All that stand in one folder with it, by name: one question for all of them. Raises Refused."""
        called = call(vm.host, [*vm.program, "list"], self.withheld, self.reveal)
        answer = answered(vm.host, vm.title, called)
        listed = answer.get("vms")
        if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
            raise refusal("AIVP0989", f"{vm.host.name}: its answer to list is none.")
        return {str(item.get("name"))[:64]: item for item in listed}


def answered(host: Host, title: str, called: Called) -> Mapping[str, Json]:
    """The object that a program printed. Raises Refused where it refused, or said nothing of the kind."""
    try:
        found = json.loads(called.output)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and called.code == 0:
        return found
    if isinstance(found, dict) and isinstance(found.get("error"), str):
        raise refusal("AIVP0987", f"{title}: {found['error'][:LONGEST]}.".replace("..", "."))
    if "can't open file" in called.complaint:
        why = f"{title}: its folder on {host.name} is gone."
        raise refusal("AIVP0986", why, "`aivp plan` says what is left of it; `aivp apply` makes it again.")
    if called.code == 0:
        raise refusal("AIVP0989", f"{title}: its program on {host.name} does not answer in the form that it should.")
    raise unreached(host, called)


def vms(engine: Engine, sessions: Sessions) -> Vms:
    """All that the project declares, or state knows. Asks no host."""
    if engine.is_untrusted:
        raise refusal("AIVP0503", "--untrusted runs nothing on any host.")
    state = engine.existing_state()
    objects = [] if state is None else state.objects()
    if state is not None:
        state.close()
    reveal = engine.opener(engine.ir.secrets).reveal
    rows = [row for row in objects if row.kind == KIND and not row.is_deposed]
    found = {row.address: _recorded(row, engine, objects) for row in rows}
    for address, resource in engine.ir.resources.items():
        if resource.kind == KIND and address not in found:
            name = resource.attributes.get("name")
            parsed = parse_address(address)
            shown = name if isinstance(name, str) else parsed.name if parsed is not None else address
            found[address] = Vm(address, _host(resource.host, {}, engine, objects), shown)
    return Vms([found[address] for address in sorted(found)], frozenset(sessions.withheld), reveal)


def look(found: Vms, sessions: Sessions) -> tuple[list[Vm], list[Refused]]:
    """Each as its host tells of it, those of nobody's that stand beside them, and why hosts could not be asked."""
    groups: dict[str, list[Vm]] = {}
    for vm in found.known:
        if vm.folder:
            groups.setdefault(f"{vm.host.name} {vm.vms}", []).append(vm)
    answers = sessions.each(groups, lambda key: _beside(found, groups[key]))
    seen: dict[str, Vm] = {vm.address: vm for vm in found.known}
    strangers: list[Vm] = []
    refusals: list[Refused] = []
    for key, answer in answers.items():
        group = groups[key]
        if isinstance(answer, Refused):
            refusals.append(answer)
            seen.update((vm.address, vm.with_seen(None, answer.diagnostics[0].why)) for vm in group)
            continue
        seen.update((vm.address, vm.with_seen(answer.get(vm.name))) for vm in group)
        ours = {vm.name for vm in group}
        strangers += [
            Vm("", group[0].host, name, f"{group[0].vms}/{name}", seen=item)
            for name, item in sorted(answer.items())
            if name not in ours
        ]
    return [*(seen[vm.address] for vm in found.known), *strangers], refusals


def _beside(found: Vms, group: Sequence[Vm]) -> Mapping[str, Mapping[str, Json]]:
    """By the program of the first one whose folder is there."""
    for vm in group[:-1]:
        try:
            return found.beside(vm)
        except Refused as refused:
            if refused.diagnostics[0].code != "AIVP0986":
                raise
    try:
        return found.beside(group[-1])
    except Refused as refused:
        if refused.diagnostics[0].code != "AIVP0986":
            raise
        return {}


def _recorded(row: Object, engine: Engine, objects: Sequence[Object]) -> Vm:
    folder = row.outputs.get("path")
    name = row.identity.get("name")
    return Vm(
        row.address,
        _host(row.host, row.connection, engine, objects),
        str(name),
        folder if isinstance(folder, str) and folder.startswith("/") else "",
        row.outputs,
    )


def _host(name: str, connection: Mapping[str, Json], engine: Engine, objects: Iterable[Object]) -> Host:
    """As it is declared, else as it was reached when it was last worked on."""
    host = engine.ir.hosts.get(name)
    if host is None:
        return Host(name, str(connection.get("transport", "local")), connection.get("connection", {}))
    from aivp.hosts.guests import known

    return known(host, engine.ir.hosts, objects, engine.registry.kinds)


def lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Whole lines of what comes in pieces; the last one may be none."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for text in whole:
            yield text.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")
