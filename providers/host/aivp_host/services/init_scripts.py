"""Init scripts as values: what one can be asked, where it is linked, whether it runs. Changes nothing.

Links and scripts are read from the disk; only `status` runs something, and only where the script names that action:
a script asked for what it does not know may answer with any exit code, 0 and 3 among them.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from typing import Dict, FrozenSet, Iterable, List, Optional, Set, Tuple

from aivp_sdk import Session

FOLDER = "etc/init.d"
LEVELS = ("2", "3", "4", "5", "S")
"""Run levels in which something is started; in the others, all is stopped."""
_TEXT = 256 * 1024
_STATUS_SECONDS = 30
_LABELS = re.compile(r"^\s*\(?\s*([\w\"'.*-]+(?:\s*\|\s*[\w\"'.*-]+)*)\s*\)", re.MULTILINE)
_SET = re.compile(r"^\s*(?:export\s+)?(\w+)=[\"']?([^\s\"'`;]+)", re.MULTILINE)
_PIDFILE = re.compile(r"^#\s*pidfile:\s*(/\S+)", re.MULTILINE | re.IGNORECASE)
_DEFAULT_START = re.compile(r"^#\s*Default-Start:[ \t]*(.*)$", re.MULTILINE)
_LIBRARY = "/lib/init/init-d-script"
"""What gives a script the usual actions, though it names none of them."""
_STANDARD = frozenset({"start", "stop", "restart", "force-reload", "status"})
_USAGE = re.compile(r"^\s*usage:", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Script:
    """One script of /etc/init.d and its links. `levels`: those that its header asks for; `links`: level → S or K."""

    name: str
    is_found: bool = False
    actions: FrozenSet[str] = frozenset()
    pidfile: str = ""
    levels: Tuple[str, ...] = ()
    links: Tuple[Tuple[str, str], ...] = ()

    def is_enabled(self, wanted: bool) -> bool:
        """Whether it is started wherever its header says; in part is never what is wanted."""
        started = {level for level, letter in self.links if letter == "S"}
        if not started & set(LEVELS):
            return False
        return True if set(self.levels) <= started else not wanted


@dataclass(frozen=True)
class Status:
    """Whether it runs; None where nobody can say, and then why and how to mend that."""

    is_running: Optional[bool]
    why: str = ""
    mend: str = ""


def script(name: str, root: str = "/") -> Script:
    """The script of this name, as it lies on the disk."""
    path = os.path.join(root, FOLDER, name)
    links = _links(name, root)
    if not (os.path.isfile(path) and os.access(path, os.X_OK)):
        return Script(name, links=links)
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read(_TEXT)
    found = _DEFAULT_START.search(text)
    levels = tuple(level for level in (found[1].split() if found else ()) if level in LEVELS)
    return Script(name, True, _actions(text), _pidfile(text), levels, links)


def names(root: str = "/") -> List[str]:
    """All scripts, but for those that only run others."""
    try:
        found = sorted(os.listdir(os.path.join(root, FOLDER)))
    except OSError:
        return []
    return [
        name for name in found if name not in ("README", "functions", "rc", "rcS", "skeleton") and "." not in name[:1]
    ]


def status(script: Script, session: Session) -> Status:
    """Ask the script by its `status` action, as LSB defines it; one without is judged by its pid file."""
    process = _process(script.pidfile) if script.pidfile else None
    if "status" not in script.actions:
        if script.pidfile:
            return Status(process is True)
        why = (
            f"the init script {script.name} has no status action and names no pid file: nobody can say whether it runs"
        )
        return Status(None, why, "Leave running out, or give the script one of them.")
    done = session.probe(command(script.name, "status"), timeout=_STATUS_SECONDS)
    said = words(done.stdout, done.stderr)
    if done.code == 0 and not _USAGE.search(done.stdout + done.stderr):
        return Status(process is not False)  # a pid file of a process that has ended outweighs a kind word
    if done.code in (1, 2, 3):
        return Status(False)
    why = f"the status action of the init script {script.name} does not say whether it runs (exit {done.code}): {said}"
    return Status(None, why, "Mend the script: 0 is running, 1 to 3 is not. Or leave running out.")


def command(name: str, action: str) -> List[str]:
    """What runs an action: `service`, which also gives it a clean environment; without it, the script itself."""
    return ["service", name, action] if shutil.which("service", path=_PATH) else [f"/{FOLDER}/{name}", action]


def is_chroot() -> bool:
    """True where this is a folder of a running system, such as an image in the making."""
    try:
        first, ours = os.stat("/proc/1/root/"), os.stat("/")
    except PermissionError:
        return False
    except OSError:
        return True
    return (first.st_dev, first.st_ino) != (ours.st_dev, ours.st_ino)


def words(*texts: str) -> str:
    """The last lines of an output, bounded; init scripts use both streams."""
    lines = [line.rstrip() for text in texts for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-10:])[-2000:]


_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _actions(text: str) -> FrozenSet[str]:
    labels: Iterable[str] = (label for match in _LABELS.finditer(text) for label in match[1].split("|"))
    found: Set[str] = {label.strip().strip("\"'") for label in labels}
    if _LIBRARY in text:
        found |= _STANDARD | ({"reload"} if "do_reload" in text else set())
    return frozenset(found)


def _pidfile(text: str) -> str:
    """As its header or its PIDFILE says, with plain variables of the script filled in."""
    header = _PIDFILE.search(text)
    if header:
        return header[1]
    values: Dict[str, str] = {}
    for name, value in _SET.findall(text):
        values.setdefault(name, re.sub(r"\$\{?(\w+)\}?", lambda match: values.get(match[1], "$"), value))
    path = values.get("PIDFILE", "")
    return path if path.startswith("/") and "$" not in path else ""


def _links(name: str, root: str) -> Tuple[Tuple[str, str], ...]:
    """Start wins where a level has both."""
    found: Dict[str, str] = {}
    for level in LEVELS:
        try:
            entries = os.listdir(os.path.join(root, f"etc/rc{level}.d"))
        except OSError:
            continue
        letters = {entry[0] for entry in entries if re.fullmatch(r"[SK]\d\d" + re.escape(name), entry)}
        if letters:
            found[level] = "S" if "S" in letters else "K"
    return tuple(sorted(found.items()))


def _process(pidfile: str) -> Optional[bool]:
    """Whether the process that a pid file names is alive; None without the file. A zombie is dead."""
    try:
        with open(pidfile, encoding="ascii") as file:
            pid = int(file.read(64).split()[0])
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError as error:
        return False if error.filename != pidfile else None
    except (OSError, ValueError, IndexError):
        return None
