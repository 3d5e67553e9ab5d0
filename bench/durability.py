"""What durability costs, counted from outside: fsyncs by strace, requests by a recorder between engine and runner."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.measure import AIVP, environment
from bench.trees import Parent, chain, tree, write_aivp

_SYNC = re.compile(r"\b(?:fsync|fdatasync)\(\d+<([^>]*)>")
_REQUEST = re.compile(rb'"jsonrpc":"2\.0","method":"(\w+)"')
_RECORDER = Path(__file__).with_name("recorder.py")


@dataclass(frozen=True, slots=True)
class Syncs:
    """fsyncs of one apply. `journal`: of the host's database while it is in use (its WAL); `state`: of the project's;
    effects: of what was declared, such as a file and its folder; other: making databases and merging their WAL.
    """

    plan: str
    steps: int
    batches: int
    journal: int
    state: int
    effects: int
    other: int


PLANS: dict[str, tuple[int, Parent | None]] = {
    "one resource": (1, chain),
    "400 that may run together": (400, lambda _: None),
    "a tree of 1,000": (1000, tree),
    "a chain of 50": (50, chain),
    "100 files": (100, None),
}


def count_syncs(folder: Path, plan: str) -> Syncs | None:
    """Apply one of `PLANS` under strace; None where there is no strace or it may not trace."""
    if shutil.which("strace") is None:
        return None
    count, parent = PLANS[plan]
    project = _project(folder / f"syncs-{plan.replace(' ', '-')}", count, parent)
    _run([AIVP, "plan", "-o", "plan.json"], project)
    steps = json.loads((project / "plan.json").read_text())["steps"]
    trace = project / "trace"
    probe = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync", "-o", str(trace)]
    if subprocess.run([*probe, "true"], capture_output=True, check=False).returncode != 0:
        return None
    _run([*probe, AIVP, "apply", "plan.json"], project)
    found = dict.fromkeys(("journal", "state", "effects", "other"), 0)
    for path in _SYNC.findall(trace.read_text()):
        found[_whose(project, Path(path))] += 1
    return Syncs(plan, len(steps), len({(step["host"], step["batch"]) for step in steps}), **found)


def _whose(project: Path, path: Path) -> str:
    if path == project / "host/host.db-wal":
        return "journal"
    if path.parent == project / ".aivp/main" and path.name == "state.db-wal":
        return "state"
    return "effects" if (project / "out") in (path, path.parent) else "other"


def count_requests(folder: Path, count: int = 100) -> dict[str, int]:
    """Method → how many requests a plan of `count` unchanged files sends to its host."""
    log = folder / "requests/log"
    project = _project(folder / "requests", count, None, channel=[sys.executable, str(_RECORDER), str(log)])
    _run([AIVP, "apply", "-y"], project)
    log.write_bytes(b"")
    _run([AIVP, "plan", "--detailed-exitcode"], project)
    found: dict[str, int] = {}
    for method in _REQUEST.findall(log.read_bytes()):
        found[method.decode()] = found.get(method.decode(), 0) + 1
    return found


def _project(folder: Path, count: int, parent: Parent | None, channel: list[str] | None = None) -> Path:
    """Noop resources, or files where `parent` is None; reached over `channel`, else locally."""
    folder.mkdir(parents=True)
    if parent is not None:
        write_aivp(folder, count, parent)
        return folder
    (folder / "out").mkdir()
    host = {"transport": "local"} if channel is None else {"transport": "exec", "command": channel}
    files = {
        f"file.f{index}": {"path": str(folder / f"out/f{index}"), "content": f"{index}\n"} for index in range(count)
    }
    declared = {"aivp": "v1", "project": "bench", "hosts": {"lab": host}, "resources": files}
    (folder / "aivp.yaml").write_text(json.dumps(declared, indent=1))
    return folder


def _run(argv: list[str], project: Path) -> None:
    done = subprocess.run(argv, cwd=project, env=environment(project), capture_output=True, check=False)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(argv)} ended with {done.returncode}: {said}")
