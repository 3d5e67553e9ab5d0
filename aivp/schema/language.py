"""Installed providers → the whole language as shapes: `root` for aivp.yaml, `document` for every other file."""

from __future__ import annotations

from collections.abc import Mapping

from aivp_contract.manifest import Kind, Manifest

from aivp.compile.reserved import IN_DEFAULTS
from aivp.config.requirements import LANGUAGE
from aivp.config.sections import MAPS, ROOT_ONLY
from aivp.model.address import NAME
from aivp.schema.kinds import apart_of, configuration_of, conflicts_of, fields_of, snippet_of
from aivp.schema.parts import CONDITION, GROUP, SECRET, STATE, host, reserved, types, whole
from aivp.schema.shape import (
    Anything,
    Flag,
    Language,
    ListOf,
    Literal,
    Map,
    Named,
    Shape,
    Snippet,
    Text,
    optional,
    patched,
    referring,
)


def language(manifests: Mapping[str, Manifest]) -> Language:
    """The language with the kinds of these providers (name → manifest)."""
    kinds = {name: kind for item in manifests.values() for name, kind in item.kinds.items()}
    kinds = dict(sorted(kinds.items()))
    shapes: dict[str, Shape] = {**types(), "condition": CONDITION, "host": host(), "group": GROUP, "secret": SECRET}
    shapes["state"] = STATE
    for name, kind in kinds.items():
        shapes[kind_name(name)] = _resource(kind)
        shapes[defaults_name(name)] = _defaults(kind)
    settings = {name: found for name, item in sorted(manifests.items()) if (found := configuration_of(item))}
    sections = _sections(kinds, settings)
    shapes |= {f"section.{name}": item for name, item in sections.items()}
    shapes["overrides"] = _overrides(sections, shapes)
    shapes["environment"] = _environment()
    named = {name: Named(f"section.{name}", note=item.note) for name, item in sections.items()}
    shapes["document"] = Map(named, note="A document of a project.")
    shapes["root"] = Map({**_root_only(), **named}, ("aivp", "project"), note="The root document of a project.")
    return Language(shapes)


def kind_name(kind: str) -> str:
    """The name of the shape of a kind's resources."""
    return f"kind.{kind.replace('/', '.')}"


def defaults_name(kind: str) -> str:
    """The name of the shape of a kind's `defaults`."""
    return f"defaults.{kind.replace('/', '.')}"


def _root_only() -> dict[str, Shape]:
    versions = Map(rest={NAME: Text()}, is_optional=True, note='Versions of providers, such as {host: ">=0.1"}.')
    found: dict[str, Shape] = {
        "aivp": Literal((LANGUAGE,), note="The version of the language."),
        "project": Text(whole(NAME), note="The name of the project; hosts remember it."),
        "requires": Map(
            {"aivp": Text(note='A version of aivp, such as ">=0.1".'), "providers": versions},
            is_optional=True,
            note="Which versions the project needs.",
        ),
        "environments": Map(
            rest={NAME: Named("environment")},
            is_optional=True,
            note="Named variants of the project; where these are, -e NAME is required.",
        ),
        "state": Named("state"),
    }
    assert found.keys() == set(ROOT_ONLY)
    return found


