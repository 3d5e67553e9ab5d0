"""Stands between the engine and a real runner, and lies or fails in one way; or is no runner at all.

A file `honest` in the folder that the host's state lies in makes it forward everything as it is.

Started as `python liar.py MODE python3 -I -S -c TEXT` by a host with `transport: exec`. Standard library only.
"""

import json
import os
import subprocess
import sys
import threading
import time

MEGABYTE = b"x" * (1 << 20)


def main() -> None:
    mode, argv = sys.argv[1], [sys.executable, *sys.argv[3:]]
    if os.path.exists(os.path.join(os.path.dirname(os.environ["AIVP_HOST_STATE"]), "honest")):
        mode = "honest:"
    if mode in STARTS:
        STARTS[mode]()
        return
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    threading.Thread(target=forward, args=(child,), daemon=True).start()
    for line in child.stdout:
        change(mode, line)
    child.wait()


def forward(child: subprocess.Popen) -> None:
    while data := sys.stdin.buffer.raw.read(65536):
        child.stdin.write(data)
        child.stdin.flush()
    child.stdin.close()


def say(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def message(value: object) -> None:
    say(json.dumps(value).encode() + b"\n")


def change(mode: str, line: bytes) -> None:
    if not line.startswith(b"{"):
        say(line)
        return
    found = json.loads(line)
    result = found.get("result")
    where, _, what = mode.partition(":")
    is_there = {
        "honest": False,
        "hello": isinstance(result, dict) and "facts" in result,
        "observe": isinstance(result, dict) and "items" in result,
        "begin": isinstance(result, dict) and "journal" in result,
        "outcomes": found.get("method") == "outcomes",
        "apply": isinstance(result, dict) and "left" in result,
    }[where]
    if not is_there:
        say(line)
        return
    LIES[what](found, next(iter(result)) if isinstance(result, dict) else "params")


def garbage(found: dict, name: str) -> None:
    say(b"\x00\xff{{{ not json\n")


def long_line(found: dict, name: str) -> None:
    for _ in range(10):
        say(MEGABYTE)
    say(b"\n")


def deep(found: dict, name: str) -> None:
    say(b'{"id":' + b"[" * 200000 + b"]" * 200000 + b"}\n")


def wrong_id(found: dict, name: str) -> None:
    message({**found, "id": 4711, "result": found.get("result", {})})


def leave(found: dict, name: str) -> None:
    say(b'{"jsonrpc"')
    sys.exit(3)


def hang(found: dict, name: str) -> None:
    time.sleep(3600)


def no_list(found: dict, name: str) -> None:
    message({"jsonrpc": "2.0", "id": found.get("id"), "result": {name: "no list"}})


def no_object(found: dict, name: str) -> None:
    message({"jsonrpc": "2.0", "id": found.get("id"), "result": 17})


def no_error(found: dict, name: str) -> None:
    message({"jsonrpc": "2.0", "id": found.get("id"), "error": "no object"})


def strange_items(found: dict, name: str) -> None:
    message({"jsonrpc": "2.0", "id": found.get("id"), "result": {name: [None, 1, {}, {"id": []}]}})


def endless(found: dict, name: str) -> None:
    for method in ("observed", "journal"):
        for _ in range(10000):
            message({"jsonrpc": "2.0", "method": method, "params": {"items": [["a", "b"]] * 100}})
    message(found)


def strange_step(found: dict, name: str) -> None:
    outcome = {"step": "create:file.passwd@good", "status": "done", "action": "create", "outputs": {}}
    message({"jsonrpc": "2.0", "method": "outcomes", "params": {"outcomes": [outcome]}})
    message(found)


def strange_status(found: dict, name: str) -> None:
    for outcome in found["params"]["outcomes"]:
        outcome["status"] = "splendid"
    message(found)


def twice(found: dict, name: str) -> None:
    message(found)
    message(found)


def nothing(found: dict, name: str) -> None:
    return


def strange_error(found: dict, name: str) -> None:
    for outcome in found["params"]["outcomes"]:
        outcome.update(status="failed", error=[1, 2])
    message(found)


LIES = {
    function.__name__: function
    for function in (
        garbage, long_line, deep, wrong_id, leave, hang, no_list, no_object, no_error, strange_items, endless,
        strange_step, strange_status, twice, nothing, strange_error,
    )
}  # fmt: skip


def say_rubbish() -> None:
    say(b"bash: python3: command not found\n")


def say_megabytes() -> None:
    for _ in range(20):
        say(MEGABYTE)


def say_nothing() -> None:
    time.sleep(3600)


STARTS = {
    "start-rubbish": say_rubbish,
    "start-megabytes": say_megabytes,
    "start-silence": say_nothing,
    "start-exit": lambda: sys.exit(1),
    "start-old": lambda: say(b'{"error": "python", "found": "2.7"}\n'),
    "start-odd": lambda: say(b'{"error": "python", "found": [[[\n'),
}

if __name__ == "__main__":
    main()
