"""A command within the VM, joined with this process's streams: the way in that the kind's `channel` names."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Sequence

from . import client, places
from .holders import holder


def main(folder: str, argv: Sequence[str]) -> int:
    """Its exit status; 255 where there is no way in. A supervisor that died is started again first."""
    try:
        if holder(Path(folder) / places.LOCK) is None:
            client.start(Path(folder))
    except client.Unreachable as error:
        sys.stderr.write(f"{error}\n")
        return 255
    sys.stderr.write(f"{argv[:1]}: this VM has no guest helper\n")
    return 255
