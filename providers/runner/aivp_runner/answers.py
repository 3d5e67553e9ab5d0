"""A third-party provider's answers held against protocol, manifest and request, before anything acts on them."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from aivp_contract.canonical import NotCanonical, admit
from aivp_contract.manifest import Kind, Manifest
from aivp_contract.observation import read_observation
from aivp_contract.values import Json, Secret, Unknown, Verdict, contains
from aivp_sdk.redaction import Redaction, without

CLASSES = frozenset({"permanent", "temporary", "rate_limited", "canceled", "interrupted"})

OUTSIDE = 2
"""The error code of a request that failed for a reason outside the provider, which says what."""

ERROR = ("class", "message", "path", "mend", "delay_ms")
"""Members of an error that go on to the engine."""

Item = Mapping[str, Json]
Check = Callable[[Item, Dict[str, Any]], None]
"""Raises Broken where an answer without an error is not one to this item."""

OUTSIDE = 2
"""The code of a request that failed for a reason outside of the provider; its `data` is the error of an item."""

SHOWN = 200


class Broken(Exception):
    """The provider broke its contract; the message says how, and names the field."""


class Refused(Exception):
    """The provider refused a whole request. `error` is what each item of it is answered with; `mend` its own advice."""

    def __init__(self, message: str, error: Optional[Mapping[str, Json]] = None) -> None:
        super().__init__(message)
        self.is_outside = error is not None
        """True where the reason lies outside of the provider, such as in its configuration."""
        self.error: Mapping[str, Json] = error or {"class": "permanent", "message": message}

    @property
    def mend(self) -> Optional[str]:
        found = self.error.get("mend")
        return found[:SHOWN] if type(found) is str else None


def result(message: Mapping[str, Any]) -> Dict[str, Any]:
    """The result of an answer. Raises Refused or Broken."""
    if "error" in message:
        error = message["error"]
        if not isinstance(error, dict) or type(error.get("message")) is not str or type(error.get("code")) is not int:
            raise Broken("an error that is none")
        if error["code"] == OUTSIDE and isinstance(error.get("data"), dict):
            _error(error["data"])
            raise Refused(error["data"]["message"], error["data"])
        raise Refused(f"{error['message'][:SHOWN]} (error {error['code']})")
    found = message.get("result")
    if not isinstance(found, dict):
        raise Broken("an answer without a result")
    return found


def items(holder: Mapping[str, Any]) -> List[Any]:
    """The list of items in a result or a notification."""
    found = holder.get("items")
    if not isinstance(found, list) or any(type(item) is not dict for item in found):
        raise Broken("items that are no list of objects")
    return found


def handshake(manifest: Manifest, found: Mapping[str, Any]) -> Mapping[str, Json]:
    """The capabilities of the program, which must be the one that the manifest describes."""
    try:
        major, program, kinds = found["protocol"]["major"], found["provider"], found["kinds"]
        said = (program["name"], program["version"])
        capabilities = found["capabilities"]
    except (KeyError, TypeError):
        raise Broken("its answer to initialize is not of the protocol") from None
    if major != 1:
        raise Broken(f"it speaks version {str(major)[:20]} of the protocol, and was asked for 1")
    if said != (manifest.name, manifest.version):
        raise Broken(f"it is {' '.join(str(part)[:40] for part in said)}, not {manifest.name} {manifest.version}")
    if kinds != {name: kind.schema_version for name, kind in manifest.kinds.items()}:
        raise Broken("it serves other kinds, or versions of them, than its manifest says")
    if not isinstance(capabilities, dict):
        raise Broken("its capabilities are no object")
    return capabilities


def in_order(asked: Sequence[Item], found: Mapping[str, Any], check: Check) -> List[Dict[str, Any]]:
    """One answer for each item, in order, each checked."""
    given = items(found)
    for item, answer in zip(asked, given):
        if answer.get("id") != item["id"]:
            raise Broken(f"it answered for {str(answer.get('id'))[:SHOWN]} where {item['id']} was asked about")
    if len(given) != len(asked):
        raise Broken(f"it answered for {len(given)} of {len(asked)} items")
    for item, answer in zip(asked, given):
        if "error" in answer:
            _error(answer["error"])
        else:
            check(item, answer)
    return given


def observed(kinds: Mapping[str, Kind]) -> Check:
    """Checks answers to `observe`: only fields of the schema, and no value where a verdict is due."""

    def check(item: Item, answer: Dict[str, Any]) -> None:
        kind = kinds[item["kind"]]
        try:
            seen = read_observation(answer["observation"])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise Broken(f"an observation of {item['id']} that is none: {error}") from None
        for member in ("observed", "normalised", "computed"):
            _fields(kind, f"{member} of {item['id']}", getattr(seen, member) or {})
        if strangers := sorted(set(seen.computed) - kind.computed):
            raise Broken(f"computed of {item['id']} holds {strangers[0]}, which is not computed")
        if seen.observed is not None and kind.assigned:
            identity = item.get("identity") or {}
            for name in sorted(kind.assigned):
                if name not in identity:
                    raise Broken(f"it sees {item['id']}, to which it has not assigned {name} yet")
                if seen.observed.get(name) != identity[name]:
                    raise Broken(f"{name} of {item['id']} is not the one that was asked for")
        redaction = Redaction(kind, item)
        for name in sorted((redaction.hidden | redaction.tainted) & set(seen.observed or {})):
            if not isinstance((seen.observed or {})[name], Verdict):
                raise Broken(f"it shows {name} of {item['id']}, where a verdict is due")
        if contains(dict(seen.observed or {}), (Secret,)) or contains(dict(seen.computed), (Secret,)):
            raise Broken(f"a secret in the observation of {item['id']}")

    return check


def applied(kinds: Mapping[str, Kind]) -> Check:
    """Checks answers to `apply`: outputs are computed fields."""

    def check(item: Item, answer: Dict[str, Any]) -> None:
        outputs, kind = answer.get("outputs"), kinds[item["kind"]]
        if not isinstance(outputs, dict):
            raise Broken(f"neither outputs nor an error for {item['id']}")
        _fields(kind, f"outputs of {item['id']}", outputs)
        if strangers := sorted(set(outputs) - kind.computed):
            raise Broken(f"outputs of {item['id']} holds {strangers[0]}, which is not computed")
        if unknown := sorted(name for name, value in outputs.items() if contains(value, (Unknown,))):
            raise Broken(f"outputs of {item['id']} leave {unknown[0]} unknown")

    return check


def upgraded(item: Item, answer: Dict[str, Any]) -> None:
    """Checks one answer to `upgrade`."""
    if not isinstance(answer.get("attributes"), dict):
        raise Broken(f"neither attributes nor an error for {item['id']}")


def listed(kind: Kind, found: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """The items of an answer to `list`."""
    for item in items(found):
        for member in ("identity", "attributes"):
            if not isinstance(item.get(member), dict):
                raise Broken(f"an item of a list without {member}")
            _fields(kind, f"{member} of a listed item", item[member])
        hidden = sorted(n for n in item["attributes"] if kind.fields[n].computed or kind.fields[n].sensitive)
        if hidden:
            raise Broken(f"a listed item shows {hidden[0]}, which nobody declares")
    return items(found)


def cleaned(answer: Mapping[str, Any], redaction: Redaction) -> Dict[str, Any]:
    """The answer without any secret of its request."""
    found = dict(answer)
    if "error" in found:
        known = {name: found["error"][name] for name in ERROR if found["error"].get(name) is not None}
        found["error"] = {k: redaction.redact(v)[:4000] if type(v) is str else v for k, v in known.items()}
    if "observation" in found:
        found["observation"] = redaction.mask(read_observation(found["observation"])).form()
    if "outputs" in found:
        found["outputs"] = redaction.clean(found["outputs"])
    return found


def freed(found: Any, secrets: Sequence[str]) -> Any:
    """`found` without these secrets in its texts."""
    if type(found) is str:
        return without(found, secrets)
    if type(found) is dict:
        return {key: freed(item, secrets) for key, item in found.items()}
    return [freed(item, secrets) for item in found] if type(found) is list else found


def _fields(kind: Kind, where: str, fields: Mapping[str, Json]) -> None:
    if strangers := sorted(set(fields) - set(kind.fields)):
        raise Broken(f"{where} holds {strangers[0][:SHOWN]}, which {kind.name} does not have")
    try:
        admit(dict(fields))
    except (NotCanonical, RecursionError) as error:
        raise Broken(f"{where}: {error}") from None


def _error(error: Json) -> None:
    if not isinstance(error, dict) or type(error.get("message")) is not str or not error["message"]:
        raise Broken("an error without a message")
    if error.get("class") not in CLASSES:
        raise Broken(f"the error class {str(error.get('class'))[:40]}, which the protocol does not have")
    if error.get("path") is not None and type(error["path"]) is not str:
        raise Broken("an error whose path is no text")
    delay = error.get("delay_ms", 0)
    if type(delay) is not int or delay < 0:
        raise Broken("an error with a delay that is none")
