"""Protocol v1 as calls of a provider's methods: each request checked, handed over, answered in order.

Answers to long requests leave in parts, item by item, so that what was done is known even if the process dies in the
middle. Between items a cancel is heard.
"""

from __future__ import annotations

import os
import threading
import time
import traceback
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, List, Mapping, Optional, Sequence, Set, Type

from aivp_contract.canonical import encode
from aivp_contract.lines import write_message
from aivp_contract.values import Json

from . import shim
from .errors import Canceled, ProviderError
from .kind import Kind
from .process import Session
from .provider import Provider, error_form
from .redaction import opened, without
from .schema import load

MAJOR, MINOR = 1, 0

PART = 512 * 1024
"""Bytes of items in one notification, about."""

Item = Mapping[str, Json]
Answer = Dict[str, Json]


class Refusal(Exception):
    """A request that makes no sense; `form` is the JSON-RPC error."""

    def __init__(self, code: int, message: str, **data: Json) -> None:
        super().__init__(message)
        self.form: Dict[str, Json] = {"code": code, "message": message, **({"data": data} if data else {})}


class ServedSession(Session):
    """What a provider may ask for, over this link: `log` and `progress` become notifications."""

    def __init__(self, watch: shim.Shim, outgoing: BinaryIO) -> None:
        super().__init__(watch)
        self.outgoing = outgoing
        self.capabilities: Mapping[str, Json] = {}
        self.request = 0
        self.item = ""
        self._writing = threading.Lock()

    def configure(self, schema: Optional[Type[Any]], found: Mapping[str, Json]) -> None:
        """What people wrote for this provider, as its dataclass; secrets of it are watched over from now on."""
        plain, self.standing = opened(dict(found))
        self.configuration = None if schema is None else load(schema, plain)

    def send(self, message: Json) -> None:
        """One message. Where nobody listens any more, reading will end, too."""
        try:
            with self._writing:
                write_message(self.outgoing, message)
        except OSError:
            pass

    def log(self, message: str, level: str = "info") -> None:
        """A line for people."""
        self._tell("log", {"level": level, "message": self._redacted(message)[:10_000]})

    def progress(self, message: str, done: Optional[float] = None, total: Optional[float] = None) -> None:
        """How far a long effect is."""
        counts = {name: value for name, value in (("done", done), ("total", total)) if value is not None}
        self._tell("progress", {"message": self._redacted(message)[:1000], **counts})

    def _redacted(self, message: str) -> str:
        return without(message, {*self.secrets, *self.standing})

    def _tell(self, method: str, params: Dict[str, Json]) -> None:
        if self.capabilities.get(method):
            item = {"id": self.item} if self.item else {}
            self.send({"jsonrpc": "2.0", "method": method, "params": {"request": self.request, **item, **params}})


class Stops:
    """What shall not be begun any more: items of cancelled requests, and everything once the link is gone."""

    def __init__(self) -> None:
        self.requests: Set[int] = set()
        self.is_over = threading.Event()

    def cancel(self, params: Json) -> None:
        """Take a `cancel` notification."""
        request = params.get("request") if isinstance(params, dict) else None
        if type(request) is int:
            self.requests.add(request)

    def covers(self, request: int) -> bool:
        """True where no further item of this request is wanted."""
        return self.is_over.is_set() or request in self.requests


