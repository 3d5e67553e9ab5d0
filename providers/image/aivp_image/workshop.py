"""Where images are made: its folders, its programs, its word to people. Knows no source.

FOLDER/store    the images (store.py)          FOLDER/names    which image a declared name has
FOLDER/cache    what could be fetched again    FOLDER/cache/…  each source has a folder of its own
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Callable, List, Mapping, Optional, Sequence

from aivp_sdk import Permanent, Session
from aivp_sdk.process import environment

from .backing import is_below
from .store import Store, no_space

_LAST_LINES = 12
_PROGRESS = 1.0
_FULL = "No space left on device"
_DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")


class Workshop:
    """The folders below `folder`, and programs run in the name of `session`."""

    def __init__(self, folder: Path, session: Session) -> None:
        self.folder = folder
        self.session = session
        self.store = Store(folder / "store")
        self._told = 0.0

    def cache(self, name: str) -> Path:
        """A folder of a source's own for what could be fetched again; it is there."""
        found = self.folder / "cache" / name
        found.mkdir(parents=True, exist_ok=True, mode=0o700)
        return found

    def is_backing(self, folder: Path) -> bool:
        """Whether a disk of a VM that is kept beside our folder lies on top of an image, whatever `users` says."""
        return is_below(folder, sorted(self.folder.parent.glob("vm/vms/*/disks/*")))

    @property
    def is_root(self) -> bool:
        """Whether the host lets us be root."""
        return os.geteuid() == 0

    def program(self, name: str, package: str) -> str:
        """The path of a program. Raises Permanent that names Debian's package where it is not there."""
        found = shutil.which(name, path=environment()["PATH"])
        if found is None:
            mend = f"Install it on this host: apt-get install {package}"
            raise Permanent(f"{name} is not installed", mend=mend)
        return found

    def has(self, name: str) -> bool:
        """Whether a program is there."""
        return shutil.which(name, path=environment()["PATH"]) is not None

    def run(
        self,
        argv: Sequence[str],
        *,
        doing: str,
        env: Optional[Mapping[str, str]] = None,
        cwd: Optional[Path] = None,
        said: Optional[Callable[[str], Optional[str]]] = None,
        mend: Optional[str] = None,
    ) -> List[str]:
        """Run a program to its end; its lines, both streams in one. It dies with us, and its children with it.

        doing: what it does, for people; said: a line → how far it is, if it tells. Raises Permanent with its last
        words where it fails.
        """
        lines: List[str] = []
        process = subprocess.Popen(
            [*_DIES_WITH_US, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd or "/",
            env={**environment(), **(env or {})},
        )
        with process:
            try:
                for raw in process.stdout or ():
                    lines.append(raw.decode(errors="replace").rstrip())
                    self.progress((said and said(lines[-1])) or doing)
                code = process.wait()
            except BaseException:
                process.kill()
                raise
        if code != 0:
            if any(_FULL in line for line in lines):
                raise no_space(self.folder)
            last = "\n".join(line for line in lines[-_LAST_LINES:] if line.strip())
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise Permanent(f"{doing} failed: {Path(argv[0]).name} {how}; it said last:\n{last}", mend=mend)
        return lines

    def output(
        self, argv: Sequence[str], *, env: Optional[Mapping[str, str]] = None, stdin: Optional[bytes] = None
    ) -> bytes:
        """What a program that only reads writes to its output. Raises Permanent where it fails."""
        full = {**environment(), **(env or {})}
        done = subprocess.run(
            [*_DIES_WITH_US, *argv], input=b"" if stdin is None else stdin, capture_output=True, env=full, check=False
        )
        if done.returncode != 0:
            last = done.stderr.decode(errors="replace").strip()[-500:]
            raise Permanent(f"{Path(argv[0]).name} failed: {last}")
        return done.stdout

    def progress(self, message: str, done: Optional[float] = None, total: Optional[float] = None) -> None:
        """A sign of life, once a second at most."""
        now = time.monotonic()
        if now - self._told >= _PROGRESS or (done is not None and done == total):
            self._told = now
            self.session.progress(message, done, total)


def folders(session: Session, configured: Optional[str]) -> Path:
    """The folder of this provider: as configured, else the session's own."""
    return Path(configured) if configured else session.directory
