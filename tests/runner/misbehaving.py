"""A provider of `bad/thing` that is whole but for one fault, named by its first argument. Standard library only.

With a second argument it notes there, line by line, each request that it was given, with its key.
"""

import json
import os
import subprocess
import sys
import time

FAULT, LEDGER = sys.argv[1], sys.argv[2]
OUT = sys.stdout.buffer
SECRET = "hunter22"


def say(data):
    OUT.write(data)
    OUT.flush()


def send(message):
    say(json.dumps(message).encode() + b"\n")


def answer(number, **members):
    send({"jsonrpc": "2.0", "id": number, **members})


def notify(method, params):
    send({"jsonrpc": "2.0", "method": method, "params": params})


def note(text):
    with open(LEDGER, "a") as file:
        file.write(text + "\n")


def noted():
    with open(LEDGER) as file:
        return file.read().splitlines()


def initialize():
    found = {
        "protocol": {"major": 1, "minor": 0},
        "provider": {"name": "bad", "version": "1"},
        "kinds": {"bad/thing": 1},
        "capabilities": {"list": True, "upgrade": True},
    }
    if FAULT == "wrong-kinds":
        found["kinds"] = {"bad/thing": 2}
    if FAULT == "wrong-name":
        found["provider"]["name"] = "worse"
    if FAULT == "major-2":
        found["protocol"]["major"] = 2
    if FAULT == "major-true":
        found["protocol"]["major"] = True
    return found


def observation(item):
    seen = {"observed": None, "normalised": {n: v for n, v in item["config"].items() if n != "pin"}}
    where = FAULT.partition("show-")[2]
    if where == "observed":
        seen["observed"] = {"text": "it is " + SECRET}
    if where == "plainly":
        seen["observed"] = {"pin": SECRET}
    if where == "within":
        seen["observed"] = {"pin": {"$aivp": "verdict", "matches": True}, "tags": ["a", SECRET]}
    if where == "key":
        seen["observed"] = {"labels": {SECRET: "x"}}
    if where == "normalised":
        seen["normalised"]["text"] = SECRET
    if where == "tagged":
        seen["normalised"]["pin"] = item["config"]["pin"]
    if where == "tagged-elsewhere":
        seen["normalised"]["text"] = item["config"]["pin"]
    if where == "computed":
        seen["computed"] = {"made": SECRET}
    if where == "unknown":
        seen["more"] = SECRET
    seen.update(
        {
            "stranger": {"normalised": {"inode": 7}},
            "not-computed": {"computed": {"text": "x"}},
            "big-integer": {"observed": {"size": 2**53}},
            "surrogate": {"observed": {"text": "\ud800"}},
            "deep-value": {"observed": {"labels": nested(150)}},
            "replace-odd": {"replace": [{"a": 1}]},
            "replace-stranger": {"replace": ["inode"]},
            "odd-blob": {"observed": {"text": {"$aivp": "blob", "sha256": "x" * 70, "size": 3}}},
            "formless": {"observed": "a thing"},
        }.get(FAULT, {})
    )
    return seen


def nested(depth):
    value = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def errors():
    secret = {"class": "permanent", "message": "no"}
    return {
        "error-class": {"class": "fatal", "message": "no"},
        "error-class-odd": {"class": [], "message": "no"},
        "error-no-message": {"class": "permanent"},
        "error-surrogate": {"class": "permanent", "message": "\ud800 no"},
        "error-delay": {"class": "temporary", "message": "no", "delay_ms": -1},
        "show-message": {**secret, "message": "it was " + SECRET},
        "show-path": {**secret, "path": "/" + SECRET},
        "show-mend": {**secret, "mend": "try not " + SECRET},
        "show-stranger": {**secret, "more": SECRET},
    }.get(FAULT)


def item_answer(item, method):
    error = errors()
    if error is not None:
        return {"id": item["id"], "error": error, "observation": {"observed": None}}
    if method == "observe":
        return {"id": item["id"], "observation": observation(item), "more": SECRET}
    outputs = {"made": SECRET if FAULT == "show-outputs" else "yes"}
    if FAULT == "outputs-stranger":
        outputs = {"text": "x"}
    return {"id": item["id"], "outputs": outputs, "absorbs_refresh": 7, "more": SECRET}


