"""A third-party provider's answers held against protocol, manifest and request, before anything acts on them.

One walk over each: what comes out is what goes on to the engine, without a member that nobody knows and without the
secrets of the request.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from aivp_contract.manifest import Kind, Manifest
from aivp_contract.observation import read_members, read_observation
from aivp_contract.values import Json, Secret, Unknown, Verdict, contains, replace

from . import fields
from .faults import Broken, Refused, item_error, quoted
from .question import Question

OUTSIDE = 2
"""The code of a request that failed for a reason outside of the provider; its `data` is the error of an item."""

Free = Callable[[str], str]
"""Takes out of a text what must not leave."""

Read = Callable[[Question, Dict[str, Any]], Dict[str, Json]]
"""An answer without an error → what goes on. Raises Broken where it is none to this question."""


def result(message: Mapping[str, Any]) -> Dict[str, Any]:
    """The result of an answer. Raises Refused or Broken."""
    if "error" in message:
        error = message["error"]
        if not isinstance(error, dict) or type(error.get("message")) is not str or type(error.get("code")) is not int:
            raise Broken("an error that is none")
        if error["code"] == OUTSIDE and isinstance(error.get("data"), dict):
            data = item_error(error["data"])
            raise Refused(str(data["message"]), data)
        raise Refused(f"{error['message']} (error {error['code']})")
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
    if type(major) is not int or major != 1:
        raise Broken(f"it speaks version {quoted(major)} of the protocol, and was asked for 1")
    if said != (manifest.name, manifest.version):
        raise Broken(f"it is {' '.join(map(quoted, said))}, not {manifest.name} {manifest.version}")
    if kinds != {name: kind.schema_version for name, kind in manifest.kinds.items()}:
        raise Broken("it serves other kinds, or versions of them, than its manifest says")
    if not isinstance(capabilities, dict):
        raise Broken("its capabilities are no object")
    return capabilities


def in_order(asked: Sequence[Question], found: Mapping[str, Any], read: Read) -> List[Dict[str, Json]]:
    """One answer for each item, in order, each checked and clean."""
    given = items(found)
    for question, answer in zip(asked, given):
        if answer.get("id") != question.item["id"]:
            raise Broken(f"it answered for {quoted(answer.get('id'))} where {question.id} was asked about")
    if len(given) != len(asked):
        raise Broken(f"it answered for {len(given)} of {len(asked)} items")
    return [
        {"id": answer["id"], "error": item_error(answer["error"])} if "error" in answer else read(question, answer)
        for question, answer in zip(asked, given)
    ]


def observed(asked: Question, answer: Dict[str, Any]) -> Dict[str, Json]:
    """An answer to `observe`: only fields of the schema, and no value where a verdict is due."""
    try:
        seen = read_members(answer["observation"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Broken(f"an observation of {asked.id} that is none: {error}") from None
    kind = asked.kind
    real: Dict[str, Json] = seen.setdefault("observed", None) or {}
    if real:
        fields.check(kind, real, "observed", asked)
    if "normalised" in seen:
        fields.check(kind, seen["normalised"], "normalised", asked, may_be_secret=True)
    if "computed" in seen:
        fields.check(kind, seen["computed"], "computed", asked)
        fields.check_computed(kind, seen["computed"], "computed", asked)
    if kind.assigned and seen["observed"] is not None:
        _same_ids(asked, real)
    if "replace" in seen:
        if not all(type(name) is str and name in kind.fields for name in seen["replace"]):
            raise Broken(f"replace of {asked.id} names what {kind.name} does not have")
        seen["replace"].sort()
    if asked.redaction is None:
        return {"id": answer["id"], "observation": seen}
    for name in sorted((asked.redaction.hidden | asked.redaction.tainted) & set(real)):
        verdict = _verdict(asked.redaction.plain.get(name), real[name])
        if verdict is None:
            raise Broken(f"it shows {name} of {asked.id}, where a verdict is due")
        real[name] = verdict
    form = asked.redaction.mask(read_observation(seen)).form()
    if "normalised" in form:
        form["normalised"] = replace(form["normalised"], (Secret,), lambda secret: Secret(secret.origin))
    return {"id": answer["id"], "observation": form}


def applied(asked: Question, answer: Dict[str, Any]) -> Dict[str, Json]:
    """An answer to `apply`: outputs are computed fields."""
    outputs = answer.get("outputs")
    if not isinstance(outputs, dict):
        raise Broken(f"neither outputs nor an error for {asked.id}")
    fields.check(asked.kind, outputs, "outputs", asked)
    fields.check_computed(asked.kind, outputs, "outputs", asked)
    if unknown := sorted(name for name, value in outputs.items() if contains(value, (Unknown,))):
        raise Broken(f"outputs of {asked.id} leave {unknown[0]} unknown")
    clean = outputs if asked.redaction is None else asked.redaction.fields(outputs)
    found: Dict[str, Json] = {"id": answer["id"], "outputs": clean}
    if answer.get("absorbs_refresh") is True:
        found["absorbs_refresh"] = True
    return found


def upgraded(asked: Question, answer: Dict[str, Any]) -> Dict[str, Json]:
    """One answer to `upgrade`."""
    if not isinstance(answer.get("attributes"), dict):
        raise Broken(f"neither attributes nor an error for {asked.id}")
    fields.admit_value(answer["attributes"], f"attributes of {asked.id}", may_be_secret=True)
    return {"id": answer["id"], "attributes": answer["attributes"]}


def listed(kind: Kind, found: Mapping[str, Any], free: Free) -> List[Dict[str, Json]]:
    """The items of an answer to `list`, their texts as `free` lets them go."""
    return [_listed(kind, item, free) for item in items(found)]


def _listed(kind: Kind, item: Dict[str, Any], free: Free) -> Dict[str, Json]:
    known: Dict[str, Json] = {"id": item.get("id")}
    if type(known["id"]) is not str:
        raise Broken("an item of a list without id")
    asked = Question(known, kind, None)
    for member in ("identity", "attributes"):
        if not isinstance(item.get(member), dict):
            raise Broken(f"an item of a list without {member}")
        fields.check(kind, item[member], member, asked)
        known[member] = {name: _freed(value, free) for name, value in item[member].items()}
    hidden = sorted(n for n in item["attributes"] if kind.fields[n].computed or kind.fields[n].sensitive)
    if hidden:
        raise Broken(f"a listed item shows {hidden[0]}, which nobody declares")
    for member in ("name", "note"):
        if type(item.get(member)) is str:
            known[member] = free(item[member])
    return known


def _freed(found: Json, free: Free) -> Json:
    if type(found) is str:
        return free(found)
    if type(found) is dict:
        return {free(key): _freed(item, free) for key, item in found.items()}
    return [_freed(item, free) for item in found] if type(found) is list else found


def _same_ids(asked: Question, real: Mapping[str, Json]) -> None:
    """A thing whose identity the provider assigns is seen by the one that was asked for, and by no other."""
    identity = asked.item.get("identity") or {}
    for name in sorted(asked.kind.assigned):
        if name not in identity:
            raise Broken(f"it sees {asked.id}, to which it has not assigned {name} yet")
        if real.get(name) != identity[name]:
            raise Broken(f"{name} of {asked.id} is not the one that was asked for")


def _verdict(wanted: Json, value: Json) -> Optional[Verdict]:
    """The verdict on a whole field; None where `value` holds none and shows what it must not."""
    if isinstance(value, Verdict):
        return value
    if type(value) in (list, dict) and contains(value, (Verdict,)):
        return Verdict(_agrees(wanted, value))
    return None


def _agrees(wanted: Json, value: Json) -> Optional[bool]:
    """True where all verdicts inside match and all else is as wanted; None where nobody can say."""
    if isinstance(value, Verdict):
        return value.matches
    if type(value) is not type(wanted) or type(value) not in (list, dict):
        return bool(type(value) is type(wanted) and value == wanted)
    if type(value) is dict:
        keys = sorted(set(value) | set(wanted))
        found = [_agrees(wanted.get(key), value.get(key)) for key in keys]
    else:
        found = [_agrees(one, other) for one, other in zip(wanted, value)] + [len(wanted) == len(value)]
    return False if False in found else None if None in found else True
