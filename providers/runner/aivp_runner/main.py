"""The runner's process: messages in on their own thread, one request at a time, answers and notifications out."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import queue
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, Optional

from aivp_contract.lines import BadLine, read_message, write_message
from aivp_contract.values import Json
from aivp_sdk.process import Session
from aivp_sdk.shim import Shim

from .arrival import PIECE, Piece
from .lane import InHand
from .service import Refusal, Service, refusal_form
from .store import HostStoreTooNew

METHODS = frozenset(
    "hello provider stage observe begin apply execute end list remembered recall rebuild upgrade health needs"
    " claims".split()
)

HEARTBEAT = 5.0
"""Seconds between signs of life while a request is in hand, so that the engine can tell slow from gone."""

LASTING = 0.25
"""Seconds after which the engine is told what is being worked on: what takes less is over before anybody reads it."""

NAMED = 3
"""Steps that are then named."""


def main(base: Optional[str], packs: bool = False) -> int:
    """Serve until the link ends. `base` is the state folder, None where there can be none; packs: the link is long."""
    shim = Shim.start(Path(base or "/nonexistent") / "effects")  # forked first: it must inherit no thread, lock or file
    gc.set_threshold(200_000)  # a large request is many small objects without a cycle
    incoming, outgoing = _take_streams()
    inbox: queue.Queue[Optional[Dict[str, Json]]] = queue.Queue()
    cancelled = threading.Event()
    link = _Link(outgoing, packs)
    service = Service(Path(base) if base else None, Session(shim), link.notify)
    service.is_cancelled = cancelled.is_set
    threading.Thread(target=_read, args=(incoming, inbox, service.pieces, cancelled), daemon=True).start()
    threading.Thread(target=link.beat, args=(service.lasting,), daemon=True).start()
    while True:
        message = inbox.get()
        if message is None:
            service.close()
            return 0
        link.at_work.set()
        answer = _answer(service, message)
        link.at_work.clear()
        if not link.tell(answer):
            return 0


class _Link:
    """The way to the engine, shared with the thread that gives signs of life."""

    def __init__(self, stream: BinaryIO, packs: bool) -> None:
        self.stream = stream
        self.packs = packs
        self.at_work = threading.Event()
        self._writing = threading.Lock()

    def tell(self, message: Json) -> bool:
        """False where nobody listens any more."""
        try:
            with self._writing:
                write_message(self.stream, message, self.packs)
        except OSError:
            return False
        return True

    def notify(self, method: str, params: Json) -> None:
        self.tell({"jsonrpc": "2.0", "method": method, "params": params})

    def beat(self, lasting: Callable[[], Optional[InHand]]) -> None:
        """Tell now and then that somebody is here, and of what lasts, once."""
        told: Optional[InHand] = None
        silent = 0.0
        while self.at_work.wait():
            time.sleep(LASTING)
            silent += LASTING
            found = lasting()
            if found is not None and found is not told and time.monotonic() - found[0] >= LASTING:
                told = found
                ms = round((time.monotonic() - found[0]) * 1000)
                self.notify("lasting", {"steps": list(found[1][:NAMED]), "count": len(found[1]), "ms": ms})
            if silent >= HEARTBEAT:
                silent = 0.0
                if not self.tell({"jsonrpc": "2.0", "method": "alive"}):
                    return


def _take_streams() -> Any:
    """Keep the link to ourselves: whatever else writes to stdout lands on stderr."""
    incoming: BinaryIO = os.fdopen(os.dup(0), "rb")
    outgoing: BinaryIO = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    return incoming, outgoing


def _read(
    stream: BinaryIO,
    inbox: queue.Queue[Optional[Dict[str, Json]]],
    pieces: queue.Queue[Optional[Piece]],
    cancelled: threading.Event,
) -> None:
    """The link gone means: finish the step in hand, start none."""
    try:
        while True:
            message = read_message(stream, may_be_packed=True)
            if message is None:
                break
            if message.get("method") == "cancel":
                cancelled.set()
            elif message.get("method") == "piece":
                pieces.put(_piece(stream, message["params"]))
            else:
                inbox.put(message)
    except (BadLine, OSError, KeyError, TypeError) as error:
        with contextlib.suppress(OSError):  # an engine that is gone in the middle of a message hears nothing either
            sys.stderr.write(f"runner: {error}\n")
    finally:
        cancelled.set()
        pieces.put(None)
        inbox.put(None)


def _piece(stream: BinaryIO, params: Dict[str, Json]) -> Piece:
    """The bytes of a piece follow its line as they are: base64 would take more time than the digest. Raises BadLine."""
    size = params["size"]
    if not 0 <= size <= PIECE:
        raise BadLine(f"a piece of {size} bytes")
    data = stream.read(size)
    if len(data) != size:
        raise BadLine("the stream ended inside a piece")
    return Piece(params["sha256"], params["offset"], data, params.get("error"))


def _answer(service: Service, message: Dict[str, Json]) -> Dict[str, Json]:
    answer: Dict[str, Json] = {"jsonrpc": "2.0", "id": message.get("id")}
    method = message.get("method")
    try:
        if method not in METHODS:
            return {**answer, "error": {"code": -32601, "message": f"no method {method}"}}
        return {**answer, "result": getattr(service, str(method))(**message.get("params", {}))}
    except Refusal as refusal:
        return {**answer, "error": refusal_form(refusal)}
    except HostStoreTooNew as error:
        return {**answer, "error": {"code": 1, "message": "too-new", "data": {"why": str(error)}}}
    except (sqlite3.Error, OSError) as error:
        return {**answer, "error": {"code": 1, "message": "host-state", "data": {"why": str(error)}}}
    except Exception as error:  # noqa: BLE001  # a process boundary: our own bug reaches the engine as an answer
        import traceback  # nobody pays for it before

        frames = traceback.extract_tb(error.__traceback__)[-4:]
        where = json.dumps([f"{frame.filename}:{frame.lineno}" for frame in frames])
        return {
            **answer,
            "error": {"code": -32603, "message": "bug", "data": {"why": type(error).__name__, "at": where}},
        }
