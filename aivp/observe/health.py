"""Hosts → whether aivp can work on each: a look that changes nothing, and that no other host's trouble stops."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace

from aivp_contract.values import Json

from aivp.diagnostics import Diagnostic, Refused
from aivp.hosts.failures import BECOME_REFUSED
from aivp.hosts.greeting import Greeting, Owner, greet
from aivp.hosts.refusals import refused
from aivp.hosts.session import Refusal
from aivp.hosts.sessions import Sessions
from aivp.model.checked import Checked
from aivp.model.resource import Host
from aivp.observe.unreached import untrusted
from aivp.observe.untrusted import is_safe

ROOM = 64 * 1024 * 1024
"""Free bytes under which a person should know."""

CLOCK = 30.0
"""Seconds by which a clock may differ before a person should know: certificates and package lists begin to fail."""

NOISE_SHOWN = 200


def check(hosts: Iterable[Host], owner: Owner, sessions: Sessions, *, is_untrusted: bool = False) -> list[Checked]:
    """One of each, sorted by host."""
    by_name = {host.name: host for host in hosts}
    answers = sessions.each(by_name, lambda name: _check(by_name[name], owner, sessions, is_untrusted))
    return [
        Checked(name, answer.diagnostics) if isinstance(answer, Refused) else answer for name, answer in answers.items()
    ]


def _check(host: Host, owner: Owner, sessions: Sessions, is_untrusted: bool) -> Checked:
    if is_untrusted and not is_safe(host):
        seen = untrusted(host)
        return Checked(host.name, [Diagnostic(seen.code, str(seen.error), seen.mend)])
    with sessions.visit(host) as session:
        try:
            greeting = greet(session, owner, sessions.archive.kinds)
            before = time.time()
            since = time.monotonic()
            answer = session.request("health", {})
            took = time.monotonic() - since
        except Refusal as refusal:
            raise refused(refusal) from None
        try:
            found = _read(host.name, greeting, answer, before, took)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise session.hostile("its answer to health is not of the protocol") from None
        return judged(found, session.channel.becomes, session.noise)


def _read(host: str, greeting: Greeting, answer: Mapping[str, Json], before: float, took: float) -> Checked:
    facts = greeting.facts
    found = Checked(
        host,
        os=f"{facts['os']['id']} {facts['os']['version_id']}".strip()[:60],
        python=str(facts["python"])[:20],
        user=int(facts["user"]["id"]),
        folder=str(answer["folder"])[:400],
        free=int(answer["free"]),
        clock=int(answer["time_ms"]) / 1000 - (before + took / 2),
        round_trip=took,
    )
    problem = str(answer["problem"])[:200]
    if not found.folder:
        why = f"{host} has no private folder where the runner could keep its journal."
        mend = "Make /var/lib/aivp (for root) or ~/.local/state/aivp writable for the user that aivp works as there."
        return replace(found, remarks=[Diagnostic("AIVP0608", why, mend)])
    if problem:
        why = f"{host}: nothing can be written to {found.folder}: {problem}."
        return replace(found, remarks=[Diagnostic("AIVP0608", why, "Make room there, or make it writable.")])
    return found


def judged(found: Checked, becomes: str, noise: bytes) -> Checked:
    """With a remark on everything that a person should know. becomes: as whom sudo should let us in; noise: what was
    said before anything was asked.
    """
    host, remarks = found.host, list(found.remarks)
    if becomes == "root" and found.user != 0:
        why = f"{host}: sudo lets us in, but as the user {found.user} and not as root."
        remarks.append(Diagnostic(BECOME_REFUSED, why, "See what sudo -u root id says there."))
    if 0 <= found.free < ROOM:
        why = f"{host} has {found.free // 1024:,} KiB left where its journal is ({found.folder})."
        remarks.append(Diagnostic("AIVP0621", why, "Make room there before you apply.", severity="warning"))
    if found.clock is not None and abs(found.clock) > CLOCK + found.round_trip:
        ahead = "ahead of" if found.clock > 0 else "behind"
        why = f"The clock of {host} is {abs(found.clock):,.0f} s {ahead} ours."
        mend = "aivp works all the same; certificates and package lists may not."
        remarks.append(Diagnostic("AIVP0622", why, mend, severity="warning"))
    if noise:
        said = noise[:NOISE_SHOWN].decode(errors="replace")
        why = f"{host} prints to standard output before anything is asked:\n{said}"
        mend = "It is skipped. Print such things only where standard output is a terminal (`[ -t 1 ]`)."
        remarks.append(Diagnostic("AIVP0623", why, mend, severity="warning"))
    return replace(found, remarks=remarks)
