"""Is a request of the protocol's form? Looked at whole, before anything of it is done."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional

from aivp_contract.manifest import Kind
from aivp_contract.observation import read_observation
from aivp_contract.values import Json

ACTIONS = ("create", "update", "delete", "refresh")
MOST = 10_000
"""Items of a request."""

_FORMS = (("prior", dict), ("identity", dict), ("tainted", list))

Item = Mapping[str, Json]
Kinds = Mapping[str, Kind]


class Refusal(Exception):
    """A request that is not answered with a result; `form` is the JSON-RPC error."""

    def __init__(self, code: int, message: str, data: Optional[Dict[str, Json]] = None) -> None:
        super().__init__(message)
        self.form: Dict[str, Json] = {"code": code, "message": message, **({"data": data} if data else {})}


def to_observe(kinds: Kinds, params: Mapping[str, Any]) -> List[Item]:
    """The items of `observe`. Raises Refusal."""
    return _items(kinds, params, _declared)


def to_apply(kinds: Kinds, params: Mapping[str, Any]) -> List[Item]:
    """The items of `apply`. Raises Refusal."""
    if type(params.get("key")) is not str or not params["key"]:
        raise Refusal(-32602, "apply without a key")
    return _items(kinds, params, _ordered)


def to_upgrade(kinds: Kinds, params: Mapping[str, Any]) -> List[Item]:
    """The items of `upgrade`. Raises Refusal."""
    return _items(kinds, params, _recorded)


def kind_of(kinds: Kinds, params: Mapping[str, Any]) -> str:
    """A kind that is served. Raises Refusal."""
    kind = params.get("kind")
    if type(kind) is not str or kind not in kinds:
        raise Refusal(-32602, f"the kind {str(kind)[:100]} is not served here")
    return kind


def deadline_of(params: Mapping[str, Any]) -> Optional[float]:
    """Seconds from the arrival of the request. Raises Refusal."""
    found = params.get("deadline_ms")
    if found is not None and (type(found) is not int or found < 0):
        raise Refusal(-32602, "deadline_ms is no number of milliseconds")
    return None if found is None else found / 1000


def _items(kinds: Kinds, params: Mapping[str, Any], check: Callable[[Kind, Dict[str, Any]], None]) -> List[Item]:
    items = params.get("items")
    if not isinstance(items, list):
        raise Refusal(-32602, "a request without items")
    if len(items) > MOST:
        raise Refusal(-32602, f"more than {MOST} items")
    for item in items:
        if not isinstance(item, dict) or type(item.get("id")) is not str:
            raise Refusal(-32602, "an item without id")
        check(kinds[kind_of(kinds, item)], item)
    return items


def _declared(kind: Kind, item: Dict[str, Any]) -> None:
    if not isinstance(item.get("config"), dict):
        raise Refusal(-32602, "an item without config")
    if not item["config"].keys() <= kind.fields.keys():
        unknown = min(set(item["config"]) - set(kind.fields))
        raise Refusal(-32602, f"{unknown[:100]} is no field of {kind.name}")
    for name, form in _FORMS:
        if name in item and not isinstance(item[name], form):
            raise Refusal(-32602, f"{name} of an item has another form")


def _ordered(kind: Kind, item: Dict[str, Any]) -> None:
    _declared(kind, item)
    if item.get("action") not in ACTIONS:
        raise Refusal(-32602, "an item without one of the actions")
    try:
        read_observation(item["seen"])
        for change in item.get("changes", ()):
            change["op"], change["path"]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Refusal(-32602, "seen or changes of an item have another form") from None


def _recorded(kind: Kind, item: Dict[str, Any]) -> None:  # noqa: ARG001
    if not isinstance(item.get("attributes"), dict):
        raise Refusal(-32602, "an item without attributes")
    if type(item.get("version")) is not int:
        raise Refusal(-32602, "an item without the version that it is of")
