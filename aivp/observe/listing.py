"""A kind and a host → what exists there, each answer held to the manifest before anyone declares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from aivp_contract import canonical
from aivp_contract.manifest import Kind
from aivp_contract.normal import NotNormal, normal
from aivp_contract.values import Json, Tagged, contains

from aivp.config.scalars import BadScalar, plain
from aivp.diagnostics import Diagnostic, Refused
from aivp.diagnostics.diagnostic import refusal
from aivp.hosts.greeting import Owner, greet
from aivp.hosts.refusals import refused
from aivp.hosts.session import Refusal
from aivp.hosts.sessions import Sessions
from aivp.model.discovered import Discovered
from aivp.model.resource import Host
from aivp.plugins.validate import Validator

MOST = 100_000
"""Things in one list."""


def narrowed(kind: Kind, given: Mapping[str, str]) -> dict[str, Json]:
    """`within` of the request, from what a person wrote. Raises Refused where the kind is never listed, or not so."""
    if kind.existence == "recorded":
        why = f"Nothing on a host is a {kind.name}: that one was applied is known from state alone."
        raise refusal("AIVP0909", why, "Write its declaration by hand.")
    found: dict[str, Json] = {}
    for name, text in given.items():
        if name not in kind.narrowing:
            takes = ", ".join(sorted(kind.narrowing))
            why = f"A list of {kind.name} is not narrowed by {name}."
            raise refusal("AIVP0910", why, f"It takes: {takes}." if takes else "It takes nothing.")
        found[name] = _value(kind, name, text)
    for name in (kind.within or {}).get("required", ()):
        if name not in found:
            option = f"--{name}" if name == "under" else f"--where {name}=…"
            why = f"To list {kind.name}, aivp must be told {name}: {_description(kind, name)}"
            raise refusal("AIVP0910", why, f"Such as: aivp discover {kind.name}@HOST {option} …")
    if kind.within is not None:
        for wrong in Validator().check(replace(kind, name=f"a list of {kind.name}", schema=kind.within), found):
            raise refusal("AIVP0910", f"{'.'.join(map(str, wrong.path))}: {wrong.message}")
    try:
        return normal(kind.narrowing, found)
    except NotNormal as error:
        raise refusal("AIVP0910", f"{error}.") from None


def listed(kind: Kind, host: Host, within: Mapping[str, Json], owner: Owner, sessions: Sessions) -> list[Discovered]:
    """Everything of `kind` on `host`, in the order of its identity. Changes nothing. Raises Refused."""
    try:
        with sessions.visit(host) as session:
            greet(session, owner, sessions.archive.kinds)
            sessions.equip(session, [kind.name])
            params = {"kind": kind.name, "within": dict(within)}
            items = session.gather("list", params, "items", by="listed", most=MOST)
    except Refusal as refusal_:
        if refusal_.code != "unlisted":
            raise refused(refusal_) from None
        why = f"{kind.name} on {host.name} cannot be listed: {str(refusal_.details.get('why', ''))[:400]}."
        raise refusal("AIVP0909", why, str(refusal_.details.get("mend", ""))[:400]) from None
    try:
        return [_audited(kind, item) for item in items]
    except (KeyError, TypeError, ValueError) as error:
        why = f"The provider {kind.provider} broke its contract on {host.name}: a listed {kind.name} with {error}."
        raise Refused((Diagnostic("AIVP0612", why, "This is a bug of that provider."),)) from None


def _audited(kind: Kind, item: Json) -> Discovered:
    """Raises KeyError, TypeError or ValueError for what is no listed thing of `kind`."""
    identity, attributes = dict(item["identity"]), dict(item["attributes"])
    for fields in (identity, attributes):
        canonical.admit(fields)
        if contains(fields, (Tagged,)):
            raise ValueError("a value that no declaration could hold")
    if set(identity) != set(kind.identity):
        raise ValueError("an identity of other fields")
    for name in attributes:
        meaning = kind.fields.get(name)
        if meaning is None or meaning.computed or meaning.sensitive:
            raise ValueError(f"{name[:100]}, which nobody declares")
    for name in ("name", "note"):
        if type(item.get(name, "")) is not str:
            raise ValueError(f"a {name} that is no text")
    return Discovered(identity, attributes, item.get("name", "")[:200], item.get("note", "")[:1000])


def _value(kind: Kind, name: str, text: str) -> Json:
    """A value from the command line: text where the schema asks for text, else as YAML would read it."""
    schema = (kind.within or {})["properties"][name]
    if schema.get("type") == "string" or "enum" in schema:
        value: Json = text
    else:
        try:
            value = plain(text)
        except BadScalar as error:
            raise refusal("AIVP0910", f"{name}: {error.why}", error.mend) from None
    is_fit = {"boolean": bool, "integer": int, "string": str}.get(str(schema.get("type")), type(value))
    if type(value) is not is_fit or value not in schema.get("enum", [value]):
        wanted = ", ".join(map(str, schema["enum"])) if "enum" in schema else schema["type"]
        raise refusal("AIVP0910", f"{name} is {text[:100]}, and must be {wanted}.")
    return value


def _description(kind: Kind, name: str) -> str:
    text = (kind.within or {})["properties"][name].get("description", "")
    return f"{text[:1].lower()}{text[1:]}"