def _sections(kinds: Mapping[str, Kind], settings: Mapping[str, Map]) -> dict[str, Map | ListOf]:
    found: dict[str, Map | ListOf] = {
        "include": ListOf(Text(least=1), note="YAML files and globs; a folder is one CUE package."),
        "variables": _named("variable", "Inputs of the project: name → type and default.", _VARIABLE),
        "values": Map(rest={NAME: Anything()}, note="Named locals: ${values.NAME}."),
        "defaults": Map(
            {name: Named(defaults_name(name)) for name in kinds},
            note="Fields per kind where a resource does not say them.",
        ),
        "secrets": _named("secret", "Secrets: name → where the value comes from.", _SECRET),
        "hosts": _named("host", "Hosts: name → how each is reached.", _HOST),
        "groups": _named("group", "Groups of hosts, by list or by label."),
        "resources": Map(
            rest={rf"{name}\.{NAME}": Named(kind_name(name)) for name in kinds},
            snippets=tuple(snippet_of(kind) for kind in kinds.values()),
            note="What is declared: kind.name → fields.",
        ),
        "providers": Map(dict(settings), note="What providers are started with."),
        "moved": _entries({"from": "The old address.", "to": "The new address."}, "Renamed resources."),
        "import": ListOf(
            Map(
                {
                    "address": referring(Text(note="The resource.")),
                    "identity": Anything(note="The real thing: a text, or the identity fields."),
                },
                ("address", "identity"),
            ),
            note="Real things that resources are bound to.",
        ),
        "removed": ListOf(
            Map(
                {
                    "address": referring(Text(note="What is no longer declared.")),
                    "destroy": Flag(can_refer=True, note="Delete the real thing; else it is forgotten."),
                },
                ("address",),
            ),
            note="What becomes of resources that are gone.",
        ),
    }
    return {name: optional(item) for name, item in found.items()}


def _named(shape: str, note: str, *snippets: Snippet) -> Map:
    return Map(rest={NAME: Named(shape)}, note=note, snippets=snippets)


_VARIABLE = Snippet("NAME", "A variable.", {"${1:name}": {"type": "${2:string}", "default": "${3:value}"}})
_SECRET = Snippet("NAME", "A secret.", {"${1:name}": {"env": "${2:NAME}"}})
_HOST = Snippet("NAME", "A host.", {"${1:name}": {"transport": "${2|local,ssh,exec|}"}})


def _entries(members: Mapping[str, str], note: str) -> ListOf:
    shapes: dict[str, Shape] = {name: referring(Text(note=text)) for name, text in members.items()}
    return ListOf(Map(shapes, tuple(members)), note=note)


def _resource(kind: Kind) -> Map:
    members = {**reserved(), **fields_of(kind)}
    if kind.placement == "controller":
        members["host"] = Literal((None,), note="It is served on the controller, so it has no host.")
    return Map(members, note=kind.description, is_optional=True, apart=apart_of(kind), conflicts=conflicts_of(kind))


def _defaults(kind: Kind) -> Map:
    treatment = reserved()
    members: dict[str, Shape] = {name: treatment[name] for name in IN_DEFAULTS}
    return Map({**members, **fields_of(kind)}, is_optional=True, note=f"Where a {kind.name} does not say them.")


def _environment() -> Map:
    return Map(
        {
            "include": Named("section.include", note="Files of this environment only."),
            "set": Map(others=Anything(), is_optional=True, note="Values of variables."),
            "overrides": Named("overrides", note="Changes of what is declared (RFC 7396)."),
            "state": Named("state"),
        },
        is_optional=True,
        note="A named variant of the project.",
    )


def _overrides(sections: Mapping[str, Map | ListOf], shapes: Mapping[str, Shape]) -> Map:
    """Per section of maps the patches of what is in it; a part that a patch cannot cut is referred to."""
    found: dict[str, Shape] = {}
    for name in MAPS:
        section = sections[name]
        if name != "variables" and isinstance(section, Map):
            members = {key: _patch(item, shapes) for key, item in section.members.items()}
            rest = {key: _patch(item, shapes) for key, item in section.rest.items()}
            found[name] = Map(members, rest=rest, note=section.note, is_optional=True)
    return Map(found, is_optional=True, note="Changes of what is declared (RFC 7396); null takes something away.")


def _patch(shape: Shape, shapes: Mapping[str, Shape]) -> Shape:
    """A named shape stays where its patch says the same, so that no kind is written down twice for nothing."""
    if not isinstance(shape, Named):
        return patched(shape)
    inner = shapes[shape.name]
    done = patched(inner)
    return optional(shape) if done == optional(inner) else done
