"""`aivp-cue`, or `python -m aivp_cue`: becomes the `cue` command that lies beside this file."""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Never returns: the process is cue from here on."""
    os.execv(os.path.join(os.path.dirname(os.path.abspath(__file__)), "cue"), ["cue", *sys.argv[1:]])


if __name__ == "__main__":
    main()
