"""Many hosts that are hardly more than a sshd: `python -m bench.ssh.crowd TREE COUNT KEY`, in namespaces of its own.

Each has an overlay over one root, an address on the loopback interface and its own machine id, so its own runner,
lock and journal. All of it is in the memory and the namespaces of this process, and gone with it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

PLACE = "/srv/bench/aivp"
_DEVICES = {"null": (1, 3), "zero": (1, 5), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
_READY_SECONDS = 120


def name(number: int) -> str:
    """Of a host, as ssh knows it."""
    return f"h{number:03}"


def address(number: int) -> str:
    """Of the same host."""
    return f"127.78.{number // 250}.{number % 250 + 1}"


def main(tree: str, count: int, key: str) -> None:
    """Start them, say so, and stay until stdin ends. key: a pair, the hosts' own, whose public part may also log in."""
    place = Path("/mnt")
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "bench-crowd", str(place))
    private = Path(key).read_text(encoding="ascii")
    public = Path(f"{key}.pub").read_text(encoding="ascii")
    for number in range(count):
        root = _root(place / name(number), tree)
        _furnish(root, number, private, public)
        listen = f"ListenAddress={address(number)}"
        argv = ["chroot", str(root), "/usr/sbin/sshd", "-D", "-e", "-o", listen, "-o", "HostKey=/etc/ssh/bench_key"]
        subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    _await([address(number) for number in range(count)])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()


def _root(folder: Path, tree: str) -> Path:
    parts = {part: folder / part for part in ("upper", "work", "root")}
    for part in parts.values():
        part.mkdir(parents=True)
    options = f"lowerdir={tree},upperdir={parts['upper']},workdir={parts['work']}"
    _run("mount", "-t", "overlay", "-o", options, "bench-crowd", str(parts["root"]))
    _run("mount", "--bind", "/proc", str(parts["root"] / "proc"))
    return parts["root"]


def _furnish(root: Path, number: int, private: str, public: str) -> None:
    (root / "etc/machine-id").write_text(f"{secrets.token_hex(16)}\n", encoding="ascii")
    (root / "etc/hostname").write_text(f"{name(number)}\n", encoding="ascii")
    for folder, mode in (("run/sshd", 0o755), ("root/.ssh", 0o700), (PLACE[1:], 0o755)):
        (root / folder).mkdir(parents=True, exist_ok=True, mode=mode)
    for path, text in (("etc/ssh/bench_key", private), ("root/.ssh/authorized_keys", public)):
        (root / path).write_text(text, encoding="ascii")
        (root / path).chmod(0o600)
    for device, (major, minor) in _DEVICES.items():
        place = root / "dev" / device
        if not place.exists():
            os.mknod(place, 0o20666, os.makedev(major, minor))
            place.chmod(0o666)


def _await(addresses: Sequence[str]) -> None:
    until = time.monotonic() + _READY_SECONDS
    for one in addresses:
        while True:
            try:
                socket.create_connection((one, 22), 1).close()
                break
            except OSError:
                if time.monotonic() > until:
                    sys.exit(f"no sshd answers at {one}")
                time.sleep(0.05)


def _run(*argv: str) -> None:
    if shutil.which(argv[0]) is None:
        sys.exit(f"{argv[0]} is not on PATH")
    subprocess.run(argv, check=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
