"""What the kinds `package` and `package_index` ask of a host's package manager, and which one the host has.

Values go in and out in the words of this module; how a manager spells them is its own business (`apt.py`, `dnf.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, FrozenSet, Optional, Protocol, Sequence, Tuple

from aivp_sdk import Permanent, Session

from .declaration import Package


@dataclass(frozen=True)
class Installed:
    """What the manager's database says of a package.

    condition: `installed`; `removed` (only configuration files are left); `broken` (an installation that did not come
    to its end), which `needs_reinstall` where configuring what is unpacked cannot mend it.
    """

    condition: str
    version: str = ""
    is_held: bool = False
    needs_reinstall: bool = False


NOT_INSTALLED = Installed("absent")


@dataclass(frozen=True)
class Available:
    """What the lists offer of a package: versions in the manager's own order of preference within one priority."""

    candidate: Optional[str]
    versions: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Transaction:
    """One run of the manager. `install`: (name, version or None for the candidate); all names are as declared.

    downgrade, held: names of which the plan says that they may go down, or change although they are held.
    """

    install: Tuple[Tuple[str, Optional[str]], ...] = ()
    reinstall: bool = False
    remove: Tuple[str, ...] = ()
    purge: Tuple[str, ...] = ()
    downgrade: FrozenSet[str] = frozenset()
    held: FrozenSet[str] = frozenset()
    recommends: bool = False
    release: Optional[str] = None
    keep_conffiles: bool = True
    lock_timeout: int = 0


@dataclass(frozen=True)
class Forecast:
    """What the manager says a transaction would do; names as in the transaction where they are in it."""

    removals: Tuple[str, ...] = ()
    downgrades: Tuple[str, ...] = ()
    held: Tuple[str, ...] = ()


class PackageManager(Protocol):
    """One way to manage the packages of a host. Probes change nothing; the rest are effects of the step in hand."""

    name: str
    audit: str
    """The command that tells a person what is wrong with the database."""

    def refuse(self, desired: Package) -> None:
        """Raise Permanent for a declaration that this manager cannot serve, whatever the host has."""

    def installed(self, names: Sequence[str], session: Session) -> Dict[str, Installed]:
        """The database's word on each name; NOT_INSTALLED where it has none."""

    def every(self, is_dependency: bool, session: Session) -> Dict[str, Installed]:
        """What is installed whole, by the name to declare it by; with `is_dependency` not only what was meant to be."""

    def available(self, names: Sequence[str], release: Optional[str], session: Session) -> Dict[str, Available]:
        """What the lists offer; names that no list knows are left out."""

    def is_older(self, version: str, than: str, session: Session) -> bool:
        """The manager's order of versions."""

    def forecast(self, transaction: Transaction, session: Session) -> Forecast:
        """Simulate. Raises Permanent where the manager finds no solution."""

    def commit(self, transaction: Transaction, session: Session) -> None:
        """Do it. Raises Temporary where nothing was changed and another try may help, else Permanent."""

    def is_interrupted(self, session: Session) -> bool:
        """True where an earlier run did not come to its end and the next would be refused because of it."""

    def mend(self, lock_timeout: int, session: Session) -> None:
        """Configure whatever is unpacked only. What cannot be mended shows in `installed`."""

    def hold(self, names: Sequence[str], held: bool, lock_timeout: int, session: Session) -> None:
        """Set or lift the hold of packages."""

    def index_age(self, now: float) -> Optional[int]:
        """Seconds since the lists were last brought up to date; None if never, or if a source changed since."""

    def refresh_index(self, lock_timeout: int, session: Session) -> None:
        """Bring the lists up to date; afterwards `index_age` counts from now. Fails if any source fails."""


def package_manager(root: Path = Path("/")) -> PackageManager:
    """The manager of this host: the one that keeps its packages. Raises Permanent where it is none that we serve.

    Where both databases are there, since one manager is a package of the other, the release says whose host it is.
    """
    from .apt import Apt
    from .dnf import Dnf

    if Apt.is_here(root) and not (Dnf.is_here(root) and _is_of_rpm(root)):
        return Apt(root)
    if Dnf.is_here(root):
        return Dnf(root)
    mend = "Served are apt (Debian, Ubuntu) and dnf 4 (RHEL 8 to 10 and their kin); for others, use a command."
    for name, place in _NOT_SERVED:
        if (root / place).exists():
            raise Permanent(f"this host's package manager is {name}, which is not served yet", mend=mend)
    raise Permanent("this host has no package manager that aivp knows", mend=mend)


_NOT_SERVED = (
    ("apk", "sbin/apk"),
    ("dnf 5", "usr/bin/dnf5"),
    ("zypper", "usr/bin/zypper"),
    ("pacman", "usr/bin/pacman"),
    ("brew", "opt/homebrew/bin/brew"),
    ("brew", "usr/local/bin/brew"),
    ("brew", "home/linuxbrew/.linuxbrew/bin/brew"),
)


def _is_of_rpm(root: Path) -> bool:
    """Whether the host's release says that it is of Fedora's family."""
    try:
        lines = (root / "etc/os-release").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    pairs = (line.partition("=") for line in lines)
    words = {word for key, _, value in pairs if key in ("ID", "ID_LIKE") for word in value.strip("\"'").split()}
    return bool(words & {"fedora", "rhel", "centos"})
