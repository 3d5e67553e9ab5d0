"""One session with one host: start its runner, ask, take answers that are checked for shape and bounded in size.

Everything a host says is hostile until checked: a wrong line ends the session with a diagnostic, never a traceback.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Self, cast

from aivp_contract.canonical import encode_wire
from aivp_contract.lines import BadLine, read_message, write_message
from aivp_contract.values import Json

from aivp.diagnostics import Diagnostic, Refused
from aivp.hosts.archive import Archive
from aivp.hosts.arrival import arrive
from aivp.hosts.become import NoRunner
from aivp.hosts.bundle import Bundle
from aivp.hosts.channel import Channel
from aivp.hosts.failures import Failure, explained, lost
from aivp.hosts.link import Link
from aivp.hosts.watch import Watch
from aivp.model.resource import Host

SILENCE = 60.0
"""Seconds without a message after which a host that has a request in hand counts as lost; runners that are at work
give a sign of life every few seconds.
"""

PART = 64 * 1024
"""Bytes that a link must take within SILENCE."""

Listener = Callable[[str, Json], None]

CANCEL = {"jsonrpc": "2.0", "method": "cancel"}

ALIVE = "alive"
"""The notification that says nothing else."""


class Refusal(Exception):
    """The runner's own no: `code` as in `aivp_runner.service`, with details."""

    def __init__(self, host: str, code: str, details: Mapping[str, Json]) -> None:
        super().__init__(f"{host}: {code}")
        self.host = host
        self.code = code
        self.details = details


class HostSession:
    """A started runner. Requests go one after another; `cancel` may be called from any thread."""

    def __init__(self, host: Host, channel: Channel, link: Link, silence: float = SILENCE) -> None:
        self.host = host
        self.channel = channel
        self.link = link
        self.requests = 0
        self.noise = b""
        self.equipped: set[str] = set()
        self.overhear: Listener | None = None
        """Takes what is said beside the answers that are gathered."""
        self._is_cancelled = False
        self._watch = Watch(link.kill, silence)
        self._writing = threading.Lock()

    @classmethod
    def start(
        cls, host: Host, channel: Channel, archive: Archive, silence: float = SILENCE, link: Link | None = None
    ) -> Self:
        """Open the channel, unless it is by `link`, and bring up the runner there. Raises Refused."""
        try:
            link = link or Link.start(channel.argv, channel.environment)
        except OSError as error:
            raise lost(host, f"{channel.shown} cannot be started: {error.strerror}.") from None
        except ValueError as error:  # a NUL in an argument
            raise lost(host, f"{channel.shown} cannot be started: {error}.") from None
        session = cls(host, channel, link, silence)
        try:
            with session._watch:
                session.noise = arrive(link, channel, archive)
        except NoRunner as error:
            if error.code:
                session.kill()
                raise lost(host, str(error), error.mend, error.code) from None
            raise session._broken(str(error), error.said) from None
        return session

    @property
    def is_over(self) -> bool:
        """True once its link is gone."""
        return self.link.is_over

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
        """Bring a provider that the runner lacks to this host, unless it is there. Raises Refusal or Refused."""
        params = {
            "manifest": bundle.manifest,
            "start": {platform: list(argv) for platform, argv in bundle.start.items()},
            "files": {path: dict(entry) for path, entry in bundle.entries.items()},
            "configuration": dict(configuration),
        }
        if missing := self._missing(bundle, params):
            for chunks in bundle.portions(missing):
                self.request("stage", {"provider": bundle.name, "chunks": [list(chunk) for chunk in chunks]})
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
            elif self.overhear is not None:
                self.overhear(name, brought)

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
        self._is_cancelled = True
        self._send(CANCEL)

    def send_piece(self, sha256: str, offset: int, data: bytes, error: str | None = None) -> None:
        """Some bytes of a blob behind the line that says which, or why there are none. Raises Refused."""
        params: dict[str, Json] = {"sha256": sha256, "offset": offset, "size": len(data)}
        if error is not None:
            params["error"] = error
        line = encode_wire({"jsonrpc": "2.0", "method": "piece", "params": params}) + b"\n"
        if self._is_cancelled:  # whoever waits for a turn to say so might wait until all pieces are sent
            line = encode_wire(CANCEL) + b"\n" + line
        parts = (line, *(data[start : start + PART] for start in range(0, len(data), PART)))
        try:
            with self._writing:
                for part in parts:
                    with self._watch:  # a slow link is alive as long as it takes something
                        self.link.send(part)
        except (OSError, ValueError):
            raise self._broken("the link is gone") from None

    def leave(self) -> None:
        """Say that nothing more is asked; `close` waits until it has ended."""
        self.link.leave()

    def close(self) -> None:
        """End the session; the runner ends by itself when its link is gone."""
        self.link.close()
        self._watch.end()

    def kill(self) -> None:
        """End the channel at once."""
        self.link.kill()

    def _send(self, message: Json) -> None:
        try:
            with self._writing:
                write_message(self.link.stdin, message, self.channel.is_far)
        except BadLine as error:
            raise Refused((Diagnostic("AIVP0603", f"A request to {self.host.name} is too large: {error}."),)) from None
        except (OSError, ValueError):
            raise self._broken("the link is gone") from None

    def _receive(self) -> dict[str, Json]:
        try:
            message = read_message(self.link.stdout, self.channel.is_far)
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
        code = self.link.exit_code()
        if self._watch.has_struck:
            what, code = f"it was silent for {self._watch.seconds:.0f} s", None
        elif code is None:
            self.kill()
        self._watch.end()
        said = (seen + self.link.last_words()).decode(errors="replace").strip()
        return explained(self.host, self.channel, Failure(what, code, said))


def _short(value: object, most: int = 200) -> str:
    text = str(value)
    return text if len(text) <= most else text[: most - 3] + "..."
