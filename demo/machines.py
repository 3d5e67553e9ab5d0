"""The story of `make demo-vm`: from Debian packages to two virtual machines that know each other, and back."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
import urllib.request
from pathlib import Path

from demo.stage import Failed, Stage

PROJECT = Path(__file__).parents[1] / "examples/07-machines"
_COMMANDS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "fakeroot": "fakeroot",
}
_PATIENCE = 30.0


def missing() -> str | None:
    """Why this story cannot be told here; None if it can."""
    for command, package in _COMMANDS.items():
        if shutil.which(command, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
            return f"{command} is missing (Debian package {package})"
    return None


def play(stage: Stage) -> None:
    """Raises Failed. Whatever ends it, no process of a machine stays."""
    stage.take_project(PROJECT)
    port = _free_port()
    stage.environ["AIVP_VAR_port"] = str(port)
    try:
        _tell(stage, port)
    finally:
        end_all(stage.scratch)


def _tell(stage: Stage, port: int) -> None:
    stage.say("One file: a network, an image, two machines, and what is to be in them. None of it needs root.")
    stage.show((stage.project / "aivp.yaml").read_text(encoding="utf-8"))
    stage.say("What does this machine lack for it?")
    stage.aivp("doctor")
    stage.say("The plan also says what will be done in machines that are not there yet.")
    stage.aivp("plan -o plan.json")
    stage.say("Apply builds the image (a minute or two), boots the machines and goes on inside of them.")
    stage.aivp("apply plan.json")
    _show_page(port)
    stage.say("Once more: there is nothing left to do.")
    stage.aivp("plan")
    stage.aivp("vm list")
    stage.say("Somebody pulls the plug of one of them. aivp sees it, with exit code 2, and one apply mends it.")
    _pull_the_plug(stage, "web")
    stage.aivp("drift", code=2)
    stage.aivp("apply -y")
    _show_page(port)
    stage.say("Destroy takes away what aivp created, in reverse order, and nothing else.")
    stage.aivp("destroy -y")
    if left := processes(stage.scratch):
        raise Failed(f"destroy left processes behind: {sorted(left)}")
    stage.say("No machine, no image, no network, no process is left.")


def _show_page(port: int) -> None:
    address = f"http://127.0.0.1:{port}/"
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                print(f"\n    GET {address}  {answer.read().decode().strip()}", flush=True)
                return
        except OSError as error:
            if time.monotonic() > until:
                raise Failed(f"{address} does not answer: {error}") from None
            time.sleep(0.5)


def _pull_the_plug(stage: Stage, name: str) -> None:
    stage.show(f"$ pkill -9 -f guest={name}")
    for pid, words in processes(stage.scratch).items():
        if f"guest={name}" in words:
            os.kill(pid, signal.SIGKILL)


def end_all(scratch: Path) -> None:
    """End whatever works there. Those who watch first, since they would start again what they watch."""
    for sign in ("supervise.py", ""):
        for pid, words in processes(scratch).items():
            if sign in " ".join(words):
                os.kill(pid, signal.SIGKILL)


def processes(scratch: Path) -> dict[int, list[str]]:
    """Processes that work in the demo's folder, by id: their arguments."""
    found: dict[int, list[str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                place = os.readlink(entry / "cwd")
            except OSError:
                continue
            if place.startswith(str(scratch)) or any(str(scratch) in word for word in words):
                found[int(entry.name)] = words
    return found


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
