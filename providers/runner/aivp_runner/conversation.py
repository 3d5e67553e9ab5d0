"""The conversation with one third-party provider: its process, the handshake, requests and what comes meanwhile.

A request gives the result with all its items, or raises: `Refused` where the provider refuses it, `Broken` where it
breaks the protocol, `Gone` where it does not answer. What items mean, and who is to blame, is the business of others.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Union

from aivp_contract.canonical import MAX_INTEGER
from aivp_contract.manifest import Manifest
from aivp_contract.values import Json

from . import answers
from .child import Child, Gone, message, weight
from .faults import Broken, Refused, quoted
from .waiting import Limits, Wait

MAJOR, MINOR = 1, 0
CAPABILITIES = {"progress": True, "log": True}
CALLER = {"name": "aivp", "version": "0.1.0"}

PROGRESS = 0.1
"""Seconds between two signs of progress that are handed on."""

MOST_LOGGED = 200
"""Lines of the log of one request that are handed on."""

MOST_KEPT = 40 * 1024 * 1024
"""Bytes that the values of all answers to one request may take in memory."""

_POLL = 0.1

Tell = Callable[[str, Dict[str, Json]], None]


@dataclass(frozen=True)
class Program:
    """What is needed to run a provider. `argv` is complete; `configuration` may hold secrets."""

    manifest: Manifest
    argv: Sequence[str]
    directory: str
    configuration: Mapping[str, Json] = field(default_factory=dict)


class Conversation:
    """With a process that is started when it is first needed, and anew once it is gone.

    tell: takes `progress` and `log` for people; free: takes out of a text what must not be told; is_cancelled: the run
    is being stopped; limits: of one answer.
    """

    def __init__(
        self,
        program: Program,
        tell: Tell,
        free: answers.Free,
        is_cancelled: Callable[[], bool],
        limits: Limits,
    ) -> None:
        self.program = program
        self.tell = tell
        self.free = free
        self.is_cancelled = is_cancelled
        self.limits = limits
        self.capabilities: Mapping[str, Json] = {}
        self._child: Optional[Child] = None
        self._numbers = itertools.count(1)
        self._told_at = 0.0
        self._logged = 0

    @property
    def is_open(self) -> bool:
        """True while there is a process."""
        return self._child is not None

    def start(self) -> None:
        """Have a process that has agreed to the protocol. Raises Refused, Broken or Gone."""
        if self._child is not None and self._child.is_alive():
            return
        self.end()
        self._child = Child(self.program.argv, self.program.directory)
        params = {
            "protocol": {"major": MAJOR, "minor": MINOR},
            "caller": CALLER,
            "capabilities": CAPABILITIES,
            "configuration": dict(self.program.configuration),
            "directory": self.program.directory,
        }
        try:
            result = self._ask(self._child, "initialize", params, self.limits.start, 0)
        except Refused as refused:
            self.end()
            raise _not_started(self.program.manifest.name, refused) from None
        self.capabilities = answers.handshake(self.program.manifest, result)

    def ask(self, method: str, params: Mapping[str, Json], limit: Optional[float], most: int) -> Dict[str, Any]:
        """The result, with the items that came before it, at most so many. `limit`: seconds, None where there is none.

        Raises Refused, Broken or Gone.
        """
        self.start()
        assert self._child is not None
        due = {} if limit is None else {"deadline_ms": max(int(limit * 1000), 1)}
        return self._ask(self._child, method, {**params, **due}, limit, most)

    def notify(self, method: str, params: Mapping[str, Json]) -> None:
        """Say something where somebody listens."""
        if self._child is not None:
            self._child.send({"jsonrpc": "2.0", "method": method, "params": dict(params)})

    def end(self) -> str:
        """End it by force; its last words."""
        child, self._child = self._child, None
        if child is None:
            return ""
        child.kill()
        return child.log()

    def close(self) -> None:
        """End it in peace, or else by force."""
        child, self._child = self._child, None
        if child is not None:
            child.send({"jsonrpc": "2.0", "id": next(self._numbers), "method": "shutdown", "params": {}})
            child.close()

    def _ask(
        self, child: Child, method: str, params: Mapping[str, Json], limit: Optional[float], most: int
    ) -> Dict[str, Any]:
        number = next(self._numbers)
        self._logged = 0
        child.send({"jsonrpc": "2.0", "id": number, "method": method, "params": dict(params)})
        wait = Wait(limit, self.limits)
        items: List[Json] = []
        kept = 0
        while True:
            line = child.receive(_POLL)
            if wait.is_over():
                raise Gone(f"it gave no answer to {method} within {wait.seconds:.0f} s", by_us=True)
            if not wait.is_cancelled and (wait.is_late() or self.is_cancelled()):
                wait.cancelled()
                self.notify("cancel", {"request": number})
            if line is None:
                continue
            wait.heard()
            found = _message(method, line, kept)
            result = None if "method" in found else _result(found, number)
            if result is None:
                brought = self._notified(found, number)
                kept += weight(line) if brought else 0
            else:
                brought = answers.items(result) if "items" in result else []
            items += brought
            if len(items) > most:
                raise Broken(f"it answered {method} with more than {most} items")
            if result is not None:
                return {**result, "items": items}

    def _notified(self, found: Mapping[str, Any], number: int) -> List[Json]:
        """The items of a notification; any other is told, or ignored."""
        params = found.get("params")
        if not isinstance(params, dict):
            raise Broken("a notification without parameters")
        if found["method"] == "items":
            if params.get("request") != number:
                raise Broken("items of another request")
            return answers.items(params)
        if type(found["method"]) is str and self._is_worth_telling(found["method"]):
            self.tell(found["method"], self._told(params))
        return []

    def _told(self, params: Mapping[str, Json]) -> Dict[str, Json]:
        told: Dict[str, Union[str, int, float]] = {"provider": self.program.manifest.name}
        for name in ("id", "level", "message", "done", "total"):
            value = params.get(name)
            if isinstance(value, str):
                told[name] = self.free(value)[:1000]
            elif type(value) is float or (type(value) is int and abs(value) <= MAX_INTEGER):
                told[name] = value
        return dict(told)

    def _is_worth_telling(self, method: str) -> bool:
        """Nobody reads progress that comes faster, nor a log without end."""
        if method == "log":
            self._logged += 1
            return self._logged <= MOST_LOGGED
        now = time.monotonic()
        if method != "progress" or now - self._told_at < PROGRESS:
            return False
        self._told_at = now
        return True


def _not_started(name: str, refused: Refused) -> Refused:
    """Why it cannot work: its configuration, where it says so; what is wrong there has no path of a resource's."""
    if not refused.is_outside:
        return Refused(f"it does not start: {refused}")
    where = f" at {refused.error['path']}" if "path" in refused.error else ""
    why = f"the provider {name} cannot work with its configuration{where}: {refused}"
    error = {member: value for member, value in refused.error.items() if member != "path"}
    return Refused(why, {**error, "message": why})


def _message(method: str, line: bytes, kept: int) -> Dict[str, Any]:
    """A line as a message, unless its values would take more memory than is left."""
    if kept + weight(line) > MOST_KEPT:
        raise Broken(f"its answer to {method} takes more than {MOST_KEPT // 1024**2} MiB of memory")
    return message(line)


def _result(found: Mapping[str, Any], number: int) -> Dict[str, Any]:
    if type(found.get("id")) is not int or found["id"] != number:
        raise Broken(f"it answered a request that nobody made ({quoted(found.get('id'))})")
    return answers.result(found)
