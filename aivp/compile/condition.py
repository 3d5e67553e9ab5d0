"""`when` → decided, or what remains for facts to decide, in the form that `Resource.when` describes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from aivp_contract.canonical import encode
from aivp_contract.values import Json

from aivp.compile.mistake import Mistake, each
from aivp.compile.scope import Scope
from aivp.compile.syntax import ValuePath, has_reference, parse_path
from aivp.compile.text import substitute
from aivp.model.expression import Fact
from aivp.model.facts import FACTS
from aivp.plugins.wording import show


@dataclass(frozen=True, slots=True)
class Verdict:
    """holds: True, False, or None where facts decide; then `rest` is the condition. `reason` says why it is False."""

    holds: bool | None
    rest: Json = None
    reason: str = ""


TRUE = Verdict(True)

_WHAT = "when is a boolean reference, or a mapping of paths to the values that they must have."
_FORM = "Write a mapping of paths to values, such as when: {host.facts.os.id: debian}."

_COMPARISON = re.compile(
    r"(?:\$\{)?\s*((?:var|values|each|host|environment|project)\.[^\s={}!]{1,100})\s*(==|!=)\s*"
    r"""(?:'([^'{}]{0,100})'|"([^"{}]{0,100})"|([^\s'"{}]{1,100}))\s*\}?"""
)
"""`${path == value}`, as other languages have it, with or without the braces."""

_BARE = re.compile(r"(?!(?:true|false|null|yes|no|on|off)$)[A-Za-z][A-Za-z0-9_.-]*")
"""Text that YAML reads as text without quotes, in any version of it."""


def decide(value: Json, scope: Scope) -> Verdict:
    """The verdict of `when` for one instance. Raises Mistake with its path beneath `when`."""
    match value:
        case True:
            return TRUE
        case False:
            return Verdict(False, reason="when is false")
        case str():
            return _written(value, scope)
        case dict() if value:
            return _every(
                each(lambda name: _member(name, value[name], scope), ((None, name) for name in sorted(value)))
            )
        case _:
            raise Mistake("AIVP0208", _WHAT, _FORM)


def _written(text: str, scope: Scope) -> Verdict:
    """One reference to a truth value; an expression is told the form that it would have here."""
    _refuse_comparison(text)
    if not has_reference(text):
        raise Mistake("AIVP0208", _WHAT, _FORM)
    try:
        return _boolean(text, scope)
    except Mistake as mistake:
        if mistake.code == "AIVP0201":  # nobody means a literal here
            raise Mistake(mistake.code, mistake.why, _FORM) from None
        raise


def _refuse_comparison(text: str) -> None:
    found = _COMPARISON.fullmatch(text)
    if found is None:
        return
    path, sign, single, double, bare = found.groups()
    quoted = single if single is not None else double
    wanted = bare if quoted is None else quoted if _BARE.fullmatch(quoted.lower()) else json.dumps(quoted)
    form = f"{{{path}: {wanted}}}"
    why = f"{text} is an expression, and there are none: a condition is a mapping of paths to values."
    raise Mistake("AIVP0208", why, f"Write when: {f'{{not: {form}}}' if sign == '!=' else form}.")


def both(one: Json, other: Json) -> Json:
    """What remains of two conditions together; None where neither leaves anything."""
    return {"all": [one, other]} if one is not None and other is not None else one if other is None else other


def _boolean(text: str, scope: Scope) -> Verdict:
    found = substitute(text, scope)
    if type(found) is bool:
        return TRUE if found else Verdict(False, reason=f"when: {text} is false")
    if isinstance(found, Fact) and FACTS[".".join(found.path)].type == "boolean":
        return Verdict(None, {"test": found, "any_of": [True]})
    raise Mistake("AIVP0208", f"when: {text} is neither true nor false.", "Compare it: when: {path: value}.")


def _member(name: str, value: Json, scope: Scope) -> Verdict:
    try:
        match name:
            case "all":
                return _every(_list(name, value, scope))
            case "any":
                return _some(_list(name, value, scope))
            case "not":
                return _negated(decide(value, scope))
            case _:
                return _test(parse_path(name), value, scope)
    except Mistake as mistake:
        raise (mistake if name in ("all", "any") else mistake.beneath(name)) from None


def _list(name: str, value: Json, scope: Scope) -> list[Verdict]:
    if type(value) is not list or not value:
        raise Mistake("AIVP0208", f"{name} of a condition is a list of conditions.", "", name)
    try:
        return each(lambda item: decide(item, scope), enumerate(value))
    except Mistake as mistake:
        raise mistake.beneath(name) from None


def _test(path: ValuePath, value: Json, scope: Scope) -> Verdict:
    wanted = substitute(value, scope)
    admitted = wanted if type(wanted) is list else [wanted]
    if not admitted or not all(type(item) in (str, int, bool, float) for item in admitted):
        raise Mistake("AIVP0208", f"{path} is compared with a text, number, true or false, or a list of such values.")
    found = scope.find(path)
    if isinstance(found, Fact):
        return Verdict(None, {"test": found, "any_of": _sorted(_fitting(found, admitted))})
    if path.root == "secret":
        raise Mistake("AIVP0208", "A condition cannot look at a secret.")
    if any(type(item) is type(found) and item == found for item in admitted):
        return TRUE
    return Verdict(False, reason=f"when: {path} is {show(found)}, not {' or '.join(show(item) for item in admitted)}")


def _fitting(fact: Fact, admitted: list[Json]) -> list[Json]:
    name = ".".join(fact.path)
    expected = {"string": str, "integer": int, "boolean": bool}[FACTS[name].type]
    for item in admitted:
        if type(item) is not expected:
            raise Mistake("AIVP0208", f"The fact {name} is of type {FACTS[name].type}, so it is never {show(item)}.")
    return admitted


def _sorted(values: list[Json]) -> list[Json]:
    return sorted(set(values))


def _every(verdicts: list[Verdict]) -> Verdict:
    false = next((item for item in verdicts if item.holds is False), None)
    if false is not None:
        return false
    return _combined("all", [item for item in verdicts if item.holds is None]) or TRUE


def _some(verdicts: list[Verdict]) -> Verdict:
    if any(item.holds for item in verdicts):
        return TRUE
    reasons = "; ".join(item.reason for item in verdicts)
    return _combined("any", [item for item in verdicts if item.holds is None]) or Verdict(False, reason=reasons)


def _combined(word: str, open_ones: list[Verdict]) -> Verdict | None:
    if len(open_ones) < 2:
        return open_ones[0] if open_ones else None
    rest = sorted((item.rest for item in open_ones), key=_canonical)
    return Verdict(None, {word: rest})


def _canonical(rest: Mapping[str, Json]) -> str:
    return encode(rest).decode()


def _negated(verdict: Verdict) -> Verdict:
    if verdict.holds is None:
        return Verdict(None, {"not": verdict.rest})
    return Verdict(False, reason="when: what must not hold does") if verdict.holds else TRUE
