"""Protocol v1 as calls of a provider's methods: each request checked, handed over, answered in order.

Answers to long requests leave in parts, item by item, so that what was done is known even if the process dies in the
middle. Between items a cancel is heard.
"""

from __future__ import annotations

import itertools
import operator
import os
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from aivp_contract.values import Json

from . import records, requests
from .errors import Bug, Canceled, ProviderError
from .kind import Kind
from .link import Answer, Encoded, Parts, Result, ServedSession
from .provider import Provider, error_form
from .requests import Item, Refusal

MAJOR, MINOR = 1, 0

TOGETHER = {"observe_many": 1000, "apply_many": 100}
"""Items that a kind gets at once: a listing is worth many looks, an effect is not to be stopped in the middle."""

_WORTH_ANOTHER_TRY = frozenset({"temporary", "rate_limited"})


class Server:
    """Turns messages into calls of a provider, one at a time."""

    def __init__(self, provider: Provider, session: ServedSession) -> None:
        self.provider = provider
        self.session = session
        self.stops = session.stops
        self.effects: Optional[Path] = None
        self._is_open = False
        self._methods: Mapping[str, Callable[[Dict[str, Any]], Result]] = {
            "initialize": self._initialize,
            "observe": self._observe,
            "apply": self._apply,
            "list": self._list,
            "upgrade": self._upgrade,
            "shutdown": self._shutdown,
        }

    def take(self, message: Dict[str, Any]) -> None:
        """Answer a request; act upon a notification that concerns us."""
        if "id" not in message:
            if message.get("method") == "forget":
                self._forget(message.get("params"))
            return
        number = message["id"]
        answer: Dict[str, Json] = {"jsonrpc": "2.0", "id": number if type(number) is int else None}
        try:
            answer["result"] = self._result(message)
        except Refusal as refusal:
            answer["error"] = refusal.form
        except ProviderError as error:  # from the configuration, or from a listing: nothing of it can be had
            form = error_form(error, self.session.redacted)
            answer["error"] = {"code": 2, "message": form["message"], "data": form}
        except Exception as error:  # noqa: BLE001  # a process boundary: a bug is an answer, and its text may be a secret
            answer["error"] = {"code": -32603, "message": Bug.of(error).message}
        if isinstance(answer.get("result"), Encoded):
            self.session.answer(number, answer["result"])
        else:
            self.session.send(answer)

    def _result(self, message: Dict[str, Any]) -> Result:
        method, params = message.get("method"), message.get("params")
        if type(message["id"]) is not int or not isinstance(method, str):
            raise Refusal(-32600, "no request: its id is an integer, its method a text")
        self.session.request = message["id"]
        handle = self._methods.get(method)
        if handle is None:
            raise Refusal(-32601, f"no method {method[:40]}")
        if self._is_open == (method == "initialize"):
            raise Refusal(-32600, "initialize comes first, and once; after shutdown comes nothing")
        if not isinstance(params, dict):
            raise Refusal(-32602, "the parameters are no object")
        return handle(params)

    def _initialize(self, params: Dict[str, Any]) -> Dict[str, Json]:
        protocol, directory = params.get("protocol"), params.get("directory")
        if not isinstance(protocol, dict) or type(protocol.get("major")) is not int:
            raise Refusal(-32602, "initialize without a protocol version")
        if protocol["major"] != MAJOR:
            raise Refusal(1, "unsupported protocol", {"majors": [MAJOR]})
        if type(directory) is not str or not os.path.isabs(directory):
            raise Refusal(-32602, "initialize without a directory")
        if isinstance(params.get("capabilities"), dict):
            self.session.capabilities = params["capabilities"]
        self.session.directory = Path(directory)
        self.session.configure(self.provider.configuration, self._configuration(params))
        self.effects, self._is_open = Path(directory) / "effects", True
        kinds = {name: kind.schema_version for name, kind in sorted(self.provider.kinds.items())}
        return {
            "protocol": {"major": MAJOR, "minor": MINOR},
            "provider": {"name": self.provider.name, "version": self.provider.version},
            "kinds": kinds,
            "capabilities": {"cancel": True, "list": self._has("list"), "upgrade": self._has("upgrade")},
        }

    def _configuration(self, params: Dict[str, Any]) -> Mapping[str, Json]:
        found = params.get("configuration") or {}
        if not isinstance(found, dict):
            raise Refusal(-32602, "the configuration is no object")
        known = self.provider.manifest().get("configuration", {}).get("properties", {})
        unknown = sorted(set(found) - set(known))
        if unknown and self.provider.configuration is not None:
            raise Refusal(-32602, f"{unknown[0][:100]} is no field of the configuration")
        return found

    def _has(self, method: str) -> bool:
        """True where some kind has its own way of it."""
        return any(getattr(type(kind), method) is not getattr(Kind, method) for kind in self.provider.kinds.values())

    def _shutdown(self, params: Dict[str, Any]) -> Dict[str, Json]:
        self._is_open, self._methods = False, {**self._methods, "initialize": self._refuse}
        return {}

    def _refuse(self, params: Dict[str, Any]) -> Dict[str, Json]:
        raise Refusal(-32600, "after shutdown comes nothing")

    def _observe(self, params: Dict[str, Any]) -> Result:
        items = requests.to_observe(self.provider.described, params)
        self.session.key = ""
        return self._answers(items, "observe_many", lambda group: self.provider.observe(group, self.session))

    def _apply(self, params: Dict[str, Any]) -> Result:
        arrived = time.monotonic()
        items, key = requests.to_apply(self.provider.described, params), params["key"]
        deadline = requests.deadline_of(params)
        assert self.effects is not None
        assert self.session.shim is not None
        folder = self.session.shim.folder = self.effects / _run(key)
        records.wait(folder)

        def act(group: Sequence[Item]) -> List[Answer]:
            self.session.key = f"{key}/{group[0]['id']}"
            self.session.timeout = None if deadline is None else max(arrived + deadline - time.monotonic(), 0.1)
            self.session.effects = []
            answers = self.provider.apply(group, self.session)
            if any(answer.get("error", {}).get("class") in _WORTH_ANOTHER_TRY for answer in answers):
                for effect in self.session.effects:  # asked again under the same key, the commands run again
                    records.forget(folder / effect)
            return answers

        try:
            return self._answers(items, "apply_many", act)
        finally:
            self.session.key, self.session.timeout, self.session.secrets = "", None, []

    def _answers(self, items: Sequence[Item], batched: str, handle: Callable[[Sequence[Item]], List[Answer]]) -> Result:
        """Answers in order; all but the last part of them leave at once. Between groups a cancel is heard."""
        parts = Parts(self.session)
        for group in self._groups(items, batched):
            self.session.item = group[0]["id"] if len(group) == 1 else ""
            if self.stops.covers(self.session.request):
                parts.add([{"id": item["id"], "error": error_form(Canceled())} for item in group])
            else:
                parts.add(handle(group))
        self.session.item = ""
        return parts.result()

    def _groups(self, items: Sequence[Item], batched: str) -> List[List[Item]]:
        """Neighbours of a kind that has a way of its own with many, or acts side by side, stay together; all others go
        one by one.

        No more than TOGETHER, so that a cancel is heard in between; a transaction is never cut.
        """
        groups: List[List[Item]] = []
        for name, neighbours in itertools.groupby(items, operator.itemgetter("kind")):
            most = self._together(name, batched)
            same = list(neighbours)
            groups += (same[start : start + most] for start in range(0, len(same), most))
        return groups

    def _together(self, name: str, batched: str) -> int:
        """Items of a kind that it gets at once."""
        kind = self.provider.kinds[name]
        is_abreast = batched == "apply_many" and kind.at_once > 1
        if getattr(type(kind), batched) is getattr(Kind, batched) and not is_abreast:
            return 1
        return requests.MOST if self.provider.described[name].transaction else TOGETHER[batched]

    def _list(self, params: Dict[str, Any]) -> Result:
        parts = Parts(self.session)
        kind, within = requests.kind_of(self.provider.described, params), params.get("within", {})
        if not isinstance(within, dict):
            raise Refusal(-32602, "within is no object")
        parts.add(self.provider.list(kind, within, self.session))
        return parts.result()

    def _upgrade(self, params: Dict[str, Any]) -> Result:
        parts = Parts(self.session)
        for item in requests.to_upgrade(self.provider.described, params):
            parts.add([self._upgraded(item)])
        return parts.result()

    def _upgraded(self, item: Item) -> Answer:
        try:
            attributes = self.provider.upgrade(item["kind"], item["version"], item["attributes"])
        except ProviderError as error:
            return {"id": item["id"], "error": error_form(error)}
        except Exception as error:  # noqa: BLE001  # the author's code: a bug in one item is none of the others
            return {"id": item["id"], "error": error_form(Bug.of(error))}
        return {"id": item["id"], "attributes": attributes}

    def _forget(self, params: Json) -> None:
        prefix = params.get("prefix") if isinstance(params, dict) else None
        if isinstance(prefix, str) and prefix and self.effects is not None:
            records.forget(self.effects / _run(prefix))


def _run(key: str) -> str:
    """The part of a key that all keys of a run share, as the name of a folder."""
    name = key.partition("/")[0]
    return "".join(char if char.isalnum() else "-" for char in name)[:100] or "-"
