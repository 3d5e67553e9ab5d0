"""Manifests of the first-party providers → the part of each kind's page that says every field, and the list of kinds.

The other parts of such a page are written by hand: what a kind promises, what it does not support, other tools' names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aivp_contract.manifest import Kind
from aivp_contract.values import Json

from docs.site.markdown import code, plain, table

BEGIN = "<!-- written from the manifest by `make docs-update`: do not edit below -->"
_HEAD = """# Kinds

<!-- written from the manifests by `make docs-update`: do not edit -->

What can be declared out of the box. A kind's page says what it promises, what it does not support, and how what you
know from Ansible, Puppet, Terraform or pyinfra is called here. Every field stands at its end. `providers show KIND`
says the fields at a shell, also of kinds that others provide ([write one](../../guides/write-a-provider.md)).

"""
_FOOT = """
The identity is what makes it the same real thing. The phase decides the order where nothing else does: repository,
package, identity, file, service, command.
"""
_WORDS = {
    "immutable": "replaced to change",
    "computed": "known after apply",
    "sensitive": "never shown",
    "write_only": "not read back",
    "guard": "asked while planning",
    "exposed": "takes no secret",
}


def kinds_page(kinds: Mapping[str, Kind]) -> str:
    """docs/reference/kinds/README.md: one line a kind."""
    rows = [
        (f"[{code(name)}]({name}.md)", plain(kind.description), ", ".join(map(code, kind.identity)), kind.phase)
        for name, kind in sorted(kinds.items())
    ]
    return _HEAD + table(("kind", "", "identity", "phase"), rows) + _FOOT


def with_fields(page: str, kind: Kind) -> str:
    """The page of a kind, with what the manifest says at its end in place of what stood there."""
    written, _, _ = page.partition(BEGIN)
    return f"{written.rstrip()}\n\n{BEGIN}\n\n{_fields(kind)}"


def bare_page(kind: Kind) -> str:
    """What a page begins with that nobody has written yet."""
    return f"# {code(kind.name)}\n\n{plain(kind.description)}\n"


def _fields(kind: Kind) -> str:
    facts = [f"Identity: {', '.join(map(code, kind.identity))}. Phase: {kind.phase}. Works on the {kind.placement}."]
    rows = list(_rows(kind.schema, ""))
    return (
        f"## Every field\n\n{' '.join(facts)} A field that takes no secret may be seen by others on the host.\n\n"
        + table(("field", "type", "default", "", "marks"), rows)
    )


def _rows(schema: Mapping[str, Json], before: str) -> Iterator[tuple[str, ...]]:
    for name, field in sorted(schema.get("properties", {}).items()):
        words = field.get("x-aivp", {})
        marks = [*(["required"] if name in schema.get("required", ()) else [])]
        marks += [said for word, said in _WORDS.items() if words.get(word)]
        default = code(_text(field["default"])) if "default" in field else ""
        yield code(before + name), _type(field), default, plain(field.get("description", "")), ", ".join(marks)
        if _inner(field):
            yield from _rows(_inner(field), f"{before}{name}{'[]' if field.get('type') == 'array' else ''}.")


def _inner(field: Mapping[str, Json]) -> Mapping[str, Json]:
    """The object whose members stand beneath a field, or nothing."""
    candidates = [field, field.get("items", {}), *field.get("anyOf", ()), *field.get("oneOf", ())]
    return next((found for found in candidates if isinstance(found, Mapping) and found.get("properties")), {})


def _type(field: Mapping[str, Json]) -> str:
    """The type in words: `list of text`, `integer, 0 to 100`, or the values that there are."""
    if "enum" in field:
        return " · ".join(code(_text(value)) for value in field["enum"])
    for several in ("anyOf", "oneOf"):
        if several in field:
            return " or ".join(dict.fromkeys(_type(one) for one in field[several]))
    words = field.get("x-aivp", {})
    name = field.get("type", "any value")
    if isinstance(name, list):
        return " or ".join(_type({**field, "type": one}) for one in name)
    if name == "array":
        said = f"{'set' if words.get('set') else 'list'} of {_type(field.get('items', {}))}"
    elif name == "object":
        values = field.get("additionalProperties")
        said = f"mapping to {_type(values)}" if isinstance(values, Mapping) and values else "mapping"
    elif "refers" in words:
        said = f"reference to {code(words['refers']['kind'])}, or its {code(words['refers']['field'])}"
    else:
        said = str({"string": words.get("semantic", "text"), "boolean": "true or false"}.get(name, name))
    return said + _bounds(field)


def _bounds(field: Mapping[str, Json]) -> str:
    low, high = field.get("minimum"), field.get("maximum")
    if low is not None and high is not None:
        return f", {low} to {high}"
    return f", at least {low}" if low is not None else f", at most {high}" if high is not None else ""


def _text(value: Json) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value) or '""'
