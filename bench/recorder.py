"""A channel that keeps a copy of what goes to the host: `recorder.py LOG COMMAND…`, as `transport: exec` starts it."""

from __future__ import annotations

import os
import subprocess
import sys


def main(log: str, command: list[str]) -> int:
    """Carry stdin to the command and into the log; its output and its exit code are its own."""
    with open(log, "ab") as copy:
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
        assert process.stdin is not None
        while data := os.read(0, 65536):
            copy.write(data)
            copy.flush()
            try:
                process.stdin.write(data)
                process.stdin.flush()
            except BrokenPipeError:
                break
        process.stdin.close()
        return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
