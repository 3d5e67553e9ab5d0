"""One session with one host: start its runner, ask, take answers that are checked for shape and bounded in size.

Everything a host says is hostile until checked: a wrong line ends the session with a diagnostic, never a traceback.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, BinaryIO, cast

from aivp_contract.lines import BadLine, read_message, write_message
from aivp_contract.values import Json

from aivp.diagnostics import Diagnostic, Refused
from aivp.hosts.archive import Archive
from aivp.hosts.bundle import Bundle
from aivp.hosts.channel import channel
from aivp.model.resource import Host

SILENCE = 60.0
"""Seconds without a message after which a host that has a request in hand counts as lost; runners that are at work
give a sign of life every few seconds.
"""

LOG_KEPT = 8 * 1024
"""Bytes of a host's stderr that are kept for diagnostics."""

LOG_SHOWN = 400
LINES_SHOWN = 5

UNREACHED = "AIVP0601"
"""The code of a host that is not there: it stops its own steps only."""

MEND_REACH = "Its channel must start a python3 (3.9 or newer): run that command by hand, with --version behind it."

Listener = Callable[[str, Json], None]

ALIVE = "alive"
"""The notification that says nothing else."""

_OLD_PYTHON = re.compile(rb'\{"error": "python", "found": "([0-9.]{1,16})"\}')


class Refusal(Exception):
    """The runner's own no: `code` as in `aivp_runner.service`, with details."""

    def __init__(self, host: str, code: str, details: Mapping[str, Json]) -> None:
        super().__init__(f"{host}: {code}")
        self.host = host
        self.code = code
        self.details = details


