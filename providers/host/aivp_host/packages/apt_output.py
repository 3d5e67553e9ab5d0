"""What dpkg and apt print, as values. Pure; the texts are those of the C locale."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

from aivp_sdk import Completed, Permanent, ProviderError, Temporary

from .managers import Available, Forecast, Installed

STATUS_FORMAT = (
    "${Package}\\t${Architecture}\\t${Version}\\t${db:Status-Want}\\t${db:Status-Eflag}\\t${db:Status-Status}\\n"
)

_CONDITIONS = {
    "installed": "installed",
    # Their own files are configured; some other package's trigger is still to run.
    "triggers-pending": "installed",
    "triggers-awaited": "installed",
    "config-files": "removed",
    "not-installed": "absent",
}
_VERSION_LINE = re.compile(r"(?: \*\*\*|    ) \S")
_SOURCE_INDENT = " " * 7
_ACTION_LINE = re.compile(r"(Remv|Purg) (\S+)")
_NOISE = re.compile(r"[WN]: |debconf: |\s*$")
_UNMET = "The following packages have unmet dependencies:"
_MESSAGE_LINES = 14
_MESSAGE_LENGTH = 2000

_LOCKED = re.compile(r"Could not get lock |lock was locked by another process")
_NETWORK = re.compile(
    r"Temporary failure resolving|Could not (?:resolve|connect)|Connection (?:timed out|failed|refused)|timed out"
    r"|Unable to connect|Network is unreachable|Hash Sum mismatch|unexpected size|sync in progress|  50[0234] "
)
_BAD_RELEASE = "is invalid for APT::Default-Release"


@dataclass(frozen=True)
class Row:
    """One line of STATUS_FORMAT: a package of one architecture."""

    name: str
    architecture: str
    installed: Installed


def rows(text: str) -> List[Row]:
    """Read the answer of `dpkg-query -W -f STATUS_FORMAT`."""
    found = []
    for line in text.splitlines():
        name, architecture, version, want, flag, status = line.split("\t")
        condition = _CONDITIONS.get(status, "broken") if flag == "ok" else "broken"
        needs_reinstall = flag != "ok" or status == "half-installed"
        found.append(Row(name, architecture, Installed(condition, version, want == "hold", needs_reinstall)))
    return found


def policies(text: str) -> Dict[str, Available]:
    """Read the answer of `apt-cache policy NAME...`: name → candidate and versions that a source has."""
    found: Dict[str, Available] = {}
    name: Optional[str] = None
    candidate: Optional[str] = None
    versions: List[Tuple[str, List[str]]] = []
    for line in [*text.splitlines(), "end:"]:
        if line[:1] not in ("", " "):
            if name is not None:
                found[name] = Available(candidate, tuple(v for v, sources in versions if _is_offered(sources)))
            name, candidate, versions = line[:-1], None, []
        elif line.startswith("  Candidate: "):
            value = line.split()[1]
            candidate = None if value == "(none)" else value
        elif _VERSION_LINE.match(line):
            versions.append((line[5:].split()[0], []))
        elif line.startswith(_SOURCE_INDENT) and versions:
            versions[-1][1].append(line.split()[1])
    return found


def _is_offered(sources: Sequence[str]) -> bool:
    return any(source != "/var/lib/dpkg/status" for source in sources)


def forecast(text: str) -> Forecast:
    """Read the answer of `apt-get -s install`."""
    removals = [match[2] for match in map(_ACTION_LINE.match, text.splitlines()) if match]
    return Forecast(
        tuple(removals),
        tuple(_section(text, "The following packages will be DOWNGRADED:")),
        tuple(_section(text, "The following held packages will be changed:")),
    )


def _section(text: str, title: str) -> List[str]:
    """The names that stand indented below a title."""
    _, found, rest = text.partition(title + "\n")
    names: List[str] = []
    for line in rest.splitlines() if found else []:
        if not line.startswith("  "):
            break
        names += line.split()
    return names


def failure(what: str, done: Completed) -> ProviderError:
    """The error that a failed run of dpkg or apt means, with its own words, bounded."""
    words = _words(done)
    message = f"{what} failed (exit {done.code}): {words}"
    if _LOCKED.search(done.stderr):
        return Temporary(message, delay=10)
    if _BAD_RELEASE in done.stderr:
        return Permanent(message, path="/default_release", mend="Name a release that apt-cache policy lists.")
    if "Failed to fetch" in done.stderr or "Unable to fetch" in done.stderr:
        if _NETWORK.search(done.stderr):
            return Temporary(message, delay=5)
        return Permanent(message, mend="If the lists are out of date, declare a package_index with a max_age.")
    if _UNMET in done.stdout:
        return Permanent(message, mend="Declare versions that go together, or the packages that they need.")
    return Permanent(message, mend="Mend on the host what it names; dpkg --audit and apt-get check say more.")


def _words(done: Completed) -> str:
    lines = [line.rstrip() for line in done.stderr.splitlines() if not _NOISE.match(line)]
    if _UNMET in done.stdout:
        lines = [_UNMET, *done.stdout.partition(_UNMET)[2].strip("\n").splitlines(), *lines]
    return "\n".join(lines[-_MESSAGE_LINES:])[-_MESSAGE_LENGTH:]
