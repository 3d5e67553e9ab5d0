"""VMs that nobody owns any more: neither this state knows them, nor does any project claim them on their host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aivp_contract.values import Json

from aivp.diagnostics import Refused
from aivp.engine.engine import Engine
from aivp.engine.vms import Vms, answered
from aivp.hosts.calling import call
from aivp.hosts.sessions import Sessions
from aivp.model.resource import GUEST, Host
from aivp.model.vms import KIND, Vm
from aivp.observe.claims import claims, folder

_LIST = """for program in "$0"/vms/*/program/ctl.py "$0"/programs/*/ctl.py; do
[ -e "$program" ] && exec python3 -I "$program" "$0/vms" list; done; echo '{"vms": []}'"""


@dataclass(frozen=True, slots=True)
class Left:
    """A VM that this project does not know. claims: projects that have it, as PROJECT/ENVIRONMENT; empty: nobody's."""

    vm: Vm
    claims: Sequence[str]


def left(engine: Engine, found: Vms, sessions: Sessions) -> tuple[list[Left], list[Refused]]:
    """On all hosts, and why some could not be asked. Removes nothing."""
    hosts = {name: host for name, host in engine.ir.hosts.items() if host.transport != GUEST}
    hosts |= {vm.host.name: vm.host for vm in found.known if vm.folder and vm.host.transport != GUEST}
    sessions.reveal = found.reveal
    answers = sessions.each(hosts, lambda name: _on(hosts[name], engine, found, sessions))
    strangers = [item for answer in answers.values() if not isinstance(answer, Refused) for item in answer]
    return strangers, [answer for answer in answers.values() if isinstance(answer, Refused)]


def _on(host: Host, engine: Engine, found: Vms, sessions: Sessions) -> list[Left]:
    known = [vm for vm in found.known if vm.host.name == host.name]
    with sessions.visit(host) as session:
        base = folder(session)
        configured = engine.ir.providers.get(KIND, {}).get("folder")
        places = {vm.vms.rpartition("/")[0] for vm in known if vm.folder}
        places |= {configured} if isinstance(configured, str) else {f"{base}/work/{KIND}"} if base else set()
        strangers = [vm for place in sorted(places) for vm in _in(host, place, known, found)]
        owners = claims(session, KIND, [{"name": vm.name} for vm in strangers]) if strangers else []
    return [Left(vm, names) for vm, names in zip(strangers, owners, strict=True)]


def _in(host: Host, place: str, known: Sequence[Vm], found: Vms) -> list[Vm]:
    called = call(host, ["sh", "-c", _LIST, place], found.withheld, found.reveal)
    listed = answered(host, place, called).get("vms")
    seen: dict[str, Mapping[str, Json]] = {}
    for item in listed if isinstance(listed, list) else ():
        name = item.get("name") if isinstance(item, dict) else None
        if isinstance(name, str) and name and "/" not in name and len(name) <= 255:
            seen[name] = item
    ours = {vm.name for vm in known if vm.folder == f"{place}/vms/{vm.name}"}
    return [
        Vm("", host, name, f"{place}/vms/{name}", seen=item) for name, item in sorted(seen.items()) if name not in ours
    ]
