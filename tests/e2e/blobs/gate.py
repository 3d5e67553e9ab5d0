"""The way to a host's runner, which stops in the middle of a transfer where a file `gate` lies in the given folder.

Started as `python gate.py FOLDER BYTES python3 -I -S -c TEXT`. It says `reached` when that many bytes have passed, and
goes on when `gate` is gone; what passed in all sessions stands in `passed`. Standard library only.
"""

import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    folder, limit, argv = Path(sys.argv[1]), int(sys.argv[2]), [sys.executable, *sys.argv[4:]]
    child = subprocess.Popen(argv, stdin=subprocess.PIPE)
    assert child.stdin is not None
    total = 0
    while data := sys.stdin.buffer.raw.read(65536):  # type: ignore[attr-defined]
        total += len(data)
        (folder / "passed").write_text(str(total))
        try:
            child.stdin.write(data)
            child.stdin.flush()
        except OSError:
            break
        while total > limit and (folder / "gate").exists() and child.poll() is None:
            (folder / "reached").touch()
            time.sleep(0.02)
    child.stdin.close()
    child.wait()


main()
