"""`serve(PROVIDER)`: a provider as a program of its own, speaking protocol v1 over stdin and stdout.

Requests are read on a thread of their own, so that `cancel` is seen while one is in hand.
"""

from __future__ import annotations

import gc
import os
import queue
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO, Dict, Optional, Tuple

from aivp_contract.lines import BadLine, read_message

from . import shim
from .link import ServedSession, Stops
from .provider import Provider
from .served import Server


def serve(provider: Provider) -> None:
    """Answer requests until stdin ends. Call it first in the program: it forks, so no thread may run yet."""
    watch = shim.Shim.start(Path("/nonexistent"))
    gc.set_threshold(200_000)  # a large request is many small objects without a cycle
    incoming, outgoing = _take_streams()
    server = Server(provider, ServedSession(watch, outgoing))
    inbox: queue.Queue[Optional[Dict[str, Any]]] = queue.Queue()
    threading.Thread(target=_read, args=(incoming, inbox, server.stops), daemon=True).start()
    while (message := inbox.get()) is not None:
        server.take(message)
    watch.close()


def _take_streams() -> Tuple[BinaryIO, BinaryIO]:
    """Keep the link to ourselves: whatever else writes to stdout lands on stderr, and nothing we start inherits it."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    return incoming, outgoing


def _read(stream: BinaryIO, inbox: queue.Queue[Optional[Dict[str, Any]]], stops: Stops) -> None:
    try:
        while (message := read_message(stream)) is not None:
            if message.get("method") == "cancel" and "id" not in message:
                stops.cancel(message.get("params"))
            else:
                inbox.put(message)
    except (BadLine, OSError) as error:
        sys.stderr.write(f"{error}\n")
    stops.is_over.set()
    inbox.put(None)
