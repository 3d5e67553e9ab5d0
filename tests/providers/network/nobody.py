"""A user without any privilege who runs the provider, and what it makes, with the system's own Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from aivp_network.provider import PROVIDER
from aivp_network.segment import hub
from aivp_sdk.testing import Harness

from tests.providers.driver import REPOSITORY

PYTHON = "/usr/bin/python3"
UID = 65534
_PACKAGES = ("contract/aivp_contract", "sdk/aivp_sdk", "network/aivp_network")


class Nobody:
    """`folder` is his; whoever runs the tests as root becomes him, all others are somebody like him."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="aivp-nobody-"))
        for package in _PACKAGES:
            place = self.folder / "lib" / Path(package).name
            shutil.copytree(REPOSITORY / "providers" / package, place, ignore=shutil.ignore_patterns("__pycache__"))
        (self.folder / "place").mkdir()
        if os.geteuid() == 0:
            for path in (self.folder, self.folder / "place"):
                os.chown(path, UID, UID)

    @staticmethod
    def missing() -> str | None:
        """Why nobody can be somebody here; None where he can."""
        is_there = Path(PYTHON).exists() and shutil.which("setpriv") is not None
        return None if is_there else "missing: the system's python3, or setpriv"

    @property
    def argv(self) -> list[str]:
        """Put a command behind it."""
        become = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"] if os.geteuid() == 0 else []
        return [*become, "env", "PYTHONDONTWRITEBYTECODE=1", f"PYTHONPATH={self.folder}/lib"]

    def harness(self) -> Harness:
        """The provider, at work as this user."""
        place = str(self.folder / "place")
        made = Harness(PROVIDER, {"folder": place}, [*self.argv, PYTHON, "-m", "aivp_network"])
        if os.geteuid() == 0:
            os.chown(made.directory, UID, UID)
        return made

    def network(self, name: str = "lab") -> Path:
        """The folder of a network."""
        return self.folder / "place/networks" / name

    def start(self, *argv: str) -> subprocess.Popen[str]:
        """Begin a verb of `port.py`."""
        program = [*self.argv, PYTHON, "-I", str(self.network() / "port.py"), *argv]
        return subprocess.Popen(program, stdout=subprocess.PIPE, text=True)

    def port(self, *argv: str) -> dict[str, Any]:
        """What `port.py` answers."""
        said, _ = self.start(*argv).communicate(timeout=60)
        return json.loads(said)  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the hub, should a test have left one, and take the folder away."""
        hub.end(self.network() / "wires", patience=0.2)
        shutil.rmtree(self.folder)
