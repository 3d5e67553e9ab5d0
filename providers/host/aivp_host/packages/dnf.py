"""dnf (4) and rpm as a `PackageManager`. Knows their commands and files; nothing of resources and plans.

Whatever is installed is asked for by its whole name, epoch to architecture, so that nothing else can be meant by it.
Probes use the lists as they are (`-C`); only `refresh_index` fetches them.
"""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from aivp_sdk import Permanent, Session, Temporary

from . import dnf_files, rpm_output, rpm_versions
from .declaration import Package
from .locks import wait_for_locks
from .managers import NOT_INSTALLED, Available, Forecast, Installed, Transaction
from .rpm_names import base, declared, is_meant, label, pick
from .rpm_output import Rpm

_QUERY = ("dnf", "--quiet", "--cacheonly", "--disableplugin=versionlock")
_SIMULATE = ("dnf", "--cacheonly", "--assumeno", "--verbose", "--allowerasing", "--disableplugin=versionlock")
_COMMIT = ("dnf", "--assumeyes", "--setopt=exit_on_lock=1", "--setopt=*.metadata_expire=-1")
_DATABASES = ("var/lib/rpm", "usr/lib/sysimage/rpm")
_PAUSE = 0.2


class Dnf:
    """The package manager of Fedora and its kin. `root` is where its files are looked at."""

    name = "dnf"
    audit = "dnf check"

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root
        self._offered: Dict[str, List[Rpm]] = {}

    @staticmethod
    def is_here(root: Path = Path("/")) -> bool:
        """True where rpm keeps the host's packages and dnf is installed; dnf 5 speaks otherwise and does not count."""
        program = root / "usr/bin/dnf"
        is_four = program.exists() and not os.path.basename(os.path.realpath(program)).startswith("dnf5")
        return is_four and any(_holds(root / folder) for folder in _DATABASES)

    def refuse(self, desired: Package) -> None:
        """What rpm and dnf know nothing of."""
        for is_asked, path, what, mend in (
            (desired.state == "purged", "/state", "purging", "Declare it absent, and the files that shall go, too."),
            (desired.purge, "/purge", "purging", "Leave purge out; declare files that shall go as absent."),
            (desired.default_release, "/default_release", "releases", "Enable one repository and disable another."),
            (desired.conffiles == "replace", "/conffiles", "a choice", "Declare the file with the content wanted."),
            (
                desired.hold and dnf_files.lock_list(self.root) is None,
                "/hold",
                "holds without its versionlock plugin",
                "Declare the package that has it: python3-dnf-plugin-versionlock, on Debian dnf-plugins-core.",
            ),
        ):
            if is_asked:
                raise Permanent(f"dnf knows no {what}", path=path, mend=mend)

    def installed(self, names: Sequence[str], session: Session) -> Dict[str, Installed]:
        """One rpm -q."""
        if not names:
            return {}
        asked = sorted({base(name) for name in names})
        done = session.probe(["rpm", "-q", f"--queryformat={rpm_output.RPM_FORMAT}", "--", *asked])
        found = rpm_output.rows(done.stdout)
        if not found and "is not installed" not in done.stdout:
            raise rpm_output.failure("rpm -q", done)
        patterns = dnf_files.locks(self.root)
        picked = {name: pick(name, found) for name in names}
        return {name: _installed(package, patterns) for name, package in picked.items()}

    def every(self, is_dependency: bool, session: Session) -> Dict[str, Installed]:
        """One rpm -qa, or dnf for what was installed by hand."""
        if is_dependency:
            done = session.probe(["rpm", "-qa", f"--queryformat={rpm_output.RPM_FORMAT}"])
        else:
            query = ["repoquery", "--userinstalled", f"--queryformat={rpm_output.DNF_FORMAT}"]
            done = session.probe([*_QUERY, *query])
        if not done.ok:
            raise rpm_output.failure("listing what is installed", done)
        patterns = dnf_files.locks(self.root)
        packages = [package for package in rpm_output.rows(done.stdout) if package.name != "gpg-pubkey"]
        return {name: _installed(package, patterns) for name, package in sorted(declared(packages).items())}

    def available(self, names: Sequence[str], release: Optional[str], session: Session) -> Dict[str, Available]:
        """One dnf repoquery on the lists as they are. The candidate is the newest of the repository that goes first."""
        if not names:
            return {}
        asked = sorted({base(name) for name in names})
        query = ["repoquery", "--showduplicates", f"--queryformat={rpm_output.DNF_FORMAT}", *asked]
        done = session.probe([*_QUERY, *query], timeout=300)
        if not done.ok:
            raise rpm_output.failure("dnf repoquery", done)
        rows = rpm_output.rows(done.stdout)
        priorities = {each.id: each.priority for each in dnf_files.repositories(self.root)}
        found: Dict[str, Available] = {}
        for name in names:
            offered = [row for row in rows if is_meant(name, row)]
            self._offered[name] = offered
            if offered:
                first = min(priorities.get(row.source, 99) for row in offered)
                best = [row.evr for row in offered if priorities.get(row.source, 99) == first]
                versions = rpm_versions.newest_first(row.evr for row in offered)
                found[name] = Available(rpm_versions.newest_first(best)[0], tuple(versions))
        return found

    def is_older(self, version: str, than: str, session: Session) -> bool:
        """In the order of rpm."""
        return rpm_versions.is_older(version, than)

    def forecast(self, transaction: Transaction, session: Session) -> Forecast:
        """Solve with everything allowed. Raises Permanent where there is no solution."""
        install, remove = self._specs(transaction, session), _removed(transaction)
        options = _options(transaction)
        if install and remove:
            script = f"install {' '.join(install)}\nremove {' '.join(remove)}\nrun\n"
            done = session.probe([*_SIMULATE, *options, "shell"], stdin=script, timeout=300)
        else:
            done = session.probe([*_SIMULATE, *options, *_command(install, remove)], timeout=300)
        names = [*(name for name, _ in transaction.install), *remove_names(transaction)]
        as_declared = {base(name): name for name in names}
        unsaid = rpm_output.unsaid(done.stdout, as_declared)
        if rpm_output.is_error(done) or (unsaid and not done.ok):
            raise rpm_output.failure("the simulation by dnf", done)
        if unsaid:
            mend = "See what dnf --assumeno --verbose install or remove says of them on the host."
            raise Permanent(f"nothing was changed: dnf's simulation is silent on {', '.join(unsaid)}", mend=mend)
        found = rpm_output.forecast(done.stdout, self._locked(session))
        parts = (found.removals, found.downgrades, found.held)
        return Forecast(*(tuple(as_declared.get(name, name) for name in part) for part in parts))

    def commit(self, transaction: Transaction, session: Session) -> None:
        """One dnf; a second one where something else is to go, which by then may be gone, and is simulated anew."""
        self._wait(transaction.lock_timeout, session)
        options = _options(transaction)
        options += ["--disableplugin=versionlock"] if transaction.held else []
        install, remove = self._specs(transaction, session), _removed(transaction)
        if install:
            options_of_install = ["--allowerasing"] if remove else []
            self._run([*_COMMIT, *options, *options_of_install, *_command(install, [])], session)
        if not remove:
            return
        names = remove_names(transaction)
        there = self.installed(names, session)
        left = tuple(name for name in names if there[name].condition != "absent")
        rest = Transaction(remove=left, held=transaction.held, lock_timeout=transaction.lock_timeout)
        if install and left:
            surplus = set(self.forecast(rest, session).removals) - set(names)
            if surplus:
                others = ", ".join(sorted(surplus))
                why = f"removing {', '.join(left)} would now remove {others}, which is not in the plan"
                raise Permanent(why, mend="Declare them with state: absent, so that the plan shows it.")
        if left:
            self._run([*_COMMIT, *_options(rest), *_command([], _removed(rest))], session)

    def is_interrupted(self, session: Session) -> bool:
        """Never: dnf begins anew whatever became of the run before."""
        return False

    def mend(self, lock_timeout: int, session: Session) -> None:
        """Nothing is ever unpacked only."""

    def hold(self, names: Sequence[str], held: bool, lock_timeout: int, session: Session) -> None:
        """By dnf versionlock; a lock of another version is taken away first."""
        self._wait(lock_timeout, session)
        for verb in ("delete", "add") if held else ("delete",):
            argv = ["dnf", "--quiet", "--cacheonly", "--assumeyes", "versionlock", verb, *map(base, names)]
            self._run(argv, session)

    def index_age(self, now: float) -> Optional[int]:
        """By the times of dnf's own lists; see `dnf_files`."""
        return dnf_files.age(self.root, now)

    def refresh_index(self, lock_timeout: int, session: Session) -> None:
        """By dnf makecache; a repository that cannot be reached is an error, whatever its configuration says."""
        self._wait(lock_timeout, session)
        if not dnf_files.repositories(self.root):
            mend = "Declare a file beneath /etc/yum.repos.d that notifies this package_index."
            raise Permanent("dnf has no repository that is enabled", mend=mend)
        strict = ["--setopt=*.skip_if_unavailable=0", "--setopt=exit_on_lock=1"]
        self._run(["dnf", "--quiet", "--assumeyes", "--refresh", *strict, "makecache"], session)

    def _locked(self, session: Session) -> List[str]:
        """Names of what is installed in a version that a lock keeps."""
        patterns = dnf_files.locks(self.root)
        if not patterns:
            return []
        listed = session.probe(["rpm", "-qa", f"--queryformat={rpm_output.RPM_FORMAT}"])
        return [row.name for row in rpm_output.rows(listed.stdout) if dnf_files.is_locked(row, patterns)]

    def _specs(self, transaction: Transaction, session: Session) -> List[str]:
        """What is to be installed, each by its whole name."""
        unknown = [name for name, _ in transaction.install if name not in self._offered]
        self.available(unknown, None, session)
        found = []
        for name, version in transaction.install:
            offered = self._offered[name]
            wanted = version or next(iter(rpm_versions.newest_first(row.evr for row in offered)), "")
            packages = [row for row in offered if row.evr == wanted]
            native = [row for row in packages if row.architecture == platform.machine()]
            if not packages:
                mend = "A package_index with a max_age keeps the lists fresh."
                raise Permanent(f"dnf has no {name} {wanted}".rstrip(), path="/name", mend=mend)
            found.append((native or packages)[0].spec)
        return found

    def _wait(self, seconds: float, session: Session) -> None:
        """Return once neither dnf nor rpm is at work. Raises Temporary after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            holder = dnf_files.lock_holder(self.root)
            if holder is None:
                break
            if time.monotonic() >= deadline:
                raise Temporary(f"dnf is in use by process {holder}", delay=10)
            time.sleep(_PAUSE)
        databases = [str(self.root / folder / ".rpm.lock") for folder in _DATABASES]
        wait_for_locks(databases, max(deadline - time.monotonic(), 0))

    def _run(self, argv: Sequence[str], session: Session) -> None:
        done = session.effect(argv)
        if not done.ok:
            raise rpm_output.failure("dnf", done)


def remove_names(transaction: Transaction) -> Tuple[str, ...]:
    """What is to go, as declared."""
    return tuple(sorted({*transaction.remove, *transaction.purge}))


def _removed(transaction: Transaction) -> List[str]:
    return [label(name) for name in remove_names(transaction)]


def _command(install: Sequence[str], remove: Sequence[str]) -> List[str]:
    return ["install", *install] if install else ["remove", *remove]


def _options(transaction: Transaction) -> List[str]:
    """What simulation and real run have in common. What came as a dependency stays, as with apt."""
    weak = f"--setopt=install_weak_deps={int(transaction.recommends)}"
    return [weak, "--setopt=clean_requirements_on_remove=0", "--setopt=best=1"]


def _installed(package: Optional[Rpm], patterns: Sequence[str]) -> Installed:
    if package is None:
        return NOT_INSTALLED
    return Installed("installed", package.evr, dnf_files.is_locked(package, patterns))


def _holds(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())
