"""`make demo`: plan, apply, nothing left to do, drift found and mended, destroy; for real, and gone afterwards.

As root on Linux it happens in a throwaway systemd host, else, said aloud with the reason, in a temporary folder.
`make demo-ssh` (the argument `ssh`) tells it of three hosts over SSH, which needs root; `make demo-vm` (the argument
`vm`) of virtual machines that it makes itself, which does not.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

_ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT))  # `tests.lab` boots the host; this file is run as a script

from demo import fleet, folder, machines, server  # noqa: E402
from demo.stage import Failed, Stage  # noqa: E402
from tests import lab  # noqa: E402

_WHAT = {"ssh": "over SSH", "vm": "of virtual machines"}


def main(story: str) -> int:
    """Exit code 0; 1 if something went otherwise than told; 130 or 143 after a signal. It cleans up each time.

    story: `ssh`, `vm`, or empty.
    """
    signal.signal(signal.SIGTERM, _terminate)
    reason = {"ssh": fleet.missing, "vm": machines.missing}.get(story, lab.available)()
    if story and reason is not None:
        print(f"No demo {_WHAT[story]} here: {reason}. `make demo` tells of one host or folder.", flush=True)
        return 1
    try:
        with tempfile.TemporaryDirectory(prefix="aivp-demo-") as scratch:
            stage = Stage(Path(scratch).resolve(), Path(sys.executable).with_name("aivp"), os.environ)
            if story == "ssh":
                fleet.play(stage)
            elif story == "vm":
                machines.play(stage)
            elif reason is None:
                server.play(stage)
            else:
                folder.play(stage, reason)
            stage.say(f"Everything of this demo is gone again. It took {stage.seconds:.0f} seconds.")
    except KeyboardInterrupt:
        print("\nInterrupted; everything of this demo is gone again.", flush=True)
        return 130
    except (Failed, lab.LabError) as error:
        print(f"\nThe demo failed: {error}", flush=True)
        return 1
    print("\nNext: README.md, a first project of ten lines; examples/README.md, seven more.")
    return 0


def _terminate(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main("".join(sys.argv[1:])))
