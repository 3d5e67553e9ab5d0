"""The way into a VM that the kind's `channel` names: a command in it, joined with this process's streams.

A supervisor that died is started first, which takes over the VM: the way in leads in as long as the VM runs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import List

from . import places
from .holders import holder


def main(folder: str, argv: List[str]) -> int:
    """The exit status of the command; 255 where there is no way in."""
    if holder(Path(folder) / places.LOCK) is None:
        from . import client

        try:
            client.start(Path(folder))
        except client.Unreachable as error:
            sys.stderr.write(f"aivp: {error}\n")
            return 255
    from aivp_guest.enter import main as enter

    return enter(["--socket", os.path.join(folder, places.GUEST), *argv])
