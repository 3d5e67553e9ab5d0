"""What rpm and dnf (4) print, as values. Pure; the texts are those of the C locale."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Iterable, List, Sequence, Tuple

from aivp_sdk import Completed, Permanent, ProviderError, Temporary

from . import rpm_versions
from .managers import Forecast

RPM_FORMAT = "%{NAME}|%{EPOCHNUM}|%{VERSION}|%{RELEASE}|%{ARCH}\\n"
DNF_FORMAT = "%{name}|%{epoch}|%{version}|%{release}|%{arch}|%{repoid}"

_LOCKED = 200
"""dnf's exit code where another program holds its lock."""
_ACTION = re.compile(r"---> Package (\S+)\.([^.\s]+) (\S+) will be (.+)")
_NOISE = re.compile(r"\(?try to add|Operation aborted|Unable to detect release version|Ignoring repositories|\s*$")
_ERROR = re.compile(r"Error: (?!Operation aborted)")
_MESSAGE_LINES = 14
_MESSAGE_LENGTH = 2000
_NETWORK = re.compile(
    r"Curl error|Could not resolve|Connection (?:timed out|refused|reset)|Status code: (?:5|429)|Timeout was reached"
    r"|Operation too slow|All mirrors were tried|Cannot download|Network is unreachable"
)
_LOCAL = re.compile(r"Couldn't (?:open|read a) file|Status code: 40[0-9]")


@dataclass(frozen=True)
class Rpm:
    """A package of one version and architecture, installed or offered by the repository `source`."""

    name: str
    epoch: str
    version: str
    release: str
    architecture: str
    source: str = ""

    @property
    def evr(self) -> str:
        """Its version as it is declared and shown."""
        return rpm_versions.write(self.epoch, self.version, self.release)

    @property
    def spec(self) -> str:
        """By which dnf finds this one and nothing else, whatever obsoletes it."""
        return f"{self.name}-{self.epoch}:{self.version}-{self.release}.{self.architecture}"


def rows(text: str) -> List[Rpm]:
    """Read lines of RPM_FORMAT or DNF_FORMAT; others (`package x is not installed`) are none."""
    split = (line.split("|") for line in text.splitlines() if line.count("|") >= 4)
    return [Rpm(*parts[:6]) for parts in split]


def actions(text: str) -> List[Tuple[str, str, str]]:
    """What the solver says in `dnf -v`: (name, architecture, what becomes of it)."""
    lines = (line[line.find("---> ") :] for line in text.splitlines() if "---> " in line)
    return [(match[1], match[2], match[4]) for match in map(_ACTION.match, lines) if match]


def forecast(text: str, locked: Sequence[str]) -> Forecast:
    """Read a simulation. `locked`: names of which a versionlock keeps the version."""
    became: Dict[str, List[str]] = {}
    for name, _, what in actions(text):
        became.setdefault(name, []).append(what)
    # What is also installed keeps its name: of kernels dnf installs a new one and erases the oldest.
    gone = [name for name, whats in became.items() if {"erased", "obsoleted"} & set(whats) and "installed" not in whats]
    down = [name for name, whats in became.items() if {"a downgrade", "downgraded"} & set(whats)]
    changed = [name for name, whats in became.items() if set(whats) != {"installed"}]
    held = [name for name in changed if name in locked]
    return Forecast(tuple(sorted(gone)), tuple(sorted(down)), tuple(sorted(held)))


def unsaid(text: str, names: Iterable[str]) -> List[str]:
    """Those of the names of which a simulation says nothing: then it cannot be relied upon for the others either."""
    said = {name for name, _, _ in actions(text)}
    return sorted(set(names) - said)


def is_error(done: Completed) -> bool:
    """Whether a simulation found no solution. Its exit code tells nothing: what is solved is then refused, too."""
    return _ERROR.search(done.stderr) is not None


def failure(what: str, done: Completed) -> ProviderError:
    """The error that a failed run of rpm or dnf means, with its own words, bounded."""
    message = f"{what} failed (exit {done.code}): {_words(done)}"
    if done.code == _LOCKED:
        return Temporary(message, delay=10)
    if "GPG" in done.stderr or "Public key" in done.stdout + done.stderr:
        return Permanent(message, mend="Declare the key of the repository (gpgkey= in its file), or import it.")
    if _NETWORK.search(done.stderr) and not _LOCAL.search(done.stderr):
        return Temporary(message, delay=5)
    if "no cache for" in done.stderr:
        return Permanent(message, mend="Declare a package_index, which fetches the lists, or disable that repository.")
    if "Problem" in done.stderr:
        return Permanent(message, mend="Declare versions that go together, or the packages that they need.")
    return Permanent(message, mend="Mend on the host what it names; dnf check says more.")


def _words(done: Completed) -> str:
    said = done.stderr if done.stderr.strip() else done.stdout
    lines = [line.rstrip() for line in said.splitlines() if not _NOISE.match(line)]
    return "\n".join(lines[-_MESSAGE_LINES:])[-_MESSAGE_LENGTH:]
