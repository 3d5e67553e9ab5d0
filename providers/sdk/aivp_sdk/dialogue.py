"""The caller's end of a link to a provider, for tests: in this process, or a program over its pipes."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
from pathlib import Path
from typing import Any, BinaryIO, Dict, Iterator, Protocol, Sequence, cast

from aivp_contract.canonical import decode, encode_wire
from aivp_contract.lines import read_message, write_message
from aivp_contract.values import Json

from .link import ServedSession
from .process import PATH
from .provider import Provider
from .served import Server
from .shim import Shim

ENDING = 5.0
"""Seconds that a program has to exit once stdin has ended."""


class Dialogue(Protocol):
    """One request after the other."""

    def ask(self, message: Dict[str, Json]) -> Iterator[Dict[str, Any]]:
        """What comes for a request, its answer last."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class InProcess:
    """The provider itself. Messages pass through the codec of the wire, so what passes here passes a pipe."""

    def __init__(self, provider: Provider) -> None:
        self._shim = Shim.start(Path("/nonexistent"))
        self._said = io.BytesIO()
        self._server = Server(provider, ServedSession(self._shim, self._said))

    def ask(self, message: Dict[str, Json]) -> Iterator[Dict[str, Any]]:
        self._said.seek(0)
        self._said.truncate()
        self._server.take(decode(encode_wire(message)))
        self._said.seek(0)
        return iter(list(iter(lambda: read_message(self._said), None)))

    def close(self) -> None:
        self._shim.close()


class Program:
    """A child process, given what the runner gives to providers: next to no environment, and `/` to work in."""

    def __init__(self, argv: Sequence[str], directory: Path) -> None:
        environment = {"PATH": PATH, "HOME": str(directory), "TMPDIR": str(directory), "LC_ALL": "C.UTF-8"}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            list(argv), cwd=os.sep, env=environment, stdin=pipe, stdout=pipe, start_new_session=True
        )
        self._requests = cast(BinaryIO, self._process.stdin)
        self._answers = cast(BinaryIO, self._process.stdout)

    def ask(self, message: Dict[str, Json]) -> Iterator[Dict[str, Any]]:
        with contextlib.suppress(BrokenPipeError):
            write_message(self._requests, message)
        while (answer := read_message(self._answers)) is not None:
            yield answer
            if "id" in answer:
                return

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._requests.close()
        try:
            self._process.wait(ENDING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._answers.close()
