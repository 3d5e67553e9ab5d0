"""systemd's units as values, and the few commands on them. Knows systemctl; nothing of resources and plans."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import Dict, List, Optional, Sequence, Tuple

from aivp_sdk import Completed, Permanent, Session

from .unit_files import has_unread

SUFFIXES = ("service socket device mount automount swap target path timer slice scope").split()

_PROPERTIES = (
    "Id LoadState ActiveState SubState UnitFileState NeedDaemonReload CanReload Type RemainAfterExit Result NRestarts"
    " FragmentPath DropInPaths SourcePath InactiveExitTimestampMonotonic"
).split()
_JOURNAL_LINES = 10
_MESSAGE_LENGTH = 2000


@dataclass(frozen=True)
class Unit:
    """One unit as systemd has it loaded. The words are systemd's own; `name` is the one that was asked for.

    files: unit file and drop-ins; started: seconds of the monotonic clock, None where it never was.
    """

    name: str
    id: str
    load_state: str = "not-found"
    active_state: str = "inactive"
    sub_state: str = "dead"
    file_state: str = ""
    type: str = ""
    result: str = ""
    remains: bool = False
    can_reload: bool = False
    needs_daemon_reload: bool = False
    restarts: int = 0
    files: Tuple[str, ...] = ()
    source: str = ""
    started: Optional[float] = None

    @property
    def is_found(self) -> bool:
        """False where there is no such unit; a masked one counts as there."""
        return self.load_state != "not-found"

    @property
    def is_masked(self) -> bool:
        """True where it may not be started."""
        return self.load_state == "masked" or self.file_state in ("masked", "masked-runtime")

    @property
    def is_active(self) -> bool:
        """True where it runs, or for a socket, timer or mount: does what it is for."""
        return self.active_state in ("active", "reloading")

    @property
    def is_inactive(self) -> bool:
        """True where it neither runs nor is on the way to; starting, stopping and waiting for a restart are between."""
        return self.active_state in ("inactive", "failed")

    @property
    def runs_once(self) -> bool:
        """True for a service that ends by design, after which it is inactive."""
        return self.type == "oneshot" and not self.remains

    def is_outdated(self) -> bool:
        """True where it runs by older unit files than those on the disk, whoever may have reloaded systemd since."""
        if self.needs_daemon_reload:
            return True
        if self.started is None:
            return False
        started = time.time() - (time.monotonic() - self.started)
        return any(_changed(path) > started for path in self.files)


def unit_name(name: str) -> str:
    """The full name: `.service` unless it says otherwise."""
    return name if name.rpartition(".")[2] in SUFFIXES and "." in name else f"{name}.service"


def is_here() -> bool:
    """True where systemd is the running init."""
    return os.path.isdir("/run/systemd/system")


def units(names: Sequence[str], session: Session) -> List[Unit]:
    """One look at all of these full names, in their order."""
    if not names:
        return []
    done = session.probe(["systemctl", "show", "--no-pager", f"--property={','.join(_PROPERTIES)}", "--", *names])
    found = parse(names, done.stdout)
    if not done.ok or len(found) != len(names):
        why = f"systemctl show failed (exit {done.code}): {tail(done.stderr)}"
        raise Permanent(why, mend="Does systemctl status work on the host? Reading needs the system bus.")
    return [replace(unit, needs_daemon_reload=True) if has_unread(unit.id, unit.files) else unit for unit in found]


def parse(names: Sequence[str], text: str) -> List[Unit]:
    """Read the answer of `systemctl show`: a paragraph for each name."""
    paragraphs = [dict(line.split("=", 1) for line in part.splitlines()) for part in text.strip().split("\n\n")]
    return [_unit(name, values) for name, values in zip(names, paragraphs) if "Id" in values]


def systemctl(verb: Sequence[str], session: Session, timeout: Optional[int] = None) -> Completed:
    """Run an effect: `systemctl(["start", "--", name], …)`."""
    return session.effect(["systemctl", "--no-ask-password", *verb], timeout=timeout)


def journal(name: str, since: float, session: Session) -> str:
    """The last lines that a unit has logged since then; empty where there are none to be had."""
    argv = ["journalctl", "--no-pager", "--quiet", "--output=cat", f"--lines={_JOURNAL_LINES}"]
    return tail(session.probe([*argv, f"--since=@{int(since)}", f"--unit={name}"]).stdout)


def tail(text: str) -> str:
    """The last lines of an output, bounded."""
    return "\n".join(text.strip().splitlines()[-_JOURNAL_LINES:])[-_MESSAGE_LENGTH:]


def _unit(name: str, values: Dict[str, str]) -> Unit:
    paths = [values.get("FragmentPath", ""), *values.get("DropInPaths", "").split()]
    started = int(values.get("InactiveExitTimestampMonotonic") or 0)
    return Unit(
        name=name,
        id=values["Id"],
        load_state=values.get("LoadState", ""),
        active_state=values.get("ActiveState", ""),
        sub_state=values.get("SubState", ""),
        file_state=values.get("UnitFileState", ""),
        type=values.get("Type", ""),
        result=values.get("Result", ""),
        remains=values.get("RemainAfterExit") == "yes",
        can_reload=values.get("CanReload") == "yes",
        needs_daemon_reload=values.get("NeedDaemonReload") == "yes",
        restarts=int(values.get("NRestarts") or 0),
        files=tuple(path for path in paths if path),
        source=values.get("SourcePath", ""),
        started=started / 1e6 if started else None,
    )


def _changed(path: str) -> float:
    """When a file came to be what it is: a rename and a package's old time stamp both show in ctime only."""
    try:
        return os.stat(path).st_ctime
    except OSError:
        return 0.0
