"""What the controller itself needs for a project: programs, the state, the key, secrets that can be looked at, room.

Starts nothing that the project's author wrote, and changes nothing but what opening a state does.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from aivp.config.cue import find_cue
from aivp.diagnostics import Diagnostic, Refused
from aivp.engine.engine import Engine
from aivp.model.address import CONTROLLER
from aivp.model.finding import Examined, Finding
from aivp.model.place import SqlitePlace

ROOM = 64 * 1024 * 1024
"""Free bytes under which a person should know: state, logs of runs and plans are written there."""

Look = Callable[[], Iterator[Finding]]


def examine_controller(engine: Engine) -> Examined:
    """All of it. A project that does not compile is a finding, too."""
    findings = [Finding("python", detail=f"{sys.version.split()[0]}, {sys.executable}")]
    looks: list[tuple[str, Look]] = [
        ("the project", lambda: _project(engine)),
        ("programs", lambda: _programs(engine)),
        ("state", lambda: _state(engine)),
        ("the project key", lambda: _key(engine)),
        ("secrets", lambda: _secrets(engine)),
        ("room", lambda: room(engine.root, _free(engine.root))),
    ]
    for name, look in looks:
        try:
            findings += look()
        except Refused as refused:
            findings += [Finding(name, remark=item) for item in refused.diagnostics]
            if name == "the project":
                break  # nothing else can be known of what does not compile
    if not _compiles(findings):
        findings += room(engine.root, _free(engine.root))
    commands = dict.fromkeys(item.command for item in findings if item.command)
    return Examined(CONTROLLER, findings, "this machine", tuple(commands))


def room(root: Path, free: int) -> Iterator[Finding]:
    """What is to be said of the bytes that are free there."""
    if free >= ROOM:
        yield Finding("room", detail=f"{free // 1024**2:,} MiB are free in {root}")
        return
    why = f"{free // 1024:,} KiB are free in {root}, where state, logs of runs and plans are written."
    yield Finding("room", remark=Diagnostic("AIVP0982", why, "Make room there.", severity="warning"))


def _free(root: Path) -> int:
    found = os.statvfs(root)
    return found.f_bavail * found.f_frsize


def _compiles(findings: list[Finding]) -> bool:
    return any(item.need == "the project" and item.remark is None for item in findings)


def _project(engine: Engine) -> Iterator[Finding]:
    ir = engine.ir
    yield Finding("the project", detail=f"{ir.project} ({ir.environment}) compiles, {len(ir.resources):,} resources")


def _programs(engine: Engine) -> Iterator[Finding]:
    """Those that this project takes; cue only where it is there: a project that needs it does not compile without."""
    try:
        cue = find_cue(None)
        yield Finding("cue", detail=f"{cue.version()}, {cue.path}")
    except Refused:
        pass
    if any(host.transport == "ssh" for host in engine.ir.hosts.values()):
        yield _program("ssh", "openssh-client", "hosts are reached by it", severity="error")
    yield _program("git", "git", "that is where projects are reviewed; aivp itself starts none", severity="warning")


def _program(name: str, package: str, why: str, *, severity: str) -> Finding:
    found = shutil.which(name)
    if found is not None:
        return Finding(name, detail=found)
    said = f"There is no {name} on the path here: {why}."
    manager = next((item for item in ("apt-get", "dnf", "apk", "brew") if shutil.which(item)), "")
    raised = "" if os.geteuid() == 0 or manager == "brew" else "sudo "
    command = {
        "apt-get": f"{raised}apt-get install -y {package}",
        "dnf": f"{raised}dnf install -y {package.replace('openssh-client', 'openssh-clients')}",
        "apk": f"{raised}apk add {package}",
        "brew": f"brew install {package.replace('openssh-client', 'openssh')}",
    }.get(manager, "")
    mend = f"Run: {command}" if command else f"Install it; in Debian it is in the package {package}."
    is_error = severity == "error"
    return Finding(
        name, remark=Diagnostic("AIVP0980", said, mend, severity="error" if is_error else "warning"), command=command
    )


def _state(engine: Engine) -> Iterator[Finding]:
    """Whether it can be opened, and by whom else: looked at before it is opened, since that closes what stands open."""
    place = engine.place
    if isinstance(place, SqlitePlace):
        folder = engine.root / place.folder / engine.project.environment
        yield from _privacy(folder)
        if not folder.exists():
            yield Finding("state", detail=f"none yet; it will be in {place.folder}/{engine.project.environment}")
            return
    state = engine.existing_state()
    if state is None:
        yield Finding("state", detail=f"none yet; it will be in {place}")
        return
    with_objects = len(state.objects())
    state.close()
    yield Finding("state", detail=f"{place}, {with_objects:,} objects")


def _privacy(folder: Path) -> Iterator[Finding]:
    for path in (folder, folder / "state.db"):
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue
        if mode & 0o077:
            right = "700" if path == folder else "600"
            why = f"{path} has mode {mode:04o}: others than its owner can read what aivp knows of your hosts."
            mend = f"Run: chmod {right} {path}"
            remark = Diagnostic("AIVP0981", why, mend, severity="warning")
            yield Finding("state", remark=remark, command=f"chmod {right} {path}")


def _key(engine: Engine) -> Iterator[Finding]:
    opener = engine.opener(engine.ir.secrets)
    if not opener.vault.needs_key:
        return
    state = engine.existing_state()
    recorded = None if state is None else state.key_id
    if state is not None:
        state.close()
    opener.check(recorded)
    if opener.vault.key_id is not None:
        yield Finding("the project key", detail=opener.vault.key_id)


def _secrets(engine: Engine) -> Iterator[Finding]:
    """Of those that can be had without running anything."""
    sources = engine.ir.secrets
    opener = engine.opener(sources)
    for name in sorted(name for name, source in sources.items() if source.source != "command"):
        try:
            opener.vault.value(name)
        except Refused as refused:
            for item in refused.diagnostics:
                yield Finding(f"secret {name}", remark=item)
        else:
            yield Finding(f"secret {name}", detail=f"from {sources[name].source}")
