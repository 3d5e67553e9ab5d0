"""Talking to a VM's supervisor; one is started where none is there. What the provider and people's programs use.

A path to a socket has 107 bytes at most, so it is reached through an open descriptor of its folder.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

from . import places

STARTING = 60.0
"""Seconds within which a supervisor listens, on a host that is busy."""
_TRIES = 5


class Unreachable(Exception):
    """No supervisor, and none could be started; the text is for people."""


class Refusal(Exception):
    """The supervisor did not do it; the text is for people."""


def ask(folder: Path, verb: str, *, wait: Optional[float] = 120.0, **arguments: Any) -> Any:
    """The result of a verb. `wait`: seconds until the answer. Raises Refusal or Unreachable."""
    with connected(folder, wait) as link:
        return call(link, verb, **arguments)


def call(link: socket.socket, verb: str, **arguments: Any) -> Any:
    """The same over a connection that is there; for `console` the connection is the console afterwards."""
    try:
        link.sendall(json.dumps({"verb": verb, **arguments}).encode() + b"\n")
        answer = _line(link)
    except OSError as error:
        raise Unreachable(f"the supervisor did not answer: {error}") from error
    if not answer["ok"]:
        raise Refusal(answer["error"])
    return answer["result"]


@contextmanager
def connected(folder: Path, wait: Optional[float]) -> Iterator[socket.socket]:
    """A connection to the supervisor, which is started where it is not there. Raises Unreachable."""
    link = _connect(folder, places.CONTROL)
    for _ in range(_TRIES):
        if link is not None:
            break
        start(folder)
        link = _connect(folder, places.CONTROL)  # one that had nothing to do may have ended just now
    if link is None:
        raise Unreachable("its supervisor does not listen")
    with link:
        link.settimeout(wait)
        yield link


def start(folder: Path) -> None:
    """A supervisor for this VM, unless there is one: it takes over what runs. Raises Unreachable."""
    entry = folder / places.PROGRAM / "supervise.py"
    try:
        done = subprocess.run(
            [python(), "-IS", str(entry), str(folder)],  # without `site`: all that it needs is in the standard library
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=STARTING,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Unreachable(f"its supervisor cannot be started: {error}") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise Unreachable(f"its supervisor did not start: {said.splitlines()[-1] if said else 'it said nothing'}")


def python() -> str:
    """The host's own interpreter, else ours."""
    return "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable


def _connect(folder: Path, name: str) -> Optional[socket.socket]:
    try:
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Unreachable(f"{folder} cannot be opened: {error.strerror}") from error
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.connect(f"/proc/self/fd/{place}/{name}")
    except OSError:
        link.close()
        return None
    finally:
        os.close(place)
    return link


def _line(link: socket.socket) -> Dict[str, Any]:
    """One line and not a byte more: what follows it may be the console's."""
    found = b""
    while not found.endswith(b"\n"):
        waiting = link.recv(65536, socket.MSG_PEEK)
        end = waiting.find(b"\n")
        chunk = link.recv(len(waiting) if end < 0 else end + 1)
        if not chunk:
            raise ConnectionError("it ended")
        found += chunk
    answer: Dict[str, Any] = json.loads(found)
    return answer
