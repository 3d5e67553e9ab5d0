"""What a host answered about a want → a finding, with the command that mends it.

Commands come from manifests and from words that we know; of what the host says only names that look like names get in.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aivp.diagnostics import Diagnostic
from aivp.model.finding import Finding
from aivp.observe.wants import Want

LACKING, KERNEL, FORBIDDEN, ROOM, UNSEEN = "AIVP0695", "AIVP0696", "AIVP0697", "AIVP0698", "AIVP0699"

INSTALL: Mapping[str, Sequence[str]] = {
    "apt": ("apt-get", "install", "-y"),
    "dnf": ("dnf", "install", "-y"),
    "apk": ("apk", "add"),
    "brew": ("brew", "install"),
}

STATES = frozenset({"met", "missing", "loadable", "refused", "idle", "unseen"})

_ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?")
_SETTING = re.compile(r"[a-z][a-z0-9_.]{2,60}")


@dataclass(frozen=True, slots=True)
class Ground:
    """A host as far as commands depend on it. user: its name there, empty where it is an odd one."""

    host: str
    manager: str
    user: str
    is_root: bool
    can_sudo: bool

    def command(self, argv: Sequence[str]) -> str:
        """As a person would type it there."""
        text = shlex.join(argv)
        if self.is_root or argv[:1] == ["brew"]:
            return text
        return f"sudo {text}" if self.can_sudo else f"su -c {shlex.quote(text)}"


def read_user(text: str) -> str:
    """The name of an account, if it looks like one."""
    return text if _ACCOUNT.fullmatch(text) else ""


def install(packages: Iterable[str], ground: Ground) -> str:
    """The command that installs them all; empty where there are none."""
    names = sorted(set(packages))
    return ground.command([*INSTALL[ground.manager], *names]) if names else ""


def finding(want: Want, answer: Mapping[str, Any], ground: Ground) -> Finding:
    """Raises KeyError, TypeError or ValueError where that is no answer."""
    state, detail = answer["state"], str(answer["detail"])[:200]
    if state not in STATES:
        raise ValueError("no answer")
    if want.need.subject == "disk" and state == "met":
        return _room(want, detail, int(answer["free"]), ground)
    if state == "met":
        return Finding(want.name, want.kinds, detail)
    if state == "loadable":
        return Finding(want.name, want.kinds, "is loaded when it is asked for")
    if state == "unseen":
        return _unseen(want, detail, ground)
    match want.need.subject:
        case "command" | "file":
            return _lacking(want, ground)
        case "device":
            return _device(want, state, detail, str(answer.get("group", "")), ground)
        case "privilege":
            return _privilege(want, detail, ground)
        case "kernel":
            why = f"{ground.host} runs the kernel {detail}; {_needed(want)}"
            return _finding(want, KERNEL, why, "Bring a newer kernel there, and restart it.")
        case _:
            return _module(want, detail, ground)


def _finding(want: Want, code: str, why: str, mend: str, **more: str) -> Finding:
    """Whatever a kind can do without is a warning."""
    said = f"{why} Without it they work all the same, but less well." if want.need.optional else why
    remark = Diagnostic(code, said, mend, severity="warning" if want.need.optional else "error")
    return Finding(want.name, want.kinds, "", remark, **more)


def _needed(want: Want) -> str:
    """For whom, and what for."""
    return f"{' and '.join(want.kinds)} {'needs' if len(want.kinds) == 1 else 'need'} it {'; '.join(want.whys)}."


def _lacking(want: Want, ground: Ground) -> Finding:
    names = want.need.names
    what = f"no {names[0]}" if len(names) == 1 else f"none of {', '.join(names)}"
    why = f"There is {what} on {ground.host}; {_needed(want)}"
    package = want.need.package.get(ground.manager, "")
    if package and ground.manager in INSTALL:
        return _finding(want, LACKING, why, f"Run there: {install([package], ground)}", package=package)
    if want.need.mend:
        return _finding(want, LACKING, why, f"Run there: {want.need.mend}", command=want.need.mend)
    known = sorted(set(want.need.package.values()))
    hint = f" In other systems it is in the package {' or '.join(known)}." if known else ""
    where = "a folder of the path" if want.need.subject == "command" else "its place"
    return _finding(want, LACKING, why, f"Bring it to {where} there.{hint}")


def _module(want: Want, detail: str, ground: Ground) -> Finding:
    why = f"The kernel of {ground.host} has no module {want.need.names[0]} ({detail}); {_needed(want)}"
    package = want.need.package.get(ground.manager, "")
    if package:
        return _finding(want, KERNEL, why, f"Run there: {install([package], ground)}", package=package)
    return _finding(want, KERNEL, why, "Run a kernel there that has it; a container has that of the machine it is on.")


def _device(want: Want, state: str, detail: str, group: str, ground: Ground) -> Finding:
    name = want.need.names[0]
    if state == "idle":
        why = f"{name} is there on {ground.host}, but did not do its work when that was tried; {_needed(want)}"
        return _finding(want, KERNEL, why, "Whoever runs the machine that it is on may have to grant it.")
    if state == "missing":
        why = f"There is no {name} on {ground.host}; {_needed(want)}"
        command = want.need.mend
        mend = f"Run there: {command}" if command else "Whoever runs the machine that it is on may have to grant it."
        return _finding(want, KERNEL, why, mend, command=command)
    why = f"The user {ground.user or 'there'} may not use {name} on {ground.host} ({detail}); {_needed(want)}"
    if _ACCOUNT.fullmatch(group) and ground.user:
        command = ground.command(["usermod", "-aG", group, ground.user])
        return _finding(want, FORBIDDEN, why, f"Run there, and log in anew: {command}", command=command)
    return _finding(want, FORBIDDEN, why, f"Let that user read and write {name} there.")


def _privilege(want: Want, detail: str, ground: Ground) -> Finding:
    user = ground.user or "another user"
    if "root" in want.need.names:
        why = f"aivp works on {ground.host} as {user} and not as root; {_needed(want)}"
        return _finding(want, FORBIDDEN, why, f"Declare `become: sudo` for the host {ground.host}.")
    why = f"The user {user} may make no namespaces on {ground.host}; {_needed(want)}"
    if _SETTING.fullmatch(detail):
        value = {"user.max_user_namespaces": "15000", "kernel.unprivileged_userns_clone": "1"}.get(detail, "0")
        command = ground.command(["sysctl", "-w", f"{detail}={value}"])
        return _finding(want, FORBIDDEN, why, f"Run there: {command}", command=command)
    return _finding(want, FORBIDDEN, why, "A container that aivp works in may have to be allowed to nest others.")


def _room(want: Want, folder: str, free: int, ground: Ground) -> Finding:
    name = f"room in {folder}"
    if free >= want.bytes:
        return Finding(name, want.kinds, f"{_mib(free)} are free, {_mib(want.bytes)} needed")
    why = f"{_mib(free)} are free in {folder} on {ground.host}, and {_mib(want.bytes)} are needed: {_needed(want)}"
    remark = Diagnostic(ROOM, why, "Make room there.", severity="warning" if want.need.optional else "error")
    return Finding(name, want.kinds, "", remark)


def _unseen(want: Want, detail: str, ground: Ground) -> Finding:
    why = f"Nobody can say whether {ground.host} has {want.name} ({detail}); {_needed(want)}"
    return Finding(want.name, want.kinds, "", Diagnostic(UNSEEN, why, "What uses it will tell.", severity="warning"))


def _mib(number: int) -> str:
    return f"{number // 1024**2:,} MiB"
