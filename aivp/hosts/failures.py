"""How a channel failed → the diagnostic that says why, and the command that mends it.

Whatever a host says is shown to people, never acted upon: no command is built from its words.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from aivp.diagnostics import Diagnostic, Refused
from aivp.hosts.channel import Channel
from aivp.hosts.ssh import known_as, login
from aivp.model.resource import Host

UNREACHED = "AIVP0601"
NO_JOURNAL = "AIVP0608"
PYTHON_OLD = "AIVP0602"
PYTHON_MISSING = "AIVP0615"
KEY_UNKNOWN = "AIVP0616"
KEY_CHANGED = "AIVP0617"
LOGIN_REFUSED = "AIVP0618"
BECOME_REFUSED = "AIVP0619"

AWAY = frozenset({UNREACHED, PYTHON_OLD, PYTHON_MISSING, KEY_UNKNOWN, KEY_CHANGED, LOGIN_REFUSED, BECOME_REFUSED})
"""Codes of a host that is not there for us: it stops its own steps only."""

MEND_REACH = "Its channel must start a python3 (3.9 or newer): run that command by hand, with --version behind it."

_MEND_FOLDER = "Make /var/lib/aivp (for root) or ~/.local/state/aivp writable for the user that aivp works as there."

LOG_SHOWN = 400
LINES_SHOWN = 5

_SSH_FAILED = 255
_NOT_FOUND = 127
_MEND_SUDO = "Let this account use sudo without a password, or give it one: become: {password: ${secret.NAME}}."
_SUDO_SAYS = (
    "sudo: a password is required",
    "sudo: a terminal is required",
    "sudo: sorry, you must have a tty",
    "sudo: no password was provided",
    "is not in the sudoers file",
    "is not allowed to execute",
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A channel that came to nothing. exit_code: None where it had not ended; said: its last words, stderr and all."""

    what: str
    exit_code: int | None
    said: str


def lost(host: Host, what: str, mend: str = MEND_REACH, code: str = UNREACHED) -> Refused:
    """The diagnostic of a host that is not there; it stops that host's own steps only."""
    return Refused((Diagnostic(code, f"{host.name}: {what}", mend),))


def without_journal(name: str, trouble: str) -> Diagnostic:
    """A host whose runner could not keep a record of what it does. trouble: as in `Greeting`."""
    match trouble:
        case "full":
            why, mend = "the disk where its journal lies is full", "Make room there."
        case "read-only":
            why, mend = "the folder where its journal lies is read-only", _MEND_FOLDER
        case _:
            why, mend = "it has no private folder where the runner could keep its journal", _MEND_FOLDER
    return Diagnostic(NO_JOURNAL, f"{name}: {why}.", mend, severity="warning")


def explained(host: Host, channel: Channel, failure: Failure) -> Refused:
    """Why no runner came up, or why its link ended."""
    said = failure.said
    if host.transport == "ssh" and failure.exit_code == _SSH_FAILED:
        found = _ssh_failure(host, said)
        if found is not None:
            return found
    if channel.becomes and any(text in said for text in _SUDO_SAYS):
        why = f"sudo does not let it in as {channel.becomes}; it said:\n{last_lines(said)}"
        return lost(host, why, _MEND_SUDO, BECOME_REFUSED)
    if failure.exit_code == _NOT_FOUND or ("python3" in said and "not found" in said.lower()):
        why = f"no python3 is there: {channel.shown} ended with exit code {failure.exit_code}"
        mend = f"aivp hosts bootstrap {host.name} installs it with the host's own package manager."
        return lost(host, f"{why}; it said:\n{last_lines(said)}" if said else f"{why}.", mend, PYTHON_MISSING)
    what = failure.what
    if failure.exit_code is not None:
        code = failure.exit_code
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        what += f": {channel.shown} {how}"
    return lost(host, what + (f"; it said:\n{last_lines(said)}" if said else "."), _mend_reach(host))


def last_lines(text: str) -> str:
    """The end of what somebody said, bounded."""
    return "\n".join(text[-LOG_SHOWN:].splitlines()[-LINES_SHOWN:])


def _ssh_failure(host: Host, said: str) -> Refused | None:
    """What `ssh` itself says; it is not translated into other languages."""
    by_hand = shlex.join(["ssh", *login(host)])
    if "IDENTIFICATION HAS CHANGED" in said:
        files, name = known_as(host)
        why = "its host key is another one than the one that is known: somebody may be in between."
        mend = "Only if you know why it changed: " + "; ".join(
            shlex.join(["ssh-keygen", "-f", file, "-R", name]) for file in files
        )
        return lost(host, why, f"{mend}; then accept the new one: {by_hand}", KEY_CHANGED)
    if "Host key verification failed" in said:
        mend = f"Compare the fingerprint that this shows with the host's own, and accept it: {by_hand}"
        return lost(host, "its host key is not known here.", mend, KEY_UNKNOWN)
    if "Permission denied" in said or "Too many authentication failures" in said:
        mend = f"Load the key into your agent (ssh-add), or name it in ~/.ssh/config; then this must work: {by_hand}"
        return lost(host, f"it does not let us log in; ssh said:\n{last_lines(said)}", mend, LOGIN_REFUSED)
    if not said:
        return None
    return lost(host, f"ssh said:\n{last_lines(said)}", f"This must work: {by_hand}", UNREACHED)


def _mend_reach(host: Host) -> str:
    if host.transport != "ssh":
        return MEND_REACH
    return f"This must work: {shlex.join(['ssh', *login(host), 'python3', '--version'])}"
