"""Projects with VMs that state knows, whose folders hold a program that stands in for the real one."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

from aivp.model.object import Object
from aivp.model.place import DEFAULT
from aivp.state import open_state
from tests.cli.test_commands import AIVP, Shell

PARTS = Path(__file__).parent
KEY = "ssh-ed25519 " + "A" * 68


class Lab(Shell):
    """A project with VMs that state knows; `vms` is their folder on the host."""

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(tmp_path)
        self.vms = tmp_path / "machines/vms"
        self.declare("")

    def make(self, *names: str, host: str = "lab", is_ours: bool = True, **outputs: Any) -> None:
        for name in names:
            folder = self.vms / name
            (folder / "program").mkdir(parents=True)
            shutil.copy(PARTS / "ctl.py", folder / "program/ctl.py")
            shutil.copy(PARTS / "enter.py", folder / "enter.py")
            (folder / "spec.json").write_text(json.dumps({"status": "running", "address": "10.7.0.2", "uptime": 75}))
            (folder / "console.log").write_text("Booting\x1b[1;31m red\x1b[0m\r\n10%\r90%\nlogin: \x07\n")
            (folder / "supervisor.log").write_text("started QEMU\n")
        if is_ours:
            self.know([self.row(name, host, **outputs) for name in names])

    def row(self, name: str, host: str, **outputs: Any) -> Object:
        found = {"path": str(self.vms / name), "instance": "1234-5678", "host_keys": [KEY], "address": "10.7.0.2"}
        return Object(
            address=f"vm.{name}@{host}",
            kind="vm",
            host=host,
            identity={"name": name},
            provenance="created",
            attributes={"name": name},
            outputs={**found, **outputs},
            connection={"transport": "local", "connection": {}},
        )

    def know(self, rows: list[Object]) -> None:
        with contextlib.closing(open_state(DEFAULT, self.folder, "calm", "main")) as state:
            state.put(rows)

    def spec(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.vms / name / "spec.json").read_text())
        return found

    def argv(self, *words: str) -> list[str]:
        return [AIVP, *words]

    def lines(self, *words: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run(*words, "--json").stdout.splitlines()]
