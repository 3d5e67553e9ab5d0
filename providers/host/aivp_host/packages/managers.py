"""What the kinds `package` and `package_index` ask of a host's package manager, and which one the host has.

Values go in and out in the words of this module; how a manager spells them is its own business (`apt.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, FrozenSet, Optional, Protocol, Sequence, Tuple

from aivp_sdk import Permanent, Session


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


def package_manager() -> PackageManager:
    """The manager of this host. Raises Permanent where it is none that we know."""
    from .apt import Apt

    if Apt.is_here():
        return Apt()
    raise Permanent("this host has no package manager that aivp knows", mend="Known are: apt (Debian, Ubuntu).")
