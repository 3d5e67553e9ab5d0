"""Stands between the engine and a real runner, and adds to every answer about a thing what its manifest does not have.

Started as `python forger.py python3 -I -S -c TEXT`. Standard library only.
"""

import subprocess
import sys
import threading


def main() -> None:
    child = subprocess.Popen([sys.executable, *sys.argv[2:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    threading.Thread(target=forward, args=(child.stdin,), daemon=True).start()
    for line in child.stdout:
        sys.stdout.buffer.write(line.replace(b'"observed":{', b'"observed":{"nonsense":1,'))
        sys.stdout.buffer.flush()
    child.wait()


def forward(target: object) -> None:
    while data := sys.stdin.buffer.raw.read(65536):  # type: ignore[attr-defined]
        target.write(data)  # type: ignore[attr-defined]
        target.flush()  # type: ignore[attr-defined]
    target.close()  # type: ignore[attr-defined]


main()
