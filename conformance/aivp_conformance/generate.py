"""Declarations drawn from a kind's schema: values of each field, within semantics, bounds and rules.

The schema language of manifests is small and closed, and semantics are not JSON Schema; so strategies of our own.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .manifest import Field, Kind
from .patterns import python

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

# As text is in the world: empty, spaced, quoted, of many scripts, composed and decomposed, from right to left.
TEXTS = (
    "",
    " ",
    "a b",
    "line\nline\n",
    "\ttab",
    "'\"\\",
    "ü",
    "u\u0308",
    "漢字",
    "🎈",
    "\u202eabc",
    "$HOME",
    "-n",
    "{dir}",
    "a,b",
    "#",
    "null",
)


def smallest(kind: Kind, path: str) -> dict[str, Any]:
    """A declaration with nothing but identity and required fields, of simple values."""
    names = {*kind.identity, *kind.form["schema"].get("required", ())}
    return {name: simple(kind.fields[name], path) for name in sorted(names) if not kind.fields[name].has("computed")}


def simple(meaning: Field, path: str) -> Any:
    """A plain value of a field, as like as not one that it admits."""
    schema = meaning.schema
    for word in ("const", "default"):
        if word in schema:
            return schema[word]
    for word in ("examples", "enum"):
        if schema.get(word):
            return schema[word][0]
    if "anyOf" in schema:
        return simple(Field(schema["anyOf"][0]), path)
    semantic = meaning.words.get("semantic")
    if semantic in ("path", "mode"):
        return path if semantic == "path" else "0644"
    kind = meaning.types[0] if meaning.types else "string"
    if kind in ("integer", "number"):
        return schema.get("minimum", min(1, schema.get("maximum", 1)))
    if kind == "array":
        return [simple(meaning.items, path) for _ in range(schema.get("minItems", 0))]
    if kind == "object":
        return {name: simple(meaning.fields[name], path) for name in schema.get("required", ())}
    if kind == "string" and "pattern" in schema:
        from hypothesis import HealthCheck, find, settings, strategies

        quiet = settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
        drawn = strategies.from_regex(python(schema["pattern"]))
        return find(drawn, lambda _: True, settings=quiet, random=random.Random(0))
    return {"boolean": True, "null": None}.get(kind, "x" * max(1, schema.get("minLength", 1)))


def varied(kind: Kind, fixed: Mapping[str, Any], left_out: frozenset[str]) -> SearchStrategy[dict[str, Any]]:
    """Declarations with the `fixed` values, and any values for any of the other fields but those `left_out`."""
    from hypothesis import strategies as st

    optional = {n: values(m) for n, m in sorted(kind.fields.items()) if n not in fixed and n not in left_out}
    required = {n: optional.pop(n) for n in kind.form["schema"].get("required", ()) if n in optional}
    drawn = st.fixed_dictionaries(required, optional=optional)
    return drawn.map(lambda found: {**fixed, **found}).filter(lambda found: keeps_rules(kind, found))


def values(meaning: Field) -> SearchStrategy[Any]:
    """Values of one field."""
    from hypothesis import strategies as st

    schema = meaning.schema
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([values(Field(inner)) for inner in schema["anyOf"]])
    if meaning.words.get("semantic") == "mode":
        return st.integers(0, 0o777).map(lambda bits: f"{bits:04o}")
    return st.one_of([of_type(meaning, name) for name in meaning.types or ("string", "integer", "boolean")])


def of_type(meaning: Field, name: str) -> SearchStrategy[Any]:
    """Values of one JSON type."""
    from hypothesis import strategies as st

    schema = meaning.schema
    low, high = schema.get("minimum", -(2**53) + 1), schema.get("maximum", 2**53 - 1)
    if meaning.words.get("semantic") in ("quantity", "duration"):
        low = max(low, 0)
    if name == "array":
        drawn = st.lists(values(meaning.items), min_size=schema.get("minItems", 0), max_size=schema.get("maxItems", 6))
        key = meaning.words.get("key")
        return drawn if key is None else drawn.filter(lambda found: len({str(e[key]) for e in found}) == len(found))
    if name == "object":
        fields = {inner: values(field) for inner, field in meaning.fields.items()}
        required = {inner: fields.pop(inner) for inner in schema.get("required", ())}
        if fields or required:
            return st.fixed_dictionaries(required, optional=fields)
        inner = schema.get("additionalProperties")
        return st.dictionaries(
            texts({"minLength": 1}), values(Field(inner if isinstance(inner, dict) else {"type": "string"})), max_size=4
        )
    if name == "number":
        bounds = {"min_value": max(low, -(10**14)), "max_value": min(high, 10**14)}
        return st.floats(**bounds).map(lambda n: round(n, 3)).map(lambda n: int(n) if n == int(n) else n)
    if name == "integer":
        return st.integers(int(low), int(high))
    return {"boolean": st.booleans(), "null": st.none()}[name] if name in ("boolean", "null") else texts(schema)


def texts(schema: Mapping[str, Any]) -> SearchStrategy[str]:
    """Texts within a schema's bounds."""
    from hypothesis import strategies as st

    if "pattern" in schema:
        return st.from_regex(python(schema["pattern"])).filter(lambda t: fits(t, schema) and is_sendable(t))
    any_text = st.text(st.characters(codec="utf-8"), max_size=min(60, schema.get("maxLength", 60)))
    return st.one_of(st.sampled_from(TEXTS), any_text).filter(lambda text: fits(text, schema))


def fits(text: str, schema: Mapping[str, Any]) -> bool:
    """Is it as long as the schema wants it?"""
    return bool(schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", 1 << 30))


def is_sendable(text: str) -> bool:
    """Has it no lone surrogates?"""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def keeps_rules(kind: Kind, config: Mapping[str, Any]) -> bool:
    """Do the conditions between fields hold?"""
    declared = {name for name, value in config.items() if value is not None}
    for rule in kind.form.get("rules", []):
        values_of = {name: config.get(name, kind.fields[name].schema.get("default")) for name in rule.get("when", {})}
        if any(values_of[name] not in admitted for name, admitted in rule.get("when", {}).items()):
            continue
        some = [len(declared & set(rule.get(word, ()))) for word in ("at_most_one", "at_least_one")]
        if not set(rule.get("required", ())) <= declared or declared & set(rule.get("forbidden", ())):
            return False
        if some[0] > 1 or ("at_least_one" in rule and some[1] < 1):
            return False
    return True