class HostSession:
    """A started runner. Requests go one after another; `cancel` may be called from any thread."""

    def __init__(self, host: Host, process: subprocess.Popen[bytes], silence: float = SILENCE) -> None:
        self.host = host
        self.process = process
        self.requests = 0
        self._watch = _Watch(self.kill, silence)
        self._stdin = cast(BinaryIO, process.stdin)
        self._stdout = cast(BinaryIO, process.stdout)
        self._writing = threading.Lock()
        self._log = bytearray()
        self._log_reader = threading.Thread(target=self._keep_log, daemon=True)
        self._log_reader.start()

    @classmethod
    def start(
        cls, host: Host, archive: Archive, silence: float = SILENCE, withheld: AbstractSet[str] = frozenset()
    ) -> HostSession:
        """Open the channel, without the `withheld` variables, and bring up the runner there. Raises Refused."""
        try:
            process = subprocess.Popen(
                list(channel(host)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                env=_environment(host, withheld),
            )
        except OSError as error:
            raise lost(host, f"{_command(host)} cannot be started: {error.strerror}.") from None
        except ValueError as error:  # a NUL in an argument
            raise lost(host, f"{_command(host)} cannot be started: {error}.") from None
        session = cls(host, process, silence)
        with session._watch:
            session._ship(archive)
        return session

    def request(self, method: str, params: Mapping[str, Json], listener: Listener | None = None) -> Any:
        """The result of one request; notifications on the way go to `listener`. Raises Refusal or Refused."""
        self.requests += 1
        number = self.requests
        with self._watch:
            self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": dict(params)})
            message = self._receive()
        while True:
            if "method" in message:
                if listener is not None and message["method"] != ALIVE:
                    listener(str(message["method"]), message.get("params"))
                with self._watch:
                    message = self._receive()
                continue
            if message.get("id") != number:
                raise self._broken("an answer to a question that nobody asked")
            if "error" in message:
                raise self._refused(message["error"])
            if "result" not in message:
                raise self._broken("an answer without a result")
            return message["result"]

    def provide(self, bundle: Bundle, configuration: Mapping[str, Json]) -> None:
        """Bring a third-party provider to this host, unless it is there. Raises Refusal or Refused."""
        params = {
            "manifest": bundle.manifest,
            "start": {platform: list(argv) for platform, argv in bundle.start.items()},
            "files": {path: dict(entry) for path, entry in bundle.entries.items()},
            "configuration": dict(configuration),
        }
        if missing := self._missing(bundle, params):
            for path in missing:
                for index, chunk in enumerate(bundle.chunks(path)):
                    staged = {"provider": bundle.name, "path": path, "data": chunk, "is_first": index == 0}
                    self.request("stage", staged)
            if self._missing(bundle, params):
                raise self.hostile(f"it does not keep the provider {bundle.name}")

    def _missing(self, bundle: Bundle, params: Mapping[str, Json]) -> list[str]:
        answer = self.request("provider", params)
        missing = answer.get("missing") if isinstance(answer, dict) else None
        if not isinstance(missing, list) or not all(path in bundle.entries for path in missing):
            raise self.hostile("its answer to provider is not of the protocol")
        return missing

    def gather(
        self, method: str, params: Mapping[str, Json], member: str, *, by: str, most: int | None = None
    ) -> list[Json]:
        """The list `member` of a request's result, with what notifications named `by` brought of it before.

        Raises Refusal, or Refused where it is no list or holds more than `most` items.
        """
        found: list[Json] = []

        def listen(name: str, brought: Json) -> None:
            if name == by:
                take(brought.get("items") if isinstance(brought, dict) else None)

        def take(items: Json) -> None:
            if not isinstance(items, list):
                raise self.hostile(f"its answer to {method} is not of the protocol")
            found.extend(items)
            if most is not None and len(found) > most:
                raise self.hostile(f"its answer to {method} has no end")

        result = self.request(method, params, listen)
        take(result.get(member) if isinstance(result, dict) else None)
        return found

    def hostile(self, what: str) -> Refused:
        """The diagnostic of an answer that breaks the protocol; the session is over with it."""
        self.kill()
        why = f"{self.host.name}: {what}."
        return Refused((Diagnostic("AIVP0603", why, "Do not trust this host before you know why."),))

    def cancel(self) -> None:
        """Ask the runner to finish the step in hand and start none."""
        self._send({"jsonrpc": "2.0", "method": "cancel"})

    def close(self) -> None:
        """End the session; the runner ends by itself when its link is gone."""
        try:
            self._stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()
        self._watch.end()
        self._stdout.close()

    def kill(self) -> None:
        """End the channel at once."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self.process.kill()  # a channel that changed its user, or is gone already
        self.process.wait()

    def _ship(self, archive: Archive) -> None:
        with contextlib.suppress(OSError):  # what ended already may have said why
            self._stdin.write(json.dumps({"archive": archive.sha256, "size": len(archive.data)}).encode() + b"\n")
            self._stdin.flush()
        answer = self._stdout.readline(4096).strip()
        if answer == b"need":
            try:
                self._stdin.write(archive.data)
                self._stdin.flush()
            except OSError:
                answer = b""
        if old := _OLD_PYTHON.fullmatch(answer):
            found = old[1].decode()
            raise Refused((Diagnostic("AIVP0602", f"{self.host.name} has Python {found}; 3.9 or newer is needed."),))
        if answer not in (b"need", b"have"):
            raise self._broken("no runner came up", answer)

    def _send(self, message: Json) -> None:
        try:
            with self._writing:
                write_message(self._stdin, message)
        except BadLine as error:
            raise Refused((Diagnostic("AIVP0603", f"A request to {self.host.name} is too large: {error}."),)) from None
        except (OSError, ValueError):
            raise self._broken("the link is gone") from None

    def _receive(self) -> dict[str, Json]:
        try:
            message = read_message(self._stdout)
        except BadLine as error:
            raise self._broken(str(error)) from None
        except (OSError, ValueError):
            message = None
        if message is None:
            raise self._broken("the link is gone")
        return cast(dict[str, Json], message)

    def _refused(self, error: Json) -> Exception:
        if not isinstance(error, dict) or not isinstance(error.get("data", {}), dict):
            return self._broken("an error that is none")
        details = error.get("data", {})
        if error.get("code") == 1:
            return Refusal(self.host.name, str(error.get("message")), details)
        why = f"The runner on {self.host.name} failed: {_short(details.get('why'))} at {_short(details.get('at'))}."
        return Refused((Diagnostic("AIVP0609", why, "This is a bug in aivp; the log of the run has the details."),))

    def _broken(self, what: str, seen: bytes = b"") -> Refused:
        if self._watch.has_struck:
            what = f"it was silent for {self._watch.seconds:.0f} s"
        elif (code := self._exit_code()) is not None:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            what += f": {_command(self.host)} {how}"
        if self.process.poll() is None:
            self.kill()
        self._watch.end()
        self._log_reader.join(1)
        said = (bytes(seen) + bytes(self._log)).decode(errors="replace").strip()
        return lost(self.host, what + (f"; it said:\n{_last_lines(said)}" if said else "."))

    def _exit_code(self) -> int | None:
        """How the channel ended by itself, None where it is still there: its streams may close a moment before."""
        try:
            return self.process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            return None

    def _keep_log(self) -> None:
        stream = cast(BinaryIO, self.process.stderr)
        while chunk := os.read(stream.fileno(), 4096):
            self._log += chunk
            del self._log[:-LOG_KEPT]


class _Watch:
    """Ends a session whose host stays silent: `with watch` around whatever waits for it."""

    def __init__(self, end_session: Callable[[], None], seconds: float) -> None:
        self.end_session = end_session
        self.seconds = seconds
        self.has_struck = False
        self._since: float | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> None:
        self._since = time.monotonic()
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._since = None

    def end(self) -> None:
        """Stop looking."""
        self._ended.set()

    def _look(self) -> None:
        while not self._ended.wait(min(self.seconds / 4, 1.0)):
            since = self._since
            if since is not None and time.monotonic() - since > self.seconds:
                self.has_struck = True
                self.end_session()
                return


def _environment(host: Host, withheld: AbstractSet[str]) -> dict[str, str]:
    """A local runner starts with next to nothing; a channel command is the user's own and gets the user's.

    Some channels, such as `nsenter`, hand it on to the runner and all that it starts: secrets stay here.
    """
    if host.transport == "local":
        return {name: os.environ[name] for name in ("HOME", "PATH", "AIVP_HOST_STATE") if name in os.environ}
    return {name: value for name, value in os.environ.items() if name not in withheld}


def lost(host: Host, what: str) -> Refused:
    """The diagnostic of a host that is not there; it stops that host's own steps only."""
    return Refused((Diagnostic(UNREACHED, f"{host.name}: {what}", MEND_REACH),))


def _command(host: Host) -> str:
    """What was started, as a person would type it to see for themselves."""
    words = [*host.connection.get("command", ()), "python3"] if host.transport == "exec" else [sys.executable]
    return f"`{_short(shlex.join(words))}`"


def _last_lines(text: str) -> str:
    return "\n".join(text[-LOG_SHOWN:].splitlines()[-LINES_SHOWN:])


def _short(value: object, most: int = 200) -> str:
    text = str(value)
    return text if len(text) <= most else text[: most - 3] + "..."
