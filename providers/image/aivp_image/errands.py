"""What people ask of a host's images, over the channel of that host: lines of JSON-RPC in, answers and progress out.

Started by the bootstrap in the place of the runner; it holds no lock of a run, since it changes nothing that a plan
describes. When the link ends it ends at once: a download goes on where it broke off.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, Mapping, Optional

from aivp_sdk import ProviderError, Session

from . import catalogue
from .download_http import Wanted
from .workshop import Workshop

ALIVE = 5.0
"""Seconds between signs of life."""
_LONGEST = 4 * 1024 * 1024

Answer = Dict[str, Any]


def main(base: Optional[str], _packs: bool = False) -> int:
    """Serve until the link ends. base: the state folder of the runner, in which our own lies."""
    incoming, link = _take_streams()
    while True:
        message = _read(incoming)
        if message is None:
            return 0
        ended = threading.Event()
        threading.Thread(target=link.beat, args=(ended,), daemon=True).start()
        link.tell({"jsonrpc": "2.0", "id": message.get("id"), **_answered(base, link, message)})
        ended.set()


class Errands:
    """What can be asked. Every answer is `{items: […]}`."""

    def __init__(self, workshop: Workshop, tell: Callable[[Answer], None]) -> None:
        self.workshop = workshop
        self.tell = tell

    def images(self) -> Answer:
        """The images of the store, and what was fetched."""
        return {"items": catalogue.listed(self.workshop), "downloads": catalogue.downloads(self.workshop)}

    def pull(self, url: str, algorithm: str, digest: str) -> Answer:
        """Fetch one entry."""
        return {"items": [catalogue.pull(self.workshop, Wanted(url, algorithm, digest))]}

    def verify(self, names: Any = None) -> Answer:
        """Read downloads in full, by default all of them and every image; damaged downloads go."""
        items = list(catalogue.verified(self.workshop, names))
        for item in items:
            if item["why"] and item["kind"] == "download":
                catalogue.remove_damaged(self.workshop, item["name"])
        return {"items": items}

    def prune(self) -> Answer:
        """Remove images that nobody has or uses."""
        return {"items": list(catalogue.pruned(self.workshop))}

    def prune_downloads(self, keep: Any) -> Answer:
        """Remove downloads that are not in `keep`."""
        return {"items": list(catalogue.pruned_downloads(self.workshop, frozenset(keep)))}


METHODS = ("images", "pull", "verify", "prune", "prune_downloads")


class _Session(Session):
    """A session that tells progress over the link."""

    def __init__(self, tell: Callable[[Answer], None]) -> None:
        super().__init__(None)
        self.tell = tell

    def progress(self, message: str, done: Optional[float] = None, total: Optional[float] = None) -> None:
        """As whole numbers: what travels between processes knows no others."""
        known = {"done": done, "total": total}
        params = {"message": message, **{name: int(value) for name, value in known.items() if value is not None}}
        self.tell({"jsonrpc": "2.0", "method": "progress", "params": params})


class _Link:
    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self._writing = threading.Lock()

    def tell(self, message: Answer) -> None:
        """Say it; where nobody listens any more, there is nothing left to do."""
        try:
            with self._writing:
                self.stream.write(json.dumps(message, separators=(",", ":"), sort_keys=True).encode() + b"\n")
                self.stream.flush()
        except OSError:
            os._exit(0)

    def beat(self, ended: threading.Event) -> None:
        while not ended.wait(ALIVE):
            self.tell({"jsonrpc": "2.0", "method": "alive"})


def _answered(base: Optional[str], link: _Link, message: Mapping[str, Any]) -> Answer:
    method, params = str(message.get("method")), dict(message.get("params") or {})
    folder = params.pop("folder", None) or (None if base is None else str(Path(base) / "work" / "image"))
    if folder is None:
        return _refused("this account has no place for a state of aivp", "Give it a home directory.")
    if os.path.lexists(folder) and not os.path.isdir(folder):
        return _refused(f"{folder}, where images are kept, is no folder", "")
    if method not in METHODS:
        return {"error": {"code": -32601, "message": f"no method {method}"}}
    try:
        workshop = Workshop(Path(folder), _Session(link.tell))
        return {"result": getattr(Errands(workshop, link.tell), method)(**params)}
    except ProviderError as error:
        return _refused(error.message, error.mend or "")
    except OSError as error:
        return _refused(f"{folder} does not work: {error.strerror or type(error).__name__}", "")
    except Exception as error:  # noqa: BLE001  # a process boundary: our own bug reaches the engine as an answer
        frames = traceback.extract_tb(error.__traceback__)[-3:]
        at = json.dumps([f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in frames])
        return {"error": {"code": -32603, "message": "bug", "data": {"why": type(error).__name__, "at": at}}}


def _refused(why: str, mend: str) -> Answer:
    return {"error": {"code": 1, "message": "images", "data": {"why": why, "mend": mend}}}


def _take_streams() -> Any:
    """Keep the link to ourselves: whatever else writes to stdout lands on stderr. A thread notices its end."""
    incoming: BinaryIO = os.fdopen(os.dup(0), "rb")
    outgoing: BinaryIO = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    sys.stdout.flush()
    return incoming, _Link(outgoing)


def _read(stream: BinaryIO) -> Optional[Dict[str, Any]]:
    line = stream.readline(_LONGEST)
    if line.startswith(b"~"):  # packed, as on links to hosts that are far away
        line = zlib.decompress(stream.read(int(line[1:])))
    return json.loads(line) if line else None