def misbehave(number, method, items):  # noqa: C901  (a list of faults)
    """What takes the place of an answer."""
    if f"hang-{method}" == FAULT:
        child = subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        note(f"child {child.pid}")
        time.sleep(1000)
    if FAULT == "leaves-somebody":
        note(f"left {subprocess.Popen(['sleep', '30'], start_new_session=True).pid}")  # with all of our streams
        time.sleep(1000)
    if FAULT == "dies-once" and sum(line.startswith(method) for line in noted()) == 1:
        os._exit(3)
    if FAULT == "closes-once" and sum(line.startswith(method) for line in noted()) == 1:
        os.close(1)
        time.sleep(1000)
    if FAULT == "dies":
        sys.stderr.write(f"so ends it, {SECRET}\n")
        sys.stderr.flush()
        os._exit(3)
    if FAULT == "garbage":
        say(b"looking at things\n")
    if FAULT == "half-line":
        say(b'{"jsonrpc": "2.0", "id"')
        os._exit(0)
    if FAULT == "endless-line":
        for _ in range(1024):
            say(b"x" * (1 << 20))
    if FAULT == "many-lists":
        say(b'{"jsonrpc":"2.0","id":%d,"result":{"items":[' % number + b"[]," * 1_390_000 + b"[]]}}\n")
    if FAULT == "many-objects":
        say(b'{"jsonrpc":"2.0","id":%d,"result":{"items":[' % number + b'{"a":0},' * 520_000 + b"{}]}}\n")
    if FAULT == "many-parts":
        while True:
            parts = [{"id": "a", "observation": {"observed": {"text": "y" * 4_000_000}}}]
            notify("items", {"request": number, "items": parts})
            time.sleep(0.01)
    if FAULT == "deep":
        say(b"[" * 50_000 + b"]" * 50_000 + b"\n")
    if FAULT == "nan":
        say(
            b'{"jsonrpc":"2.0","id":%d,"result":{"items":[{"id":"a","observation":{"observed":{"size":NaN}}}]}}\n'
            % number
        )
    if FAULT == "not-json-rpc":
        say(b'{"id": %d, "result": {}}\n' % number)
    if FAULT == "flood":
        line = json.dumps({"jsonrpc": "2.0", "method": "progress", "params": {"request": number, "done": 1}})
        while True:
            say(line.encode() + b"\n")
    if FAULT == "log-flood":
        for _ in range(5000):
            notify("log", {"request": number, "level": "info", "message": "x" * 3000})
    if FAULT == "stderr-gigabyte":
        for _ in range(1024):
            sys.stderr.write("e" * (1 << 20))
    if FAULT == "show-log":
        notify("log", {"request": number, "level": SECRET, "message": f"it is {SECRET}", "done": 7})
        notify("progress", {"request": number, "message": f"it is {SECRET}", "id": SECRET})


def take(message):
    method, number, params = message.get("method"), message.get("id"), message.get("params", {})
    if number is None:
        return
    items = params.get("items", [])
    note(f"{method} {params.get('key', '')}".strip())
    if method == "initialize":
        answer(number, result=initialize())
        if FAULT == "never-reads":
            time.sleep(1000)
        return
    if method == "shutdown":
        answer(number, result={})
        return
    if method in ("observe", "apply"):
        misbehave(number, method, items)
    if FAULT == "refuses":
        answer(number, error={"code": -32603, "message": f"a bug, {SECRET}"})
        return
    if method == "list":
        listed = {"id": "1", "identity": {"path": "/a"}, "attributes": {"path": "/a"}, "more": SECRET}
        answer(number, result={"items": [{"id": "1", "identity": 3} if FAULT == "list-odd" else listed]})
        return
    answers = [item_answer(item, method) for item in items]
    answers = {
        "missing": answers[:-1],
        "too-many": [*answers, *answers],
        "reordered": answers[::-1],
        "wrong-item": [{**one, "id": one["id"] + "x"} for one in answers],
        "items-no-list": {"a": 1},
        "items-of-texts": ["a", "b"],
    }.get(FAULT, answers)
    if FAULT == "duplicate":
        answer(number, result={"items": answers})
    answer({"wrong-id": number + 1, "true-id": True}.get(FAULT, number), result={"items": answers})


while line := sys.stdin.buffer.readline():
    take(json.loads(line))
