"""A unix socket in front of another one, with a distance between: every byte takes its time, none is lost."""

from __future__ import annotations

import contextlib
import queue
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator


@contextlib.contextmanager
def slow_link(path: str, delay: float) -> Iterator[str]:
    """The folder of a socket of the same name; what goes through it arrives `delay` seconds later."""
    folder = tempfile.mkdtemp(prefix="aivp-link-", dir="/tmp")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{folder}/{path.rpartition('/')[2]}")
    listener.listen()
    threading.Thread(target=_accept, args=(listener, path, delay), daemon=True).start()
    try:
        yield folder
    finally:
        listener.close()
        shutil.rmtree(folder)


def _accept(listener: socket.socket, path: str, delay: float) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        far = socket.socket(socket.AF_UNIX)
        far.connect(path)
        for source, target in ((near, far), (far, near)):
            waiting: queue.Queue[tuple[float, bytes]] = queue.Queue(maxsize=4096)
            threading.Thread(target=_take, args=(source, waiting, delay), daemon=True).start()
            threading.Thread(target=_give, args=(target, waiting), daemon=True).start()


def _take(source: socket.socket, waiting: queue.Queue[tuple[float, bytes]], delay: float) -> None:
    data = b"-"
    while data:
        try:
            data = source.recv(65536)
        except OSError:
            data = b""
        waiting.put((time.monotonic() + delay, data))


def _give(target: socket.socket, waiting: queue.Queue[tuple[float, bytes]]) -> None:
    while True:
        due, data = waiting.get()
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            if not data:
                target.shutdown(socket.SHUT_WR)
                return
            target.sendall(data)
        except OSError:
            return
