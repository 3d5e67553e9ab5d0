"""`ctl.py VMS VERB NAME …`: what people's programs ask of the VMs below a folder; one JSON object on stdout.

`list` tells of all. The exit code is 0, or 1 with `{"error": …}`. `console` and `exec` carry bytes instead.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Sequence

from . import client, places, removal, snapshots, state, warm
from .quiet import quiet
from .usage import usage

Answer = Dict[str, Any]

_OF_SNAPSHOTS = ("snapshot", "restore", "delete-snapshot")


def main(argv: Sequence[str]) -> int:
    """Do one thing; the exit code."""
    options = _parser().parse_args(argv[1:])
    try:
        answer = _VERBS[options.verb](options)
    except (client.Refusal, client.Unreachable, LookupError, OSError) as error:
        sys.stdout.write(json.dumps({"error": str(error.args[0] if error.args else error)}) + "\n")
        return 1
    if options.verb != "console":
        sys.stdout.write(json.dumps(answer, sort_keys=True) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ctl.py")
    parser.add_argument("vms", type=Path, help="the folder with a folder for each VM")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list")
    for name in (
        "console",
        "logs",
        "pause",
        "reboot",
        "remove",
        "resume",
        "snapshots",
        "start",
        "status",
        "stop",
        *_OF_SNAPSHOTS,
    ):
        verb = verbs.add_parser(name)
        verb.add_argument("name")
        if name in _OF_SNAPSHOTS:
            verb.add_argument("snapshot", type=_snapshot_name)
        if name == "snapshot":
            verb.add_argument("--memory", action="store_true", help="with its memory")
        if name in ("stop", "reboot"):
            verb.add_argument("--timeout", type=float, default=60.0)
            verb.add_argument("--force", action="store_true")
        if name == "start":
            verb.add_argument("--wait", type=float, default=0.0, help="seconds for the guest helper to answer")
        if name == "logs":
            verb.add_argument("--log", choices=sorted(_LOGS), default="console")
            verb.add_argument("--bytes", type=int, default=65536)
    return parser


def _snapshot_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", text):
        raise argparse.ArgumentTypeError("a snapshot is named by letters, digits, _ . and -, 64 at most")
    return text


def _list(options: argparse.Namespace) -> Answer:
    folders = sorted(path.parent for path in options.vms.glob(f"*/{places.SPEC}"))
    return {"vms": [_seen(folder) for folder in folders]}


def _status(options: argparse.Namespace) -> Answer:
    return _seen(_folder(options))


def _start(options: argparse.Namespace) -> Answer:
    folder = _folder(options)
    found = client.ask(folder, "start")
    if found["status"] == "paused":
        found = client.ask(folder, "resume")
    if options.wait:
        client.ask(folder, "wait", wait=options.wait + 10, timeout=options.wait)
    return _seen(folder)


def _stop(options: argparse.Namespace) -> Answer:
    folder = _folder(options)
    client.ask(folder, "stop", wait=options.timeout + 60, timeout=options.timeout, force=options.force)
    return _seen(folder)


def _reboot(options: argparse.Namespace) -> Answer:
    folder = _folder(options)
    client.ask(folder, "reboot", wait=options.timeout + 120, timeout=options.timeout, force=options.force)
    return _seen(folder)


def _pause(options: argparse.Namespace) -> Answer:
    client.ask(_folder(options), "pause")
    return _status(options)


def _remove(options: argparse.Namespace) -> Answer:
    removal.remove(_folder(options))
    return {"name": options.name}


def _resume(options: argparse.Namespace) -> Answer:
    client.ask(_folder(options), "resume")
    return _status(options)


def _logs(options: argparse.Namespace) -> Answer:
    path = _folder(options) / _LOGS[options.log]
    found = b"".join(part.read_bytes() for part in (path.with_name(f"{path.name}.1"), path) if part.exists())
    return {"text": found[-options.bytes :].decode(errors="replace")}


def _snapshot(options: argparse.Namespace) -> Answer:
    folder = _folder(options)
    with contextlib.ExitStack() as stack:
        is_running = not options.memory and state.look(folder).status == "running"
        is_quiet = stack.enter_context(quiet(folder)) if is_running else True
        client.ask(folder, "snapshot", wait=_LONG, name=options.snapshot, memory=options.memory)
    return {**_seen(folder), "snapshot": options.snapshot, "memory": options.memory, "is_consistent": is_quiet}


def _snapshots(options: argparse.Namespace) -> Answer:
    found = snapshots.read(_folder(options))
    return {"snapshots": [{"name": o.name, "memory": o.has_memory, "made": o.made, "size": o.size} for o in found]}


def _restore(options: argparse.Namespace) -> Answer:
    folder = _folder(options)
    client.ask(folder, "restore", wait=_LONG, name=options.snapshot)
    return {**_seen(folder), "snapshot": options.snapshot, "warning": _DRIFT}


def _delete_snapshot(options: argparse.Namespace) -> Answer:
    folder = _folder(options)
    client.ask(folder, "delete-snapshot", wait=_LONG, name=options.snapshot)
    return _seen(folder)


def _console(options: argparse.Namespace) -> Answer:
    from .terminal import join

    with client.connected(_folder(options), None) as link:
        client.call(link, "console")
        join(link)
    return {}


def _folder(options: argparse.Namespace) -> Path:
    folder: Path = options.vms / options.name
    if "/" in options.name or not (folder / places.SPEC).exists():
        raise LookupError(f"there is no VM {options.name}")
    return folder


def _seen(folder: Path) -> Answer:
    spec = places.read_json(folder / places.SPEC) or {}
    machine = spec.get("machine") or {}
    seen = state.look(folder)
    return {
        "name": folder.name,
        "status": "template" if seen.pid is None and warm.frozen(folder) is not None else seen.status,
        "pid": seen.pid,
        "supervisor": seen.supervisor,
        "cpus": machine.get("cpus"),
        "memory": machine.get("memory"),
        "accelerator": machine.get("accelerator"),
        "address": spec.get("address"),
        "is_ready": seen.state.hello is not None,
        "starts": seen.state.starts,
        "error": seen.state.error,
        **usage(seen.pid),
    }


_LOGS = {"console": places.CONSOLE_LOG, "qemu": places.PROGRAM_LOG, "supervisor": places.LOG}

_LONG = 900.0
_DRIFT = "What is declared within it may no longer be so: plan shows it, and apply mends it."

_VERBS: Dict[str, Callable[[argparse.Namespace], Answer]] = {
    "console": _console,
    "delete-snapshot": _delete_snapshot,
    "list": _list,
    "logs": _logs,
    "pause": _pause,
    "reboot": _reboot,
    "remove": _remove,
    "restore": _restore,
    "resume": _resume,
    "snapshot": _snapshot,
    "snapshots": _snapshots,
    "start": _start,
    "status": _status,
    "stop": _stop,
}
