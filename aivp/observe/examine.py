"""Hosts and what is declared on them → what each lacks of what that needs: a look that changes nothing.

A host that cannot be reached, or is yet to come, has that as its sole finding and stops nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aivp_contract.manifest import Kind

from aivp.diagnostics import Diagnostic, Refused
from aivp.hosts.greeting import Owner
from aivp.hosts.refusals import refused
from aivp.hosts.session import Refusal
from aivp.hosts.sessions import Sessions
from aivp.model.checked import Checked
from aivp.model.evidence import HostEvidence
from aivp.model.finding import Examined, Finding
from aivp.model.resource import GUEST, Host
from aivp.observe.facts import facts
from aivp.observe.health import check
from aivp.observe.mending import INSTALL, Ground, finding, install, read_user
from aivp.observe.wants import Settings, Thing, Want, wants

Things = Callable[[Mapping[str, HostEvidence]], Mapping[str, Sequence[Thing]]]
"""What is known of hosts → host → what will be there; conditions on facts decide."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What hosts are examined for. programs: third-party provider → platforms that it has a program for."""

    things: Things
    kinds: Mapping[str, Kind]
    settings: Settings
    programs: Mapping[str, Sequence[str]]
    owner: Owner
    is_untrusted: bool = False


def examine(hosts: Iterable[Host], sought: Examination, sessions: Sessions) -> list[Examined]:
    """One of each, sorted by host."""
    by_name = {host.name: host for host in hosts}
    near = {name: host for name, host in by_name.items() if not _is_to_come(host)}
    checked = {
        item.host: item for item in check(near.values(), sought.owner, sessions, is_untrusted=sought.is_untrusted)
    }
    fit = [near[name] for name, item in checked.items() if item.user is not None]
    known = facts(fit, sought.owner, sessions, is_untrusted=sought.is_untrusted)
    things = sought.things(known)

    def work(name: str) -> Examined:
        return _examine(by_name[name], checked[name], known[name], things.get(name, ()), sought, sessions)

    answers = sessions.each([name for name, item in known.items() if item.is_reached], work)
    found: dict[str, Examined] = {}
    for name in sorted(by_name):
        answer = answers.get(name)
        if isinstance(answer, Examined):
            found[name] = answer
        elif isinstance(answer, Refused):
            found[name] = _remarked(name, answer.diagnostics)
        else:
            found[name] = _remarked(name, checked[name].remarks) if name in checked else _to_come(name)
    return list(found.values())


def _is_to_come(host: Host) -> bool:
    return host.transport == GUEST and "command" not in host.connection


def _to_come(name: str) -> Examined:
    why = f"{name} is not there, or does not run: what is needed within will be seen then."
    return _remarked(name, [Diagnostic("AIVP0699", why, "Apply what brings it.", severity="warning")])


def _remarked(name: str, remarks: Iterable[Diagnostic]) -> Examined:
    return Examined(name, [Finding("aivp can work there", remark=remark) for remark in remarks])


def _examine(
    host: Host,
    checked: Checked,
    seen: HostEvidence,
    things: Sequence[Thing],
    sought: Examination,
    sessions: Sessions,
) -> Examined:
    is_root = checked.user == 0
    wanted = wants(things, sought.kinds, sought.settings, is_root=is_root)
    with sessions.visit(host) as session:
        try:
            answer = session.request("needs", {"asked": [want.form() for want in wanted]})
        except Refusal as refusal:
            raise refused(refusal) from None
        try:
            ground = Ground(
                host.name, _manager(seen), read_user(str(answer["user"])), is_root, answer["can_sudo"] is True
            )
            found = _findings(wanted, answer["found"], ground)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise session.hostile("its answer to needs is not of the protocol") from None
    fit = [Finding("aivp can work there", detail=_title(checked))] if checked.is_fit else []
    first = [*fit, *(Finding("aivp can work there", remark=remark) for remark in checked.remarks)]
    program = [item for item in _programs(host.name, things, seen, sought) if item.remark is not None]
    return _with_commands(Examined(host.name, [*first, *program, *found], _title(checked)), ground)


def _findings(wanted: Sequence[Want], answers: Any, ground: Ground) -> list[Finding]:
    if type(answers) is not list or len(answers) != len(wanted):
        raise TypeError("no list of answers")
    return [finding(want, answer, ground) for want, answer in zip(wanted, answers, strict=True)]


def _programs(host: str, things: Sequence[Thing], seen: HostEvidence, sought: Examination) -> Iterable[Finding]:
    """Third-party providers whose program is for other platforms."""
    arch = str(seen.facts.get("arch", ""))
    for provider in sorted({sought.kinds[thing.kind].provider for thing in things if thing.kind in sought.kinds}):
        platforms = sought.programs.get(provider, ())
        if not platforms or "any" in platforms or f"linux-{arch}" in platforms:
            continue
        why = f"{host} is linux-{arch}; the provider {provider} has a program for {', '.join(platforms)}."
        yield Finding(f"provider {provider}", remark=Diagnostic("AIVP0614", why, "Get it for that platform, too."))


def _with_commands(found: Examined, ground: Ground) -> Examined:
    """What is missing first, in one command; then all else, each once."""
    packages = [item.package for item in found.findings if item.package]
    one = install(packages, ground) if ground.manager in INSTALL else ""
    rest = [item.command for item in found.findings if item.command]
    return replace(found, commands=tuple(dict.fromkeys(text for text in (one, *rest) if text)))


def _manager(seen: HostEvidence) -> str:
    name = str(seen.facts.get("package_manager", ""))
    return name if name in INSTALL else ""


def _title(checked: Checked) -> str:
    user = "root" if checked.user == 0 else f"user {checked.user}"
    return f"{checked.os}, python {checked.python}, {user}"
