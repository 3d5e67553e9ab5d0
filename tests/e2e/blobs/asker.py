"""Stands between the engine and a real runner, and asks for content that its host has no business with.

Started as `python asker.py QUESTION python3 -I -S -c TEXT`; QUESTION are the pieces it asks for, in JSON, once a run
has begun. Standard library only.
"""

import json
import subprocess
import sys
import threading


def main() -> None:
    question = {"jsonrpc": "2.0", "method": "wanted", "params": {"pieces": json.loads(sys.argv[1])}}
    child = subprocess.Popen([sys.executable, *sys.argv[3:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    threading.Thread(target=forward, args=(child.stdin,), daemon=True).start()
    for line in child.stdout:
        if b'"outcomes"' in line:
            sys.stdout.write(json.dumps(question) + "\n")
            sys.stdout.flush()
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    child.wait()


def forward(target: object) -> None:
    while data := sys.stdin.buffer.raw.read(65536):  # type: ignore[attr-defined]
        target.write(data)  # type: ignore[attr-defined]
        target.flush()  # type: ignore[attr-defined]
    target.close()  # type: ignore[attr-defined]


main()