class Server:
    """Turns messages into calls of a provider, one at a time."""

    def __init__(self, provider: Provider, session: ServedSession) -> None:
        self.provider = provider
        self.session = session
        self.stops = Stops()
        self.effects: Optional[Path] = None
        self._methods: Mapping[str, Callable[[Dict[str, Any]], Dict[str, Json]]] = {
            "initialize": self._initialize,
            "observe": self._observe,
            "apply": self._apply,
            "list": self._list,
            "upgrade": self._upgrade,
            "shutdown": lambda _: {},
        }

    def take(self, message: Dict[str, Any]) -> None:
        """Answer a request; act upon a notification that concerns us."""
        if "id" not in message:
            if message.get("method") == "forget":
                self._forget(message.get("params"))
            return
        answer: Dict[str, Json] = {"jsonrpc": "2.0", "id": message["id"]}
        self.session.request = message["id"]
        try:
            answer["result"] = self._result(message)
        except Refusal as refusal:
            answer["error"] = refusal.form
        except Exception as error:  # noqa: BLE001  # a process boundary: a bug is an answer, and its text may be a secret
            frames = traceback.extract_tb(error.__traceback__)[-3:]
            places = " < ".join(f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in reversed(frames))
            answer["error"] = {"code": -32603, "message": f"{type(error).__name__} at {places}"}
        self.session.send(answer)

    def _result(self, message: Dict[str, Any]) -> Dict[str, Json]:
        method, params = message.get("method"), message.get("params")
        handle = self._methods.get(method) if isinstance(method, str) else None
        if handle is None:
            raise Refusal(-32601, f"no method {str(method)[:40]}")
        if self.effects is None and method != "initialize":
            raise Refusal(-32600, "initialize comes first")
        if not isinstance(params, dict):
            raise Refusal(-32602, "the parameters are no object")
        return handle(params)

    def _initialize(self, params: Dict[str, Any]) -> Dict[str, Json]:
        protocol, directory = params.get("protocol"), params.get("directory")
        if not isinstance(protocol, dict) or type(protocol.get("major")) is not int:
            raise Refusal(-32602, "initialize without a protocol version")
        if protocol["major"] != MAJOR:
            raise Refusal(1, "unsupported protocol", majors=[MAJOR])
        if type(directory) is not str or not os.path.isabs(directory):
            raise Refusal(-32602, "initialize without a directory")
        self.effects = Path(directory) / "effects"
        if isinstance(params.get("capabilities"), dict):
            self.session.capabilities = params["capabilities"]
        self.session.configure(self.provider.configuration, params.get("configuration") or {})
        kinds = {name: kind.schema_version for name, kind in sorted(self.provider.kinds.items())}
        return {
            "protocol": {"major": MAJOR, "minor": MINOR},
            "provider": {"name": self.provider.name, "version": self.provider.version},
            "kinds": kinds,
            "capabilities": {"cancel": True, "list": True, "upgrade": True},
        }

    def _observe(self, params: Dict[str, Any]) -> Dict[str, Json]:
        items = self._items(params)
        self.session.key = ""
        return self._answers(items, "observe_many", lambda group: self.provider.observe(group, self.session))

    def _apply(self, params: Dict[str, Any]) -> Dict[str, Json]:
        items, key, deadline = self._items(params), params.get("key"), params.get("deadline_ms")
        if type(key) is not str or not key:
            raise Refusal(-32602, "apply without a key")
        if any(item.get("action") not in ("create", "update", "delete", "refresh") for item in items):
            raise Refusal(-32602, "an item without one of the actions")
        assert self.effects is not None
        assert self.session.shim is not None
        self.session.shim.folder = self.effects / _run(key)
        shim.wait(self.session.shim.folder)
        until = None if deadline is None else time.monotonic() + deadline / 1000

        def act(group: Sequence[Item]) -> List[Answer]:
            self.session.key = key if len(group) > 1 else f"{key}/{group[0]['id']}"
            self.session.timeout = None if until is None else max(until - time.monotonic(), 0.1)
            return self.provider.apply(group, self.session)

        try:
            return self._answers(items, "apply_many", act)
        finally:
            self.session.key, self.session.timeout, self.session.secrets = "", None, []

    def _answers(
        self, items: Sequence[Item], batched: str, handle: Callable[[Sequence[Item]], List[Answer]]
    ) -> Dict[str, Json]:
        """Answers in order; all but the last part of them leave at once. Between groups a cancel is heard."""
        parts = _Parts(self.session)
        for group in self._groups(items, batched):
            self.session.item = group[0]["id"] if len(group) == 1 else ""
            if self.stops.covers(self.session.request):
                parts.add([{"id": item["id"], "error": error_form(Canceled())} for item in group])
            else:
                parts.add(handle(group))
        self.session.item = ""
        return {"items": parts.rest}

    def _groups(self, items: Sequence[Item], batched: str) -> List[List[Item]]:
        """Neighbours of a kind that has a way of its own with many stay together; all others go one by one."""
        groups: List[List[Item]] = []
        for item in items:
            kind = item["kind"]
            is_batched = getattr(type(self.provider.kinds[kind]), batched) is not getattr(Kind, batched)
            if is_batched and groups and groups[-1][-1]["kind"] == kind:
                groups[-1].append(item)
            else:
                groups.append([item])
        return groups

    def _list(self, params: Dict[str, Any]) -> Dict[str, Json]:
        kind = params.get("kind")
        if type(kind) is not str or kind not in self.provider.kinds:
            raise Refusal(-32602, f"the kind {str(kind)[:100]} is not served here")
        parts = _Parts(self.session)
        for item in self.provider.list(kind, self.session):
            parts.add([item])
        return {"items": parts.rest}

    def _upgrade(self, params: Dict[str, Any]) -> Dict[str, Json]:
        items = self._items(params, member="attributes")
        if any(type(item.get("version")) is not int for item in items):
            raise Refusal(-32602, "an item without the version that it is of")
        return {"items": [self._upgraded(item) for item in items]}

    def _upgraded(self, item: Item) -> Answer:
        try:
            attributes = self.provider.upgrade(item["kind"], item["version"], item["attributes"])
        except ProviderError as error:
            return {"id": item["id"], "error": error_form(error)}
        return {"id": item["id"], "attributes": attributes}

    def _items(self, params: Dict[str, Any], member: str = "config") -> List[Item]:
        """The items of a request. Raises Refusal where they are not of the protocol."""
        items = params.get("items")
        if not isinstance(items, list):
            raise Refusal(-32602, "a request without items")
        for item in items:
            if not isinstance(item, dict) or type(item.get("id")) is not str or not isinstance(item.get(member), dict):
                raise Refusal(-32602, f"an item without id or {member}")
            if item.get("kind") not in self.provider.kinds:
                raise Refusal(-32602, f"the kind {str(item.get('kind'))[:100]} is not served here")
        return items

    def _forget(self, params: Json) -> None:
        prefix = params.get("prefix") if isinstance(params, dict) else None
        if isinstance(prefix, str) and prefix and self.effects is not None:
            shim.forget(self.effects / _run(prefix))


class _Parts:
    """Collects answers, and sends them away whenever there is enough for a message."""

    def __init__(self, session: ServedSession) -> None:
        self.session = session
        self.rest: List[Answer] = []
        self._size = 0

    def add(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            self.rest.append(answer)
            self._size += len(encode(answer))
            if self._size > PART:
                params = {"request": self.session.request, "items": self.rest}
                self.session.send({"jsonrpc": "2.0", "method": "items", "params": params})
                self.rest, self._size = [], 0


def _run(key: str) -> str:
    """The part of a key that all keys of a run share, as the name of a folder."""
    name = key.partition("/")[0]
    return "".join(char if char.isalnum() else "-" for char in name)[:100] or "-"
