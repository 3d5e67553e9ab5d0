"""A project in a place of its own, the host that it configures beside it, and the vault that its secrets come from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import schemas
from tests.e2e.forked import Server
from tests.e2e.secrets.planted import Planted
from tests.e2e.secrets.scan import Scanner, Watch

_AIVP = Path(sys.executable).with_name("aivp")
_SECONDS = 120.0


@dataclass
class World:
    """Below `root`: project/, home/, host/ (what the host remembers), target/ (what is managed), vault/, tmp/.

    Commands that nobody watches are run by `server`.
    """

    root: Path
    server: Server
    planted: Planted = field(default_factory=Planted)
    declared: dict[str, Any] = field(default_factory=lambda: {"aivp": "v1", "project": "vault-test"})
    environ: dict[str, str] = field(default_factory=dict)
    said: list[tuple[str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("project", "home", "host", "target", "vault", "tmp"):
            (self.root / name).mkdir(mode=0o700, exist_ok=True)
        self.declared.update({"hosts": {"here": {"transport": "local"}}, "secrets": {}, "resources": {}})
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root / "home"),
            "TMPDIR": str(self.root / "tmp"),
            "AIVP_HOST_STATE": str(self.root / "host"),
        }
        self.scanner = Scanner(self.planted)

    @property
    def target(self) -> Path:
        return self.root / "target"

    @property
    def project(self) -> Path:
        return self.root / "project"

    # --- Secrets and resources -----------------------------------------------------------------------------------

    def secret(self, name: str, value: str, source: str = "env", version: int | None = None) -> str:
        """Declare a secret and put its value where it comes from; how a declaration refers to it comes back."""
        self.planted.plant(f"{name}={len(self.planted.secrets)}", value)
        path = self.root / "vault" / name
        match source:
            case "env":
                self.environ[_variable(name)] = value
                spec: dict[str, Any] = {"env": _variable(name)}
            case "file" | "command":
                path.write_bytes(value.encode() + b"\n")
                path.chmod(0o600)
                spec = {"file": str(path)} if source == "file" else {"command": ["/bin/cat", str(path)]}
            case _:
                raise ValueError(source)
        self.declared["secrets"][name] = spec if version is None else {**spec, "version": version}
        return f"${{secret.{name}}}"

    def resource(self, address: str, **attributes: Any) -> None:
        """Declare a resource on the one host."""
        self.declared["resources"][address] = {"host": "here", **attributes}

    def file(self, name: str, text: str = "", **attributes: Any) -> Path:
        """Declare a file beneath the target; `text`: what it will hold, if that is secret as a whole."""
        path = self.target / name
        self.resource(f"file.{name.partition('.')[0]}", path=str(path), **attributes)
        if text:
            self.planted.documents[f"{name}={len(self.planted.documents)}"] = text
        return path

    # --- Commands ------------------------------------------------------------------------------------------------

    def write(self) -> None:
        """The project's file as it is declared by now."""
        (self.project / "aivp.yaml").write_text(json.dumps(self.declared, indent=1), encoding="utf-8")

    def start(self, command: str, **environ: str) -> subprocess.Popen[bytes]:
        """A command on its way."""
        self.write()
        return subprocess.Popen(
            [str(_AIVP), *command.split()],
            cwd=self.project,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def aivp(self, command: str, *, code: int = 0, is_watched: bool = False, **environ: str) -> str:
        """Run it; what it printed. Everything that was said is scanned by `check`."""
        if is_watched:
            with Watch() as watch:
                process = self.start(command, **environ)
                out, err = process.communicate(timeout=_SECONDS)
            self.scanner.processes(watch.samples, self._is_declared_for)
            found = process.returncode
        else:
            self.write()
            found, out, err = self.server.run(command.split(), self.project, {**self.environ, **environ})
        self.said.append((f"aivp {command}", out + b"\n" + err))
        schemas.check_lines(command.split(), out)
        text = (out + err).decode()
        assert found == code, f"aivp {command} ended with {found}, not {code}:\n{text}"
        assert "Traceback" not in text, text
        return text

    def check(self, *allowed: Path) -> None:
        """Scan what was printed and every file but `allowed`; fail with all that was found."""
        for where, data in self.said:
            self.scanner.text(where, data)
        self.said.clear()
        for name in ("project", "home", "host", "tmp", "target"):
            self.scanner.folder(self.root / name, allowed)
        assert self.scanner.read["bytes"] > 500, "a scan of nothing"
        self.scanner.check()

    def _is_declared_for(self, name: str, sample: tuple[bytes, bytes]) -> bool:
        """Ourselves with what we were started with, sources that are commands, and commands that it is declared for."""
        argv, environ = sample
        is_engine = bytes(_AIVP) in argv and b"\0-I\0" not in argv
        is_source = argv.startswith(b"/bin/cat\0") and bytes(self.root / "vault") in argv
        return is_engine or is_source or f"DECLARED_FOR={name.partition('=')[0]}\0".encode() in environ


def _variable(name: str) -> str:
    return f"PLANTED_{name.upper()}"


def lines(text: str) -> list[Mapping[str, Any]]:
    """The JSON lines of an answer."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]
