"""A third-party provider from the outside: its process, and the requests of protocol v1 as calls that give answers.

Nothing that it says is believed unchecked (`answers.py`), and nothing that it does costs more than its deadline: a
provider that breaks the contract is ended, and its items have an error that names it. One that died is started again
and asked once more, under the same key, as the protocol promises.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Union

from aivp_contract.manifest import Kind, Manifest
from aivp_contract.values import Json
from aivp_sdk.provider import error_form
from aivp_sdk.redaction import Redaction, opened, without

from . import answers
from .answers import Broken
from .child import Child, Gone
from .patience import Patience

Answers = List[Dict[str, Json]]

MAJOR, MINOR = 1, 0
CAPABILITIES = {"progress": True, "log": True}
CALLER = {"name": "aivp", "version": "0.1.0"}

START = 30.0
LOOK = 60.0
"""Seconds that `initialize`, and one look (`observe`, `list`, `upgrade`), may take."""

SILENCE = 600.0
"""Seconds in which a provider whose effect has no `meta.timeout` must say something."""

GRACE = 2.0
"""Seconds between a cancel and the kill."""

PROGRESS = 0.1
"""Seconds between two signs of progress that are handed on."""

MOST_LISTED = 100_000
_POLL = 0.1

ITEM = ("id", "kind", "identity", "config", "prior", "tainted", "action", "seen", "changes")
"""Members of an item that the protocol knows; what else our own steps carry stays with us."""

Tell = Callable[[str, Dict[str, Json]], None]


@dataclass(frozen=True)
class Program:
    """What is needed to run a provider. `argv` is complete; `configuration` may hold secrets."""

    manifest: Manifest
    argv: Sequence[str]
    directory: str
    configuration: Mapping[str, Json] = field(default_factory=dict)


class External:
    """One provider's process, started when it is first needed.

    tell: takes `progress` and `log` for people; is_cancelled: the run is being stopped. `standing`: the secrets of its
    configuration, which are secrets of every request.
    """

    def __init__(self, program: Program, tell: Tell, is_cancelled: Callable[[], bool] = lambda: False) -> None:
        self.program = program
        self.tell = tell
        self.is_cancelled = is_cancelled
        self.capabilities: Mapping[str, Json] = {}
        self.standing: Sequence[str] = opened(dict(program.configuration))[1]
        self.patience = Patience(self._say, is_cancelled)
        self._child: Optional[Child] = None
        self._numbers = itertools.count(1)
        self._told_at = 0.0

    @property
    def described(self) -> Mapping[str, Kind]:
        """Its kinds."""
        return self.program.manifest.kinds

    def observe(self, items: Sequence[Mapping[str, Json]]) -> Answers:
        """One answer per item, in order: `{id, observation}` or `{id, error}`."""
        return self._each("observe", items, {}, answers.observed(self.described), None, LOOK)

    def apply(self, items: Sequence[Mapping[str, Json]], key: str, timeout: Optional[float]) -> Answers:
        """One answer per item, in order: `{id, outputs}` or `{id, error}`."""
        return self._each("apply", items, {"key": key}, answers.applied(self.described), timeout)

    def list(self, kind: str, within: Mapping[str, Json]) -> Answers:
        """Everything of a kind that exists: `{id, identity, attributes, name?, note?}`.

        Raises Broken, Gone, or Refused where the provider says that it cannot.
        """
        narrowed: Dict[str, Json] = {"within": dict(within)} if within else {}
        params = {"kind": kind, **narrowed, "deadline_ms": int(LOOK * 1000)}
        with self._without_secrets():
            self._started()
            if not self.capabilities.get("list"):
                raise Broken("it cannot list")
            found = answers.listed(self.described[kind], self._ask("list", params, LOOK, MOST_LISTED))
        return [answers.freed(item, self.standing) for item in found]

    def upgrade(self, items: Sequence[Mapping[str, Json]]) -> Answers:
        """Recorded attributes in today's form: `{id, attributes}` or `{id, error}`."""
        params = {"deadline_ms": int(LOOK * 1000), "items": list(items)}
        return self._settled("upgrade", params, items, answers.upgraded, LOOK, [])

    def forget(self, run: str) -> None:
        """No key of this run will come again."""
        if self._child is not None:
            self._child.send({"jsonrpc": "2.0", "method": "forget", "params": {"prefix": f"{run}/"}})

    def close(self) -> None:
        """End it in peace, or else by force."""
        child, self._child = self._child, None
        if child is not None:
            child.send({"jsonrpc": "2.0", "id": next(self._numbers), "method": "shutdown", "params": {}})
            child.close()

    def _each(
        self,
        method: str,
        items: Sequence[Mapping[str, Json]],
        params: Mapping[str, Json],
        check: answers.Check,
        limit: Optional[float],
        look: Optional[float] = None,
    ) -> Answers:
        """Ask about items whose secrets are watched over; whatever goes wrong is an answer for each of them.

        limit: seconds for all tries together; look: for each of them.
        """
        works = [(item, Redaction(self.described[item["kind"]], item, self.standing)) for item in items]
        asked = [item for item, redaction in works if redaction.refusal is None]
        secrets = sorted({text for _, redaction in works for text in redaction.secrets})
        sent = [_sent(item) for item in asked]

        def ask(indices: Sequence[int], rest: Optional[float]) -> Answers:
            seconds = rest if look is None else look
            deadline: Dict[str, Json] = {} if seconds is None else {"deadline_ms": int(seconds * 1000)}
            request = {**params, **deadline, "items": [sent[index] for index in indices]}
            return self._settled(method, request, [asked[index] for index in indices], check, seconds, secrets)

        found = iter(self.patience.insist(ask, len(asked), limit))
        given: Answers = []
        for item, redaction in works:
            redaction.shared = secrets
            refusal = redaction.refusal
            error = {"id": item["id"], "error": refusal and error_form(refusal, redaction.redact)}
            given.append(
                error if refusal is not None else answers.cleaned({"id": item["id"], **next(found)}, redaction)
            )
        return given

    def _settled(
        self,
        method: str,
        params: Dict[str, Json],
        asked: Sequence[Mapping[str, Json]],
        check: answers.Check,
        limit: Optional[float],
        secrets: Sequence[str],
    ) -> Answers:
        """Answers that hold against the contract; an error for each item where they do not."""
        try:
            found = self._asked_twice(method, params, limit, len(asked), secrets)
            return answers.in_order(asked, found, check)
        except answers.Refused as refused:
            error = dict(refused.error)
        except Broken as broken:
            error = {"class": "bug", "message": self._blamed(f"broke its contract: {broken}")}
        except Gone as gone:
            kind = "interrupted" if method == "apply" else "bug"
            error = {"class": kind, "message": self._blamed(f"does not answer: {gone}")}
        return [{"id": item["id"], "error": error} for item in asked]

    def _asked_twice(
        self, method: str, params: Dict[str, Json], limit: Optional[float], most: int, secrets: Sequence[str]
    ) -> Dict[str, Any]:
        """The result; from a second process, if the first one died. One that we gave up is not asked again."""
        try:
            self._started()
            if method == "upgrade" and not self.capabilities.get("upgrade"):
                raise answers.Refused("it cannot upgrade what an older version of it recorded")
            return self._ask(method, params, limit, most, secrets)
        except Gone as gone:
            if gone.by_us:
                raise
        self._started()
        return self._ask(method, params, limit, most, secrets)

    def _blamed(self, why: str) -> str:
        """End it; what it did wrong, with its name and its last words."""
        said = self._end()
        message = f"the provider {self.program.manifest.name} {why}"
        return (f"{message}; its last words: {said}" if said else message)[:4000]

    def _end(self) -> str:
        """Kill it; its last words."""
        child, self._child = self._child, None
        if child is None:
            return ""
        child.kill()
        return child.log()

    def _say(self, message: str) -> None:
        name = self.program.manifest.name
        self.tell("log", {"provider": name, "level": "info", "message": f"{name} {message}"})

    @contextlib.contextmanager
    def _without_secrets(self) -> Iterator[None]:
        """What is wrong with a whole request is told without the secrets of the configuration."""
        try:
            yield
        except (Broken, Gone) as error:
            error.args = (without(str(error), self.standing),)
            raise
        except answers.Refused as refused:
            raise answers.Refused(without(str(refused), self.standing), refused.error) from None

    def _started(self) -> None:
        if self._child is not None and self._child.is_alive():
            return
        self._child = Child(self.program.argv, self.program.directory)
        version = {"major": MAJOR, "minor": MINOR}
        params = {
            "protocol": version,
            "caller": CALLER,
            "capabilities": CAPABILITIES,
            "configuration": dict(self.program.configuration),
            "directory": self.program.directory,
        }
        try:
            result = self._ask("initialize", params, START, 0)
        except answers.Refused as refused:
            if not refused.is_outside:
                raise Broken(f"it does not start: {refused}") from None
            self._end()
            where = f" at {refused.error['path']}" if "path" in refused.error else ""
            why = f"the provider {self.program.manifest.name} cannot work with its configuration{where}: {refused}"
            error = {name: value for name, value in refused.error.items() if name != "path"}
            raise answers.Refused(why, {**error, "message": why}) from None
        self.capabilities = answers.handshake(self.program.manifest, result)

    def _ask(
        self, method: str, params: Json, limit: Optional[float], most: int, secrets: Sequence[str] = ()
    ) -> Dict[str, Any]:
        """The result, with the items that came before it. Raises Refused, Broken or Gone."""
        assert self._child is not None
        child, number = self._child, next(self._numbers)
        child.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        wait = _Wait(limit)
        items: List[Json] = []
        while True:
            message = child.receive(_POLL)
            if wait.is_over():
                raise Gone(f"it gave no answer to {method} within {wait.seconds:.0f} s", by_us=True)
            if not wait.is_cancelled and (wait.is_late() or self.is_cancelled()):
                wait.is_cancelled = True
                child.send({"jsonrpc": "2.0", "method": "cancel", "params": {"request": number}})
            if message is None:
                continue
            wait.heard()
            if "method" in message:
                items += self._notified(message, number, secrets)
            elif message.get("id") != number or type(message.get("id")) is not int:
                raise Broken(f"it answered a request that nobody made ({str(message.get('id'))[:20]})")
            else:
                result = answers.result(message)
                if items or "items" in result:
                    result = {**result, "items": items + answers.items(result)}
                if len(result.get("items", ())) > most:
                    raise Broken(f"it answered {method} with more than {most} items")
                return result
            if len(items) > most:
                raise Broken(f"it answered {method} with more than {most} items")

    def _notified(self, message: Mapping[str, Any], number: int, secrets: Sequence[str]) -> List[Json]:
        params = message.get("params")
        if not isinstance(params, dict):
            raise Broken("a notification without parameters")
        if message["method"] == "items":
            if params.get("request") != number:
                raise Broken("items of another request")
            return answers.items(params)
        if message["method"] in CAPABILITIES and self._is_worth_telling(message["method"]):
            told: Dict[str, Union[str, int, float]] = {"provider": self.program.manifest.name}
            for name in ("id", "level", "message", "done", "total"):
                value = params.get(name)
                if isinstance(value, str):
                    told[name] = without(value, {*secrets, *self.standing})[:1000]
                elif isinstance(value, (int, float)) and not isinstance(value, bool):
                    told[name] = value
            self.tell(message["method"], dict(told))
        return []

    def _is_worth_telling(self, method: str) -> bool:
        """Nobody reads progress that comes faster; every line of the log is handed on."""
        now = time.monotonic()
        if method == "progress" and now - self._told_at < PROGRESS:
            return False
        self._told_at = now
        return True


def _sent(item: Mapping[str, Json]) -> Dict[str, Json]:
    """The members that the protocol knows; no identity rather than one of which nothing is known."""
    found = {name: item[name] for name in ITEM if item.get(name) is not None}
    if not found.get("identity", True):
        del found["identity"]
    return found


class _Wait:
    """How long an answer is waited for: until a deadline, or else through a silence; then a moment of grace."""

    def __init__(self, limit: Optional[float]) -> None:
        self.limit = limit
        self.begun = self.heard_at = time.monotonic()
        self.late_at: Optional[float] = None
        self.is_cancelled = False

    @property
    def seconds(self) -> float:
        """Since the request."""
        return time.monotonic() - self.begun

    def heard(self) -> None:
        """It said something."""
        self.heard_at = time.monotonic()

    def is_late(self) -> bool:
        """From now on only the grace is left."""
        since, most = (self.begun, self.limit) if self.limit is not None else (self.heard_at, SILENCE)
        if self.late_at is None and time.monotonic() - since > most:
            self.late_at = time.monotonic()
        return self.late_at is not None

    def is_over(self) -> bool:
        """True once the grace is used up, too."""
        return self.is_late() and self.late_at is not None and time.monotonic() - self.late_at > GRACE
