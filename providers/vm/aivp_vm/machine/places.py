"""The folder of a VM: names of its files, and JSON that appears whole or not at all.

Sockets are named relative to the folder, where the supervisor and QEMU work: paths of sockets are short by law.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, Optional

SPEC = "spec.json"
STATE = "state.json"
LOG = "supervisor.log"
PROGRAM_LOG = "qemu.log"
CONSOLE_LOG = "console.log"
CONTROL = "control.sock"
GUEST = "guest.sock"
LOCK = "supervisor.lock"
DISKS = "disks"
SEED = "seed.iso"
PROGRAM = "program"
ENTER = "enter.py"


def read_json(path: Path) -> Optional[Dict[str, Any]]:
    """The object in a file; None where there is none, or no whole one."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write_json(path: Path, value: Any, *, durable: bool = False) -> None:
    """Replace a file at once. `durable`: it survives a power cut."""
    draft = path.with_name(
        f".{path.name}.draft"
    )  # each file has one writer; what was left by a dead one is written over
    with open(draft, "w", encoding="utf-8", opener=_private) as file:
        json.dump(value, file, indent=1, sort_keys=True)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    os.replace(draft, path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
