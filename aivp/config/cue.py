"""Runs the pinned `cue` command, bounded, on a staged copy of a module: the sole door to a process in config.

The project may be a stranger's, so: nothing of the surrounding environment, no registry, no network cache, files in a
private temporary directory, limits on CPU, memory, output and time, and an end for the whole process group.
Memory is RLIMIT_DATA, since Go reserves far more address space than it uses: an export of 2,000 resources (40 MB) fails
under an RLIMIT_AS of 500 MB, but not under an RLIMIT_DATA of 200 MB; at 1 GiB an endless list ends after 3 s at 917 MB
(cue v0.17.1, Linux).
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aivp_contract.values import Json

from aivp.config.staging import Module
from aivp.diagnostics import Diagnostic, Refused, Span
from aivp.diagnostics.diagnostic import refusal

VERSION = "v0.17.1"
CARRIER = "aivp_cue"
INPUT, PROBE = "../input.json", "../probe.json"
"""How positions in aivp's own files beside the staged module look in cue's messages."""

_GET = (
    "Install the wheel aivp-cue, which carries it (the extra `cue`), or run `make setup` in a clone, or"
    f" `go install cuelang.org/go/cmd/cue@{VERSION}`, or name it with AIVP_CUE."
)
_OUT_OF_MEMORY = (b"allocate memory", b"out of memory", b"stack exceeds", b"unexpected signal during runtime execution")
# Where an allocation of its own fails, Go's collector falls over a null pointer: a third of all ends by memory. A null
# pointer in cue itself is a panic, and reads otherwise.
_CRASHED = b"SIGSEGV"
# A launcher rather than preexec_fn, which may deadlock in a threaded process.
_LIMITED = 'ulimit -t "$1" && ulimit -d "$2" && ulimit -f "$3" && shift 3 && exec "$@"'


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds of CPU and of wall time, bytes of memory and of output."""

    cpu: int = 30
    wall: float = 60.0
    memory: int = 1024**3
    output: int = 16 * 1024**2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What cue printed, and which limit ended it (None: it ended by itself)."""

    is_success: bool
    output: bytes
    complaints: str
    ended_by: str | None = None


@dataclass(frozen=True, slots=True)
class Cue:
    """The cue command at an absolute path."""

    path: str
    limits: Limits = Limits()

    def export(self, module: Module, given: Json, probe: Json = None) -> Outcome:
        """Export a package, unified with the JSON value `given` and, to provoke conflicts, with `probe`."""
        extra = {"input.json": given} if probe is None else {"input.json": given, "probe.json": probe}
        arguments = ["export", "--all-errors", "--out", "json", f"./{module.package}".rstrip("/")]
        arguments += [f"../{name}" for name in extra]
        with tempfile.TemporaryDirectory(prefix="aivp-cue-") as name:
            folder = Path(name)
            _lay_out(folder / "module", module.files)
            for file, value in extra.items():
                (folder / file).write_text(json.dumps(value), "utf-8")
            return _run(self, arguments, folder)

    def format(self, data: bytes, file: str) -> bytes:
        """`data` as `cue fmt` lays it out. Raises Refused where it is no CUE; `file` is its name in messages."""
        with tempfile.TemporaryDirectory(prefix="aivp-cue-") as name:
            _lay_out(Path(name) / "module", {"source.cue": data})
            outcome = _run(self, ["fmt", "source.cue"], Path(name))
            done = (Path(name) / "module" / "source.cue").read_bytes()
        if outcome.is_success and done.strip():
            return done
        said = outcome.ended_by or outcome.complaints.replace("./source.cue", file).replace("source.cue", file).strip()
        raise refusal("AIVP0957", f"{file} is not laid out anew: {said[:1000]}.", "It stays as it is.")

    def version(self) -> str:
        """What `cue version` says of itself, such as `v0.17.1`; empty where it says nothing of the kind."""
        with tempfile.TemporaryDirectory(prefix="aivp-cue-") as name:
            (Path(name) / "module").mkdir()
            words = _run(self, ["version"], Path(name)).output.decode(errors="replace").split()
        return words[2] if words[:2] == ["cue", "version"] and len(words) > 2 else ""


def find_cue(span: Span | None, limits: Limits | None = None) -> Cue:
    """The command: AIVP_CUE, else of aivp-cue, else beside this Python, else on PATH. Raises Refused (AIVP0150, 0151).

    Another patch release of the pinned minor version passes; another minor version may evaluate differently, and the
    same project must give the same bytes everywhere.
    """
    path = _locate(span)
    cue = Cue(path, limits or Limits())
    try:
        version = cue.version()
    except OSError as error:
        raise refusal("AIVP0150", f"The cue command does not start: {error.strerror}.", _GET, span=span) from None
    if version.split(".")[:2] != VERSION.split(".")[:2]:
        why = f"The cue command is of version {version or 'unknown'}; aivp needs {VERSION}."
        raise refusal("AIVP0151", why, _GET, span=span)
    return cue


def carried() -> str | None:
    """The command in the package aivp-cue, which is never imported: before any other, since aivp is tested with it."""
    spec = importlib.util.find_spec(CARRIER)
    path = os.path.join(os.path.dirname(os.path.abspath(spec.origin)), "cue") if spec and spec.origin else ""
    return path if os.access(path, os.X_OK) else None


def _locate(span: Span | None) -> str:
    if chosen := os.environ.get("AIVP_CUE"):
        if os.path.isabs(chosen) and os.access(chosen, os.X_OK):
            return chosen
        raise refusal("AIVP0150", "AIVP_CUE does not hold the absolute path of a program.", _GET, span=span)
    if found := carried():
        return found
    beside = os.path.join(os.path.dirname(os.path.abspath(sys.executable)), "cue")
    if os.access(beside, os.X_OK):
        return beside
    found = shutil.which("cue")
    if found is None or not os.path.isabs(found):  # a relative entry of PATH may lie in a stranger's project
        raise refusal("AIVP0150", "This project includes a CUE package, and there is no cue command.", _GET, span=span)
    return found


def _lay_out(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir()
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _run(cue: Cue, arguments: Sequence[str], folder: Path) -> Outcome:
    """Run cue in `folder/module` with output going to files, whose size the kernel bounds."""
    limits = cue.limits
    environment = {
        "HOME": str(folder / "home"),
        "CUE_CACHE_DIR": str(folder / "home"),
        "CUE_CONFIG_DIR": str(folder / "home"),
        "CUE_REGISTRY": "none",
        "GOMEMLIMIT": str(limits.memory * 3 // 4),
        "TMPDIR": str(folder),
    }
    bounds = [
        str(_at_most(resource.RLIMIT_CPU, limits.cpu)),
        str(_at_most(resource.RLIMIT_DATA, limits.memory) // 1024),
        str(_at_most(resource.RLIMIT_FSIZE, limits.output) // 512),
    ]
    command = ["/bin/sh", "-c", _LIMITED, "sh", *bounds, cue.path, *arguments]
    with (folder / "output").open("wb") as output, (folder / "complaints").open("wb") as complaints:
        process = subprocess.Popen(
            command,
            cwd=folder / "module",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=complaints,
            start_new_session=True,
        )
        try:
            status: int | None = process.wait(limits.wall)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    printed, said = (folder / "output").read_bytes(), (folder / "complaints").read_bytes()
    reason = _ended_by(status, max(len(printed), len(said)), said, limits)
    return Outcome(status == 0 and reason is None, printed, said.decode(errors="replace"), reason)


def _at_most(kind: int, wanted: int) -> int:
    """A hard limit that is lower already cannot be raised."""
    hard = resource.getrlimit(kind)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def _ended_by(status: int | None, size: int, said: bytes, limits: Limits) -> str | None:
    if status is None:
        return f"it took longer than {limits.wall:g} seconds"
    if size >= limits.output:
        return f"it printed more than {limits.output / 1024**2:g} MiB"
    if status in (-signal.SIGKILL, -signal.SIGXCPU):
        return f"it used more than {limits.cpu} seconds of CPU"
    if any(sign in said for sign in _OUT_OF_MEMORY) or said.startswith(_CRASHED):
        return f"it needed more than {limits.memory / 1024**2:g} MiB of memory"
    return f"cue ended with status {status}" if status not in (0, 1) else None


def limit_refused(outcome: Outcome, package: str, span: Span) -> Refused:
    """The refusal of an evaluation that a limit ended."""
    why = f"The evaluation of the CUE package {package} was ended: {outcome.ended_by}."
    return Refused((Diagnostic("AIVP0154", why, "Look for a comprehension or recursion that does not end.", span),))
