"""apt and dpkg as a `PackageManager`. Knows their commands and files; nothing of resources and plans."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from aivp_sdk import Permanent, Session

from . import apt_lists, apt_output
from .declaration import Package
from .locks import wait_for_locks
from .managers import NOT_INSTALLED, Available, Forecast, Installed, Transaction

# Nobody is there to answer. needrestart may tell which services should be restarted, but restarts none: a service that
# the plan does not name is none of its business.
_ENVIRONMENT = {
    "DEBIAN_FRONTEND": "noninteractive",
    "APT_LISTCHANGES_FRONTEND": "none",
    "APT_LISTBUGS_FRONTEND": "none",
    "NEEDRESTART_MODE": "l",
}
_KEEP = ("-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold")
_REPLACE = ("-o", "Dpkg::Options::=--force-confnew")
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+](:[a-z0-9-]+)?")
_DPKG_LOCKS = ("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock")
_INDEX_LOCKS = ("/var/lib/apt/lists/lock",)


class Apt:
    """Debian's package manager. `root` is where its files are looked at; its commands always mean the host itself."""

    name = "apt"
    audit = "dpkg --audit"

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root
        self._architecture = ""

    @staticmethod
    def is_here(root: Path = Path("/")) -> bool:
        """True where dpkg keeps the host's packages and apt is installed."""
        return (root / "usr/bin/apt-get").exists() and (root / "var/lib/dpkg/status").exists()

    def refuse(self, desired: Package) -> None:
        """A name or version that no Debian package has: dpkg-query would fail for all that are asked with it."""
        if not _NAME.fullmatch(desired.name):
            mend = "Names of Debian packages have small letters, digits, +, - and dots."
            raise Permanent(f"{desired.name} cannot be the name of a Debian package", path="/name", mend=mend)
        if desired.version and set(desired.version) & set("_^"):
            mend = "Versions of Debian packages have letters, digits, dots, +, -, ~ and one colon."
            raise Permanent(f"{desired.version} cannot be a version of a Debian package", path="/version", mend=mend)

    def installed(self, names: Sequence[str], session: Session) -> Dict[str, Installed]:
        """One dpkg-query. A name without an architecture means the host's own, as everywhere in Debian."""
        if not names:
            return {}
        done = session.probe(["dpkg-query", "--show", f"--showformat={apt_output.STATUS_FORMAT}", *names])
        if done.code not in (0, 1):  # 1: some name is not in the database
            raise apt_output.failure("dpkg-query", done)
        found: Dict[str, List[apt_output.Row]] = {}
        for row in apt_output.rows(done.stdout):
            found.setdefault(row.name, []).append(row)
        return {name: self._pick(name, found.get(name.partition(":")[0], []), session) for name in names}

    def every(self, is_dependency: bool, session: Session) -> Dict[str, Installed]:
        """One dpkg-query, and one apt-mark for what was installed by hand."""
        done = session.probe(["dpkg-query", "--show", f"--showformat={apt_output.STATUS_FORMAT}"])
        if not done.ok:
            raise apt_output.failure("dpkg-query", done)
        rows = [row for row in apt_output.rows(done.stdout) if row.installed.condition == "installed"]
        found = {self._plain(f"{row.name}:{row.architecture}", session): row.installed for row in rows}
        if not is_dependency:
            marked = session.probe(["apt-mark", "showmanual"])
            if not marked.ok:
                raise apt_output.failure("apt-mark showmanual", marked)
            manual = {self._plain(name, session) for name in marked.stdout.split()}
            found = {name: installed for name, installed in found.items() if name in manual}
        return dict(sorted(found.items()))

    def available(self, names: Sequence[str], release: Optional[str], session: Session) -> Dict[str, Available]:
        """One apt-cache policy."""
        if not names:
            return {}
        done = session.probe(["apt-cache", *_release(release), "policy", *names])
        if not done.ok:
            raise apt_output.failure("apt-cache policy", done)
        return apt_output.policies(done.stdout)

    def is_older(self, version: str, than: str, session: Session) -> bool:
        """Debian's order of versions."""
        return session.probe(["dpkg", "--compare-versions", version, "lt", than]).ok

    def forecast(self, transaction: Transaction, session: Session) -> Forecast:
        """apt-get -s with everything allowed, so that it tells what it would do rather than that it must not."""
        argv = ["apt-get", "--simulate", "--allow-downgrades", "--allow-change-held-packages"]
        done = session.probe([*argv, *self._arguments(transaction)], timeout=300)
        if not done.ok:
            raise apt_output.failure("the simulation by apt-get", done)
        seen = apt_output.forecast(done.stdout)
        declared = {self._plain(name, session): name for name in _names(transaction)}
        parts = (seen.removals, seen.downgrades, seen.held)
        return Forecast(*(tuple(declared.get(name, name) for name in part) for part in parts))

    def commit(self, transaction: Transaction, session: Session) -> None:
        """One apt-get; what the plan does not allow, apt-get is not allowed either."""
        wait_for_locks(_DPKG_LOCKS, transaction.lock_timeout)
        argv = ["apt-get", "-o", f"DPkg::Lock::Timeout={transaction.lock_timeout}"]
        argv += ["--allow-downgrades"] if transaction.downgrade else []
        argv += ["--allow-change-held-packages"] if transaction.held else []
        argv += ["--no-remove"] if not (transaction.remove or transaction.purge) else []
        self._run([*argv, *self._arguments(transaction)], session, keep_conffiles=transaction.keep_conffiles)
        if transaction.remove and transaction.purge:
            # apt-get removes or purges all that one call takes away: their configuration files go in a second one.
            rest = Transaction(purge=transaction.purge, lock_timeout=transaction.lock_timeout)
            self._run(["apt-get", "--no-install-recommends", *self._arguments(rest)], session)

    def is_interrupted(self, session: Session) -> bool:
        """apt-get refuses to work while dpkg's journal has entries that were not merged."""
        try:
            return any(name.isdigit() for name in os.listdir(self.root / "var/lib/dpkg/updates"))
        except FileNotFoundError:
            return False

    def mend(self, lock_timeout: int, session: Session) -> None:
        """Run dpkg --configure --pending. That some package cannot be configured is no error: it may be about to go."""
        wait_for_locks(_DPKG_LOCKS, lock_timeout)
        options = ["--force-confdef", "--force-confold"]
        done = session.effect(["dpkg", *options, "--configure", "--pending"], env=_ENVIRONMENT)
        if not done.ok:
            session.log(str(apt_output.failure("dpkg --configure --pending", done)))

    def hold(self, names: Sequence[str], held: bool, lock_timeout: int, session: Session) -> None:
        """One apt-mark."""
        wait_for_locks(_DPKG_LOCKS, lock_timeout)
        done = session.effect(["apt-mark", "hold" if held else "unhold", *names], env=_ENVIRONMENT)
        if not done.ok:
            raise apt_output.failure("apt-mark", done)

    def index_age(self, now: float) -> Optional[int]:
        """By the lists' own marks; see `apt_lists`."""
        return apt_lists.age(self.root, now)

    def refresh_index(self, lock_timeout: int, session: Session) -> None:
        """apt-get update, for which a source that cannot be reached is an error, not a warning."""
        wait_for_locks(_INDEX_LOCKS, lock_timeout)
        argv = ["apt-get", "--quiet", "-o", "APT::Update::Error-Mode=any", "update"]
        done = session.effect(argv, env=_ENVIRONMENT)
        apt_lists.mark(self.root, done.ok)
        if not done.ok:
            raise apt_output.failure("apt-get update", done)
        if apt_lists.is_empty(self.root):
            raise Permanent(
                "apt-get update fetched nothing: no package source is configured",
                mend="Declare a file beneath /etc/apt/sources.list.d that notifies this package_index.",
            )

    def _run(self, argv: Sequence[str], session: Session, keep_conffiles: bool = True) -> None:
        policy = {"UCF_FORCE_CONFFOLD": "1"} if keep_conffiles else {"UCF_FORCE_CONFFNEW": "1"}
        done = session.effect(argv, env={**_ENVIRONMENT, **policy})
        if not done.ok:
            raise apt_output.failure("apt-get", done)

    def _arguments(self, transaction: Transaction) -> List[str]:
        """What simulation and real run have in common."""
        argv = ["--yes", "--quiet", "-o", "Dpkg::Use-Pty=0", "-o", "APT::Get::AutomaticRemove=false"]
        argv += _KEEP if transaction.keep_conffiles else _REPLACE
        argv += ["--install-recommends" if transaction.recommends else "--no-install-recommends"]
        argv += ["--reinstall"] if transaction.reinstall else []
        argv += ["--purge"] if transaction.purge and not transaction.remove else []
        argv += [*_release(transaction.release), "install"]
        argv += [name if version is None else f"{name}={version}" for name, version in transaction.install]
        return [*argv, *(f"{name}-" for name in sorted({*transaction.remove, *transaction.purge}))]

    def _pick(self, name: str, candidates: Sequence[apt_output.Row], session: Session) -> Installed:
        architecture = name.partition(":")[2]
        if not architecture and len(candidates) > 1:
            architecture = self._native(session)
        found = [
            row.installed for row in candidates if architecture in ("", row.architecture) or row.architecture == "all"
        ]
        return found[0] if found else NOT_INSTALLED

    def _plain(self, name: str, session: Session) -> str:
        """A name as apt-get prints it: without the host's own architecture."""
        base, _, architecture = name.partition(":")
        return base if architecture and architecture in (self._native(session), "all") else name

    def _native(self, session: Session) -> str:
        if not self._architecture:
            self._architecture = session.probe(["dpkg", "--print-architecture"]).stdout.strip()
        return self._architecture


def _release(release: Optional[str]) -> Tuple[str, ...]:
    return () if release is None else ("-o", f"APT::Default-Release={release}")


def _names(transaction: Transaction) -> List[str]:
    return [*(name for name, _ in transaction.install), *transaction.remove, *transaction.purge]
