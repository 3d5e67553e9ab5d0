"""The conditions that must not matter: everything about a process that is not its input."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .project import CHANNEL, HOSTS

_CLOCK = """
import datetime, os, time
if os.environ.get("DETERMINISM_CLOCK"):
    shift = int(os.environ["DETERMINISM_CLOCK"])
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + shift
    time.time_ns = lambda: real_ns() + shift * 10**9
    class Shifted(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) + datetime.timedelta(seconds=shift)
        @classmethod
        def utcnow(cls):
            return cls.now(datetime.timezone.utc).replace(tzinfo=None)
    datetime.datetime = Shifted
"""
_CHANNEL = """#!/bin/sh
# HOST COMMAND...: starts it after a while, with a state of its own
name=$1; shift
eval sleep "\\$DELAY_$name"
AIVP_HOST_STATE=$AIVP_HOST_STATE/$name exec "$@"
"""
_LOCALES = ("C", "POSIX", "C.UTF-8", "en_US.UTF-8", "de_DE.ISO-8859-1", "tr_TR.UTF-8", "")
_ZONES = ("UTC", "Pacific/Kiritimati", "America/St_Johns", "Asia/Kathmandu", "XYZ+23:59", "")


@dataclass(frozen=True)
class Condition:
    """One combination. `where`: how the project is reached; `seed`: how it is written down."""

    number: int
    hash_seed: int
    zone: str
    locale: str
    utf8: str
    umask: int
    clock: int
    parallelism: int
    delays: tuple[float, ...]
    where: str
    seed: int
    secret: str

    def __str__(self) -> str:
        return f"{self.number}-{self.where}"

    def environ(self, home: Path, tools: Path) -> dict[str, str]:
        """The whole environment of a command."""
        return {
            "HOME": str(home),
            "PATH": f"{tools}:{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": str(tools),
            "PYTHONHASHSEED": str(self.hash_seed),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TZ": self.zone,
            "LC_ALL": self.locale,
            "LANG": self.locale,
            "PYTHONUTF8": self.utf8,
            "DETERMINISM_CLOCK": str(self.clock),
            "DETERMINISM_DB": self.secret,
            "AIVP_HOST_STATE": str(home / "host"),
            **{f"DELAY_{name}": str(delay) for name, delay in zip(HOSTS, self.delays, strict=True)},
        }


def conditions(count: int) -> list[Condition]:
    """The first `count` combinations; always the same ones."""
    chance = random.Random(20250101)
    return [_condition(number, chance) for number in range(count)]


def _condition(number: int, chance: random.Random) -> Condition:
    return Condition(
        number=number,
        hash_seed=chance.randint(0, 2**32 - 1),
        zone=chance.choice(_ZONES),
        locale=chance.choice(_LOCALES),
        utf8=chance.choice("01"),
        umask=chance.choice([0o000, 0o022, 0o027, 0o077]),
        clock=chance.choice([0, 400 * 86400, -20 * 365 * 86400, 50 * 365 * 86400]),
        parallelism=chance.choice([1, 2, 3, 10, 256]),
        delays=tuple(chance.choice([0, 0.01, 0.05, 0.1]) for _ in HOSTS),
        where=chance.choice(["here", "above", "beneath", "link", "linked", "elsewhere"]),
        seed=chance.randint(0, 10**6),
        secret=f"secret-{chance.random()}",
    )


def make_tools(folder: Path) -> Path:
    """What stands on PATH and PYTHONPATH: the channel command, and a clock that can be shifted."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_CLOCK)
    channel = folder / CHANNEL
    channel.write_text(_CHANNEL)
    channel.chmod(0o755)
    return folder


@dataclass(frozen=True)
class Clone:
    """A project's folder, and how commands are given there under one condition."""

    folder: Path
    condition: Condition
    environ: Mapping[str, str]
    python: Path

    def aivp(self, command: str, *arguments: str, code: int = 0) -> str:
        """Run `aivp COMMAND`; what it printed. -o FILE lands in the project's folder wherever that is reached from."""
        start, options = self._place()
        done = subprocess.run(
            [str(self.python.parent / "aivp"), *options, *command.split(), *arguments],
            cwd=start,
            env=dict(self.environ),
            umask=self.condition.umask,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        said = (done.stdout + done.stderr).decode(errors="replace")
        assert done.returncode == code, f"aivp {command} ended with {done.returncode}, not {code}:\n{said}"
        return said

    def _place(self) -> tuple[Path, list[str]]:
        link = self.folder.parent / "link"
        match self.condition.where:
            case "here":
                return self.folder, []
            case "above":
                return self.folder.parent, ["-C", self.folder.name]
            case "beneath":
                return self.folder / "parts", ["-C", ".."]
            case "link":
                return link, []
            case "linked":
                return self.folder.parent, ["-C", "link"]
            case _:
                return Path("/"), ["-C", str(self.folder)]


def clone(folder: Path, condition: Condition, home: Path, tools: Path, python: Path) -> Clone:
    """A clone in `folder`, which is made; a symlink to it stands beside it."""
    folder.mkdir(parents=True)
    (folder.parent / "link").symlink_to(folder.name)
    return Clone(folder, condition, condition.environ(home, tools), python)


def interpreter(version: str) -> Path | None:
    """A Python of that version that runs: on PATH, or one of pyenv's."""
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [shutil.which(f"python{version}"), *sorted(home.glob(f"versions/{version}.*/bin/python{version}"))]
    for candidate in candidates:
        if candidate is not None and _is(Path(candidate), version):
            return Path(candidate)
    return None


def _is(python: Path, version: str) -> bool:
    say = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", say], capture_output=True, text=True, check=False)
    return done.stdout.strip() == version


def workspace(version: str, folder: Path) -> Path | None:
    """A virtual environment of that Python with this workspace; None where it cannot be made. Kept in `folder`."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return Path(sys.executable)
    base, uv = interpreter(version) or version, shutil.which("uv")  # uv may have it, or fetch it
    if uv is None:
        return None
    repository = Path(__file__).parents[3]
    place = folder / version
    environ = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(place)}
    command = [uv, "sync", "--quiet", "--frozen", "--no-dev", "--compile-bytecode", "--python", str(base)]
    python = place / "bin" / "python"
    # Compiled once: the commands of the tests may not write bytecode, and would each compile all of it.
    compiling = [str(python), "-m", "compileall", "-q", "aivp", "providers"]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other workers of the same run of the tests want it, too
        for part in (command, compiling):
            if subprocess.run(part, cwd=repository, env=environ, capture_output=True, check=False).returncode != 0:
                return None
    return python
