"""`port.py` and its modules, copied into the folder of a network: they outlive the provider's own files."""

from __future__ import annotations

import hashlib
import pkgutil
from pathlib import Path
from typing import Dict

from .segment.folder import write_text

MODULES = (
    "__init__ addressing folder forwards hub leases listen listeners netlink nft port problem rules spec taps wires"
).split()
_PROGRAM = """#!/usr/bin/python3 -I
# Plugs guests into this network: port.py --help
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "modules"))

from segment.port import start

sys.exit(start(sys.argv))
"""


def ship(folder: Path) -> None:
    """Write program and modules, durably; what is so already is left alone."""
    modules = folder / "modules" / "segment"
    modules.mkdir(parents=True, exist_ok=True)
    for name, text in _modules().items():
        write_text(modules / f"{name}.py", text, 0o600)
    write_text(folder / "port.py", _PROGRAM, 0o700)


def version() -> str:
    """A digest of what is shipped: modules, and so the rules that they make, of another version have another one."""
    return hashlib.sha256("\0".join([_PROGRAM, *_modules().values()]).encode()).hexdigest()


def _modules() -> Dict[str, str]:
    found = {name: pkgutil.get_data(f"{__package__}.segment", f"{name}.py") for name in MODULES}
    return {name: (raw or b"").decode() for name, raw in found.items()}
